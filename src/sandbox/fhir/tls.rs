//! TLS of the simulated server: its certificate, and whose clients it lets in.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::FhirServerError;

/// Certificates and keys, PEM.
pub struct TlsFiles {
    /// The server's chain, its own certificate first.
    pub chain_pem: Vec<u8>,
    pub key_pem: Vec<u8>,
    /// If given, a client must bring a certificate of one of these authorities.
    pub client_authorities_pem: Option<Vec<u8>>,
}

/// What turns connections into TLS connections.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, FhirServerError> {
    let wrong = |error: &dyn std::fmt::Display| FhirServerError::Tls(error.to_string());
    let chain = certificates(&files.chain_pem)?;
    let key = PrivateKeyDer::from_pem_slice(&files.key_pem).map_err(|error| wrong(&error))?;
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?;
    let builder = match &files.client_authorities_pem {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(pem)? {
                roots.add(authority).map_err(|error| wrong(&error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| wrong(&error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let config = builder.with_single_cert(chain, key).map_err(|error| wrong(&error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, FhirServerError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    read.map_err(|error| FhirServerError::Tls(error.to_string()))
}

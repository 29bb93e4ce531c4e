//! A simulated PDND with INPS as its one client: gives the vouchers that the offered routes
//! of a configuration ask for.

use std::net::SocketAddr;
use std::path::Path;

use super::clock::Clock;
use super::inps::{Inps, InpsConfig, InpsError, Script, Voucher};
use super::token_service::{Grant, KnownClient, TokenService, TokenServiceConfig, TokenServiceError};
use crate::trust::jwks::KeySet;
use crate::trust::signing::SigningKey;

/// The simulated INPS's client id at the simulated platform.
const CLIENT_ID: &str = "6f1c0f6a-3c55-4d0f-9d6c-0a5f7e9b1c11";
/// What assertions name as their audience.
const AUDIENCE: &str = "auth.sandbox.raccordo.example/client-assertion";
/// SIUSS vouchers are suggested to live 1440 minutes.
const LIFETIME_S: i64 = 86_400;

/// What one offered route asks of a voucher, as the configuration says it.
#[derive(Clone, Debug)]
pub struct Entitlement {
    pub route: String,
    pub audience: String,
    pub eservice_id: String,
    pub producer_id: String,
    pub descriptor_id: String,
    pub consumer_id: String,
    pub purpose_id: String,
}

/// The simulated platform and the key of its one client.
pub struct Platform {
    service: TokenService,
    entitlements: Vec<Entitlement>,
    client_key: SigningKey,
}

impl Platform {
    /// Starts the token service; vouchers carry `issuer`.
    pub async fn start(
        bind: SocketAddr,
        issuer: &str,
        entitlements: Vec<Entitlement>,
        clock: Clock,
    ) -> Result<Self, TokenServiceError> {
        let client_key = SigningKey::generate()?;
        let keys = KeySet::parse(&client_key.jwks(), 0).unwrap_or_else(|_| KeySet::empty());
        let grants = entitlements.iter().map(grant).collect();
        let client = KnownClient { client_id: CLIENT_ID.to_owned(), keys, grants };
        let config = TokenServiceConfig {
            bind,
            issuer: issuer.to_owned(),
            assertion_audience: AUDIENCE.to_owned(),
            clients: vec![client],
        };
        let service = TokenService::start(config, clock).await?;
        Ok(Self { service, entitlements, client_key })
    }

    /// Where the platform's public keys are.
    pub fn jwks_url(&self) -> String {
        self.service.jwks_url()
    }

    /// The token service itself, to mint vouchers good and bad.
    pub fn service(&self) -> &TokenService {
        &self.service
    }

    /// What a route asks of a voucher, as a grant.
    pub fn grant_of(&self, route: &str) -> Option<Grant> {
        self.entitlements.iter().find(|entitlement| entitlement.route == route).map(grant)
    }

    /// A simulated INPS that polls one route.
    pub fn inps(
        &self,
        route: &str,
        base_url: &str,
        script: Script,
        book: Option<&Path>,
        clock: Clock,
    ) -> Result<Inps, InpsError> {
        let purpose = self.grant_of(route).map(|grant| grant.purpose_id).unwrap_or_default();
        let voucher = Voucher {
            token_url: self.service.token_url(),
            audience: AUDIENCE.to_owned(),
            client_id: CLIENT_ID.to_owned(),
            purpose_id: purpose,
            key: self.client_key.clone(),
        };
        let config =
            InpsConfig { base_url: base_url.to_owned(), voucher, script, book: book.map(Path::to_path_buf) };
        Inps::new(config, clock)
    }
}

fn grant(entitlement: &Entitlement) -> Grant {
    Grant {
        purpose_id: entitlement.purpose_id.clone(),
        audience: entitlement.audience.clone(),
        eservice_id: entitlement.eservice_id.clone(),
        producer_id: entitlement.producer_id.clone(),
        descriptor_id: entitlement.descriptor_id.clone(),
        consumer_id: entitlement.consumer_id.clone(),
        lifetime_s: LIFETIME_S,
    }
}

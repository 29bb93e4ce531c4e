//! Certificates that do not match: nothing was sent, nobody's record is to blame, and the code says
//! what to check without naming an address.

use std::path::Path;
use std::process::Command;

use raccordo::channel::push::HttpSettings;
use raccordo::sandbox::clock;
use raccordo::sandbox::fhir::{FhirServer, FhirServerConfig, Script, TlsFiles};

use super::{NOW, code, courier_with, parcel, shape, three};

/// Certificates made for one test, by openssl.
struct Authority {
    directory: tempfile::TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let authority = Self { directory: tempfile::tempdir().unwrap() };
        authority.openssl(&format!("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30 \
            -subj /CN={name} -keyout authority.key -out authority.pem -addext basicConstraints=critical,CA:TRUE"));
        authority
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn openssl(&self, arguments: &str) {
        let run =
            Command::new("openssl").args(arguments.split_whitespace()).current_dir(self.path()).output();
        let run = run.expect("openssl must be installed");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }

    /// A certificate for a name, and its key: PEM.
    fn certificate(&self, file: &str, name: &str) -> (Vec<u8>, Vec<u8>) {
        self.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30 -subj /CN={file} \
            -keyout {file}.key -out {file}.pem -CA authority.pem -CAkey authority.key \
            -addext subjectAltName={name} -addext basicConstraints=critical,CA:FALSE"
        ));
        (self.read(&format!("{file}.pem")), self.read(&format!("{file}.key")))
    }

    fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.path().join(file)).unwrap()
    }
}

async fn server(tls: TlsFiles) -> FhirServer {
    let plain = FhirServerConfig::new(([127, 0, 0, 1], 0).into(), Script::default(), None);
    FhirServer::start(FhirServerConfig { tls: Some(tls), ..plain }, clock::fixed(NOW)).await.unwrap()
}

async fn delivered(server: &FhirServer, settings: HttpSettings) -> (&'static str, String) {
    let outcome = courier_with(&server.base_url(), settings).deliver(&parcel(&three()), NOW).await;
    let code = code(&outcome);
    assert!(!code.contains("127.0.0.1") && !code.contains("altrove"), "{code}");
    (shape(&outcome).0, code)
}

#[tokio::test]
async fn both_sides_must_know_each_other() {
    let (ours, foreign) = (Authority::new("nostra"), Authority::new("altrui"));
    let (chain_pem, key_pem) = ours.certificate("server", "IP:127.0.0.1");
    let server =
        server(TlsFiles { chain_pem, key_pem, client_authorities_pem: Some(ours.read("authority.pem")) })
            .await;
    let with = |client: Option<(Vec<u8>, Vec<u8>)>, authority: &Authority| HttpSettings {
        authorities_pem: Some(authority.read("authority.pem")),
        identity_pem: client.map(|(chain, key)| [chain, key].concat()),
        ..HttpSettings::default()
    };
    let known = || ours.certificate("client", "DNS:ente.example");
    let stranger = || foreign.certificate("client", "DNS:ente.example");
    assert_eq!(delivered(&server, with(Some(known()), &ours)).await.0, "answered");
    for (settings, who) in [
        (with(Some(known()), &foreign), "an authority that we do not know"),
        (with(Some(stranger()), &ours), "a client that it does not know"),
        (with(None, &ours), "a client without a certificate"),
    ] {
        let (word, code) = delivered(&server, settings).await;
        // Where the alert is lost behind a reset, what was sent is not known, and is asked for.
        assert!(
            word == "unavailable" || (word == "uncertain" && code == "the connection broke"),
            "{who}: {word} {code}"
        );
        assert!(word == "uncertain" || code.contains("certificates"), "{who}: {code}");
    }
    assert_eq!(server.book().commits(), 1, "only the first was let in");
}

#[tokio::test]
async fn a_certificate_of_another_host_is_not_taken() {
    let ours = Authority::new("nostra");
    let (chain_pem, key_pem) = ours.certificate("server", "DNS:altrove.example");
    let server = server(TlsFiles { chain_pem, key_pem, client_authorities_pem: None }).await;
    let settings =
        HttpSettings { authorities_pem: Some(ours.read("authority.pem")), ..HttpSettings::default() };
    let (word, code) = delivered(&server, settings).await;
    assert_eq!(word, "unavailable", "{code}");
    assert!(code.contains("certificates"), "{code}");
    assert_eq!(server.book().commits(), 0);
}

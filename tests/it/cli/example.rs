//! The configuration that operators start from loads, once its placeholders are filled.

use std::path::Path;
use std::process::Command;

use super::raccordo;
use crate::serving::secret;

/// A key and a certificate of its own, in one file that only its owner may read.
fn identity(path: &Path) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=ente.example", "-keyout", "-", "-out", "-"])
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    secret(path, &String::from_utf8(made.stdout).unwrap());
}

/// The example with what it leaves to be replaced.
fn filled(at: &Path, text: &str) {
    let jwks = raccordo::trust::signing::SigningKey::generate().unwrap().jwks();
    std::fs::write(at.join("jwks.json"), jwks).unwrap();
    std::fs::create_dir(at.join("secrets")).unwrap();
    secret(&at.join("secrets/H501"), "XXXYYY80A01H501D\n");
    secret(&at.join("secrets/H501-sinba.key"), &"5a".repeat(32));
    identity(&at.join("secrets/fse-identity.pem"));
    let here = |path: &str| at.join(path).display().to_string();
    let text = text
        .replace("\"/var/lib/raccordo\"", &format!("{:?}", here("data")))
        .replace("/var/lib/raccordo/outbox", &here("outbox"))
        .replace("https://interop.pagopa.it/.well-known/jwks.json", &here("jwks.json"))
        .replace("127.0.0.1:8780", "127.0.0.1:0")
        .replace("127.0.0.1:8781", "127.0.0.1:0");
    assert!(!text.contains("/var/lib"));
    std::fs::write(at.join("raccordo.toml"), text).unwrap();
}

fn example() -> String {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/production.example.toml");
    std::fs::read_to_string(example).expect("the example")
}

#[test]
fn the_production_example_loads_and_serves() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    filled(at, &example());
    let told = raccordo(at, &["doctor"]).exit(0);
    assert!(!told.out.contains("WRONG"), "{}", told.out);
    let settings = raccordo::node::config::load(Some(&at.join("raccordo.toml"))).unwrap();
    assert!(settings.route.len() == 3 && settings.api.tokens.len() == 1);
    raccordo(at, &["routes", "list"]).exit(0);
}

#[test]
fn the_facts_of_a_flow_without_a_route_need_no_acceptance() {
    let text = example().replace(", \"fhir-social-care/r4-1\"", "");
    let (before, rest) = text.split_once("# A Region's FHIR server").unwrap();
    let (route, after) = rest.split_once("# Work is durable").unwrap();
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), &format!("{before}# Work is durable{after}"));
    raccordo(dir.path(), &["routes", "list"]).exit(0);
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), &format!("{before}# A Region's FHIR server{route}# Work is durable{after}"));
    let told = raccordo(dir.path(), &["routes", "list"]).exit(2);
    assert!(told.err.contains("fhir-social-care/r4-1"), "{}", told.err);
}

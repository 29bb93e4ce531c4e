//! The configuration that operators start from loads, once its placeholders are filled.

use std::path::Path;

use super::raccordo;
use crate::serving::secret;

#[test]
fn the_production_example_loads_and_serves() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/production.example.toml");
    let text = std::fs::read_to_string(example).expect("the example");
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let jwks = raccordo::trust::signing::SigningKey::generate().unwrap().jwks();
    std::fs::write(at.join("jwks.json"), jwks).unwrap();
    std::fs::create_dir(at.join("secrets")).unwrap();
    secret(&at.join("secrets/H501"), "XXXYYY80A01H501D\n");
    let here = |path: &str| at.join(path).display().to_string();
    let text = text
        .replace("\"/var/lib/raccordo\"", &format!("{:?}", here("data")))
        .replace("/var/lib/raccordo/outbox", &here("outbox"))
        .replace("https://interop.pagopa.it/.well-known/jwks.json", &here("jwks.json"))
        .replace("127.0.0.1:8780", "127.0.0.1:0")
        .replace("127.0.0.1:8781", "127.0.0.1:0");
    assert!(!text.contains("/var/lib"));
    std::fs::write(at.join("raccordo.toml"), text).unwrap();
    let told = raccordo(at, &["doctor"]).exit(0);
    assert!(!told.out.contains("WRONG"), "{}", told.out);
    let settings = raccordo::node::config::load(Some(&at.join("raccordo.toml"))).unwrap();
    assert!(settings.route.len() == 2 && settings.api.tokens.len() == 1);
    raccordo(at, &["routes", "list"]).exit(0);
}

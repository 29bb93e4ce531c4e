//! `doctor`: what is wrong with an installation, each thing with what to do.

use std::os::unix::fs::PermissionsExt;

use super::raccordo;
use crate::serving::configure;

struct Installation(tempfile::TempDir);

impl Installation {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let jwks = dir.path().join("jwks.json");
        let key = raccordo::trust::signing::SigningKey::generate().unwrap();
        std::fs::write(&jwks, key.jwks()).unwrap();
        configure(dir.path(), &jwks.display().to_string(), "");
        Self(dir)
    }

    fn replace(&self, what: &str, with: &str) {
        let path = self.0.path().join("raccordo.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(what), "{what} is not in {text}");
        std::fs::write(path, text.replacen(what, with, 1)).unwrap();
    }

    #[track_caller]
    fn wrong(&self, with: &[&str]) {
        let told = raccordo(self.0.path(), &["doctor"]).exit(1);
        let line = told.out.lines().find(|line| line.starts_with("WRONG")).unwrap_or_default();
        for word in with {
            assert!(told.out.contains(word), "{word}: {}", told.out);
        }
        assert!(line.len() > 20, "{}", told.out);
        let json = raccordo(self.0.path(), &["--json", "doctor"]).exit(1).out;
        assert!(json.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{json}");
    }
}

#[test]
fn a_sound_installation_is_told_so() {
    let it = Installation::new();
    let told = raccordo(it.0.path(), &["doctor"]).exit(0);
    assert!(told.out.contains("platform keys") && !told.out.contains("WRONG"), "{}", told.out);
}

#[test]
fn each_defect_is_named_with_its_mend() {
    let it = Installation::new();
    it.replace("[offer]", "[offer]\nlistne = \"x\"");
    it.wrong(&["raccordo.toml", "listne"]);

    let it = Installation::new();
    it.replace("[offer]", "[offer");
    it.wrong(&["raccordo.toml", "line "]);

    let it = Installation::new();
    let operator = it.0.path().join("operator");
    std::fs::set_permissions(&operator, std::fs::Permissions::from_mode(0o644)).unwrap();
    it.wrong(&["can be read by others", "chmod 600"]);

    let it = Installation::new();
    std::fs::remove_file(it.0.path().join("operator")).unwrap();
    it.wrong(&["operator"]);

    let it = Installation::new();
    let path = it.0.path().join("raccordo.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("[route.voucher]").unwrap();
    let (_, after) = rest.split_once("[[ente]]").unwrap();
    std::fs::write(&path, format!("{before}[[ente]]{after}")).unwrap();
    it.wrong(&["waas-H501", "[route.voucher]"]);

    let it = Installation::new();
    it.replace("enti = [\"H501\"]\n[route.voucher]", "enti = [\"A001\"]\n[route.voucher]");
    it.wrong(&["A001", "[[ente]]"]);

    let it = Installation::new();
    it.replace("id = \"waas-F205\"", "id = \"waas-H501\"");
    it.wrong(&["waas-H501", "twice"]);

    let it = Installation::new();
    std::fs::remove_file(it.0.path().join("jwks.json")).unwrap();
    it.wrong(&["route waas-H501", "keys"]);

    let it = Installation::new();
    std::fs::write(it.0.path().join("jwks.json"), r#"{"keys": []}"#).unwrap();
    it.wrong(&["route waas-F205", "keys"]);

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let it = Installation::new();
    it.replace("listen = \"127.0.0.1:0\"", &format!("listen = \"{}\"", taken.local_addr().unwrap()));
    it.wrong(&[&taken.local_addr().unwrap().to_string(), "cannot listen"]);
    raccordo(it.0.path(), &["serve"]).refused("is it taken by another process?");

    let it = Installation::new();
    std::fs::write(it.0.path().join("data"), "a file where a directory should be").unwrap();
    it.wrong(&["data directory", "cannot be written"]);
}

#[test]
fn a_configuration_that_is_not_there_is_no_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    raccordo(dir.path(), &["--config", "none.toml", "readiness"]).refused("none.toml");
    assert!(raccordo(dir.path(), &["--config", "none.toml", "doctor"]).exit(1).out.contains("none.toml"));
}

//! What every simulation begins with: an installation whose folders were saved once, copied for each.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use raccordo::flow::Catalog;
use raccordo::gateway::Gateway;
use raccordo::node;
use raccordo::sandbox::people;
use serde_json::{Value, json};

use super::ROUTES;
use super::time::Time;
use crate::chaos::random::Random;

const FOLDERS: usize = 5;
const CONFIG: &str = r#"
[[ente]]
code = "H501"
name = "Comune"
seat = "H501"
operator_file = "operator"
"#;

/// The installation as it is copied, and what does not change.
pub struct Template {
    pub folders: Vec<Value>,
    firsts: Vec<Value>,
    catalog: Arc<Catalog>,
    files: Vec<(String, Vec<u8>)>,
    operator: String,
}

impl Template {
    pub fn make(directory: &Path) -> Self {
        let operator = directory.join("operator");
        std::fs::write(&operator, "XXXYYY80A01H501D\n").unwrap();
        std::fs::set_permissions(&operator, PermissionsExt::from_mode(0o600)).unwrap();
        let catalog = Arc::new(node::load_catalog().map_err(|error| error.to_string()).unwrap());
        let mut made = Self {
            folders: Vec::new(),
            firsts: Vec::new(),
            catalog,
            files: Vec::new(),
            operator: operator.display().to_string(),
        };
        let time = Time::default();
        let config = made.lay(directory, &mut Random::new(1));
        let gateway = made.open(&config, &time);
        let today = raccordo::gateway::Clock::today(&time);
        let register = made.catalog.find(ROUTES[1].flow).unwrap().register().to_owned();
        let agrees = |folder: &Value| {
            let list = folder["consensi"].as_array().cloned().unwrap_or_default();
            list.iter().any(|one| one["destinatario"] == register.as_str() && one["prestato"] == true)
        };
        let people = people::generate(400, 7, 0.0, &["H501"], today).map(|made| made.folder);
        for mut folder in people.filter(agrees).take(FOLDERS) {
            folder["versione"] = json!(1);
            gateway.save_bytes(folder.to_string().as_bytes(), "simulation").unwrap();
            made.folders.push(folder);
        }
        assert_eq!(made.folders.len(), FOLDERS);
        made.firsts = made.folders.clone();
        drop(gateway);
        for entry in std::fs::read_dir(directory.join("data")).unwrap().flatten() {
            if entry.file_type().unwrap().is_file() {
                let name = entry.file_name().to_string_lossy().into_owned();
                made.files.push((name, std::fs::read(entry.path()).unwrap()));
            }
        }
        made
    }

    /// Lays a copy into a directory, with settings of the seed's choice.
    pub fn lay(&self, directory: &Path, random: &mut Random) -> PathBuf {
        let data = directory.join("data");
        std::fs::create_dir_all(&data).unwrap();
        for (name, bytes) in &self.files {
            let path = data.join(name);
            std::fs::write(&path, bytes).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        }
        let mut text = format!("data = {:?}\n{}", data.display().to_string(), CONFIG);
        text = text.replace("\"operator\"", &format!("{:?}", self.operator));
        for route in &ROUTES {
            let register = self.catalog.find(route.flow).unwrap().register();
            text.push_str(&format!(
                "[[register]]\nname = \"{register}\"\nhold_cancels_above = 1000000\n\
                 [[route]]\nid = \"{}\"\nregister = \"{register}\"\nchannel = \"push\"\nenti = [\"H501\"]\nmax_records = {}\n\
                 [route.push]\nprotocol = \"simulated\"\nurl = \"http://127.0.0.1:9/\"\nconcurrency = {}\n\
                 total_timeout_ms = 30000\n\
                 retry = {{ first_s = {}, longest_s = {}, jitter = 0.0, attempts = 1000000, questions = 1000000 }}\n\
                 breaker = {{ failures = {}, pause_s = {} }}\n",
                route.id,
                random.within(1..7),
                random.within(1..4),
                random.pick(&["0.05", "1.0", "5.0"]),
                random.pick(&["5.0", "30.0"]),
                random.within(2..20),
                random.pick(&["0.5", "10.0"]),
            ));
        }
        let config = directory.join("raccordo.toml");
        std::fs::write(&config, text).unwrap();
        config
    }

    /// A process begins.
    pub fn open(&self, config: &Path, time: &Time) -> Arc<Gateway> {
        let settings = node::config::load(Some(config)).unwrap();
        Arc::new(Gateway::open(settings, Arc::clone(&self.catalog), Box::new(time.clone())).unwrap())
    }

    /// What a process that dies now leaves on its disk, in another directory.
    pub fn image(config: &Path, directory: &Path) -> PathBuf {
        let (from, data) = (config.with_file_name("data"), directory.join("data"));
        std::fs::create_dir_all(&data).unwrap();
        for entry in std::fs::read_dir(&from).unwrap().flatten() {
            if entry.file_type().unwrap().is_file() && !entry.file_name().to_string_lossy().ends_with("-shm")
            {
                std::fs::copy(entry.path(), data.join(entry.file_name())).unwrap();
            }
        }
        let text = std::fs::read_to_string(config).unwrap();
        let text = text.replace(&from.display().to_string(), &data.display().to_string());
        let config = directory.join("raccordo.toml");
        std::fs::write(&config, text).unwrap();
        config
    }

    /// An annulment or its withdrawal, another fee, all as it was at first, or nothing at all.
    pub fn change(&self, folder: &mut Value, number: usize, random: &mut Random) {
        let first = &self.firsts[number]["interventi"][0];
        let now = &mut folder["interventi"][0];
        match random.within(0..10) {
            0..4 => now["quota_richiesta"] = json!(random.pick(&["512.00", "100.00", "77.50", "18.20"])),
            4..7 if now["stato"] == "annullato" => now["stato"] = first["stato"].clone(),
            4..7 => now["stato"] = json!("annullato"),
            7..9 => *now = first.clone(),
            _ => {}
        }
    }
}

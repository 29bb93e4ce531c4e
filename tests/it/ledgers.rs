//! Which ledger the suite runs over: SQLite, or, where `RACCORDO_LEDGER` says `postgres`, the server
//! that `make test` started in the directory `RACCORDO_POSTGRES`, with a schema of its own for each
//! installation. No test knows which.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::{Path, PathBuf};

use raccordo::gateway::Settings;
use raccordo::gateway::settings::LedgerSettings;
use raccordo::ledger::Books;
use raccordo::ledger::sql::Connection;
use raccordo::ledger::sql::postgres::{Place, Server};
use raccordo::node;

pub fn is_shared() -> bool {
    std::env::var("RACCORDO_LEDGER").is_ok_and(|kind| kind == "postgres")
}

/// The directory of the private server.
pub fn server() -> PathBuf {
    let directory = std::env::var_os("RACCORDO_POSTGRES");
    PathBuf::from(directory.expect("RACCORDO_POSTGRES: `make test` starts a server and says where"))
}

/// The configuration of an installation, over the ledger of this run. Its file says so too, for commands.
pub fn load(config: &Path) -> Settings {
    let settings = node::config::load(Some(config)).unwrap();
    if !is_shared() || settings.ledger.is_shared() {
        return settings;
    }
    let LedgerSettings { url, password_file, .. } = on(&server(), Path::new(&settings.data));
    let text = std::fs::read_to_string(config).unwrap();
    let ledger = format!("\n[ledger]\nurl = {url:?}\npassword_file = {password_file:?}\n");
    std::fs::write(config, text + &ledger).unwrap();
    node::config::load(Some(config)).unwrap()
}

/// The books of a directory, over the ledger of this run.
pub fn books(directory: &Path) -> Books {
    let ledger = if is_shared() { on(&server(), directory) } else { none() };
    ledger.open(directory, |_| Ok(())).unwrap()
}

const fn none() -> LedgerSettings {
    LedgerSettings { url: String::new(), password_file: String::new(), authorities_file: String::new() }
}

/// The ledger of an installation's directory on a server: the same one each time it is opened.
pub fn on(server: &Path, directory: &Path) -> LedgerSettings {
    let read = |file: &str| std::fs::read_to_string(server.join(file)).unwrap().trim().to_owned();
    let (url, password) = (read("url"), read("password"));
    let schema = format!("t{:x}", BuildHasherDefault::<DefaultHasher>::default().hash_one(directory));
    let base = Server::new(&Place { url: url.clone(), password, authorities: String::new() }).unwrap();
    Connection::to(&base).batch(&format!("CREATE SCHEMA IF NOT EXISTS {schema}")).unwrap();
    LedgerSettings {
        url: format!("{url}?options=-csearch_path%3D{schema}"),
        password_file: server.join("password").display().to_string(),
        ..none()
    }
}

//! Reads the configuration: the embedded defaults, over them a file, over both the environment.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use toml::{Table, Value};

use super::flows;
use crate::gateway::Settings;
use crate::gateway::settings::Ente;
use crate::mapping::keyed::{KeyState, Keys, PseudonymKey};
use crate::personal::Personal;

/// Every key with its default and a comment.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");
const PREFIX: &str = "RACCORDO__";

/// A configuration that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the configuration {path} cannot be read: {source}")]
    Unreadable { path: String, source: std::io::Error },
    #[error("the configuration {path} is not valid: {why}")]
    Invalid { path: String, why: String },
    #[error("the configuration does not fit together:\n  {}", .0.join("\n  "))]
    Defects(Vec<String>),
    #[error("{path} holds no key: 64 hexadecimal digits are expected (`openssl rand -hex 32`)")]
    NoKey { path: String },
    #[error("{path} can be read by others: it holds personal data, so run `chmod 600 {path}`")]
    OpenSecret { path: String },
}

/// Loads the configuration of a process.
pub fn load(file: Option<&Path>) -> Result<Settings, ConfigError> {
    let environment = std::env::vars().filter(|(name, _)| name.starts_with(PREFIX));
    let mut settings = merge(file, environment)?;
    let base = file.and_then(Path::parent).unwrap_or_else(|| Path::new("."));
    settings.queue.files_from(base);
    settings.alerts.files_from(base);
    settings.ledger.files_from(base);
    settings.flows = match flows::chosen() {
        Some(chosen) => chosen.display().to_string(),
        None => below(base, &settings.flows),
    };
    for ente in &mut settings.ente {
        if !ente.operator_file.is_empty() {
            ente.operator = Some(secret(&base.join(&ente.operator_file))?);
        }
        ente.secrets = Arc::new(keys(ente, base)?);
    }
    if let Some(oidc) = settings.api.oidc.as_mut().filter(|oidc| !oidc.client_secret_file.is_empty()) {
        oidc.client_secret = Some(secret(&base.join(&oidc.client_secret_file))?);
    }
    let files = settings.route.iter_mut().filter_map(|route| route.push.as_mut());
    let files =
        files.flat_map(|push| [&mut push.identity_file, &mut push.authorities_file, &mut push.token_file]);
    for file in files.filter(|file| !file.is_empty()) {
        *file = base.join(&*file).display().to_string();
    }
    let defects = settings.defects();
    if defects.is_empty() { Ok(settings) } else { Err(ConfigError::Defects(defects)) }
}

/// The keys of an ente.
fn keys(ente: &Ente, base: &Path) -> Result<Keys, ConfigError> {
    let mut keys = Keys::default();
    for (name, file) in &ente.keys {
        let path = base.join(file);
        let key = PseudonymKey::from_hex(secret(&path)?.expose());
        let key = key.ok_or_else(|| ConfigError::NoKey { path: path.display().to_string() })?;
        keys.0.insert(name.clone(), KeyState::Ready(key));
    }
    Ok(keys)
}

/// The directory of flows that a configuration names. A file that is not there names none: commands
/// that need a configuration say so themselves.
pub(super) fn flows(file: &Path) -> Result<String, ConfigError> {
    if !file.is_file() {
        return Ok(String::new());
    }
    let environment = std::env::vars().filter(|(name, _)| name.starts_with(PREFIX));
    let settings = merge(Some(file), environment)?;
    Ok(below(file.parent().unwrap_or_else(|| Path::new(".")), &settings.flows))
}

/// A path as a configuration writes it; empty stays empty.
fn below(base: &Path, path: &str) -> String {
    if path.is_empty() { String::new() } else { base.join(path).display().to_string() }
}

fn merge(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Settings, ConfigError> {
    let mut table = parse(DEFAULTS, "config/default.toml")?;
    let mut name = "the defaults and the environment".to_owned();
    if let Some(path) = file {
        name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: name.clone(), source })?;
        overlay(&mut table, parse(&text, &name)?);
    }
    for (key, value) in environment {
        let path: Vec<String> = key[PREFIX.len()..].split("__").map(str::to_lowercase).collect();
        overlay(&mut table, nested(&path, scalar(&value)));
    }
    let why =
        |error: toml::de::Error| ConfigError::Invalid { path: name.clone(), why: error.message().to_owned() };
    Value::Table(table).try_into().map_err(why)
}

fn parse(text: &str, path: &str) -> Result<Table, ConfigError> {
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(0, |span| text[..span.start].lines().count());
        ConfigError::Invalid { path: path.to_owned(), why: format!("line {line}: {}", error.message()) }
    })
}

fn overlay(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => overlay(below, above),
            (_, value) => drop(below.insert(key, value)),
        }
    }
}

fn nested(path: &[String], value: Value) -> Table {
    let (first, rest) = (path[0].clone(), &path[1..]);
    let inner = if rest.is_empty() { value } else { Value::Table(nested(rest, value)) };
    Table::from_iter([(first, inner)])
}

/// An environment value: a number or boolean where it reads as one, else text.
fn scalar(text: &str) -> Value {
    if let Ok(number) = text.parse() {
        return Value::Integer(number);
    }
    text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Boolean)
}

/// A secret of one line, readable by its owner only.
fn secret(path: &Path) -> Result<Personal<String>, ConfigError> {
    let name = path.display().to_string();
    let unreadable = |source| ConfigError::Unreadable { path: name.clone(), source };
    let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(ConfigError::OpenSecret { path: name });
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    Ok(Personal::new(text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_complete_and_every_key_is_needed() {
        assert!(merge(None, std::iter::empty()).is_ok());
        let table = parse(DEFAULTS, "defaults").unwrap();
        for key in table.keys() {
            let mut without = table.clone();
            without.remove(key);
            let read: Result<Settings, _> = Value::Table(without).try_into();
            assert!(read.is_err(), "{key} could be left out of the defaults");
        }
    }

    #[test]
    fn the_environment_lies_over_the_file() {
        let set = [("RACCORDO__API__LISTEN".to_owned(), "127.0.0.1:1".to_owned())];
        assert_eq!(merge(None, set.into_iter()).unwrap().api.listen, "127.0.0.1:1");
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let set = [("RACCORDO__API__LISTENN".to_owned(), "x".to_owned())];
        assert!(merge(None, set.into_iter()).is_err());
    }
}

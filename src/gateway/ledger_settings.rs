//! Where the ledger is, as the configuration says it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::Deserialize;

use crate::exchange::LedgerError;
use crate::ledger::{Books, Place, Tx};

/// The store of the ledger.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerSettings {
    /// `postgres://` address without a password; empty = SQLite in the data directory.
    pub url: String,
    /// File (0600) with the password; empty = none is asked for.
    pub password_file: String,
    /// Further certificate authorities, PEM.
    pub authorities_file: String,
}

impl LedgerSettings {
    /// File names are meant from the configuration's directory.
    pub fn files_from(&mut self, base: &Path) {
        for file in [&mut self.password_file, &mut self.authorities_file] {
            if !file.is_empty() {
                *file = base.join(&*file).display().to_string();
            }
        }
    }

    /// Whether several nodes may work on it.
    pub const fn is_shared(&self) -> bool {
        !self.url.is_empty()
    }

    /// The server, with what stands in files; `None` for SQLite.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] says which file cannot be used.
    pub fn place(&self) -> Result<Option<Place>, LedgerError> {
        if !self.is_shared() {
            return Ok(None);
        }
        let password = match self.password_file.as_str() {
            "" => String::new(),
            file => password(Path::new(file))?,
        };
        let authorities = match self.authorities_file.as_str() {
            "" => String::new(),
            file => read("authorities_file", Path::new(file))?,
        };
        Ok(Some(Place { url: self.url.clone(), password, authorities }))
    }

    /// Opens the books in `data`, or on the server; `first` is done before anything else.
    ///
    /// # Errors
    /// As [`Books::open`] and [`Books::connect`].
    pub fn open(
        &self,
        data: &Path,
        first: impl FnOnce(&mut Tx<'_>) -> Result<(), LedgerError>,
    ) -> Result<Books, LedgerError> {
        match self.place()? {
            None => Books::open_with(data, first),
            Some(place) => Books::connect(&place, first),
        }
    }
}

fn password(path: &Path) -> Result<String, LedgerError> {
    let mode = std::fs::metadata(path).map(|file| file.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        let why = format!("{0} can be read by others: run `chmod 600 {0}`", path.display());
        return Err(LedgerError::Refused(why));
    }
    Ok(read("password_file", path)?.trim_end_matches(['\r', '\n']).to_owned())
}

fn read(what: &str, path: &Path) -> Result<String, LedgerError> {
    let unreadable = |error| LedgerError::Refused(format!("[ledger] {what} {}: {error}", path.display()));
    std::fs::read_to_string(path).map_err(unreadable)
}

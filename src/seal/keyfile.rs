//! The key file: the one secret of an installation, made at first start.
//!
//! JSON `{"version":1,"key_id":"<16 hex>","secret":"<base64 of 32 bytes>"}`,
//! mode 0600. Whoever loses it loses every sealed value; whoever may read it
//! may read them all. So a missing file is only made when the caller says so,
//! and a file that others may read is refused.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Length of a key id.
pub const KEY_ID_BYTES: usize = 8;

/// Why the key file could not be used, and what to do.
#[derive(Debug, Error)]
pub enum KeyFileError {
    #[error(
        "key file {path}: others may read it (mode {mode:03o}); run: chmod 600 {path}, and replace the key if someone may have read it"
    )]
    ReadableByOthers { path: PathBuf, mode: u32 },
    #[error(
        "key file {path} is missing; restore it from its backup: without it nothing sealed can be opened"
    )]
    Missing { path: PathBuf },
    #[error("key file {path} is not one of this program, or is damaged; restore it from its backup")]
    Damaged { path: PathBuf },
    #[error("key file {path}: {source}")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the operating system gave no random bytes for the key file")]
    NoRandomness,
}

/// The master secret; only [`super::Sealer`] reads it, nothing prints it.
pub struct MasterKey {
    id: [u8; KEY_ID_BYTES],
    secret: [u8; 32],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    key_id: String,
    secret: String,
}

impl MasterKey {
    /// A fresh key that is in no file (for tests and rehearsals).
    pub fn generate() -> Result<Self, KeyFileError> {
        let (mut id, mut secret) = ([0_u8; KEY_ID_BYTES], [0_u8; 32]);
        rand::fill(&mut id).map_err(|_| KeyFileError::NoRandomness)?;
        rand::fill(&mut secret).map_err(|_| KeyFileError::NoRandomness)?;
        Ok(Self { id, secret })
    }

    /// Loads the key file; a missing one is an error, for a ledger that already exists.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let metadata = fs::metadata(path).map_err(|source| unreadable(path, source))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::ReadableByOthers { path: path.to_owned(), mode });
        }
        let text = fs::read(path).map_err(|source| unreadable(path, source))?;
        parse(&text).ok_or_else(|| KeyFileError::Damaged { path: path.to_owned() })
    }

    /// Loads the key file, or makes it at first start. Never overwrites one: of
    /// two processes that start together, the second loads what the first made.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyFileError> {
        match Self::load(path) {
            Err(KeyFileError::Missing { .. }) => {}
            other => return other,
        }
        let master = Self::generate()?;
        master.store(path).map_err(|source| unreadable(path, source))?;
        Self::load(path)
    }

    /// The id that stored keys name.
    pub fn key_id(&self) -> [u8; KEY_ID_BYTES] {
        self.id
    }

    pub(super) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// Writes a temporary file and links it to its name: as atomic as a rename,
    /// but it fails rather than replace a key that appeared meanwhile.
    fn store(&self, path: &Path) -> io::Result<()> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let temporary = folder.join(format!(".key-{}.tmp", hexadecimal(&self.id)));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let written = self.text().and_then(|text| file.write_all(&text)).and_then(|()| file.sync_all());
        let linked = written.and_then(|()| match fs::hard_link(&temporary, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        });
        fs::remove_file(&temporary)?;
        linked?;
        File::open(folder)?.sync_all()
    }

    fn text(&self) -> io::Result<Vec<u8>> {
        let stored =
            Stored { version: 1, key_id: hexadecimal(&self.id), secret: STANDARD.encode(self.secret) };
        let mut text = serde_json::to_vec(&stored)?;
        text.push(b'\n');
        Ok(text)
    }
}

fn parse(text: &[u8]) -> Option<MasterKey> {
    let stored: Stored = serde_json::from_slice(text).ok()?;
    if stored.version != 1 || stored.key_id.len() != 2 * KEY_ID_BYTES {
        return None;
    }
    let id = u64::from_str_radix(&stored.key_id, 16).ok()?.to_be_bytes();
    let secret = STANDARD.decode(stored.secret).ok()?.try_into().ok()?;
    Some(MasterKey { id, secret })
}

fn unreadable(path: &Path, source: io::Error) -> KeyFileError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing { path },
        _ => KeyFileError::Unreadable { path, source },
    }
}

/// Lower-case hexadecimal text of some bytes.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Where mappings and schemas are read from: the binary itself, or a directory.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// A tree of files, addressed by paths with `/` below its root.
pub trait Files {
    /// All files below `folder` (e.g. `mappings`), sorted.
    fn list(&self, folder: &str) -> Vec<String>;
    /// The content of a file, if there is one.
    fn read(&self, path: &str) -> Option<Cow<'_, [u8]>>;

    /// The content as UTF-8 text.
    fn text(&self, path: &str) -> Option<String> {
        String::from_utf8(self.read(path)?.into_owned()).ok()
    }
}

#[derive(rust_embed::RustEmbed)]
#[folder = "mappings/"]
struct Mappings;

#[derive(rust_embed::RustEmbed)]
#[folder = "schemas/"]
struct Schemas;

/// The files that travel in the binary.
pub struct Embedded;

impl Files for Embedded {
    fn list(&self, folder: &str) -> Vec<String> {
        let mappings = Mappings::iter().map(|path| format!("mappings/{path}"));
        let schemas = Schemas::iter().map(|path| format!("schemas/{path}"));
        let below = format!("{folder}/");
        let mut found: Vec<_> = mappings.chain(schemas).filter(|path| path.starts_with(&below)).collect();
        found.sort();
        found
    }

    fn read(&self, path: &str) -> Option<Cow<'_, [u8]>> {
        let file = match path.split_once('/')? {
            ("mappings", rest) => Mappings::get(rest),
            ("schemas", rest) => Schemas::get(rest),
            _ => None,
        };
        file.map(|file| file.data)
    }
}

/// A working directory with `mappings/`, `schemas/` and `fixtures/`.
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl Files for Directory {
    fn list(&self, folder: &str) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.root.join(folder), &self.root, &mut found);
        found.sort();
        found
    }

    fn read(&self, path: &str) -> Option<Cow<'_, [u8]>> {
        std::fs::read(self.root.join(path)).ok().map(Cow::Owned)
    }
}

fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, root, found);
        } else if let Ok(below) = path.strip_prefix(root) {
            found.push(below.to_string_lossy().replace('\\', "/"));
        }
    }
}

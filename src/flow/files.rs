//! Where mappings and schemas are read from: the binary itself, a directory, or a directory
//! laid over the binary.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A tree of files, addressed by paths with `/` below its root.
pub trait Files {
    /// All files below `folder` (e.g. `mappings`), sorted.
    fn list(&self, folder: &str) -> Vec<String>;
    /// The content of a file, if there is one.
    fn read(&self, path: &str) -> Option<Cow<'_, [u8]>>;

    /// Whether a flow must bring fixtures: it comes from where fixtures are kept.
    fn wants_fixtures(&self, _flow: &str) -> bool {
        !self.list("fixtures").is_empty()
    }

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

/// The flows of a directory laid over those of the binary.
///
/// A version that the directory has (`mappings/<family>/<version>/`, and likewise `schemas/`) is
/// taken from it whole; the folder's own schema is always the binary's, which reads folders by it.
pub struct Overlay {
    above: Directory,
    /// `mappings/<family>/<version>` and `schemas/<family>/<version>` of the directory.
    own: BTreeSet<String>,
}

impl Overlay {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let above = Directory::new(root);
        let paths = above.list("mappings").into_iter().chain(above.list("schemas"));
        let own = paths.filter_map(|path| version_of(&path).map(str::to_owned));
        Self { own: own.filter(|version| !version.starts_with("schemas/folder/")).collect(), above }
    }

    fn is_own(&self, path: &str) -> bool {
        path.starts_with("fixtures/") || version_of(path).is_some_and(|version| self.own.contains(version))
    }
}

/// `mappings/x/1` of `mappings/x/1/codes/a.csv`.
fn version_of(path: &str) -> Option<&str> {
    let (end, _) = path.match_indices('/').nth(2)?;
    Some(&path[..end])
}

impl Files for Overlay {
    fn list(&self, folder: &str) -> Vec<String> {
        let above = self.above.list(folder).into_iter().filter(|path| self.is_own(path));
        let below = Embedded.list(folder).into_iter().filter(|path| !self.is_own(path));
        let mut found: Vec<_> = above.chain(below).collect();
        found.sort();
        found
    }

    fn read(&self, path: &str) -> Option<Cow<'_, [u8]>> {
        if self.is_own(path) {
            return self.above.read(path);
        }
        // What travels in the binary is there for as long as the process.
        Embedded.read(path).map(|bytes| Cow::Owned(bytes.into_owned()))
    }

    fn wants_fixtures(&self, flow: &str) -> bool {
        self.own.contains(&format!("mappings/{flow}")) && !self.above.list("fixtures").is_empty()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_the_directory_hides_that_of_the_binary_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let known = Embedded.list("mappings");
        let version = known.iter().find_map(|path| version_of(path)).unwrap();
        for (path, text) in [
            (format!("{version}/mapping.toml"), "mine"),
            ("mappings/nuovo/1/mapping.toml".to_owned(), "new"),
            ("schemas/folder/1/folder.schema.json".to_owned(), "{}"),
        ] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let files = Overlay::new(dir.path());
        let listed = files.list("mappings");
        let own: Vec<_> = listed.iter().filter(|path| path.starts_with(version)).collect();
        assert_eq!(own, [&format!("{version}/mapping.toml")], "whole, or not at all");
        assert!(listed.contains(&"mappings/nuovo/1/mapping.toml".to_owned()));
        assert_eq!(files.text(&format!("{version}/mapping.toml")).as_deref(), Some("mine"));
        assert_eq!(files.text(&format!("{version}/rules.toml")), None);
        let folder = "schemas/folder/1/folder.schema.json";
        assert_eq!(files.text(folder), Embedded.text(folder), "folders are read by the binary's schema");
        assert!(!files.wants_fixtures("nuovo/1"), "an installation need not carry fixtures");
    }
}

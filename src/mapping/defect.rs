//! A defect of a mapping, found before it can load: where and how to mend it.

use std::fmt;

/// One thing wrong in a flow's own files (never in a folder).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Path below the catalog's root, e.g. `mappings/x/1/mapping.toml`.
    pub file: String,
    /// 1-based line, where known.
    pub line: Option<usize>,
    /// The row, rule or table at fault, as its author calls it.
    pub place: String,
    pub message: String,
    /// What to write instead.
    pub mend: String,
}

impl fmt::Display for Defect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(out, ":{line}")?;
        }
        if !self.place.is_empty() {
            write!(out, " [{}]", self.place)?;
        }
        write!(out, ": {}", self.message)?;
        if !self.mend.is_empty() {
            write!(out, " ({})", self.mend)?;
        }
        Ok(())
    }
}

/// Collects the defects of one file, so that all are said at once.
pub struct Defects<'t> {
    pub file: &'t str,
    text: &'t str,
    pub found: Vec<Defect>,
}

impl<'t> Defects<'t> {
    /// `text` is the file's content, from which offsets become lines.
    pub fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, found: Vec::new() }
    }

    /// Adds a defect at a byte offset of the file.
    pub fn add(&mut self, offset: usize, place: &str, message: impl Into<String>, mend: impl Into<String>) {
        let line = self.text.get(..offset).map(|before| before.matches('\n').count() + 1);
        self.found.push(Defect {
            file: self.file.to_owned(),
            line,
            place: place.to_owned(),
            message: message.into(),
            mend: mend.into(),
        });
    }
}

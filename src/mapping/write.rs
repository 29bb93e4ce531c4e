//! What both writers share: one buffer, the rows that fired, what went wrong at a row.

use super::path::{Names, PathRef, Scope};
use super::plan::{RowPlan, Source};
use super::transform::prefix;
use super::value::Value;
use std::borrow::Cow;

/// What happened at a row that a finding must tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The value was cut to the row's `truncate`.
    Truncated,
    /// The code table has no line for the value.
    UnknownCode,
    /// The value is not of the kind that the transform or the target takes.
    NotOfKind,
    /// A character that the format does not carry: XML 1.0, section 2.2; the same for JSON,
    /// whose readers seldom expect control characters.
    Character,
}

/// One trouble: the row and the folder's place at that moment.
#[derive(Clone, Debug)]
pub struct Incident {
    pub row: usize,
    pub trouble: Trouble,
    pub pointer: String,
}

/// A written place of a JSON payload: whence it came.
#[derive(Clone, Debug)]
pub struct Written {
    /// JSON pointer below the record.
    pub place: String,
    pub row: usize,
    /// The folder's place; empty for constants.
    pub pointer: String,
}

/// The writer of one record.
pub struct Writer<'w> {
    pub(super) names: &'w Names,
    pub out: String,
    /// One bit per row that fired.
    pub rows: Vec<u8>,
    pub incidents: Vec<Incident>,
    /// Values of the rows in `keep`, by target, as one text.
    keep: &'w [usize],
    pub kept: String,
    /// The place at hand and every place written so far, if asked for (JSON).
    pub(super) trace: Option<(String, Vec<Written>)>,
}

impl<'w> Writer<'w> {
    /// `rows` is the number of rows; the values of `keep` are collected aside.
    pub fn new(names: &'w Names, rows: usize, keep: &'w [usize]) -> Self {
        Self {
            names,
            out: String::with_capacity(1_536),
            rows: vec![0; rows.div_ceil(8)],
            incidents: Vec::new(),
            keep,
            kept: String::with_capacity(96),
            trace: None,
        }
    }

    /// A writer that also notes where each place of a JSON record came from.
    pub fn noting_places(names: &'w Names, rows: usize) -> Self {
        Self { trace: Some((String::new(), Vec::new())), ..Self::new(names, rows, &[]) }
    }

    /// The places noted, in the order in which they were written.
    pub fn written(&self) -> &[Written] {
        self.trace.as_ref().map_or(&[], |(_, written)| written)
    }

    /// Notes that a row wrote `value` behind `open`.
    pub(super) fn fired(&mut self, row: &RowPlan, open: &str, value: &str) {
        self.rows[row.index / 8] |= 1 << (row.index % 8);
        if self.keep.contains(&row.index) {
            self.kept.push_str(open);
            self.kept.push_str(value);
            self.kept.push('"');
        }
    }

    /// The row's value as it is written, unescaped.
    pub(super) fn value<'v, 'a: 'v>(
        &mut self,
        row: &'v RowPlan,
        scope: &'v Scope<'a>,
    ) -> Option<Cow<'v, str>> {
        let value = match &row.source {
            Source::Constant(text) => return Some(Cow::Borrowed(text)),
            Source::Path(path) => scope.value(path),
            Source::Template(template) => Value::Text(template.text(scope)?.into()),
        };
        if value.is_absent() {
            return None;
        }
        let Some(text) = row.transform.apply(value) else {
            self.incident(row, Trouble::NotOfKind, scope);
            return None;
        };
        let text = match &row.codes {
            None => text,
            Some((table, column)) => {
                let day = row.codes_day.as_ref().and_then(|day| scope.value(day).date());
                let Some(cell) = table.cell(&text, *column, day) else {
                    self.incident(row, Trouble::UnknownCode, scope);
                    return None;
                };
                Cow::Borrowed(cell)
            }
        };
        match row.truncate {
            Some(longest) if text.len() > longest && text.chars().count() > longest => {
                self.incident(row, Trouble::Truncated, scope);
                Some(prefix(text, longest))
            }
            _ => Some(text),
        }
    }

    pub(super) fn incident(&mut self, row: &RowPlan, trouble: Trouble, scope: &Scope<'_>) {
        let pointer = self.pointer(row, scope);
        self.incidents.push(Incident { row: row.index, trouble, pointer });
    }

    /// The folder's place of a row's value: of its first path in the folder.
    pub(super) fn pointer(&self, row: &RowPlan, scope: &Scope<'_>) -> String {
        let paths: Vec<PathRef> = row.source.paths();
        let path = paths.iter().find(|path| !path.made).or(paths.first());
        path.map(|path| self.names.pointer(path, scope)).unwrap_or_default()
    }
}

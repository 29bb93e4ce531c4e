//! The catalogue of what a flow's recipients answer when they refuse: `refusals.toml`, beside the
//! mapping. Each entry says an answer in words, with a hint and a verdict; the first that fits stands.

use crate::folder::finding::{Text, Verdict};
use crate::mapping::Defect;
use crate::mapping::defect::Defects;
use crate::rules::RuleStatus;
use serde::Deserialize;
use std::collections::BTreeSet;
use toml::Spanned;

/// `refusals.toml` as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusalsDocument {
    #[serde(default)]
    refusal: Vec<Spanned<RefusalTable>>,
}

/// One entry as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusalTable {
    /// Stable id, in the field's words.
    pub id: String,
    /// Codes of the recipient, or words of them; empty = any.
    #[serde(default)]
    pub code: Vec<String>,
    /// What the recipient's text contains; `*` is anything, case and blanks apart.
    pub pattern: Option<String>,
    /// What a place named by the answer contains, as `pattern`.
    pub location: Option<String>,
    /// Only as an answer to these operations; empty = any.
    #[serde(default)]
    pub operation: Vec<OperationWord>,
    /// The only kind of record that it speaks of.
    pub record: Option<String>,
    /// Places of the payload that it speaks of, relative to the record's element.
    #[serde(default)]
    pub target: Vec<String>,
    /// Places of the folder that it speaks of where no target does, e.g. `persona.codice_fiscale`.
    #[serde(default)]
    pub at: Vec<String>,
    pub message: Text,
    pub hint: Text,
    pub verdict: Verdict,
    /// Where the authority says so.
    pub source: String,
    pub status: RuleStatus,
}

/// An operation as the catalogue calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationWord {
    Insert,
    Replace,
    Cancel,
}

impl From<super::OperationKind> for OperationWord {
    fn from(kind: super::OperationKind) -> Self {
        match kind {
            super::OperationKind::Insert => Self::Insert,
            super::OperationKind::Replace => Self::Replace,
            super::OperationKind::Cancel => Self::Cancel,
        }
    }
}

/// One entry, ready to be asked.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub table: RefusalTable,
    pattern: Option<Pattern>,
    location: Option<Pattern>,
    /// Byte offset in `refusals.toml`.
    pub offset: usize,
}

/// What is asked of the catalogue: one answer to one operation.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The recipient's code and the words of it.
    pub codes: &'a [&'a str],
    /// The recipient's text; absent where it may not be read.
    pub text: Option<&'a str>,
    /// Places that the text names, as they stand there.
    pub locations: &'a [&'a str],
    pub operation: Option<OperationWord>,
    /// The kind of the record.
    pub record: Option<&'a str>,
}

impl Refusal {
    /// Whether this entry speaks of an answer.
    pub fn fits(&self, asked: &Asked<'_>) -> bool {
        let table = &self.table;
        let code =
            table.code.is_empty() || table.code.iter().any(|code| asked.codes.contains(&code.as_str()));
        let operation = asked.operation.is_some_and(|operation| table.operation.contains(&operation));
        let record =
            table.record.as_deref().is_none_or(|kind| asked.record.is_none_or(|known| known == kind));
        let text = |pattern: &Pattern| asked.text.is_some_and(|text| pattern.is_in(text));
        let place = |pattern: &Pattern| asked.locations.iter().any(|place| pattern.is_in(place));
        code && record
            && (table.operation.is_empty() || operation)
            && self.pattern.as_ref().is_none_or(text)
            && self.location.as_ref().is_none_or(place)
    }

    /// Whether every answer that `other` speaks of is one of this entry's.
    fn covers(&self, other: &Self) -> bool {
        let (own, theirs) = (&self.table, &other.table);
        let all = |own: &[String], theirs: &[String]| {
            own.is_empty() || !theirs.is_empty() && theirs.iter().all(|word| own.contains(word))
        };
        let operations = own.operation.is_empty()
            || !theirs.operation.is_empty()
                && theirs.operation.iter().all(|word| own.operation.contains(word));
        let same = |own: &Option<Pattern>, theirs: &Option<Pattern>| own.is_none() || own == theirs;
        all(&own.code, &theirs.code)
            && operations
            && (own.record.is_none() || own.record == theirs.record)
            && same(&self.pattern, &other.pattern)
            && same(&self.location, &other.location)
    }
}

/// The first entry of a catalogue that fits.
pub fn find<'c>(catalogue: &'c [Refusal], asked: &Asked<'_>) -> Option<&'c Refusal> {
    catalogue.iter().find(|refusal| refusal.fits(asked))
}

/// Words that must follow one another somewhere in a text; between two, anything.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern(Vec<String>);

impl Pattern {
    fn compile(text: &str) -> Result<Self, String> {
        let parts: Vec<String> = text.split('*').map(folded).filter(|part| !part.is_empty()).collect();
        if parts.iter().map(|part| part.chars().count()).sum::<usize>() < 3 {
            return Err(format!("`{text}` would fit almost any answer"));
        }
        Ok(Self(parts))
    }

    fn is_in(&self, text: &str) -> bool {
        let text = folded(text);
        let mut rest = text.as_str();
        self.0.iter().all(|part| match rest.find(part.as_str()) {
            Some(at) => {
                rest = &rest[at + part.len()..];
                true
            }
            None => false,
        })
    }
}

/// Lower case, one blank where there were several.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Compiles one `refusals.toml`. All defects are returned at once.
pub fn compile(file: &str, text: &str) -> Result<Vec<Refusal>, Vec<Defect>> {
    let mut defects = Defects::new(file, text);
    let document: RefusalsDocument = match toml::from_str(text) {
        Ok(document) => document,
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            defects.add(offset, "", error.message(), "see mappings/README.md, refusals.toml");
            return Err(defects.found);
        }
    };
    let mut catalogue: Vec<Refusal> = Vec::new();
    let mut ids = BTreeSet::new();
    for table in document.refusal {
        let offset = table.span().start;
        let table = table.into_inner();
        if !ids.insert(table.id.clone()) {
            defects.add(offset, &table.id, "the id is used twice", "give each entry its own id");
        }
        unsaid(&table, offset, &mut defects);
        let id = table.id.clone();
        match refusal(table, offset) {
            Err(message) => defects.add(offset, &id, message, "see mappings/README.md, refusals.toml"),
            Ok(entry) => {
                if let Some(first) = catalogue.iter().find(|first| first.covers(&entry)) {
                    let message = format!(
                        "never reached: `{}` above fits every answer that this one fits",
                        first.table.id
                    );
                    defects.add(offset, &id, message, "move it above, or remove the double");
                }
                catalogue.push(entry);
            }
        }
    }
    if defects.found.is_empty() { Ok(catalogue) } else { Err(defects.found) }
}

/// What an entry must say and leaves empty.
fn unsaid(table: &RefusalTable, offset: usize, defects: &mut Defects<'_>) {
    let texts = [
        ("message.it", &table.message.it),
        ("message.en", &table.message.en),
        ("hint.it", &table.hint.it),
        ("hint.en", &table.hint.en),
        ("source", &table.source),
        ("id", &table.id),
    ];
    for (name, _) in texts.iter().filter(|(_, text)| text.trim().is_empty()) {
        defects.add(
            offset,
            &table.id,
            format!("`{name}` is empty"),
            "say it in both languages, with its source",
        );
    }
}

fn refusal(table: RefusalTable, offset: usize) -> Result<Refusal, String> {
    if table.code.is_empty() && table.pattern.is_none() && table.location.is_none() {
        return Err("an entry needs `code`, `pattern` or `location`".to_owned());
    }
    if table.code.iter().any(|code| code.trim().is_empty()) {
        return Err("`code` holds an empty word".to_owned());
    }
    let pattern = table.pattern.as_deref().map(Pattern::compile).transpose()?;
    let location = table.location.as_deref().map(Pattern::compile).transpose()?;
    Ok(Refusal { table, pattern, location, offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: &str = r#"
message = { it = "Così.", en = "So." }
hint = { it = "Fare.", en = "Do." }
verdict = "wait"
source = "SPEC"
status = "stated"
"#;

    fn entry(head: &str) -> String {
        format!("[[refusal]]\n{head}{TEXTS}")
    }

    fn defects(text: &str) -> String {
        let found = compile("mappings/x/1/refusals.toml", text).unwrap_err();
        found.iter().map(|defect| format!("{defect}\n")).collect()
    }

    fn found<'c>(catalogue: &'c [Refusal], codes: &[&str], text: &str, operation: OperationWord) -> &'c str {
        let asked =
            Asked { codes, text: Some(text), locations: &["a.b"], operation: Some(operation), record: None };
        find(catalogue, &asked).map_or("", |refusal| &refusal.table.id)
    }

    #[test]
    fn the_first_that_fits_stands() {
        let text = [
            entry("id = \"one\"\ncode = [\"BAD\"]\npattern = \"solo *  BENEFICIARIO\"\n"),
            entry("id = \"gone\"\ncode = [\"NONE\"]\noperation = [\"cancel\"]\n"),
            entry("id = \"bad\"\ncode = [\"BAD\", \"WORSE\"]\n"),
            entry("id = \"place\"\nlocation = \"A.B\"\n"),
        ]
        .concat();
        let catalogue = compile("f", &text).unwrap();
        let insert = OperationWord::Insert;
        assert_eq!(found(&catalogue, &["BAD"], "inviare solo un  beneficiario", insert), "one");
        assert_eq!(found(&catalogue, &["BAD"], "un beneficiario solo", insert), "bad");
        assert_eq!(found(&catalogue, &["WORSE"], "", insert), "bad");
        assert_eq!(found(&catalogue, &["NONE"], "", OperationWord::Cancel), "gone");
        assert_eq!(found(&catalogue, &["NONE"], "", insert), "place");
        let closed = Asked { codes: &["BAD"], text: None, locations: &[], operation: None, record: None };
        assert_eq!(find(&catalogue, &closed).unwrap().table.id, "bad");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let first = entry("id = \"a\"\ncode = [\"X\"]\n");
        let double =
            defects(&[first.clone(), entry("id = \"b\"\ncode = [\"X\"]\npattern = \"più\"\n")].concat());
        assert!(double.contains("refusals.toml:10 [b]: never reached: `a`"), "{double}");
        assert!(defects(&[first.clone(), first].concat()).contains("[a]: the id is used twice"));
        assert!(defects(&entry("id = \"a\"\n")).contains("needs `code`, `pattern` or `location`"));
        assert!(defects(&entry("id = \"a\"\npattern = \"* *\"\n")).contains("almost any answer"));
        assert!(defects(&entry("id = \"a\"\nwrong = 1\n")).contains("unknown field `wrong`"));
        let silent = entry("id = \"a\"\ncode = [\"X\"]\n").replace(", en = \"So.\"", "");
        assert!(defects(&silent).contains("missing field `en`"));
        let empty = entry("id = \"a\"\ncode = [\"X\"]\n").replace("\"So.\"", "\" \"");
        assert!(defects(&empty).contains("`message.en` is empty"));
    }
}

//! From a register's answer to proposals for the folder: `(answer, folder) -> (proposals, findings)`.
//! Pure. Consent and person are judged first; what can't be read is a finding, never an error.

use super::inbound_findings as said;
use super::inbound_propose::propose;
use crate::folder::finding::{Finding, Severity};
use crate::folder::{Folder, fields};
use crate::mapping::inbound::Inbound;
use crate::mapping::inbound_tree;
use crate::mapping::value::iso_date;
use crate::personal::Personal;
use crate::rules::Rule;
use crate::schema::XmlSchema;
use crate::schema::shape::Shape;
use jiff::civil::Date;
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// One version of an inbound mapping, ready to be applied.
pub struct InboundFlow {
    pub(super) id: String,
    pub mapping: Inbound,
    pub rules: Vec<Rule>,
    pub(super) schema: XmlSchema,
    pub(super) answer_shape: Shape,
    pub(super) folder_shape: Arc<Shape>,
    pub(super) valid_from: Date,
    pub(super) valid_to: Option<Date>,
}

/// One field of the folder as the register would have it.
pub struct Proposal {
    /// The field in the folder's shape: `lavoro.did.data`, `lavoro.politiche_attive[].dal`;
    /// a whole new element: `lavoro.politiche_attive[]`.
    pub field: String,
    /// The element's key, in a list.
    pub key: Option<Personal<String>>,
    /// What the folder holds today.
    pub old: Option<Personal<Json>>,
    pub new: Personal<Json>,
    /// Where it stands in the answer: `lavoratore/datiinvio/dataultimoagg`; empty for constants.
    pub from: String,
}

/// What an answer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It speaks of the person.
    Data,
    /// The register knows nothing of the person.
    Nothing,
    /// The limit of questions is exceeded: ask later.
    Limit,
    /// There is no consent in force: it must not even be asked.
    NoConsent,
    /// The folder has no identifier by which the register could be asked.
    NoIdentifier,
    /// It speaks of another person, or does not say of whom: nothing of it is taken.
    OtherPerson,
    /// It can't be read.
    Unreadable,
}

/// An answer, judged.
pub struct Heard {
    pub came: Came,
    pub proposals: Vec<Proposal>,
    pub findings: Vec<Finding>,
}

impl Heard {
    pub(super) fn only(came: Came, finding: Finding) -> Self {
        Self { came, proposals: Vec::new(), findings: vec![finding] }
    }
}

/// A document of an answer, or what stands in its place.
enum Document<'d> {
    Root(String, Json, std::borrow::Cow<'d, str>),
    Nothing,
    Limit,
    Unreadable,
}

impl InboundFlow {
    /// `family/version`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id without its version.
    pub fn family(&self) -> &str {
        self.id.rsplit_once('/').map_or(&self.id, |(family, _)| family)
    }

    /// The register that is asked.
    pub fn register(&self) -> &str {
        &self.mapping.flow.register
    }

    /// Whether the version is used on a day.
    pub fn valid_on(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|last| day <= last)
    }

    /// When this version begins to be used.
    pub fn valid_from(&self) -> Date {
        self.valid_from
    }

    /// All rows: of the folder itself, then of its lists.
    pub fn row_count(&self) -> usize {
        self.mapping.rows.len() + self.mapping.lists.iter().map(|list| list.rows.len()).sum::<usize>()
    }

    /// By whose codice fiscale the register may be asked today; else why it may not.
    pub fn may_ask(&self, folder: &Folder, today: Date) -> Result<Personal<String>, Box<Heard>> {
        let body = folder.body.expose();
        if !consents(body, self.register(), today) {
            return Err(Box::new(Heard::only(Came::NoConsent, said::no_consent())));
        }
        let code = body.get("persona").map_or("", |person| fields::text(person, "codice_fiscale"));
        if code.is_empty() {
            return Err(Box::new(Heard::only(Came::NoIdentifier, said::no_identifier())));
        }
        Ok(Personal::new(code.to_owned()))
    }

    /// What an answer of several documents says for the folder.
    pub fn hear(&self, documents: &[Personal<Vec<u8>>], folder: &Folder, today: Date) -> Heard {
        let code = match self.may_ask(folder, today) {
            Ok(code) => code,
            Err(why) => return *why,
        };
        let mut tree = Map::new();
        let mut findings = Vec::new();
        for document in documents {
            match self.document(document.expose()) {
                Document::Limit => return Heard::only(Came::Limit, said::limit()),
                Document::Unreadable => return Heard::only(Came::Unreadable, said::unreadable()),
                Document::Nothing => {}
                Document::Root(name, content, text) => {
                    findings.extend(said::schema(&self.schema.validate(text.as_bytes())));
                    tree.insert(name, content);
                }
            }
        }
        if tree.is_empty() {
            return Heard::only(Came::Nothing, said::nothing());
        }
        let tree = Json::Object(tree);
        if let Some(finding) = self.other_person(&tree, &code) {
            return Heard::only(Came::OtherPerson, finding);
        }
        let (mut proposals, told) = propose(self, &tree, folder.body.expose());
        findings.extend(told);
        if findings.iter().any(|finding| finding.severity == Severity::Withhold) {
            proposals.clear();
        }
        Heard { came: Came::Data, proposals, findings }
    }

    fn document<'d>(&self, bytes: &'d [u8]) -> Document<'d> {
        let answer = &self.mapping.answer;
        let Some(text) = inbound_tree::unescaped(bytes, answer.escaped) else { return Document::Unreadable };
        if answer.limit.iter().any(|limit| text.starts_with(limit.as_str())) {
            return Document::Limit;
        }
        if answer.none.iter().any(|none| *none == text) {
            return Document::Nothing;
        }
        match inbound_tree::read(&text, self.schema.shape()) {
            Some((name, content)) => Document::Root(name, content, text),
            None => Document::Unreadable,
        }
    }

    /// Every document must speak of the folder's person.
    fn other_person(&self, tree: &Json, code: &Personal<String>) -> Option<Finding> {
        let scope = self.mapping.names.scope(tree);
        let own = fields::identifier_key("CF", code.expose());
        for path in &self.mapping.person {
            let root = self.mapping.names.name(path.slot);
            if tree.get(root).is_none() {
                continue;
            }
            let place = self.mapping.names.pointer(path, &scope).trim_start_matches('/').to_owned();
            match scope.value(path).text() {
                None => return Some(said::nobody(place)),
                Some(named) if fields::identifier_key("CF", named) != own => {
                    return Some(said::other_person(place));
                }
                Some(_) => {}
            }
        }
        None
    }
}

/// Whether the person consents today to a register being asked. No row is no consent; of rows in
/// force the newest counts, and of two of one day the denial.
fn consents(body: &Json, register: &str, today: Date) -> bool {
    let day = |row: &Json, name: &str| row.get(name).and_then(Json::as_str).and_then(iso_date);
    let in_force = |row: &&Json| {
        fields::text(row, "mittente") == register
            && day(row, "dal").is_some_and(|from| from <= today)
            && day(row, "al").is_none_or(|to| today <= to)
    };
    let given = |row: &Json| row.get("prestato") == Some(&Json::Bool(true));
    let rows = fields::items(body, "consensi_ricezione").iter().filter(in_force);
    let newest = rows.max_by_key(|row| (day(row, "dal"), !given(row)));
    newest.is_some_and(given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use serde_json::json;

    #[test]
    fn consent_is_of_this_register_this_direction_and_this_day() {
        let today = date(2026, 3, 1);
        let row = |from: &str, to: Option<&str>, given: bool| {
            let mut row = json!({"mittente": "lavoro", "dal": from, "prestato": given});
            if let Some(to) = to {
                row["al"] = to.into();
            }
            row
        };
        let asked = |rows: Vec<Json>| consents(&json!({"consensi_ricezione": rows}), "lavoro", today);
        assert!(asked(vec![row("2026-03-01", Some("2026-03-01"), true)]));
        assert!(!asked(vec![row("2026-03-02", None, true)]));
        assert!(!asked(vec![row("2025-01-01", Some("2026-02-28"), true)]));
        assert!(!asked(vec![row("2025-01-01", None, true), row("2025-06-01", None, false)]));
        assert!(!asked(vec![row("2025-01-01", None, false), row("2025-01-01", None, true)]));
        assert!(asked(vec![row("2025-01-01", None, true), row("2025-06-01", Some("2025-07-01"), false)]));
        assert!(!asked(Vec::new()));
        let sending =
            json!({"consensi": [{"destinatario": "lavoro", "dal": "2025-01-01", "prestato": true}]});
        assert!(!consents(&sending, "lavoro", today));
    }
}

//! One kind of record, compiled: where it comes from, how it is named, what it writes.

use super::condition::Condition;
use super::path::{PathRef, Scope};
use super::plan::ElementPlan;
use super::step::Step;
use super::template::Template;

/// A kind of record with everything resolved.
pub struct RecordPlan {
    /// Its name among several; the element's name if there is one kind.
    pub kind: String,
    /// The list it comes from; `None` is one record of the folder itself.
    pub item: Option<ItemPlan>,
    /// Without a list: the folder's property that must be there.
    pub part: Option<PathRef>,
    pub when: Option<Condition>,
    pub annulled: Option<Condition>,
    pub key: Vec<KeyPart>,
    pub source: Vec<KeyPart>,
    pub from: PathRef,
    pub to: Option<PathRef>,
    /// The first that holds names the record that must be held before.
    pub needs: Vec<Need>,
    /// The label of the containers that it shares with other people's records.
    pub group: Option<Template>,
    /// Steps with their slot.
    pub steps: Vec<(usize, &'static dyn Step)>,
    /// Absolute path of the element that holds one record.
    pub base: String,
    pub element: ElementPlan,
    /// Rows of the targets of the register key.
    pub register_key: Vec<usize>,
}

/// A list of the folder and the slot of its current element.
pub struct ItemPlan {
    pub slot: usize,
    pub list: PathRef,
}

/// A part of a key.
#[derive(Clone, Debug)]
pub enum KeyPart {
    Path(PathRef),
    Constant(Box<str>),
}

/// A record of the same folder that must be held first.
pub struct Need {
    pub key: Vec<KeyPart>,
    pub when: Option<Condition>,
    /// The register that must hold it, if not the flow's own.
    pub register: Option<String>,
}

impl RecordPlan {
    /// Register, if another one, and key of the record that must be held before this one.
    pub fn needs(&self, scope: &Scope<'_>) -> Option<(Option<String>, String)> {
        let holds = |need: &&Need| need.when.as_ref().is_none_or(|when| when.holds(scope));
        self.needs.iter().find(holds).map(|need| (need.register.clone(), joined(&need.key, scope)))
    }

    /// All paths that choose, name and date records.
    pub fn paths(&self) -> Vec<&PathRef> {
        let mut out = vec![&self.from];
        out.extend(&self.to);
        out.extend(&self.part);
        out.extend(self.group.iter().flat_map(Template::paths));
        let needs = self.needs.iter().flat_map(|need| &need.key);
        let parts = self.key.iter().chain(&self.source).chain(needs);
        out.extend(parts.filter_map(KeyPart::path));
        let conditions = self.needs.iter().filter_map(|need| need.when.as_ref());
        for condition in [&self.when, &self.annulled].into_iter().flatten().chain(conditions) {
            condition.paths(&mut out);
        }
        out
    }
}

impl KeyPart {
    fn path(&self) -> Option<&PathRef> {
        match self {
            Self::Path(path) => Some(path),
            Self::Constant(_) => None,
        }
    }
}

/// Whether a key reads nothing at all.
pub fn is_constant(parts: &[KeyPart]) -> bool {
    parts.iter().all(|part| matches!(part, KeyPart::Constant(_)))
}

/// The parts that are there, joined by `/`.
pub fn joined(parts: &[KeyPart], scope: &Scope<'_>) -> String {
    let mut out = String::with_capacity(32);
    for part in parts {
        let start = out.len();
        if start > 0 {
            out.push('/');
        }
        let before = out.len();
        match part {
            KeyPart::Constant(text) => out.push_str(text),
            KeyPart::Path(path) => scope.value(path).append_to(&mut out),
        }
        if out.len() == before {
            out.truncate(start);
        }
    }
    out
}

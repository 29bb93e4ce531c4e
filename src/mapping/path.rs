//! Names of a mapping: what each root stands for, and paths resolved at load.

use super::keyed::Keys;
use super::value::Value;
use jiff::civil::Date;
use serde_json::Value as Json;
use std::cell::Cell;
use std::sync::Arc;

/// What the first word of a path stands for.
#[derive(Clone, Debug)]
pub enum Root {
    /// A property of the folder itself (`persona`).
    Top,
    /// One element of a list of the folder: the current `each`, a `[[lookup]]`
    /// or an `[[element]]`. `list` is its path in the folder's shape (`interventi[]`),
    /// `parent` the slot of the element it hangs below, if it is not a top list.
    Item { list: String, parent: Option<usize>, property: String },
    /// Values made by a step or brought by the caller (`ente`, `invio`).
    Made { fields: Vec<String>, reads: Vec<String> },
    /// One value made by a template (`[[value]]`); its name alone is the path.
    Value { reads: Vec<String> },
}

/// All roots of one mapping; the index of a root is its slot at run time.
#[derive(Clone, Debug, Default)]
pub struct Names {
    roots: Vec<(String, Root)>,
    /// Roots that the folder and the day alone decide, whatever the record.
    of_folder: Vec<bool>,
}

/// A path whose words were resolved at load.
#[derive(Clone, Debug, PartialEq)]
pub struct PathRef {
    pub slot: usize,
    /// Properties below the root; empty for the root itself.
    pub segments: Vec<Box<str>>,
    /// Index of the field of a `Made` root.
    pub field: usize,
    pub made: bool,
}

/// What one slot holds while a record is mapped. No `Debug`: it is the folder.
#[derive(Clone)]
pub enum Slot<'a> {
    Empty,
    /// A part of the folder and, for an item, its index in the list.
    Json(&'a Json, usize),
    Made(Vec<Value<'a>>),
}

/// The run-time side of [`Names`].
#[derive(Clone)]
pub struct Scope<'a> {
    pub slots: Vec<Slot<'a>>,
    /// The ente's keys, by which pseudonyms are made.
    pub keys: Arc<Keys>,
    /// The day and its slot, where there is one.
    today: Option<(usize, Date)>,
    /// The next day on which something asked of today may be answered otherwise.
    look_again: Cell<Option<Date>>,
}

impl Names {
    pub fn find(&self, name: &str) -> Option<usize> {
        self.roots.iter().position(|(known, _)| known == name)
    }

    pub fn root(&self, slot: usize) -> &Root {
        &self.roots[slot].1
    }

    pub fn name(&self, slot: usize) -> &str {
        &self.roots[slot].0
    }

    pub fn len(&self) -> usize {
        self.roots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// Declares a root; `Err` if the name is taken.
    pub fn declare(&mut self, name: &str, root: Root) -> Result<usize, String> {
        if self.find(name).is_some() {
            return Err(format!("the name `{name}` is declared twice"));
        }
        self.of_folder.push(matches!(root, Root::Top));
        self.roots.push((name.to_owned(), root));
        Ok(self.roots.len() - 1)
    }

    /// Notes that the folder and the day alone decide a root.
    pub fn mark_of_folder(&mut self, slot: usize) {
        self.of_folder[slot] = true;
    }

    /// Whether a path may be read before any record is looked at.
    pub fn is_of_folder(&self, path: &PathRef) -> bool {
        self.of_folder[path.slot]
    }

    /// Resolves `root.segment…`; an undeclared root is a property of the folder.
    pub fn path(&mut self, text: &str) -> Result<PathRef, String> {
        let mut words = text.split('.');
        let first = words.next().unwrap_or_default();
        if first.is_empty() || text.split('.').any(str::is_empty) {
            return Err(format!("`{text}` is not a path"));
        }
        let slot = match self.find(first) {
            Some(slot) => slot,
            None => self.declare(first, Root::Top)?,
        };
        let segments: Vec<Box<str>> = words.map(Box::from).collect();
        match &self.roots[slot].1 {
            Root::Made { fields, .. } => made_field(slot, fields, &segments, text),
            Root::Value { .. } if segments.is_empty() => Ok(PathRef { slot, segments, field: 0, made: true }),
            Root::Value { .. } => Err(format!("`{first}` is one value, it has no fields")),
            _ => Ok(PathRef { slot, segments, field: 0, made: false }),
        }
    }

    /// The path in the folder's shape (`interventi[].importo`); `None` for made values.
    pub fn shape_path(&self, path: &PathRef) -> Option<String> {
        let mut out = match self.root(path.slot) {
            Root::Top => self.name(path.slot).to_owned(),
            Root::Item { list, .. } => list.clone(),
            Root::Made { .. } | Root::Value { .. } => return None,
        };
        for segment in &path.segments {
            out.push('.');
            out.push_str(segment);
        }
        Some(out)
    }

    /// All folder places (shape paths) from which a path's value comes.
    pub fn sources(&self, path: &PathRef) -> Vec<String> {
        match self.root(path.slot) {
            Root::Made { reads, .. } | Root::Value { reads } => reads.clone(),
            _ => self.shape_path(path).into_iter().collect(),
        }
    }

    /// JSON pointer of a path in the folder at hand, e.g. `/interventi/3/dal`.
    pub fn pointer(&self, path: &PathRef, scope: &Scope<'_>) -> String {
        let mut out = self.slot_pointer(path.slot, scope);
        for segment in &path.segments {
            out.push('/');
            out.push_str(segment);
        }
        out
    }

    /// JSON pointer of a place of the folder's shape (`interventi[].dal`) in the folder at hand:
    /// of the elements that are at hand themselves, else up to the list.
    pub fn concrete(&self, source: &str, scope: &Scope<'_>) -> String {
        let at_hand = self.roots.iter().enumerate().filter_map(|(slot, (_, root))| match root {
            Root::Item { list, .. } if matches!(scope.slots.get(slot), Some(Slot::Json(..))) => {
                let rest = source.strip_prefix(list.as_str())?;
                Some((list.len(), slot, rest))
            }
            _ => None,
        });
        // Of several names for one list the first: the record's own element.
        let longest = at_hand.min_by_key(|(length, slot, _)| (std::cmp::Reverse(*length), *slot));
        let (mut out, rest) = match longest {
            Some((_, slot, rest)) => (self.slot_pointer(slot, scope), rest),
            None => ("/".to_owned(), source),
        };
        let rest = rest.split("[]").next().unwrap_or(rest);
        out.push_str(&rest.replace('.', "/"));
        out
    }

    fn slot_pointer(&self, slot: usize, scope: &Scope<'_>) -> String {
        match self.root(slot) {
            Root::Top => format!("/{}", self.name(slot)),
            Root::Made { .. } | Root::Value { .. } => String::new(),
            Root::Item { list, parent, property } => {
                let mut out = match parent {
                    Some(parent) => format!("{}/{property}", self.slot_pointer(*parent, scope)),
                    None => format!("/{}", list.trim_end_matches("[]")),
                };
                if let Some(Slot::Json(_, index)) = scope.slots.get(slot) {
                    out.push('/');
                    out.push_str(&index.to_string());
                }
                out
            }
        }
    }

    /// A scope for one folder: its own properties in place, everything else empty.
    pub fn scope<'a>(&self, folder: &'a Json) -> Scope<'a> {
        let slot = |(name, root): &(String, Root)| match root {
            Root::Top => folder.get(name).map_or(Slot::Empty, |value| Slot::Json(value, 0)),
            _ => Slot::Empty,
        };
        Scope::new(self.roots.iter().map(slot).collect())
    }
}

fn made_field(slot: usize, fields: &[String], segments: &[Box<str>], text: &str) -> Result<PathRef, String> {
    let known = || format!("`{text}`: this root has {}", fields.join(", "));
    let [name] = segments else { return Err(known()) };
    let field = fields.iter().position(|field| **field == **name).ok_or_else(known)?;
    Ok(PathRef { slot, segments: segments.to_vec(), field, made: true })
}

impl<'a> Scope<'a> {
    pub fn new(slots: Vec<Slot<'a>>) -> Self {
        Self { slots, keys: Arc::default(), today: None, look_again: Cell::new(None) }
    }

    /// Lets a slot stand for today; what is asked of it is watched from now on.
    pub fn set_today(&mut self, slot: usize, day: Date) {
        self.slots[slot] = Slot::Made(vec![Value::Date(day)]);
        self.today = Some((slot, day));
    }

    /// Whether a path means today.
    pub fn is_today(&self, path: &PathRef) -> bool {
        self.today.is_some_and(|(slot, _)| slot == path.slot)
    }

    /// Today was compared with `other`: the answer may change on that day or the one after.
    pub fn note_day(&self, other: Option<Date>) {
        let (Some((_, today)), Some(other)) = (self.today, other) else { return };
        let next = match other.cmp(&today) {
            std::cmp::Ordering::Greater => Some(other),
            std::cmp::Ordering::Equal => other.tomorrow().ok(),
            std::cmp::Ordering::Less => None,
        };
        let known = self.look_again.get();
        self.look_again.set(match (known, next) {
            (Some(known), Some(next)) => Some(known.min(next)),
            (known, next) => known.or(next),
        });
    }

    /// The next day on which an answer noted so far may change.
    pub fn look_again(&self) -> Option<Date> {
        self.look_again.get()
    }

    /// The scalar at a path.
    pub fn value(&self, path: &PathRef) -> Value<'a> {
        match &self.slots[path.slot] {
            Slot::Made(values) => values.get(path.field).cloned().unwrap_or(Value::Absent),
            _ => self.json(path).map_or(Value::Absent, Value::of),
        }
    }

    /// The folder's part at a path, scalar or not.
    pub fn json(&self, path: &PathRef) -> Option<&'a Json> {
        let Slot::Json(start, _) = self.slots[path.slot] else { return None };
        let mut here = start;
        for segment in &path.segments {
            here = here.get(&**segment)?;
        }
        Some(here)
    }

    /// Whether the path holds anything: a scalar, or a non-empty list or object.
    pub fn has(&self, path: &PathRef) -> bool {
        if let Slot::Made(values) = &self.slots[path.slot] {
            return values.get(path.field).is_some_and(|value| !value.is_absent());
        }
        match self.json(path) {
            None | Some(Json::Null) => false,
            Some(Json::Array(list)) => !list.is_empty(),
            Some(Json::Object(map)) => !map.is_empty(),
            Some(_) => true,
        }
    }
}

//! Lookups: the one element of a dated or numbered list that a record means.

use super::path::{PathRef, Scope, Slot};
use super::value::iso_date;
use serde_json::Value as Json;

/// Which element of a list a name stands for.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Slot that receives the element.
    pub slot: usize,
    /// The list in the folder.
    pub list: PathRef,
    /// Only elements with these texts: property and value.
    pub only: Vec<(Box<str>, Box<str>)>,
    pub choice: Choice,
}

/// How the element is chosen.
#[derive(Clone, Debug)]
pub enum Choice {
    /// The first element.
    First,
    /// The element whose property equals a value of the record.
    Equals { by: Box<str>, value: PathRef },
    /// The last element (by its own day) begun on or before `at` and, with
    /// `until`, not ended before `since`. An absent `at` asks nothing.
    Dated { by: Box<str>, at: PathRef, until: Option<Box<str>>, since: Option<PathRef> },
}

impl Lookup {
    /// Puts the chosen element into its slot, or empties it.
    pub fn fill(&self, scope: &mut Scope<'_>) {
        let found = match scope.json(&self.list) {
            Some(Json::Array(list)) => self.choose(list, scope),
            _ => None,
        };
        scope.slots[self.slot] = found.map_or(Slot::Empty, |(index, item)| Slot::Json(item, index));
    }

    fn choose<'a>(&self, list: &'a [Json], scope: &Scope<'_>) -> Option<(usize, &'a Json)> {
        let text = |item: &'a Json, name: &str| item.get(name).and_then(Json::as_str);
        let fits =
            |item: &&'a Json| self.only.iter().all(|(name, wanted)| text(item, name) == Some(&**wanted));
        match &self.choice {
            Choice::First => list.iter().enumerate().find(|(_, item)| fits(item)),
            Choice::Equals { by, value } => {
                let value = scope.value(value);
                let wanted = value.text()?;
                list.iter().enumerate().find(|(_, item)| fits(item) && text(item, by) == Some(wanted))
            }
            Choice::Dated { by, at, until, since } => {
                let watched = scope.is_today(at);
                let at = day_text(scope, Some(at));
                let since = day_text(scope, since.as_ref());
                let in_force = |item: &'a Json| {
                    let begun = text(item, by)?;
                    if watched {
                        scope.note_day(iso_date(begun));
                    }
                    let ended = until.as_ref().and_then(|until| text(item, until));
                    let in_time = at.as_deref().is_none_or(|at| begun <= at);
                    let not_over =
                        !matches!((ended, since.as_deref()), (Some(end), Some(since)) if end < since);
                    (in_time && not_over).then_some(begun)
                };
                let candidates = list.iter().enumerate().filter(|(_, item)| fits(item));
                let candidates = candidates.filter_map(|(at, item)| Some((in_force(item)?, at, item)));
                candidates.max_by_key(|(begun, at, _)| (*begun, *at)).map(|(_, at, item)| (at, item))
            }
        }
    }
}

/// ISO dates compare as text.
fn day_text(scope: &Scope<'_>, path: Option<&PathRef>) -> Option<String> {
    let value = scope.value(path?);
    (!value.is_absent()).then(|| {
        let mut out = String::with_capacity(10);
        value.append_to(&mut out);
        out
    })
}

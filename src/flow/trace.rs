//! From a payload's place back to the folder's field, by the rows that wrote a record.

use super::location::{Location, Word};
use super::{Context, Flow};
use crate::folder::Folder;
use crate::mapping::compile::RowInfo;
use crate::mapping::path::{PathRef, Scope};
use crate::mapping::write::Writer;

/// Where everything of one record's payload comes from.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The kind of record, by its index; several where that is not known.
    pub kinds: Vec<usize>,
    /// The folder's place of the item that the record is made of.
    pub item: String,
    places: Vec<TracedPlace>,
}

/// One place of the payload.
#[derive(Clone, Debug)]
pub struct TracedPlace {
    /// From the record's element on, as the mapping writes it.
    pub target: String,
    /// Whether a row wrote it.
    pub written: bool,
    /// The folder's places from which it comes, or would come.
    pub pointers: Vec<String>,
    words: Vec<Word>,
}

impl Flow {
    /// Where the payload of a record comes from, as the folder maps today; `None` if it does not
    /// map to a record with this key.
    pub fn trace(&self, folder: &Folder, context: &Context, key: &str) -> Option<Trace> {
        self.map_watching(folder, context, key)
    }

    /// The same without the folder, from a stored bitmap: places of its shape, without numbers.
    pub fn trace_of(&self, bitmap: &[u8]) -> Trace {
        let fired = |index: usize| bitmap.get(index / 8).is_some_and(|byte| byte & (1 << (index % 8)) != 0);
        let rows = || self.rows().iter().enumerate();
        let mut kinds: Vec<usize> =
            rows().filter(|(index, _)| fired(*index)).filter_map(|(_, row)| row.record).collect();
        kinds.dedup();
        if kinds.is_empty() {
            kinds = (0..self.mapping.records.len()).collect();
        }
        let own = rows().filter(|(_, row)| row.record.is_some_and(|kind| kinds.contains(&kind)));
        let places = own.map(|(index, row)| {
            let pointers = row.sources.iter().map(|source| shape_pointer(source)).collect();
            self.place_of_target(row, fired(index), pointers)
        });
        Trace { places: places.collect(), kinds, item: String::new() }
    }

    /// The names of the kinds of a trace's record; empty if it may be any.
    pub fn kind_names(&self, trace: &Trace) -> Vec<&str> {
        trace.kinds.iter().filter_map(|kind| Some(self.mapping.records.get(*kind)?.kind.as_str())).collect()
    }

    /// The places of the record at hand. `fired` is its bitmap.
    pub(super) fn traced_places(
        &self,
        kind: usize,
        item: &str,
        fired: &[u8],
        scope: &mut Scope<'_>,
    ) -> Trace {
        let mut writer = Writer::noting_places(&self.mapping.names, self.mapping.rows.len());
        if let Some(plan) = self.mapping.records.get(kind).filter(|_| self.is_json()) {
            self.write(plan, &mut writer, scope);
        }
        let has_fired =
            |index: usize| fired.get(index / 8).is_some_and(|byte| byte & (1 << (index % 8)) != 0);
        let mut places = Vec::new();
        for (index, row) in self.rows().iter().enumerate().filter(|(_, row)| row.record == Some(kind)) {
            let mut written = writer.written().iter().filter(|written| written.row == index).peekable();
            if written.peek().is_none() {
                let pointers = self.pointers(row, scope);
                places.push(self.place_of_target(row, has_fired(index), pointers));
            }
            places.extend(written.map(|written| {
                let pointers = match written.pointer.is_empty() {
                    true => self.pointers(row, scope),
                    false => vec![written.pointer.clone()],
                };
                TracedPlace {
                    words: pointer_words(&written.place),
                    ..self.place_of_target(row, true, pointers)
                }
            }));
        }
        Trace { kinds: vec![kind], item: item.to_owned(), places }
    }

    /// The folder's places of a row's value.
    fn pointers(&self, row: &RowInfo, scope: &Scope<'_>) -> Vec<String> {
        let names = &self.mapping.names;
        let of_path = |path: &PathRef| match path.made {
            true => made_of(path, names.sources(path)).map(|source| names.concrete(&source, scope)).collect(),
            false => vec![names.pointer(path, scope)],
        };
        let mut pointers: Vec<String> = row.paths.iter().flat_map(of_path).collect();
        pointers.retain(|pointer| !pointer.is_empty());
        pointers.dedup();
        pointers
    }

    fn place_of_target(&self, row: &RowInfo, written: bool, pointers: Vec<String>) -> TracedPlace {
        let base = row.record.and_then(|kind| self.mapping.records.get(kind)).map_or("", |plan| &plan.base);
        let target = row.target.strip_prefix(base).unwrap_or(&row.target).trim_start_matches('/').to_owned();
        TracedPlace { words: target_words(&target), target, written, pointers }
    }
}

impl Trace {
    /// All places, written or not.
    pub fn places(&self) -> &[TracedPlace] {
        &self.places
    }

    /// The number of the place that was written at a path of the payload, from the record's element on:
    /// `resource/identifier/0/value`; attributes without their `@`.
    pub fn written_at(&self, path: &str) -> Option<usize> {
        let words = pointer_words(path);
        let fits = |place: &TracedPlace| {
            place.written && place.words.len() == words.len() && starts(&place.words, &words)
        };
        self.places.iter().position(fits)
    }

    /// The places that a target of the mapping means, labels and numbers apart.
    pub fn of_target(&self, target: &str) -> Vec<&TracedPlace> {
        let words = target_words(target);
        let fits = |place: &&TracedPlace| starts(&place.words, &words);
        best(self.places.iter().filter(fits).collect())
    }

    /// The places that a location means: the very place, else what ends like it, else what lies
    /// below it, else what its parent means.
    pub fn of_location(&self, location: &Location, base: &str) -> Vec<&TracedPlace> {
        if let [name] = location.words.as_slice() {
            let fits = |place: &&TracedPlace| place.words.last().is_some_and(|last| last.name == name.name);
            let found = self.places.iter().filter(fits).collect();
            return if location.certain { best(found) } else { Vec::new() };
        }
        let element = base.rsplit('/').next().unwrap_or(base).trim_end_matches("[]");
        let inside = location.words.iter().position(|word| word.name == element);
        let mut words = &location.words[inside.map_or(0, |at| at + 1)..];
        // What stands before the record is not needed, and a resource may be named by its type.
        let mut shorter = inside.is_none();
        while words.len() > usize::from(inside.is_none()) {
            let found = self.near(words);
            if !found.is_empty() {
                return found;
            }
            words = if shorter { &words[1..] } else { &words[..words.len() - 1] };
            shorter = false;
        }
        Vec::new()
    }

    fn near(&self, words: &[Word]) -> Vec<&TracedPlace> {
        let all = || self.places.iter();
        let same = all().filter(|place| place.words.len() == words.len() && starts(&place.words, words));
        let same: Vec<_> = same.collect();
        if !same.is_empty() {
            return best(same);
        }
        let ending: Vec<_> = all().filter(|place| ends(&place.words, words)).collect();
        if !ending.is_empty() {
            return best(ending);
        }
        best(all().filter(|place| starts(&place.words, words)).collect())
    }
}

/// What a made value is made of: its namesake first.
fn made_of(path: &PathRef, mut sources: Vec<String>) -> impl Iterator<Item = String> {
    let own = path.segments.last().map(|field| format!(".{field}"));
    sources.sort_by_key(|source| !own.as_ref().is_some_and(|own| source.ends_with(own.as_str())));
    sources.into_iter()
}

/// What was written before what was not; of several depths the shallowest.
fn best(found: Vec<&TracedPlace>) -> Vec<&TracedPlace> {
    let rank = |place: &TracedPlace| (!place.written, place.words.len());
    let Some(least) = found.iter().map(|place| rank(place)).min() else { return found };
    found.into_iter().filter(|place| rank(place) == least).collect()
}

fn starts(place: &[Word], words: &[Word]) -> bool {
    words.len() <= place.len() && place.iter().zip(words).all(|(one, other)| alike(one, other))
}

fn ends(place: &[Word], words: &[Word]) -> bool {
    words.len() <= place.len() && starts(&place[place.len() - words.len()..], words)
}

fn alike(one: &Word, other: &Word) -> bool {
    let apart = |(one, other): (usize, usize)| one != other;
    one.name == other.name && !one.index.zip(other.index).is_some_and(apart)
}

/// `resource/identifier[cf]/value` or `Anagrafica/@Nome`.
fn target_words(target: &str) -> Vec<Word> {
    let steps = target.split('/').filter(|step| !step.is_empty());
    let name = |step: &str| step.split('[').next().unwrap_or(step).trim_start_matches('@').to_owned();
    steps.map(|step| Word { name: name(step), index: None }).collect()
}

/// `/resource/identifier/0/value`.
fn pointer_words(pointer: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for step in pointer.split('/').filter(|step| !step.is_empty()) {
        match (step.parse(), words.last_mut()) {
            (Ok(index), Some(last)) => last.index = Some(index),
            _ => words.push(Word { name: step.to_owned(), index: None }),
        }
    }
    words
}

/// `interventi[].dal` to `/interventi/dal`.
pub(super) fn shape_pointer(source: &str) -> String {
    format!("/{}", source.replace("[]", "").replace('.', "/"))
}

//! From the document to the compiled mapping: names first, then records and rows.

use super::compile_records::RecordCompiler;
use super::compile_rows::{RowCompiler, sort};
use super::condition_parse::{Codes, TODAY_ROOT};
use super::defect::{Defect, Defects};
use super::document::{FlowTable, Format, LookupTable, MappingDocument, ValueTable};
use super::keyed::{self, KeyState, Keyed, Keys};
use super::lookup::{Choice, Lookup};
use super::path::{Names, PathRef, Root, Scope, Slot};
use super::plan::ElementPlan;
use super::record::RecordPlan;
use super::step::Step;
use super::template::Template;
use super::transform::{self, Transform};
use super::value::Value;
use crate::schema::shape::Shape;

/// Fields of the root `ente`, in containers only.
pub const ENTE_FIELDS: &[&str] = &["code", "name", "seat", "operator"];
/// Fields of the root `invio`, in containers only.
pub const INVIO_FIELDS: &[&str] = &["nome", "data"];
/// The root of the ente's settings for the flow.
pub const SETTINGS_ROOT: &str = "impostazioni";
/// The root of the record being written: its key and its kind.
pub const RECORD_ROOT: &str = "record";

/// A mapping with everything resolved.
pub struct Mapping {
    pub flow: FlowTable,
    pub document: MappingDocument,
    pub names: Names,
    pub codes: Codes,
    pub roots: OwnRoots,
    pub lookups: Vec<Lookup>,
    pub values: Vec<ValuePlan>,
    pub records: Vec<RecordPlan>,
    /// Rows of the records, kind by kind, then rows of the container.
    pub rows: Vec<RowInfo>,
    /// Names of the container's own rows.
    pub header_names: Names,
    /// The container around the record's element.
    pub container: ElementPlan,
}

/// Slots of the roots that are no part of the folder.
#[derive(Clone, Copy, Debug)]
pub struct OwnRoots {
    pub today: usize,
    pub settings: usize,
    pub record: usize,
}

/// A `[[value]]`, compiled.
#[derive(Clone, Debug)]
pub struct ValuePlan {
    pub slot: usize,
    /// The first that has all its paths is taken.
    pub templates: Vec<Template>,
    pub transform: Transform,
    /// Made with this key of the ente.
    pub keyed: Option<(String, Keyed)>,
}

/// What a row says, for documentation, lineage and checks.
#[derive(Clone, Debug)]
pub struct RowInfo {
    /// The kind of record by its index; `None` for rows of the container.
    pub record: Option<usize>,
    /// Absolute path of the target, e.g. `Flusso/Beneficiario/@CodiceFiscale`.
    pub target: String,
    /// Places of the folder that it reads for its value.
    pub sources: Vec<String>,
    /// The paths of its value (none for a constant).
    pub paths: Vec<PathRef>,
    pub transform: Transform,
    /// Byte offset of the row in the file.
    pub offset: usize,
    pub row: super::document::RowTable,
}

/// Where rows may write: the container's own places, and those of each kind of record.
pub struct Targets {
    pub container: Shape,
    /// By kind; the container's own where a kind has none.
    pub records: Vec<Shape>,
}

impl Targets {
    pub fn of(&self, record: Option<usize>) -> &Shape {
        record.and_then(|index| self.records.get(index)).unwrap_or(&self.container)
    }
}

/// Reads one `mapping.toml` as it is written.
pub fn read(file: &str, text: &str) -> Result<MappingDocument, Vec<Defect>> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let mut defects = Defects::new(file, text);
        let offset = error.span().map_or(0, |span| span.start);
        defects.add(offset, "", error.message(), "see mappings/README.md");
        defects.found
    })
}

/// Compiles one `mapping.toml`. All defects are returned at once.
pub fn compile(
    file: &str,
    text: &str,
    document: MappingDocument,
    codes: Codes,
    steps: &[&'static dyn Step],
    targets: &Targets,
) -> Result<Mapping, Vec<Defect>> {
    let mut defects = Defects::new(file, text);
    let mut names = Names::default();
    let roots = own_roots(&document, &mut names, &mut defects);
    let mut records = RecordCompiler::declare(&document, &codes, &mut names, steps, &mut defects);
    let lookups = lookups(&document, &mut names, &mut defects);
    let values = values(&document, &mut names, &mut defects);
    let record_root = Root::Made { fields: vec!["key".to_owned(), "kind".to_owned()], reads: Vec::new() };
    let record = noted(&mut defects, 0, RECORD_ROOT, names.declare(RECORD_ROOT, record_root)).unwrap_or(0);
    let mut rows = RowCompiler {
        codes: &codes,
        json: is_json(&document),
        record: None,
        target: targets.of(None),
        rows: Vec::new(),
    };
    let records = records.compile(&mut names, &mut rows, targets, &mut defects);
    let mut header_names = header_names();
    (rows.record, rows.target) = (None, &targets.container);
    let mut container = rows.container(&document, &mut header_names, &mut defects);
    sort(&mut container, &targets.container, &document.container.root, is_json(&document));
    let rows = rows.rows;
    let Some(records) = records.filter(|_| defects.found.is_empty()) else { return Err(defects.found) };
    let roots = OwnRoots { record, ..roots };
    let flow = document.flow.clone();
    Ok(Mapping {
        flow,
        document,
        names,
        codes,
        roots,
        lookups,
        values,
        records,
        rows,
        header_names,
        container,
    })
}

pub(super) fn is_json(document: &MappingDocument) -> bool {
    document.flow.format == Format::Json
}

fn own_roots(document: &MappingDocument, names: &mut Names, defects: &mut Defects<'_>) -> OwnRoots {
    let made = |fields: Vec<String>| Root::Made { fields, reads: Vec::new() };
    let mut declare = |name: &str, fields| {
        let slot = noted(defects, 0, name, names.declare(name, made(fields))).unwrap_or(0);
        names.mark_of_folder(slot);
        slot
    };
    let today = declare(TODAY_ROOT, vec!["giorno".to_owned()]);
    let settings = declare(SETTINGS_ROOT, document.flow.settings.keys().cloned().collect());
    OwnRoots { today, settings, record: 0 }
}

fn header_names() -> Names {
    let mut names = Names::default();
    for (name, fields) in [("ente", ENTE_FIELDS), ("invio", INVIO_FIELDS)] {
        let fields = fields.iter().map(|&field| field.to_owned()).collect();
        // Two different names in an empty list: neither can be taken.
        let _ = names.declare(name, Root::Made { fields, reads: Vec::new() });
    }
    names
}

fn lookups(document: &MappingDocument, names: &mut Names, defects: &mut Defects<'_>) -> Vec<Lookup> {
    let tables = document.lookup.iter();
    tables
        .filter_map(|table| {
            let compiled = lookup(table.get_ref(), names);
            noted(defects, table.span().start, &table.get_ref().name, compiled)
        })
        .collect()
}

pub(super) fn lookup(table: &LookupTable, names: &mut Names) -> Result<Lookup, String> {
    let list = names.path(&table.list)?;
    let slot = names.declare(&table.name, item_root(names, &list, &table.list)?)?;
    let by = Box::from(table.by.as_str());
    if table.by.is_empty() && (table.equals.is_some() || table.at.is_some()) {
        return Err("`equals` and `at` need `by`, a property of the list's elements".to_owned());
    }
    let choice = match (&table.equals, &table.at) {
        (Some(value), None) => Choice::Equals { by, value: names.path(value)? },
        (None, Some(at)) => Choice::Dated {
            by,
            at: names.path(at)?,
            until: table.until.as_deref().map(Box::from),
            since: table.since.as_deref().map(|since| names.path(since)).transpose()?,
        },
        (None, None) if !table.only.is_empty() => Choice::First,
        _ => return Err("a lookup has either `equals` or `at`, or `where` alone".to_owned()),
    };
    let reads: Vec<&PathRef> = match &choice {
        Choice::First => vec![&list],
        Choice::Equals { value, .. } => vec![&list, value],
        Choice::Dated { at, since, .. } => std::iter::once(at).chain(since).chain([&list]).collect(),
    };
    if reads.iter().all(|path| names.is_of_folder(path)) {
        names.mark_of_folder(slot);
    }
    let only = table.only.iter();
    let only = only.map(|(name, text)| (Box::from(name.as_str()), Box::from(text.as_str()))).collect();
    Ok(Lookup { slot, list, only, choice })
}

/// The root of a list's current element.
pub(super) fn item_root(names: &Names, list: &PathRef, text: &str) -> Result<Root, String> {
    let shape = names.shape_path(list).ok_or_else(|| format!("`{text}` is no list of the folder"))?;
    let parent = (!list.segments.is_empty()).then_some(list.slot);
    let property = list.segments.iter().map(|word| &**word).collect::<Vec<_>>().join("/");
    let property = if property.is_empty() { text.to_owned() } else { property };
    Ok(Root::Item { list: format!("{shape}[]"), parent, property })
}

fn values(document: &MappingDocument, names: &mut Names, defects: &mut Defects<'_>) -> Vec<ValuePlan> {
    let tables = document.value.iter();
    tables
        .filter_map(|table| {
            let compiled = value(table.get_ref(), &document.flow, names);
            noted(defects, table.span().start, &table.get_ref().name, compiled)
        })
        .collect()
}

fn value(table: &ValueTable, flow: &FlowTable, names: &mut Names) -> Result<ValuePlan, String> {
    let parsed = table.template.list().iter().map(|text| Template::parse(text, names));
    let templates = parsed.collect::<Result<Vec<_>, _>>()?;
    let keyed = table.key.as_ref().map(|key| keyed_value(key, table, flow)).transpose()?;
    let transform = match keyed {
        Some(_) => Transform::Text,
        None => parse_transform(table.transform.as_deref())?,
    };
    let paths = || templates.iter().flat_map(Template::paths);
    let mut reads: Vec<String> = paths().flat_map(|path| names.sources(path)).collect();
    reads.sort();
    reads.dedup();
    let of_folder = paths().all(|path| names.is_of_folder(path));
    let slot = names.declare(&table.name, Root::Value { reads })?;
    if of_folder {
        names.mark_of_folder(slot);
    }
    Ok(ValuePlan { slot, templates, transform, keyed })
}

fn keyed_value(key: &str, table: &ValueTable, flow: &FlowTable) -> Result<(String, Keyed), String> {
    if !flow.keys.contains_key(key) {
        return Err(format!("the key `{key}` is not declared: add [flow.keys.{key}]"));
    }
    let name = table.transform.as_deref().unwrap_or_default();
    let made = Keyed::parse(name);
    made.map(|made| (key.to_owned(), made))
        .ok_or_else(|| format!("with `key`, `as` is one of {}", keyed::NAMES))
}

pub(super) fn parse_transform(name: Option<&str>) -> Result<Transform, String> {
    let name = name.unwrap_or("text");
    Transform::parse(name).ok_or_else(|| format!("`{name}` is no transform; the list: {}", transform::NAMES))
}

impl Mapping {
    /// Puts today and the ente's settings, or their defaults, into a scope.
    pub fn set_own_roots<'a>(
        &self,
        scope: &mut Scope<'a>,
        today: jiff::civil::Date,
        settings: &'a std::collections::BTreeMap<String, String>,
        keys: &std::sync::Arc<Keys>,
    ) where
        Self: 'a,
    {
        scope.keys = std::sync::Arc::clone(keys);
        scope.set_today(self.roots.today, today);
        let chosen = self.flow.settings.iter().map(|(name, table)| {
            let value = settings.get(name).cloned().unwrap_or_else(|| table.default.clone());
            Value::Text(value.into())
        });
        scope.slots[self.roots.settings] = Slot::Made(chosen.collect());
    }

    /// Looks everything up again, and makes all values.
    pub fn fill(&self, scope: &mut Scope<'_>) {
        for lookup in &self.lookups {
            lookup.fill(scope);
        }
        self.fill_values(scope);
    }

    /// Whether registers know the persons of this flow by pseudonyms of its own.
    pub fn has_pseudonyms(&self) -> bool {
        self.values.iter().any(ValuePlan::is_pseudonym)
    }

    /// The pseudonyms among the values that were made.
    pub fn pseudonyms<'s>(&'s self, scope: &'s Scope<'_>) -> impl Iterator<Item = &'s str> {
        let slots = self.values.iter().filter(|value| value.is_pseudonym()).map(|value| value.slot);
        slots.filter_map(|slot| match &scope.slots[slot] {
            Slot::Made(values) => values.first()?.text(),
            _ => None,
        })
    }

    /// Makes all values out of what is there.
    pub fn fill_values(&self, scope: &mut Scope<'_>) {
        for value in &self.values {
            let text = value.templates.iter().find_map(|template| template.text(scope));
            let made = text.and_then(|text| value.made(text, &scope.keys));
            scope.slots[value.slot] =
                made.map_or(Slot::Empty, |made| Slot::Made(vec![Value::Text(made.into())]));
        }
    }
}

impl ValuePlan {
    /// Whether it is a pseudonym of the flow's own, by which a register knows a person.
    fn is_pseudonym(&self) -> bool {
        matches!(self.keyed, Some((_, Keyed::Pseudonym(_))))
    }

    /// The value of a text; none without its key.
    fn made(&self, text: String, keys: &Keys) -> Option<String> {
        match &self.keyed {
            None => Some(self.transform.apply(Value::Text(text.into()))?.into_owned()),
            Some((name, keyed)) => match keys.get(name)? {
                KeyState::Ready(key) => Some(keyed.apply(key, &text)),
                KeyState::Changed => None,
            },
        }
    }
}

/// Turns an `Err` into a defect.
pub(super) fn noted<T>(
    defects: &mut Defects<'_>,
    offset: usize,
    place: &str,
    result: Result<T, String>,
) -> Option<T> {
    result.map_err(|message| defects.add(offset, place, message, "see mappings/README.md")).ok()
}

//! Finds every flow by listing directories, and loads it whole or not at all.

use super::Powers;
use super::aggregate::AggregateFlow;
use super::files::Files;
use super::frame::Frame;
use super::inbound::InboundFlow;
use super::inbound_load;
use super::refusals::{self, Refusal};
use super::target::Schema;
use super::{check, check_versions};
use crate::adapters;
use crate::mapping::codes::CodeTable;
use crate::mapping::compile::Targets;
use crate::mapping::condition_parse::Codes;
use crate::mapping::document::{Format, MappingDocument, SettingTable};
use crate::mapping::value::iso_date;
use crate::mapping::{Defect, Mapping, aggregate, compile, inbound};
use crate::rules::{self, Rule};
use crate::schema::pattern::Pattern;
use crate::schema::shape::Shape;
use crate::schema::{JsonSchema, SchemaProblem, shape_json};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One version of one tracciato, ready to be applied.
pub struct Flow {
    id: String,
    pub mapping: Mapping,
    pub rules: Vec<Rule>,
    /// What its recipients answer, in words; the first entry that fits stands.
    pub refusals: Vec<Refusal>,
    pub(super) schema: Schema,
    answers: Option<JsonSchema>,
    pub(super) targets: Targets,
    pub(super) frame: Frame,
    pub(super) folder_shape: Arc<Shape>,
    valid_from: Date,
    valid_to: Option<Date>,
}

/// All flows of an installation: those that send, and those that ask.
pub struct Catalog {
    flows: Vec<Flow>,
    aggregates: Vec<AggregateFlow>,
    inbound: Vec<InboundFlow>,
    folder_shape: Arc<Shape>,
}

impl Catalog {
    /// Loads and statically checks every flow.
    ///
    /// # Errors
    /// All defects of all flows, each with file, line and mend.
    pub fn load(files: &dyn Files) -> Result<Self, Vec<Defect>> {
        let folder_shape = Arc::new(folder_shape(files).map_err(|defect| vec![defect])?);
        let (mut flows, mut aggregates, mut defects) = (Vec::new(), Vec::new(), Vec::new());
        let mut inbound = Vec::new();
        for id in flow_ids(files) {
            if let Some(text) = inbound_text(files, &id) {
                match inbound_load::load(files, &id, &text, &folder_shape) {
                    Ok(flow) => inbound.push(flow),
                    Err(found) => defects.extend(found),
                }
                continue;
            }
            let text = files.text(&format!("mappings/{id}/mapping.toml")).unwrap_or_default();
            if aggregate::compile::is_aggregate(&text) {
                match AggregateFlow::load(files, &id, &folder_shape) {
                    Ok(flow) => aggregates.push(flow),
                    Err(found) => defects.extend(found),
                }
                continue;
            }
            match load_flow(files, &id, &folder_shape) {
                Ok(flow) => {
                    defects.extend(check::flow(&flow, files));
                    flows.push(flow);
                }
                Err(found) => defects.extend(found),
            }
        }
        defects.extend(check_versions::versions(&flows));
        let loaded = Self { flows, aggregates, inbound, folder_shape };
        if defects.is_empty() { Ok(loaded) } else { Err(defects) }
    }

    /// All aggregate flows, by id: they have no register and send nothing.
    pub fn aggregates(&self) -> &[AggregateFlow] {
        &self.aggregates
    }

    /// Whether a flow's id or family is of an aggregate flow.
    pub fn is_aggregate(&self, name: &str) -> bool {
        self.aggregates.iter().any(|flow| flow.id() == name || flow.family() == name)
    }

    /// The aggregate flow by id or, for a family without version, the one that computes on a day.
    pub fn aggregate(&self, name: &str, day: Date) -> Option<&AggregateFlow> {
        let exact = self.aggregates.iter().find(|flow| flow.id() == name);
        exact.or_else(|| {
            let of_family = |flow: &&AggregateFlow| flow.family() == name && flow.valid_on(day);
            self.aggregates.iter().filter(of_family).max_by_key(|flow| flow.valid_from())
        })
    }

    /// All flows that ask a register about persons, by id.
    pub fn inbound(&self) -> &[InboundFlow] {
        &self.inbound
    }

    /// The inbound flow with an id such as `family/version`.
    pub fn find_inbound(&self, id: &str) -> Option<&InboundFlow> {
        self.inbound.iter().find(|flow| flow.id() == id)
    }

    /// The inbound flow by which a register is asked on a day.
    pub fn inbound_from(&self, register: &str, day: Date) -> Option<&InboundFlow> {
        let fits = |flow: &&InboundFlow| flow.register() == register && flow.valid_on(day);
        self.inbound.iter().filter(fits).max_by_key(|flow| flow.valid_from())
    }

    /// All flows that map a folder, by id.
    pub fn flows(&self) -> &[Flow] {
        &self.flows
    }

    /// The flow with an id such as `family/version`.
    pub fn find(&self, id: &str) -> Option<&Flow> {
        self.flows.iter().find(|flow| flow.id == id)
    }

    /// The flow by id or, for a family without version, the one valid on `sending`.
    pub fn named(&self, name: &str, sending: Date) -> Option<&Flow> {
        self.find(name).or_else(|| {
            let of_family = |flow: &&Flow| flow.family() == name && flow.valid_on(sending);
            self.flows.iter().filter(of_family).max_by_key(|flow| flow.valid_from)
        })
    }

    /// The version of each family that is used on a sending date.
    pub fn current(&self, sending: Date) -> Vec<&Flow> {
        let families: BTreeSet<&str> = self.flows.iter().map(Flow::family).collect();
        families.into_iter().filter_map(|family| self.named(family, sending)).collect()
    }

    /// All versions of a family, oldest first.
    pub fn versions(&self, family: &str) -> Vec<&Flow> {
        let mut found: Vec<_> = self.flows.iter().filter(|flow| flow.family() == family).collect();
        found.sort_by_key(|flow| flow.valid_from);
        found
    }

    /// The next day after `day` on which another version of the family comes into force, or the last goes.
    pub fn next_change(&self, family: &str, day: Date) -> Option<Date> {
        let ends = |flow: &Flow| flow.valid_to.and_then(|last| last.tomorrow().ok());
        let days = self.versions(family).into_iter().flat_map(|flow| [Some(flow.valid_from), ends(flow)]);
        days.flatten().filter(|change| *change > day).min()
    }

    /// The folder's shape.
    pub fn folder_shape(&self) -> &Shape {
        &self.folder_shape
    }
}

impl Flow {
    /// `family/version`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id without its version.
    pub fn family(&self) -> &str {
        self.id.rsplit_once('/').map_or(&self.id, |(family, _)| family)
    }

    pub fn version(&self) -> &str {
        self.id.rsplit_once('/').map_or("", |(_, version)| version)
    }

    pub fn register(&self) -> &str {
        &self.mapping.flow.register
    }

    /// What this flow can ask of its register beside an insert.
    pub fn powers(&self) -> Powers {
        let table = self.mapping.document.operation.as_ref();
        let replace = table.is_some_and(|table| table.resend || table.replace.is_some());
        Powers { replace, cancel: table.is_some_and(|table| table.cancel.is_some()) }
    }

    /// What is wrong with an ente's settings for this flow; empty = fine.
    pub fn setting_problems(&self, settings: &BTreeMap<String, String>) -> Vec<String> {
        let declared = &self.mapping.flow.settings;
        let known = settings.iter().filter_map(|(name, value)| Some((name, value, declared.get(name)?)));
        known
            .filter(|(_, value, setting)| !allows(setting, value))
            .map(|(name, _, setting)| match &setting.pattern {
                Some(pattern) => format!("{name}: a text of the form {pattern}"),
                None => format!("{name}: one of {}", setting.values.join(", ")),
            })
            .collect()
    }

    /// First and last sending date of the version, as its mapping says.
    pub fn valid(&self) -> (Date, Option<Date>) {
        (self.valid_from, self.valid_to)
    }

    /// Whether the version is used on a sending date.
    pub fn valid_on(&self, sending: Date) -> bool {
        self.valid_from <= sending && self.valid_to.is_none_or(|last| sending <= last)
    }

    /// The places of the payload around the records; in XML of the records too.
    pub fn target_shape(&self) -> &Shape {
        &self.targets.container
    }

    /// Whether payloads are JSON.
    pub fn is_json(&self) -> bool {
        self.mapping.flow.format == Format::Json
    }

    /// All problems of a whole payload; empty = valid.
    pub fn validate(&self, payload: &[u8]) -> Vec<SchemaProblem> {
        self.schema.validate(payload)
    }

    /// Whether these bytes are an answer that this flow's recipients give; true where no schema
    /// says what they are.
    pub fn is_answer(&self, bytes: &[u8]) -> bool {
        self.answers.as_ref().is_none_or(|schema| schema.validate(bytes).is_empty())
    }
}

/// Whether a setting may have a value.
pub(super) fn allows(setting: &SettingTable, value: &str) -> bool {
    let pattern = setting.pattern.as_deref().and_then(Pattern::compile);
    setting.values.iter().any(|known| known == value)
        || pattern.is_some_and(|pattern| pattern.surely_matches(value.as_bytes()))
}

/// The folder's shape, from `schemas/folder/1`.
fn folder_shape(files: &dyn Files) -> Result<Shape, Defect> {
    let file = "schemas/folder/1/folder.schema.json";
    let text = files.text(file).ok_or_else(|| defect(file, "the file is missing"))?;
    shape_json::compile(&text).map_err(|error| defect(file, &error.to_string()))
}

/// Every directory with a `mapping.toml` is a flow.
fn flow_ids(files: &dyn Files) -> Vec<String> {
    let paths = files.list("mappings");
    let id = |path: &String| Some(path.strip_prefix("mappings/")?.strip_suffix("/mapping.toml")?.to_owned());
    paths.iter().filter_map(id).collect()
}

/// The text of an inbound flow's table; `None` for one that sends, or that can't be read.
fn inbound_text(files: &dyn Files, id: &str) -> Option<String> {
    files.text(&format!("mappings/{id}/mapping.toml")).filter(|text| inbound::is_inbound(text))
}

fn load_flow(files: &dyn Files, id: &str, folder_shape: &Arc<Shape>) -> Result<Flow, Vec<Defect>> {
    let one = |defect: Defect| vec![defect];
    let file = format!("mappings/{id}/mapping.toml");
    let text = files.text(&file).ok_or_else(|| one(defect(&file, "not readable as UTF-8")))?;
    let document = compile::read(&file, &text)?;
    let codes = load_codes(files, id)?;
    let (schema, targets) = load_schema(files, id, &document).map_err(one)?;
    let answers = load_answers(files, id, &document).map_err(one)?;
    let mut mapping = compile::compile(&file, &text, document, codes, &adapters::steps(), &targets)?;
    let rules_file = format!("mappings/{id}/rules.toml");
    let rules_text = files.text(&rules_file).unwrap_or_default();
    let rules = rules::compile(&rules_file, &rules_text, &mut mapping)?;
    let refusals_file = format!("mappings/{id}/refusals.toml");
    let refusals = refusals::compile(&refusals_file, &files.text(&refusals_file).unwrap_or_default())?;
    let day = |text: &str| {
        iso_date(text).ok_or_else(|| one(defect(&file, &format!("`{text}` is not a date AAAA-MM-GG"))))
    };
    let valid_from = day(&mapping.flow.valid_from)?;
    let valid_to = mapping.flow.valid_to.as_deref().map(day).transpose()?;
    let frame =
        Frame::nominal(&mapping, &targets.container).map_err(|message| one(defect(&file, &message)))?;
    let folder_shape = Arc::clone(folder_shape);
    Ok(Flow {
        id: id.to_owned(),
        mapping,
        rules,
        refusals,
        schema,
        answers,
        targets,
        frame,
        folder_shape,
        valid_from,
        valid_to,
    })
}

pub(super) fn load_codes(files: &dyn Files, id: &str) -> Result<Codes, Vec<Defect>> {
    let folder = format!("mappings/{id}/codes");
    let (mut codes, mut defects) = (Codes::new(), Vec::new());
    for path in files.list(&folder).into_iter().filter(|path| path.ends_with(".csv")) {
        let name = path[folder.len() + 1..].trim_end_matches(".csv").to_owned();
        match CodeTable::parse(&files.text(&path).unwrap_or_default()) {
            Ok(table) => drop(codes.insert(name, Arc::new(table))),
            Err((line, message)) => defects.push(Defect { line: Some(line), ..defect(&path, &message) }),
        }
    }
    if defects.is_empty() { Ok(codes) } else { Err(defects) }
}

/// The schema of the recipient's answers, if the flow has one.
fn load_answers(
    files: &dyn Files,
    id: &str,
    mapping: &MappingDocument,
) -> Result<Option<JsonSchema>, Defect> {
    let Some(file) = &mapping.flow.answers else { return Ok(None) };
    let path = format!("schemas/{id}/{file}");
    let text = files.text(&path).ok_or_else(|| defect(&path, "the schema of the answers is missing"))?;
    JsonSchema::compile(&text).map(Some).map_err(|error| defect(&path, &error.to_string()))
}

fn load_schema(files: &dyn Files, id: &str, mapping: &MappingDocument) -> Result<(Schema, Targets), Defect> {
    let path = format!("schemas/{id}/{}", mapping.flow.schema);
    let text = files.text(&path).ok_or_else(|| defect(&path, "the schema is missing"))?;
    let schema = Schema::compile(mapping.flow.format, &text);
    let loaded = schema.and_then(|schema| schema.targets(mapping).map(|targets| (schema, targets)));
    loaded.map_err(|error| defect(&path, &error.to_string()))
}

pub(super) fn defect(file: &str, message: &str) -> Defect {
    Defect {
        file: file.to_owned(),
        line: None,
        place: String::new(),
        message: message.to_owned(),
        mend: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::files::{Directory, Embedded};
    use crate::flow::fixtures;
    use std::path::Path;

    #[test]
    fn the_flows_of_the_binary_load() {
        let catalog = Catalog::load(&Embedded)
            .map_err(|defects| defects.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
        let catalog = catalog.unwrap_or_else(|defects| panic!("{defects}"));
        assert!(!catalog.flows().is_empty());
    }

    #[test]
    fn every_fixture_gives_what_it_expects() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let catalog =
            Catalog::load(&Directory::new(root)).map_err(|defects| format!("{defects:#?}")).unwrap();
        let folder = root.join("fixtures");
        if std::env::var_os("BLESS").is_some() {
            fixtures::bless(&catalog, &folder).unwrap();
        }
        let results = fixtures::run(&catalog, &folder);
        let failed: Vec<String> = results
            .iter()
            .filter(|result| !result.passed())
            .map(|result| format!("{}/{}: {}", result.flow, result.case, result.differences.join("; ")))
            .collect();
        assert!(failed.is_empty(), "\n{}", failed.join("\n"));
        assert!(!results.is_empty());
    }

    #[test]
    fn every_rule_has_a_case_in_which_it_speaks() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let catalog = Catalog::load(&Embedded).map_err(|defects| format!("{defects:#?}")).unwrap();
        for flow in catalog.flows() {
            let results = fixtures::run(&catalog, &root.join("fixtures").join(flow.id()));
            let said: Vec<&String> =
                results.iter().filter_map(|result| result.actual.get("findings.txt")).collect();
            for rule in &flow.rules {
                let word = format!(" {} ", rule.table.id);
                assert!(said.iter().any(|text| text.contains(&word)), "no case for {}", rule.table.id);
            }
        }
    }
}

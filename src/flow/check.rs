//! The static check of a loaded flow: against the folder's shape, the target's
//! shape and its own tables.

use super::Flow;
use super::catalog::allows;
use super::files::Files;
use super::{check_needs, check_rows, check_targets};
use crate::mapping::Defect;
use crate::mapping::defect::Defects;
use crate::mapping::path::{Names, PathRef};
use crate::rules::{Rule, RuleScope};
use crate::schema::SchemaProblem;
use crate::schema::shape::Shape;

/// All defects of one flow.
pub fn flow(flow: &Flow, files: &dyn Files) -> Vec<Defect> {
    let file = format!("mappings/{}/mapping.toml", flow.id());
    let text = files.text(&file).unwrap_or_default();
    let mut defects = Defects::new(&file, &text);
    check_rows::rows(flow, &mut defects);
    check_targets::targets(flow, &mut defects);
    check_needs::needs(flow, &mut defects);
    paths(flow, &mut defects);
    settings(flow, &mut defects);
    header(flow, &mut defects);
    let mut found = defects.found;
    found.extend(rules(flow, files));
    found.extend(refusals(flow, files));
    found.extend(fixtures_of(flow.id(), files));
    found
}

/// Everything that conditions, lookups and the record itself read exists.
fn paths(flow: &Flow, defects: &mut Defects<'_>) {
    for field in flow.fields_of_record() {
        if !exists(&flow.folder_shape, &field) {
            defects.add(0, &field, "not a field of the folder", "see schemas/folder/1");
        }
    }
}

fn exists(shape: &Shape, path: &str) -> bool {
    shape.nodes.contains_key(path) || shape.nodes.contains_key(&format!("{path}[]"))
}

/// Settings that a step reads are declared, with a default among their values.
fn settings(flow: &Flow, defects: &mut Defects<'_>) {
    let declared = &flow.mapping.flow.settings;
    for (_, step) in flow.mapping.records.iter().flat_map(|record| &record.steps) {
        for name in step.settings().iter().filter(|name| !declared.contains_key(**name)) {
            let mend = format!("add [flow.settings.{name}]");
            defects.add(0, step.name(), format!("the step reads the setting `{name}`"), mend);
        }
    }
    for (name, setting) in declared {
        if !allows(setting, &setting.default) {
            defects.add(0, name, "the default is not among the values", "correct `default`");
        }
    }
}

/// The container alone: its own rows must satisfy the schema, records apart.
fn header(flow: &Flow, defects: &mut Defects<'_>) {
    let Some(record) = flow.mapping.records.first() else { return };
    let name = record.base.rsplit('/').next().unwrap_or(&record.base);
    let lacks_records = |problem: &SchemaProblem| match flow.is_json() {
        true => problem.path == format!("/{}", name.trim_end_matches("[]")),
        false => !problem.path.contains('@') && problem.message.contains(name),
    };
    for problem in flow.validate(&flow.nominal_payload(b"")) {
        if !lacks_records(&problem) {
            let mend = "correct [container] or its nominal values";
            defects.add(0, "container", format!("{}: {}", problem.path, problem.message), mend);
        }
    }
}

/// Places that rules read or name.
fn rules(flow: &Flow, files: &dyn Files) -> Vec<Defect> {
    let file = format!("mappings/{}/rules.toml", flow.id());
    let text = files.text(&file).unwrap_or_default();
    let mut defects = Defects::new(&file, &text);
    for rule in &flow.rules {
        for path in rule.paths() {
            let known = |path: &PathRef| {
                path.made
                    || flow
                        .mapping
                        .names
                        .shape_path(path)
                        .is_some_and(|path| exists(&flow.folder_shape, &path))
            };
            let of_record = !flow.mapping.names.is_of_folder(path);
            if rule.table.scope == RuleScope::Person && of_record {
                let mend = "`scope = \"record\"`, or read the folder's own properties only";
                defects.add(
                    rule.offset,
                    &rule.table.id,
                    "a rule over the person reads a record's names",
                    mend,
                );
            }
            if !known(path) {
                let place = flow.mapping.names.shape_path(path).unwrap_or_default();
                let message = format!("`{place}` is not a field of the folder");
                defects.add(rule.offset, &rule.table.id, message, "see schemas/folder/1");
            }
        }
        if let Some(payload) = &rule.table.payload
            && !has_payload(flow, rule.record, payload)
        {
            let message = format!("`{payload}` is not in the target schema");
            defects.add(rule.offset, &rule.table.id, message, "correct `payload`");
        }
    }
    defects.found
}

/// Kinds of record and places that the catalogue of refusals names.
fn refusals(flow: &Flow, files: &dyn Files) -> Vec<Defect> {
    let file = format!("mappings/{}/refusals.toml", flow.id());
    let text = files.text(&file).unwrap_or_default();
    let mut defects = Defects::new(&file, &text);
    for refusal in &flow.refusals {
        let table = &refusal.table;
        let kind = |name: &String| flow.mapping.records.iter().position(|record| record.kind == *name);
        let record = table.record.as_ref().map(kind);
        if record == Some(None) {
            let message =
                format!("there is no kind of record `{}`", table.record.as_deref().unwrap_or_default());
            defects.add(refusal.offset, &table.id, message, "correct `record`");
        }
        for target in table.target.iter().filter(|target| !has_payload(flow, record.flatten(), target)) {
            let message = format!("`{target}` is not in the target schema");
            defects.add(
                refusal.offset,
                &table.id,
                message,
                "correct `target`, relative to the record's element",
            );
        }
        for place in table.at.iter().filter(|place| !exists(&flow.folder_shape, place)) {
            let message = format!("`{place}` is not a field of the folder");
            defects.add(refusal.offset, &table.id, message, "see schemas/folder/1");
        }
    }
    defects.found
}

/// Places that the rules of an inbound flow read or name: all in its answer.
pub(super) fn places_of_rules(
    id: &str,
    rules: &[Rule],
    names: &Names,
    known: &dyn Fn(&PathRef) -> bool,
    files: &dyn Files,
) -> Vec<Defect> {
    let file = format!("mappings/{id}/rules.toml");
    let text = files.text(&file).unwrap_or_default();
    let mut defects = Defects::new(&file, &text);
    for rule in rules {
        for path in rule.paths().into_iter().filter(|path| !known(path)) {
            let place = names.shape_path(path).unwrap_or_default();
            let message = format!("`{place}` is not in the answer's schema");
            defects.add(rule.offset, &rule.table.id, message, "correct the path");
        }
    }
    defects.found
}

/// Whether a kind of record, or any of them, has a place in the payload.
fn has_payload(flow: &Flow, kind: Option<usize>, payload: &str) -> bool {
    let mut records = flow.mapping.records.iter().enumerate();
    records.any(|(index, record)| {
        kind.is_none_or(|kind| kind == index)
            && flow.targets.of(Some(index)).place(&format!("{}/{payload}", record.base)).is_some()
    })
}

/// A flow without a tested case is not trusted; the binary carries no fixtures.
pub(super) fn fixtures_of(id: &str, files: &dyn Files) -> Vec<Defect> {
    if !files.wants_fixtures(id) {
        return Vec::new();
    }
    let folder = format!("fixtures/{id}");
    if files.list(&folder).iter().any(|path| path.ends_with("/folder.json")) {
        return Vec::new();
    }
    vec![Defect {
        file: folder,
        line: None,
        place: String::new(),
        message: "the flow has no fixture".to_owned(),
        mend: "add <case>/folder.json, then `raccordo test --bless`".to_owned(),
    }]
}

#[cfg(test)]
mod tests {
    use crate::flow::catalog::Catalog;
    use crate::flow::files::{Embedded, Files};
    use std::borrow::Cow;

    /// The binary's files, with another catalogue of refusals for every flow.
    struct WithRefusals(&'static str);

    impl Files for WithRefusals {
        fn list(&self, folder: &str) -> Vec<String> {
            Embedded.list(folder)
        }

        fn read(&self, path: &str) -> Option<Cow<'_, [u8]>> {
            match path.ends_with("/refusals.toml") {
                true => Some(Cow::Borrowed(self.0.as_bytes())),
                false => Embedded.read(path),
            }
        }
    }

    #[test]
    fn a_catalogue_that_names_what_is_not_there_does_not_load() {
        let text = r#"[[refusal]]
id = "nowhere"
code = ["X"]
record = "nessuno"
target = ["Nessuno/@Posto"]
at = ["persona.soprannome"]
message = { it = "Così.", en = "So." }
hint = { it = "Fare.", en = "Do." }
verdict = "wait"
source = "SPEC"
status = "stated"
"#;
        let defects = Catalog::load(&WithRefusals(text)).err().unwrap_or_default();
        let told: Vec<String> = defects.iter().map(ToString::to_string).collect();
        let says = |words: &str| {
            told.iter().any(|line| line.contains("refusals.toml:1 [nowhere]") && line.contains(words))
        };
        assert!(says("no kind of record `nessuno`"), "{told:#?}");
        assert!(says("`Nessuno/@Posto` is not in the target schema"), "{told:#?}");
        assert!(says("`persona.soprannome` is not a field of the folder"), "{told:#?}");
    }
}

//! Generated people through every flow: a planted defect is found at its place,
//! once, and nothing else withholds; the complete ones leave.

use raccordo::flow::files::Embedded;
use raccordo::flow::{Catalog, Context, EnteSettings, Mapped};
use raccordo::folder::finding::Severity;
use raccordo::folder::{Folder, FolderSchema};
use raccordo::sandbox::people::generate;
use std::collections::BTreeSet;

fn mapped(catalog: &Catalog, folder: &Folder) -> Vec<Mapped> {
    let context = Context { today: jiff::civil::date(2026, 3, 1), ente: EnteSettings::default() };
    catalog.flows().iter().map(|flow| flow.map(folder, &context)).collect()
}

/// `(rule, place, withholds)`, each once.
fn findings(mapped: &Mapped) -> BTreeSet<(String, String, bool)> {
    let of_records = mapped.records.iter().flat_map(|record| &record.findings);
    mapped
        .findings
        .iter()
        .chain(of_records)
        .map(|finding| {
            let withholds = finding.severity == Severity::Withhold;
            (finding.rule.clone(), finding.folder_path.clone(), withholds)
        })
        .collect()
}

#[test]
fn planted_defects_are_found_at_their_place_and_nothing_else_withholds() {
    let catalog = Catalog::load(&Embedded).map_err(|defects| format!("{defects:#?}")).unwrap();
    let schema = FolderSchema::embedded().unwrap();
    let (mut wrong, mut records) = (BTreeSet::new(), 0);
    for person in generate(3_000, 7, 0.5, &[], jiff::civil::date(2026, 3, 1)) {
        let planted: Vec<_> = person.planted.iter().map(|one| (one.rule.clone(), one.path.clone())).collect();
        let bytes = serde_json::to_vec(&person.folder).unwrap();
        let folder = schema.parse(&bytes).map_err(|found| format!("{found:#?}")).unwrap();
        for mapped in mapped(&catalog, &folder) {
            let found = findings(&mapped);
            for (rule, path) in &planted {
                if !found.iter().any(|(known, place, _)| known == rule && place == path) {
                    wrong.insert(format!("{rule} not found at {path}: {found:?}"));
                }
            }
            for (rule, path, _) in found.iter().filter(|(.., withholds)| *withholds) {
                if !planted.contains(&(rule.clone(), path.clone())) {
                    wrong.insert(format!("{rule} at {path} was not planted ({planted:?})"));
                }
            }
            records += mapped.records.iter().filter(|record| record.fragment.is_some()).count();
        }
    }
    assert!(wrong.is_empty(), "{:#?}", wrong.iter().take(30).collect::<Vec<_>>());
    assert!(records > 1_000, "{records}");
}

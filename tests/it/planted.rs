//! Every planted defect is found and named at its folder path, and nothing else is reported.

use raccordo::flow::files::Embedded;
use raccordo::flow::{Catalog, Context, EnteSettings};
use raccordo::folder::FolderSchema;
use raccordo::folder::finding::Finding;
use raccordo::sandbox::people;

use crate::serving::FLOW;

const FOLDERS: u64 = 6_000;

fn findings_of(
    catalog: &Catalog,
    schema: &FolderSchema,
    body: &[u8],
    today: jiff::civil::Date,
) -> Vec<Finding> {
    let folder = match schema.parse(body) {
        Ok(folder) => folder,
        Err(findings) => return findings,
    };
    let mut found = Vec::new();
    let flow = catalog.find(FLOW).unwrap();
    let mapped = flow.map(&folder, &Context { today, ente: EnteSettings::default() });
    found.extend(mapped.findings);
    found.extend(mapped.records.into_iter().flat_map(|record| record.findings));
    found.sort_by(|a, b| (&a.rule, &a.folder_path).cmp(&(&b.rule, &b.folder_path)));
    found.dedup_by(|a, b| a.rule == b.rule && a.folder_path == b.folder_path);
    found
}

fn check(rate: f64, seed: u64) -> usize {
    let catalog = Catalog::load(&Embedded).map_err(|defects| format!("{defects:?}")).unwrap();
    let schema = FolderSchema::embedded().unwrap();
    let today = jiff::civil::date(2026, 11, 23);
    let (mut planted, mut wrong) = (0, Vec::new());
    for made in people::generate(FOLDERS, seed, rate, &["H501", "F205"], today) {
        let body = serde_json::to_vec(&made.folder).unwrap();
        let found = findings_of(&catalog, &schema, &body, today);
        let mut found: Vec<_> = found.iter().map(|f| (f.rule.as_str(), f.folder_path.as_str())).collect();
        // A benefit that is there twice is told beside what follows from it.
        if !made.planted.is_empty() {
            found.retain(|(rule, _)| *rule != "prestazione-forse-doppia");
        }
        for defect in &made.planted {
            planted += 1;
            match found.iter().position(|(rule, path)| *rule == defect.rule && *path == defect.path) {
                Some(index) => drop(found.remove(index)),
                None => {
                    wrong.push(format!("not found: {} at {} (found {found:?})", defect.rule, defect.path))
                }
            }
        }
        wrong.extend(
            found.iter().map(|(rule, path)| format!("unplanted: {rule} at {path} ({:?})", made.planted)),
        );
    }
    wrong.sort();
    wrong.dedup_by_key(|text| text.split(" at ").next().map(str::to_owned));
    assert!(wrong.is_empty(), "{} kinds:\n{}", wrong.len(), wrong.join("\n"));
    planted
}

#[test]
fn people_without_defects_have_no_findings() {
    assert_eq!(check(0.0, 7), 0);
}

#[test]
fn every_planted_defect_is_found_and_nothing_else() {
    let planted = check(0.3, 11);
    println!("{planted} planted defects found");
    assert!(planted > 1000);
}

/// The same people for the health side, which asks for consent: most of them map whole.
#[test]
fn most_people_map_to_the_health_side_too() {
    let catalog = Catalog::load(&Embedded).map_err(|defects| format!("{defects:?}")).unwrap();
    let flow = catalog.find("fhir-social-care/r4-1").unwrap();
    let schema = FolderSchema::embedded().unwrap();
    let today = jiff::civil::date(2026, 11, 23);
    let (mut whole, mut said) = (0, std::collections::BTreeMap::<String, u32>::new());
    for made in people::generate(500, 7, 0.0, &["H501"], today) {
        let folder = schema.parse(&serde_json::to_vec(&made.folder).unwrap()).map_err(|_| ()).unwrap();
        let mapped = flow.map(&folder, &Context { today, ente: EnteSettings::default() });
        let of_records = mapped.records.iter().flat_map(|record| &record.findings);
        let findings: Vec<_> = mapped.findings.iter().chain(of_records).collect();
        if findings.is_empty() {
            whole += 1;
            assert!(mapped.records.iter().all(|record| record.fragment.is_some()));
            let keys: Vec<_> = mapped.records.iter().map(|record| &record.key).collect();
            let needed = mapped.records.iter().filter_map(|record| record.needs.as_ref());
            assert!(needed.into_iter().all(|needed| keys.contains(&&needed.key)));
        }
        for finding in findings {
            *said.entry(finding.rule.clone()).or_default() += 1;
        }
    }
    println!("{whole} of 500 map whole; {said:?}");
    assert!(whole >= 425, "{whole}: {said:?}");
    let known = ["consenso-mancante", "consenso-negato", "identificativo-non-inviabile"];
    assert!(said.keys().all(|rule| known.contains(&rule.as_str())), "{said:?}");
}

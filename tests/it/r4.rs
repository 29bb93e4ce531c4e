//! Every bundle that the fixtures expect, judged by R4 validators that are not ours.
//!
//! They know the definitions of R4 4.0.1, not the invariants written in FHIRPath (con-4, ext-1,
//! ppc-1 …), the two Italian families or the conditional URLs: these are our schema's and rules'.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use raccordo::schema::JsonSchema;

use crate::python::python;

const FLOW: &str = "fhir-social-care/r4-1";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn expected() -> Vec<PathBuf> {
    let cases = std::fs::read_dir(root().join("fixtures").join(FLOW)).unwrap();
    let mut found: Vec<_> = cases.map(|case| case.unwrap().path().join("expected.json")).collect();
    found.retain(|path| path.exists());
    found.sort();
    found
}

/// Runs the validators; what they said.
fn check(arguments: &[&str], paths: &[PathBuf]) -> (bool, String) {
    let output = Command::new(python())
        .arg(root().join("tests/python/check_r4.py"))
        .args(arguments)
        .args(paths)
        .stdin(Stdio::null())
        .output()
        .expect("Python starts");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), said.concat())
}

#[test]
fn every_expected_bundle_is_valid_r4() {
    let bundles = expected();
    assert!(bundles.len() >= 24, "only {} bundles", bundles.len());
    let (valid, said) = check(&[], &bundles);
    assert!(valid, "{said}");
    println!("{said}");
}

#[test]
fn the_validators_refuse_broken_bundles() {
    let rich = |path: &&PathBuf| path.parent().is_some_and(|case| case.ends_with("completo"));
    let bundles: Vec<PathBuf> = expected().iter().filter(rich).cloned().collect();
    assert_eq!(bundles.len(), 1);
    let (refused, said) = check(&["--mutants"], &bundles);
    assert!(refused, "{said}");
    let (valid, said) = check(&[], &[root().join("schemas/folder/1/full.json")]);
    assert!(!valid, "{said}");
}

/// Changes one thing of the full bundle; the problems as `code place`.
fn schema_says(change: impl FnOnce(&mut serde_json::Value)) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("schemas").join(FLOW).join("bundle.schema.json")).unwrap();
    let schema = JsonSchema::compile(&text).unwrap();
    let bundle = root().join("fixtures").join(FLOW).join("completo/expected.json");
    let mut bundle: serde_json::Value = serde_json::from_slice(&std::fs::read(bundle).unwrap()).unwrap();
    assert_eq!(schema.validate_value(&bundle), []);
    change(&mut bundle);
    schema
        .validate_value(&bundle)
        .into_iter()
        .map(|problem| format!("{} {}", problem.code, problem.path))
        .collect()
}

/// The entry of the first resource of a type.
fn entry<'b>(bundle: &'b mut serde_json::Value, kind: &str) -> &'b mut serde_json::Value {
    let entries = bundle["entry"].as_array_mut().unwrap();
    entries.iter_mut().find(|entry| entry["resource"]["resourceType"] == kind).unwrap()
}

#[test]
fn the_schema_refuses_what_the_validators_cannot() {
    use serde_json::json;
    type Change = fn(&mut serde_json::Value);
    let cases: [(&str, Change); 9] = [
        ("con-4", |b| entry(b, "Condition")["resource"]["abatementDateTime"] = json!("2020-01-01")),
        ("ext-1", |b| {
            let address = &mut entry(b, "Patient")["resource"]["address"][0];
            address["extension"][0].as_object_mut().unwrap().remove("valueBoolean");
        }),
        ("an empty array", |b| entry(b, "Patient")["resource"]["name"][0]["given"] = json!([])),
        ("pat-id-cf-1", |b| {
            let identifiers = entry(b, "Patient")["resource"]["identifier"].as_array_mut().unwrap();
            for identifier in identifiers {
                identifier["value"] = json!("12345678903");
            }
        }),
        ("two occurrences", |b| {
            let request = &mut entry(b, "ServiceRequest")["resource"];
            request["occurrenceDateTime"] = json!("2025-01-01");
        }),
        ("a search without system", |b| {
            entry(b, "CarePlan")["resource"]["subject"]["reference"] = json!("Patient?identifier=1");
        }),
        ("POST without ifNoneExist", |b| {
            entry(b, "CarePlan")["request"].as_object_mut().unwrap().remove("ifNoneExist");
        }),
        ("a type that the flow does not send", |b| {
            entry(b, "Observation")["resource"]["resourceType"] = json!("Basic");
        }),
        ("DELETE with a resource", |b| entry(b, "Condition")["request"]["method"] = json!("DELETE")),
    ];
    for (what, change) in cases {
        let said = schema_says(change);
        assert!(!said.is_empty(), "{what} is accepted");
        // Each problem names its own place, not an alternative somewhere above.
        assert!(said.iter().all(|line| line.contains(" /entry/")), "{what}: {said:?}");
    }
}

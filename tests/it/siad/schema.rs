//! Our schemas by themselves: the plan never takes what the validator refuses, and another
//! validator agrees with ours. The Ministry's own schema is not public.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use raccordo::schema::{XmlSchema, mutants};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The payloads of a flow's fixtures.
fn samples(flow: &str) -> Vec<String> {
    let cases = root().join("fixtures").join(flow).read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        cases.map(|case| case.join("expected.xml")).filter(|path| path.exists()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

fn corpus(flow: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    for (at, document) in samples(flow).iter().enumerate() {
        for (_, mutant) in mutants::mutants(document, 2024 + at as u64).step_by(7) {
            seen.insert(mutant);
        }
    }
    seen.into_iter().collect()
}

/// Which of the documents xmllint takes.
fn xmllint(schema: &PathBuf, documents: &[String]) -> Vec<bool> {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> =
        (0..documents.len()).map(|at| folder.path().join(format!("{at}.xml"))).collect();
    for (path, document) in paths.iter().zip(documents) {
        std::fs::write(path, document).unwrap();
    }
    let mut taken = BTreeSet::new();
    for batch in paths.chunks(1_000) {
        let mut command = Command::new("xmllint");
        command.args(["--noout", "--nonet", "--schema"]).arg(schema).args(batch);
        let output = command.output().expect("xmllint (package libxml2-utils) is needed for this test");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        taken.extend(said.lines().filter_map(|line| Some(line.strip_suffix(" validates")?.to_owned())));
    }
    paths.iter().map(|path| taken.contains(&*path.to_string_lossy())).collect()
}

#[test]
fn ours_takes_no_mutant_that_another_validator_refuses() {
    for flow in raccordo::sandbox::gaf::FLOWS {
        let path = root().join("schemas").join(flow).join("flusso.xsd");
        let schema = XmlSchema::compile(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut validator = schema.validator().unwrap();
        let samples = samples(flow);
        assert!(samples.len() >= 8, "{flow}: {} payloads", samples.len());
        for sample in &samples {
            assert_eq!(validator.validate_fully(sample.as_bytes()), [], "{flow}");
            assert!(schema.surely_valid(sample.as_bytes()), "the plan does not know a payload of {flow}");
        }
        let corpus = corpus(flow);
        let theirs = xmllint(&path, &corpus);
        let (mut sure, mut refused) = (0, 0);
        for (mutant, theirs) in corpus.iter().zip(theirs) {
            let ours = validator.validate_fully(mutant.as_bytes()).is_empty();
            let known = schema.surely_valid(mutant.as_bytes());
            assert!(!known || ours, "the plan takes what the validator refuses:\n{mutant}");
            assert!(!ours || theirs, "{flow}: accepted only by ours:\n{mutant}");
            sure += usize::from(known);
            refused += usize::from(!ours);
        }
        println!("{flow}: {} mutants, {refused} refused, {sure} surely valid", corpus.len());
        assert!(corpus.len() > 300 && refused * 2 > corpus.len());
    }
}

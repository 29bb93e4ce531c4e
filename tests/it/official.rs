//! Our schemas against the authority's: what ours accepts, hers must accept.
//!
//! The official files are not part of this repository (see ORIGIN.toml beside
//! each schema). Set RACCORDO_OFFICIAL to a folder that holds them.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

use raccordo::schema::{JsonSchema, XmlSchema, mutants};

/// A flow with an official schema: ours and hers, samples that both accept, fixtures with a payload.
struct Authority {
    flow: &'static str,
    official: &'static str,
    samples: &'static str,
    fewest_samples: usize,
    fewest_payloads: usize,
}

const ALL: [Authority; 2] = [
    Authority {
        flow: "siuss-ps-psa-sina/2018-12",
        official: "siuss/PS_PSA_SINA201812.xsd",
        samples: "ps",
        fewest_samples: 10,
        fewest_payloads: 20,
    },
    Authority {
        flow: "siuss-sinba/1",
        official: "siuss/SINBA.xsd",
        samples: "sinba",
        fewest_samples: 7,
        fewest_payloads: 40,
    },
];
/// Files named in one call of xmllint.
const BATCH: usize = 1_000;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

impl Authority {
    fn ours(&self) -> XmlSchema {
        let path = root().join("schemas").join(self.flow).join("flusso.xsd");
        XmlSchema::compile(&std::fs::read_to_string(path).expect("our schema")).expect("it compiles")
    }

    /// The accepted documents, by file name.
    fn samples(&self) -> Vec<(String, String)> {
        let folder = root().join("tests/samples").join(self.samples);
        let mut paths: Vec<_> =
            folder.read_dir().expect("samples").map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        let read = |path: PathBuf| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).expect("a sample"))
        };
        paths.into_iter().map(read).collect()
    }

    /// Distinct mutants of all samples, with where they come from: one in four,
    /// unless RACCORDO_MUTANTS=all.
    fn corpus(&self) -> Vec<(String, String)> {
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        for (at, (name, document)) in self.samples().iter().enumerate() {
            for (what, mutant) in mutants::mutants(document, 2018 + at as u64) {
                if seen.insert(mutant.clone()) {
                    all.push((format!("{name} {what}"), mutant));
                }
            }
        }
        let every = if std::env::var("RACCORDO_MUTANTS").is_ok_and(|which| which == "all") { 1 } else { 4 };
        all.into_iter().step_by(every).collect()
    }

    /// Mutants below the level of elements: for the plan's own reading.
    fn torn(&self) -> Vec<(String, String)> {
        let all = self.samples().into_iter().enumerate();
        all.flat_map(|(at, (_, document))| mutants::torn(&document, 7 + at as u64, 1_000).collect::<Vec<_>>())
            .collect()
    }

    /// The official schema, where it is at hand; says aloud where it is not.
    fn official(&self) -> Option<PathBuf> {
        let folder = std::env::var_os("RACCORDO_OFFICIAL")
            .map_or_else(|| root().join("../shared/official"), PathBuf::from);
        let official = folder.join(self.official);
        if official.exists() {
            return Some(official);
        }
        let place = official.display();
        eprintln!("ABSENT: {place} — take it from INPS's public repository INPS-it/WaaS.Comuni");
        None
    }

    /// Every payload that a fixture expects.
    fn fixtures(&self) -> Vec<(String, String)> {
        let folder = root().join("fixtures").join(self.flow);
        let cases = folder.read_dir().expect("fixtures").map(|entry| entry.expect("an entry").path());
        let expected = cases.filter_map(|case| {
            let document = std::fs::read_to_string(case.join("expected.xml")).ok()?;
            Some((case.display().to_string(), document))
        });
        expected.collect()
    }
}

/// xmllint's verdict on each document against `schema`.
fn xmllint(schema: &Path, documents: &[(String, String)]) -> Vec<bool> {
    let folder = tempfile::tempdir().expect("a folder");
    let paths: Vec<PathBuf> =
        (0..documents.len()).map(|at| folder.path().join(format!("{at}.xml"))).collect();
    for (path, (_, document)) in paths.iter().zip(documents) {
        std::fs::write(path, document).expect("written");
    }
    let mut verdicts = HashMap::new();
    for batch in paths.chunks(BATCH) {
        let output = Command::new("xmllint")
            .args(["--noout", "--nonet", "--schema"])
            .arg(schema)
            .args(batch)
            .output()
            .expect("xmllint (package libxml2-utils) is needed for this test");
        for line in String::from_utf8_lossy(&output.stderr).lines() {
            if let Some(path) = line.strip_suffix(" fails to validate") {
                verdicts.insert(path.to_owned(), false);
            } else if let Some(path) = line.strip_suffix(" validates") {
                verdicts.insert(path.to_owned(), true);
            }
        }
    }
    // A document that is not well-formed gets neither line.
    paths.iter().map(|path| verdicts.get(&*path.to_string_lossy()).copied().unwrap_or(false)).collect()
}

#[test]
fn samples_are_accepted_by_ours() {
    for authority in &ALL {
        let schema = authority.ours();
        let mut validator = schema.validator().expect("a validator");
        let samples = authority.samples();
        assert!(samples.len() >= authority.fewest_samples);
        for (name, document) in samples {
            assert_eq!(validator.validate_fully(document.as_bytes()), [], "{name}");
            assert!(schema.surely_valid(document.as_bytes()), "the plan does not know {name}");
        }
    }
}

#[test]
fn the_plan_never_accepts_what_the_validator_refuses() {
    for authority in &ALL {
        let schema = authority.ours();
        let mut validator = schema.validator().expect("a validator");
        let (mut surely, mut valid) = (0, 0);
        let corpus = [authority.corpus(), authority.torn()].concat();
        assert!(corpus.len() >= 5_000, "{} mutants", corpus.len());
        for (what, mutant) in &corpus {
            let problems = validator.validate_fully(mutant.as_bytes());
            let sure = schema.surely_valid(mutant.as_bytes());
            assert!(!sure || problems.is_empty(), "{what}: {problems:?}\n{mutant}");
            surely += usize::from(sure);
            valid += usize::from(problems.is_empty());
        }
        let flow = authority.flow;
        println!("{flow}: mutants {}, valid {valid}, of these known to the plan {surely}", corpus.len());
        assert!(surely > 0);
    }
}

#[test]
fn what_ours_accepts_the_official_accepts() {
    for authority in &ALL {
        let Some(official) = authority.official() else { continue };
        let samples = authority.samples();
        for (verdict, (name, _)) in xmllint(&official, &samples).into_iter().zip(&samples) {
            assert!(verdict, "the official schema refuses the sample {name}");
        }
        let (schema, corpus) = (authority.ours(), [authority.corpus(), authority.torn()].concat());
        assert!(corpus.len() >= 2_000);
        let official = xmllint(&official, &corpus);
        let ours: Vec<bool> =
            corpus.iter().map(|(_, mutant)| schema.validate(mutant.as_bytes()).is_empty()).collect();
        let too_lax: Vec<_> = (0..corpus.len()).filter(|at| ours[*at] && !official[*at]).collect();
        let refused = |verdicts: &[bool]| verdicts.iter().filter(|valid| !**valid).count();
        let both = ours.iter().zip(&official).filter(|(ours, official)| !**ours && !**official).count();
        println!(
            "{}: mutants {}, refused by the official {}, by ours {}, by both {both}",
            authority.flow,
            corpus.len(),
            refused(&official),
            refused(&ours)
        );
        let told: Vec<_> =
            too_lax.iter().take(10).map(|at| format!("{}\n{}", corpus[*at].0, corpus[*at].1)).collect();
        assert!(told.is_empty(), "{} accepted only by ours:\n{}", too_lax.len(), told.join("\n"));
    }
}

#[test]
fn every_accepted_fixture_passes_the_official_schema() {
    for authority in &ALL {
        let (documents, schema) = (authority.fixtures(), authority.ours());
        assert!(documents.len() >= authority.fewest_payloads, "{} cases with a payload", documents.len());
        for (case, document) in &documents {
            assert!(schema.validate(document.as_bytes()).is_empty(), "{case} by ours");
        }
        let Some(official) = authority.official() else { continue };
        let verdicts = xmllint(&official, &documents);
        for ((case, _), valid) in documents.iter().zip(verdicts) {
            assert!(valid, "{case} by the official schema");
        }
        println!("{}: {} payloads of fixtures pass the official schema", authority.flow, documents.len());
    }
}

fn answers(name: &str) -> JsonSchema {
    let path = root().join("schemas/siuss-waas/2.0.1").join(format!("{name}.schema.json"));
    let schema = JsonSchema::compile(&std::fs::read_to_string(path).expect("a schema")).expect("it compiles");
    assert!(!schema.shape().expect("it has a shape").nodes.is_empty());
    schema
}

fn problems_of(schema: &JsonSchema, document: &str) -> Vec<String> {
    let problems = schema.validate(document.as_bytes());
    problems.into_iter().map(|problem| format!("{} {}", problem.code, problem.path)).collect()
}

#[test]
fn outcomes_are_read_tolerantly() {
    let schema = answers("esiti-request");
    let esito = |code: &str| {
        format!(
            r#"{{"elenco_esiti":[{{"id_flusso":"H501.PS.20240423.00000001","tipo":"PS_PSA_SINA","codice_ente":"H501",
            "ts_flusso":"2023-11-27T11:04:56.852Z","ts_acquisizione":1701083096852,"codice_esito":"{code}",
            "codice_siuss":"22738"}}]}}"#
        )
    };
    assert!(problems_of(&schema, &esito("OK")).is_empty());
    assert_eq!(problems_of(&schema, &esito("FORSE")), ["enum /elenco_esiti/0/codice_esito"]);
    assert!(problems_of(&schema, r#"{"elenco_esiti":[]}"#).is_empty());
    assert_eq!(problems_of(&schema, "{}"), ["required /elenco_esiti"]);
}

#[test]
fn served_flows_and_problems_are_strict() {
    let schema = answers("flussi-response");
    let flusso = |ts: &str| {
        format!(
            r#"{{"elenco_flussi":[{{"codice_ente":"H501","denominazione_ente":"Comune di prova","tipo":"PS_PSA_SINA",
            "id_flusso":"H501.PS.20240423.0000001","ts_flusso":"{ts}","flusso":"PGE+PC9hPg=="}}]}}"#
        )
    };
    assert!(problems_of(&schema, &flusso("2023-11-27T11:04:56.852Z")).is_empty());
    assert_eq!(problems_of(&schema, &flusso("2023-11-27T11:04:56Z")), ["pattern /elenco_flussi/0/ts_flusso"]);
    let schema = answers("problem");
    assert!(problems_of(&schema, r#"{"type":"about:blank","status":404}"#).is_empty());
    assert_eq!(problems_of(&schema, r#"{"trace":"1"}"#), ["additionalProperties /trace"]);
}

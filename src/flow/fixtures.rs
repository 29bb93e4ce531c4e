//! The runner of fixtures: `fixtures/<flow>/<version>/<case>/`.
//!
//! A case is `folder.json`, perhaps `context.toml`, and what is expected of it:
//! `expected.xml` or `expected.json` (all its records in one container with the nominal
//! header, a line per element or member) and `findings.txt` (`severity rule place`, sorted). A
//! missing file expects nothing of its kind. New cases are found, not listed. Of an inbound flow
//! a case has `answer*.xml` too: see `inbound_fixtures`.

use super::{
    Catalog, Container, Context, EnteSettings, Flow, Header, Mapped, OperationKind, Part, fixtures_aggregate,
    inbound_fixtures,
};
use crate::folder::FolderSchema;
use crate::folder::finding::{Finding, Severity};
use crate::mapping::keyed::{KeyState, Keys, PseudonymKey, TEST_KEY};
use crate::mapping::value::iso_date;
use jiff::civil::{Date, date};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The day on which cases without `context.toml` happen.
pub const TODAY: Date = date(2026, 3, 1);

/// What became of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// `family/version`.
    pub flow: String,
    /// Name of the case's directory.
    pub case: String,
    pub folder: PathBuf,
    /// What differs, in English; empty = passed.
    pub differences: Vec<String>,
    /// What the case makes today, by file name.
    pub actual: BTreeMap<String, String>,
}

impl CaseResult {
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// `context.toml` of a case.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CaseContext {
    /// Today, ISO.
    today: Option<String>,
    /// Settings of the ente for the flow.
    settings: BTreeMap<String, String>,
    /// Keys of the ente: 64 hexadecimal digits, `missing` or `changed`; the test key if not named.
    keys: BTreeMap<String, String>,
}

/// Runs every case found below `folder`.
pub fn run(catalog: &Catalog, folder: &Path) -> Vec<CaseResult> {
    let schema = match FolderSchema::embedded() {
        Ok(schema) => schema,
        Err(error) => return vec![failed(folder, error.to_string())],
    };
    let cases = cases(folder, "folder.json");
    let mut results: Vec<CaseResult> = cases.iter().map(|case| run_case(catalog, &schema, case)).collect();
    results.extend(fixtures_aggregate::run(catalog, &schema, folder));
    results
}

/// Runs every case and rewrites what it expects. The diff is then reviewed.
///
/// # Errors
/// If a file cannot be written.
pub fn bless(catalog: &Catalog, folder: &Path) -> std::io::Result<Vec<CaseResult>> {
    let results = run(catalog, folder);
    for result in results.iter().filter(|result| !result.passed()) {
        for name in EXPECTED {
            let path = result.folder.join(name);
            match result.actual.get(name) {
                Some(text) => std::fs::write(path, text)?,
                None if path.exists() => std::fs::remove_file(path)?,
                None => {}
            }
        }
    }
    Ok(results)
}

const EXPECTED: [&str; 4] = ["expected.xml", "expected.json", "expected.csv", "findings.txt"];

/// Directories with a file of this name, at and below `folder`.
pub(super) fn cases(folder: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if folder.join(name).is_file() {
        found.push(folder.to_owned());
    }
    if let Ok(entries) = std::fs::read_dir(folder) {
        let mut below: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        below.sort();
        found.extend(below.iter().filter(|path| path.is_dir()).flat_map(|path| cases(path, name)));
    }
    found
}

pub(super) fn failed(folder: &Path, message: String) -> CaseResult {
    let name = |path: Option<&Path>| {
        path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let version = folder.parent();
    let family = version.and_then(Path::parent);
    CaseResult {
        flow: format!("{}/{}", name(family), name(version)),
        case: name(Some(folder)),
        folder: folder.to_owned(),
        differences: vec![message],
        actual: BTreeMap::new(),
    }
}

fn run_case(catalog: &Catalog, schema: &FolderSchema, folder: &Path) -> CaseResult {
    // The path as given may be relative or end in the case itself.
    let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mut result = failed(&absolute, String::new());
    result.differences.clear();
    let made = match (catalog.find(&result.flow), catalog.find_inbound(&result.flow)) {
        (Some(flow), _) => actual(flow, schema, &absolute),
        (None, Some(flow)) => inbound_fixtures::actual(flow, schema, &absolute),
        (None, None) => Err(format!("there is no flow {}", result.flow)),
    };
    match made {
        Ok(actual) => result.actual = actual,
        Err(message) => {
            result.differences.push(message);
            return result;
        }
    }
    compare(&mut result);
    result
}

/// Notes where what a case makes is not what it expects.
pub(super) fn compare(result: &mut CaseResult) {
    for name in EXPECTED {
        let expected = std::fs::read_to_string(result.folder.join(name)).ok();
        if let Some(difference) = difference(name, expected.as_deref(), result.actual.get(name)) {
            result.differences.push(difference);
        }
    }
}

fn actual(flow: &Flow, schema: &FolderSchema, folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let bytes = std::fs::read(folder.join("folder.json")).map_err(|error| error.to_string())?;
    let context = context(flow, &folder.join("context.toml"))?;
    let mapped = match schema.parse(&bytes) {
        Ok(parsed) => flow.map(&parsed, &context),
        Err(findings) => Mapped { findings, ..Mapped::default() },
    };
    expected(flow, &mapped)
}

/// What a case with this outcome expects, by file name.
///
/// # Errors
/// If its container can't be built, in English.
pub fn expected(flow: &Flow, mapped: &Mapped) -> Result<BTreeMap<String, String>, String> {
    let mut files = BTreeMap::new();
    if let Some(payload) = payload(flow, mapped)? {
        let name = if flow.is_json() { "expected.json" } else { "expected.xml" };
        files.insert(name.to_owned(), payload);
    }
    let findings = findings_text(mapped);
    if !findings.is_empty() {
        files.insert("findings.txt".to_owned(), findings);
    }
    Ok(files)
}

fn context(flow: &Flow, path: &Path) -> Result<Context, String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let case: CaseContext = toml::from_str(&text).map_err(|error| format!("context.toml: {error}"))?;
    let today = match &case.today {
        None => TODAY,
        Some(text) => iso_date(text).ok_or("context.toml: today is not AAAA-MM-GG")?,
    };
    let mut keys = flow.test_keys();
    for (name, text) in &case.keys {
        let state = match text.as_str() {
            "missing" => None,
            "changed" => Some(KeyState::Changed),
            text => Some(KeyState::Ready(
                PseudonymKey::from_hex(text).ok_or("context.toml: a key has 64 hexadecimal digits")?,
            )),
        };
        match state {
            Some(state) => keys.0.insert(name.clone(), state),
            None => keys.0.remove(name),
        };
    }
    let ente = EnteSettings { flow: case.settings, keys: Arc::new(keys), ..EnteSettings::default() };
    Ok(Context { today, ente })
}

impl Flow {
    /// The keys that the flow needs, all of them the test key.
    pub fn test_keys(&self) -> Keys {
        let names = self.mapping.flow.keys.keys();
        let key = PseudonymKey::from_hex(TEST_KEY);
        Keys(names.filter_map(|name| Some((name.clone(), KeyState::Ready(key.clone()?)))).collect())
    }
}

/// All records in one container, a line per element or member.
fn payload(flow: &Flow, mapped: &Mapped) -> Result<Option<String>, String> {
    let fragments = mapped.records.iter().filter_map(|record| record.fragment.as_ref());
    let ids: Vec<String> = (1..=mapped.records.len()).map(|number| format!("{number}.1")).collect();
    let parts: Vec<Part<'_>> = fragments
        .zip(&ids)
        .map(|(fragment, id)| Part { kind: OperationKind::Insert, fragment: fragment.expose(), id })
        .collect();
    if parts.is_empty() {
        return Ok(None);
    }
    let ente = flow.nominal_ente();
    let nominal = &flow.mapping.document.container.nominal;
    let header = Header { name: &nominal.nome, date: TODAY, ente: &ente };
    let payload =
        flow.assemble(Container::Bulk, &header, &parts).map_err(|problems| format!("{problems:?}"))?;
    if flow.is_json() {
        let value: serde_json::Value = serde_json::from_slice(&payload).map_err(|error| error.to_string())?;
        return serde_json::to_string_pretty(&value)
            .map(|text| Some(text + "\n"))
            .map_err(|error| error.to_string());
    }
    let text = String::from_utf8(payload).map_err(|error| error.to_string())?;
    Ok(Some(text.replace("><", ">\n<") + "\n"))
}

/// `severity rule place`, each once, sorted.
pub fn findings_text(mapped: &Mapped) -> String {
    lines(mapped.findings.iter().chain(mapped.records.iter().flat_map(|record| &record.findings)))
}

pub(super) fn lines<'f>(findings: impl Iterator<Item = &'f Finding>) -> String {
    let lines: BTreeSet<String> = findings.map(line).collect();
    lines.into_iter().map(|line| line + "\n").collect()
}

fn line(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Warn => "warn",
        Severity::Withhold => "withhold",
    };
    let payload = || finding.payload_path.as_deref().unwrap_or_default();
    let place = if finding.folder_path.is_empty() { payload() } else { &finding.folder_path };
    format!("{severity} {} {place}", finding.rule)
}

fn difference(name: &str, expected: Option<&str>, actual: Option<&String>) -> Option<String> {
    match (expected, actual) {
        (None, None) => None,
        (None, Some(_)) => Some(format!("{name} is made, but not expected")),
        (Some(_), None) => Some(format!("{name} is expected, but not made")),
        (Some(expected), Some(actual)) => {
            let mut lines = expected.lines().zip(actual.lines()).enumerate();
            let first = lines.find(|(_, (expected, actual))| expected != actual).map(|(index, _)| index + 1);
            let longer = (expected.lines().count() != actual.lines().count())
                .then(|| expected.lines().count().min(actual.lines().count()) + 1);
            first.or(longer).map(|line| format!("{name} differs from line {line} on"))
        }
    }
}

//! Cases of aggregate flows: `folders.ndjson` (a folder a line), `context.toml`, and what is expected
//! of them, `expected.json` and `expected.csv`.

use super::Catalog;
use super::aggregate::{About, AggregateFlow, Counted, csv};
use super::fixtures::{CaseResult, TODAY, cases, compare, failed};
use crate::folder::FolderSchema;
use crate::mapping::aggregate::{Span, Tally};
use crate::mapping::value::iso_date;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// `context.toml` of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseContext {
    /// Today, ISO.
    today: Option<String>,
    period: PeriodTable,
    /// Settings of the ente for the flow.
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PeriodTable {
    name: String,
    from: String,
    to: String,
}

/// Runs every aggregate case found below `folder`.
pub(super) fn run(catalog: &Catalog, schema: &FolderSchema, folder: &Path) -> Vec<CaseResult> {
    let cases = cases(folder, "folders.ndjson");
    cases.iter().map(|case| run_case(catalog, schema, case)).collect()
}

fn run_case(catalog: &Catalog, schema: &FolderSchema, folder: &Path) -> CaseResult {
    let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mut result = failed(&absolute, String::new());
    result.differences.clear();
    let Some(flow) = catalog.aggregates().iter().find(|flow| flow.id() == result.flow) else {
        result.differences.push(format!("there is no aggregate flow {}", result.flow));
        return result;
    };
    match actual(flow, schema, &absolute) {
        Ok(actual) => {
            result.actual = actual;
            compare(&mut result);
        }
        Err(message) => result.differences.push(message),
    }
    result
}

fn actual(
    flow: &AggregateFlow,
    schema: &FolderSchema,
    case: &Path,
) -> Result<BTreeMap<String, String>, String> {
    let read =
        |name: &str| std::fs::read_to_string(case.join(name)).map_err(|error| format!("{name}: {error}"));
    let context: CaseContext =
        toml::from_str(&read("context.toml")?).map_err(|error| format!("context.toml: {error}"))?;
    let day = |text: &str| iso_date(text).ok_or("context.toml: a day is not AAAA-MM-GG");
    let today = context.today.as_deref().map_or(Ok(TODAY), day)?;
    let span = Span::of(day(&context.period.from)?, day(&context.period.to)?, today);
    let threshold = flow.threshold(&context.settings)?;
    let (mut tally, mut stored, mut unreadable) = (Tally::new(&flow.plan), 0, 0);
    for line in read("folders.ndjson")?.lines().filter(|line| !line.is_empty()) {
        stored += 1;
        match schema.parse(line.as_bytes()) {
            Ok(parsed) => drop(tally.fold(&flow.plan, parsed.body.expose(), &span)),
            Err(_) => unreadable += 1,
        }
    }
    let about = About { ente: ("H501", "Ente"), period: context.period.name, span, date: today, threshold };
    let counted = Counted { tally: &tally, stored, unreadable, registers: &[] };
    let report = flow.report(&about, &counted);
    if !report.books.close() {
        return Err(format!("the books do not close: {:?}", report.books));
    }
    let problems = flow.validate(&report.document);
    if !problems.is_empty() {
        return Err(format!("what is made does not follow its schema: {problems:?}"));
    }
    let json = serde_json::to_string_pretty(&report.document).map_err(|error| error.to_string())?;
    Ok(BTreeMap::from([
        ("expected.json".to_owned(), json + "\n"),
        ("expected.csv".to_owned(), csv::csv(&report.document)),
    ]))
}

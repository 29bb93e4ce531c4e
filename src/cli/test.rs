//! `test`: fixtures, folders with what is expected of them.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::Outcome;
use crate::flow::fixtures;
use crate::node;

/// Run fixtures.
#[derive(Args)]
pub struct Test {
    /// A directory of cases; `fixtures` here, or in the directory of `--flows`, when left out.
    path: Option<PathBuf>,
    /// Rewrite what is expected, to be reviewed as a diff.
    #[arg(long)]
    bless: bool,
}

/// `raccordo test`.
pub fn run(test: &Test, as_json: bool) -> anyhow::Result<Outcome> {
    let catalog = node::load_catalog()?;
    let path = test.path.clone().unwrap_or_else(|| node::flows_of_ones_own().join("fixtures"));
    let results = if test.bless { fixtures::bless(&catalog, &path)? } else { fixtures::run(&catalog, &path) };
    if results.is_empty() {
        bail!("no cases below {}: a case is a directory with a folder.json", path.display());
    }
    let failed: Vec<_> = results.iter().filter(|result| !result.passed()).collect();
    for result in failed.iter().filter(|_| !as_json) {
        let word = if test.bless { "rewritten" } else { "FAILED" };
        println!("{word} {}/{}", result.flow, result.case);
        result.differences.iter().for_each(|line| println!("    {line}"));
    }
    let (all, bad) = (results.len(), failed.len());
    if as_json {
        let case = |result: &&fixtures::CaseResult| json!({ "flow": result.flow, "case": result.case, "differences": result.differences });
        let which: Vec<_> = failed.iter().map(case).collect();
        println!("{}", json!({ "cases": all, "failed": bad, "differing": which }));
    } else {
        println!("{} passed, {bad} failed", all - bad);
    }
    Ok(if failed.is_empty() || test.bless { Outcome::Fine } else { Outcome::Findings })
}

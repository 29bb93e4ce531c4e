//! `new-flow`: begins a flow whose files pass `check` and `test` at once.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::Outcome;
use super::speech::said;
use crate::flow::files::Overlay;
use crate::flow::scaffold::{NewFile, Wanted};
use crate::flow::{Catalog, fixtures};
use crate::folder::FolderSchema;
use crate::gateway::{Clock, SystemClock};
use crate::mapping::document::Format;
use crate::node;

/// Begin a flow.
#[derive(Args)]
#[command(after_help = "Examples:
  raccordo new-flow registro-prova 1                     an XML flow, here
  raccordo new-flow registro-prova 1 --format json --dir flows
  raccordo new-flow registro-prova 2 --from registro-prova/1 --valid-from 2027-01-01
  raccordo --flows flows check; raccordo --flows flows test")]
pub struct NewFlow {
    /// The family's name: small letters, digits, hyphens.
    name: String,
    /// The authority's own name for the version, e.g. `2026` or `1.2`.
    #[arg(value_name = "VERSION")]
    release: String,
    /// How payloads are written; that of `--from` when left out, else XML.
    #[arg(long)]
    format: Option<WrittenAs>,
    /// The register whose state is tracked; that of `--from`, else the name.
    #[arg(long)]
    register: Option<String>,
    /// Begin as a copy of this flow (`family/version`).
    #[arg(long, conflicts_with = "format", value_name = "FLOW")]
    from: Option<String>,
    /// First sending date of the version; today when left out.
    #[arg(long)]
    valid_from: Option<jiff::civil::Date>,
    /// The directory for `mappings/`, `schemas/` and `fixtures/`; that of `--flows`, else this one.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Formats of payloads.
#[derive(Clone, Copy, ValueEnum)]
enum WrittenAs {
    Xml,
    Json,
}

/// `raccordo new-flow`.
pub fn run(new: &NewFlow, json: bool) -> anyhow::Result<Outcome> {
    let directory = new.dir.clone().unwrap_or_else(node::flows_of_ones_own);
    let directory = if directory.as_os_str().is_empty() { PathBuf::from(".") } else { directory };
    let (wanted, files) = files_of(new)?;
    for top in ["mappings", "schemas", "fixtures"] {
        let taken = directory.join(top).join(wanted.id());
        if taken.exists() {
            bail!("{} is there already: nothing was written", taken.display());
        }
    }
    if !node::flow_files()?.list(&format!("mappings/{}", wanted.id())).is_empty() {
        bail!("there is a flow {} already: choose another version", wanted.id());
    }
    for (path, bytes) in &files {
        write(&directory.join(path), bytes)?;
    }
    let (cases, defects) = prove(&directory, &wanted)?;
    let mut paths: Vec<String> = files.into_iter().map(|(path, _)| path).collect();
    paths.sort();
    if json {
        println!("{}", json!({ "flow": wanted.id(), "files": paths, "cases": cases, "defects": defects }));
    } else {
        paths.iter().for_each(|path| println!("{}", directory.join(path).display()));
        defects.iter().for_each(|defect| println!("{defect}"));
        let next = format!("Flow {} is there with {cases} cases: read its README.md next.", wanted.id());
        println!("{}", said(&next));
    }
    Ok(if defects.is_empty() { Outcome::Fine } else { Outcome::Findings })
}

/// What is to be written.
fn files_of(new: &NewFlow) -> anyhow::Result<(Wanted, Vec<NewFile>)> {
    let mut wanted = Wanted {
        family: new.name.clone(),
        version: new.release.clone(),
        register: new.register.clone().unwrap_or_else(|| new.name.clone()),
        format: if matches!(new.format, Some(WrittenAs::Json)) { Format::Json } else { Format::Xml },
        valid_from: new.valid_from.unwrap_or_else(|| SystemClock.today()),
    };
    let Some(from) = &new.from else {
        return checked(wanted).map(|wanted| (wanted.clone(), wanted.files()));
    };
    let catalog = node::load_catalog()?;
    let known: Vec<_> = catalog.flows().iter().map(|flow| flow.id().to_owned()).collect();
    let from = catalog.find(from);
    let from =
        from.with_context(|| format!("there is no flow to begin from; there are: {}", known.join(", ")))?;
    wanted.register = new.register.clone().unwrap_or_else(|| from.register().to_owned());
    let wanted = checked(wanted)?;
    let schema = FolderSchema::embedded()?;
    let files = wanted.copied(from, &*node::flow_files()?, schema.schema());
    Ok((wanted, files))
}

fn checked(wanted: Wanted) -> anyhow::Result<Wanted> {
    match wanted.problem() {
        Some(problem) => bail!("{problem}"),
        None => Ok(wanted),
    }
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)
        .and_then(|()| std::fs::write(path, bytes))
        .with_context(|| path.display().to_string())
}

/// Loads the new flow beside all others and writes what its cases expect: how many there are,
/// and what does not fit (a copy may overlap its elder).
fn prove(directory: &Path, wanted: &Wanted) -> anyhow::Result<(usize, Vec<String>)> {
    match Catalog::load(&Overlay::new(directory)) {
        Ok(catalog) => {
            let cases = directory.join("fixtures").join(wanted.id());
            Ok((fixtures::bless(&catalog, &cases)?.len(), Vec::new()))
        }
        Err(defects) => Ok((0, defects.iter().map(ToString::to_string).collect())),
    }
}

//! `flows docs`: a page for each flow, out of the flow's own files, for whoever reads the guide.

mod markdown;
mod page;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use super::Outcome;
use crate::flow::files::Files;
use crate::node;

/// Pages about flows.
#[derive(Subcommand)]
pub enum Flows {
    /// A Markdown page (in Italian) for each flow, and one that lists them.
    Docs {
        /// Made where it is missing.
        directory: PathBuf,
    },
}

/// `raccordo flows`.
pub fn run(flows: &Flows, json: bool) -> anyhow::Result<Outcome> {
    let Flows::Docs { directory } = flows;
    // What does not load is no flow to describe.
    node::load_catalog()?;
    let files = node::flow_files()?;
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    let (mut written, mut listed) = (Vec::new(), Vec::new());
    for id in ids(&*files) {
        let (name, page) = (format!("{}.md", id.replace('/', "-")), page::Page::read(&*files, &id)?);
        write(directory, &name, &page.text())?;
        listed.push(format!("- [{}]({name}): `{id}`\n", page.title()));
        written.push(name);
    }
    let head = "# I tracciati\n\nUna pagina per tracciato, generata dai suoi file a ogni costruzione della guida.\n\n";
    write(directory, "README.md", &(head.to_owned() + &listed.concat()))?;
    if json {
        println!("{}", json!({ "pages": written }));
    } else {
        written.iter().for_each(|name| println!("{}", directory.join(name).display()));
    }
    Ok(Outcome::Fine)
}

/// The flows that have a mapping, `family/version`.
fn ids(files: &dyn Files) -> Vec<String> {
    let mappings = files.list("mappings");
    let ids = mappings
        .iter()
        .filter_map(|path| path.strip_prefix("mappings/")?.strip_suffix("/mapping.toml").map(str::to_owned));
    ids.collect()
}

fn write(directory: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let path = directory.join(name);
    fs::write(&path, text).with_context(|| path.display().to_string())
}

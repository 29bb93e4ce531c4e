//! `folder template`: the smallest folder that a flow needs.

use clap::Subcommand;

use super::Outcome;
use crate::folder::{FolderSchema, template};
use crate::node;

/// Folders.
#[derive(Subcommand)]
pub enum Folder {
    /// A synthetic folder with every field that a flow reads.
    Template {
        /// The flow; the smallest valid folder when left out.
        #[arg(long)]
        flow: Option<String>,
    },
}

/// `raccordo folder template`.
pub fn run(folder: &Folder) -> anyhow::Result<Outcome> {
    let Folder::Template { flow } = folder;
    let Some(id) = flow else {
        println!("{}", template::SMALLEST_TEXT.trim_end());
        return Ok(Outcome::Fine);
    };
    let catalog = node::load_catalog()?;
    if catalog.is_aggregate(id) {
        anyhow::bail!("`{id}` is counted, not sent: `raccordo indicators` makes it");
    }
    let flow =
        catalog.find(id).ok_or_else(|| anyhow::anyhow!("there is no flow `{id}`: see `raccordo check`"))?;
    let schema = FolderSchema::embedded()?;
    let made = template::template(schema.schema(), &flow.fields_read());
    println!("{}", serde_json::to_string_pretty(&made)?);
    Ok(Outcome::Fine)
}

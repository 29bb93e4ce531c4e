//! `duplicates`: benefits that two folders seem to record.

use std::path::Path;

use clap::Args;

use super::Outcome;
use super::link::Link;
use super::show::objects;
use super::speech::said;

/// Benefits recorded twice.
#[derive(Args)]
pub struct Duplicates {
    /// So many pairs.
    #[arg(long, default_value_t = 1000)]
    limit: usize,
}

/// `raccordo duplicates`. Exit 1 when there is one.
pub fn run(duplicates: &Duplicates, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let told = Link::open(config)?.get(&format!("/duplicates?limit={}", duplicates.limit))?;
    let none = told["duplicates"].as_array().is_none_or(Vec::is_empty);
    if json {
        println!("{told}");
    } else if none {
        println!("{}", said("No benefit seems to be recorded in two folders."));
    } else {
        let fields = ["ente", "folder_id", "item", "other_ente", "other_folder_id", "other_item"];
        objects(&told["duplicates"], &fields);
    }
    Ok(if none { Outcome::Fine } else { Outcome::Findings })
}

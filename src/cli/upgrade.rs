//! `upgrade-impact`: another version of a flow against today's, and what it means for stored records.

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::Outcome;
use super::link::Link;
use super::replay;
use super::show::{cell, table};
use super::speech::{language, said};

/// Compare two versions of a flow.
#[derive(Args)]
#[command(after_help = "Examples:
  raccordo upgrade-impact --flow FAMILY --to 2027
  raccordo --flows next upgrade-impact --flow FAMILY --to 2027 --ente H501   a version not installed yet")]
pub struct UpgradeImpact {
    /// The family, by its version of today; or `family/version`.
    #[arg(long)]
    flow: String,
    /// The other version.
    #[arg(long)]
    to: String,
    /// Stored folders of this ente; of all when left out.
    #[arg(long)]
    ente: Option<String>,
    /// So many records, and folders of each rule, in detail.
    #[arg(long, default_value_t = 20)]
    sample: usize,
}

/// `raccordo upgrade-impact`. Exit 1 when the other version would withhold what leaves today.
pub fn run(upgrade: &UpgradeImpact, config: Option<&Path>, as_json: bool) -> anyhow::Result<Outcome> {
    let mut asked = json!({ "flow": upgrade.flow, "to": upgrade.to, "sample": upgrade.sample });
    if let Some(ente) = &upgrade.ente {
        asked["ente"] = Value::from(ente.as_str());
    }
    let told = Link::open(config)?.post("/upgrade-impact", &asked)?;
    if as_json {
        println!("{told}");
    } else {
        versions(&told["upgrade"]);
        impact(&told["impact"]);
    }
    let withheld = told["impact"]["changes"]["newly_withheld"].as_u64().unwrap_or(0);
    Ok(if withheld > 0 { Outcome::Findings } else { Outcome::Fine })
}

/// What differs between the two versions.
fn versions(upgrade: &Value) {
    let (from, to, day) = (cell(&upgrade["from"]), cell(&upgrade["to"]), cell(&upgrade["takes_effect"]));
    println!("{}", said(&format!("{from} against {to}, in force from {day}")));
    let mut rows = Vec::new();
    for part in ["definition", "rows", "targets", "rules", "codes"] {
        let list = |what: &str| upgrade[part][what].as_array().cloned().unwrap_or_default();
        let row = |what: &str, name: &Value, how: String| vec![said(part), said(what), cell(name), how];
        rows.extend(list("added").iter().map(|name| row("added", name, String::new())));
        rows.extend(list("removed").iter().map(|name| row("removed", name, String::new())));
        rows.extend(list("changed").iter().map(|one| row("changed", &one["name"], differences(one))));
    }
    if rows.is_empty() {
        println!("{}", said("The versions do not differ."));
    } else {
        println!();
        table(&["part", "", "name", "before → after"], &rows);
    }
}

fn differences(changed: &Value) -> String {
    let short = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        let cut: String = text.chars().take(40).collect();
        if cut.len() < text.len() { cut + "…" } else { cut }
    };
    let one = |one: &Value| {
        format!("{}: {} → {}", cell(&one["property"]), short(&one["before"]), short(&one["after"]))
    };
    changed["differences"].as_array().into_iter().flatten().map(one).collect::<Vec<_>>().join("; ")
}

/// What it means for stored records.
fn impact(impact: &Value) {
    println!();
    if impact.is_null() {
        println!("{}", said("No stored folder goes to this register."));
        return;
    }
    replay::changes(&[&impact["changes"]]);
    let code = language().code();
    for (rule, one) in impact["newly_withheld_by"].as_object().into_iter().flatten() {
        println!(
            "\n✗ {rule}: {} ({} {})",
            cell(&one["message"][code]),
            cell(&one["records"]),
            said("records")
        );
        println!("  → {}", cell(&one["hint"][code]));
        for (place, count) in one["places"].as_object().into_iter().flatten() {
            println!("  {place}: {count}");
        }
        for folder in one["folders"].as_array().into_iter().flatten() {
            let (ente, id) = (cell(&folder["ente"]), cell(&folder["folder_id"]));
            println!("    {ente} {id}: {}", cell(&folder["label"][code]));
        }
    }
    println!("\n{}", said("Nothing was written."));
}

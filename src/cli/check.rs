//! `check`: every flow against its folder schema, target schema and code tables.

use super::Outcome;
use crate::flow::Catalog;
use crate::node;

/// `raccordo check`.
pub fn run(json: bool) -> anyhow::Result<Outcome> {
    let files = node::flow_files()?;
    match Catalog::load(&*files) {
        Ok(catalog) => {
            let mut flows: Vec<_> = catalog.flows().iter().map(|flow| flow.id().to_owned()).collect();
            flows.extend(catalog.aggregates().iter().map(|flow| flow.id().to_owned()));
            flows.extend(catalog.inbound().iter().map(|flow| flow.id().to_owned()));
            if json {
                println!("{}", serde_json::json!({ "flows": flows, "defects": [] }));
            } else {
                for flow in catalog.flows() {
                    let (rows, rules) = (flow.rows().len(), flow.rules.len());
                    println!(
                        "{}: sound ({rows} rows, {rules} rules, register {})",
                        flow.id(),
                        flow.register()
                    );
                }
                for flow in catalog.aggregates() {
                    println!(
                        "{}: sound ({} indicators, sent nowhere)",
                        flow.id(),
                        flow.plan.indicators.len()
                    );
                }
                for flow in catalog.inbound() {
                    let (rows, rules) = (flow.row_count(), flow.rules.len());
                    let (id, register) = (flow.id(), flow.register());
                    println!("{id}: sound, inbound ({rows} rows, {rules} rules, register {register})");
                }
            }
            Ok(Outcome::Fine)
        }
        Err(defects) => {
            let lines: Vec<_> = defects.iter().map(ToString::to_string).collect();
            if json {
                println!("{}", serde_json::json!({ "defects": lines }));
            } else {
                lines.iter().for_each(|line| println!("{line}"));
                println!("{} defects", lines.len());
            }
            Ok(Outcome::Findings)
        }
    }
}

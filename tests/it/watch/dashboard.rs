//! The dashboard and the alert rules name the metrics that there are, and all of them are shown.

use std::collections::BTreeSet;

use crate::serving::{Site, request};
use crate::tidy::source::root;

/// The metrics that a text names; a histogram by its own name.
fn named(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("raccordo_") {
        let name: String = text[at..]
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || *c == '_' || c.is_ascii_digit())
            .collect();
        let name = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(&name);
        names.insert(name.to_owned());
    }
    names
}

#[test]
fn the_dashboard_shows_each_metric_and_no_other() {
    let site = Site::open();
    let text = request(site.api, "GET", "/metrics", &[], b"").text();
    let families: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect();
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let dashboard = read("packaging/grafana/raccordo.json");
    let parsed: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() > 10);
    let expressions: String = parsed["panels"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default())
        .map(|target| format!("{} ", target["expr"].as_str().unwrap()))
        .collect();
    assert_eq!(named(&expressions), families);
    let rules = named(&read("packaging/prometheus/raccordo.rules.yml"));
    assert!(rules.is_subset(&families), "{:?}", rules.difference(&families).collect::<Vec<_>>());
}

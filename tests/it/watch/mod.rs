//! What an operator watches: health that tells the truth, metrics, alerts, search, and the end of
//! what is kept.

mod alerts;
mod dashboard;
mod health;
mod retention;
mod search;
mod trace;

use std::collections::BTreeMap;

/// The samples of a text in Prometheus's format, by name with labels; fails on a text that breaks
/// its rules: a family once, its type before its samples, no sample twice.
pub fn samples(text: &str) -> BTreeMap<String, f64> {
    let (mut families, mut samples) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert!(families.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} twice");
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').expect("a value");
        let name = sample.split('{').next().unwrap();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        let family = base.filter(|base| families.get(*base).is_some_and(|kind| kind == "histogram"));
        assert!(families.contains_key(family.unwrap_or(name)), "{name} has no type");
        let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(samples.insert(sample.to_owned(), value).is_none(), "{sample} twice");
    }
    samples
}

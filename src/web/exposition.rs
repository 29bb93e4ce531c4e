//! The text format of Prometheus, version 0.0.4: families of samples, each name once.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::fmt::{Display, Write};

use crate::ledger::pulse::{BOUNDS, Histogram};

/// A text of families.
#[derive(Default)]
pub struct Exposition(String);

/// Samples of one name.
pub struct Family<'t> {
    text: &'t mut String,
    name: &'static str,
}

impl Exposition {
    /// Begins a family; its samples follow.
    pub fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Family { text: &mut self.0, name }
    }

    /// What may go up and down.
    pub fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    /// What only rises while the process lives.
    pub fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "counter", help)
    }

    /// Durations in seconds.
    pub fn histogram(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "histogram", help)
    }

    /// The whole text.
    pub fn into_text(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// One sample.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.line("", labels, None, value);
    }

    /// A histogram's samples.
    pub fn distribution(&mut self, labels: &[(&str, &str)], histogram: &Histogram) {
        let (below, all) = histogram.cumulated();
        for (bound, count) in BOUNDS.iter().zip(below) {
            self.line("_bucket", labels, Some(&bound.to_string()), count);
        }
        self.line("_bucket", labels, Some("+Inf"), all);
        self.line("_sum", labels, None, histogram.sum_s());
        self.line("_count", labels, None, all);
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], bound: Option<&str>, value: impl Display) {
        let mut all: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        all.extend(bound.map(|bound| format!("le=\"{bound}\"")));
        let labels = if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) };
        let _ = writeln!(self.text, "{}{suffix}{labels} {value}", self.name);
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_written_as_the_format_wants_them() {
        let mut text = Exposition::default();
        text.gauge("a", "What.").sample(&[("of", "x\"y\\z\nw")], 3);
        let histogram = Histogram::default();
        histogram.note(std::time::Duration::from_millis(3));
        text.histogram("b_seconds", "How long.").distribution(&[], &histogram);
        let text = text.into_text();
        assert!(text.starts_with("# HELP a What.\n# TYPE a gauge\na{of=\"x\\\"y\\\\z\\nw\"} 3\n"), "{text}");
        assert!(
            text.contains("b_seconds_bucket{le=\"0.005\"} 1\n")
                && text.contains("b_seconds_bucket{le=\"+Inf\"} 1\n")
        );
        assert!(text.ends_with("b_seconds_sum 0.003\nb_seconds_count 1\n"), "{text}");
    }
}

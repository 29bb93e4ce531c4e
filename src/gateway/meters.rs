//! What this process counts while it works: attempts, receipts, how long recipients take. Facts of
//! the ledger are not here; they are read when someone looks. Labels are names of the configuration
//! and words of ours, never what a person or a recipient wrote.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ledger::pulse::Histogram;

/// By which an attempt is counted: route, `send` or `ask`, outcome, class of the code.
pub type AttemptLabels = (String, &'static str, &'static str, &'static str);

/// Counters of a process.
#[derive(Default)]
pub struct Meters {
    attempts: Mutex<BTreeMap<AttemptLabels, u64>>,
    receipts: Mutex<BTreeMap<(String, &'static str), u64>>,
    answers: Mutex<BTreeMap<String, Arc<Histogram>>>,
    alerts: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    tellings: Mutex<BTreeMap<(String, &'static str), u64>>,
    pruned: Mutex<BTreeMap<&'static str, u64>>,
}

/// What holds the lock only counts: a panic in between leaves whole numbers.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Meters {
    /// An exchange with a recipient ended.
    pub fn attempted(&self, route: &str, asks: bool, words: (&'static str, &str), took: Option<Duration>) {
        let what = if asks { "ask" } else { "send" };
        let labels = (route.to_owned(), what, words.0, code_class(words.1));
        *lock(&self.attempts).entry(labels).or_default() += 1;
        if let Some(took) = took {
            let histogram = Arc::clone(lock(&self.answers).entry(route.to_owned()).or_default());
            histogram.note(took);
        }
    }

    /// A receipt for an operation came.
    pub fn received(&self, route: &str, outcome: &'static str) {
        *lock(&self.receipts).entry((route.to_owned(), outcome)).or_default() += 1;
    }

    /// An alert began or ended.
    pub fn alerted(&self, kind: &'static str, what: &'static str) {
        *lock(&self.alerts).entry((kind, what)).or_default() += 1;
    }

    /// A sink was told, or did not take it.
    pub fn told(&self, sink: &str, outcome: &'static str) {
        *lock(&self.tellings).entry((sink.to_owned(), outcome)).or_default() += 1;
    }

    /// Rows of a kind were pruned.
    pub fn pruned(&self, kind: &'static str, rows: usize) {
        *lock(&self.pruned).entry(kind).or_default() += u64::try_from(rows).unwrap_or(0);
    }

    /// Attempts so far.
    pub fn attempts(&self) -> Vec<(AttemptLabels, u64)> {
        lock(&self.attempts).iter().map(|(labels, count)| (labels.clone(), *count)).collect()
    }

    /// Receipts so far, by route and outcome.
    pub fn receipts(&self) -> Vec<((String, &'static str), u64)> {
        lock(&self.receipts).iter().map(|(labels, count)| (labels.clone(), *count)).collect()
    }

    /// How long recipients took, by route.
    pub fn answers(&self) -> Vec<(String, Arc<Histogram>)> {
        lock(&self.answers).iter().map(|(route, answers)| (route.clone(), Arc::clone(answers))).collect()
    }

    /// Alerts that began and ended, by kind.
    pub fn alerts(&self) -> Vec<((&'static str, &'static str), u64)> {
        lock(&self.alerts).iter().map(|(labels, count)| (*labels, *count)).collect()
    }

    /// What sinks took.
    pub fn tellings(&self) -> Vec<((String, &'static str), u64)> {
        lock(&self.tellings).iter().map(|(labels, count)| (labels.clone(), *count)).collect()
    }

    /// Rows pruned, by kind.
    pub fn pruned_rows(&self) -> Vec<(&'static str, u64)> {
        lock(&self.pruned).iter().map(|(kind, count)| (*kind, *count)).collect()
    }

    /// How long a recipient takes on average, ms; `None` before the first answer.
    pub fn answer_ms(&self, route: &str) -> Option<f64> {
        let histogram = lock(&self.answers).get(route).map(Arc::clone)?;
        let (_, count) = histogram.cumulated();
        (count > 0).then(|| histogram.sum_s() * 1000.0 / count as f64)
    }
}

/// The class of a recipient's code: there are few, whatever it says.
fn code_class(code: &str) -> &'static str {
    let status = code.get(..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    match status.and_then(|digits| digits.chars().next()) {
        Some('1') => "1xx",
        Some('2') => "2xx",
        Some('3') => "3xx",
        Some('4') => "4xx",
        Some('5') => "5xx",
        _ if code.is_empty() => "none",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_recipient_says_there_are_few_labels() {
        let meters = Meters::default();
        for code in ["200", "201 created", "503", "", "no answer in time", "RSSMRA80A01H501U"] {
            meters.attempted("r", false, ("answered", code), Some(Duration::from_millis(10)));
        }
        let classes: Vec<_> =
            meters.attempts().into_iter().map(|((.., class), count)| (class, count)).collect();
        assert_eq!(classes, [("2xx", 2), ("5xx", 1), ("none", 1), ("other", 2)]);
        assert!((meters.answer_ms("r").unwrap() - 10.0).abs() < 0.01);
    }
}

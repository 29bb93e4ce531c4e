//! Alerts: what an operator must hear of, told when it begins and when it ends, once for each
//! cause. Pure: what holds now, and what was known before, are arguments.

use std::collections::BTreeMap;

use super::Millis;
use crate::folder::finding::Text;

/// What may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertKind {
    /// A recipient does not answer.
    Unreachable,
    /// At this pace a deadline passes before its run ends.
    Deadline,
    /// A run of which the recipient refuses too many.
    Refusals,
    /// Operations that only a person can decide.
    Undecided,
    /// Cancels held for approval.
    Held,
    /// The ledger can't be written.
    Ledger,
    /// The broker is out of reach.
    Broker,
    /// The audit chain shows tampering.
    Audit,
    /// A client identity's certificate runs out.
    Certificate,
}

impl AlertKind {
    pub const ALL: [Self; 9] = [
        Self::Unreachable,
        Self::Deadline,
        Self::Refusals,
        Self::Undecided,
        Self::Held,
        Self::Ledger,
        Self::Broker,
        Self::Audit,
        Self::Certificate,
    ];

    /// The word stored and shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "recipient-unreachable",
            Self::Deadline => "deadline-in-danger",
            Self::Refusals => "many-refusals",
            Self::Undecided => "undecided",
            Self::Held => "held-cancels",
            Self::Ledger => "ledger-trouble",
            Self::Broker => "broker-away",
            Self::Audit => "audit-broken",
            Self::Certificate => "certificate-ends",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// What it says of its cause, in one sentence.
    pub fn text(self, cause: &str, count: u64, detail: &BTreeMap<String, String>) -> Text {
        let of = |name: &str| detail.get(name).map_or("?", String::as_str);
        match self {
            Self::Unreachable => Text::new(
                format!("Il destinatario della rotta {cause} non risponde; operazioni in attesa: {count}."),
                format!("The recipient of the route {cause} does not answer; operations waiting: {count}."),
            ),
            Self::Deadline => Text::new(
                format!(
                    "{cause}: a questo ritmo la scadenza {} passa prima della fine; record: {count}.",
                    of("deadline")
                ),
                format!(
                    "{cause}: at this pace the deadline {} passes before the end; records left: {count}.",
                    of("deadline")
                ),
            ),
            Self::Refusals => Text::new(
                format!(
                    "{cause}: respinti {count} record su {} nella rendicontazione {}.",
                    of("answered"),
                    of("run")
                ),
                format!("{cause}: {count} records of {} refused in run {}.", of("answered"), of("run")),
            ),
            Self::Undecided => Text::new(
                format!("Rotta {cause}: {count} operazioni attendono la decisione di una persona."),
                format!("Route {cause}: {count} operations wait for a person's decision."),
            ),
            Self::Held => Text::new(
                format!("{cause}: {count} cancellazioni trattenute attendono un'approvazione."),
                format!("{cause}: {count} held cancels wait for approval."),
            ),
            Self::Ledger => Text::new(
                "Il giornale non si può scrivere: guardare disco e log.",
                "The ledger cannot be written: look at the disk and the log.",
            ),
            Self::Broker => Text::new(
                "Il broker è fuori portata: nulla si perde, ma ciò che parte in spinta aspetta.",
                "The broker is out of reach: nothing is lost, but what is pushed waits.",
            ),
            Self::Audit => Text::new(
                format!("La catena di audit è interrotta all'evento {}.", of("event")),
                format!("The audit chain is broken at event {}.", of("event")),
            ),
            Self::Certificate => Text::new(
                format!("Il certificato della rotta {cause} scade il {}.", of("ends")),
                format!("The certificate of the route {cause} ends on {}.", of("ends")),
            ),
        }
    }
}

/// Something that holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub kind: AlertKind,
    /// What it is grouped by: ids only.
    pub cause: String,
    /// How much it concerns.
    pub count: u64,
    /// Numbers and ids for the text.
    pub detail: BTreeMap<String, String>,
    /// It is told once it has held for so long, ms.
    pub patience: Millis,
}

/// An alert as known from before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub id: i64,
    pub kind: AlertKind,
    pub cause: String,
    pub since: Millis,
    pub was_told: bool,
}

/// What follows for one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It holds and nothing was known of it; `tell` at once.
    New { condition: Condition, tell: bool },
    /// It has held long enough: it is told.
    Begins { id: i64, condition: Condition },
    /// It holds still.
    Holds { id: i64, condition: Condition },
    /// It was told, and holds no more.
    Ends { id: i64 },
    /// It passed before it was told.
    Passes { id: i64 },
}

/// Compares what holds with what was known. A cause has one alert of a kind, however much it concerns.
pub fn changes(known: &[Known], holding: Vec<Condition>, now: Millis) -> Vec<Change> {
    let mut held: BTreeMap<(AlertKind, String), Condition> = BTreeMap::new();
    for condition in holding {
        held.entry((condition.kind, condition.cause.clone())).or_insert(condition);
    }
    let mut changes = Vec::new();
    for alert in known {
        changes.push(match held.remove(&(alert.kind, alert.cause.clone())) {
            Some(condition) if alert.was_told => Change::Holds { id: alert.id, condition },
            Some(condition) if now - alert.since >= condition.patience => {
                Change::Begins { id: alert.id, condition }
            }
            Some(condition) => Change::Holds { id: alert.id, condition },
            None if alert.was_told => Change::Ends { id: alert.id },
            None => Change::Passes { id: alert.id },
        });
    }
    changes
        .extend(held.into_values().map(|condition| Change::New { tell: condition.patience <= 0, condition }));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn condition(kind: AlertKind, cause: &str, patience: Millis) -> Condition {
        Condition { kind, cause: cause.into(), count: 5_000, detail: BTreeMap::new(), patience }
    }

    fn known(id: i64, cause: &str, since: Millis, was_told: bool) -> Known {
        Known { id, kind: AlertKind::Unreachable, cause: cause.into(), since, was_told }
    }

    #[test]
    fn one_cause_is_one_alert_told_when_it_has_lasted() {
        let dead = || condition(AlertKind::Unreachable, "route", 600);
        let first = changes(&[], vec![dead(), dead()], 0);
        assert_eq!(first, [Change::New { condition: dead(), tell: false }]);
        let at = |now, was_told| changes(&[known(1, "route", 0, was_told)], vec![dead()], now);
        assert_eq!(at(599, false), [Change::Holds { id: 1, condition: dead() }]);
        assert_eq!(at(600, false), [Change::Begins { id: 1, condition: dead() }]);
        assert_eq!(at(9_999, true), [Change::Holds { id: 1, condition: dead() }], "told once");
    }

    #[test]
    fn an_end_is_told_only_of_what_was_told() {
        let known = [known(1, "a", 0, true), known(2, "b", 0, false)];
        assert_eq!(changes(&known, Vec::new(), 9), [Change::Ends { id: 1 }, Change::Passes { id: 2 }]);
    }

    #[test]
    fn every_kind_has_its_word_and_both_texts() {
        for kind in AlertKind::ALL {
            assert_eq!(AlertKind::from_word(kind.word()), Some(kind));
            let text = kind.text("x", 3, &BTreeMap::new());
            assert!(!text.it.is_empty() && !text.en.is_empty() && text.it != text.en);
        }
    }

    proptest! {
        /// Whatever comes and goes, an end follows a beginning, and no beginning another one.
        #[test]
        fn beginnings_and_ends_alternate(steps in proptest::collection::vec((any::<bool>(), 1_i64..50), 1..60)) {
            let (mut state, mut now, mut open): (Option<Known>, Millis, bool) = (None, 0, false);
            for (holds, later) in steps {
                now += later;
                let holding = if holds { vec![condition(AlertKind::Unreachable, "a", 30)] } else { Vec::new() };
                for change in changes(&state.clone().into_iter().collect::<Vec<_>>(), holding, now) {
                    match change {
                        Change::New { tell, .. } => {
                            prop_assert!(!tell);
                            state = Some(known(1, "a", now, false));
                        }
                        Change::Begins { .. } => {
                            prop_assert!(!open);
                            open = true;
                            state.as_mut().unwrap().was_told = true;
                        }
                        Change::Holds { .. } => {}
                        Change::Ends { .. } => {
                            prop_assert!(open);
                            (open, state) = (false, None);
                        }
                        Change::Passes { .. } => {
                            prop_assert!(!open);
                            state = None;
                        }
                    }
                }
            }
        }
    }
}

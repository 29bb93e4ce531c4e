//! The planner's heart: from the two sides of a record to its next operation.

use super::{Desired, Hash, Kind, Record};

/// Why nothing is to be done for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// The register holds what it should.
    Unchanged,
    /// A finding withholds it, it vanished without a word, or the register can't take it back.
    SetAside,
    /// The register refused exactly this; it waits for a correction.
    Refused,
    /// Nothing was ever there and nothing should be.
    Nothing,
    /// A person must look first.
    Trouble,
}

/// What brings a record nearer to what the register should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Rest(Rest),
    Do { kind: Kind, content: Hash, register_key: Hash, replacement: bool },
}

impl Step {
    /// A cancel that replaces nothing: it counts towards a run's threshold.
    pub const fn only_cancels(&self) -> bool {
        matches!(self, Self::Do { kind: Kind::Cancel, replacement: false, .. })
    }
}

/// The next operation of a record, whatever is under way.
///
/// Where the register has no replace, or would not know the record under its new key, a changed
/// record is cancelled first and inserted once the cancel is acknowledged; the insert has passed its rules by then
/// (`Desired::Present` is only ever set from a payload that did).
pub fn next_step(record: &Record) -> Step {
    let powers = record.powers;
    if record.trouble.is_some() {
        return Step::Rest(Rest::Trouble);
    }
    let step = match (record.desired, record.held) {
        (Desired::SetAside, _) | (Desired::Vanished | Desired::Nothing, Some(_)) => {
            Step::Rest(Rest::SetAside)
        }
        (Desired::Nothing | Desired::Absent(_) | Desired::Vanished, None) => Step::Rest(Rest::Nothing),
        (Desired::Present { content, register_key }, None) => act(Kind::Insert, content, register_key, false),
        (Desired::Present { content, .. }, Some(held)) if held.content == content => {
            Step::Rest(Rest::Unchanged)
        }
        // Under another key a replacement would leave the former record behind.
        (Desired::Present { content, register_key }, Some(held))
            if powers.replace && (held.register_key == register_key || !powers.cancel) =>
        {
            act(Kind::Replace, content, register_key, false)
        }
        (Desired::Present { .. } | Desired::Absent(_), Some(_)) if !powers.cancel => {
            Step::Rest(Rest::SetAside)
        }
        (Desired::Present { .. }, Some(held)) => act(Kind::Cancel, held.content, held.register_key, true),
        (Desired::Absent(_), Some(held)) => act(Kind::Cancel, held.content, held.register_key, false),
    };
    match step {
        Step::Do { kind, content, .. } if record.refused == Some((kind, content)) => {
            Step::Rest(Rest::Refused)
        }
        step => step,
    }
}

const fn act(kind: Kind, content: Hash, register_key: Hash, replacement: bool) -> Step {
    Step::Do { kind, content, register_key, replacement }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Absence, Held, Powers};
    use jiff::civil::date;

    fn record(desired: Desired, powers: Powers) -> Record {
        let day = date(2026, 3, 1);
        Record {
            id: 1,
            ente: "E".into(),
            register: "R".into(),
            flow: "f/1".into(),
            folder: 1,
            key: "I".into(),
            source: "I".into(),
            from: day,
            to: day,
            needs: None,
            group: None,
            desired,
            held: Some(Held { content: [1; 32], register_key: [9; 32], generation: 1 }),
            current: None,
            refused: None,
            generation: 1,
            due: None,
            trouble: None,
            powers,
        }
    }

    fn kind(desired: Desired, replace: bool, cancel: bool) -> Option<Kind> {
        match next_step(&record(desired, Powers { replace, cancel })) {
            Step::Do { kind, .. } => Some(kind),
            Step::Rest(rest) => {
                assert_eq!(rest, Rest::SetAside);
                None
            }
        }
    }

    #[test]
    fn only_what_the_register_can_do_is_asked_of_it() {
        let changed = Desired::Present { content: [2; 32], register_key: [9; 32] };
        let gone = Desired::Absent(Absence::Annulled);
        assert_eq!(kind(changed, true, true), Some(Kind::Replace));
        assert_eq!(kind(changed, false, true), Some(Kind::Cancel));
        assert_eq!(kind(changed, true, false), Some(Kind::Replace));
        let renamed = Desired::Present { content: [2; 32], register_key: [8; 32] };
        assert_eq!(kind(renamed, true, true), Some(Kind::Cancel));
        assert_eq!(kind(renamed, true, false), Some(Kind::Replace));
        assert_eq!(kind(changed, false, false), None);
        assert_eq!(kind(gone, true, true), Some(Kind::Cancel));
        assert_eq!(kind(gone, true, false), None);
    }
}

//! What another mapping makes of stored records: foreseen without storing anything, and named
//! the same way once it is stored.

use super::reconcile::{fresh, moved, verdict};
use super::{Desired, DesiredSet, Place, Record, Rest, Step, next_step};

/// What a new mapping means for one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Change {
    /// It was withheld or refused, and can now leave with content that was never refused.
    Fixed,
    /// It could leave before, and would now with other content.
    Changed,
    /// The folder did not map to it before.
    New,
    /// The folder no longer maps to it.
    Gone,
    /// It could leave before, and a finding now withholds it.
    NewlyWithheld,
    StillWithheld,
    /// It would be sent exactly as it was refused.
    StillRefused,
    Unchanged,
}

impl Change {
    pub const ALL: [Self; 8] = [
        Self::Fixed,
        Self::Changed,
        Self::New,
        Self::Gone,
        Self::NewlyWithheld,
        Self::StillWithheld,
        Self::StillRefused,
        Self::Unchanged,
    ];

    /// The word stored and shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Changed => "changed",
            Self::New => "new",
            Self::Gone => "gone",
            Self::NewlyWithheld => "newly_withheld",
            Self::StillWithheld => "still_withheld",
            Self::StillRefused => "still_refused",
            Self::Unchanged => "unchanged",
        }
    }

    /// Whether a replay sends it: only what changed and may leave.
    pub const fn is_sent(self) -> bool {
        matches!(self, Self::Fixed | Self::Changed | Self::New | Self::Gone)
    }

    /// The change of a record between two moments; `before` is `None` if it did not exist.
    pub fn between(before: Option<&Record>, after: &Record) -> Self {
        let refused = next_step(after) == Step::Rest(Rest::Refused);
        let was = before.map_or(Desired::Nothing, |before| before.desired);
        let was_refused = before.is_some_and(|before| before.refused.is_some());
        match (was, after.desired) {
            (_, Desired::Present { .. }) if refused => Self::StillRefused,
            (Desired::SetAside, Desired::SetAside) => Self::StillWithheld,
            (_, Desired::SetAside) => Self::NewlyWithheld,
            (Desired::SetAside, Desired::Present { .. }) => Self::Fixed,
            (_, Desired::Present { .. }) if was_refused => Self::Fixed,
            (was, now) if was == now => Self::Unchanged,
            (Desired::Present { content: was, .. }, Desired::Present { content: now, .. }) if was == now => {
                Self::Unchanged
            }
            (Desired::Present { .. }, Desired::Present { .. }) => Self::Changed,
            (_, Desired::Present { .. }) => Self::New,
            _ => Self::Gone,
        }
    }
}

/// The records of a folder before and after [`super::reconcile`] would have moved them; `None`
/// before is a record that it would add.
pub fn foresee(known: Vec<Record>, place: Place<'_>, set: &DesiredSet) -> Vec<(Option<Record>, Record)> {
    let mut pairs = Vec::with_capacity(known.len());
    for before in known {
        let wanted = set.records.iter().find(|wanted| wanted.key == before.key);
        let after = match wanted {
            Some(wanted) => moved(&before, place, wanted),
            None => Record { desired: verdict(&before, set), ..before.clone() },
        };
        pairs.push((Some(before), after));
    }
    for wanted in &set.records {
        if !pairs.iter().any(|(_, after)| after.key == wanted.key) {
            pairs.push((None, fresh(place, wanted)));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{DesiredRecord, Hash, Held, Kind, Powers};
    use jiff::civil::date;

    const PLACE: Place<'static> =
        Place { ente: "E", register: "R", flow: "f/2", folder: 1, powers: Powers::CANCEL };

    fn wanted(content: Option<u8>) -> DesiredRecord {
        let day = date(2026, 3, 1);
        let content = content.map(|content| ([content; 32], [9; 32]));
        DesiredRecord {
            key: "I0".into(),
            source: "I0".into(),
            from: day,
            to: day,
            needs: None,
            group: None,
            content,
        }
    }

    fn record(desired: Option<u8>) -> Record {
        Record { id: 7, ..fresh(PLACE, &wanted(desired)) }
    }

    fn change(before: Option<Record>, now: Option<u8>) -> Change {
        let set =
            DesiredSet { records: vec![wanted(now)], named: vec!["I0".into()], ..DesiredSet::default() };
        let pairs = foresee(before.into_iter().collect(), PLACE, &set);
        assert_eq!(pairs.len(), 1);
        Change::between(pairs[0].0.as_ref(), &pairs[0].1)
    }

    fn refused(content: u8) -> Record {
        Record { refused: Some((Kind::Insert, [content; 32])), ..record(Some(content)) }
    }

    #[test]
    fn each_change_has_its_name() {
        assert_eq!(change(Some(record(None)), Some(1)), Change::Fixed);
        assert_eq!(change(Some(refused(1)), Some(2)), Change::Fixed);
        assert_eq!(change(Some(refused(1)), Some(1)), Change::StillRefused);
        assert_eq!(change(Some(refused(1)), None), Change::NewlyWithheld);
        assert_eq!(change(Some(record(Some(1))), None), Change::NewlyWithheld);
        assert_eq!(change(Some(record(None)), None), Change::StillWithheld);
        assert_eq!(change(Some(record(Some(1))), Some(2)), Change::Changed);
        assert_eq!(change(Some(record(Some(1))), Some(1)), Change::Unchanged);
        assert_eq!(change(None, Some(1)), Change::New);
    }

    #[test]
    fn what_the_folder_still_names_and_no_longer_maps_to_is_gone() {
        let set = DesiredSet { named: vec!["I0".into()], ..DesiredSet::default() };
        let pairs = foresee(vec![record(Some(1))], PLACE, &set);
        assert_eq!(Change::between(pairs[0].0.as_ref(), &pairs[0].1), Change::Gone);
    }

    #[test]
    fn a_refused_cancel_is_still_refused_whatever_the_new_content() {
        let content: Hash = [1; 32];
        let held = Held { content, register_key: [9; 32], generation: 1 };
        let stuck = Record { held: Some(held), refused: Some((Kind::Cancel, content)), ..record(Some(2)) };
        assert_eq!(change(Some(stuck), Some(3)), Change::StillRefused);
    }
}

//! The exchange's values as columns, and back.

use jiff::civil::Date;

use super::{R, Row};
use crate::exchange::{
    Absence, Desired, Handed, Hash, Held, Kind, LedgerError, Needed, Offered, Operation, Order, Powers,
    Record, RouteState, State, Submission, SubmissionState, Suspension, Trouble,
};

pub(super) const RECORD: &str =
    "id, ente, register, flow, folder, key, source, from_day, to_day, desired, desired_content,
  desired_key, held_content, held_key, held_generation, current, refused_kind, refused_content, generation,
  due_route, due_interactive, trouble, needs, powers, needs_register, grouping";
/// The same beside other tables, of which `r` is the record.
pub(super) const RECORD_OF_LANE: &str =
    "r.id, r.ente, r.register, r.flow, r.folder, r.key, r.source, r.from_day, r.to_day, r.desired,
  r.desired_content, r.desired_key, r.held_content, r.held_key, r.held_generation, r.current, r.refused_kind,
  r.refused_content, r.generation, r.due_route, r.due_interactive, r.trouble, r.needs, r.powers,
  r.needs_register, r.grouping";
pub(super) const OPERATION: &str =
    "o.id, o.record, o.generation, o.kind, o.state, o.content, o.register_key, o.route,
  o.interactive, o.queued_at, o.submission, o.replacement, o.together";
pub(super) const SUBMISSION: &str =
    "s.id, s.route, s.name, s.timestamp, s.state, s.attempt, s.due, s.interactive, s.handle, s.handed_at";

pub(super) const fn desired_columns(desired: &Desired) -> (&'static str, Option<&Hash>, Option<&Hash>) {
    match desired {
        Desired::Nothing => ("nothing", None, None),
        Desired::Present { content, register_key } => ("present", Some(content), Some(register_key)),
        Desired::SetAside => ("set_aside", None, None),
        Desired::Vanished => ("vanished", None, None),
        Desired::Absent(Absence::Annulled) => ("annulled", None, None),
        Desired::Absent(Absence::Changed) => ("changed", None, None),
        Desired::Absent(Absence::Complete) => ("complete", None, None),
    }
}

pub(super) const fn submission_word(state: SubmissionState) -> &'static str {
    match state {
        SubmissionState::Queued => "queued",
        SubmissionState::Sending => "sending",
        SubmissionState::Asking => "asking",
        SubmissionState::Out => "out",
        SubmissionState::Settled => "settled",
        SubmissionState::Withdrawn => "withdrawn",
    }
}

/// Bit 0: replace, bit 1: cancel.
pub(super) const fn powers_word(powers: Powers) -> u8 {
    (powers.replace as u8) | (powers.cancel as u8) << 1
}

fn powers_of(word: Option<u8>) -> Powers {
    word.map_or(Powers::CANCEL, |word| Powers { replace: word & 1 != 0, cancel: word & 2 != 0 })
}

/// A word that this version does not know.
fn unknown(word: &str) -> LedgerError {
    LedgerError::Corrupt(format!("unknown word `{word}`: written by a newer raccordo?"))
}

fn day(row: &Row<'_>, column: usize) -> R<Date> {
    let text = row.text(column)?;
    text.parse().map_err(|_| unknown(text))
}

pub(super) fn record(row: &Row<'_>) -> R<Record> {
    record_at(row, 0)
}

/// A record whose columns begin at `first`.
fn record_at(row: &Row<'_>, first: usize) -> R<Record> {
    let word = row.text(first + 9)?;
    let desired = match word {
        "nothing" => Desired::Nothing,
        "present" => Desired::Present { content: row.get(first + 10)?, register_key: row.get(first + 11)? },
        "set_aside" => Desired::SetAside,
        "vanished" => Desired::Vanished,
        "annulled" => Desired::Absent(Absence::Annulled),
        "changed" => Desired::Absent(Absence::Changed),
        "complete" => Desired::Absent(Absence::Complete),
        other => return Err(unknown(other)),
    };
    let held_content: Option<Hash> = row.get(first + 12)?;
    let held = match held_content {
        Some(content) => {
            Some(Held { content, register_key: row.get(first + 13)?, generation: row.get(first + 14)? })
        }
        None => None,
    };
    let refused_kind: Option<String> = row.get(first + 16)?;
    let refused = match refused_kind {
        Some(word) => Some((Kind::from_word(&word).ok_or_else(|| unknown(&word))?, row.get(first + 17)?)),
        None => None,
    };
    let due_route: Option<String> = row.get(first + 19)?;
    let due = match due_route {
        Some(route) => Some(Order { route, interactive: row.get(first + 20)? }),
        None => None,
    };
    let trouble: Option<String> = row.get(first + 21)?;
    Ok(Record {
        id: row.get(first)?,
        ente: row.get(first + 1)?,
        register: row.get(first + 2)?,
        flow: row.get(first + 3)?,
        folder: row.get(first + 4)?,
        key: row.get(first + 5)?,
        source: row.get(first + 6)?,
        from: day(row, first + 7)?,
        to: day(row, first + 8)?,
        desired,
        held,
        current: row.get(first + 15)?,
        refused,
        generation: row.get(first + 18)?,
        due,
        trouble: trouble.map(|_| Trouble::Contradiction),
        needs: needed(row, first)?,
        group: row.get(first + 25)?,
        powers: powers_of(row.get(first + 23)?),
    })
}

fn needed(row: &Row<'_>, first: usize) -> R<Option<Needed>> {
    let key: Option<String> = row.get(first + 22)?;
    let register = row.get(first + 24)?;
    Ok(key.map(|key| Needed { register, key }))
}

pub(super) fn operation(row: &Row<'_>) -> R<Operation> {
    let kind = row.text(3)?;
    let state = row.text(4)?;
    Ok(Operation {
        id: row.get(0)?,
        record: row.get(1)?,
        generation: row.get(2)?,
        kind: Kind::from_word(kind).ok_or_else(|| unknown(kind))?,
        state: State::from_word(state).ok_or_else(|| unknown(state))?,
        content: row.get(5)?,
        register_key: row.get(6)?,
        route: row.get(7)?,
        interactive: row.get(8)?,
        queued_at: row.get(9)?,
        submission: row.get(10)?,
        replacement: row.get(11)?,
        together: row.get(12)?,
    })
}

pub(super) fn submission(row: &Row<'_>, first: usize) -> R<Submission> {
    let word = row.text(first + 4)?;
    let state = match word {
        "queued" => SubmissionState::Queued,
        "sending" => SubmissionState::Sending,
        "asking" => SubmissionState::Asking,
        "out" => SubmissionState::Out,
        "settled" => SubmissionState::Settled,
        "withdrawn" => SubmissionState::Withdrawn,
        other => return Err(unknown(other)),
    };
    Ok(Submission {
        id: row.get(first)?,
        route: row.get(first + 1)?,
        name: row.get(first + 2)?,
        timestamp: row.get(first + 3)?,
        state,
        attempt: row.get(first + 5)?,
        due: row.get(first + 6)?,
        interactive: row.get(first + 7)?,
        handed: match row.get(first + 8)? {
            Some(handle) => Some(Handed { handle, at: row.get(first + 9)? }),
            None => None,
        },
    })
}

/// A record with its current operation.
pub(super) fn current(row: &Row<'_>) -> R<(Record, Operation)> {
    Ok((record_at(row, 13)?, operation(row)?))
}

pub(super) fn offered(row: &Row<'_>) -> R<Offered> {
    Ok(Offered { submission: submission(row, 13)?, operation: operation(row)? })
}

pub(super) fn route(row: &Row<'_>) -> R<RouteState> {
    let word: Option<String> = row.get(4)?;
    let suspended = match word.as_deref() {
        None => None,
        Some("person") => Some(Suspension::ByPerson),
        Some(_) => Some(Suspension::LedgerBehind { last_given: row.get(5)?, recipient_has: row.get(6)? }),
    };
    Ok(RouteState {
        id: row.get(0)?,
        last_given: row.get(1)?,
        last_since: row.get(2)?,
        last_polled: row.get(3)?,
        suspended,
        failures: row.get(7)?,
        open_until: row.get(8)?,
    })
}

//! The append-only audit chain: each event is hashed together with the hash of
//! the one before it, so that altering, removing, inserting or reordering shows.
//!
//! Pure: the ledger stores, this room links and verifies. A chain cut at its
//! end is still a valid chain; so the head is kept elsewhere too (a receipt, a
//! print-out) and compared with [`verify_up_to`].

mod event;

use aws_lc_rs::digest::{Context, SHA256};
use thiserror::Error;

pub use event::{Event, EventKind};

/// What the first event is linked to.
pub const GENESIS: [u8; 32] = [0; 32];

const DOMAIN: &[u8] = b"raccordo/audit/1";

/// One stored link; sequences begin at 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub sequence: u64,
    pub event: Event,
    pub hash: [u8; 32],
}

/// A whole chain: how many events, and the hash of the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    pub count: u64,
    pub head: [u8; 32],
}

/// Where the chain breaks first, and how it shows.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the audit chain breaks at event {sequence}: {why}")]
pub struct Broken {
    pub sequence: u64,
    pub why: Break,
}

/// How a break shows.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Break {
    #[error("an event is missing, repeated or out of order before it")]
    Sequence,
    #[error("the event, or one before it, was altered")]
    Hash,
    #[error("the chain ends before the head that was recorded")]
    Head,
}

/// SHA-256 over the domain, the previous hash and the event's canonical bytes.
pub fn link(previous: &[u8; 32], event: &Event) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(DOMAIN);
    context.update(previous);
    context.update(&event.canonical_bytes());
    let mut hash = [0_u8; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Verifies a chain from its first event on, in one pass.
pub fn verify(links: impl IntoIterator<Item = Link>) -> Result<Verified, Broken> {
    let mut state = Verified { count: 0, head: GENESIS };
    for item in links {
        let sequence = state.count + 1;
        if item.sequence != sequence {
            return Err(Broken { sequence, why: Break::Sequence });
        }
        let head = link(&state.head, &item.event);
        if head != item.hash {
            return Err(Broken { sequence, why: Break::Hash });
        }
        state = Verified { count: sequence, head };
    }
    Ok(state)
}

/// [`verify`], and the chain must still hold the recorded head at its place.
pub fn verify_up_to(links: impl IntoIterator<Item = Link>, recorded: Verified) -> Result<Verified, Broken> {
    let mut seen = (recorded.count == 0).then_some(GENESIS);
    let watched = links.into_iter().inspect(|item| {
        if item.sequence == recorded.count {
            seen = Some(item.hash);
        }
    });
    let verified = verify(watched)?;
    match seen {
        Some(hash) if hash == recorded.head => Ok(verified),
        _ => Err(Broken { sequence: recorded.count, why: Break::Head }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn event(number: u64) -> Event {
        Event {
            at: format!("2026-01-01T00:00:{number:02}Z"),
            actor: "test".into(),
            what: EventKind::FolderSaved,
            subject: Some(format!("folder-{number}")),
            detail: [("number".to_owned(), number.to_string())].into(),
        }
    }

    fn chain(length: u64) -> Vec<Link> {
        let mut head = GENESIS;
        (1..=length)
            .map(|sequence| {
                let event = event(sequence);
                head = link(&head, &event);
                Link { sequence, event, hash: head }
            })
            .collect()
    }

    #[test]
    fn an_untouched_chain_verifies() {
        let links = chain(5);
        let head = links[4].hash;
        assert_eq!(verify(links), Ok(Verified { count: 5, head }));
        assert_eq!(verify([]), Ok(Verified { count: 0, head: GENESIS }));
    }

    #[test]
    fn every_altered_field_is_detected() {
        let alterations: [fn(&mut Event); 6] = [
            |event| event.at.push('0'),
            |event| event.actor = "other".into(),
            |event| event.what = EventKind::FolderRead,
            |event| event.subject = None,
            |event| event.subject = Some(String::new()),
            |event| drop(event.detail.insert("more".into(), String::new())),
        ];
        for alter in alterations {
            let mut links = chain(5);
            alter(&mut links[2].event);
            assert_eq!(verify(links), Err(Broken { sequence: 3, why: Break::Hash }));
        }
    }

    #[test]
    fn a_removed_event_is_detected_even_if_renumbered() {
        let mut links = chain(5);
        links.remove(2);
        assert_eq!(verify(links.clone()), Err(Broken { sequence: 3, why: Break::Sequence }));
        for (index, item) in links.iter_mut().enumerate() {
            item.sequence = index as u64 + 1;
        }
        assert_eq!(verify(links), Err(Broken { sequence: 3, why: Break::Hash }));
    }

    #[test]
    fn an_inserted_or_reordered_event_is_detected() {
        let mut inserted = chain(4);
        let copy = Link { sequence: 3, ..inserted[1].clone() };
        inserted.insert(2, copy);
        assert!(verify(inserted).is_err());
        let mut swapped = chain(4);
        swapped.swap(1, 2);
        (swapped[1].sequence, swapped[2].sequence) = (2, 3);
        assert_eq!(verify(swapped), Err(Broken { sequence: 2, why: Break::Hash }));
    }

    #[test]
    fn a_chain_cut_or_rewritten_behind_a_recorded_head_is_detected() {
        let links = chain(5);
        let recorded = Verified { count: 4, head: links[3].hash };
        assert!(verify_up_to(links.clone(), recorded).is_ok());
        let cut = links[..3].to_vec();
        assert_eq!(verify_up_to(cut, recorded), Err(Broken { sequence: 4, why: Break::Head }));
        let other = Verified { count: 4, head: GENESIS };
        assert_eq!(verify_up_to(links, other), Err(Broken { sequence: 4, why: Break::Head }));
    }

    #[test]
    fn the_hash_is_the_same_for_ever() {
        // Recomputed outside this program from the layout that `canonical_bytes` documents.
        let expected = "20edc9c5131d5b89b44c5e2ef70f86f07877e0f4ab9bf4514f0d761df1ddb590";
        let found: String = link(&GENESIS, &event(1)).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn names_are_distinct_and_are_what_serde_writes() {
        let names: BTreeSet<_> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), EventKind::ALL.len());
        for kind in EventKind::ALL {
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{}\"", kind.name()));
            assert!(!kind.meaning().is_empty());
        }
    }
}

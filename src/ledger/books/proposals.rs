//! What answers propose for folders, in SQLite: values sealed, found again by keyed hashes.

use super::{Books, Row, Tx, params};
use crate::exchange::{Hash, LedgerError, Millis};

type R<T> = Result<T, LedgerError>;

/// A proposal to be stored.
#[derive(Clone)]
pub struct NewProposal {
    /// Within its inquiry; its sealed values are bound to it.
    pub number: i64,
    pub field: String,
    /// Keyed hash of the list element's key; `None` outside lists.
    pub item: Option<Hash>,
    /// Keyed hash of the proposed value.
    pub value: Hash,
    pub sealed: Vec<u8>,
    pub place: String,
}

/// A proposal as stored.
#[derive(Clone)]
pub struct ProposalRow {
    pub id: i64,
    pub folder: i64,
    pub register: String,
    pub flow: String,
    pub inquiry: i64,
    pub number: i64,
    pub field: String,
    pub item: Option<Hash>,
    pub value: Hash,
    pub sealed: Vec<u8>,
    pub place: String,
    /// `proposed`, `accepted`, `declined` or `superseded`.
    pub state: String,
    pub proposed_at: Millis,
    pub decided_at: Option<Millis>,
    pub actor: Option<String>,
    pub held_at: Option<Millis>,
}

const PROPOSAL: &str = "SELECT id, folder, register, flow, inquiry, number, field, item, value, sealed, place, \
                        state, proposed_at, decided_at, actor, held_at FROM proposal";
const LIVE: &str = "state != 'superseded' AND held_at IS NULL";

fn proposal(row: &Row<'_>) -> R<ProposalRow> {
    let item: Vec<u8> = row.get(7)?;
    Ok(ProposalRow {
        id: row.get(0)?,
        folder: row.get(1)?,
        register: row.get(2)?,
        flow: row.get(3)?,
        inquiry: row.get(4)?,
        number: row.get(5)?,
        field: row.get(6)?,
        item: item.try_into().ok(),
        value: row.get(8)?,
        sealed: row.get(9)?,
        place: row.get(10)?,
        state: row.get(11)?,
        proposed_at: row.get(12)?,
        decided_at: row.get(13)?,
        actor: row.get(14)?,
        held_at: row.get(15)?,
    })
}

impl Tx<'_> {
    /// Puts what a new answer proposes in the place of what earlier ones did: what is proposed
    /// again stays as it stands, decided or not; everything else that was open is superseded.
    /// Returns how many are new.
    pub fn put_proposals(
        &self,
        (folder, register): (i64, &str),
        (inquiry, flow): (i64, &str),
        new: &[NewProposal],
        now: Millis,
    ) -> R<usize> {
        let live = self.live_proposals(folder, register)?;
        let same = |row: &ProposalRow, one: &NewProposal| {
            row.field == one.field && row.item == one.item && row.value == one.value
        };
        for row in live.iter().filter(|row| !new.iter().any(|one| same(row, one))) {
            self.run("UPDATE proposal SET state = 'superseded' WHERE id = ?1", [row.id])?;
        }
        let fresh: Vec<_> = new.iter().filter(|one| !live.iter().any(|row| same(row, one))).collect();
        for one in &fresh {
            self.run(
                "INSERT INTO proposal (folder, register, flow, inquiry, number, field, item, value, sealed, place,
                   state, proposed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'proposed', ?11)",
                params![
                    folder,
                    register,
                    flow,
                    inquiry,
                    one.number,
                    one.field,
                    one.item.as_ref().map_or(&[][..], |item| &item[..]),
                    one.value,
                    one.sealed,
                    one.place,
                    now
                ],
            )?;
        }
        Ok(fresh.len())
    }

    fn live_proposals(&self, folder: i64, register: &str) -> R<Vec<ProposalRow>> {
        let sql = format!("{PROPOSAL} WHERE folder = ?1 AND register = ?2 AND {LIVE} ORDER BY id");
        self.many(&sql, params![folder, register], proposal)
    }

    /// A person decides on a proposal; `None` if the folder has no such proposal. What was decided
    /// the same way before stays as it is; another decision replaces the former while it is open.
    pub fn decide_proposal(
        &self,
        (folder, id): (i64, i64),
        state: &str,
        actor: &str,
        now: Millis,
    ) -> R<Option<String>> {
        let sql = format!("{PROPOSAL} WHERE id = ?1 AND folder = ?2");
        let Some(row) = self.maybe(&sql, params![id, folder], proposal)? else { return Ok(None) };
        if row.state == state {
            return Ok(Some(row.state));
        }
        if row.held_at.is_some() || row.state == "superseded" {
            return Err(LedgerError::Refused(format!("proposal {id} is over: nothing is to be decided")));
        }
        let sql = "UPDATE proposal SET state = ?2, decided_at = ?3, actor = ?4 WHERE id = ?1";
        self.run(sql, params![id, state, now, actor])?;
        Ok(Some(row.state))
    }

    /// The folder now holds what was proposed: settled, whether a person decided or not.
    pub fn settle_proposals(&self, ids: &[i64], actor: &str, now: Millis) -> R<()> {
        for id in ids {
            self.run(
                "UPDATE proposal SET decided_at = CASE state WHEN 'accepted' THEN decided_at ELSE ?2 END,
                   actor = CASE state WHEN 'accepted' THEN actor ELSE ?3 END, state = 'accepted', held_at = ?2
                 WHERE id = ?1 AND held_at IS NULL AND state != 'superseded'",
                params![id, now, actor],
            )?;
        }
        Ok(())
    }
}

impl Books {
    /// What is proposed for a folder, undecided or decided and not yet held; `all` also what is over.
    pub fn proposals(&self, folder: i64, all: bool) -> R<Vec<ProposalRow>> {
        let live = if all { "id = id" } else { LIVE };
        let sql = format!("{PROPOSAL} WHERE folder = ?1 AND {live} ORDER BY id DESC LIMIT 1000");
        let mut rows = self.look(|tx| tx.many(&sql, [folder], proposal))?;
        rows.reverse();
        Ok(rows)
    }
}

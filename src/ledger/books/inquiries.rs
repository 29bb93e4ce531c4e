//! Questions about persons in SQLite: stored before they leave, one open per person and register.

use super::{Books, Row, Tx, params};
use crate::exchange::{InquiryState, LedgerError, Millis};

type R<T> = Result<T, LedgerError>;

/// A question as stored; the answer apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InquiryRow {
    pub id: i64,
    pub folder: i64,
    /// The CSI product's id of the folder.
    pub folder_id: String,
    pub ente: String,
    pub register: String,
    pub route: String,
    pub flow: String,
    pub actor: String,
    pub interactive: bool,
    /// An [`InquiryState`] as its word.
    pub state: String,
    /// Questions so far.
    pub attempt: u32,
    pub due: Millis,
    pub created_at: Millis,
    pub asked_at: Option<Millis>,
    pub ended_at: Option<Millis>,
    pub code: Option<String>,
    /// As JSON.
    pub findings: Option<String>,
}

/// A question to be stored.
#[derive(Clone, Debug)]
pub struct NewInquiry {
    pub folder: i64,
    pub ente: String,
    pub register: String,
    pub route: String,
    pub flow: String,
    pub actor: String,
    pub interactive: bool,
    pub now: Millis,
}

/// A route's day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteDay {
    /// ISO.
    pub day: String,
    /// Questions that left on it.
    pub asked: u32,
    /// No question leaves before.
    pub rest_until: Millis,
    pub rest_why: Option<String>,
    /// The last folder that the schedule looked at.
    pub cursor: i64,
}

const INQUIRY: &str = "i.id, i.folder, f.folder_id, i.ente, i.register, i.route, i.flow, i.actor, \
                       i.interactive, i.state, i.attempt, i.due, i.created_at, i.asked_at, i.ended_at, i.code, \
                       i.findings FROM inquiry i JOIN folder f ON f.id = i.folder";

fn inquiry(row: &Row<'_>) -> R<InquiryRow> {
    Ok(InquiryRow {
        id: row.get(0)?,
        folder: row.get(1)?,
        folder_id: row.get(2)?,
        ente: row.get(3)?,
        register: row.get(4)?,
        route: row.get(5)?,
        flow: row.get(6)?,
        actor: row.get(7)?,
        interactive: row.get(8)?,
        state: row.get(9)?,
        attempt: row.get(10)?,
        due: row.get(11)?,
        created_at: row.get(12)?,
        asked_at: row.get(13)?,
        ended_at: row.get(14)?,
        code: row.get(15)?,
        findings: row.get(16)?,
    })
}

const DAY: &str = "SELECT day, asked, rest_until, rest_why, cursor FROM inquiry_route WHERE route = ?1";

fn day(row: &Row<'_>) -> R<RouteDay> {
    Ok(RouteDay {
        day: row.get(0)?,
        asked: row.get(1)?,
        rest_until: row.get(2)?,
        rest_why: row.get(3)?,
        cursor: row.get(4)?,
    })
}

impl Tx<'_> {
    /// Stores a question, or finds the one that is open already; a person who waits for it now
    /// goes before the schedule. Returns its number and whether it is new.
    pub fn open_inquiry(&self, new: &NewInquiry) -> R<(i64, bool)> {
        let sql = "SELECT id FROM inquiry WHERE folder = ?1 AND register = ?2 AND ended_at IS NULL";
        if let Some(id) = self.maybe(sql, params![new.folder, new.register], |row| row.get(0))? {
            let sql = "UPDATE inquiry SET interactive = 1 WHERE id = ?1 AND ?2 = 1";
            self.run(sql, params![id, new.interactive])?;
            return Ok((id, false));
        }
        let sql = "INSERT INTO inquiry (folder, ente, register, route, flow, actor, interactive, state, due,
                     created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)";
        let state = InquiryState::Queued.word();
        let id = self.add(
            sql,
            params![
                new.folder,
                new.ente,
                new.register,
                new.route,
                new.flow,
                new.actor,
                new.interactive,
                state,
                new.now
            ],
        )?;
        Ok((id, true))
    }

    /// At start every lease belongs to a dead process: what it asked is asked again.
    pub(super) fn free_inquiries(&self) -> R<()> {
        let sql = "UPDATE inquiry SET lease_until = NULL, lease_token = NULL, state = 'queued'
                   WHERE ended_at IS NULL AND lease_until IS NOT NULL";
        self.run(sql, []).map(drop)
    }

    /// Gives a worker the next due question of a route that does not rest.
    pub fn claim_inquiry(
        &self,
        route: &str,
        now: Millis,
        until: Millis,
        token: &str,
    ) -> R<Option<InquiryRow>> {
        if self.route_day(route)?.rest_until > now {
            return Ok(None);
        }
        let sql = "SELECT id FROM inquiry WHERE route = ?1 AND ended_at IS NULL AND due <= ?2
                     AND (lease_until IS NULL OR lease_until <= ?2 AND NOT EXISTS (SELECT 1 FROM node n
                       WHERE n.id = substr(lease_token, 1, 36) AND n.id <> substr(?3, 1, 36)))
                   ORDER BY interactive DESC, due, id LIMIT 1";
        let Some(id) = self.maybe(sql, params![route, now, token], |row| row.get::<i64>(0))? else {
            return Ok(None);
        };
        self.run(
            "UPDATE inquiry SET lease_until = ?2, lease_token = ?3 WHERE id = ?1",
            params![id, until, token],
        )?;
        self.maybe(&format!("SELECT {INQUIRY} WHERE i.id = ?1"), [id], inquiry)
    }

    /// Whether a worker still has its lease.
    pub fn has_inquiry(&self, id: i64, token: &str) -> R<bool> {
        let sql = "SELECT 1 FROM inquiry WHERE id = ?1 AND lease_token = ?2 AND ended_at IS NULL";
        Ok(self.maybe(sql, params![id, token], |_| Ok(()))?.is_some())
    }

    /// A route's day as last noted.
    pub fn route_day(&self, route: &str) -> R<RouteDay> {
        Ok(self.maybe(DAY, [route], day)?.unwrap_or_default())
    }

    /// Counts a question that is about to leave; false if the day's budget is spent.
    pub fn count_question(
        &self,
        id: i64,
        route: &str,
        today: &str,
        budget: u32,
        flow: &str,
        now: Millis,
    ) -> R<bool> {
        let known = self.route_day(route)?;
        let asked = if known.day == today { known.asked } else { 0 };
        if asked >= budget {
            return Ok(false);
        }
        let sql = "INSERT INTO inquiry_route (route, day, asked) VALUES (?1, ?2, ?3)
                   ON CONFLICT (route) DO UPDATE SET day = ?2, asked = ?3";
        self.run(sql, params![route, today, asked + 1])?;
        let sql =
            "UPDATE inquiry SET state = ?2, attempt = attempt + 1, asked_at = ?3, flow = ?4 WHERE id = ?1";
        self.run(sql, params![id, InquiryState::Asking.word(), now, flow])?;
        Ok(true)
    }

    /// Lets a route rest.
    pub fn rest_route(&self, route: &str, until: Millis, why: &str) -> R<()> {
        let sql =
            "INSERT INTO inquiry_route (route, day, asked, rest_until, rest_why) VALUES (?1, '', 0, ?2, ?3)
                   ON CONFLICT (route) DO UPDATE SET rest_why = ?3, rest_until =
                     CASE WHEN inquiry_route.rest_until > ?2 THEN inquiry_route.rest_until ELSE ?2 END";
        self.run(sql, params![route, until, why]).map(drop)
    }

    /// Notes how far a route's schedule has looked.
    pub fn put_inquiry_cursor(&self, route: &str, cursor: i64) -> R<()> {
        let sql = "INSERT INTO inquiry_route (route, day, asked, cursor) VALUES (?1, '', 0, ?2)
                   ON CONFLICT (route) DO UPDATE SET cursor = ?2";
        self.run(sql, params![route, cursor]).map(drop)
    }

    /// A question is to be asked again.
    pub fn postpone_inquiry(&self, id: i64, due: Millis, code: &str) -> R<()> {
        let sql = "UPDATE inquiry SET state = ?2, due = ?3, code = ?4, lease_until = NULL, lease_token = NULL
                   WHERE id = ?1 AND ended_at IS NULL";
        self.run(sql, params![id, InquiryState::Retrying.word(), due, code]).map(drop)
    }

    /// A question is over. Of a person's answers of one register the newest is kept.
    pub fn end_inquiry(
        &self,
        id: i64,
        state: InquiryState,
        (code, findings): (&str, &str),
        answer: Option<&[u8]>,
        now: Millis,
    ) -> R<()> {
        if answer.is_some() {
            let sql = "UPDATE inquiry SET answer = NULL WHERE answer IS NOT NULL AND (folder, register) =
                         (SELECT folder, register FROM inquiry WHERE id = ?1)";
            self.run(sql, [id])?;
        }
        let sql = "UPDATE inquiry SET state = ?2, code = ?3, findings = ?4, answer = ?5, ended_at = ?6,
                     lease_until = NULL, lease_token = NULL WHERE id = ?1 AND ended_at IS NULL";
        self.run(sql, params![id, state.word(), code, findings, answer, now]).map(drop)
    }

    /// Drops answers of before, and of questions of before all that nothing refers to but the newest.
    pub fn prune_inquiries(&self, route: &str, before: Millis) -> R<usize> {
        let sql =
            "UPDATE inquiry SET answer = NULL WHERE answer IS NOT NULL AND ended_at < ?2 AND route = ?1";
        self.run(sql, params![route, before])?;
        let sql =
            "DELETE FROM proposal WHERE (state = 'superseded' OR held_at IS NOT NULL) AND proposed_at < ?2
                     AND inquiry IN (SELECT id FROM inquiry WHERE route = ?1 AND ended_at < ?2)";
        self.run(sql, params![route, before])?;
        let sql = "DELETE FROM inquiry WHERE id IN (SELECT i.id FROM inquiry i WHERE i.route = ?1
                     AND i.ended_at < ?2
                     AND NOT EXISTS (SELECT 1 FROM proposal p WHERE p.folder = i.folder AND p.inquiry = i.id)
                     AND EXISTS (SELECT 1 FROM inquiry n WHERE n.folder = i.folder
                       AND n.register = i.register AND n.id > i.id) LIMIT 1000)";
        self.run(sql, params![route, before])
    }
}

impl Books {
    /// A question by its number.
    pub fn inquiry(&self, id: i64) -> R<Option<InquiryRow>> {
        let sql = format!("SELECT {INQUIRY} WHERE i.id = ?1");
        self.look(|tx| tx.maybe(&sql, [id], inquiry))
    }

    /// The newest questions about a folder.
    pub fn inquiries(&self, folder: i64, limit: usize) -> R<Vec<InquiryRow>> {
        let sql = format!("SELECT {INQUIRY} WHERE i.folder = ?1 ORDER BY i.id DESC LIMIT ?2");
        self.look(|tx| tx.many(&sql, params![folder, limit as i64], inquiry))
    }

    /// Whether a question of a route is due, and the route does not rest.
    pub fn inquiry_due(&self, route: &str, now: Millis) -> R<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM inquiry WHERE route = ?1 AND ended_at IS NULL AND due <= ?2
                     AND (lease_until IS NULL OR lease_until <= ?2))
                   AND NOT EXISTS (SELECT 1 FROM inquiry_route WHERE route = ?1 AND rest_until > ?2)";
        self.look(|tx| tx.one("the answer", sql, params![route, now], |row| row.get(0)))
    }

    /// Questions of a route that are not over.
    pub fn open_inquiries(&self, route: &str) -> R<u32> {
        let sql = "SELECT count(*) FROM inquiry WHERE route = ?1 AND ended_at IS NULL";
        self.look(|tx| tx.one("the answer", sql, [route], |row| row.get(0)))
    }

    /// The sealed answer to a question, while it is kept.
    pub fn answer(&self, inquiry: i64) -> R<Option<Vec<u8>>> {
        let sql = "SELECT answer FROM inquiry WHERE id = ?1 AND answer IS NOT NULL";
        self.look(|tx| tx.maybe(sql, [inquiry], |row| row.get(0)))
    }

    /// A route's day as last noted.
    pub fn inquiry_day(&self, route: &str) -> R<RouteDay> {
        self.look(|tx| tx.route_day(route))
    }

    /// The next folders of an installation after `after`, of these enti: number, and whether the
    /// register was asked about them since `since` or is being asked.
    pub fn folders_asked(
        &self,
        register: &str,
        after: i64,
        since: Millis,
        limit: usize,
    ) -> R<Vec<(i64, String, String, bool)>> {
        let sql = "SELECT f.id, f.ente, f.folder_id, EXISTS (SELECT 1 FROM inquiry i WHERE i.folder = f.id
                   AND i.register = ?1 AND (i.ended_at IS NULL OR i.ended_at > ?3))
                 FROM folder f WHERE f.id > ?2 ORDER BY f.id LIMIT ?4";
        self.look(|tx| {
            tx.many(sql, params![register, after, since, limit as i64], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
        })
    }
}

//! The search over operations and their containers: newest first, page after page, within what the
//! asker may see.
//!
//! Where a filter finds few, the search goes by its index and takes all of them. Where every filter
//! finds many, it walks operations backwards, a bounded number a page: a page may then hold
//! fewer rows than asked for and still have a next one. So no question costs more than its bound,
//! however large the ledger is.

use serde::Serialize;

use super::{Books, Row, Tx, params};
use crate::exchange::{Hash, LedgerError, Millis};

type R<T> = Result<T, LedgerError>;

/// As many hits of a filter are few: they are looked at one by one.
const FEW: i64 = 2_000;
/// Operations that a page walks over where no filter finds few.
const WALK: i64 = 5_000;
/// A clock that was set back may have queued an operation so much before its neighbours, ms.
const JUMP: Millis = 2 * 3_600_000;

/// What is searched for; what is `None` is not asked. All of it holds for a hit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchFilter {
    /// Name of the container; ends in `*` for the beginning of one.
    pub submission: Option<String>,
    /// The record's key.
    pub record: Option<String>,
    /// The CSI product's id of the folder.
    pub folder: Option<String>,
    /// Keyed hash of the person's identifier.
    pub person: Option<Hash>,
    pub state: Option<String>,
    pub kind: Option<String>,
    /// Id of a rule that speaks of the record.
    pub rule: Option<String>,
    /// The recipient's own code.
    pub code: Option<String>,
    pub route: Option<String>,
    pub ente: Option<String>,
    pub register: Option<String>,
    /// Queued from this moment on, and before that one.
    pub from: Option<Millis>,
    pub to: Option<Millis>,
}

/// One hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    pub operation: i64,
    pub ente: String,
    pub register: String,
    pub flow: String,
    pub folder_id: String,
    pub record: String,
    pub kind: String,
    pub generation: u64,
    pub state: String,
    pub route: String,
    pub queued_at: Millis,
    pub submission: Option<String>,
    /// When the container got its name, or was last served.
    pub timestamp: Option<Millis>,
}

/// A page of hits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Hits {
    pub hits: Vec<Hit>,
    /// The next page begins behind this place; `None` at the end.
    pub next: Option<i64>,
}

/// A way to hits: by what is asked for, or backwards over everything.
#[derive(Clone, Copy)]
enum Way {
    Submission,
    Person,
    Folder,
    Record,
    Rule,
    Code,
    RareState,
    OpenState,
    Ente,
    Walk,
    WalkRoute,
}

impl Way {
    /// Those that may find few, the likeliest first.
    const SHORT: [Self; 9] = [
        Self::Submission,
        Self::Person,
        Self::Folder,
        Self::Record,
        Self::RareState,
        Self::Code,
        Self::Rule,
        Self::OpenState,
        Self::Ente,
    ];

    fn is_asked(self, filter: &SearchFilter) -> bool {
        let state = filter.state.as_deref();
        match self {
            Self::Submission => filter.submission.is_some(),
            Self::Person => filter.person.is_some(),
            Self::Folder => filter.folder.is_some(),
            Self::Record => filter.record.is_some(),
            Self::Rule => filter.rule.is_some(),
            Self::Code => filter.code.is_some(),
            Self::RareState => state.is_some_and(is_rare),
            Self::OpenState => filter.route.is_some() && state.is_some_and(is_open),
            Self::Ente => filter.ente.is_some(),
            Self::Walk => true,
            Self::WalkRoute => filter.route.is_some(),
        }
    }

    /// The operations on it; `one` and `two` are the places of its parameters.
    fn text(self, one: u8, two: u8) -> String {
        let of_folder = "folder f JOIN record r ON r.folder = f.id JOIN operation o ON o.record = r.id";
        let of_record = "record r JOIN operation o ON o.record = r.id";
        let from = match self {
            Self::Submission => format!(
                "submission s JOIN operation o ON o.submission = s.id WHERE s.name >= ?{one} AND s.name <= ?{two}"
            ),
            Self::Person => format!("{of_folder} WHERE f.person = ?{one}"),
            Self::Folder => format!("{of_folder} WHERE f.folder_id = ?{one}"),
            Self::Record => format!("{of_record} WHERE r.key = ?{one}"),
            Self::Ente => format!("{of_record} WHERE r.ente = ?{one}"),
            Self::Rule => format!(
                "finding n JOIN record r ON r.folder = n.folder AND r.key = n.record
                 JOIN operation o ON o.record = r.id WHERE n.rule = ?{one}"
            ),
            Self::Code => format!(
                "receipt c JOIN operation o ON o.id = c.operation WHERE c.operation IS NOT NULL AND c.code = ?{one}"
            ),
            Self::RareState => format!(
                "operation o WHERE o.state = ?{one} AND o.state IN ('refused', 'superseded', 'uncertain', 'parked')"
            ),
            Self::OpenState => format!(
                "operation o WHERE o.route = ?{one} AND o.state = ?{two}
                   AND o.state IN ('queued', 'sending', 'retrying', 'waiting')"
            ),
            Self::Walk => format!("operation o WHERE o.id < ?{one} ORDER BY o.id DESC LIMIT {WALK}"),
            Self::WalkRoute => {
                format!(
                    "operation o WHERE o.id < ?{one} AND o.route = ?{two} ORDER BY o.id DESC LIMIT {WALK}"
                )
            }
        };
        format!("SELECT o.id AS id FROM {from}")
    }

    /// As [`Way::text`], with the places of the parameters of [`HOLDS`].
    fn within_holds(self) -> String {
        let (one, two) = match self {
            Self::Submission => (3, 4),
            Self::Person => (5, 0),
            Self::Folder => (6, 0),
            Self::Record => (7, 0),
            Self::RareState => (8, 0),
            Self::Rule => (10, 0),
            Self::Code => (11, 0),
            Self::OpenState => (12, 8),
            Self::Ente => (13, 0),
            Self::Walk => (1, 0),
            Self::WalkRoute => (1, 12),
        };
        self.text(one, two)
    }
}

/// Every filter holds for a hit, whichever way led to it.
const HOLDS: &str = "o.id < ?1
   AND (?2 IS NULL OR replace(?2, '|' || r.ente || '/' || r.register || '|', '') <> ?2)
   AND (?3 IS NULL OR (s.name >= ?3 AND s.name <= ?4))
   AND (?5 IS NULL OR f.person = ?5)
   AND (?6 IS NULL OR f.folder_id = ?6)
   AND (?7 IS NULL OR r.key = ?7)
   AND (?8 IS NULL OR o.state = ?8)
   AND (?9 IS NULL OR o.kind = ?9)
   AND (?10 IS NULL OR EXISTS (SELECT 1 FROM finding n WHERE n.folder = r.folder AND n.flow = r.flow
        AND n.record = r.key AND n.rule = ?10))
   AND (?11 IS NULL OR EXISTS (SELECT 1 FROM receipt c WHERE c.operation = o.id AND c.code = ?11))
   AND (?12 IS NULL OR o.route = ?12)
   AND (?13 IS NULL OR r.ente = ?13)
   AND (?14 IS NULL OR r.register = ?14)
   AND (?15 IS NULL OR o.queued_at >= ?15)
   AND (?16 IS NULL OR o.queued_at < ?16)";

const HIT: &str =
    "o.id, r.ente, r.register, r.flow, f.folder_id, r.key, o.kind, o.generation, o.state, o.route,
   o.queued_at, s.name, s.timestamp";

fn is_rare(state: &str) -> bool {
    ["refused", "superseded", "uncertain", "parked"].contains(&state)
}

fn is_open(state: &str) -> bool {
    ["queued", "sending", "retrying", "waiting"].contains(&state)
}

fn hit(row: &Row<'_>) -> R<Hit> {
    Ok(Hit {
        operation: row.get(0)?,
        ente: row.get(1)?,
        register: row.get(2)?,
        flow: row.get(3)?,
        folder_id: row.get(4)?,
        record: row.get(5)?,
        kind: row.get(6)?,
        generation: row.get(7)?,
        state: row.get(8)?,
        route: row.get(9)?,
        queued_at: row.get(10)?,
        submission: row.get(11)?,
        timestamp: row.get(12)?,
    })
}

/// The names that a filter takes: from, to.
fn names(wanted: Option<&str>) -> (Option<String>, Option<String>) {
    match wanted {
        None => (None, None),
        Some(name) => match name.strip_suffix('*') {
            // Names are of letters, digits and points: all of them come before `~`.
            Some(begins) => (Some(begins.to_owned()), Some(format!("{begins}~"))),
            None => (Some(name.to_owned()), Some(name.to_owned())),
        },
    }
}

impl Books {
    /// A page of what fits, newest first, behind a place.
    ///
    /// `scope` are the pairs of ente and register that the asker may see, `None` = all: what is
    /// outside of it counts for nothing, neither for the limit nor for the next page.
    pub fn search(
        &self,
        scope: Option<&[(String, String)]>,
        filter: &SearchFilter,
        after: Option<i64>,
        limit: usize,
    ) -> R<Hits> {
        let scope = scope.map(|pairs| {
            let pairs: Vec<String> =
                pairs.iter().map(|(ente, register)| format!("{ente}/{register}")).collect();
            format!("|{}|", pairs.join("||"))
        });
        let limit = i64::try_from(limit).unwrap_or(i64::MAX).max(1);
        self.look(|tx| tx.search(scope.as_deref(), filter, after.unwrap_or(i64::MAX), limit))
    }
}

impl Tx<'_> {
    fn search(&self, scope: Option<&str>, filter: &SearchFilter, after: i64, limit: i64) -> R<Hits> {
        let after = self.begins(filter, after)?;
        for way in Way::SHORT {
            if way.is_asked(filter) && self.is_few(way, filter)? {
                let hits = self.hits(way, scope, filter, after, limit)?;
                return Ok(Hits { next: last_if_full(&hits, limit), hits });
            }
        }
        let way = if Way::WalkRoute.is_asked(filter) { Way::WalkRoute } else { Way::Walk };
        let hits = self.hits(way, scope, filter, after, limit)?;
        let next = match last_if_full(&hits, limit) {
            Some(next) => Some(next),
            None => self.end_of_walk(way, filter, after)?,
        };
        let next = match next {
            Some(place) if self.is_before(place, filter.from)? => None,
            next => next,
        };
        Ok(Hits { hits, next })
    }

    /// Where a walk of full length ended.
    fn end_of_walk(&self, way: Way, filter: &SearchFilter, after: i64) -> R<Option<i64>> {
        let sql = format!("SELECT min(w.id), count(*) FROM ({}) w", way.text(1, 2));
        let read = |row: &Row<'_>| Ok((row.get::<Option<i64>>(0)?, row.get::<i64>(1)?));
        let ended = match way {
            Way::WalkRoute => self.one("the walk", &sql, params![after, filter.route], read),
            _ => self.one("the walk", &sql, params![after], read),
        };
        let (end, walked) = ended?;
        Ok(end.filter(|_| walked == WALK))
    }

    /// Where a walk begins: behind what was queued after the time that is asked for.
    fn begins(&self, filter: &SearchFilter, after: i64) -> R<i64> {
        let Some(to) = filter.to else { return Ok(after) };
        let newest: Option<i64> =
            self.one("the newest", "SELECT max(id) FROM operation", params![], |row| row.get(0))?;
        let (mut low, mut high) = (0, newest.unwrap_or(0));
        // Operations are numbered as they are queued, but for a clock that jumps.
        while low < high {
            let middle = low + (high - low) / 2;
            let sql = "SELECT queued_at FROM operation WHERE id >= ?1 ORDER BY id LIMIT 1";
            let at: Option<Millis> = self.maybe(sql, params![middle], |row| row.get(0))?;
            if at.is_some_and(|at| at < to + JUMP) { low = middle + 1 } else { high = middle }
        }
        Ok(after.min(low + 1))
    }

    /// Whether an operation, and with it all before it, was queued before a moment.
    fn is_before(&self, id: i64, moment: Option<Millis>) -> R<bool> {
        let Some(moment) = moment else { return Ok(false) };
        let sql = "SELECT queued_at FROM operation WHERE id = ?1";
        let at: Option<Millis> = self.maybe(sql, params![id], |row| row.get(0))?;
        Ok(at.is_some_and(|at| at < moment - JUMP))
    }

    /// Whether a way leads to few operations. Looks no further than that.
    fn is_few(&self, way: Way, f: &SearchFilter) -> R<bool> {
        let sql =
            format!("SELECT count(*) FROM (SELECT w.id FROM ({}) w LIMIT {}) n", way.text(1, 2), FEW + 1);
        let read = |row: &Row<'_>| row.get::<i64>(0);
        let (first, last) = names(f.submission.as_deref());
        let count = |parameter: &Option<String>| self.one("the count", &sql, params![parameter], read);
        let count = match way {
            Way::Submission => self.one("the count", &sql, params![first, last], read),
            Way::Person => self.one("the count", &sql, params![f.person], read),
            Way::Folder => count(&f.folder),
            Way::Record => count(&f.record),
            Way::Rule => count(&f.rule),
            Way::Code => count(&f.code),
            Way::RareState => count(&f.state),
            Way::OpenState => self.one("the count", &sql, params![f.route, f.state], read),
            Way::Ente => count(&f.ente),
            Way::Walk | Way::WalkRoute => return Ok(false),
        };
        Ok(count? <= FEW)
    }

    fn hits(&self, way: Way, scope: Option<&str>, f: &SearchFilter, after: i64, limit: i64) -> R<Vec<Hit>> {
        let sql = format!(
            "SELECT {HIT} FROM (SELECT DISTINCT w.id FROM ({}) w) h JOIN operation o ON o.id = h.id
               JOIN record r ON r.id = o.record JOIN folder f ON f.id = r.folder
               LEFT JOIN submission s ON s.id = o.submission
             WHERE {HOLDS} ORDER BY o.id DESC LIMIT ?17",
            way.within_holds()
        );
        let (first, last) = names(f.submission.as_deref());
        let asked = params![
            after, scope, first, last, f.person, f.folder, f.record, f.state, f.kind, f.rule, f.code,
            f.route, f.ente, f.register, f.from, f.to, limit
        ];
        self.many(&sql, asked, hit)
    }
}

fn last_if_full(hits: &[Hit], limit: i64) -> Option<i64> {
    let full = i64::try_from(hits.len()).is_ok_and(|count| count >= limit);
    hits.last().filter(|_| full).map(|hit| hit.operation)
}

//! The search over what was queued and sent, as people ask for it: a person is looked for by the
//! keyed hash of an identifier, never by what is written.

use super::Gateway;
use crate::exchange::{LedgerError, Millis, State};
use crate::folder::fields::identifier_key;
use crate::ledger::books::{Hits, SearchFilter};
use crate::personal::Personal;

/// Rows of one page at most.
const MOST: usize = 500;

/// What is searched for; what is `None` is not asked.
#[derive(Default)]
pub struct Search {
    /// The person's codice fiscale, or another identifier with its kind: `STP:…`, `ENI:…`, `ANPR:…`.
    pub person: Option<Personal<String>>,
    /// All that needs no sealing.
    pub filter: SearchFilter,
    /// Behind this place: [`Hits::next`] of the page before.
    pub after: Option<i64>,
    /// Rows of a page.
    pub limit: usize,
}

/// A search that is not made.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("`{0}` is not a state: {1}")]
    State(String, String),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Gateway {
    /// A page of what fits, newest first, of the pairs of ente and register that the asker may see
    /// (`None` = all). Not for async code.
    pub fn search(&self, scope: Option<&[(String, String)]>, asked: &Search) -> Result<Hits, SearchError> {
        let mut filter = asked.filter.clone();
        if let Some(state) = filter.state.as_deref().filter(|state| State::from_word(state).is_none()) {
            let known =
                "queued, sending, retrying, waiting, uncertain, parked, accepted, refused, superseded";
            return Err(SearchError::State(state.to_owned(), known.to_owned()));
        }
        if let Some(person) = &asked.person {
            let written = person.expose();
            let kinds = ["ANPR", "STP", "ENI"];
            let other = written.split_once(':').filter(|(kind, _)| kinds.contains(kind));
            let (kind, identifier) = other.unwrap_or(("CF", written));
            let key = identifier_key(kind, identifier);
            filter.person = Some(self.sealer.keyed_hash("person", key.expose().as_bytes()));
        }
        Ok(self.books.search(scope, &filter, asked.after, asked.limit.clamp(1, MOST))?)
    }

    /// Every ente with every register that there is: of these a scope is made.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let mut registers: Vec<&str> =
            self.settings.route.iter().flat_map(|route| route.registers()).collect();
        registers.extend(self.catalog.flows().iter().map(crate::flow::Flow::register));
        registers.sort_unstable();
        registers.dedup();
        let pairs = |ente: &super::settings::Ente| -> Vec<(String, String)> {
            registers.iter().map(|register| (ente.code.clone(), (*register).to_owned())).collect()
        };
        self.settings.ente.iter().flat_map(pairs).collect()
    }
}

/// A moment as a filter takes it: a day (`2026-11-23`, from its beginning in Rome) or RFC 3339.
pub fn moment(text: &str) -> Option<Millis> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(at.as_millisecond());
    }
    let day: jiff::civil::Date = text.parse().ok()?;
    day.to_zoned(super::clock::rome()).ok().map(|zoned| zoned.timestamp().as_millisecond())
}

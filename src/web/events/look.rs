//! One look at the books after another: what differs is told.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Whose;
use crate::exchange::LedgerError;
use crate::gateway::Gateway;
use crate::ledger::books::{Change, Places};
use crate::web::run_json;

/// Runs that are watched: the newest.
const RUNS: usize = 20;
/// Containers and receipts told at one look.
const CHANGES: usize = 500;

type News = Vec<(&'static str, Whose, String)>;

/// What was seen at the last look; nothing is told at the first.
#[derive(Default)]
pub struct Look {
    places: Option<Places>,
    runs: BTreeMap<i64, Value>,
    routes: BTreeMap<String, Value>,
}

impl Look {
    /// What is new since the last look. Not for async code.
    pub fn news(&mut self, gateway: &Gateway) -> Result<News, LedgerError> {
        let mut news = News::new();
        let first = self.places.is_none();
        self.look_at_books(gateway, &mut news)?;
        self.look_at_runs(gateway, &mut news)?;
        self.look_at_routes(gateway, &mut news)?;
        if first {
            news.clear();
        }
        Ok(news)
    }

    fn look_at_books(&mut self, gateway: &Gateway, news: &mut News) -> Result<(), LedgerError> {
        let Some(places) = &mut self.places else {
            self.places = Some(gateway.books.places()?);
            return Ok(());
        };
        for change in gateway.books.new_submissions(places.submission, CHANGES)? {
            places.submission = change.id;
            let data = json!({
                "submission": change.submission, "route": change.route, "state": change.word,
            });
            news.push(("submission", pair(&change), data.to_string()));
        }
        for change in gateway.books.new_receipts(places.receipt, CHANGES)? {
            places.receipt = change.id;
            let data = json!({
                "submission": change.submission, "route": change.route, "code": change.word,
                "operation": change.operation, "state": change.state,
            });
            news.push(("receipt", pair(&change), data.to_string()));
        }
        Ok(())
    }

    fn look_at_runs(&mut self, gateway: &Gateway, news: &mut News) -> Result<(), LedgerError> {
        let mut seen = BTreeMap::new();
        for run in gateway.books.runs(None, RUNS)? {
            let shown = run_json(&run);
            if self.runs.get(&run.id) != Some(&shown) {
                let whose = Whose::Pair { ente: run.ente, register: run.register };
                news.push(("run", whose, shown.to_string()));
            }
            seen.insert(run.id, shown);
        }
        self.runs = seen;
        Ok(())
    }

    fn look_at_routes(&mut self, gateway: &Gateway, news: &mut News) -> Result<(), LedgerError> {
        for view in gateway.route_views()? {
            let route = view.route.clone();
            let shown = serde_json::to_value(view).unwrap_or_default();
            if self.routes.get(&route) != Some(&shown) {
                news.push(("route", Whose::Route(route.clone()), shown.to_string()));
                self.routes.insert(route, shown);
            }
        }
        Ok(())
    }
}

fn pair(change: &Change) -> Whose {
    Whose::Pair { ente: change.ente.clone(), register: change.register.clone() }
}

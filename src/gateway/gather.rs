//! Gathering what is queued on a pushed route into named containers: by person, or by lot where
//! the flow puts many persons into one container. What can't go, because what it needs is not at
//! its register, is said in a finding.

use std::sync::Arc;

use super::Gateway;
use super::desk::container_name;
use super::settings::Route;
use crate::exchange::{Gathered, Gathering, Ledger, LedgerError, Record, gather_lanes, gather_lot};
use crate::flow::{Container, Flow};
use crate::folder::finding::{Finding, Severity, Text, Verdict};
use crate::ledger::{FindingRow, Turn, Tx};

/// Queued operations that one gathering looks at.
pub(super) const LOOK: usize = 256;
/// The rule under which a missing prerequisite is said.
const PREREQUISITE: &str = "presupposto-mancante";

/// How much one container takes: operations and bytes of fragments.
#[derive(Clone, Copy)]
struct Room {
    limit: usize,
    max_bytes: usize,
}

/// Whose queued operations are gathered, and from where on.
struct Whose {
    interactive: bool,
    /// Bulk work of this ente only.
    ente: Option<String>,
    after: i64,
    look: usize,
}

/// How the containers of a flow are filled where it is pushed.
pub(super) fn container_of(flow: &Flow) -> Container {
    if flow.is_grouped() { Container::Bulk } else { Container::Single }
}

impl Gateway {
    /// Gathers what people queued on a pushed route, from a place in the queue on.
    pub fn gather_urgent(&self, route: &Route, after: i64) -> Result<Gathered, LedgerError> {
        let room = self.room(route, |_| true);
        let whose = Whose { interactive: true, ente: None, after, look: LOOK };
        self.gathering(route, room, whose, |tx, wish| Ok((gather_lanes(tx, wish)?, ())))
            .map(|(gathered, ())| gathered)
    }

    /// Gathers what is queued of one ente on a pushed route, from a place in the queue on, looking
    /// at so many operations.
    pub fn gather_pushed(
        &self,
        route: &Route,
        ente: &str,
        after: i64,
        look: usize,
    ) -> Result<Gathered, LedgerError> {
        let room = self.room(route, |_| true);
        let whose = Whose { interactive: false, ente: Some(ente.to_owned()), after, look };
        self.gathering(route, room, whose, |tx, wish| Ok((gather_lanes(tx, wish)?, ())))
            .map(|(gathered, ())| gathered)
    }

    /// Gathers the lots of a route's queued operations into containers of many persons.
    pub fn gather_lots(&self, route: &Route) -> Result<(), LedgerError> {
        let ready = || self.books.look(|tx| tx.lots_of_route(&route.id));
        if !self.flows_of(route).any(Flow::is_grouped) || ready()?.is_empty() {
            return Ok(());
        }
        let room = self.room(route, Flow::is_grouped);
        let mut passed = Vec::new();
        loop {
            let mut done = std::mem::take(&mut passed);
            let act = move |tx: &mut dyn Ledger, wish: &Gathering<'_>| {
                let gathered = gather_lot(tx, wish, &mut done)?;
                Ok((gathered, done))
            };
            let whose = Whose { interactive: false, ente: None, after: 0, look: LOOK };
            let (gathered, done) = self.gathering(route, room, whose, act)?;
            if gathered.submissions.is_empty() {
                return Ok(());
            }
            passed = done;
        }
    }

    fn flows_of<'a>(&'a self, route: &'a Route) -> impl Iterator<Item = &'a Flow> {
        self.catalog.flows().iter().filter(|flow| route.leads_to(flow.register()))
    }

    /// The least that the containers of a route's flows take.
    fn room(&self, route: &Route, of: impl Fn(&Flow) -> bool) -> Room {
        let whole = Room { limit: route.max_records, max_bytes: usize::MAX };
        self.flows_of(route).filter(|flow| of(flow)).fold(whole, |room, flow| {
            let limits = flow.limits(container_of(flow));
            Room {
                limit: room.limit.min(limits.max_records),
                max_bytes: room.max_bytes.min(limits.max_bytes * 9 / 10),
            }
        })
    }

    fn gathering<T: Send + 'static>(
        &self,
        route: &Route,
        room: Room,
        whose: Whose,
        act: impl FnOnce(&mut dyn Ledger, &Gathering<'_>) -> Result<(Gathered, T), LedgerError> + Send + 'static,
    ) -> Result<(Gathered, T), LedgerError> {
        let (id, now, day) = (route.id.clone(), self.clock.now_ms(), self.clock.day());
        let catalog = Arc::clone(&self.catalog);
        self.write_on_duty_in(Turn::of(whose.interactive), move |tx| {
            let name =
                |record: &Record, day: &str, number: u32| container_name(&catalog, record, day, number);
            let Room { limit, max_bytes } = room;
            let wish = Gathering {
                route: &id,
                interactive: whose.interactive,
                ente: whose.ente.as_deref(),
                after: whose.after,
                look: whose.look,
                limit,
                max_bytes,
                now,
                day: &day,
                name: &name,
            };
            let (gathered, more) = act(tx, &wish)?;
            say(tx, &gathered)?;
            Ok((gathered, more))
        })
    }
}

/// Says what was set aside, and takes back what was said of what goes now.
fn say(tx: &mut Tx<'_>, gathered: &Gathered) -> Result<(), LedgerError> {
    for id in &gathered.set_aside {
        let record = tx.record(*id)?;
        tx.drop_finding(record.folder, &record.key, PREREQUISITE)?;
        let finding = prerequisite(&record);
        let row = FindingRow { flow: record.flow.clone(), record: Some(record.key), finding, seen: None };
        tx.add_finding(record.folder, &row)?;
    }
    for container in &gathered.submissions {
        tx.drop_findings_in(container.id, PREREQUISITE)?;
    }
    Ok(())
}

/// A record cannot go before another one that nothing brings to its register.
fn prerequisite(record: &Record) -> Finding {
    let needed = record.needs.as_ref();
    let key = needed.map_or("", |needed| needed.key.as_str());
    let register = needed.and_then(|needed| needed.register.as_deref()).unwrap_or(&record.register);
    Finding {
        rule: PREREQUISITE.into(),
        severity: Severity::Warn,
        folder_path: String::new(),
        payload_path: None,
        message: Text::new(
            format!(
                "Può partire solo dopo «{key}», che il registro {register} non ha e così com'è non riceverà."
            ),
            format!(
                "It can only go after \"{key}\", which the register {register} lacks and will not get as it is."
            ),
        ),
        hint: Text::new(
            "Guardare che cosa trattiene l'altro, o perché è stato rifiutato; corretto quello, questo riparte con il prossimo invio.",
            "See what withholds the other one, or why it was refused; once that is mended, this one goes with the next sending.",
        ),
        verdict: Verdict::CorrectFolder,
        source: "raccordo: the flow's mapping, record.needs".into(),
    }
}

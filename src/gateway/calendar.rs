//! The reporting calendar at work: each firing opens each ente's run exactly once, in the
//! transaction that notes the firing; what comes and what was missed is shown.

use serde::Serialize;

use super::calendar_entry::{CalendarEntry, Plan};
use super::chain::{Note, append};
use super::clock::rfc3339;
use super::runs::open_noted;
use super::{Gateway, RunRequest};
use crate::audit::EventKind;
use crate::exchange::calendar::{CalendarError, Due, due};
use crate::exchange::{LedgerError, Millis, Period};
use crate::ledger::books::{FiringRow, RunOrder};
use crate::ledger::{RunHead, Tx};

/// Firings shown of an entry.
const SHOWN: usize = 100;

/// What is to be noted of a firing for one ente.
struct Start {
    row: FiringRow,
    /// The run to open, unless it was missed or can't be.
    order: Option<RunOrder>,
}

/// One entry of the calendar, as shown.
#[derive(Debug, Serialize)]
pub struct CalendarView {
    pub id: String,
    pub enti: Vec<String>,
    pub flow: String,
    pub cron: String,
    pub period: String,
    pub window: String,
    pub next: Option<FiringView>,
    /// The newest firing that was due.
    pub last: Option<FiringView>,
    /// Firings that were missed or could not start, newest first.
    pub missed: Vec<FiringRow>,
}

/// One firing, as shown.
#[derive(Debug, Serialize)]
pub struct FiringView {
    /// RFC 3339, UTC.
    pub at: String,
    pub period: String,
    pub deadline: Option<String>,
    /// Days from the firing (of the next) or from today (of the last) to the deadline; negative = over.
    pub slack_days: Option<i32>,
    pub enti: Vec<FiringRow>,
    /// The runs that it opened.
    #[serde(skip)]
    pub runs: Vec<RunHead>,
}

impl Gateway {
    /// Starts what the calendar says is due; returns how many runs were opened. Their records
    /// are selected by [`Gateway::resume_runs`].
    pub fn fire_calendar(&self) -> Result<u64, LedgerError> {
        let mut opened = 0;
        let mut failure = None;
        for entry in &self.settings.calendar {
            match self.fire(entry) {
                Ok(count) => opened += count,
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(opened), Err)
    }

    fn fire(&self, entry: &CalendarEntry) -> Result<u64, LedgerError> {
        let plan = entry.plan().map_err(unusable)?;
        let now = self.clock.now_ms();
        let seen = self.books.calendar_seen(&entry.id, &entry.cron)?;
        let found = seen.map_or(Due::Nothing, |seen| due(&plan.schedule, plan.window_ms, seen, now));
        if found == Due::Nothing && seen.is_some_and(|seen| seen <= now) {
            return Ok(0);
        }
        let starts = match found {
            Due::Nothing => Vec::new(),
            Due::Fire { at, passed_over } => self.starts(entry, &plan, at, passed_over, true),
            Due::Missed { at, passed_over } => {
                tracing::warn!(calendar = entry.id, at, "a firing of the calendar was missed");
                self.starts(entry, &plan, at, passed_over, false)
            }
        };
        let (id, cron, rfc3339) = (entry.id.clone(), entry.cron.clone(), self.clock.rfc3339());
        self.write_on_duty(move |tx| {
            tx.put_calendar_seen(&id, &cron, now)?;
            let mut opened = 0;
            for start in starts {
                opened += u64::from(note_firing(tx, start, &rfc3339)?);
            }
            Ok(opened)
        })
    }

    fn starts(
        &self,
        entry: &CalendarEntry,
        plan: &Plan,
        at: Millis,
        passed_over: u32,
        in_time: bool,
    ) -> Vec<Start> {
        let Some(day) = plan.schedule.day(at) else { return Vec::new() };
        let period = plan.relative.of(day);
        let flow = self.catalog.named(&entry.flow, day).map_or(entry.flow.as_str(), |flow| flow.id());
        let start = |ente: &String| {
            let request = RunRequest {
                ente: ente.clone(),
                flow: flow.to_owned(),
                period: Some(period),
                folder: None,
                route: entry.route.clone(),
                actor: format!("calendar {}", entry.id),
            };
            let order = in_time.then(|| self.order_of(&request));
            let (what, order, why) = match order {
                None => ("missed", None, None),
                Some(Ok(order)) => ("started", Some(order), None),
                Some(Err(error)) => ("failed", None, Some(error.to_string())),
            };
            let row = FiringRow {
                calendar: entry.id.clone(),
                at,
                ente: ente.clone(),
                what: what.into(),
                run: None,
                period: period.to_string(),
                period_end: period.to.to_string(),
                noted_at: self.clock.now_ms(),
                passed_over,
                why,
            };
            Start { row, order }
        };
        entry.enti.iter().map(start).collect()
    }

    /// What comes, what came last and what was missed, per entry.
    pub fn calendar(&self) -> Result<Vec<CalendarView>, LedgerError> {
        self.settings.calendar.iter().map(|entry| self.view(entry)).collect()
    }

    fn view(&self, entry: &CalendarEntry) -> Result<CalendarView, LedgerError> {
        let plan = entry.plan().map_err(unusable)?;
        let rows = self.books.firings(&entry.id, SHOWN)?;
        let newest = rows.first().map(|row| row.at);
        let of_last: Vec<_> = rows.iter().filter(|row| Some(row.at) == newest).cloned().collect();
        let missed = rows.into_iter().filter(|row| row.what != "started").collect();
        let next = plan.schedule.next_after(self.clock.now_ms()).and_then(|at| {
            let day = plan.schedule.day(at)?;
            Some(shown(&plan, at, plan.relative.of(day), day))
        });
        let last = of_last.first().and_then(|row| {
            let period: Period = row.period.parse().ok()?;
            Some(shown(&plan, row.at, period, self.clock.today()))
        });
        let last = last.map(|view| self.with_runs(view, of_last)).transpose()?;
        Ok(CalendarView {
            id: entry.id.clone(),
            enti: entry.enti.clone(),
            flow: entry.flow.clone(),
            cron: entry.cron.clone(),
            period: entry.period.clone(),
            window: entry.window.clone(),
            next,
            last,
            missed,
        })
    }

    fn with_runs(&self, mut view: FiringView, rows: Vec<FiringRow>) -> Result<FiringView, LedgerError> {
        for run in rows.iter().filter_map(|row| row.run) {
            view.runs.extend(self.books.runs(Some(run), 1)?);
        }
        view.enti = rows;
        Ok(view)
    }
}

fn shown(plan: &Plan, at: Millis, period: Period, from: jiff::civil::Date) -> FiringView {
    let deadline = plan.deadline.and_then(|deadline| deadline.after(period.to));
    FiringView {
        at: rfc3339(at),
        period: period.to_string(),
        deadline: deadline.map(|day| day.to_string()),
        slack_days: deadline.and_then(|day| from.until(day).ok()).map(|span| span.get_days()),
        enti: Vec::new(),
        runs: Vec::new(),
    }
}

/// Opens the run of a firing, or notes why not; true if one was opened. What was noted before is
/// not noted again: a clock set back, or a death after the commit, starts nothing twice.
fn note_firing(tx: &mut Tx<'_>, start: Start, at: &str) -> Result<bool, LedgerError> {
    let Start { mut row, order } = start;
    if tx.has_fired(&row.calendar, row.at, &row.ente)? {
        return Ok(false);
    }
    if let Some(order) = &order {
        row.run = Some(open_noted(tx, order, at)?);
    } else {
        let actor = format!("calendar {}", row.calendar);
        let note = Note::new(at.to_owned(), &actor, EventKind::CalendarMissed, actor.clone());
        append(tx, note.with("ente", &row.ente).with("period", &row.period).with("what", &row.what))?;
    }
    tx.add_firing(&row)?;
    Ok(order.is_some())
}

/// The configuration was checked when it was loaded.
fn unusable(error: CalendarError) -> LedgerError {
    LedgerError::Refused(error.to_string())
}

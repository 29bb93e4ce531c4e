//! Forecasts of what is open: for each run that is not over, and the deadline that a calendar gives
//! it, at the pace that this process saw in the last minutes. What is foretold from it stands in
//! `exchange/forecast.rs`.

use std::time::Instant;

use serde::Serialize;

use super::Gateway;
use super::calendar_entry::CalendarEntry;
use super::clock::{in_rome, rfc3339, rome};
use super::settings::Channel;
use super::watch::lock;
use crate::exchange::{
    Balance, Bucket, Hours, LedgerError, Millis, Outlook, Period, Progress, Recipient, forecast,
};
use crate::folder::finding::Text;
use crate::ledger::books::{OpenRun, RouteView};

/// Over which the pace is taken, ms.
const LATELY: Millis = 5 * 60_000;
/// Less than this says nothing of a pace, ms.
const TOO_SHORT: Millis = 5_000;
/// Runs older than this are not looked at, ms; and not more of them at once.
const OLDEST: Millis = 180 * 86_400_000;
const MOST: i64 = 200;

/// What is foretold of an open run.
#[derive(Clone, Debug, Serialize)]
pub struct RunForecast {
    pub run: i64,
    pub ente: String,
    pub register: String,
    pub flow: String,
    pub period: String,
    pub route: String,
    pub kind: String,
    /// The calendar that started it.
    pub calendar: Option<String>,
    pub selected: u64,
    /// Records that still move by themselves, and those that wait for a person.
    pub left: u64,
    pub held: u64,
    pub undecided: u64,
    /// Records per second; 0 = no pace is known.
    pub per_s: f64,
    /// When what moves by itself is at its end; RFC 3339, UTC.
    pub ends_at: Option<String>,
    /// The day by which the period must be reported, and its end in ms.
    pub deadline: Option<String>,
    pub until: Option<Millis>,
    /// `in_time`, `late`, `needs_person` or `unknown`.
    pub outlook: &'static str,
    /// What holds it up, in words.
    pub reasons: Vec<Text>,
}

/// A calendar's deadline for the period that it reported last.
#[derive(Clone, Debug, Serialize)]
pub struct DeadlineView {
    pub calendar: String,
    pub period: String,
    pub deadline: String,
    /// The end of that day in Rome, ms.
    pub until: Millis,
    /// The runs that it started.
    pub runs: Vec<i64>,
}

impl Gateway {
    /// What is foretold of every run that is not over, newest first. Not for async code.
    pub fn forecast(&self) -> Result<Vec<RunForecast>, LedgerError> {
        let open = self.open_runs()?;
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let (deadlines, views) = (self.deadlines()?, self.route_views()?);
        let told = open.iter().map(|(run, balance)| {
            let deadline = deadlines.iter().find(|deadline| deadline.runs.contains(&run.id));
            self.foretell(run, balance, views.iter().find(|view| view.route == run.route), deadline)
        });
        Ok(told.collect())
    }

    fn foretell(
        &self,
        run: &OpenRun,
        balance: &Balance,
        view: Option<&RouteView>,
        deadline: Option<&DeadlineView>,
    ) -> RunForecast {
        let now = self.clock.now_ms();
        let recipient = self.recipient(run, view, now);
        let progress = self.progress(run, balance, &recipient, now);
        let until = deadline.map(|deadline| deadline.until);
        let told = forecast(&progress, &recipient, until, now, |at| in_rome(at).datetime());
        let moment = |at: Millis| in_rome(at).strftime("%d/%m/%Y %H:%M").to_string();
        RunForecast {
            run: run.id,
            ente: run.ente.clone(),
            register: run.register.clone(),
            flow: run.flow.clone(),
            period: run.period.clone(),
            route: run.route.clone(),
            kind: run.kind.clone(),
            calendar: deadline.map(|deadline| deadline.calendar.clone()),
            selected: balance.selected,
            left: progress.left,
            held: progress.held,
            undecided: progress.undecided,
            per_s: told.per_s,
            ends_at: told.ends_at.map(rfc3339),
            deadline: deadline.map(|deadline| deadline.deadline.clone()),
            until,
            outlook: told.outlook.word(),
            reasons: told.reasons.iter().map(|reason| reason.text(moment)).collect(),
        }
    }

    /// Open runs with their balances. A run that is over is counted once and never again.
    pub(super) fn open_runs(&self) -> Result<Vec<(OpenRun, Balance)>, LedgerError> {
        let known: Vec<(OpenRun, Balance)> = self.runs_with_balance()?;
        Ok(known.into_iter().filter(|(run, balance)| run.selecting || !is_over(balance)).collect())
    }

    /// The newest runs with their balances, open or over.
    pub(super) fn runs_with_balance(&self) -> Result<Vec<(OpenRun, Balance)>, LedgerError> {
        let since = self.clock.now_ms() - OLDEST;
        let runs = self.books.look(|tx| tx.newest_runs(since, MOST))?;
        let mut with_balance = Vec::with_capacity(runs.len());
        for run in runs {
            let known = lock(&self.watch.over).get(&run.id).cloned();
            let balance = match known {
                Some(balance) => balance,
                None => self.balance_of(&run)?,
            };
            with_balance.push((run, balance));
        }
        Ok(with_balance)
    }

    fn balance_of(&self, run: &OpenRun) -> Result<Balance, LedgerError> {
        if let Some((until, balance)) = lock(&self.watch.counted).get(&run.id)
            && Instant::now() < *until
        {
            return Ok(balance.clone());
        }
        let began = Instant::now();
        let counts = self.books.look(|tx| tx.run_counts(run.id))?;
        let mut balance = Balance::new(counts.iter().map(|(_, count)| count).sum());
        counts.into_iter().for_each(|(bucket, count)| balance.add(bucket, count));
        if !run.selecting && is_over(&balance) {
            lock(&self.watch.samples).remove(&run.id);
            lock(&self.watch.counted).remove(&run.id);
            lock(&self.watch.over).insert(run.id, balance.clone());
        } else {
            // To count a large run costs: it is done for a twentieth of the time at most.
            let until = began + began.elapsed() * 20;
            lock(&self.watch.counted).insert(run.id, (until, balance.clone()));
        }
        Ok(balance)
    }

    fn progress(&self, run: &OpenRun, balance: &Balance, recipient: &Recipient, now: Millis) -> Progress {
        let of = |bucket| balance.count(bucket);
        let moving = [Bucket::Queued, Bucket::Sending, Bucket::Retrying, Bucket::Waiting];
        let mut left: u64 = moving.into_iter().map(of).sum();
        let mut undecided = of(Bucket::Parked);
        // Who is pushed to is asked what became of it; else a person finds out.
        if recipient.comes_by_itself {
            undecided += of(Bucket::Uncertain)
        } else {
            left += of(Bucket::Uncertain)
        }
        let done = of(Bucket::Accepted) + of(Bucket::Refused) + of(Bucket::Superseded);
        let (ended, over) = self.lately(run, done, now);
        Progress { left, held: of(Bucket::Held), undecided, ended, over, selecting: run.selecting }
    }

    /// How many records came to their end, and in which time.
    fn lately(&self, run: &OpenRun, done: u64, now: Millis) -> (u64, Millis) {
        let mut samples = lock(&self.watch.samples);
        let samples = samples.entry(run.id).or_default();
        if samples.back().is_none_or(|(at, _)| now - at >= 1_000) {
            samples.push_back((now, done));
        }
        while samples.len() > 2 && samples.get(1).is_some_and(|(at, _)| now - at >= LATELY) {
            samples.pop_front();
        }
        match samples.front() {
            Some((at, before)) if now - at >= TOO_SHORT => (done.saturating_sub(*before), now - at),
            _ => (done, (now - run.started_at).max(1)),
        }
    }

    fn recipient(&self, run: &OpenRun, view: Option<&RouteView>, now: Millis) -> Recipient {
        let route = self.settings.route(&run.route);
        let push = route.and_then(|route| route.push.as_ref());
        let polls = route.is_some_and(|route| matches!(route.channel, Channel::Offer | Channel::File));
        let left_alone = view.and_then(|view| view.left_alone_until).filter(|until| *until > now);
        Recipient {
            suspended: view.is_some_and(|view| view.suspended.is_some()),
            unreachable_until: left_alone,
            limit_per_s: push.map_or(0.0, |push| push.rate_per_s),
            answer_ms: self.watch.meters.answer_ms(&run.route),
            concurrency: push.map_or(1, |push| u32::try_from(push.concurrency).unwrap_or(1)),
            per_container: 1.0,
            comes_by_itself: polls,
            hours: push.and_then(|push| Hours::parse(&push.hours).ok()).unwrap_or_default(),
        }
    }

    /// The deadlines of what calendars reported last.
    pub fn deadlines(&self) -> Result<Vec<DeadlineView>, LedgerError> {
        let mut all = Vec::new();
        for entry in &self.settings.calendar {
            all.extend(self.deadline_of(entry)?);
        }
        Ok(all)
    }

    fn deadline_of(&self, entry: &CalendarEntry) -> Result<Option<DeadlineView>, LedgerError> {
        let Ok(plan) = entry.plan() else { return Ok(None) };
        let rows = self.books.firings(&entry.id, entry.enti.len().max(1))?;
        let Some(newest) = rows.first() else { return Ok(None) };
        let Ok(period) = newest.period.parse::<Period>() else { return Ok(None) };
        let day = plan.deadline.and_then(|deadline| deadline.after(period.to));
        let Some(day) = day else { return Ok(None) };
        let end = day.tomorrow().ok().and_then(|next| next.to_zoned(rome()).ok());
        let Some(end) = end else { return Ok(None) };
        let runs = rows.iter().filter(|row| row.at == newest.at).filter_map(|row| row.run).collect();
        Ok(Some(DeadlineView {
            calendar: entry.id.clone(),
            period: newest.period.clone(),
            deadline: day.to_string(),
            until: end.timestamp().as_millisecond(),
            runs,
        }))
    }

    /// How a route's breaker stands: `closed`, `resting` (the recipient asked for it), `open`, `probing`.
    pub fn breaker_word(&self, view: &RouteView, now: Millis) -> &'static str {
        let push = self.settings.route(&view.route).and_then(|route| route.push.as_ref());
        let failed = push.is_some_and(|push| view.failures >= push.breaker().failures);
        let left_alone = view.left_alone_until.is_some_and(|until| until > now);
        match (failed, left_alone) {
            (true, true) => "open",
            (true, false) => "probing",
            (false, true) => "resting",
            (false, false) => "closed",
        }
    }
}

/// Whether nothing of a run will ever move again.
fn is_over(balance: &Balance) -> bool {
    Bucket::ALL.into_iter().all(|bucket| bucket.is_final() || balance.count(bucket) == 0)
}

impl RunForecast {
    /// Whether it ends after its deadline.
    pub fn is_late(&self) -> bool {
        self.outlook == Outlook::Late.word()
    }
}

//! Alerts at work: what holds now is gathered and compared with what is stored; what begins or ends
//! is stored with what each sink is still to hear, so that a death neither repeats nor forgets it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::Gateway;
use super::clock::rfc3339;
use super::settings::Channel;
use crate::exchange::{
    AlertChange, AlertKind, Balance, Bucket, Condition, KnownAlert, LedgerError, Millis, alert_changes,
};
use crate::folder::finding::Text;
use crate::ledger::Tx;
use crate::ledger::books::{AlertRow, OpenRun};

const MINUTE_MS: Millis = 60_000;
const DAY_MS: Millis = 86_400_000;
/// A run is looked at for refusals so long after its start.
const RECENT_MS: Millis = 7 * DAY_MS;
/// Ended alerts that are shown.
const SHOWN: i64 = 50;

/// An alert as shown and as told.
#[derive(Clone, Debug, Serialize)]
pub struct AlertView {
    pub id: i64,
    pub kind: String,
    pub cause: String,
    pub count: u64,
    pub detail: Value,
    /// RFC 3339, UTC.
    pub since: String,
    pub began_at: Option<String>,
    pub ended_at: Option<String>,
    pub text: Text,
}

impl AlertView {
    pub(super) fn of(row: &AlertRow) -> Self {
        let detail: BTreeMap<String, String> = serde_json::from_str(&row.detail).unwrap_or_default();
        let kind = AlertKind::from_word(&row.kind);
        let text = kind.map_or_else(
            || Text::new(row.kind.clone(), row.kind.clone()),
            |kind| kind.text(&row.cause, row.count, &detail),
        );
        Self {
            id: row.id,
            kind: row.kind.clone(),
            cause: row.cause.clone(),
            count: row.count,
            detail: json!(detail),
            since: rfc3339(row.since),
            began_at: row.began_at.map(rfc3339),
            ended_at: row.ended_at.map(rfc3339),
            text,
        }
    }
}

impl Gateway {
    /// Alerts that are open, then the last that ended.
    pub fn alerts(&self) -> Result<Vec<AlertView>, LedgerError> {
        let (open, ended) = self.books.look(|tx| Ok((tx.open_alerts()?, tx.ended_alerts(SHOWN)?)))?;
        let told = open.iter().filter(|alert| alert.began_at.is_some());
        Ok(told.chain(&ended).map(AlertView::of).collect())
    }

    /// Compares what holds with what was known, and stores what begins and ends; returns how many
    /// did. Not for async code.
    pub fn look_for_alerts(&self) -> Result<usize, LedgerError> {
        let holding = self.conditions()?;
        let (now, sinks) = (self.clock.now_ms(), self.settings.alerts.sinks());
        let changed = self.write_on_duty(move |tx| store(tx, holding, &sinks, now))?;
        for (kind, cause, what) in &changed {
            self.watch.meters.alerted(kind.word(), what);
            if *what == "begins" {
                tracing::warn!(alert = kind.word(), cause, "an alert begins");
            } else {
                tracing::info!(alert = kind.word(), cause, "an alert ends");
            }
        }
        Ok(changed.len())
    }

    /// Everything that holds now and that an operator should hear of.
    pub fn conditions(&self) -> Result<Vec<Condition>, LedgerError> {
        let mut holding = self.about_routes()?;
        holding.extend(self.about_runs()?);
        holding.extend(self.about_persons()?);
        holding.extend(self.about_this_process());
        holding.extend(self.about_certificates());
        Ok(holding)
    }

    /// One for each recipient, however much waits for it.
    fn about_routes(&self) -> Result<Vec<Condition>, LedgerError> {
        let now = self.clock.now_ms();
        let patience = Millis::from(self.settings.alerts.unreachable_min) * MINUTE_MS;
        let views = self.route_views()?;
        let away = views.iter().filter(|view| ["open", "probing"].contains(&self.breaker_word(view, now)));
        let told = away.map(|view| Condition {
            kind: AlertKind::Unreachable,
            cause: view.route.clone(),
            count: view.queued + view.retrying + view.uncertain + view.out,
            detail: BTreeMap::from([("failures".to_owned(), view.failures.to_string())]),
            patience,
        });
        Ok(told.collect())
    }

    fn about_runs(&self) -> Result<Vec<Condition>, LedgerError> {
        let mut holding = Vec::new();
        for told in self.forecast()?.iter().filter(|told| told.is_late()) {
            let mut detail = BTreeMap::from([("run".to_owned(), told.run.to_string())]);
            detail.extend(told.deadline.iter().map(|day| ("deadline".to_owned(), day.clone())));
            detail.extend(told.ends_at.iter().map(|at| ("ends_at".to_owned(), at.clone())));
            let calendar = told.calendar.as_deref().unwrap_or_default();
            holding.push(Condition {
                kind: AlertKind::Deadline,
                cause: format!("{calendar}/{}", told.ente),
                count: told.left,
                detail,
                patience: 2 * MINUTE_MS,
            });
        }
        let recent = self.clock.now_ms() - RECENT_MS;
        let mut newest: BTreeMap<String, ()> = BTreeMap::new();
        for (run, balance) in self.runs_with_balance()? {
            let whose = format!("{}/{}", run.ente, run.register);
            // A sync of one folder says nothing of a flow.
            if run.kind != "sync" && run.started_at >= recent && newest.insert(whose.clone(), ()).is_none() {
                holding.extend(self.refusals(&run, &balance, whose));
            }
            let held = balance.count(Bucket::Held);
            let least = self.settings.alerts.held_least;
            if least > 0 && held >= least {
                holding.push(Condition {
                    kind: AlertKind::Held,
                    cause: format!("run {}", run.id),
                    count: held,
                    detail: BTreeMap::from([("ente".to_owned(), run.ente.clone())]),
                    patience: 0,
                });
            }
        }
        Ok(holding)
    }

    fn refusals(&self, run: &OpenRun, balance: &Balance, cause: String) -> Option<Condition> {
        let refused = balance.count(Bucket::Refused);
        let answered = refused + balance.count(Bucket::Accepted);
        let settings = &self.settings.alerts;
        let many = refused as f64 > answered as f64 * settings.refused_share;
        let detail = [("answered", answered.to_string()), ("run", run.id.to_string())];
        (answered >= settings.refused_least.max(1) && many).then(|| Condition {
            kind: AlertKind::Refusals,
            cause,
            count: refused,
            detail: detail.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            patience: 0,
        })
    }

    /// What waits for a person's decision, by route.
    fn about_persons(&self) -> Result<Vec<Condition>, LedgerError> {
        let mut by_route: BTreeMap<String, u64> = BTreeMap::new();
        for doubtful in self.books.look(|tx| tx.doubtful())? {
            let route = self.settings.route(&doubtful.route);
            let asked = route.is_some_and(|route| route.channel == Channel::Push);
            // Who is pushed to is asked; only what is parked waits for a person.
            if doubtful.state == "parked" || !asked {
                *by_route.entry(doubtful.route).or_default() += doubtful.operations;
            }
        }
        let least = self.settings.alerts.undecided_least;
        let enough = by_route.into_iter().filter(|(_, count)| least > 0 && *count >= least);
        let told = enough.map(|(cause, count)| Condition {
            kind: AlertKind::Undecided,
            cause,
            count,
            detail: BTreeMap::new(),
            patience: MINUTE_MS,
        });
        Ok(told.collect())
    }

    /// What only this process knows.
    fn about_this_process(&self) -> Vec<Condition> {
        let mut holding = Vec::new();
        let mut hold = |kind: AlertKind, cause: &str, detail: Option<u64>, patience| {
            let detail = detail.map(|event| ("event".to_owned(), event.to_string()));
            let detail = detail.into_iter().collect();
            holding.push(Condition { kind, cause: cause.to_owned(), count: 1, detail, patience });
        };
        if let Some(event) = self.watch.audit().broken {
            hold(AlertKind::Audit, "audit", Some(event), 0);
        }
        if self.queue_state().is_some_and(|state| !state.connected) {
            let patience = Millis::from(self.settings.alerts.unreachable_min) * MINUTE_MS;
            hold(AlertKind::Broker, "queue", None, patience);
        }
        holding
    }

    /// Client identities whose time runs out, by route.
    fn about_certificates(&self) -> Vec<Condition> {
        let now = self.clock.now_ms();
        let soon = now + Millis::from(self.settings.alerts.certificate_days) * DAY_MS;
        let mut holding = Vec::new();
        for route in &self.settings.route {
            let Some(push) = route.push.as_ref().filter(|push| !push.identity_file.is_empty()) else {
                continue;
            };
            // A file that can't be read is told where it is used.
            let Ok(pem) = std::fs::read(&push.identity_file) else { continue };
            let Some(ends) = crate::trust::certificate::ends_at(&pem).filter(|ends| *ends < soon) else {
                continue;
            };
            let day = rfc3339(ends).chars().take(10).collect();
            let left = u64::try_from((ends - now) / DAY_MS).unwrap_or(0);
            holding.push(Condition {
                kind: AlertKind::Certificate,
                cause: route.id.clone(),
                count: left,
                detail: BTreeMap::from([("ends".to_owned(), day)]),
                patience: 0,
            });
        }
        holding
    }
}

/// What began and what ended, after it was stored.
type Changed = Vec<(AlertKind, String, &'static str)>;

fn store(
    tx: &mut Tx<'_>,
    holding: Vec<Condition>,
    sinks: &[&'static str],
    now: Millis,
) -> Result<Changed, LedgerError> {
    let rows = tx.open_alerts()?;
    let known: Vec<KnownAlert> = rows
        .iter()
        .filter_map(|row| {
            let kind = AlertKind::from_word(&row.kind)?;
            let was_told = row.began_at.is_some();
            Some(KnownAlert { id: row.id, kind, cause: row.cause.clone(), since: row.since, was_told })
        })
        .collect();
    let mut changed = Vec::new();
    for change in alert_changes(&known, holding, now) {
        let of = |id: i64| known.iter().find(|known| known.id == id);
        match change {
            AlertChange::New { condition, tell } => {
                let (kind, detail) = (condition.kind, detail(&condition));
                let id = tx.add_alert(kind.word(), &condition.cause, now, condition.count, &detail)?;
                if tell {
                    begin(tx, id, &condition, sinks, now)?;
                    changed.push((kind, condition.cause, "begins"));
                }
            }
            AlertChange::Begins { id, condition } => {
                begin(tx, id, &condition, sinks, now)?;
                changed.push((condition.kind, condition.cause, "begins"));
            }
            AlertChange::Holds { id, condition } => {
                let row = rows.iter().find(|row| row.id == id);
                let detail = detail(&condition);
                if row.is_none_or(|row| row.count != condition.count || row.detail != detail) {
                    tx.put_alert(id, row.and_then(|row| row.began_at), condition.count, &detail)?;
                }
            }
            AlertChange::Ends { id } => {
                tx.end_alert(id, now)?;
                sinks.iter().try_for_each(|sink| tx.add_telling(id, "ends", sink, now))?;
                changed.extend(of(id).map(|known| (known.kind, known.cause.clone(), "ends")));
            }
            AlertChange::Passes { id } => tx.drop_alert(id)?,
        }
    }
    Ok(changed)
}

fn begin(
    tx: &Tx<'_>,
    id: i64,
    condition: &Condition,
    sinks: &[&'static str],
    now: Millis,
) -> Result<(), LedgerError> {
    tx.put_alert(id, Some(now), condition.count, &detail(condition))?;
    sinks.iter().try_for_each(|sink| tx.add_telling(id, "begins", sink, now))
}

fn detail(condition: &Condition) -> String {
    json!(condition.detail).to_string()
}

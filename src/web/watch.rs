//! For whoever watches the process: `/healthz`, `/readyz`, `/metrics`. Ids and names of the
//! configuration only; what counts is never a person.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::exposition::Exposition;
use super::extract::Json;
use super::folders::blocking;
use super::problem::Problem;
use crate::exchange::{LedgerError, Millis};
use crate::gateway::{Gateway, KeyStanding, KeyView};
use crate::ledger::books::{RouteView, Waiting};

/// `GET /healthz`: the process lives, and its loops come round; 503 where one does not.
pub async fn healthz(State(gateway): State<Arc<Gateway>>) -> Response {
    let stuck = gateway.stuck_loops();
    let loops: Vec<Value> = gateway
        .watch
        .loops()
        .into_iter()
        .map(|(name, age, late)| json!({ "loop": name, "ok": !late, "seconds": age.as_secs() }))
        .collect();
    let (status, word) =
        if stuck.is_empty() { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "stuck") };
    let told = json!({ "status": word, "version": env!("CARGO_PKG_VERSION"), "loops": loops, "why": stuck });
    (status, Json(told)).into_response()
}

/// `GET /readyz`: the ledger can be written, the broker is there, flows are loaded; 503 otherwise.
/// Beside it what a person should see to: suspended routes, changed keys.
pub async fn readyz(State(gateway): State<Arc<Gateway>>) -> Response {
    let queue = gateway.queue_state();
    let checks = gateway.checks().await;
    let looked = blocking(move || {
        let changed = gateway.key_views().map(changed_keys);
        Ok(gateway.books.suspended_routes().and_then(|routes| Ok((routes, changed?))))
    });
    let (suspended, changed) = match looked.await {
        Err(problem) => return problem.into_response(),
        Ok(Err(error)) => {
            return Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response();
        }
        Ok(Ok(looked)) => looked,
    };
    let queue = queue.map(|queue| json!({ "connected": queue.connected, "trouble": queue.trouble }));
    let (status, word) = match checks.all_ok() {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    let told = json!({
        "status": word, "checks": checks, "suspended_routes": suspended, "changed_keys": changed,
        "queue": queue,
    });
    (status, Json(told)).into_response()
}

/// `ENTE/NAME` of the keys with which nothing new is made until a person has looked.
fn changed_keys(views: Vec<KeyView>) -> Vec<String> {
    let changed = views.into_iter().filter(|view| view.state == KeyStanding::Changed);
    changed.map(|view| format!("{}/{}", view.ente, view.name)).collect()
}

/// `GET /metrics`: Prometheus text format. Facts of the ledger are read now (those that walk whole
/// tables at most once a minute), counters are the process's own.
pub async fn metrics(State(gateway): State<Arc<Gateway>>) -> Result<Response, Problem> {
    let text = blocking(move || Ok(measured(&gateway)?)).await?;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

fn measured(gateway: &Gateway) -> Result<String, LedgerError> {
    let mut text = Exposition::default();
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    text.gauge("raccordo_build_info", "Always 1; which version this is.").sample(&version, 1);
    books(gateway, &mut text)?;
    let now = gateway.clock.now_ms();
    let views = gateway.route_views()?;
    let mut waiting = Vec::with_capacity(views.len());
    for view in &views {
        waiting.push((view.route.as_str(), gateway.books.look(|tx| tx.waiting_on(&view.route))?));
    }
    queues(&waiting, now, &mut text);
    routes(gateway, &views, now, &mut text);
    ledger(gateway, &mut text);
    calendar(gateway, now, &mut text)?;
    process(gateway, &mut text);
    alerts(gateway, &mut text)?;
    Ok(text.into_text())
}

fn books(gateway: &Gateway, text: &mut Exposition) -> Result<(), LedgerError> {
    let heavy = gateway.heavy_figures()?;
    text.gauge("raccordo_folders", "Stored folders.").sample(&[], heavy.folders);
    let mut operations = text.gauge("raccordo_operations", "Operations by state.");
    for (state, count) in &heavy.operations {
        operations.sample(&[("state", state)], count);
    }
    let mut records = text.gauge("raccordo_records", "Records by ente, flow and standing.");
    for standing in &heavy.standings {
        for (word, count) in [
            ("ready", standing.ready),
            ("set_aside", standing.set_aside),
            ("vanished", standing.vanished),
            ("held", standing.held),
            ("differing", standing.differing),
            ("absent", standing.absent),
            ("undecided", standing.undecided),
        ] {
            let labels = [("ente", standing.ente.as_str()), ("flow", &standing.flow), ("standing", word)];
            records.sample(&labels, count);
        }
    }
    let mut ready =
        text.gauge("raccordo_flow_readiness", "Share of an ente's records that could leave, by flow.");
    for standing in &heavy.standings {
        let share = if standing.records == 0 { 1.0 } else { standing.ready as f64 / standing.records as f64 };
        ready.sample(&[("ente", &standing.ente), ("flow", &standing.flow)], share);
    }
    Ok(())
}

/// Depths and ages, by route and priority.
fn queues(waiting: &[(&str, [Waiting; 2])], now: Millis, text: &mut Exposition) {
    let seconds = |at: Option<Millis>| at.map_or(0, |at| (now - at).max(0)) as f64 / 1000.0;
    type Figure<'f> = (&'static str, &'static str, &'f dyn Fn(&Waiting) -> f64);
    let figures: [Figure<'_>; 4] = [
        ("raccordo_waiting_operations", "Operations that wait for their container.", &|w| {
            w.operations as f64
        }),
        ("raccordo_oldest_waiting_seconds", "How long the oldest of them has waited.", &|w| {
            seconds(w.oldest)
        }),
        ("raccordo_open_submissions", "Containers that wait to be built, sent or asked about.", &|w| {
            w.submissions as f64
        }),
        ("raccordo_overdue_submission_seconds", "How long the most overdue of them has been due.", &|w| {
            seconds(w.first_due)
        }),
    ];
    for (name, help, figure) in figures {
        let mut family = text.gauge(name, help);
        for (route, both) in waiting {
            for one in both {
                let priority = if one.interactive { "interactive" } else { "bulk" };
                family.sample(&[("route", route), ("priority", priority)], figure(one));
            }
        }
    }
}

fn routes(gateway: &Gateway, views: &[RouteView], now: Millis, text: &mut Exposition) {
    type Figure = (&'static str, &'static str, fn(&RouteView) -> u64);
    let figures: [Figure; 6] = [
        ("raccordo_route_queued", "Queued operations by route.", |view| view.queued),
        ("raccordo_route_suspended", "1 while a person or a fault has stopped the route.", |view| {
            u64::from(view.suspended.is_some())
        }),
        ("raccordo_route_out", "Operations that are out, or being sent.", |view| view.out),
        ("raccordo_route_retrying", "Operations that wait for their next try.", |view| view.retrying),
        ("raccordo_route_uncertain", "Operations whose outcome is not known.", |view| view.uncertain),
        ("raccordo_route_failures", "Failures in a row.", |view| u64::from(view.failures)),
    ];
    for (name, help, figure) in figures {
        let mut family = text.gauge(name, help);
        views.iter().for_each(|view| family.sample(&[("route", &view.route)], figure(view)));
    }
    let mut breaker = text.gauge("raccordo_breaker_state", "1 for the state that the route's breaker is in.");
    for view in views {
        let is = gateway.breaker_word(view, now);
        for state in ["closed", "resting", "open", "probing"] {
            breaker.sample(&[("route", &view.route), ("state", state)], u8::from(is == state));
        }
    }
}

fn ledger(gateway: &Gateway, text: &mut Exposition) {
    let pulse = &gateway.books.pulse;
    let help = "From asking the ledger's writer to the commit.";
    text.histogram("raccordo_ledger_write_seconds", help).distribution(&[], &pulse.writes);
    text.gauge("raccordo_ledger_waiting", "Callers that wait for their commit.").sample(&[], pulse.waiting());
    let audit = gateway.watch.audit();
    let help = "0 where the audit chain shows tampering, as far as it was looked at.";
    text.gauge("raccordo_audit_intact", help).sample(&[], u8::from(audit.broken.is_none()));
    let help = "Events of the audit chain that were looked at.";
    text.gauge("raccordo_audit_verified_events", help).sample(&[], audit.verified);
    let help = "When the look at the audit chain last came to its end, seconds since 1970; 0 = not yet.";
    text.gauge("raccordo_audit_verified_timestamp_seconds", help).sample(&[], audit.ended_at as f64 / 1000.0);
}

fn calendar(gateway: &Gateway, now: Millis, text: &mut Exposition) -> Result<(), LedgerError> {
    let slacks = gateway.deadlines()?;
    let mut slack = text.gauge(
        "raccordo_deadline_slack_seconds",
        "What is left until the deadline of a calendar's last period; negative = over.",
    );
    for deadline in &slacks {
        let left = (deadline.until - now) as f64 / 1000.0;
        slack.sample(&[("calendar", &deadline.calendar), ("period", &deadline.period)], left);
    }
    let mut runs = text.gauge("raccordo_run_left", "Records of an open run that still move by themselves.");
    let forecasts = gateway.forecast()?;
    for told in &forecasts {
        runs.sample(&[("run", &told.run.to_string()), ("route", &told.route)], told.left);
    }
    let mut ends =
        text.gauge("raccordo_run_late", "1 where a run ends after its deadline, at its present pace.");
    for told in &forecasts {
        let late = u8::from(told.outlook == "late");
        ends.sample(&[("run", &told.run.to_string()), ("route", &told.route)], late);
    }
    Ok(())
}

fn process(gateway: &Gateway, text: &mut Exposition) {
    let meters = &gateway.watch.meters;
    let mut family =
        text.counter("raccordo_attempts_total", "Exchanges with recipients, by what came of them.");
    for ((route, what, outcome, class), count) in meters.attempts() {
        family.sample(&[("route", &route), ("what", what), ("outcome", outcome), ("code", class)], count);
    }
    let mut family = text.counter("raccordo_receipts_total", "Receipts for operations, by outcome.");
    for ((route, outcome), count) in meters.receipts() {
        family.sample(&[("route", &route), ("outcome", outcome)], count);
    }
    let mut family = text.histogram("raccordo_answer_seconds", "How long a recipient takes to answer.");
    for (route, answers) in meters.answers() {
        family.distribution(&[("route", &route)], &answers);
    }
    let mut family = text.gauge("raccordo_queue_connected", "1 while the queue takes and gives work.");
    if let Some(queue) = gateway.queue_state() {
        family.sample(&[], u8::from(queue.connected));
    }
    let mut family =
        text.gauge("raccordo_loop_age_seconds", "Since a loop of the process was at its beginning.");
    for (name, age, _) in gateway.watch.loops() {
        family.sample(&[("loop", name)], age.as_secs_f64());
    }
    let mut family = text.counter("raccordo_pruned_rows_total", "Rows whose time was over, by kind.");
    for (kind, rows) in meters.pruned_rows() {
        family.sample(&[("kind", kind)], rows);
    }
}

fn alerts(gateway: &Gateway, text: &mut Exposition) -> Result<(), LedgerError> {
    let open = gateway.books.look(|tx| tx.open_alerts())?;
    let mut family = text.gauge("raccordo_alert", "What an alert that is open concerns, by kind and cause.");
    for alert in open.iter().filter(|alert| alert.began_at.is_some()) {
        family.sample(&[("kind", &alert.kind), ("cause", &alert.cause)], alert.count);
    }
    let mut family = text.counter("raccordo_alerts_total", "Alerts that began and ended.");
    for ((kind, what), count) in gateway.watch.meters.alerts() {
        family.sample(&[("kind", kind), ("what", what)], count);
    }
    let mut family = text.counter("raccordo_alert_tellings_total", "What sinks of alerts took, and did not.");
    for ((sink, outcome), count) in gateway.watch.meters.tellings() {
        family.sample(&[("sink", &sink), ("outcome", outcome)], count);
    }
    Ok(())
}

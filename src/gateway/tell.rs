//! Telling sinks of alerts: what they are still to hear is stored and tried until they took it.

use std::time::Duration;

use serde_json::json;

use super::Gateway;
use super::alert_settings::{EMAIL, WEBHOOK};
use super::alerts::AlertView;
use super::watch::lock;
use crate::channel::mail::{Letter, Mailer};
use crate::channel::pause::pause;
use crate::channel::push::{HttpClient, HttpSettings, Request};
use crate::exchange::{AlertKind, LedgerError, Millis, Schedule};
use crate::ledger::books::{AlertRow, Telling};

/// What is told in one round.
const ROUND: i64 = 20;
/// How patient sinks are tried; after so many tries the log has it alone.
const SCHEDULE: Schedule =
    Schedule { first: 10_000, factor: 2.0, longest: 3_600_000, jitter: 0.2, attempts: 60, questions: 0 };
const TIMEOUT_MS: u64 = 15_000;

impl Gateway {
    /// Tells the sinks what is due; what they do not take is tried again later.
    pub async fn tell_sinks(&self) {
        if self.settings.alerts.sinks().is_empty() {
            return;
        }
        let now = self.clock.now_ms();
        let due = match self.books.write_async(move |tx| tx.tellings(now, ROUND)).await {
            Ok(due) => due,
            Err(error) => return tracing::error!(%error, "what sinks are to be told cannot be read"),
        };
        for telling in due {
            let result = self.tell_one(&telling.sink, &telling.what, &AlertView::of(&telling.alert)).await;
            if let Err(error) = self.after_telling(telling, result).await {
                tracing::error!(%error, "a sink was told, and that could not be stored: it is told again");
            }
        }
    }

    async fn after_telling(&self, telling: Telling, result: Result<(), String>) -> Result<(), LedgerError> {
        let outcome = if result.is_ok() { "told" } else { "not-told" };
        self.watch.meters.told(&telling.sink, outcome);
        let Telling { alert, what, sink, attempt } = telling;
        let given_up = attempt + 1 >= SCHEDULE.attempts;
        if let Err(why) = &result {
            tracing::warn!(sink, alert = alert.id, why, given_up, "a sink of alerts did not take one");
        }
        let due = self.clock.now_ms() + pause(&SCHEDULE, attempt + 1);
        let act = move |tx: &mut crate::ledger::Tx<'_>| match result {
            Err(_) if !given_up => tx.not_told(alert.id, &what, &sink, due),
            _ => tx.told(alert.id, &what, &sink),
        };
        self.books.write_async(act).await
    }

    /// Tells one sink, once.
    async fn tell_one(&self, sink: &str, what: &str, alert: &AlertView) -> Result<(), String> {
        match sink {
            WEBHOOK => self.post(what, alert).await,
            EMAIL => self.write_letter(what, alert).await,
            other => Err(format!("there is no sink `{other}`")),
        }
    }

    async fn post(&self, what: &str, alert: &AlertView) -> Result<(), String> {
        let settings = &self.settings.alerts.webhook;
        let http = HttpSettings {
            total_timeout_ms: TIMEOUT_MS,
            allow_plain_http: settings.allow_plain_http,
            ..HttpSettings::default()
        };
        let client = HttpClient::new(&http).map_err(|error| error.to_string())?;
        let body = json!({ "what": what, "alert": alert }).to_string().into_bytes();
        let mut request = Request::post(&settings.url, "application/json", body.clone());
        if !settings.secret_file.is_empty() {
            let secret = secret(&settings.secret_file)?;
            request = request.header("raccordo-signature", signature(&secret, self.clock.now_ms(), &body));
        }
        let answer = client.send(request).await.map_err(|error| error.to_string())?;
        if answer.is_success() { Ok(()) } else { Err(format!("it answered {}", answer.status)) }
    }

    async fn write_letter(&self, what: &str, alert: &AlertView) -> Result<(), String> {
        let settings = &self.settings.alerts.email;
        let credentials = match settings.credentials_file.as_str() {
            "" => None,
            file => Some(String::from_utf8(secret(file)?).map_err(|_| format!("{file} holds no text"))?),
        };
        let authorities = match settings.authorities_file.as_str() {
            "" => None,
            file => Some(std::fs::read(file).map_err(|error| format!("{file}: {error}"))?),
        };
        let mailer = Mailer {
            server: settings.server.clone(),
            security: settings.security.clone(),
            credentials,
            authorities,
            timeout: Duration::from_millis(TIMEOUT_MS),
        };
        let letter = letter(what, alert, self.settings.alerts.language == "it");
        mailer.send(&settings.from, &settings.to, letter).await
    }

    /// The ledger can't keep that it can't be written: its own trouble is told at once, from memory,
    /// when it begins and when it ends.
    pub async fn tell_of_the_ledger(&self, trouble: Option<&String>) {
        let now = self.clock.now_ms();
        let since = {
            let mut down = lock(&self.watch.ledger_down);
            match (*down, trouble) {
                (None, Some(_)) => {
                    *down = Some(now);
                    now
                }
                (Some(since), None) => {
                    *down = None;
                    since
                }
                _ => return,
            }
        };
        let what = if let Some(why) = trouble {
            tracing::error!(why, "the ledger cannot be written");
            "begins"
        } else {
            tracing::info!("the ledger can be written again");
            "ends"
        };
        self.watch.meters.alerted(AlertKind::Ledger.word(), what);
        let alert = AlertView::of(&ledger_alert(since, (what == "ends").then_some(now)));
        for sink in self.settings.alerts.sinks() {
            let result = self.tell_one(sink, what, &alert).await;
            self.watch.meters.told(sink, if result.is_ok() { "told" } else { "not-told" });
            if let Err(why) = result {
                tracing::warn!(sink, why, "a sink was not told of the ledger's trouble");
            }
        }
    }
}

/// Not of the ledger: it has no number.
fn ledger_alert(since: Millis, ended_at: Option<Millis>) -> AlertRow {
    AlertRow {
        id: 0,
        kind: AlertKind::Ledger.word().to_owned(),
        cause: "ledger".to_owned(),
        since,
        began_at: Some(since),
        ended_at,
        count: 1,
        detail: "{}".to_owned(),
    }
}

fn letter(what: &str, alert: &AlertView, italian: bool) -> Letter {
    let (first, second) =
        if italian { (&alert.text.it, &alert.text.en) } else { (&alert.text.en, &alert.text.it) };
    let word = match (what, italian) {
        ("begins", true) => "inizia",
        ("begins", false) => "begins",
        (_, true) => "finita",
        (_, false) => "ended",
    };
    let subject = format!("[raccordo] {word}: {} ({})", alert.kind, alert.cause);
    let times = [
        ("since", Some(&alert.since)),
        ("began", alert.began_at.as_ref()),
        ("ended", alert.ended_at.as_ref()),
    ];
    let times = times.into_iter().filter_map(|(name, at)| Some(format!("{name}: {}", at?)));
    let text = format!("{first}\n\n{second}\n\n{}\n{}\n", times.collect::<Vec<_>>().join("\n"), alert.detail);
    Letter { subject, text }
}

/// `t=SECONDS,v1=HEX`: HMAC-SHA256 over `SECONDS.BODY`, so that an old one can be told.
fn signature(secret: &[u8], now: Millis, body: &[u8]) -> String {
    use aws_lc_rs::hmac;
    let at = (now / 1000).to_string();
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    for part in [at.as_bytes(), b".", body] {
        context.update(part);
    }
    let hex: String = context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at},v1={hex}")
}

/// A secret of one line, readable by its owner only.
fn secret(file: &str) -> Result<Vec<u8>, String> {
    use std::os::unix::fs::PermissionsExt;
    let unread = |error: std::io::Error| format!("{file}: {error}");
    let mode = std::fs::metadata(file).map_err(unread)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(format!("{file} may be read by others: chmod 600"));
    }
    Ok(std::fs::read(file).map_err(unread)?.trim_ascii().to_vec())
}

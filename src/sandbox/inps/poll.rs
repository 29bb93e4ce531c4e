//! The simulated INPS at work: voucher, pages, esiti.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};

use super::book::{Acquired, Book};
use super::read::{hash, read};
use super::{Esito, Script, judge};
use crate::channel::push::{HttpClient, HttpSettings, Request, SendError};
use crate::sandbox::clock::{Clock, rfc3339};
use crate::trust::assertion::{self, AssertionClaims};
use crate::trust::signing::SigningKey;

/// How the simulated INPS gets its vouchers.
pub struct Voucher {
    pub token_url: String,
    pub audience: String,
    pub client_id: String,
    pub purpose_id: String,
    pub key: SigningKey,
}

/// A simulated INPS.
pub struct InpsConfig {
    /// Base of the WaaS API, e.g. `http://127.0.0.1:8781/waas/v1`.
    pub base_url: String,
    pub voucher: Voucher,
    pub script: Script,
    /// Where the book is kept; in memory when left out.
    pub book: Option<PathBuf>,
}

/// The simulated INPS could not go on.
#[derive(Debug, thiserror::Error)]
pub enum InpsError {
    #[error("the gateway could not be reached: {0}")]
    Send(#[from] SendError),
    #[error("the gateway answered {status} to {what}: {detail}")]
    Answer { what: &'static str, status: u16, detail: String },
    #[error("the simulated INPS's book: {0}")]
    Book(#[from] std::io::Error),
    #[error("the simulated INPS's voucher: {0}")]
    Voucher(String),
}

/// What a cycle did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub polls: u64,
    pub acquired: u64,
    pub ok: u64,
    pub refused: u64,
    pub posted: u64,
}

/// The simulated INPS.
pub struct Inps {
    config: InpsConfig,
    client: HttpClient,
    book: Book,
    clock: Clock,
    token: Option<(String, i64)>,
    polls: u64,
    cycles: u64,
    /// Lost esiti are posted after all.
    pub recovering: bool,
}

impl Inps {
    /// A simulated INPS with its book.
    pub fn new(config: InpsConfig, clock: Clock) -> Result<Self, InpsError> {
        let client = HttpClient::new(&HttpSettings::default())
            .map_err(|error| InpsError::Voucher(error.to_string()))?;
        let book = Book::open(config.book.as_deref(), config.script.match_by_content)?;
        Ok(Self { config, client, book, clock, token: None, polls: 0, cycles: 0, recovering: false })
    }

    /// The book as it stands.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Changes the script, e.g. to a kind one for the end of a test.
    pub fn follow(&mut self, script: Script) {
        self.config.script = script;
    }

    /// Polls page after page until nothing new comes, and posts esiti after each page.
    pub async fn cycle(&mut self) -> Result<Report, InpsError> {
        let mut report = Report::default();
        self.cycles += 1;
        self.garbage().await?;
        let late: Vec<String> = self.book.unposted.clone();
        loop {
            let (got, fresh) = self.page(&mut report).await?;
            self.post(&mut report, &late).await?;
            if got == 0 || fresh == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(self.config.script.delay_ms)).await;
        }
        Ok(report)
    }

    async fn page(&mut self, report: &mut Report) -> Result<(usize, usize), InpsError> {
        self.polls += 1;
        report.polls += 1;
        let script = self.config.script.clone();
        let rewound = script.rewind_every > 0 && self.polls.is_multiple_of(script.rewind_every);
        let since = if rewound { 0 } else { self.book.since() };
        let url = format!("{}/flussi?since={since}&limit={}", self.config.base_url, script.limit);
        let request = Request::get(url).header("authorization", self.bearer().await?);
        let answer = self.client.send(request).await?;
        let body = good("GET /flussi", answer.status, answer.body.expose())?;
        let flows = body["elenco_flussi"].as_array().cloned().unwrap_or_default();
        self.inspect(&flows, since, script.limit)?;
        let mut acquired: Vec<Acquired> = Vec::new();
        let mut cursor = since;
        for flow in &flows {
            let Some(one) = self.acquire(flow, &acquired)? else { continue };
            if one.esito == Esito::Ok || script.refusals_advance {
                cursor = cursor.max(one.timestamp_ms);
            }
            report.ok += u64::from(one.esito == Esito::Ok);
            report.refused += u64::from(one.esito != Esito::Ok);
            acquired.push(one);
        }
        let fresh = acquired.len();
        report.acquired += fresh as u64;
        self.book.acquire(acquired, cursor.max(self.book.since()))?;
        Ok((flows.len(), fresh))
    }

    /// What no ente should ever send, whatever the content.
    fn inspect(&mut self, flows: &[Value], since: i64, limit: usize) -> Result<(), InpsError> {
        let times: Vec<i64> = flows.iter().map(|flow| millis(&flow["ts_flusso"])).collect();
        let wrong = [
            (flows.len() > limit, "more flows than asked for"),
            (times.iter().any(|time| *time <= since), "a flow not after since"),
            (!times.is_sorted_by(|a, b| a < b), "flows not in rising order of time"),
        ];
        for (_, what) in wrong.into_iter().filter(|(wrong, _)| *wrong) {
            self.book.anomaly(format!("{what} (since {since})"))?;
        }
        Ok(())
    }

    /// Judges one flow; `None` when it was acquired before.
    fn acquire(&mut self, flow: &Value, page: &[Acquired]) -> Result<Option<Acquired>, InpsError> {
        let name = flow["id_flusso"].as_str().unwrap_or_default().to_owned();
        let encoded = flow["flusso"].as_str().unwrap_or_default();
        let bytes = hash(encoded);
        if let Some(before) = self.book.known(&name) {
            if before.bytes != bytes {
                self.book.anomaly(format!("{name} came again with other bytes"))?;
            }
            if !self.book.unposted.contains(&name) {
                self.book.unposted.push(name);
            }
            return Ok(None);
        }
        let xml = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap_or_default();
        let mut one = Acquired {
            ts_flusso: flow["ts_flusso"].as_str().unwrap_or_default().to_owned(),
            timestamp_ms: millis(&flow["ts_flusso"]),
            name,
            bytes,
            esito: Esito::RichiestaInvalida,
            why: None,
            cancel: false,
            resend: kind_of(flow) == "SINBA",
            key: String::new(),
            content: String::new(),
        };
        match read(&xml) {
            None => one.why = Some("XML non leggibile".into()),
            Some(read) => {
                one.cancel = read.service("TipoOperazione") == Some("C");
                (one.key, one.content) = (read.key(), read.content.clone());
                self.decide(&mut one, judge::fault(&read, kind_of(flow), &flow_name(flow)), page)?;
            }
        }
        Ok(Some(one))
    }

    fn decide(
        &mut self,
        one: &mut Acquired,
        fault: Option<String>,
        page: &[Acquired],
    ) -> Result<(), InpsError> {
        let script = &self.config.script;
        let earlier = |other: &&Acquired| other.esito == Esito::Ok && other.key == one.key;
        let in_page = page.iter().rev().find(earlier).map(|other| !other.cancel);
        let held = in_page.unwrap_or_else(|| !self.book.matching(&one.key, &one.content).is_empty());
        (one.esito, one.why) = match fault {
            Some(why) => (Esito::RichiestaInvalida, Some(why)),
            None if script.happens(script.refuse, "refuse", &one.name) => {
                (Esito::RichiestaInvalida, Some("Rifiuto simulato".into()))
            }
            None if script.happens(script.fail, "fail", &one.name) => {
                (Esito::ErroreGenerico, Some("Errore simulato".into()))
            }
            None if one.cancel && !held => (Esito::DatiNonTrovati, Some("Prestazione non trovata".into())),
            None => (Esito::Ok, None),
        };
        if one.esito == Esito::DatiNonTrovati {
            self.book.anomaly(format!("{} cancels what is not held", one.name))?;
        }
        Ok(())
    }

    /// Posts what is due, at most 100 at once; what is not taken is posted again.
    async fn post(&mut self, report: &mut Report, from_before: &[String]) -> Result<(), InpsError> {
        let script = self.config.script.clone();
        let due = |name: &String| {
            let lost = script.happens(script.lose, "lose", name) && !self.recovering;
            let late = script.happens(script.late, "late", name) && !from_before.contains(name);
            !lost && !late
        };
        let due: Vec<String> = self.book.unposted.iter().filter(|name| due(name)).cloned().collect();
        for names in due.chunks(50) {
            let mut esiti: Vec<Value> = names.iter().filter_map(|name| self.esito(name)).collect();
            let twice = |esito: &&Value| {
                script.happens(script.duplicate, "duplicate", esito["id_flusso"].as_str().unwrap_or_default())
            };
            let again: Vec<Value> = esiti.iter().filter(twice).cloned().collect();
            esiti.extend(again);
            let status = self.send_esiti(&json!({ "elenco_esiti": esiti })).await?;
            if (200..300).contains(&status) {
                report.posted += names.len() as u64;
                self.book.posted(names.to_vec())?;
            }
        }
        Ok(())
    }

    fn esito(&self, name: &str) -> Option<Value> {
        let acquired = self.book.known(name)?;
        let mut esito = json!({
            "id_flusso": name, "tipo": if acquired.resend { "SINBA" } else { "PS_PSA_SINA" }, "ts_flusso": acquired.ts_flusso,
            "ts_acquisizione": rfc3339((self.clock)()), "codice_esito": acquired.esito,
        });
        if let Some(why) = &acquired.why {
            esito["descrizione_esito"] = json!(why);
        }
        if acquired.esito == Esito::Ok {
            esito["id_acquisizione_siuss"] = json!(name.bytes().map(u64::from).sum::<u64>().to_string());
        }
        Some(esito)
    }

    async fn send_esiti(&mut self, body: &Value) -> Result<u16, InpsError> {
        let url = format!("{}/esiti", self.config.base_url);
        let request = Request::post(url, "application/json", body.to_string().into_bytes());
        let request = request.header("authorization", self.bearer().await?);
        Ok(self.client.send(request).await?.status)
    }

    /// Esiti that fit nothing, and bodies that are none.
    async fn garbage(&mut self) -> Result<(), InpsError> {
        let every = self.config.script.garbage_every;
        if every == 0 || !self.cycles.is_multiple_of(every) {
            return Ok(());
        }
        let now = rfc3339((self.clock)());
        let foreign = json!({ "elenco_esiti": [{
            "id_flusso": "X000.PS.20200101.0000001", "tipo": "PS_PSA_SINA", "ts_flusso": "2020-01-01T00:00:00.000Z",
            "ts_acquisizione": now, "codice_esito": "OK",
        }]});
        self.send_esiti(&foreign).await?;
        self.send_esiti(&json!(["no object"])).await?;
        Ok(())
    }

    async fn bearer(&mut self) -> Result<String, InpsError> {
        let now_s = (self.clock)() / 1000;
        if let Some((token, until)) = &self.token
            && *until > now_s
        {
            return Ok(format!("Bearer {token}"));
        }
        let voucher = &self.config.voucher;
        let claims = AssertionClaims {
            client_id: voucher.client_id.clone(),
            audience: voucher.audience.clone(),
            purpose_id: Some(voucher.purpose_id.clone()),
            jti: uuid::Uuid::now_v7().to_string(),
            issued_at_s: now_s,
            lifetime_s: 60,
            digest_hex: None,
        };
        let signed =
            assertion::build(&voucher.key, &claims).map_err(|error| InpsError::Voucher(error.to_string()))?;
        let form = format!(
            "client_id={}&client_assertion={signed}&client_assertion_type={}&grant_type={}",
            voucher.client_id,
            assertion::ASSERTION_TYPE.replace(':', "%3A"),
            assertion::GRANT_TYPE
        );
        let request =
            Request::post(&voucher.token_url, "application/x-www-form-urlencoded", form.into_bytes());
        let answer = self.client.send(request).await?;
        let body = good("POST /token.oauth2", answer.status, answer.body.expose())?;
        let token = body["access_token"].as_str().unwrap_or_default().to_owned();
        let lives = body["expires_in"].as_i64().unwrap_or(0);
        self.token = Some((token.clone(), now_s + lives - 10));
        Ok(format!("Bearer {token}"))
    }
}

/// The body of a good answer.
fn good(what: &'static str, status: u16, body: &[u8]) -> Result<Value, InpsError> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if (200..300).contains(&status) {
        return Ok(body);
    }
    Err(InpsError::Answer { what, status, detail: body["detail"].as_str().unwrap_or("").to_owned() })
}

fn kind_of(flow: &Value) -> &str {
    flow["tipo"].as_str().unwrap_or_default()
}

fn flow_name(flow: &Value) -> String {
    flow["id_flusso"].as_str().unwrap_or_default().to_owned()
}

fn millis(timestamp: &Value) -> i64 {
    let parsed: Option<jiff::Timestamp> = timestamp.as_str().and_then(|text| text.parse().ok());
    parsed.map_or(0, |timestamp| timestamp.as_millisecond())
}

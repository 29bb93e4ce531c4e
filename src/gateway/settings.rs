//! What an installation is told: enti, registers, routes, listeners. Every key has its
//! default in `config/default.toml`; a key that is not known is an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

pub use super::alert_settings::{AlertSettings, Email, Webhook};
pub use super::calendar_entry::CalendarEntry;
pub use super::delivery_settings::{BreakerSettings, Push, QueueKind, QueueSettings, Retry};
pub use super::ledger_settings::LedgerSettings;
pub use super::oidc_settings::Oidc;
pub use super::retention::Retention;
use super::rights::{Grant, Role, everything};
use super::roles::Roles;
use crate::mapping::keyed::Keys;
use crate::personal::Personal;

/// The whole configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub data: String,
    pub environment: Environment,
    pub accept_unverified: Vec<String>,
    /// Directory laid over the flows of the binary; empty = none.
    pub flows: String,
    pub import_workers: usize,
    pub folder_limit_bytes: usize,
    pub api: Api,
    pub offer: OfferListener,
    pub queue: QueueSettings,
    pub node: NodeSettings,
    pub ledger: LedgerSettings,
    pub log: Log,
    pub trace: TraceSettings,
    pub alerts: AlertSettings,
    pub retention: Retention,
    pub ente: Vec<Ente>,
    pub register: Vec<Register>,
    pub route: Vec<Route>,
    pub calendar: Vec<CalendarEntry>,
}

/// Test or production.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    Test,
    Production,
}

/// The API's listener and tokens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    pub listen: String,
    /// Browsers reach the console by https only: its cookies then travel by nothing else.
    pub behind_https: bool,
    pub tokens: Vec<Token>,
    /// Requests of one caller; 0 = as many as they like.
    pub requests_per_minute: u32,
    /// For the head of a request, and for a connection without one.
    pub head_timeout_ms: u64,
    /// Longest silence within a body.
    pub body_silence_ms: u64,
    /// The pace that a body must keep after its first half minute.
    pub body_least_bytes_per_s: u64,
    /// An OpenID provider that signs in.
    #[serde(default)]
    pub oidc: Option<Oidc>,
}

/// A bearer token, stored as its hash.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub name: String,
    /// Hexadecimal SHA-256 of the token.
    pub sha256: String,
    /// The enti it may speak for; empty = all.
    #[serde(default)]
    pub enti: Vec<String>,
    /// What it may do there. When left out: everything, of a token of all enti; else what operators and
    /// reporting officers do.
    #[serde(default)]
    pub role: Option<Role>,
    /// The registers that it may act upon; empty = all.
    #[serde(default)]
    pub registers: Vec<String>,
}

impl Token {
    /// What its bearer may do.
    pub fn grants(&self) -> Vec<Grant> {
        let (enti, registers) = (self.enti.clone(), self.registers.clone());
        match self.role {
            Some(role) => vec![Grant { role, enti, registers }],
            None if enti.is_empty() => everything(&enti, &registers),
            None => [Role::Operator, Role::ReportingOfficer]
                .map(|role| Grant { role, enti: enti.clone(), registers: registers.clone() })
                .to_vec(),
        }
    }
}

/// Where polling recipients reach us.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferListener {
    pub listen: String,
    pub base_path: String,
    pub public_url: String,
}

/// What this process does, beside others over the same ledger.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSettings {
    pub roles: Roles,
    /// A process that gives no sign of life for so long is taken for dead, ms.
    pub lease_ms: u64,
    /// When told to stop, what is under way has so long to end, ms.
    pub grace_ms: u64,
}

/// Logging.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub filter: String,
    pub format: String,
}

/// Where spans are exported to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceSettings {
    /// Base URL of an OTLP collector; empty = nowhere.
    pub otlp: String,
    pub allow_plain_http: bool,
}

/// A body that holds folders and answers for them.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ente {
    pub code: String,
    pub name: String,
    /// Belfiore code of the legal seat.
    pub seat: String,
    /// File (0600) with the codice fiscale of the operator in charge.
    #[serde(default)]
    pub operator_file: String,
    /// Read from `operator_file` when the configuration is loaded.
    #[serde(skip)]
    pub operator: Option<Personal<String>>,
    /// Files (0600) of the keys by which flows make pseudonyms, by name; 64 hexadecimal digits each.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
    /// Read from `keys` when the configuration is loaded.
    #[serde(skip)]
    pub secrets: Arc<Keys>,
    /// Settings of flows by name.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
}

/// The far side's book.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    pub name: String,
    /// A run with more cancels than this (replacements apart) waits for a person's approval.
    #[serde(default = "hold_cancels_above")]
    pub hold_cancels_above: u64,
    /// What is out for so many days without a receipt becomes uncertain.
    #[serde(default = "overdue_days")]
    pub overdue_days: u32,
}

const fn hold_cancels_above() -> u64 {
    20
}

const fn overdue_days() -> u32 {
    30
}

/// How records reach a register.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    pub id: String,
    pub register: String,
    /// Further registers that are reached by the same route.
    #[serde(default)]
    pub also: Vec<String>,
    pub channel: Channel,
    /// The enti whose records may leave by it.
    pub enti: Vec<String>,
    /// Offer: the voucher that the recipient must bring.
    pub voucher: Option<Voucher>,
    /// Offer: the voucher is asked for receipts too.
    #[serde(default = "yes")]
    pub receipts_need_voucher: bool,
    /// Offer: another system served this e-service before.
    #[serde(default)]
    pub taken_over: bool,
    /// File: directory of the finished files.
    #[serde(default)]
    pub outbox: String,
    /// File and push: at most so many records in one container.
    #[serde(default = "max_records")]
    pub max_records: usize,
    /// Push and inquiry: where to and how.
    pub push: Option<Push>,
    /// Inquiry: how often and how much is asked.
    #[serde(default)]
    pub inquiry: InquirySettings,
}

const fn yes() -> bool {
    true
}

const fn max_records() -> usize {
    1000
}

impl Route {
    /// Whether records of a register may leave by it.
    pub fn leads_to(&self, register: &str) -> bool {
        self.channel != Channel::Inquiry && self.registers().any(|known| known == register)
    }

    /// Whether a register is asked about persons by it.
    pub fn asks(&self, register: &str) -> bool {
        self.channel == Channel::Inquiry && self.register == register
    }

    /// All registers that it leads to.
    pub fn registers(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.register.as_str()).chain(self.also.iter().map(String::as_str))
    }
}

/// The kind of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// The recipient polls us.
    Offer,
    /// A person uploads a file.
    File,
    /// We send, the recipient answers.
    Push,
    /// We ask about one person, the register answers.
    Inquiry,
}

/// How persons are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InquirySettings {
    /// Persons who consent are asked about again after so many days; 0 = only on demand.
    pub refresh_days: u32,
    /// Questions a day, people's included; the schedule takes four fifths of them, spread over the day.
    pub daily_budget: u32,
    /// How long the route rests when the register says that its limit is exceeded, and not until when.
    pub limit_pause_s: f64,
    /// Answers are kept sealed for so long, the newest of each person.
    pub keep_answers_days: u32,
}

impl Default for InquirySettings {
    fn default() -> Self {
        Self { refresh_days: 30, daily_budget: 500, limit_pause_s: 3600.0, keep_answers_days: 90 }
    }
}

/// What the recipient's PDND voucher must say (ModI AUTH_REST_01).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voucher {
    pub issuer: String,
    pub audience: String,
    pub eservice_id: String,
    pub producer_id: String,
    pub descriptor_ids: Vec<String>,
    pub consumer_id: String,
    pub purposes: Vec<String>,
    /// URL of the platform's public keys (JWKS), or a file path.
    pub jwks: String,
    #[serde(default = "leeway_s")]
    pub leeway_s: i64,
    /// Ask for DPoP instead of Bearer.
    #[serde(default)]
    pub dpop: bool,
}

const fn leeway_s() -> i64 {
    5
}

impl Settings {
    /// An ente by its code.
    pub fn ente(&self, code: &str) -> Option<&Ente> {
        self.ente.iter().find(|ente| ente.code == code)
    }

    /// A register by its name; the defaults where it is not configured.
    pub fn register(&self, name: &str) -> Register {
        let configured = self.register.iter().find(|register| register.name == name).cloned();
        configured.unwrap_or_else(|| Register {
            name: name.to_owned(),
            hold_cancels_above: hold_cancels_above(),
            overdue_days: overdue_days(),
        })
    }

    /// A route by its id.
    pub fn route(&self, id: &str) -> Option<&Route> {
        self.route.iter().find(|route| route.id == id)
    }

    /// The first route of an ente to a register: the one taken when none is named.
    pub fn route_to(&self, ente: &str, register: &str) -> Option<&Route> {
        let serves = |route: &&Route| route.leads_to(register) && route.enti.iter().any(|code| code == ente);
        self.route.iter().find(serves)
    }

    /// The route by which a register is asked about an ente's persons.
    pub fn inquiry_to(&self, ente: &str, register: &str) -> Option<&Route> {
        let asks = |route: &&Route| route.asks(register) && route.enti.iter().any(|code| code == ente);
        self.route.iter().find(asks)
    }

    /// Whether any register is asked about an ente's persons.
    pub fn asks(&self, ente: &str) -> bool {
        let asks =
            |route: &Route| route.channel == Channel::Inquiry && route.enti.iter().any(|code| code == ente);
        self.route.iter().any(asks)
    }

    /// Whether an ente has any route to a register: only then its folders are mapped for it.
    pub fn serves(&self, ente: &str, register: &str) -> bool {
        self.route_to(ente, register).is_some()
    }

    /// What does not fit together, in words with the mend.
    pub fn defects(&self) -> Vec<String> {
        let mut defects = Vec::new();
        for ente in &self.ente {
            if ente.seat.len() != 4 {
                defects.push(format!("ente {}: seat must be a Belfiore code of 4 characters", ente.code));
            }
        }
        for (index, route) in self.route.iter().enumerate() {
            self.route_defects(index, route, &mut defects);
        }
        for (index, entry) in self.calendar.iter().enumerate() {
            entry.defects(self, &self.calendar[..index], &mut defects);
        }
        self.alerts.defects(&mut defects);
        defects
    }

    fn route_defects(&self, index: usize, route: &Route, defects: &mut Vec<String>) {
        let id = &route.id;
        if self.route[..index].iter().any(|other| other.id == *id) {
            defects.push(format!("route {id}: the id is used twice"));
        }
        for code in route.enti.iter().filter(|code| self.ente(code).is_none()) {
            defects.push(format!("route {id}: ente {code} has no [[ente]] table"));
        }
        let operators = route.enti.iter().filter_map(|code| self.ente(code));
        let operators = operators.filter(|_| route.channel != Channel::Inquiry);
        for ente in operators.filter(|ente| ente.operator.is_none()) {
            let code = &ente.code;
            defects
                .push(format!("ente {code}: operator_file is missing, containers need the operator's code"));
        }
        match route.channel {
            Channel::Offer if route.voucher.is_none() => defects
                .push(format!("route {id}: an offered route needs [route.voucher], or anyone could read it")),
            Channel::File if route.outbox.is_empty() => {
                defects.push(format!("route {id}: a file route needs `outbox`, a directory"));
            }
            Channel::Inquiry if !route.also.is_empty() => {
                defects.push(format!("route {id}: an inquiry asks one register: leave out `also`"));
            }
            Channel::Push | Channel::Inquiry => match &route.push {
                None => defects.push(format!(
                    "route {id}: a route that pushes or asks needs [route.push] with protocol and url"
                )),
                Some(push) => defects.extend(
                    crate::exchange::Hours::parse(&push.hours)
                        .err()
                        .map(|why| format!("route {id}: hours: {why}")),
                ),
            },
            _ => {}
        }
    }
}

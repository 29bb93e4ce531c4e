//! Cartella: one citizen's folder: what each register should know and has acknowledged, findings,
//! and "send now" with its live outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::extract::{Form, Path, Query};
use super::frame::{Failure, Frame, page, rendered, say};
use super::visitor::{Visitor, back};
use super::words;
use crate::folder::Lang;
use crate::folder::finding::{Finding, Severity};
use crate::gateway::rights::Right;
use crate::gateway::{Gateway, RunRequest};
use crate::ledger::FolderRow;
use crate::ledger::books::{RecordSides, TransitionView, Whose};
use crate::web::Language;
use crate::web::folders::blocking;
use crate::web::problem::Problem;

/// Changes shown of a folder's history.
const HISTORY: usize = 100;
/// So often a page asks what became of a sync, a second apart.
const ASKED_MOST: u32 = 60;

#[derive(Template)]
#[template(path = "folder_search.html")]
struct Search {
    frame: Frame,
    enti: Vec<(String, String)>,
    missing: bool,
    wanted: Which,
}

/// Which folder is looked for.
#[derive(Clone, Default, Deserialize)]
pub struct Which {
    #[serde(default)]
    ente: String,
    #[serde(default)]
    id: String,
}

/// `GET /console/cartelle`: by the folder's id.
pub async fn search(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Query(wanted): Query<Which>,
) -> Result<Response, Failure> {
    let enti = gateway.settings.ente.iter().filter(|ente| visitor.sees_ente(&ente.code));
    let enti: Vec<_> = enti.map(|ente| (ente.code.clone(), ente.name.clone())).collect();
    let allowed = enti.iter().any(|(code, _)| *code == wanted.ente);
    let mut missing = false;
    if allowed && !wanted.id.is_empty() {
        let (gateway, asked) = (Arc::clone(&gateway), wanted.clone());
        let found = blocking(move || Ok(gateway.books.folder(&asked.ente, asked.id.trim())?)).await?;
        if let Some(row) = found {
            return Ok(back(&path_of(&row.ente, &row.folder_id)));
        }
        missing = true;
    }
    Ok(page(&Search { frame: visitor.frame(("Cartella", "Folder")), enti, missing, wanted }))
}

/// The page of a folder, its id written as addresses want it.
pub fn path_of(ente: &str, id: &str) -> String {
    let mut path = format!("/console/cartelle/{ente}/");
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                path.push(char::from(byte))
            }
            other => path.push_str(&format!("%{other:02X}")),
        }
    }
    path
}

/// What is told of one flow.
pub struct FlowPart {
    pub title: String,
    pub flow: String,
    pub register: String,
    pub records: Vec<RecordSides>,
    pub may_sync: bool,
    /// The outcome of a sync, as it stands.
    pub status: String,
}

/// A finding for people.
pub struct Told {
    pub withholds: bool,
    pub place: String,
    pub flow: String,
    pub message: String,
    pub hint: String,
    pub who: &'static str,
    pub source: String,
    pub rule: String,
}

#[derive(Template)]
#[template(path = "folder.html")]
struct FolderPage {
    frame: Frame,
    ente: String,
    id: String,
    here: String,
    version: Option<u64>,
    saved_at: i64,
    flows: Vec<FlowPart>,
    findings: Vec<Told>,
    history: Vec<TransitionView>,
    may_read: bool,
    may_audit: bool,
}

/// `GET /console/cartelle/{ente}/{id}`.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path((ente, id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    if !visitor.sees_ente(&ente) {
        return Err(Failure::Forbidden(visitor.language));
    }
    let language = visitor.language;
    let found = blocking(move || {
        let Some(row) = gateway.books.folder(&ente, &id)? else { return Ok(None) };
        Ok(Some(folder_page(&gateway, &visitor, &row)?))
    });
    found.await?.map(|made| page(&made)).ok_or(Failure::NotFound(language))
}

fn folder_page(gateway: &Gateway, visitor: &Visitor, row: &FolderRow) -> Result<FolderPage, Problem> {
    let (ente, id) = (row.ente.clone(), row.folder_id.clone());
    let here = path_of(&ente, &id);
    let frame = visitor.frame(("Cartella", "Folder")).below("/console/cartelle", id.clone());
    let mut flows = parts(gateway, visitor, row)?;
    for part in &mut flows {
        part.status = rendered(&Status::of(frame.clone(), &here, part, 0));
    }
    let mut history = gateway.books.transitions_of(Whose::Folder(row.id), HISTORY)?;
    history.retain(|change| visitor.sees(&ente, &change.register));
    let may_read = visitor.account.may(Right::SeeBodies, Some(&ente), None)
        || flows.iter().any(|part| visitor.account.may(Right::SeeBodies, Some(&ente), Some(&part.register)));
    Ok(FolderPage {
        version: row.version,
        saved_at: row.saved_at,
        findings: findings(gateway, visitor, &ente, &id)?,
        may_audit: visitor.account.may(Right::ReadAudit, None, None),
        frame,
        ente,
        id,
        here,
        flows,
        history,
        may_read,
    })
}

/// What is told of a folder, flow by flow; of the registers that the visitor may see.
pub fn parts(gateway: &Gateway, visitor: &Visitor, row: &FolderRow) -> Result<Vec<FlowPart>, Problem> {
    let mut parts: BTreeMap<String, FlowPart> = BTreeMap::new();
    for record in gateway.books.sides_of(row.id)? {
        if !visitor.sees(&row.ente, &record.register) {
            continue;
        }
        let part = parts.entry(record.flow.clone()).or_insert_with(|| FlowPart {
            title: title(gateway, visitor.language, &record.flow),
            flow: record.flow.clone(),
            register: record.register.clone(),
            records: Vec::new(),
            may_sync: visitor.account.may(Right::Sync, Some(&row.ente), Some(&record.register)),
            status: String::new(),
        });
        part.records.push(record);
    }
    Ok(parts.into_values().collect())
}

fn title(gateway: &Gateway, language: Language, flow: &str) -> String {
    let known = gateway.catalog.find(flow).map(|known| &known.mapping.flow.title);
    known.map_or_else(|| flow.to_owned(), |title| say(language, &title.it, &title.en).to_owned())
}

/// The findings of a folder, field by field.
fn findings(gateway: &Gateway, visitor: &Visitor, ente: &str, id: &str) -> Result<Vec<Told>, Problem> {
    let mut told = Vec::new();
    for (flow, text) in gateway.books.findings(ente, id)? {
        let Ok(finding) = serde_json::from_str::<Finding>(&text) else { continue };
        let register = gateway.catalog.find(&flow).map(|flow| flow.register());
        if register.is_none_or(|register| visitor.sees(ente, register)) {
            told.push(one(gateway, visitor.language, title(gateway, visitor.language, &flow), &finding));
        }
    }
    told.sort_by(|a, b| a.place.cmp(&b.place));
    Ok(told)
}

/// A finding in the visitor's words.
pub fn one(gateway: &Gateway, language: Language, flow: String, finding: &Finding) -> Told {
    let lang = if language == Language::Italian { Lang::It } else { Lang::En };
    let text = |text: &crate::folder::finding::Text| say(language, &text.it, &text.en).to_owned();
    Told {
        withholds: finding.severity == Severity::Withhold,
        place: gateway.folders.labels().label(&finding.folder_path, lang),
        flow,
        message: text(&finding.message),
        hint: text(&finding.hint),
        who: words::who(language, finding.verdict),
        source: finding.source.clone(),
        rule: finding.rule.clone(),
    }
}

/// What became of a sync: asked again while something is under way.
#[derive(Template)]
#[template(path = "folder_status.html")]
struct Status {
    frame: Frame,
    here: String,
    register: String,
    /// A state and how many records are in it.
    states: Vec<(String, usize)>,
    /// How often it was asked; 0 = no need to ask again.
    asked: u32,
}

impl Status {
    fn of(frame: Frame, here: &str, part: &FlowPart, asked: u32) -> Self {
        let mut states: BTreeMap<String, usize> = BTreeMap::new();
        for record in &part.records {
            let word = match (&record.state, record.is_up_to_date()) {
                (_, true) => "unchanged".to_owned(),
                (_, false) if record.desired == "set_aside" => "set_aside".to_owned(),
                (Some(state), false) => state.clone(),
                (None, false) => continue,
            };
            *states.entry(word).or_default() += 1;
        }
        let moving = ["queued", "sending", "waiting", "retrying"];
        let moving = asked > 0 && asked < ASKED_MOST && moving.iter().any(|word| states.contains_key(*word));
        Self {
            frame,
            here: here.to_owned(),
            register: part.register.clone(),
            states: states.into_iter().collect(),
            asked: if moving { asked + 1 } else { 0 },
        }
    }
}

/// Of which register, and how often it was asked.
#[derive(Deserialize)]
pub struct StatusOf {
    registro: String,
    #[serde(default)]
    n: u32,
}

/// `GET /console/cartelle/{ente}/{id}/stato`: the part of the page that tells a sync's outcome.
pub async fn status(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path((ente, id)): Path<(String, String)>,
    Query(of): Query<StatusOf>,
) -> Result<Response, Failure> {
    let language = visitor.language;
    let made = blocking(move || status_of(&gateway, &visitor, &ente, &id, &of)).await?;
    made.map(|made| page(&made)).ok_or(Failure::NotFound(language))
}

fn status_of(
    gateway: &Gateway,
    visitor: &Visitor,
    ente: &str,
    id: &str,
    of: &StatusOf,
) -> Result<Option<Status>, Problem> {
    let Some(row) = gateway.books.folder(ente, id)? else { return Ok(None) };
    let part = parts(gateway, visitor, &row)?.into_iter().find(|part| part.register == of.registro);
    let frame = visitor.frame(("Cartella", "Folder"));
    Ok(part.map(|part| Status::of(frame, &path_of(ente, id), &part, of.n.max(1))))
}

/// Where a folder is to be sent.
#[derive(Deserialize)]
pub struct SendForm {
    modulo: String,
    registro: String,
}

/// `POST /console/cartelle/{ente}/{id}/invia`: this citizen, this register, now.
pub async fn sync(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path((ente, id)): Path<(String, String)>,
    Form(form): Form<SendForm>,
) -> Result<Response, Failure> {
    visitor.sent(&form.modulo)?;
    visitor.must(Right::Sync, Some(&ente), Some(&form.registro))?;
    let made = blocking(move || {
        let today = gateway.clock.today();
        let current = gateway.catalog.current(today).into_iter();
        for flow in current.filter(|flow| flow.register() == form.registro) {
            gateway.start_run(&RunRequest {
                ente: ente.clone(),
                flow: flow.id().to_owned(),
                period: None,
                folder: Some(id.clone()),
                route: None,
                actor: visitor.account.name.clone(),
            })?;
        }
        let of = StatusOf { registro: form.registro, n: 1 };
        let part = if visitor.is_part { status_of(&gateway, &visitor, &ente, &id, &of)? } else { None };
        Ok((path_of(&ente, &id), part))
    });
    let (path, part) = made.await?;
    Ok(part.map_or_else(|| back(&path), |part| page(&part)))
}

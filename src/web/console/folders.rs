//! Cartella: one citizen's folder: what each register should know and has acknowledged, findings,
//! and "send now".

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Form, State};
use axum::response::Response;
use serde::Deserialize;

use super::frame::{Failure, Frame, page};
use super::visitor::{Visitor, back};
use crate::folder::Lang;
use crate::folder::finding::Finding;
use crate::gateway::rights::Right;
use crate::gateway::{Gateway, RunRequest};
use crate::ledger::books::FolderStanding;
use crate::web::Language;
use crate::web::extract::{Path, Query};
use crate::web::folders::blocking;

#[derive(Template)]
#[template(path = "folder_search.html")]
struct Search {
    frame: Frame,
    enti: Vec<(String, String)>,
    missing: bool,
    wanted: Wanted,
}

/// Which folder is looked for.
#[derive(Clone, Default, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    ente: String,
    #[serde(default)]
    id: String,
}

/// `GET /console/cartelle`: by the folder's id.
pub async fn search(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failure> {
    let enti = gateway.settings.ente.iter().filter(|ente| visitor.sees_ente(&ente.code));
    let enti: Vec<_> = enti.map(|ente| (ente.code.clone(), ente.name.clone())).collect();
    let allowed = enti.iter().any(|(code, _)| *code == wanted.ente);
    let mut missing = false;
    if allowed && !wanted.id.is_empty() {
        let (gateway, asked) = (Arc::clone(&gateway), wanted.clone());
        let found = blocking(move || Ok(gateway.books.folder(&asked.ente, &asked.id)?)).await?;
        if let Some(row) = found {
            return Ok(back(&format!("/console/cartelle/{}/{}", row.ente, row.folder_id)));
        }
        missing = true;
    }
    Ok(page(&Search { frame: visitor.frame(("Cartella", "Folder")), enti, missing, wanted }))
}

/// The records of one flow.
struct FlowPart {
    title: String,
    register: String,
    records: Vec<FolderStanding>,
    findings: Vec<Told>,
}

/// A finding for people.
struct Told {
    withholds: bool,
    place: String,
    message: String,
    hint: String,
    source: String,
}

#[derive(Template)]
#[template(path = "folder.html")]
struct FolderPage {
    frame: Frame,
    ente: String,
    id: String,
    version: Option<u64>,
    saved_at: i64,
    flows: Vec<FlowPart>,
    may_sync: bool,
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
        let flows = parts(&gateway, &visitor, &ente, &id, row.id)?;
        let may_sync =
            flows.iter().any(|part| visitor.account.may(Right::Sync, Some(&ente), Some(&part.register)));
        let frame = visitor.frame(("Cartella", "Folder"));
        let (version, saved_at) = (row.version, row.saved_at);
        Ok(Some(FolderPage { frame, ente, id, version, saved_at, flows, may_sync }))
    });
    found.await?.map(|made| page(&made)).ok_or(Failure::NotFound(language))
}

fn parts(
    gateway: &Gateway,
    visitor: &Visitor,
    ente: &str,
    id: &str,
    folder: i64,
) -> Result<Vec<FlowPart>, crate::web::problem::Problem> {
    let mut parts: BTreeMap<String, FlowPart> = BTreeMap::new();
    let language = visitor.language;
    let empty = |flow: &str| {
        let known = gateway.catalog.find(flow);
        let title = known.map_or_else(
            || flow.to_owned(),
            |known| {
                let title = &known.mapping.flow.title;
                super::frame::say(language, &title.it, &title.en).to_owned()
            },
        );
        let register = known.map_or_else(String::new, |known| known.register().to_owned());
        FlowPart { title, register, records: Vec::new(), findings: Vec::new() }
    };
    for record in gateway.books.folder_standing(folder)? {
        let flow = record.flow.clone();
        parts.entry(flow.clone()).or_insert_with(|| empty(&flow)).records.push(record);
    }
    for (flow, text) in gateway.books.findings(ente, id)? {
        let Ok(finding) = serde_json::from_str::<Finding>(&text) else { continue };
        let told = told(gateway, language, &finding);
        parts.entry(flow.clone()).or_insert_with(|| empty(&flow)).findings.push(told);
    }
    Ok(parts.into_values().filter(|part| visitor.sees(ente, &part.register)).collect())
}

fn told(gateway: &Gateway, language: Language, finding: &Finding) -> Told {
    let lang = if language == Language::Italian { Lang::It } else { Lang::En };
    let text =
        |text: &crate::folder::finding::Text| super::frame::say(language, &text.it, &text.en).to_owned();
    Told {
        withholds: finding.severity == crate::folder::finding::Severity::Withhold,
        place: gateway.folders.labels().label(&finding.folder_path, lang),
        message: text(&finding.message),
        hint: text(&finding.hint),
        source: finding.source.clone(),
    }
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
    let path = format!("/console/cartelle/{ente}/{id}");
    blocking(move || {
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
        Ok(())
    })
    .await?;
    Ok(back(&path))
}

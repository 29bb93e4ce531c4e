//! A folder opened: its fields, what each register has of them, and why. Asks for a reason, and is noted.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::beside::{Beside, beside, plain};
use super::extract::{Form, Path};
use super::folders::{FlowPart, parts, path_of};
use super::frame::{Failure, Frame, page, say};
use super::visitor::Visitor;
use super::words;
use super::workbench;
use super::workbench::pseudonymised::pseudonymised;
use crate::audit::EventKind;
use crate::exchange::Hash;
use crate::flow::difference::difference;
use crate::folder::{Folder, Lang};
use crate::gateway::Gateway;
use crate::gateway::rights::Right;
use crate::ledger::FolderRow;
use crate::ledger::books::RecordSides;
use crate::web::Language;
use crate::web::folders::blocking;
use crate::web::problem::Problem;

/// Records opened on one page.
const MOST: usize = 20;

/// Why somebody looks.
#[derive(Deserialize)]
pub struct Reason {
    pub modulo: String,
    pub motivo: String,
}

/// A record opened: both of its payloads, and where they differ.
struct Opened {
    key: String,
    desired: Beside,
    held: Option<Beside>,
    /// Places at which the register has something else.
    differs: Vec<String>,
}

/// A flow whose records are opened.
struct OpenPart {
    title: String,
    legal_basis: String,
    purpose: String,
    records: Vec<Opened>,
}

#[derive(Template)]
#[template(path = "folder_body.html")]
struct Body {
    frame: Frame,
    here: String,
    /// The folder's fields: label and value.
    fields: Vec<(String, String)>,
    flows: Vec<OpenPart>,
}

/// `POST /console/cartelle/{ente}/{id}/corpo`.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path((ente, id)): Path<(String, String)>,
    Form(form): Form<Reason>,
) -> Result<Response, Failure> {
    visitor.sent(&form.modulo)?;
    let reason = words::reason(&form.motivo).ok_or(Failure::Unread)?;
    let language = visitor.language;
    let made = blocking(move || {
        let Some(row) = gateway.books.folder(&ente, &id)? else { return Ok(None) };
        let mut parts = parts(&gateway, &visitor, &row)?;
        let may = |register: Option<&str>| visitor.account.may(Right::SeeBodies, Some(&ente), register);
        parts.retain(|part| may(Some(&part.register)));
        if parts.is_empty() && !may(None) {
            return Ok(Some(Err(Failure::Forbidden(visitor.language))));
        }
        let detail = BTreeMap::from([("reason".to_owned(), reason.to_owned())]);
        gateway.note(&visitor.account.name, EventKind::FolderRead, &format!("folder {}", row.id), detail)?;
        Ok(Some(Ok(body(&gateway, &visitor, &row, parts)?)))
    });
    match made.await? {
        Some(Ok(made)) => Ok(page(&made)),
        Some(Err(failure)) => Err(failure),
        None => Err(Failure::NotFound(language)),
    }
}

fn body(
    gateway: &Gateway,
    visitor: &Visitor,
    row: &FolderRow,
    parts: Vec<FlowPart>,
) -> Result<Body, Problem> {
    let frame = visitor.frame(("Cartella", "Folder"));
    let here = path_of(&row.ente, &row.folder_id);
    let frame = frame.below("/console/cartelle", row.folder_id.clone());
    let folder = gateway.open_folder(row)?;
    let mut fields = Vec::new();
    leaves(gateway, visitor.language, "", folder.body.expose(), &mut fields);
    let flows = parts.into_iter().map(|part| open_part(gateway, &frame, &folder, part)).collect();
    Ok(Body { frame, here, fields, flows })
}

/// What is saved as a case.
#[derive(Deserialize)]
pub struct AsCase {
    modulo: String,
    tracciato: String,
    motivo: String,
}

/// `POST /console/cartelle/{ente}/{id}/caso`: the folder as a case of somebody who does not exist.
pub async fn as_case(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path((ente, id)): Path<(String, String)>,
    Form(form): Form<AsCase>,
) -> Result<Response, Failure> {
    visitor.sent(&form.modulo)?;
    let reason = words::reason(&form.motivo).ok_or(Failure::Unread)?;
    let language = visitor.language;
    let register = gateway.catalog.find(&form.tracciato).map(|flow| flow.register().to_owned());
    let register = register.ok_or(Failure::NotFound(language))?;
    visitor.must(Right::SeeBodies, Some(&ente), Some(&register))?;
    let made = blocking(move || {
        let Some(row) = gateway.books.folder(&ente, &id)? else { return Ok(None) };
        let detail = BTreeMap::from([
            ("reason".to_owned(), reason.to_owned()),
            ("for".to_owned(), "fixture".to_owned()),
        ]);
        gateway.note(&visitor.account.name, EventKind::FolderRead, &format!("folder {}", row.id), detail)?;
        let folder = gateway.open_folder(&row)?;
        let (now, today) = (gateway.clock.now_ms(), gateway.clock.today());
        let seed = now.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let copy = pseudonymised(&gateway.folders, folder.body.expose(), seed, today);
        Ok(Some((form.tracciato, workbench::case_of(&gateway, &copy))))
    });
    let (flow, files) = made.await?.ok_or(Failure::NotFound(language))?;
    Ok(workbench::download("caso-anonimo", &flow, &files))
}

/// Every value of the folder with the label of its field.
pub fn leaves(
    gateway: &Gateway,
    language: Language,
    pointer: &str,
    value: &Value,
    found: &mut Vec<(String, String)>,
) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                leaves(gateway, language, &format!("{pointer}/{name}"), member, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                leaves(gateway, language, &format!("{pointer}/{index}"), item, found);
            }
        }
        leaf => {
            let lang = if language == Language::Italian { Lang::It } else { Lang::En };
            found.push((gateway.folders.labels().label(pointer, lang), plain(leaf)));
        }
    }
}

fn open_part(gateway: &Gateway, frame: &Frame, folder: &Folder, part: FlowPart) -> OpenPart {
    let known = gateway.catalog.find(&part.flow);
    let (purpose, legal_basis) = known.map_or_else(Default::default, |flow| {
        let head = &flow.mapping.flow;
        (say(frame.language, &head.purpose.it, &head.purpose.en).to_owned(), head.legal_basis.clone())
    });
    let records = part.records.iter().take(MOST);
    let records = records.map(|record| open(gateway, frame, folder, record)).collect();
    OpenPart { title: part.title, legal_basis, purpose, records }
}

fn open(gateway: &Gateway, frame: &Frame, folder: &Folder, record: &RecordSides) -> Opened {
    let bytes = |content: &Option<Hash>| {
        let fragment = gateway.open_fragment(record.id, content.as_ref()?).ok()?;
        Some(fragment.into_exposed())
    };
    let (desired, held) = (bytes(&record.desired_content), bytes(&record.held_content));
    let shown = |fragment: &Option<Vec<u8>>| {
        fragment.as_ref().map(|fragment| {
            of_record(gateway, frame, folder, (&record.flow, &record.key, &record.rows), fragment)
        })
    };
    let differs = match (&held, &desired) {
        (Some(held), Some(desired)) if held != desired => difference(held, desired),
        _ => Vec::new(),
    };
    let same = held == desired;
    Opened {
        key: record.key.clone(),
        desired: shown(&desired).unwrap_or_default(),
        held: if same { None } else { shown(&held) },
        differs,
    }
}

/// A fragment beside today's folder.
pub fn of_record(
    gateway: &Gateway,
    frame: &Frame,
    folder: &Folder,
    (flow, key, rows): (&str, &str, &[u8]),
    fragment: &[u8],
) -> Beside {
    let Some(flow) = gateway.catalog.find(flow) else { return Beside::default() };
    let ente = gateway.settings.ente(&folder.ente);
    let trace = ente.and_then(|ente| flow.trace(folder, &gateway.context(ente), key));
    let trace = trace.unwrap_or_else(|| flow.trace_of(rows));
    beside(flow, &gateway.folders, frame, Some(folder.body.expose()), &trace, fragment)
}

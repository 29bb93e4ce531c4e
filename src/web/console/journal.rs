//! Giornale: the audit events with filters, whether their chain holds, and what a register knows of a
//! person and why.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::extract::{Form, Query};
use super::folders::{FlowPart, parts, path_of};
use super::frame::{Failure, Frame, page, say};
use super::visitor::Visitor;
use super::words;
use crate::audit::{Event, EventKind};
use crate::folder::Lang;
use crate::gateway::Gateway;
use crate::gateway::rights::Right;
use crate::web::Language;
use crate::web::folders::blocking;
use crate::web::problem::Problem;

/// Events on a page, and how many are looked through for it.
const SHOWN: usize = 100;
const CHUNK: usize = 1_000;
const LOOKED_AT: usize = 50_000;

#[derive(Template)]
#[template(path = "journal.html")]
struct Journal {
    frame: Frame,
    events: Vec<(i64, Event)>,
    filter: Filter,
    kinds: Vec<&'static str>,
    /// Where the page before goes on.
    older: Option<i64>,
    /// What verifying said, where it was asked for.
    verified: Option<Result<u64, String>>,
    enti: Vec<(String, String)>,
}

impl Journal {
    /// The filter as a query, for the next page.
    fn query(&self) -> String {
        let mut query = String::new();
        for (name, value) in [
            ("chi", &self.filter.chi),
            ("cosa", &self.filter.cosa),
            ("di", &self.filter.di),
            ("dal", &self.filter.dal),
            ("al", &self.filter.al),
        ] {
            let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || " ._@:-".contains(c));
            if !value.is_empty() && plain {
                query.push_str(&format!("&{name}={}", value.replace(' ', "+").replace('@', "%40")));
            }
        }
        query
    }
}

/// Which events, from where on, and whether the chain is to be verified.
#[derive(Default, Deserialize)]
pub struct Filter {
    prima_di: Option<i64>,
    #[serde(default)]
    verifica: bool,
    #[serde(default)]
    chi: String,
    #[serde(default)]
    cosa: String,
    #[serde(default)]
    di: String,
    #[serde(default)]
    dal: String,
    #[serde(default)]
    al: String,
}

impl Filter {
    fn fits(&self, event: &Event) -> bool {
        let begins = |text: &str, wanted: &str| wanted.trim().is_empty() || text.starts_with(wanted.trim());
        let day = event.at.get(..10).unwrap_or_default();
        begins(&event.actor, &self.chi)
            && (self.cosa.is_empty() || event.what.name() == self.cosa)
            && begins(event.subject.as_deref().unwrap_or_default(), &self.di)
            && (self.dal.is_empty() || day >= self.dal.as_str())
            && (self.al.is_empty() || day <= self.al.as_str())
    }
}

/// `GET /console/giornale`.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Query(filter): Query<Filter>,
) -> Result<Response, Failure> {
    visitor.must(Right::ReadAudit, None, None)?;
    let made = blocking(move || {
        let (events, older) = found(&gateway, &filter)?;
        let verified = match filter.verifica {
            true => {
                Some(gateway.verify_audit()?.map(|chain| chain.count).map_err(|broken| broken.to_string()))
            }
            false => None,
        };
        let enti = gateway.settings.ente.iter().filter(|ente| visitor.sees_ente(&ente.code));
        let enti = enti.map(|ente| (ente.code.clone(), ente.name.clone())).collect();
        let kinds = EventKind::ALL.iter().map(|kind| kind.name()).collect();
        Ok(Journal {
            frame: visitor.frame(("Giornale", "Journal")),
            events,
            filter,
            kinds,
            older,
            verified,
            enti,
        })
    });
    Ok(page(&made.await?))
}

/// Events by their numbers, and the number before which the next page begins.
type Page = (Vec<(i64, Event)>, Option<i64>);

/// The newest events that fit.
fn found(gateway: &Gateway, filter: &Filter) -> Result<Page, Problem> {
    let mut before = filter.prima_di.unwrap_or(i64::MAX);
    let (mut events, mut looked_at) = (Vec::new(), 0);
    while events.len() < SHOWN && looked_at < LOOKED_AT {
        let rows = gateway.books.audit_before(before, CHUNK)?;
        let is_last = rows.len() < CHUNK;
        looked_at += rows.len();
        for (sequence, text) in rows {
            before = sequence;
            let Ok(event) = serde_json::from_str::<Event>(&text) else { continue };
            if filter.fits(&event) {
                events.push((sequence, event));
                if events.len() == SHOWN {
                    return Ok((events, Some(before)));
                }
            }
        }
        if is_last {
            return Ok((events, None));
        }
    }
    Ok((events, Some(before)))
}

/// Of whom it is asked, and why.
#[derive(Deserialize)]
pub struct Person {
    modulo: String,
    ente: String,
    id: String,
    motivo: String,
}

/// A field that a register has: its name and why it was sent.
struct Known {
    field: String,
    target: String,
    purpose: String,
}

/// What a register knows of one record.
struct KnownRecord {
    key: String,
    since: Option<i64>,
    submission: Option<String>,
    fields: Vec<Known>,
}

/// What a register knows.
struct KnownPart {
    title: String,
    flow: String,
    purpose: String,
    legal_basis: String,
    records: Vec<KnownRecord>,
}

#[derive(Template)]
#[template(path = "lineage.html")]
struct Lineage {
    frame: Frame,
    ente: String,
    id: String,
    here: String,
    parts: Vec<KnownPart>,
}

/// `POST /console/giornale/persona`: what each register knows of a person, and why. Names of fields,
/// no values; noted with its reason.
pub async fn lineage(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Form(person): Form<Person>,
) -> Result<Response, Failure> {
    visitor.sent(&person.modulo)?;
    visitor.must(Right::ReadAudit, None, None)?;
    let reason = words::reason(&person.motivo).ok_or(Failure::Unread)?;
    let language = visitor.language;
    let made = blocking(move || {
        if !visitor.sees_ente(&person.ente) {
            return Ok(None);
        }
        let Some(row) = gateway.books.folder(&person.ente, person.id.trim())? else { return Ok(None) };
        let detail = BTreeMap::from([("reason".to_owned(), reason.to_owned())]);
        gateway.note(&visitor.account.name, EventKind::LineageRead, &format!("folder {}", row.id), detail)?;
        let parts = parts(&gateway, &visitor, &row)?.into_iter();
        let parts = parts.filter_map(|part| known(&gateway, language, part)).collect();
        let frame = visitor.frame(("Giornale", "Journal")).below("/console/giornale", row.folder_id.clone());
        let here = path_of(&row.ente, &row.folder_id);
        Ok(Some(Lineage { frame, ente: row.ente, id: row.folder_id, here, parts }))
    });
    made.await?.map(|made| page(&made)).ok_or(Failure::NotFound(language))
}

fn known(gateway: &Gateway, language: Language, part: FlowPart) -> Option<KnownPart> {
    let flow = gateway.catalog.find(&part.flow)?;
    let lang = if language == Language::Italian { Lang::It } else { Lang::En };
    let label = |source: &str| {
        let pointer = format!("/{}", source.replace("[]", "").replace('.', "/"));
        gateway.folders.labels().label(&pointer, lang)
    };
    let records = part.records.into_iter().filter(|record| record.held_content.is_some());
    let records = records.map(|record| KnownRecord {
        fields: flow
            .lineage_of(&record.rows)
            .into_iter()
            .map(|field| Known {
                field: field.sources.iter().map(|source| label(source)).collect::<Vec<_>>().join(", "),
                target: field.target,
                purpose: field.purpose,
            })
            .collect(),
        key: record.key,
        since: record.held_at,
        submission: record.submission,
    });
    let head = &flow.mapping.flow;
    Some(KnownPart {
        records: records.collect(),
        title: part.title,
        flow: part.flow,
        purpose: say(language, &head.purpose.it, &head.purpose.en).to_owned(),
        legal_basis: head.legal_basis.clone(),
    })
}

//! Tracciati: each flow as a table that somebody who knows the tracciato record can read.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::frame::{Failure, Frame, page};
use super::visitor::Visitor;
use crate::folder::finding::Severity;
use crate::gateway::Gateway;
use crate::gateway::rights::Right;
use crate::web::extract::Path;

/// A flow on the list.
struct Line {
    id: String,
    title: String,
    register: String,
    rows: usize,
    rules: usize,
}

#[derive(Template)]
#[template(path = "mappings.html")]
struct List {
    frame: Frame,
    flows: Vec<Line>,
}

/// `GET /console/tracciati`.
pub async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    permitted(&visitor)?;
    let frame = visitor.frame(("Tracciati", "Mappings"));
    let lines = gateway.catalog.flows().iter().map(|flow| Line {
        id: flow.id().to_owned(),
        title: frame.say(&flow.mapping.flow.title.it, &flow.mapping.flow.title.en).to_owned(),
        register: flow.register().to_owned(),
        rows: flow.rows().len(),
        rules: flow.rules.len(),
    });
    Ok(page(&List { flows: lines.collect(), frame }))
}

fn permitted(visitor: &Visitor) -> Result<(), Failure> {
    let may = visitor.account.may_somewhere(Right::Try);
    if may { Ok(()) } else { Err(Failure::Forbidden(visitor.language)) }
}

/// A row of a mapping.
struct Row {
    target: String,
    sources: Vec<String>,
    written: String,
    codes: String,
    when: String,
    purpose: String,
}

/// A rule of a flow.
struct RuleLine {
    id: String,
    withholds: bool,
    message: String,
    source: String,
}

#[derive(Template)]
#[template(path = "mapping.html")]
struct Show {
    frame: Frame,
    id: String,
    title: String,
    purpose: String,
    legal_basis: String,
    rows: Vec<Row>,
    rules: Vec<RuleLine>,
}

/// `GET /console/tracciati/{family}/{version}`.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path((family, version)): Path<(String, String)>,
) -> Result<Response, Failure> {
    permitted(&visitor)?;
    let frame = visitor.frame(("Tracciato", "Mapping"));
    let flow = gateway.catalog.find(&format!("{family}/{version}"));
    let flow = flow.ok_or(Failure::NotFound(visitor.language))?;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let rows = flow.rows().iter().map(|info| {
        let constant = info.row.value.as_ref().map(|value| format!("'{value}'"));
        let sources =
            if info.sources.is_empty() { constant.into_iter().collect() } else { info.sources.clone() };
        Row {
            target: info.target.clone(),
            sources,
            written: text(&info.row.transform),
            codes: text(&info.row.codes),
            when: text(&info.row.when),
            purpose: text(&info.row.purpose),
        }
    });
    let rules = flow.rules.iter().map(|rule| RuleLine {
        id: rule.table.id.clone(),
        withholds: rule.table.severity == Severity::Withhold,
        message: frame.say(&rule.table.message.it, &rule.table.message.en).to_owned(),
        source: rule.table.source.clone(),
    });
    let head = &flow.mapping.flow;
    Ok(page(&Show {
        id: flow.id().to_owned(),
        title: frame.say(&head.title.it, &head.title.en).to_owned(),
        purpose: frame.say(&head.purpose.it, &head.purpose.en).to_owned(),
        legal_basis: head.legal_basis.clone(),
        rows: rows.collect(),
        rules: rules.collect(),
        frame,
    }))
}

//! Tracciati: each flow as a table that somebody who knows the tracciato record can read, with an
//! example value for each row, its coverage, and what another version does differently.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::extract::{Path, Query};
use super::frame::{Failure, Frame, page};
use super::visitor::Visitor;
use super::workbench::cases::{self, Case};
use crate::flow::coverage::Coverage;
use crate::flow::upgrade::{Upgrade, compare};
use crate::flow::{Context, EnteSettings, Flow};
use crate::folder::finding::Severity;
use crate::gateway::Gateway;
use crate::gateway::rights::Right;
use crate::web::folders::blocking;

/// A flow on the list.
struct Entry {
    id: String,
    title: String,
    register: String,
    rows: usize,
    rules: usize,
    from: String,
    to: Option<String>,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "mappings.html")]
struct List {
    frame: Frame,
    flows: Vec<Entry>,
    /// Flows that are counted, and flows by which registers are asked.
    others: Vec<(String, &'static str)>,
}

/// `GET /console/tracciati`.
pub async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    permitted(&visitor)?;
    let frame = visitor.frame(("Tracciati", "Mappings"));
    let today = gateway.clock.today();
    let entries = gateway.catalog.flows().iter().map(|flow| Entry {
        id: flow.id().to_owned(),
        title: frame.say(&flow.mapping.flow.title.it, &flow.mapping.flow.title.en).to_owned(),
        register: flow.register().to_owned(),
        rows: flow.rows().len(),
        rules: flow.rules.len(),
        from: flow.valid().0.to_string(),
        to: flow.valid().1.map(|day| day.to_string()),
        is_current: flow.valid_on(today),
    });
    let counted = gateway.catalog.aggregates().iter();
    let counted =
        counted.map(|flow| (flow.id().to_owned(), frame.say("si conta, non si invia", "counted, not sent")));
    let asked = gateway.catalog.inbound().iter();
    let asked = asked
        .map(|flow| (flow.id().to_owned(), frame.say("si interroga il registro", "the register is asked")));
    let others = counted.chain(asked).collect();
    Ok(page(&List { flows: entries.collect(), others, frame }))
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
    /// Rules that look at the same fields.
    rules: Vec<String>,
    example: String,
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
    /// The case that the examples are of.
    case: Option<String>,
    versions: Vec<String>,
    upgrade: Option<Upgrade>,
    coverage: Option<Coverage>,
    may_cover: bool,
}

/// What to show besides the table.
#[derive(Deserialize)]
pub struct Also {
    /// Another version of the family to compare with.
    #[serde(default)]
    confronta: String,
    /// Count what the stored folders fill.
    #[serde(default)]
    copertura: bool,
}

/// `GET /console/tracciati/{family}/{version}`.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path((family, version)): Path<(String, String)>,
    Query(also): Query<Also>,
) -> Result<Response, Failure> {
    permitted(&visitor)?;
    let language = visitor.language;
    let made = blocking(move || {
        let id = format!("{family}/{version}");
        let Some(flow) = gateway.catalog.find(&id) else { return Ok(None) };
        let coverage = if also.copertura { covered(&gateway, &visitor, flow)? } else { None };
        let mut made = table(&gateway, &visitor, flow);
        let other = gateway.catalog.find(&format!("{family}/{}", also.confronta));
        made.upgrade = other.filter(|other| other.id() != flow.id()).map(|other| compare(flow, other));
        made.coverage = coverage;
        Ok(Some(made))
    });
    made.await?.map(|made| page(&made)).ok_or(Failure::NotFound(language))
}

/// What the folders fill that the visitor may see: counts only.
fn covered(
    gateway: &Gateway,
    visitor: &Visitor,
    flow: &Flow,
) -> Result<Option<Coverage>, crate::web::problem::Problem> {
    let enti = gateway.settings.ente.iter().filter(|ente| visitor.sees(&ente.code, flow.register()));
    let enti: Vec<String> = enti.map(|ente| ente.code.clone()).collect();
    Ok(gateway.coverage(Some(flow.id()), &enti)?.pop())
}

fn table(gateway: &Gateway, visitor: &Visitor, flow: &Flow) -> Show {
    let above = visitor.frame(("Tracciati", "Mappings"));
    let head = &flow.mapping.flow;
    let title = above.say(&head.title.it, &head.title.en).to_owned();
    let frame = above.below("/console/tracciati", title.clone());
    let rules = flow.rules.iter().map(|rule| RuleLine {
        id: rule.table.id.clone(),
        withholds: rule.table.severity == Severity::Withhold,
        message: frame.say(&rule.table.message.it, &rule.table.message.en).to_owned(),
        source: rule.table.source.clone(),
    });
    let (case, examples) = examples(gateway, flow);
    let versions = gateway.catalog.versions(flow.family()).into_iter();
    let versions = versions.filter(|other| other.id() != flow.id()).map(|other| other.version().to_owned());
    Show {
        id: flow.id().to_owned(),
        purpose: frame.say(&head.purpose.it, &head.purpose.en).to_owned(),
        legal_basis: head.legal_basis.clone(),
        rows: rows(flow, &examples),
        rules: rules.collect(),
        case,
        versions: versions.collect(),
        upgrade: None,
        coverage: None,
        may_cover: visitor.account.may_somewhere(Right::SeeMetadata),
        title,
        frame,
    }
}

fn rows(flow: &Flow, examples: &BTreeMap<String, String>) -> Vec<Row> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let looked_at = |rule: &crate::rules::Rule| {
        rule.paths().into_iter().flat_map(|path| flow.mapping.names.sources(path)).collect::<BTreeSet<_>>()
    };
    let looking: Vec<(&str, BTreeSet<String>)> =
        flow.rules.iter().map(|rule| (rule.table.id.as_str(), looked_at(rule))).collect();
    let rows = flow.rows().iter().map(|info| {
        let constant = info.row.value.as_ref().map(|value| format!("'{value}'"));
        let sources =
            if info.sources.is_empty() { constant.into_iter().collect() } else { info.sources.clone() };
        let rules =
            looking.iter().filter(|(_, looked_at)| info.sources.iter().any(|of| looked_at.contains(of)));
        Row {
            rules: rules.map(|(id, _)| (*id).to_owned()).take(6).collect(),
            example: examples.get(&info.target).cloned().unwrap_or_default(),
            target: info.target.clone(),
            sources,
            written: text(&info.row.transform),
            codes: text(&info.row.codes),
            when: text(&info.row.when),
            purpose: text(&info.row.purpose),
        }
    });
    rows.collect()
}

/// Example values by target, of the case that fires the most rows: generated people only.
fn examples(gateway: &Gateway, flow: &Flow) -> (Option<String>, BTreeMap<String, String>) {
    let made = cases::of(flow.id()).into_iter().filter_map(|case| {
        let values = values(gateway, flow, &case)?;
        Some((case.name, values))
    });
    let best = made.max_by_key(|(_, values)| values.len());
    best.map_or_else(Default::default, |(name, values)| (Some(name), values))
}

fn values(gateway: &Gateway, flow: &Flow, case: &Case) -> Option<BTreeMap<String, String>> {
    let folder = gateway.folders.parse(case.folder.as_bytes()).ok()?;
    let keys = Arc::new(flow.test_keys());
    let today = case.today.unwrap_or_else(|| gateway.clock.today());
    let context = Context { today, ente: EnteSettings { keys, ..EnteSettings::default() } };
    let mut values = BTreeMap::new();
    for record in flow.map(&folder, &context).records.iter().filter(|record| record.fragment.is_some()) {
        let Some(trace) = flow.trace(&folder, &context, &record.key) else { continue };
        let plan = trace.kinds.first().and_then(|kind| flow.mapping.records.get(*kind));
        let base = plan.map_or("", |plan| plan.base.as_str());
        for place in trace.places().iter().filter(|place| place.written) {
            let value = place.pointers.iter().find_map(|at| folder.body.expose().pointer(at));
            if let Some(value) = value {
                let target = format!("{base}/{}", place.target);
                values.entry(target).or_insert_with(|| super::beside::plain(value));
            }
        }
    }
    Some(values)
}

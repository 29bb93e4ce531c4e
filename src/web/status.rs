//! How things stand: readiness, findings, routes, the audit chain.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::Caller;
use super::extract::{Json, Path, Query};
use super::folders::blocking;
use super::problem::Problem;
use crate::exchange::LedgerError;
use crate::gateway::Gateway;
use crate::gateway::rights::Right;

/// `GET /readiness`: per ente and flow; and what adopted files hold that no folder maps to.
pub async fn readiness(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let standings = gateway.books.standings()?;
        let seen: Vec<_> = standings
            .into_iter()
            .filter(|standing| caller.sees_at(&standing.ente, &standing.register))
            .collect();
        let unmatched = gateway.books.unmatched()?.into_iter();
        let unmatched = unmatched.filter(|(ente, register, _)| caller.sees_at(ente, register));
        let unmatched: Vec<Value> = unmatched
            .map(
                |(ente, register, records)| json!({ "ente": ente, "register": register, "records": records }),
            )
            .collect();
        Ok(Json(json!({ "readiness": seen, "unmatched": unmatched })))
    })
    .await
}

/// Of which ente, and how many.
#[derive(Deserialize, IntoParams)]
pub struct Of {
    /// One ente; all, for who may see all, when absent.
    ente: Option<String>,
    /// 1,000 at most.
    #[serde(default = "ten")]
    limit: usize,
}

const fn ten() -> usize {
    10
}

/// `GET /findings`: the rules that speak most often, with one example each.
pub async fn findings(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Query(of): Query<Of>,
) -> Result<Json<Value>, Problem> {
    match &of.ente {
        Some(ente) => caller.may_at(Right::SeeMetadata, ente)?,
        None => caller.may(Right::SeeMetadata, None, None)?,
    }
    let rules =
        blocking(move || Ok(gateway.books.frequent_rules(of.ente.as_deref(), of.limit.min(1000))?)).await?;
    let shown: Vec<Value> = rules
        .into_iter()
        .map(|rule| {
            let example: Value = serde_json::from_str(&rule.example).unwrap_or_default();
            json!({
                "rule": rule.rule, "severity": rule.severity, "count": rule.count,
                "message": example["message"], "hint": example["hint"], "source": example["source"],
                "verdict": example["verdict"],
            })
        })
        .collect();
    Ok(Json(json!({ "findings": shown })))
}

/// `GET /routes`.
pub async fn routes(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let enti = |id: &str| gateway.settings.route(id).map_or(&[][..], |route| &route.enti);
        let views = gateway.route_views()?.into_iter();
        let seen = |id: &str| enti(id).iter().any(|ente| caller.sees_by(&gateway, ente, id));
        let seen: Vec<_> = views.filter(|view| seen(&view.route)).collect();
        Ok(Json(json!({ "routes": seen })))
    })
    .await
}

/// 404 unless there is a route, 403 unless the caller has a right at every ente and register that it
/// serves.
fn may_with(gateway: &Gateway, caller: &Caller, right: Right, id: &str) -> Result<(), Problem> {
    let route = gateway.settings.route(id);
    let route = route.ok_or_else(|| Problem::from(LedgerError::Missing(format!("route {id}"))))?;
    for ente in &route.enti {
        for register in route.registers() {
            caller.may(right, Some(ente), Some(register))?;
        }
    }
    Ok(())
}

/// `POST /routes/{id}/resume`: a person has looked, the route goes on.
pub async fn resume(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    may_with(&gateway, &caller, Right::OperateRoutes, &id)?;
    blocking(move || Ok(gateway.resume_route(&id, &caller.name).map(|()| StatusCode::NO_CONTENT)?)).await
}

/// `POST /routes/{id}/suspend`.
pub async fn suspend(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    may_with(&gateway, &caller, Right::OperateRoutes, &id)?;
    blocking(move || Ok(gateway.suspend_route(&id, &caller.name).map(|()| StatusCode::NO_CONTENT)?)).await
}

/// `POST /routes/{id}/files`: builds the bulk containers that are due, now.
pub async fn files(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    may_with(&gateway, &caller, Right::Report, &id)?;
    blocking(move || {
        let route = gateway.settings.route(&id);
        let route =
            route.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("There is no route {id}.")))?;
        let written = gateway.build_files(route)?;
        Ok(Json(json!({ "files": written })))
    })
    .await
}

/// From where on, and how many.
#[derive(Deserialize, IntoParams)]
pub struct Before {
    /// `next` of the page before.
    before: Option<i64>,
    /// 1,000 at most.
    #[serde(default = "hundred")]
    limit: usize,
}

const fn hundred() -> usize {
    100
}

/// `GET /audit`: events, newest first.
pub async fn events(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Query(from): Query<Before>,
) -> Result<Json<Value>, Problem> {
    caller.may(Right::ReadAudit, None, None)?;
    blocking(move || {
        let limit = from.limit.clamp(1, 1000);
        let rows = gateway.books.audit_before(from.before.unwrap_or(i64::MAX), limit)?;
        let next = rows.last().filter(|_| rows.len() == limit).map(|(sequence, _)| *sequence);
        let read = |(sequence, text): &(i64, String)| {
            json!({ "sequence": sequence, "event": serde_json::from_str::<Value>(text).unwrap_or_default() })
        };
        Ok(Json(json!({ "events": rows.iter().map(read).collect::<Vec<_>>(), "next": next })))
    })
    .await
}

/// `GET /audit/verify`: recomputes the whole chain.
pub async fn audit(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    caller.may(Right::ReadAudit, None, None)?;
    blocking(move || {
        let verdict = gateway.verify_audit()?;
        Ok(Json(match verdict {
            Ok(verified) => json!({
                "intact": true, "events": verified.count, "head": super::auth::hexadecimal(&verified.head),
            }),
            Err(broken) => json!({ "intact": false, "why": broken.to_string() }),
        }))
    })
    .await
}

/// `GET /nodes`: which processes live, and who has which duty.
pub async fn nodes(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    caller.may(Right::SeeMetadata, None, None)?;
    blocking(move || {
        let (nodes, duties) = gateway.nodes()?;
        Ok(Json(json!({ "nodes": nodes, "duties": duties })))
    })
    .await
}

//! Folders: save one, show where it stands, import many, sync one now.

use std::io::BufReader;
use std::sync::Arc;
use std::time::Duration;

use axum::RequestExt;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::auth::hexadecimal;
use super::extract::{Json, Path, Query, Whole};
use super::problem::Problem;
use super::{Caller, duplicates, places};
use crate::channel::trace;
use crate::exchange::{Hash, LedgerError};
use crate::flow::explain::Reader;
use crate::folder::Folder;
use crate::gateway::rights::Right;
use crate::gateway::{Gateway, Guard, RunRequest, SaveError, Saved, new_import};
use crate::ledger::{FindingRow, FolderRow, RunHead};

/// Which ente a folder id belongs to; needed only where the caller or installation has several.
#[derive(Deserialize, IntoParams)]
pub struct OfEnte {
    /// The ente's code; needed where several enti have a folder of this id.
    pub(super) ente: Option<String>,
}

/// Which ente a folder id belongs to, and how much is shown.
#[derive(Deserialize, IntoParams)]
pub struct Whose {
    /// The ente's code; needed where several enti have a folder of this id.
    ente: Option<String>,
    /// Show the body too: an audited act, with its reason.
    #[serde(default)]
    body: bool,
}

/// Runs blocking work of the gateway off the async threads.
pub async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    // It holds its place until it has ended, also where its caller has gone.
    let place = places::act().await?;
    let (span, traced) = (tracing::Span::current(), trace::current());
    let task = tokio::task::spawn_blocking(move || {
        let _place = place;
        span.in_scope(|| trace::within(traced, act))
    });
    task.await.unwrap_or_else(|_| {
        Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "An act panicked; nothing of it took effect. See the log.",
        ))
    })
}

/// `PUT /folders/{id}`: saved, mapped and validated for every flow when it answers.
pub async fn save(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let guard = guard(&headers)?;
    blocking(move || {
        let folder = match gateway.read_folder(&body) {
            Err(error @ SaveError::Invalid(_)) => return Err(Problem::invalid(gateway.told(error, &body))),
            read => read?,
        };
        if folder.id != id {
            return Err(Problem::bad("The folder's `id` differs from the one in the path."));
        }
        caller.may_at(Right::SaveFolders, &folder.ente)?;
        let saved = gateway.save_if(&folder, &caller.name, guard)?;
        let tag = tag(&gateway.folder_content(&folder)?);
        let status = if saved.created { StatusCode::CREATED } else { StatusCode::OK };
        let twice = duplicates::findings(&gateway, &caller, saved.folder)?;
        Ok((status, [(header::ETAG, tag)], Json(saved_json(&gateway, &id, saved, twice))).into_response())
    })
    .await
}

/// What must hold for a save: `If-Match` with the tag of the folder that was read, or `*`; `If-None-Match:
/// *` for one that must be new (RFC 9110, 13.1).
fn guard(headers: &HeaderMap) -> Result<Guard, Problem> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default().trim());
    match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
        (None, None) => Ok(Guard::Any),
        (Some("*"), None) => Ok(Guard::Exists),
        (None, Some("*")) => Ok(Guard::New),
        (Some(tag), None) => {
            let hash = tag.trim_matches('"');
            let bytes =
                (0..hash.len()).step_by(2).map(|at| u8::from_str_radix(hash.get(at..at + 2)?, 16).ok());
            let bytes = bytes.collect::<Option<Vec<u8>>>().and_then(|bytes| bytes.try_into().ok());
            // A tag of nobody's matches nothing.
            Ok(bytes.map_or(Guard::Nothing, Guard::Is))
        }
        _ => Err(Problem::bad(
            "If-Match takes one tag as the folder's ETag told it, or `*`; If-None-Match takes `*`.",
        )),
    }
}

/// The entity tag of a stored folder: of its content, whatever became of its records.
fn tag(content: &Hash) -> String {
    format!("\"{}\"", hexadecimal(content))
}

fn saved_json(gateway: &Gateway, id: &str, saved: Saved, twice: Vec<Value>) -> Value {
    let reader = Reader::new(&gateway.folders, None);
    let told = |row: FindingRow| {
        let finding = reader.finding(row.finding).with_value(row.seen);
        json!({"flow": row.flow, "record": row.record, "finding": finding})
    };
    let findings: Vec<_> = saved.findings.into_iter().map(told).chain(twice).collect();
    json!({
        "id": id, "created": saved.created, "records": saved.records, "withheld": saved.withheld,
        "findings": findings,
    })
}

/// The row of a folder that the caller may see.
pub(super) fn find(
    gateway: &Gateway,
    caller: &Caller,
    whose: Option<&str>,
    id: &str,
) -> Result<FolderRow, Problem> {
    let enti = gateway.settings.ente.iter().map(|ente| ente.code.as_str());
    let wanted: Vec<&str> =
        enti.filter(|code| whose.is_none_or(|ente| ente == *code) && caller.sees(code)).collect();
    let mut found = Vec::new();
    for ente in wanted {
        found.extend(gateway.books.folder(ente, id)?);
    }
    match found.len() {
        0 => Err(LedgerError::Missing(format!("folder {id}")).into()),
        1 => Ok(found.remove(0)),
        _ => Err(Problem::bad("Several enti have a folder with this id: add `?ente=CODE`.")),
    }
}

/// `GET /folders/{id}`: where its records stand, its findings, and with `?body=true` the folder.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(whose): Query<Whose>,
) -> Result<Response, Problem> {
    blocking(move || {
        let row = find(&gateway, &caller, whose.ente.as_deref(), &id)?;
        let folder = match whose.body {
            true => Some(opened(&gateway, &caller, &row)?),
            false => None,
        };
        let told = gateway.explain_findings(&row, None, folder.as_ref())?;
        let told = told.into_iter().map(|finding| json!(finding));
        let findings: Vec<Value> = told.chain(duplicates::findings(&gateway, &caller, row.id)?).collect();
        let mut shown = json!({
            "id": row.folder_id, "ente": row.ente, "version": row.version, "saved_at": row.saved_at,
            "look_again": row.look_again.map(|day| day.to_string()), "erased": row.is_erased(),
            "records": gateway.books.folder_standing(row.id)?, "findings": findings,
            "proposals": super::inquiries::open_proposals(&gateway, row.id)?,
        });
        if let Some(folder) = folder {
            shown["folder"] = folder.body.into_exposed();
        }
        Ok(([(header::ETAG, tag(&row.content))], Json(shown)).into_response())
    })
    .await
}

/// Opens a folder for a caller who may read bodies and says why.
fn opened(gateway: &Gateway, caller: &Caller, row: &FolderRow) -> Result<Folder, Problem> {
    caller.may_at(Right::SeeBodies, &row.ente)?;
    Ok(gateway.read_folder_body(row, &caller.name, &caller.reason()?)?)
}

/// `GET /folders/{id}/body`.
pub async fn body(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(whose): Query<OfEnte>,
) -> Result<Response, Problem> {
    blocking(move || {
        let row = find(&gateway, &caller, whose.ente.as_deref(), &id)?;
        let folder = opened(&gateway, &caller, &row)?;
        let shown = json!({
            "id": row.folder_id, "ente": row.ente, "version": row.version,
            "folder": folder.body.into_exposed(),
        });
        Ok(([(header::ETAG, tag(&row.content))], Json(shown)).into_response())
    })
    .await
}

/// Which import a request belongs to, where one import comes in several.
#[derive(Deserialize, IntoParams)]
pub struct PartOf {
    /// 16 to 64 letters, digits or hyphens: several requests with one mark are one import.
    import: Option<String>,
}

impl PartOf {
    fn mark(self) -> Result<String, Problem> {
        let fits = |mark: &String| {
            (16..=64).contains(&mark.len())
                && mark.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        match self.import {
            None => new_import()
                .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
            Some(mark) if fits(&mark) => Ok(mark),
            Some(_) => {
                Err(Problem::bad("`import` is 16 to 64 letters, digits or hyphens, new for each import."))
            }
        }
    }
}

/// `POST /import`: NDJSON in, NDJSON out, a result per line. With `?import=MARK` several requests are
/// one import: of the lines that bring one id, the first that is saved stands.
pub async fn import(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Query(part): Query<PartOf>,
    request: Request,
) -> Result<Response, Problem> {
    let body = request.into_limited_body();
    caller.may_somewhere(Right::SaveFolders)?;
    let mark = part.mark()?;
    let place = places::import().await?;
    let (lines, feed) = tokio::sync::mpsc::channel(16);
    tokio::spawn(pump(body, lines));
    let (results, out) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(64);
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let reader = BufReader::with_capacity(64 * 1024, ChunkReader { feed, rest: Bytes::new() });
        let may = |ente: &str| caller.may_at(Right::SaveFolders, ente).is_ok();
        let summary = gateway.import_where(reader, &mark, &caller.name, &may, |line| {
            let text = serde_json::to_string(line).unwrap_or_default() + "\n";
            drop(results.blocking_send(Ok(Bytes::from(text))));
        });
        let last = match summary {
            Ok(summary) => json!({"summary": summary}),
            Err(error) => json!({"error": format!("the upload broke off: {error}")}),
        };
        drop(results.blocking_send(Ok(Bytes::from(last.to_string() + "\n"))));
    });
    let body = Body::from_stream(tokio_stream(out));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

/// What a body brings, or that it broke off: half an upload must not look like a whole one.
type Chunk = Result<Bytes, std::io::Error>;

async fn pump(body: Body, lines: tokio::sync::mpsc::Sender<Chunk>) {
    use futures_core::Stream;
    let mut stream = Box::pin(body.into_data_stream());
    while let Some(chunk) = std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await {
        let chunk = chunk.map_err(std::io::Error::other);
        if lines.send(chunk).await.is_err() {
            return;
        }
    }
}

fn tokio_stream<T: Send + 'static>(
    mut receiver: tokio::sync::mpsc::Receiver<T>,
) -> impl futures_core::Stream<Item = T> + Send + 'static {
    PolledReceiver(Box::new(move |context| receiver.poll_recv(context)))
}

type Poller<T> = Box<dyn FnMut(&mut std::task::Context<'_>) -> std::task::Poll<Option<T>> + Send>;

struct PolledReceiver<T>(Poller<T>);

impl<T> futures_core::Stream for PolledReceiver<T> {
    type Item = T;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<T>> {
        (self.0)(context)
    }
}

/// Reads what the request's body brings, on a blocking thread.
struct ChunkReader {
    feed: tokio::sync::mpsc::Receiver<Chunk>,
    rest: Bytes,
}

impl std::io::Read for ChunkReader {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.rest.is_empty() {
            match self.feed.blocking_recv() {
                Some(chunk) => self.rest = chunk?,
                None => return Ok(0),
            }
        }
        let count = into.len().min(self.rest.len());
        into[..count].copy_from_slice(&self.rest.split_to(count));
        Ok(count)
    }
}

/// What a person found out about one record.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// The record's key, e.g. `INT-7/2026`.
    record: String,
    /// The register holds just what the folder maps to today; false = it holds nothing of it.
    register_holds: bool,
}

/// `POST /folders/{id}/standing`: what a register really holds of one record, by a person's look.
pub async fn standing(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(whose): Query<OfEnte>,
    Json(found): Json<Standing>,
) -> Result<StatusCode, Problem> {
    blocking(move || {
        let row = find(&gateway, &caller, whose.ente.as_deref(), &id)?;
        caller.may_at(Right::Decide, &row.ente)?;
        gateway.set_standing(&row, &found.record, found.register_holds, &caller.name)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// What to sync, and how long to wait for the recipient.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncRequest {
    /// The register to bring up to date; `*` = all that the ente has a route to.
    to: String,
    /// How long to wait for the recipients, 60,000 at most.
    #[serde(default)]
    wait_ms: u64,
}

/// `POST /folders/{id}/sync`: this citizen, this register, now.
pub async fn sync(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(whose): Query<OfEnte>,
    Json(request): Json<SyncRequest>,
) -> Result<Json<Value>, Problem> {
    let wait = Duration::from_millis(request.wait_ms.min(60_000));
    let runs = {
        let gateway = Arc::clone(&gateway);
        blocking(move || start_sync(&gateway, &caller, whose.ente.as_deref(), &id, &request.to)).await?
    };
    let deadline = tokio::time::Instant::now() + wait;
    loop {
        let (asked, wanted) = (Arc::clone(&gateway), runs.clone());
        let heads = blocking(move || heads(&asked, &wanted)).await?;
        let settled = heads.iter().all(|run| run.balance.is_settled());
        if settled || tokio::time::Instant::now() >= deadline {
            let runs: Vec<_> = heads.iter().map(super::runs::run_json).collect();
            return Ok(Json(json!({"settled": settled, "runs": runs})));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn heads(gateway: &Gateway, runs: &[i64]) -> Result<Vec<RunHead>, Problem> {
    let mut heads = Vec::with_capacity(runs.len());
    for run in runs {
        heads.extend(gateway.books.runs(Some(*run), 1)?);
    }
    Ok(heads)
}

/// Every register to which the ente has a route.
const ALL_REGISTERS: &str = "*";

fn start_sync(
    gateway: &Gateway,
    caller: &Caller,
    whose: Option<&str>,
    id: &str,
    register: &str,
) -> Result<Vec<i64>, Problem> {
    let row = find(gateway, caller, whose, id)?;
    // The version in force: an older one goes to the same register.
    let flows: Vec<_> = gateway
        .catalog
        .current(gateway.clock.today())
        .into_iter()
        .filter(|flow| match register {
            ALL_REGISTERS => gateway.settings.serves(&row.ente, flow.register()),
            register => flow.register() == register,
        })
        .map(|flow| (flow.id().to_owned(), flow.register()))
        .collect();
    if flows.is_empty() {
        return Err(Problem::new(StatusCode::NOT_FOUND, format!("No flow goes to a register `{register}`.")));
    }
    for (_, register) in &flows {
        caller.may(Right::Sync, Some(&row.ente), Some(register))?;
    }
    let mut runs = Vec::new();
    for (flow, _) in flows {
        let request = RunRequest {
            ente: row.ente.clone(),
            flow,
            period: None,
            folder: Some(row.folder_id.clone()),
            route: None,
            actor: caller.name.clone(),
        };
        runs.push(gateway.start_run(&request)?);
    }
    Ok(runs)
}

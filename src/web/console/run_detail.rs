//! A run in detail: what was refused and what was set aside, by rule and in words; the run as a file.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::extract::Path;
use super::frame::{Failure, Frame};
use super::runs::seen;
use super::visitor::Visitor;
use super::words;
use crate::folder::finding::Finding;
use crate::gateway::{Bodies, Gateway};
use crate::ledger::RunHead;
use crate::ledger::books::OfWhich;
use crate::web::problem::Problem;

/// Refused operations explained on one page, and records named of one rule.
const MOST: usize = 300;
const NAMED: usize = 10;
/// Rows of a file read at a time.
const CHUNK: usize = 1_000;

/// Records that one rule, or one answer, keeps back.
pub struct Group {
    pub rule: String,
    pub message: String,
    pub hint: String,
    pub who: &'static str,
    pub source: String,
    pub count: u64,
    /// Some of them: folder and record.
    pub records: Vec<(String, String)>,
}

/// What the recipient refused, most frequent first.
pub fn refused(gateway: &Gateway, frame: &Frame, run: &RunHead, actor: &str) -> Result<Vec<Group>, Problem> {
    let mut rows = Vec::new();
    for operation in gateway.books.refused_of(run.id, MOST)? {
        rows.extend(gateway.books.operations_to_explain(OfWhich::Operation(operation), 1)?);
    }
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for explained in gateway.explain(rows, &Bodies::Closed, actor)? {
        for told in explained.explanations {
            let group = groups.entry(told.rule.clone()).or_insert_with(|| Group {
                message: frame.say(&told.message.it, &told.message.en).to_owned(),
                hint: frame.say(&told.hint.it, &told.hint.en).to_owned(),
                who: words::who(frame.language, told.verdict),
                rule: told.code.unwrap_or(told.rule),
                source: told.source,
                count: 0,
                records: Vec::new(),
            });
            group.count += 1;
            if group.records.len() < NAMED {
                group.records.push((explained.folder_id.clone(), explained.record.clone()));
            }
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    Ok(groups)
}

/// What our own rules kept aside, most frequent first.
pub fn set_aside(gateway: &Gateway, frame: &Frame, run: &RunHead) -> Result<Vec<Group>, Problem> {
    let mut told = Vec::new();
    for share in gateway.books.set_aside_by_rule(run.id, 50)? {
        let Ok(finding) = serde_json::from_str::<Finding>(&share.example) else { continue };
        told.push(Group {
            records: gateway.books.set_aside_by(run.id, &share.rule, NAMED)?,
            rule: share.rule,
            message: frame.say(&finding.message.it, &finding.message.en).to_owned(),
            hint: frame.say(&finding.hint.it, &finding.hint.en).to_owned(),
            who: words::who(frame.language, finding.verdict),
            source: finding.source,
            count: share.records,
        });
    }
    Ok(told)
}

/// `GET /console/rendicontazioni/{id}/csv`: every record of the run and where it stands; ids only.
pub async fn csv(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<i64>,
) -> Result<Response, Failure> {
    let run = seen(&gateway, &visitor, id).await?;
    let frame = visitor.frame(("Rendicontazione", "Report"));
    let (chunks, feed) = tokio::sync::mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        let head = frame.say("ente;cartella;record;stato\r\n", "ente;folder;record;state\r\n");
        let mut text = format!("\u{feff}{head}");
        let mut after = 0;
        loop {
            let rows = match gateway.books.rows_of_run(run.id, after, CHUNK) {
                Ok(rows) => rows,
                // Half a file must not look like a whole one.
                Err(error) => return drop(chunks.blocking_send(Err(std::io::Error::other(error)))),
            };
            for (_, folder, record, bucket) in &rows {
                let cells = [cell(&run.ente), cell(folder), cell(record), cell(&frame.word(bucket))];
                text.push_str(&(cells.join(";") + "\r\n"));
            }
            let last = rows.last().map(|row| row.0);
            if chunks.blocking_send(Ok(Bytes::from(std::mem::take(&mut text)))).is_err() {
                return;
            }
            match last {
                Some(last) => after = last,
                None => return,
            }
        }
    });
    let name = format!("attachment; filename=\"rendicontazione-{id}.csv\"");
    let headers =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(Feed(feed))).into_response())
}

/// A cell of a file that spreadsheets open: no formula begins one.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// Chunks of a file as they are made.
struct Feed(tokio::sync::mpsc::Receiver<Result<Bytes, std::io::Error>>);

impl futures_core::Stream for Feed {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
        assert_eq!(cell("a\"b;c"), "\"a\"\"b;c\"");
    }
}

//! What each fault does: to the answer, or to the wire.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};

use super::Shared;
use super::issue::Problem;
use super::script::Fault;
use super::wire::{Connection, Reply, Socket};

/// Where redirects lead: an address on this machine that is another host.
const ELSEWHERE: &str = "http://127.0.0.2:9/fhir";
/// What a [`Fault::Huge`] answer is padded to.
const HUGE_BYTES: usize = 2 * 1024 * 1024;
/// Says more than the body has.
const CUT_OFF: usize = 64;

/// A FHIR answer.
pub(super) fn reply(status: u16, body: &Value) -> Reply {
    let headers = vec![("content-type".to_owned(), "application/fhir+json;charset=utf-8".to_owned())];
    Reply { status, headers, body: body.to_string().into_bytes() }
}

fn bare(status: u16, headers: &[(&str, String)]) -> Reply {
    let mut all = vec![("content-type".to_owned(), "text/html".to_owned())];
    all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Reply { status, headers: all, body: b"<html><body>Simulato</body></html>".to_vec() }
}

/// The answer of a fault that keeps the request from being worked on; `None` if it gives none.
pub(super) fn instead(shared: &Shared, fault: Fault) -> Option<Reply> {
    let script = shared.script();
    let now_ms = (shared.clock)();
    let seconds = script.retry_after_s.to_string();
    let moment_ms = now_ms.saturating_add_unsigned(script.retry_after_s.saturating_mul(1000));
    let outcome = |status, code, text: &str| {
        reply(status, &Problem::new(status, code, text).render(script.attribution))
    };
    Some(match fault {
        Fault::ErrorBefore => bare(500, &[]),
        Fault::BadGateway => bare(502, &[]),
        Fault::RequestTimeout => bare(408, &[]),
        Fault::UnavailableSeconds => bare(503, &[("retry-after", seconds)]),
        Fault::TooManySeconds => bare(429, &[("retry-after", seconds)]),
        Fault::UnavailableDate => bare(503, &[("retry-after", http_date(moment_ms))]),
        Fault::TooManyDate => bare(429, &[("retry-after", http_date(moment_ms))]),
        Fault::TooManyLimit => {
            let reset = (moment_ms / 1000).to_string();
            bare(429, &[("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", reset)])
        }
        Fault::Unauthorized => bare(401, &[("www-authenticate", "Bearer".to_owned())]),
        Fault::Forbidden => bare(403, &[]),
        Fault::NotFound => bare(404, &[]),
        Fault::NotAllowed => bare(405, &[]),
        Fault::Unsupported => bare(415, &[]),
        Fault::Redirect => bare(307, &[("location", ELSEWHERE.to_owned())]),
        Fault::Conflict => outcome(409, "conflict", "la risorsa è in uso"),
        Fault::Locked => outcome(423, "lock-error", "la risorsa è bloccata"),
        Fault::Precondition => outcome(412, "conflict", "la condizione non vale"),
        Fault::OutcomeBefore => outcome(200, "exception", "non è riuscito"),
        _ => return None,
    })
}

/// The answer of a fault that comes after the work; the right one where the wire does the wrong.
pub(super) fn spoil(shared: &Shared, fault: Fault, right: Reply) -> Reply {
    let attribution = shared.script().attribution;
    let outcome =
        |status, text: &str| reply(status, &Problem::new(status, "exception", text).render(attribution));
    match fault {
        Fault::ErrorAfter => outcome(500, "errore dopo la registrazione"),
        Fault::GatewayTimeout => bare(504, &[]),
        Fault::OutcomeAfter => outcome(200, "errore dopo la registrazione"),
        Fault::Garbage => Reply { body: b"{\"resourceType\": \"Bundle\", ".to_vec(), ..right },
        Fault::Searchset => reply(200, &json!({ "resourceType": "Bundle", "type": "searchset", "total": 0 })),
        Fault::WrongContentType => {
            Reply { headers: vec![("content-type".to_owned(), "text/html".to_owned())], ..right }
        }
        Fault::Huge => {
            let padding = vec![b' '; HUGE_BYTES.saturating_sub(right.body.len())];
            Reply { body: [right.body, padding].concat(), ..right }
        }
        Fault::EntryError
        | Fault::FewerEntries
        | Fault::MoreEntries
        | Fault::PermutedEntries
        | Fault::OtherTypes => entries(fault, right),
        _ => right,
    }
}

/// Answers for other entries than were sent.
fn entries(fault: Fault, right: Reply) -> Reply {
    let Ok(mut body) = serde_json::from_slice::<Value>(&right.body) else { return right };
    let Some(entries) = body["entry"].as_array_mut() else { return right };
    match fault {
        Fault::FewerEntries => _ = entries.pop(),
        Fault::MoreEntries => entries.extend(entries.last().cloned()),
        Fault::PermutedEntries => entries.reverse(),
        Fault::EntryError => {
            if let Some(entry) = entries.last_mut() {
                *entry = json!({ "response": { "status": "422 Unprocessable Entity" } });
            }
        }
        _ => {
            for entry in entries {
                if entry["response"]["location"].is_string() {
                    entry["response"]["location"] = json!("Basic/1/_history/1");
                }
                if entry["resource"].is_object() {
                    entry["resource"]["resourceType"] = json!("Basic");
                }
            }
        }
    }
    Reply { body: body.to_string().into_bytes(), ..right }
}

/// Writes an answer, as the fault has it. Gives the connection back if it can go on.
pub(super) async fn perform<S: Socket>(
    shared: &Shared,
    mut connection: Connection<S>,
    fault: Option<Fault>,
    reply: Reply,
) -> io::Result<Option<Connection<S>>> {
    let bytes = reply.bytes(reply.body.len());
    match fault {
        Some(Fault::SilentBefore | Fault::SilentAfter) => connection.outwait().await,
        Some(Fault::ResetBefore | Fault::ResetAfter) => connection.reset(),
        Some(Fault::HalfClosedBefore | Fault::HalfClosedAfter) => {
            connection.close().await?;
            connection.outwait().await;
        }
        Some(Fault::NotHttp) => {
            connection.write(b"220 simulato ESMTP pronto\r\n").await?;
            connection.close().await?;
        }
        Some(Fault::Truncated) => {
            connection.write(&reply.bytes(reply.body.len() + CUT_OFF)).await?;
            connection.close().await?;
        }
        Some(Fault::Twice) => {
            connection.write(&[bytes.clone(), bytes].concat()).await?;
            connection.outwait().await;
        }
        Some(Fault::Drip) => drip(shared, connection, &bytes).await?,
        _ => {
            connection.write(&bytes).await?;
            return Ok(Some(connection));
        }
    }
    Ok(None)
}

/// The head at once, the body byte by byte.
async fn drip<S: Socket>(shared: &Shared, mut connection: Connection<S>, bytes: &[u8]) -> io::Result<()> {
    let pause = Duration::from_millis(shared.script().drip_ms);
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
    connection.write(&bytes[..head]).await?;
    for byte in &bytes[head..] {
        tokio::time::sleep(pause).await;
        connection.write(&[*byte]).await?;
    }
    Ok(())
}

/// IMF-fixdate (RFC 9110 §5.6.7).
pub(super) fn http_date(at_ms: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

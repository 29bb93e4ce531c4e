//! The upload: a form with the file's name and the file, and what came of it.

use super::answers;
use crate::channel::courier::Outcome;
use crate::channel::limits;
use crate::channel::push::{Response, SendError};
use crate::exchange::Millis;

/// A form of two parts (RFC 7578): its media type and its bytes.
pub(super) fn multipart(name: &str, file: &[u8]) -> (String, Vec<u8>) {
    let boundary = boundary(file);
    let mut body = Vec::with_capacity(file.len() + 512);
    body.extend_from_slice(
        format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"nomeFile\"\r\n\r\n{name}.xml\r\n\
             --{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}.xml\"\r\n\
             content-type: application/xml\r\n\r\n"
        )
        .as_bytes(),
    );
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// A line that does not occur in the file.
fn boundary(file: &[u8]) -> String {
    let occurs = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    let mut boundary = "raccordo-0".to_owned();
    let mut number = 0_u32;
    while occurs(&boundary) {
        number += 1;
        boundary = format!("raccordo-{number}");
    }
    boundary
}

/// What came of an upload. Whatever is not understood beyond doubt is uncertain.
pub(super) fn outcome(answer: Result<Response, SendError>, now: Millis) -> Outcome {
    let answer = match answer {
        Err(error) if error.sent_maybe => return Outcome::Uncertain { code: "no answer".to_owned() },
        Err(_) => {
            let code = "no connection: check url and the network".to_owned();
            return Outcome::Unavailable { code, not_before: None };
        }
        Ok(answer) => answer,
    };
    let body: Option<serde_json::Value> = serde_json::from_slice(answer.body.expose()).ok();
    let not_before = limits::not_before(&answer, now);
    match answer.status {
        200..=202 => match body.as_ref().and_then(answers::handle) {
            Some(handle) => {
                let code = body.as_ref().and_then(answers::Said::read).map(|said| said.code);
                Outcome::Handed { handle, code: code.unwrap_or_default(), ask_at: not_before }
            }
            None => Outcome::Uncertain { code: format!("{} without idUpload", answer.status) },
        },
        400 | 413 | 415 | 422 => Outcome::Refused {
            culprits: Vec::new(),
            code: answer.status.to_string(),
            text: body.as_ref().and_then(answers::Said::read).and_then(|said| said.text),
        },
        401 | 403 | 404 | 405 | 429 | 503 => {
            Outcome::Unavailable { code: answers::status(answer.status), not_before }
        }
        other => Outcome::Uncertain { code: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_not_cut_by_what_it_carries() {
        let (kind, body) = multipart("SIAD20126T11", b"<a>\r\n--raccordo-0--\r\n</a>");
        assert!(kind.ends_with("boundary=raccordo-1"));
        let text = String::from_utf8(body).unwrap();
        assert_eq!(text.matches("--raccordo-1").count(), 3);
    }

    fn came(status: u16, body: &str) -> Outcome {
        let body = crate::personal::Personal::new(body.as_bytes().to_vec());
        outcome(Ok(Response { status, headers: Vec::new(), body }), 0)
    }

    #[test]
    fn only_a_number_hands_over_and_only_what_had_no_effect_is_tried_again() {
        assert!(matches!(came(200, r#"{"idUpload":7}"#), Outcome::Handed { handle, .. } if handle == "7"));
        for body in ["", "{}", "<html/>", r#"{"idUpload":""}"#, r#"{"idUpload":"a b"}"#] {
            assert!(matches!(came(200, body), Outcome::Uncertain { .. }), "{body}");
        }
        for status in [401, 404, 429, 503] {
            assert!(matches!(came(status, ""), Outcome::Unavailable { .. }), "{status}");
        }
        for status in [400, 413, 422] {
            assert!(matches!(came(status, ""), Outcome::Refused { .. }), "{status}");
        }
        for status in [302, 409, 500, 502, 504] {
            assert!(matches!(came(status, ""), Outcome::Uncertain { .. }), "{status}");
        }
    }
}

//! The upload service of the Ministry of Health (GAF): a file goes in and gets a number, and by
//! that number one asks, later and again, what became of it. Discards come as a file of their own.
//!
//! Operations and codes are the Ministry's (sdk-engine-gestoreesitigaf-java). How a request is
//! written over REST, and the file of discards, are not published: what stands here is documented
//! in `mappings/siad-1/2024/README.md`, marked as unverified, and read tolerantly.

mod answers;
mod discards;
mod upload;

use serde_json::{Value, json};

use crate::channel::courier::{
    AnswerCheck, Asked, Courier, CourierError, Destination, Outcome, Parcel, PartAnswer,
};
use crate::channel::limits;
use crate::channel::offer::Soon;
use crate::channel::push::{HttpClient, Request, Response, SendError};
use crate::exchange::{Answer, Millis};
use crate::personal::Personal;
use answers::Said;

/// The courier of one upload service.
pub struct GafCourier {
    client: HttpClient,
    /// Without a slash at its end.
    base: String,
    token: Option<Personal<String>>,
}

/// Makes the courier of a destination, as the registration of the families asks for it.
pub fn courier(
    destination: &Destination,
    _check: Option<AnswerCheck>,
) -> Result<Box<dyn Courier>, CourierError> {
    let url = destination.url.trim().trim_end_matches('/');
    let is_base = url.starts_with("https://") || url.starts_with("http://");
    if !is_base || url.contains(['?', '#', ' ']) {
        return Err(CourierError::Url);
    }
    let client = HttpClient::new(&destination.http)?;
    Ok(Box::new(GafCourier { client, base: url.to_owned(), token: destination.token.clone() }))
}

/// Why a question had no usable answer.
struct Silent {
    code: String,
    not_before: Option<Millis>,
}

impl From<Silent> for Asked {
    fn from(silent: Silent) -> Self {
        Self::Unavailable { code: silent.code, not_before: silent.not_before }
    }
}

impl GafCourier {
    async fn send(&self, mut request: Request) -> Result<Response, SendError> {
        request = request.header("accept", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.expose()));
        }
        self.client.send(request).await
    }

    /// One question; the number stands in the body, never in an address.
    async fn question(&self, operation: &str, body: Value, now: Millis) -> Result<Value, Silent> {
        let request = Request::post(
            format!("{}/{operation}", self.base),
            "application/json",
            body.to_string().into_bytes(),
        );
        let answer = self.send(request).await.map_err(|error| Silent {
            code: if error.sent_maybe { "no answer" } else { "no connection: check url and the network" }
                .to_owned(),
            not_before: None,
        })?;
        let not_before = limits::not_before(&answer, now);
        if answer.status != 200 {
            return Err(Silent { code: answers::status(answer.status), not_before });
        }
        let silent = || Silent { code: format!("{operation}: not an answer"), not_before };
        serde_json::from_slice(answer.body.expose()).map_err(|_| silent())
    }

    async fn asked(&self, parcel: &Parcel, handle: &str, now: Millis) -> Result<Asked, Silent> {
        let body = self.question("monEsiUploadXML", json!({ "idUpload": handle }), now).await?;
        let outcome = Said::read(&body)
            .ok_or_else(|| Silent { code: "monEsiUploadXML: no code".to_owned(), not_before: None })?;
        Ok(match outcome.code.as_str() {
            "Mx11" => Asked::Refused { culprits: Vec::new(), code: outcome.code, text: outcome.text },
            "Mx20" => Asked::Found(all(parcel, Answer::Accepted, "Mx20", &None)),
            "Mx21" | "Mx22" => self.discards(parcel, handle, &outcome.code, now).await?,
            // The upload itself does not fit what was said of it: no record's fault, so a person looks.
            "Mx23" => Asked::Found(all(parcel, Answer::Failed, "Mx23", &outcome.text)),
            // Mx00, Mx01, Mx99, and whatever is not known: the recipient is not done.
            _ => Asked::Pending { code: outcome.code, not_before: None },
        })
    }

    /// What was discarded, by record; all else was taken.
    async fn discards(
        &self,
        parcel: &Parcel,
        handle: &str,
        code: &str,
        now: Millis,
    ) -> Result<Asked, Silent> {
        let body =
            self.question("dwnldAnmSctUpload", json!({ "idUpload": handle, "tipoFile": "T" }), now).await?;
        let silent = |why: &str| Silent { code: format!("{code}: {why}"), not_before: None };
        let file = answers::file(&body).map_err(|why| silent(&why))?;
        let told =
            discards::read(&file, parcel).ok_or_else(|| silent("the file of discards is not understood"))?;
        if code == "Mx22" && !told.iter().any(|discard| discard.refuses) {
            return Err(silent("the file of discards names none"));
        }
        let mut found = all(parcel, Answer::Accepted, code, &None);
        for discard in told {
            let answer = if discard.refuses { Answer::Refused } else { Answer::Accepted };
            let settled = found[discard.part].as_ref().is_some_and(|part| part.answer == Answer::Refused);
            if !settled {
                found[discard.part] = Some(PartAnswer {
                    part: discard.part,
                    answer,
                    code: format!("{code} {}", discard.code),
                    text: discard.text,
                    acquired_as: None,
                });
            }
        }
        Ok(Asked::Found(found))
    }
}

/// One answer for every part.
fn all(
    parcel: &Parcel,
    answer: Answer,
    code: &str,
    text: &Option<Personal<String>>,
) -> Vec<Option<PartAnswer>> {
    let one = |part| {
        Some(PartAnswer { part, answer, code: code.to_owned(), text: text.clone(), acquired_as: None })
    };
    (0..parcel.parts.len()).map(one).collect()
}

impl Courier for GafCourier {
    fn deliver<'a>(&'a self, parcel: &'a Parcel, now: Millis) -> Soon<'a, Outcome> {
        Box::pin(async move {
            if discards::keys(parcel).is_none() {
                return Outcome::Refused {
                    culprits: Vec::new(),
                    code: "the container has not one Id_Rec for each operation".to_owned(),
                    text: None,
                };
            }
            let (kind, body) = upload::multipart(&parcel.name, parcel.bytes.expose());
            let request = Request::post(format!("{}/upldfunc", self.base), &kind, body);
            upload::outcome(self.send(request).await, now)
        })
    }

    fn ask<'a>(&'a self, parcel: &'a Parcel, now: Millis) -> Soon<'a, Asked> {
        Box::pin(async move {
            // The service knows its own numbers only.
            let Some(handle) = &parcel.handle else { return Asked::CannotBeAsked };
            self.asked(parcel, handle, now).await.unwrap_or_else(Asked::from)
        })
    }
}

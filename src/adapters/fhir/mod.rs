//! FHIR R4 by push: a transaction Bundle goes to the recipient's base URL, its answer is read,
//! and what is not known is asked for by search.
//!
//! Only what the protocol says stands here. What a Bundle contains is a mapping's matter; what an
//! answer means for a record is decided in `exchange`.

mod answers;
mod ask;
mod deliver;
mod identifiers;
mod issues;
mod sent;

use serde_json::Value;

use crate::channel::courier::{AnswerCheck, Asked, Courier, CourierError, Destination, Outcome, Parcel};
use crate::channel::offer::Soon;
use crate::channel::push::{HttpClient, Request, Response, SendError};
use crate::exchange::Millis;
use crate::personal::Personal;

/// The media type of FHIR as JSON (R4 §3.1.0.6).
const FHIR_JSON: &str = "application/fhir+json";

/// `meta.tag.system` under which a resource carries the id of the operation that wrote it.
pub const OPERATION_SYSTEM: &str = "urn:raccordo:operazione";

/// The courier of one FHIR recipient.
pub struct FhirCourier {
    client: HttpClient,
    /// Without a slash at its end.
    base: String,
    token: Option<Personal<String>>,
    check: Option<AnswerCheck>,
}

/// Makes the courier of a destination, as the registration of the families asks for it.
pub fn courier(
    destination: &Destination,
    check: Option<AnswerCheck>,
) -> Result<Box<dyn Courier>, CourierError> {
    Ok(Box::new(FhirCourier::new(destination, check)?))
}

impl FhirCourier {
    /// A courier with a pool of connections of its own; fails on an address or certificates that
    /// can't be used.
    pub fn new(destination: &Destination, check: Option<AnswerCheck>) -> Result<Self, CourierError> {
        let url = destination.url.trim().trim_end_matches('/');
        let is_base = url.starts_with("https://") || url.starts_with("http://");
        if !is_base || url.contains(['?', '#', ' ']) {
            return Err(CourierError::Url);
        }
        let client = HttpClient::new(&destination.http)?;
        Ok(Self { client, base: url.to_owned(), token: destination.token.clone(), check })
    }

    async fn send(&self, mut request: Request) -> Result<Response, SendError> {
        request = request.header("accept", FHIR_JSON);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.expose()));
        }
        self.client.send(request).await
    }

    /// The answer to a delivery, if it fits the schema too.
    fn validate(&self, answer: &Response) -> Option<Value> {
        let fits = self.check.as_ref().is_none_or(|fits| fits(answer.body.expose()));
        fits.then(|| json(answer)).flatten()
    }
}

/// An answer as JSON, if it is JSON and is called so.
fn json(answer: &Response) -> Option<Value> {
    let is_json = answer.header("content-type").is_none_or(|kind| kind.contains("json"));
    is_json.then(|| serde_json::from_slice(answer.body.expose()).ok()).flatten()
}

impl Courier for FhirCourier {
    fn deliver<'a>(&'a self, parcel: &'a Parcel, now: Millis) -> Soon<'a, Outcome> {
        Box::pin(async move {
            let Some(sent) = sent::read(parcel) else {
                return Outcome::Refused {
                    culprits: Vec::new(),
                    code: "the container is no transaction Bundle of its operations".to_owned(),
                    text: None,
                };
            };
            let request = Request::post(&self.base, FHIR_JSON, parcel.bytes.expose().clone());
            let answer = self.send(request.header("prefer", "return=minimal")).await;
            deliver::outcome(&sent, answer, |answer| self.validate(answer), now)
        })
    }

    fn ask<'a>(&'a self, parcel: &'a Parcel, now: Millis) -> Soon<'a, Asked> {
        Box::pin(async move {
            match sent::read(parcel) {
                Some(sent) => ask::ask(self, &sent, now).await,
                None => Asked::CannotBeAsked,
            }
        })
    }
}

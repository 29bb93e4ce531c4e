//! The FHIR courier and the simulated FHIR server, each held against the other over real HTTP.

mod asking;
mod book;
mod claims;
mod driver;
mod outcomes;
mod refusals;
mod tls;
mod transactions;

use raccordo::channel::courier::{Asked, Carried, Courier, Destination, Outcome, Parcel, PartAnswer};
use raccordo::channel::push::{HttpClient, HttpSettings, Request};
use raccordo::exchange::Answer;
use raccordo::flow::OperationKind;
use raccordo::personal::Personal;
use raccordo::sandbox::clock;
use raccordo::sandbox::fhir::{FhirServer, FhirServerConfig, Script};
use serde_json::{Value, json};

/// 2026-11-23T10:00:00Z, the server's clock and ours.
pub const NOW: i64 = 1_795_428_000_000;
pub const CODICE_FISCALE: &str = "http://hl7.it/sid/codiceFiscale";
pub const RECORD: &str = "urn:example:ente:record";
pub const OPERATION: &str = "urn:raccordo:operazione";
/// Generated, of nobody.
pub const PERSON: &str = "XXXYYY80A01H501D";

/// A server on this machine, its book in memory.
pub async fn server(script: Script) -> FhirServer {
    let config = FhirServerConfig::new(([127, 0, 0, 1], 0).into(), script, None);
    FhirServer::start(config, clock::fixed(NOW)).await.unwrap()
}

/// A courier to an address, patient enough for a busy machine.
pub fn courier(url: &str) -> Box<dyn Courier> {
    courier_with(url, HttpSettings::default())
}

pub fn courier_with(url: &str, http: HttpSettings) -> Box<dyn Courier> {
    raccordo::adapters::courier(&destination(url, http)).unwrap()
}

pub fn destination(url: &str, http: HttpSettings) -> Destination {
    Destination {
        protocol: "fhir".to_owned(),
        url: url.to_owned(),
        http,
        token: None,
        read_back_after_ms: None,
    }
}

/// One operation: its id, what it does, and the resource as it should be.
#[derive(Clone)]
pub struct Work {
    pub id: String,
    pub kind: OperationKind,
    pub resource: Value,
    /// A person by conditional update, as a setting has it.
    pub by_put: bool,
}

impl Work {
    fn new(id: &str, kind: OperationKind, resource: Value) -> Self {
        Self { id: id.to_owned(), kind, resource, by_put: false }
    }

    pub fn resource_type(&self) -> &str {
        self.resource["resourceType"].as_str().unwrap()
    }

    /// `system|value`.
    pub fn identifier(&self) -> String {
        let identifier = &self.resource["identifier"][0];
        format!("{}|{}", identifier["system"].as_str().unwrap(), identifier["value"].as_str().unwrap())
    }

    fn entry(&self) -> Value {
        let kind = self.resource_type();
        let condition = match self.resource["identifier"].is_array() {
            true => format!("identifier={}", encoded(&self.identifier())),
            false => {
                let tag = &self.resource["meta"]["tag"][0];
                let (system, code) = (tag["system"].as_str().unwrap(), tag["code"].as_str().unwrap());
                format!("_tag={}", encoded(&format!("{system}|{code}")))
            }
        };
        let mut resource = self.resource.clone();
        let tag = json!({ "system": OPERATION, "code": self.id });
        match resource["meta"]["tag"].as_array_mut() {
            Some(tags) => tags.push(tag),
            None => resource["meta"]["tag"] = json!([tag]),
        }
        match self.kind {
            OperationKind::Insert if !self.by_put => json!({
                "resource": resource,
                "request": { "method": "POST", "url": kind, "ifNoneExist": condition },
            }),
            OperationKind::Cancel => {
                json!({ "request": { "method": "DELETE", "url": format!("{kind}?{condition}") } })
            }
            _ => json!({
                "resource": resource,
                "request": { "method": "PUT", "url": format!("{kind}?{condition}") },
            }),
        }
    }
}

/// Percent-encodes everything but letters and digits.
pub fn encoded(text: &str) -> String {
    let letter = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(letter).collect()
}

/// A person with her codice fiscale.
pub fn patient(id: &str, code: &str) -> Work {
    let resource = json!({
        "resourceType": "Patient",
        "identifier": [{ "system": CODICE_FISCALE, "value": code }],
        "name": [{ "family": "Simulati", "given": ["Prova"] }],
    });
    Work::new(id, OperationKind::Insert, resource)
}

fn subject(code: &str) -> Value {
    json!({ "reference": format!("Patient?identifier={}", encoded(&format!("{CODICE_FISCALE}|{code}"))) })
}

/// An episode of care of a person; the record is what stands before the id's point.
pub fn episode(id: &str, kind: OperationKind, code: &str) -> Work {
    let resource = json!({
        "resourceType": "EpisodeOfCare",
        "identifier": [{ "system": RECORD, "value": id.split('.').next() }],
        "status": "active",
        "patient": subject(code),
    });
    Work::new(id, kind, resource)
}

/// A request for a service, with its code.
pub fn service(id: &str, kind: OperationKind, code: &str, service: &str) -> Work {
    let resource = json!({
        "resourceType": "ServiceRequest",
        "identifier": [{ "system": RECORD, "value": id.split('.').next() }],
        "status": "active",
        "intent": "order",
        "code": { "coding": [{ "code": service }] },
        "subject": subject(code),
    });
    Work::new(id, kind, resource)
}

/// The provenance of an episode: R4 gives it no identifier, a tag takes its place.
pub fn provenance(id: &str, kind: OperationKind, episode: &str) -> Work {
    let target = format!("EpisodeOfCare?identifier={}", encoded(&format!("{RECORD}|{episode}")));
    let resource = json!({
        "resourceType": "Provenance",
        "meta": { "tag": [{ "system": RECORD, "code": id.split('.').next() }] },
        "target": [{ "reference": target }],
        "recorded": "2026-11-23T00:00:00+01:00",
        "agent": [{ "who": { "identifier": { "system": RECORD, "value": "ente" } } }],
    });
    Work::new(id, kind, resource)
}

/// The container of some operations.
pub fn parcel(works: &[Work]) -> Parcel {
    let entries: Vec<_> = works.iter().map(Work::entry).collect();
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
    let parts = works.iter().map(|work| Carried { id: work.id.clone(), kind: work.kind }).collect();
    Parcel {
        name: "H501.20261123.0000001".to_owned(),
        bytes: Personal::new(bundle.to_string().into()),
        parts,
        handle: None,
    }
}

/// A person, an episode, a request: three types in one container.
pub fn three() -> Vec<Work> {
    vec![
        patient("1.1", PERSON),
        episode("2.1", OperationKind::Insert, PERSON),
        service("3.1", OperationKind::Insert, PERSON, "SAD"),
    ]
}

/// One word for an outcome, and the answers where it has any.
pub fn shape(outcome: &Outcome) -> (&'static str, &[PartAnswer]) {
    match outcome {
        Outcome::Answered(answers) => ("answered", answers),
        Outcome::Refused { culprits, .. } => ("refused", culprits),
        Outcome::Unavailable { .. } => ("unavailable", &[]),
        Outcome::Uncertain { .. } => ("uncertain", &[]),
        Outcome::Handed { .. } => ("handed", &[]),
    }
}

/// The code of an outcome as a whole.
pub fn code(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answered(answers) => {
            answers.iter().map(|answer| answer.code.clone()).collect::<Vec<_>>().join(" ")
        }
        Outcome::Refused { code, .. }
        | Outcome::Unavailable { code, .. }
        | Outcome::Handed { code, .. }
        | Outcome::Uncertain { code } => code.clone(),
    }
}

/// What was found, part by part.
pub fn found(asked: Asked) -> Vec<Option<(Answer, String)>> {
    match asked {
        Asked::Found(found) => {
            found.into_iter().map(|answer| answer.map(|answer| (answer.answer, answer.code))).collect()
        }
        Asked::Unavailable { code, .. } | Asked::Pending { code, .. } | Asked::Refused { code, .. } => {
            panic!("could not be asked: {code}")
        }
        Asked::CannotBeAsked => panic!("can't be asked"),
    }
}

/// Sends a Bundle by hand: status and body.
pub async fn post(server: &FhirServer, bundle: &Value) -> (u16, Value) {
    let body = bundle.to_string().into_bytes();
    send(Request::post(server.base_url(), "application/fhir+json", body)).await
}

/// Gets a path below the base by hand.
pub async fn get(server: &FhirServer, path: &str) -> (u16, Value) {
    send(Request::get(format!("{}{path}", server.base_url()))).await
}

pub async fn send(request: Request) -> (u16, Value) {
    let answer = HttpClient::new(&HttpSettings::default()).unwrap().send(request).await.unwrap();
    (answer.status, serde_json::from_slice(answer.body.expose()).unwrap_or_default())
}

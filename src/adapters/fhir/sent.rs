//! The parcel as it was sent, read again from its bytes: what each entry asks of the recipient.

use serde::Deserialize;
use serde_json::Value;

use super::OPERATION_SYSTEM;
use super::identifiers::Condition;
use crate::channel::courier::Parcel;
use crate::flow::OperationKind;
use crate::personal::Personal;

/// What an entry asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Post,
    Put,
    Delete,
}

/// One operation as its entry says it.
pub(super) struct Sent {
    pub verb: Verb,
    pub kind: OperationKind,
    pub resource_type: String,
    /// The identity that the entry is conditional on; without one nobody can ask for it.
    pub condition: Option<Personal<Condition>>,
    /// `meta.tag` with the operation's id: system and code. A cancel carries no resource.
    pub tag: Option<(String, String)>,
    /// How a recipient may name the entry in a text: its `fullUrl` and its conditional URL.
    pub names: Vec<Personal<String>>,
}

impl Sent {
    /// A person may be known to the recipient from elsewhere; all else is ours alone.
    pub fn is_person(&self) -> bool {
        self.resource_type == "Patient"
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    resource_type: String,
    #[serde(rename = "type")]
    kind: String,
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    full_url: Option<String>,
    resource: Option<Value>,
    request: EntryRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryRequest {
    method: String,
    url: String,
    if_none_exist: Option<String>,
}

/// One [`Sent`] per part; `None` if the bytes are no transaction Bundle with one entry for each.
pub(super) fn read(parcel: &Parcel) -> Option<Vec<Sent>> {
    let bundle: Bundle = serde_json::from_slice(parcel.bytes.expose()).ok()?;
    let fits = bundle.resource_type == "Bundle"
        && bundle.kind == "transaction"
        && !bundle.entry.is_empty()
        && bundle.entry.len() == parcel.parts.len();
    let parts = bundle.entry.into_iter().zip(&parcel.parts);
    fits.then(|| parts.map(|(entry, part)| entry.sent(&part.id, part.kind)).collect()).flatten()
}

impl Entry {
    fn sent(self, id: &str, kind: OperationKind) -> Option<Sent> {
        let request = self.request;
        let (resource_type, query) = match request.url.split_once('?') {
            Some((resource_type, query)) => (resource_type.to_owned(), Some(query.to_owned())),
            None => (request.url, None),
        };
        let is_type = !resource_type.is_empty() && resource_type.bytes().all(|b| b.is_ascii_alphabetic());
        let (verb, query) = match request.method.as_str() {
            "POST" => (Verb::Post, request.if_none_exist),
            "PUT" => (Verb::Put, query),
            "DELETE" => (Verb::Delete, query),
            _ => return None,
        };
        let mut names: Vec<String> = self.full_url.into_iter().collect();
        let condition = query.as_deref().and_then(Condition::parse);
        if let (Some(condition), Some(query)) = (&condition, &query) {
            names.push(format!("{resource_type}?{query}"));
            names.push(format!("{resource_type}?{}", condition.plain()));
        }
        is_type.then(|| Sent {
            verb,
            kind,
            condition: condition.map(Personal::new),
            tag: self.resource.as_ref().and_then(|resource| tag(resource, id)),
            names: names.into_iter().map(Personal::new).collect(),
            resource_type,
        })
    }
}

/// The tag that carries the operation's id, ours before another system's.
fn tag(resource: &Value, id: &str) -> Option<(String, String)> {
    let of = |tag: &Value| Some((tag["system"].as_str()?.to_owned(), tag["code"].as_str()?.to_owned()));
    let tags = resource["meta"]["tag"].as_array()?;
    let mut carrying: Vec<_> = tags.iter().filter_map(of).filter(|(_, code)| code == id).collect();
    carrying.sort_by_key(|(system, _)| system != OPERATION_SYSTEM);
    carrying.into_iter().next()
}

//! Answers as recipients write them, read tolerantly: only what is looked at, and everything
//! may be missing. What it must say is judged where it is used.

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bundle {
    resource_type: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    pub total: Option<u64>,
    #[serde(default)]
    pub entry: Vec<Entry>,
}

#[derive(Deserialize)]
pub(super) struct Entry {
    #[serde(default)]
    pub resource: Value,
    #[serde(default)]
    pub response: EntryResponse,
    search: Option<Search>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct EntryResponse {
    pub status: String,
    pub location: Option<String>,
}

#[derive(Deserialize)]
struct Search {
    mode: Option<String>,
}

impl Bundle {
    /// A Bundle of this type, or nothing.
    pub fn of(kind: &str, body: Value) -> Option<Self> {
        let bundle: Self = serde_json::from_value(body).ok()?;
        (bundle.resource_type == "Bundle" && bundle.kind.as_deref() == Some(kind)).then_some(bundle)
    }
}

impl Entry {
    /// Whether a search found it, rather than adding it to what it found.
    pub fn is_match(&self) -> bool {
        self.search.as_ref().and_then(|search| search.mode.as_deref()).is_none_or(|mode| mode == "match")
    }
}

/// Type and place of a `location`, absolute or relative: `…/CarePlan/17/_history/2` gives
/// `CarePlan` and `CarePlan/17/_history/2`.
pub(super) fn place(location: &str) -> Option<(&str, String)> {
    let path = location.split(['?', '#']).next()?.trim_end_matches('/');
    let (resource, version) = path.split_once("/_history/").map_or((path, None), |(a, b)| (a, Some(b)));
    let (rest, id) = resource.rsplit_once('/')?;
    let resource_type = rest.rsplit('/').next()?;
    let is_id = |text: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        (1..=64).contains(&text.len()) && text.bytes().all(letter)
    };
    let fits = is_id(id) && is_id(resource_type) && version.is_none_or(is_id);
    let version = version.map(|version| format!("/_history/{version}")).unwrap_or_default();
    fits.then(|| (resource_type, format!("{resource_type}/{id}{version}")))
}

/// A place as it may be kept: some recipients make a person's id of their codice fiscale.
pub(super) fn impersonal(place: String) -> Option<String> {
    let is_code = |id: &str| {
        let letters = [0, 1, 2, 3, 4, 5, 8, 11, 15];
        let bytes = id.as_bytes();
        bytes.len() == 16
            && bytes.iter().all(u8::is_ascii_alphanumeric)
            && letters.iter().all(|at| bytes[*at].is_ascii_alphabetic())
    };
    (!place.split('/').any(is_code)).then_some(place)
}

/// The type and place of a resource in an answer.
pub(super) fn place_of(resource: &Value) -> Option<String> {
    let (kind, id) = (resource["resourceType"].as_str()?, resource["id"].as_str()?);
    let location = match resource["meta"]["versionId"].as_str() {
        Some(version) => format!("{kind}/{id}/_history/{version}"),
        None => format!("{kind}/{id}"),
    };
    place(&location).and_then(|(_, place)| impersonal(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_from_every_form_of_location() {
        let whole = Some(("CarePlan", "CarePlan/17/_history/2".to_owned()));
        assert_eq!(place("CarePlan/17/_history/2"), whole);
        assert_eq!(place("https://asl.example/fhir/CarePlan/17/_history/2"), whole);
        assert_eq!(place("/fhir/CarePlan/17"), Some(("CarePlan", "CarePlan/17".to_owned())));
        let kept = |place: &str| impersonal(place.to_owned()).is_some();
        assert!(kept("Patient/17/_history/2") && !kept("Patient/XXXYYY80A01H501D"));
        for wrong in ["", "CarePlan", "CarePlan/", "CarePlan/a b", "CarePlan/17/_history/", "x/RSS|MRA"] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }
}

//! Cheap accessors to the folder's fields that other rooms need. They assume a schema-valid body.

use serde_json::Value;

use super::codice_fiscale;
use crate::personal::Personal;

/// Code of the ente, e.g. `H501`; empty if the body is not schema-valid.
pub fn ente(body: &Value) -> &str {
    text(body, "ente")
}

/// The CSI product's id of the folder; empty if the body is not schema-valid.
pub fn id(body: &Value) -> &str {
    text(body, "id")
}

/// The CSI product's revision.
pub fn version(body: &Value) -> Option<u64> {
    body.get("versione")?.as_u64()
}

/// The interventions, in the folder's order.
pub fn interventions(body: &Value) -> &[Value] {
    items(body, "interventi")
}

/// The items of a list of the folder; none if it is absent.
pub fn items<'a>(body: &'a Value, name: &str) -> &'a [Value] {
    body.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The text of a field of an object; empty if absent.
pub fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The date of a field of an object.
pub fn date(object: &Value, name: &str) -> Option<jiff::civil::Date> {
    object.get(name)?.as_str()?.parse().ok()
}

/// The person's best identifier for keyed hashing, prefixed by its kind: `CF:`, `ANPR:`, `STP:`, `ENI:`.
///
/// Omocodia is undone; a codice fiscale with a wrong check letter stands as it is written.
pub fn person_key(body: &Value) -> Option<Personal<String>> {
    person_keys(body).into_iter().next()
}

/// All identifiers of the person, best first, so that a search by any of them finds the folder.
pub fn person_keys(body: &Value) -> Vec<Personal<String>> {
    let Some(person) = body.get("persona") else { return Vec::new() };
    [("codice_fiscale", "CF"), ("id_anpr", "ANPR"), ("codice_stp", "STP"), ("codice_eni", "ENI")]
        .into_iter()
        .filter_map(|(field, kind)| Some(identifier_key(kind, person.get(field)?.as_str()?)))
        .collect()
}

/// The key of an identifier given by hand (a search), as [`person_keys`] writes it.
///
/// `kind` is `CF`, `ANPR`, `STP` or `ENI`; blanks around and lower case are forgiven.
pub fn identifier_key(kind: &str, identifier: &str) -> Personal<String> {
    let plain = identifier.trim().to_ascii_uppercase();
    let canonical = if kind == "CF" { codice_fiscale::canonical(&plain) } else { None };
    Personal::new(format!("{kind}:{}", canonical.unwrap_or(plain)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn omocodia_does_not_make_another_person() {
        let one = json!({"persona": {"codice_fiscale": "XXXYYY80A01H501D", "id_anpr": "AB1"}});
        let other = json!({"persona": {"codice_fiscale": "XXXYYY80A01H5LMG"}});
        assert!(person_key(&one) == person_key(&other));
        assert_eq!(person_keys(&one).len(), 2);
        assert!(identifier_key("CF", " xxxyyy80a01h501d ") == person_keys(&one)[0]);
    }

    #[test]
    fn other_identifiers_keep_their_kind() {
        let body = json!({"persona": {"codice_stp": "STP0301000000001"}});
        assert_eq!(person_key(&body).unwrap().expose(), "STP:STP0301000000001");
        assert!(person_key(&json!({"persona": {}})).is_none());
    }
}

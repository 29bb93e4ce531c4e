//! Identities: conditions of requests (`identifier=system|value`, or `_tag=system|code` for what
//! R4 gives no identifier), and the two Italian families of systems, which are one when something
//! is compared.

use serde_json::Value;

/// Systems that mean the same register: HL7 Italia's `base` and teleassistenza guides on one
/// side, `core` on the other, and what was seen in use.
const FAMILIES: &[&[&str]] = &[
    &[
        "http://hl7.it/sid/codiceFiscale",
        "urn:oid:2.16.840.1.113883.2.9.4.3.2",
        "http://hl7.it/fhir/itcore/CodeSystem/cs-codicefiscale",
    ],
    &["http://hl7.it/sid/anpr", "urn:oid:2.16.840.1.113883.2.9.4.3.16"],
    &["http://hl7.it/sid/fls", "urn:oid:2.16.840.1.113883.2.9.4.1.1"],
    &["http://hl7.it/sid/hsp", "urn:oid:2.16.840.1.113883.2.9.4.1.2"],
    &["http://hl7.it/sid/partitaIva", "urn:oid:2.16.840.1.113883.2.9.6.3.2"],
];

/// Whether two systems name the same register.
pub(super) fn same_system(one: &str, other: &str) -> bool {
    one == other || FAMILIES.iter().any(|family| family.contains(&one) && family.contains(&other))
}

/// The condition of a conditional request, decoded: names and values in their order.
#[derive(Clone)]
pub(super) struct Condition(Vec<(String, String)>);

impl Condition {
    /// Reads `identifier=system%7Cvalue`; `None` where it asks for neither an identifier nor a tag.
    pub fn parse(query: &str) -> Option<Self> {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=')?;
            Some((decoded(name)?, decoded(value)?))
        };
        let pairs = query.split('&').map(pair).collect::<Option<Vec<_>>>()?;
        let asks = |(name, _): &(String, String)| matches!(name.as_str(), "identifier" | "_tag");
        pairs.iter().any(asks).then_some(Self(pairs))
    }

    /// The condition as a form, so that no personal value stands in an address.
    pub fn form(&self) -> String {
        let pair = |(name, value): &(String, String)| format!("{}={}", encoded(name), encoded(value));
        self.0.iter().map(pair).collect::<Vec<_>>().join("&")
    }

    /// The query as people write it, nothing encoded.
    pub fn plain(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }

    /// Whether a resource of an answer is what was asked for; identifiers that it does not show
    /// say nothing against it.
    pub fn fits(&self, resource: &Value) -> bool {
        self.0.iter().all(|(name, token)| match name.as_str() {
            "identifier" => {
                let shown = resource["identifier"].as_array();
                shown.is_none_or(|shown| shown.iter().any(|one| is(token, one, "value")))
            }
            "_tag" => {
                let shown = resource["meta"]["tag"].as_array();
                shown.is_some_and(|shown| shown.iter().any(|one| is(token, one, "code")))
            }
            _ => true,
        })
    }
}

/// Whether an identifier or a coding is the one that a token means.
fn is(token: &str, shown: &Value, field: &str) -> bool {
    let text = |field: &str| shown[field].as_str().unwrap_or_default();
    let (wanted, code) = split(token);
    code == text(field) && wanted.as_deref().is_none_or(|wanted| same_system(wanted, text("system")))
}

/// A token: system and value, divided by the first `|` that is not escaped (R4 §3.1.1.4.10); without
/// one, any system will do.
fn split(token: &str) -> (Option<String>, String) {
    let (mut parts, mut escaped) = (vec![String::new()], false);
    for letter in token.chars() {
        match letter {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '|' if !escaped && parts.len() == 1 => parts.push(String::new()),
            _ => parts.iter_mut().last().into_iter().for_each(|part| part.push(letter)),
        }
        escaped = false;
    }
    let value = parts.pop().unwrap_or_default();
    (parts.pop(), value)
}

fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, later)) = rest.split_first() {
        rest = later;
        if *first == b'%' {
            let (hex, after) = later.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

fn encoded(text: &str) -> String {
    let letter = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_condition_comes_back_as_it_was() {
        let query = "identifier=http%3A%2F%2Fhl7.it%2Fsid%2FcodiceFiscale%7CRSSMRA80A01H501U";
        let condition = Condition::parse(query).unwrap();
        assert_eq!(condition.form(), query);
        assert_eq!(condition.plain(), "identifier=http://hl7.it/sid/codiceFiscale|RSSMRA80A01H501U");
        let plain = Condition::parse(&condition.plain()).unwrap();
        assert_eq!(plain.form(), query, "encoded or not, it is the same");
        for wrong in ["", "identifier", "identifier=%2", "identifier=%zz", "name=x", "identifier=%ff"] {
            assert!(Condition::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn both_italian_families_are_one_person() {
        let is = |query: &str, system: &str, value: &str| {
            let shown = json!({ "identifier": [{ "system": system, "value": value }] });
            Condition::parse(query).unwrap().fits(&shown)
        };
        let person = "identifier=http://hl7.it/sid/codiceFiscale|X";
        assert!(is(person, "urn:oid:2.16.840.1.113883.2.9.4.3.2", "X"));
        assert!(is(person, "http://hl7.it/sid/codiceFiscale", "X"));
        assert!(!is(person, "urn:oid:2.16.840.1.113883.2.9.4.3.16", "X"));
        assert!(!is(person, "http://hl7.it/sid/codiceFiscale", "Y"));
        assert!(is("identifier=a\\|b|c\\,d", "a|b", "c,d"));
        assert!(is("identifier=X", "anything", "X"));
        assert!(!is("identifier=|X", "a", "X"), "`|X` asks for no system");
        assert!(Condition::parse(person).unwrap().fits(&json!({})), "nothing is shown");
    }

    #[test]
    fn what_has_no_identifier_is_known_by_its_tag() {
        let condition = Condition::parse("_tag=urn:ente%7Cprovenienza%2Fpiano").unwrap();
        let tagged = |code: &str| json!({ "meta": { "tag": [{ "system": "urn:ente", "code": code }] } });
        assert!(condition.fits(&tagged("provenienza/piano")));
        assert!(!condition.fits(&tagged("altro")) && !condition.fits(&json!({})));
    }
}

//! Identifiers: conditions of requests (`identifier=system|value`), and the two Italian families
//! of systems, which are one when something is compared.

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
    /// Reads `identifier=system%7Cvalue`; `None` where it does not ask for an identifier.
    pub fn parse(query: &str) -> Option<Self> {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=')?;
            Some((decoded(name)?, decoded(value)?))
        };
        let pairs = query.split('&').map(pair).collect::<Option<Vec<_>>>()?;
        pairs.iter().any(|(name, _)| name == "identifier").then_some(Self(pairs))
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

    /// Whether an identifier of an answer is the one asked for.
    pub fn is(&self, system: &str, value: &str) -> bool {
        let asked = self.0.iter().filter(|(name, _)| name == "identifier");
        asked.map(|(_, token)| split(token)).any(|(wanted, code)| {
            code == value && wanted.as_deref().is_none_or(|wanted| same_system(wanted, system))
        })
    }
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
        let condition = Condition::parse("identifier=http://hl7.it/sid/codiceFiscale|X").unwrap();
        assert!(condition.is("urn:oid:2.16.840.1.113883.2.9.4.3.2", "X"));
        assert!(condition.is("http://hl7.it/sid/codiceFiscale", "X"));
        assert!(!condition.is("urn:oid:2.16.840.1.113883.2.9.4.3.16", "X"));
        assert!(!condition.is("http://hl7.it/sid/codiceFiscale", "Y"));
        assert!(Condition::parse("identifier=a\\|b|c\\,d").unwrap().is("a|b", "c,d"));
        assert!(Condition::parse("identifier=X").unwrap().is("anything", "X"));
        assert!(!Condition::parse("identifier=|X").unwrap().is("a", "X"), "`|X` asks for no system");
    }
}

//! In which fields two fragments differ: places only, never values.
//!
//! Both are read into places, whatever their format: `Person/Benefit[2]/@Amount` for XML,
//! `entry[2]/resource/status` for JSON. Repeated ones are told apart by their order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use serde_json::Value as Json;

/// Place of a fragment that can't be read: said instead of its fields.
pub const UNREADABLE: &str = "?";

/// The places at which the fragments differ, in order; empty = the same.
pub fn difference(before: &[u8], after: &[u8]) -> Vec<String> {
    let (Some(before), Some(after)) = (places(before), places(after)) else {
        return if before == after { Vec::new() } else { vec![UNREADABLE.to_owned()] };
    };
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    all.into_iter().filter(|place| before.get(*place) != after.get(*place)).cloned().collect()
}

/// A place without its positions: the field, whichever of the repeated ones it is of.
pub fn field_of(place: &str) -> String {
    let mut field = String::with_capacity(place.len());
    let mut inside = false;
    for letter in place.chars() {
        match letter {
            '[' => inside = true,
            ']' => inside = false,
            letter if !inside => field.push(letter),
            _ => {}
        }
    }
    field
}

fn places(fragment: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    match fragment.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[') => json("", &serde_json::from_slice(fragment).ok()?, &mut found),
        _ => xml(fragment, &mut found)?,
    }
    Some(found)
}

fn json(place: &str, value: &Json, found: &mut BTreeMap<String, String>) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                let below = if place.is_empty() { name.clone() } else { format!("{place}/{name}") };
                json(&below, member, found);
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                json(&format!("{place}[{}]", index + 1), item, found);
            }
        }
        leaf => drop(found.insert(place.to_owned(), leaf.to_string())),
    }
}

/// An open element: its place, and how often each name was met below it.
struct Open {
    place: String,
    met: HashMap<String, usize>,
}

fn xml(fragment: &[u8], found: &mut BTreeMap<String, String>) -> Option<()> {
    let mut reader = Reader::from_reader(fragment);
    let mut open = vec![Open { place: String::new(), met: HashMap::new() }];
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                let element = enter(&start, open.last_mut()?, found)?;
                open.push(element);
            }
            Event::Empty(start) => drop(enter(&start, open.last_mut()?, found)?),
            Event::End(_) => drop(open.pop()?),
            Event::Text(text) => add(found, &open.last()?.place, text.xml10_content().ok()?.trim()),
            Event::GeneralRef(reference) => {
                add(found, &open.last()?.place, &format!("&{};", String::from_utf8_lossy(&reference)));
            }
            Event::Eof => return (open.len() == 1).then_some(()),
            _ => {}
        }
    }
}

fn add(found: &mut BTreeMap<String, String>, place: &str, text: &str) {
    if !text.is_empty() {
        found.entry(place.to_owned()).or_default().push_str(text);
    }
}

fn enter(start: &BytesStart<'_>, parent: &mut Open, found: &mut BTreeMap<String, String>) -> Option<Open> {
    let name = std::str::from_utf8(start.local_name().into_inner()).ok()?.to_owned();
    let number = parent.met.entry(name.clone()).or_default();
    *number += 1;
    let last = if *number == 1 { name } else { format!("{name}[{number}]") };
    let place = if parent.place.is_empty() { last } else { format!("{}/{last}", parent.place) };
    found.entry(place.clone()).or_default();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let name = std::str::from_utf8(attribute.key.into_inner()).ok()?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
        found.insert(format!("{place}/@{name}"), value.into_owned());
    }
    Some(Open { place, met: HashMap::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: &str, after: &str) -> Vec<String> {
        difference(before.as_bytes(), after.as_bytes())
    }

    #[test]
    fn xml_differs_by_attribute_text_and_element() {
        let before = r#"<P Name="a&amp;b"><B Amount="1"/><B Amount="2"><T>x</T></B></P>"#;
        assert!(told(before, before).is_empty());
        assert!(
            told(before, r#"<P  Name='a&#38;b'><B Amount="1"></B><B Amount="2"><T>x</T></B></P>"#).is_empty()
        );
        let after = r#"<P Name="a&amp;b"><B Amount="1" New="3"/><B Amount="5"><T>y</T></B><C/></P>"#;
        assert_eq!(told(before, after), ["P/B/@New", "P/B[2]/@Amount", "P/B[2]/T", "P/C"]);
        assert_eq!(field_of("P/B[2]/@Amount"), "P/B/@Amount");
    }

    #[test]
    fn json_differs_by_member_and_item() {
        let before = r#"{"a": 1, "list": [{"b": "x"}, {"b": "y"}], "gone": null}"#;
        let after = r#"{"list": [{"b": "x"}, {"b": "z"}, {"b": "w"}], "a": 1}"#;
        assert_eq!(told(before, after), ["gone", "list[2]/b", "list[3]/b"]);
        assert!(told(r#"{"a":1,"b":[]}"#, r#"{ "b": [], "a": 1 }"#).is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_said_so_and_no_value_is_ever_told() {
        assert_eq!(told("<P>", "<P/>"), [UNREADABLE]);
        assert!(told("<P>", "<P>").is_empty());
        assert_eq!(told("<P/>", r#"{"P": 1}"#).len(), 1);
        for place in told(r#"<P A="RSSMRA"/>"#, r#"<P A="VRDLGI">BNCGNN</P>"#) {
            assert!(!["RSSMRA", "VRDLGI", "BNCGNN"].iter().any(|value| place.contains(value)), "{place}");
        }
    }
}

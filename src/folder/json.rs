//! Reads JSON strictly: a field given twice and characters that XML cannot carry are noted with their place.
//!
//! `serde_json` alone keeps the last of two equal fields silently, which would send one of two truths.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::codice_fiscale::omocodia_level;

/// What the reader met that the schema cannot see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// A field given twice; the path of the field.
    Duplicate(String),
    /// A text with a character that XML 1.0 forbids; the path of the text.
    Character(String),
}

/// Where malformed JSON breaks (1-based).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub line: usize,
    pub column: usize,
}

/// Reads one JSON document and notes its oddities.
pub fn read(bytes: &[u8]) -> Result<(Value, Vec<Oddity>), Malformed> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let oddities = RefCell::new(Vec::new());
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Place { trail: &Trail::Root, oddities: &oddities }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| Malformed { line: error.line(), column: error.column() })?;
    Ok((value, oddities.into_inner()))
}

/// A field name that may be said: short, plain, and no identifier of a person.
pub fn is_plain(field: &str) -> bool {
    let is_word = field.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let digits = field.bytes().filter(u8::is_ascii_digit).count();
    let is_code = omocodia_level(&field.to_ascii_uppercase()).is_some();
    (1..=40).contains(&field.len()) && is_word && digits < 4 && !is_code
}

enum Trail<'a> {
    Root,
    Field(&'a Trail<'a>, &'a str),
    Item(&'a Trail<'a>, usize),
}

impl Trail<'_> {
    /// JSON pointer; a field name that may not be said stands as `?`.
    fn pointer(&self) -> String {
        match self {
            Trail::Root => String::new(),
            Trail::Field(parent, name) if is_plain(name) => format!("{}/{name}", parent.pointer()),
            Trail::Field(parent, _) => format!("{}/?", parent.pointer()),
            Trail::Item(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }
}

struct Place<'a> {
    trail: &'a Trail<'a>,
    oddities: &'a RefCell<Vec<Oddity>>,
}

impl Place<'_> {
    fn text(&self, text: &str) {
        let forbidden =
            |c: char| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{FFFE}' | '\u{FFFF}');
        if text.contains(forbidden) {
            self.oddities.borrow_mut().push(Oddity::Character(self.trail.pointer()));
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    /// `60.0` is the integer 60 for JSON Schema, so it is for us.
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if value.fract() == 0.0 && value.abs() < 9e15 {
            return Ok(Value::from(value as i64));
        }
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.text(value);
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        self.text(&value);
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let trail = Trail::Item(self.trail, items.len());
            match sequence.next_element_seed(Place { trail: &trail, oddities: self.oddities })? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let trail = Trail::Field(self.trail, &name);
            let value = fields.next_value_seed(Place { trail: &trail, oddities: self.oddities })?;
            if object.contains_key(&name) {
                self.oddities.borrow_mut().push(Oddity::Duplicate(trail.pointer()));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_given_twice_is_noted_at_its_place() {
        let (_, oddities) = read(br#"{"a":[{"b":1,"b":2}],"Mario Rossi":1,"Mario Rossi":2}"#).unwrap();
        assert_eq!(oddities, [Oddity::Duplicate("/a/0/b".into()), Oddity::Duplicate("/?".into())]);
    }

    #[test]
    fn a_field_named_like_a_person_is_not_said() {
        assert!(is_plain("quota_utente2") && !is_plain("Mario Rossi") && !is_plain(""));
        assert!(!is_plain("XXXYYY80A01H501D") && !is_plain("xxxyyyulalmhrlmm") && !is_plain("12345678903"));
    }

    #[test]
    fn characters_that_xml_forbids_are_noted() {
        let (_, oddities) = read(br#"{"a":"x\u0000","b":"x\ny"}"#).unwrap();
        assert_eq!(oddities, [Oddity::Character("/a".into())]);
    }

    #[test]
    fn malformed_json_says_line_and_column_only() {
        assert_eq!(read(b"{\n \"a\": }").unwrap_err(), Malformed { line: 2, column: 7 });
        assert!(read(b"{} x").is_err());
        assert!(read(&[b'['; 5000]).is_err());
        assert!(read(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn whole_floats_are_integers_and_a_mark_is_passed_over() {
        assert_eq!(read(b"\xEF\xBB\xBF[60.0, 1.5]").unwrap().0, serde_json::json!([60, 1.5]));
    }
}

//! What of a folder's value may be shown beside an explanation: who works on the folder recognises
//! it, who only reads the output learns nothing. The folder's schema decides (`x-personal`).

use serde_json::Value;

/// Longest text that is shown as it is.
const LONGEST: usize = 80;

/// Masks values by a folder's schema.
#[derive(Clone, Copy)]
pub struct Masking<'s> {
    schema: &'s Value,
}

/// A value of the folder as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub text: String,
    pub masked: bool,
}

impl<'s> Masking<'s> {
    /// Masks by this schema; what it does not know is masked.
    pub fn new(schema: &'s Value) -> Self {
        Self { schema }
    }

    /// The value at a JSON pointer of a folder; `None` if there is nothing.
    pub fn shown(&self, body: &Value, pointer: &str) -> Option<Shown> {
        let text = match body.pointer(pointer)? {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            // Of a list or an object only the size: its parts have places of their own.
            Value::Array(list) => return Some(Shown { text: format!("[{}]", list.len()), masked: false }),
            Value::Object(_) => return Some(Shown { text: "{…}".to_owned(), masked: false }),
            scalar => scalar.to_string(),
        };
        let masked = self.is_personal(pointer) || is_codice_fiscale(&text);
        let text = if masked { masked_text(&text) } else { cut(&text) };
        Some(Shown { text, masked })
    }

    /// Whether the value at a place identifies or describes a person. `x-personal` says so, for all
    /// that lies below too; without it, free text does, and so does what the schema does not know.
    pub fn is_personal(&self, pointer: &str) -> bool {
        let (mut here, mut marked) = (self.schema, marker(self.schema));
        for segment in pointer.split('/').filter(|segment| !segment.is_empty()) {
            let Some(next) = below(here, segment) else { return true };
            here = next;
            marked = marker(here).or(marked);
        }
        marked.unwrap_or_else(|| is_free_text(here))
    }

    /// A recipient's text with the folder's personal values masked, and whatever looks like a
    /// codice fiscale, whoever's it is.
    pub fn hidden(&self, text: &str, body: &Value) -> String {
        let mut values = Vec::new();
        self.personal_texts(body, &mut String::new(), &mut values);
        values.sort_by_key(|(value, _)| std::cmp::Reverse(value.chars().count()));
        values.dedup();
        let mut out = text.to_owned();
        for (value, mask) in values {
            out = replaced(&out, &value, &mask);
        }
        without_codes(&out)
    }

    /// Every personal text below a place: how it may be written, and its mask.
    fn personal_texts(&self, value: &Value, pointer: &mut String, found: &mut Vec<(String, String)>) {
        let length = pointer.len();
        let mut each = |name: &str, value: &Value, found: &mut Vec<_>| {
            pointer.push('/');
            pointer.push_str(name);
            self.personal_texts(value, pointer, found);
            pointer.truncate(length);
        };
        match value {
            Value::Object(map) => map.iter().for_each(|(name, value)| each(name, value, found)),
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(index, value)| each(&index.to_string(), value, found));
            }
            Value::String(text) if text.trim().chars().count() > 1 && self.is_personal(pointer) => {
                let mask = masked_text(text);
                found.extend(spellings(text.trim()).into_iter().map(|spelling| (spelling, mask.clone())));
            }
            _ => {}
        }
    }
}

fn marker(schema: &Value) -> Option<bool> {
    schema.get("x-personal").and_then(Value::as_bool)
}

/// The schema of a property or of a list's item; the item's number may be left out.
fn below<'s>(schema: &'s Value, segment: &str) -> Option<&'s Value> {
    match schema.get("items") {
        Some(items) if segment.bytes().all(|byte| byte.is_ascii_digit()) => Some(items),
        Some(items) => items.get("properties")?.get(segment),
        None => schema.get("properties")?.get(segment),
    }
}

fn is_free_text(schema: &Value) -> bool {
    let schema = schema.get("items").unwrap_or(schema);
    let is_text = schema.get("type").and_then(Value::as_str) == Some("string");
    is_text && ["enum", "const", "format", "pattern"].iter().all(|key| schema.get(key).is_none())
}

/// `XXX…01D` of an identifier, `…-31` of a date, `R…` of a name or another text.
pub fn masked_text(text: &str) -> String {
    let letters: Vec<char> = text.trim().chars().collect();
    let is_date = letters.len() == 10 && letters[4] == '-' && letters[7] == '-';
    let is_identifier = letters.len() >= 8
        && letters.iter().any(char::is_ascii_digit)
        && !letters.iter().any(|letter| letter.is_whitespace());
    let part = |range: std::ops::Range<usize>| letters[range].iter().collect::<String>();
    match letters.len() {
        0 => String::new(),
        _ if is_date => format!("…{}", part(7..10)),
        length if is_identifier && length < 12 => format!("{}…{}", part(0..1), part(length - 2..length)),
        length if is_identifier => format!("{}…{}", part(0..3), part(length - 3..length)),
        _ => format!("{}…", letters[0]),
    }
}

fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Sixteen letters and digits, letters where every codice fiscale has them.
fn is_codice_fiscale(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 16
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && [0, 1, 2, 3, 4, 5, 8, 11, 15].iter().all(|at| bytes[*at].is_ascii_alphabetic())
}

/// A value, and for a date how Italian texts write it.
fn spellings(text: &str) -> Vec<String> {
    let mut out = vec![text.to_owned()];
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        out.extend(
            ["%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y%m%d"].map(|form| date.strftime(form).to_string()),
        );
    }
    out
}

/// Masks a value wherever it stands as a word of its own, whatever the case.
fn replaced(text: &str, value: &str, mask: &str) -> String {
    let (letters, wanted): (Vec<char>, Vec<char>) = (text.chars().collect(), value.chars().collect());
    let same = |one: char, other: char| one == other || one.to_lowercase().eq(other.to_lowercase());
    let is_inner = |at: Option<&char>| at.is_some_and(|letter| letter.is_alphanumeric());
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        let end = at + wanted.len();
        let fits = end <= letters.len()
            && letters[at..end].iter().zip(&wanted).all(|(one, other)| same(*one, *other))
            && !is_inner(at.checked_sub(1).and_then(|before| letters.get(before)))
            && !is_inner(letters.get(end));
        if fits {
            out.push_str(mask);
            at = end;
        } else {
            out.push(letters[at]);
            at += 1;
        }
    }
    out
}

/// Masks every word that looks like a codice fiscale or a provisional one (11 digits).
fn without_codes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for letter in text.chars().map(Some).chain([None]) {
        match letter {
            Some(letter) if letter.is_ascii_alphanumeric() => word.push(letter),
            _ => {
                let provisional = word.len() == 11 && word.bytes().all(|byte| byte.is_ascii_digit());
                let is_code = provisional || is_codice_fiscale(&word);
                out.push_str(&if is_code { masked_text(&word) } else { std::mem::take(&mut word) });
                word.clear();
                out.extend(letter);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::parse::SCHEMA_TEXT;
    use serde_json::json;

    fn schema() -> Value {
        serde_json::from_str(SCHEMA_TEXT).unwrap()
    }

    fn folder() -> Value {
        json!({
            "persona": {
                "cognome": "Dell'Orto", "nome": "Ada", "data_nascita": "1980-01-31", "genere": "femmina",
                "codice_fiscale": "XXXYYY80A01H501D",
            },
            "residenze": [{ "dal": "2020-01-01", "comune": "058091", "nazione": "380" }],
            "nucleo": { "note": "vive con la zia" },
            "interventi": [{
                "importo_mensile": "120.50", "codice": "A1.04", "dal": "2026-01-01",
                "protocollo_domanda": "PROT-2026-77", "minuti_mensili": 90, "denominazione": "Assegno di cura",
            }],
        })
    }

    #[test]
    fn what_is_personal_is_recognised_and_not_learned() {
        let (schema, folder) = (schema(), folder());
        let masking = Masking::new(&schema);
        let shown = |pointer: &str| masking.shown(&folder, pointer).map(|shown| shown.text);
        for (pointer, expected) in [
            ("/persona/codice_fiscale", "XXX…01D"),
            ("/persona/cognome", "D…"),
            ("/persona/nome", "A…"),
            ("/persona/data_nascita", "…-31"),
            ("/residenze/0/comune", "0…"),
            ("/nucleo/note", "v…"),
            ("/interventi/0/protocollo_domanda", "PRO…-77"),
        ] {
            assert_eq!(shown(pointer).as_deref(), Some(expected), "{pointer}");
            assert!(masking.shown(&folder, pointer).unwrap().masked, "{pointer}");
        }
    }

    #[test]
    fn amounts_codes_and_dates_of_services_are_shown() {
        let (schema, folder) = (schema(), folder());
        let masking = Masking::new(&schema);
        for (pointer, expected) in [
            ("/interventi/0/importo_mensile", "120.50"),
            ("/interventi/0/codice", "A1.04"),
            ("/interventi/0/dal", "2026-01-01"),
            ("/interventi/0/minuti_mensili", "90"),
            ("/interventi/0/denominazione", "Assegno di cura"),
            ("/persona/genere", "femmina"),
            ("/residenze", "[1]"),
        ] {
            let shown = masking.shown(&folder, pointer).unwrap();
            assert_eq!((shown.text.as_str(), shown.masked), (expected, false), "{pointer}");
        }
        assert_eq!(masking.shown(&folder, "/interventi/0/al"), None);
    }

    #[test]
    fn what_nobody_marked_is_masked() {
        let schema = json!({ "type": "object", "properties": {
            "minore": { "type": "object", "x-personal": true, "properties": {
                "scuola": { "type": "string", "enum": ["nido"] },
                "esito": { "type": "string", "enum": ["bene"], "x-personal": false } } },
            "codice": { "type": "string", "pattern": "^[A-Z0-9]+$" } } });
        let masking = Masking::new(&schema);
        assert!(masking.is_personal("/minore/scuola") && !masking.is_personal("/minore/esito"));
        assert!(masking.is_personal("/soprannome") && masking.is_personal("/minore/0"));
        let folder = json!({ "codice": "XXXYYY80A01H501D" });
        assert_eq!(masking.shown(&folder, "/codice").unwrap().text, "XXX…01D");
    }

    #[test]
    fn a_recipients_text_loses_the_persons_values() {
        let schema = schema();
        let masking = Masking::new(&schema);
        let text = "Il codice xxxyyy80a01h501d di DELL'ORTO Ada (31/01/1980, 1980-01-31), marito XXXYYY80A41Z100N \
                    o 12345678903: ImportoMensile 120.50 non valido, Adattamento A1.04";
        let hidden = masking.hidden(text, &folder());
        assert_eq!(
            hidden,
            "Il codice XXX…01D di D… A… (…-31, …-31), marito XXX…00N o 1…03: ImportoMensile 120.50 non valido, \
             Adattamento A1.04"
        );
    }
}

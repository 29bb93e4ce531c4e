//! What the schema refuses, said as findings: place and rule, never the value.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::finding::{Finding, Severity, Text};
use super::json::{Malformed, Oddity, is_plain};
use super::labels::{Labels, Lang, place};

/// Schema and names that turn a violation into sentences.
pub struct Speaker<'a> {
    pub schema: &'a Value,
    pub labels: &'a Labels,
}

impl Speaker<'_> {
    /// The findings of one violation: one, or one for each unknown field.
    pub fn violation(&self, error: &ValidationError<'_>) -> Vec<Finding> {
        let path = error.instance_path().as_str();
        match error.kind() {
            Kind::AdditionalProperties { unexpected } => {
                unexpected.iter().map(|field| self.unknown(path, field)).collect()
            }
            Kind::Required { property } => {
                vec![self.missing(&format!("{path}/{}", property.as_str().unwrap_or_default()))]
            }
            Kind::AnyOf { .. } => vec![self.no_identifier(path)],
            Kind::Type { .. } => vec![self.wrong_type(path)],
            kind => {
                let (rule, it, en) = clause(kind);
                vec![self.say(rule, path, &it, &en)]
            }
        }
    }

    /// A field given twice, or a character that cannot travel.
    pub fn oddity(&self, oddity: &Oddity) -> Finding {
        match oddity {
            Oddity::Duplicate(path) => self.say(
                "cartella-campo-doppio",
                path,
                "è scritto più di una volta",
                "is written more than once",
            ),
            Oddity::Character(path) => self.say(
                "cartella-carattere-vietato",
                path,
                "contiene un carattere di controllo, che l'XML non ammette",
                "contains a control character, which XML does not allow",
            ),
        }
    }

    fn unknown(&self, path: &str, field: &str) -> Finding {
        let (it, en) = if is_plain(field) {
            (format!("non ammette il campo «{field}»"), format!("does not allow the field “{field}”"))
        } else {
            ("non ammette uno dei suoi campi".to_owned(), "does not allow one of its fields".to_owned())
        };
        let mut finding = self.say("cartella-campo-sconosciuto", path, &it, &en);
        finding.hint = Text::new(
            "Toglierlo, o correggerne il nome secondo schemas/folder/1.",
            "Remove it, or correct its name after schemas/folder/1.",
        );
        finding
    }

    fn missing(&self, path: &str) -> Finding {
        self.say("cartella-campo-mancante", path, "manca", "is missing")
    }

    fn wrong_type(&self, path: &str) -> Finding {
        let expected = place(self.schema, path).and_then(|place| place.get("type")).and_then(Value::as_str);
        let (it, en) = match expected {
            Some("string") => ("deve essere un testo fra virgolette", "must be a text in quotes"),
            Some("integer") => ("deve essere un numero intero", "must be a whole number"),
            Some("boolean") => ("deve essere true o false", "must be true or false"),
            Some("array") => {
                ("deve essere un elenco, fra parentesi quadre", "must be a list, in square brackets")
            }
            Some("object") => {
                ("deve essere un oggetto, fra parentesi graffe", "must be an object, in braces")
            }
            _ => ("non è del tipo atteso", "is not of the expected type"),
        };
        self.say("cartella-schema-tipo", path, it, en)
    }

    fn no_identifier(&self, path: &str) -> Finding {
        self.say(
            "cartella-campo-mancante",
            path,
            "non ha alcun identificativo: serve codice fiscale, STP, ENI o ANPR",
            "has no identifier: codice fiscale, STP, ENI or ANPR is needed",
        )
    }

    /// A sentence whose subject is the place, and the schema's own description as hint.
    fn say(&self, rule: &str, path: &str, it: &str, en: &str) -> Finding {
        let message = Text::new(
            format!("«{}» {it}.", self.labels.label(path, Lang::It)),
            format!("“{}” {en}.", self.labels.label(path, Lang::En)),
        );
        let hint = self.hint(path);
        Finding::in_folder(rule, Severity::Withhold, path, message, hint)
    }

    /// The schema's description of a place, with its example.
    fn hint(&self, path: &str) -> Text {
        let Some(place) = place(self.schema, path) else { return Text::default() };
        let described = |key: &str| place.get(key).and_then(Value::as_str).unwrap_or_default();
        let (it, en) = (described("description"), described("x-description-en"));
        match place.pointer("/examples/0").and_then(Value::as_str) {
            Some(example) => {
                Text::new(format!("{it} Esempio: {example}."), format!("{en} Example: {example}."))
            }
            None => Text::new(it, en),
        }
    }
}

/// Rule id and predicate of a violation that speaks of one place.
fn clause(kind: &Kind) -> (&'static str, String, String) {
    let said = |rule, it: &str, en: &str| (rule, it.to_owned(), en.to_owned());
    match kind {
        Kind::Type { .. } => {
            said("cartella-schema-tipo", "non è del tipo atteso", "is not of the expected type")
        }
        Kind::Constant { expected_value } => {
            let expected = expected_value.as_str().unwrap_or_default();
            (
                "cartella-schema-versione",
                format!("deve valere \"{expected}\""),
                format!("must be \"{expected}\""),
            )
        }
        Kind::Enum { options } => {
            let options = list(options);
            (
                "cartella-valore-ammesso",
                format!("non è uno dei valori ammessi ({options})"),
                format!("is not one of the allowed values ({options})"),
            )
        }
        Kind::Format { .. } => {
            said("cartella-formato", "non è una data esistente", "is not a date that exists")
        }
        Kind::MinLength { limit } | Kind::MaxLength { limit } => (
            "cartella-lunghezza",
            format!("ha una lunghezza non ammessa (limite {limit})"),
            format!("has a length that is not allowed (limit {limit})"),
        ),
        Kind::Minimum { limit } | Kind::Maximum { limit } => (
            "cartella-intervallo",
            format!("è fuori dall'intervallo ammesso (limite {limit})"),
            format!("is outside the allowed range (limit {limit})"),
        ),
        Kind::UniqueItems => said("cartella-elemento-doppio", "ha elementi ripetuti", "has repeated items"),
        _ => said("cartella-formato", "non ha la forma attesa", "has not the expected form"),
    }
}

fn list(options: &Value) -> String {
    let options = options.as_array().into_iter().flatten();
    options.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

/// The finding of JSON that breaks somewhere.
pub fn malformed(at: Malformed) -> Finding {
    let Malformed { line, column } = at;
    Finding::in_folder(
        "cartella-json",
        Severity::Withhold,
        "",
        Text::new(
            format!("La cartella non è JSON ben formato: riga {line}, colonna {column}."),
            format!("The folder is not well-formed JSON: line {line}, column {column}."),
        ),
        Text::new("Correggere il file in quel punto (UTF-8).", "Mend the file at that point (UTF-8)."),
    )
}

/// The finding of a folder larger than the limit.
pub fn too_large(limit_bytes: usize) -> Finding {
    Finding::in_folder(
        "cartella-troppo-grande",
        Severity::Withhold,
        "",
        Text::new(
            format!("La cartella supera il limite di {limit_bytes} byte."),
            format!("The folder exceeds the limit of {limit_bytes} bytes."),
        ),
        Text::new(
            "Una cartella descrive una sola persona: dividere il file.",
            "A folder describes one person only: split the file.",
        ),
    )
}

/// The last finding of a long list: how many more there are.
pub fn and_more(count: usize) -> Finding {
    Finding::in_folder(
        "cartella-altri-rilievi",
        Severity::Withhold,
        "",
        Text::new(
            format!("Altri {count} rilievi non elencati."),
            format!("{count} more findings not listed."),
        ),
        Text::new("Correggere i primi e riprovare.", "Mend the first ones and try again."),
    )
}

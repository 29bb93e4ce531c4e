//! A finding or a recipient's answer, said so that an official can act on it: the folder's field,
//! the value seen, the rule in words with its source, what to do and who.

use super::location::locations;
use super::refusals::{self, Asked, Refusal};
use super::trace::{Trace, TracedPlace, shape_pointer};
use super::{Flow, OperationKind};
use crate::folder::FolderSchema;
use crate::folder::finding::{Finding, Severity, Text, Verdict};
use crate::folder::labels::Lang;
use crate::folder::mask::{Masking, Shown};
use serde::Serialize;
use serde_json::Value;

/// Lines of one answer, and fields of one line, that are explained.
const MOST: usize = 20;
const MOST_FIELDS: usize = 6;

/// A field of the folder as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// JSON pointer, e.g. `/interventi/1/quota_utente`; without numbers where it is not known which.
    pub folder_path: String,
    pub label: Text,
    /// The value seen, masked where it is personal; absent where there is none, or it may not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    pub masked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_path: Option<String>,
}

/// One thing to act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The rule, or the entry of the catalogue.
    pub rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// The recipient's own code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The recipient's own words, the person's values masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient_text: Option<String>,
    #[serde(flatten)]
    pub field: Option<Field>,
    /// More fields that it speaks of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Field>,
    pub message: Text,
    pub hint: Text,
    pub verdict: Verdict,
    pub source: String,
}

/// What a recipient said of one operation.
#[derive(Clone, Copy)]
pub struct Said<'a> {
    pub code: &'a str,
    /// Absent where it is not there or may not be read.
    pub text: Option<&'a str>,
    pub operation: Option<OperationKind>,
}

/// Shows fields of one folder; without its body only their names.
#[derive(Clone, Copy)]
pub struct Reader<'r> {
    folders: &'r FolderSchema,
    body: Option<&'r Value>,
}

impl<'r> Reader<'r> {
    pub const fn new(folders: &'r FolderSchema, body: Option<&'r Value>) -> Self {
        Self { folders, body }
    }

    /// The field at a JSON pointer.
    pub fn field(&self, pointer: &str, payload_path: Option<&str>) -> Field {
        let label = |lang| self.folders.labels().label(pointer, lang);
        let shown = self.shown(pointer);
        Field {
            folder_path: pointer.to_owned(),
            label: Text::new(label(Lang::It), label(Lang::En)),
            masked: shown.as_ref().is_some_and(|shown| shown.masked),
            value: shown.map(|shown| shown.text),
            payload_path: payload_path.map(str::to_owned),
        }
    }

    /// The value at a JSON pointer as it may be shown.
    pub fn shown(&self, pointer: &str) -> Option<Shown> {
        Masking::new(self.folders.schema()).shown(self.body?, pointer)
    }

    /// A finding with its field's name and value.
    pub fn finding(&self, finding: Finding) -> Explanation {
        let field = self.field(&finding.folder_path, finding.payload_path.as_deref());
        let Finding { rule, severity, message, hint, verdict, source, .. } = finding;
        let plain = Explanation::plain(&rule, message, hint, verdict, &source);
        Explanation { severity: Some(severity), field: Some(field), ..plain }
    }

    fn hidden(&self, text: &str) -> Option<String> {
        self.body.map(|body| Masking::new(self.folders.schema()).hidden(text, body))
    }

    fn is_there(&self, pointer: &str) -> bool {
        self.body.and_then(|body| body.pointer(pointer)).is_some_and(|value| !value.is_null())
    }
}

impl Explanation {
    /// One that speaks of no field and of no answer.
    pub fn plain(rule: &str, message: Text, hint: Text, verdict: Verdict, source: &str) -> Self {
        Self {
            rule: rule.to_owned(),
            severity: None,
            code: None,
            recipient_text: None,
            field: None,
            also: Vec::new(),
            message,
            hint,
            verdict,
            source: source.to_owned(),
        }
    }

    /// With a value that was seen before.
    pub fn with_value(mut self, shown: Option<Shown>) -> Self {
        if let (Some(field), Some(shown)) = (&mut self.field, shown) {
            (field.value, field.masked) = (Some(shown.text), shown.masked);
        }
        self
    }

    /// Whether the catalogue, or we ourselves, know the answer.
    pub fn is_catalogued(&self) -> bool {
        self.rule != UNKNOWN
    }
}

impl Flow {
    /// What a recipient said of one operation, line by line.
    pub fn explain(&self, said: &Said<'_>, trace: &Trace, reader: &Reader<'_>) -> Vec<Explanation> {
        let lines: Vec<&str> = said.text.unwrap_or_default().lines().map(str::trim).collect();
        let mut lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).take(MOST).collect();
        if lines.is_empty() {
            lines.push("");
        }
        let mut told: Vec<Explanation> =
            lines.into_iter().map(|line| self.line(said, line, trace, reader)).collect();
        told.dedup();
        told
    }

    fn line(&self, said: &Said<'_>, line: &str, trace: &Trace, reader: &Reader<'_>) -> Explanation {
        let words = code_words(said.code);
        let own = line.split_once(": ").filter(|(word, _)| words.contains(word));
        let codes: Vec<&str> = match own {
            Some((own, _)) => words.iter().filter(|word| **word == own || is_number(word)).copied().collect(),
            None => words.iter().copied().chain([said.code]).collect(),
        };
        let found = locations(line);
        let places: Vec<&str> = found.iter().map(|location| location.said.as_str()).collect();
        let kinds = self.kind_names(trace);
        let asked = Asked {
            codes: &codes,
            text: Some(line).filter(|line| !line.is_empty()),
            locations: &places,
            operation: said.operation.map(Into::into),
            record: kinds.first().copied().filter(|_| kinds.len() == 1),
        };
        let entry = refusals::find(&self.refusals, &asked);
        let bases = || {
            trace
                .kinds
                .iter()
                .filter_map(|kind| self.mapping.records.get(*kind))
                .map(|plan| plan.base.as_str())
        };
        let named = found.iter().flat_map(|location| bases().map(|base| trace.of_location(location, base)));
        let mut shown = fields(named.flatten().collect(), reader);
        if shown.is_empty() {
            shown = entry.map(|entry| fields_of(entry, trace, reader)).unwrap_or_default();
        }
        if shown.is_empty() && !trace.item.is_empty() {
            shown.push(reader.field(&trace.item, None));
        }
        let text = reader.hidden(line).filter(|text| !text.is_empty());
        answer(entry, said.code, text, shown)
    }
}

fn answer(
    entry: Option<&Refusal>,
    code: &str,
    recipient_text: Option<String>,
    mut fields: Vec<Field>,
) -> Explanation {
    let also = if fields.is_empty() { Vec::new() } else { fields.split_off(1) };
    let bare = entry.map_or_else(
        || unknown(code),
        |entry| Explanation {
            rule: entry.table.id.clone(),
            message: entry.table.message.clone(),
            hint: entry.table.hint.clone(),
            verdict: entry.table.verdict,
            source: entry.table.source.clone(),
            ..unknown(code)
        },
    );
    Explanation { code: Some(code.to_owned()), recipient_text, field: fields.pop(), also, ..bare }
}

/// The fields of an entry of the catalogue.
fn fields_of(entry: &Refusal, trace: &Trace, reader: &Reader<'_>) -> Vec<Field> {
    let targets = entry.table.target.iter().flat_map(|target| trace.of_target(target));
    let mut places: Vec<&TracedPlace> = targets.collect();
    // Of several that may be meant, those that were sent.
    if places.iter().any(|place| place.written) {
        places.retain(|place| place.written);
    }
    let mut fields = fields(places, reader);
    for place in &entry.table.at {
        let pointer = below_item(&shape_pointer(place), &trace.item);
        if fields.iter().all(|field| field.folder_path != pointer) {
            fields.push(reader.field(&pointer, None));
        }
    }
    fields
}

/// The folder's fields behind places of the payload: of what was sent the first that is there.
fn fields(places: Vec<&TracedPlace>, reader: &Reader<'_>) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for place in places {
        let there = place.pointers.iter().find(|pointer| place.written && reader.is_there(pointer));
        let Some(pointer) = there.or(place.pointers.first()) else { continue };
        if fields.len() < MOST_FIELDS && fields.iter().all(|field| field.folder_path != *pointer) {
            fields.push(reader.field(pointer, Some(&place.target)));
        }
    }
    fields
}

/// The words of a recipient's code; what follows `: ` is ours.
fn code_words(code: &str) -> Vec<&str> {
    let head = code.split(": ").next().unwrap_or(code);
    head.split([' ', ',']).filter(|word| !word.is_empty()).collect()
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// `/interventi/dal` below the item `/interventi/3` is `/interventi/3/dal`.
fn below_item(pointer: &str, item: &str) -> String {
    let Some((list, _)) = item.rsplit_once('/') else { return pointer.to_owned() };
    match pointer.strip_prefix(list).filter(|rest| !list.is_empty() && rest.starts_with('/')) {
        Some(rest) => format!("{item}{rest}"),
        None => pointer.to_owned(),
    }
}

/// Our own reasons, which stand where a recipient's code would: the container never left.
const OWN: &[&str] = &["not-built", "schema", "payload-not-readable", "payload-missing", "payload-damaged"];

/// The rule of an answer that the catalogue does not know.
const UNKNOWN: &str = "risposta-non-catalogata";

/// An answer that the catalogue does not know.
fn unknown(code: &str) -> Explanation {
    let own = OWN.contains(&code);
    let (rule, message, hint, verdict) = match own {
        true => (
            "contenitore-non-costruito",
            Text::new(
                "Il contenitore non si è potuto costruire: non è partito.",
                "The container could not be built: it did not leave.",
            ),
            Text::new(
                "Segnalarlo a chi cura il tracciato e l'installazione; poi ritentare con `raccordo decide --try-again`.",
                "Tell whoever maintains the flow and the installation; then try again with `raccordo decide --try-again`.",
            ),
            Verdict::CorrectMapping,
        ),
        false => (
            UNKNOWN,
            Text::new(
                "Il catalogo del tracciato non conosce questa risposta: vale il testo del destinatario.",
                "The flow's catalogue does not know this answer: the recipient's text stands.",
            ),
            Text::new(
                "Leggere il testo; se non basta, chiedere al destinatario. Se si ripete, aggiungerla a refusals.toml.",
                "Read the text; if it is not enough, ask the recipient. If it comes again, add it to refusals.toml.",
            ),
            Verdict::AskRecipient,
        ),
    };
    let source = if own { "raccordo" } else { "la risposta del destinatario" };
    Explanation::plain(rule, message, hint, verdict, source)
}

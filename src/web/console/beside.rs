//! A payload beside the folder it was made of: which field became which place, by the rows that fired.
//! Whoever shows it has asked for the right, and has noted who looks.

use serde_json::Value;

use super::frame::Frame;
use crate::flow::Flow;
use crate::flow::trace::Trace;
use crate::folder::{FolderSchema, Lang};
use crate::web::Language;

/// Longest list of lines shown of one payload.
const MOST: usize = 2_000;

/// A piece of a line; pieces of one pair belong to one row.
pub struct Piece {
    pub text: String,
    /// Number of the pair; 0 = none.
    pub pair: usize,
}

/// A line of the payload.
pub struct Line {
    pub depth: usize,
    pub pieces: Vec<Piece>,
}

/// One field's way.
pub struct Way {
    pub pair: usize,
    /// The folder's fields, by label, with their values.
    pub fields: Vec<(String, String)>,
    pub target: String,
    pub written: String,
    pub codes: String,
    pub purpose: String,
}

/// A payload and the ways of its fields.
#[derive(Default)]
pub struct Beside {
    pub ways: Vec<Way>,
    pub lines: Vec<Line>,
    pub is_cut: bool,
}

/// The payload of one record, with what of the folder it was made of.
pub fn beside(
    flow: &Flow,
    folders: &FolderSchema,
    frame: &Frame,
    body: Option<&Value>,
    trace: &Trace,
    fragment: &[u8],
) -> Beside {
    let mut writer = Writer { trace, lines: Vec::new() };
    match serde_json::from_slice::<Value>(fragment) {
        Ok(value) => writer.json("", 0, None, &value),
        Err(_) => writer.xml(fragment),
    }
    let is_cut = writer.lines.len() > MOST;
    writer.lines.truncate(MOST);
    let lang = if frame.language == Language::Italian { Lang::It } else { Lang::En };
    let ways = trace.places().iter().enumerate().filter(|(_, place)| place.written);
    let ways = ways.map(|(number, place)| {
        let value = |pointer: &String| body.and_then(|body| body.pointer(pointer)).map(plain);
        let field =
            |pointer: &String| (folders.labels().label(pointer, lang), value(pointer).unwrap_or_default());
        let row = row_of(flow, trace, &place.target);
        let text = |text: Option<&Option<String>>| text.cloned().flatten().unwrap_or_default();
        Way {
            pair: number + 1,
            fields: place.pointers.iter().map(field).collect(),
            target: place.target.clone(),
            written: text(row.map(|row| &row.transform)),
            codes: text(row.map(|row| &row.codes)),
            purpose: text(row.map(|row| &row.purpose)),
        }
    });
    Beside { ways: ways.collect(), lines: writer.lines, is_cut }
}

/// The row that writes a place of a trace.
fn row_of<'f>(flow: &'f Flow, trace: &Trace, target: &str) -> Option<&'f crate::mapping::document::RowTable> {
    let base = trace.kinds.first().and_then(|kind| flow.mapping.records.get(*kind))?.base.as_str();
    let fits =
        |whole: &str| whole.strip_prefix(base).is_some_and(|rest| rest.trim_start_matches('/') == target);
    flow.rows().iter().find(|info| fits(&info.target)).map(|info| &info.row)
}

/// A value of the folder as text.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => format!("[{}]", list.len()),
        Value::Object(_) => "{…}".to_owned(),
        other => other.to_string(),
    }
}

struct Writer<'t> {
    trace: &'t Trace,
    lines: Vec<Line>,
}

impl Writer<'_> {
    fn pair(&self, path: &str) -> usize {
        self.trace.written_at(path).map_or(0, |number| number + 1)
    }

    fn line(&mut self, depth: usize, pieces: Vec<Piece>) {
        if self.lines.len() <= MOST {
            self.lines.push(Line { depth: depth.min(12), pieces });
        }
    }

    fn json(&mut self, path: &str, depth: usize, name: Option<&str>, value: &Value) {
        let head = name.map_or_else(String::new, |name| format!("{name}: "));
        match value {
            Value::Object(members) => {
                self.line(depth, vec![bare(head + "{")]);
                for (name, member) in members {
                    self.json(&format!("{path}/{name}"), depth + 1, Some(name), member);
                }
                self.line(depth, vec![bare("}")]);
            }
            Value::Array(items) => {
                self.line(depth, vec![bare(head + "[")]);
                for (index, item) in items.iter().enumerate() {
                    self.json(&format!("{path}/{index}"), depth + 1, None, item);
                }
                self.line(depth, vec![bare("]")]);
            }
            leaf => {
                let value = Piece { text: plain(leaf), pair: self.pair(path) };
                self.line(depth, vec![bare(head), value]);
            }
        }
    }

    /// One line per element: our own payloads hold neither mixed text nor processing instructions.
    fn xml(&mut self, fragment: &[u8]) {
        use quick_xml::events::Event;
        let mut reader = quick_xml::Reader::from_reader(fragment);
        // Names below the record's element, whose own name no path begins with.
        let mut open: Vec<String> = Vec::new();
        while let Ok(event) = reader.read_event() {
            match event {
                Event::Start(start) => {
                    open.push(local(start.local_name().into_inner()));
                    self.element(&open, &start, ">");
                }
                Event::Empty(start) => {
                    open.push(local(start.local_name().into_inner()));
                    self.element(&open, &start, "/>");
                    open.pop();
                }
                Event::End(_) => {
                    let name = open.pop().unwrap_or_default();
                    self.line(open.len(), vec![bare(format!("</{name}>"))]);
                }
                Event::Text(text) => {
                    let text = text.xml10_content().unwrap_or_default().trim().to_owned();
                    if !text.is_empty() {
                        let piece = Piece { text, pair: self.pair(&below(&open)) };
                        self.line(open.len(), vec![piece]);
                    }
                }
                Event::Eof => break,
                _ => {}
            }
        }
    }

    fn element(&mut self, open: &[String], start: &quick_xml::events::BytesStart<'_>, end: &str) {
        let name = open.last().cloned().unwrap_or_default();
        let mut pieces = vec![bare(format!("<{name}"))];
        for attribute in start.attributes().flatten() {
            let name = local(attribute.key.into_inner());
            let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0);
            let pair = self.pair(&format!("{}/{name}", below(open)));
            pieces.push(bare(format!(" {name}=")));
            pieces.push(Piece { text: format!("\"{}\"", value.unwrap_or_default()), pair });
        }
        pieces.push(bare(end));
        self.line(open.len().saturating_sub(1), pieces);
    }
}

fn bare(text: impl Into<String>) -> Piece {
    Piece { text: text.into(), pair: 0 }
}

fn local(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// The path of an open element, from below the record's own on.
fn below(open: &[String]) -> String {
    open.get(1..).unwrap_or_default().join("/")
}

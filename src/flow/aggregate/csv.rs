//! The published document as a table (RFC 4180): a row for each number, so that a spreadsheet can filter them.

use crate::mapping::aggregate::compile::TOTAL;
use serde_json::Value;

const HEAD: [&str; 18] = [
    "flusso",
    "ente",
    "periodo",
    "riferimento",
    "data",
    "soglia",
    "indicatore",
    "titolo",
    "unita",
    "dimensione_1",
    "gruppo_1",
    "etichetta_1",
    "dimensione_2",
    "gruppo_2",
    "etichetta_2",
    "misura",
    "valore",
    "stato",
];

/// What a cell may hold, and what a row calls it.
const MEASURES: [(&str, &str); 5] = [
    ("percent", "percentuale"),
    ("mean", "media"),
    ("first_quartile", "primo quartile"),
    ("median", "mediana"),
    ("third_quartile", "terzo quartile"),
];

/// Writes a document that follows the flow's schema.
pub fn csv(document: &Value) -> String {
    let mut out = String::new();
    line(&mut out, HEAD);
    let about = [
        format!("{}/{}", text(&document["flow"]), text(&document["version"])),
        text(&document["ente"]["code"]),
        text(&document["period"]["name"]),
        text(&document["period"]["reference"]),
        text(&document["date"]),
        text(&document["threshold"]),
    ];
    for indicator in list(&document["indicators"]) {
        indicator_rows(&mut out, &about, indicator);
    }
    for entry in list(&document["reconciliation"]) {
        reconciliation(&mut out, &about, entry);
    }
    out
}

fn indicator_rows(out: &mut String, about: &[String], indicator: &Value) {
    let head = [text(&indicator["id"]), text(&indicator["title"]["it"]), text(&indicator["unit"]["it"])];
    for cell in list(&indicator["cells"]) {
        let mut groups: Vec<String> = Vec::new();
        for dimension in list(&indicator["by"]) {
            let name = text(&dimension["name"]);
            let id = text(&cell["group"][&name]);
            groups.extend([name, id.clone(), label(&dimension["groups"], &id)]);
        }
        if let Some(share) = cell["share"].as_str() {
            groups.extend(["quota".to_owned(), share.to_owned(), label(&indicator["shares"], share)]);
        }
        groups.resize(6, String::new());
        let mut row = |measure: &str, value: String| {
            let told = [measure.to_owned(), value, state(&cell["state"]).to_owned()];
            let cells = about.iter().chain(&head).chain(&groups).chain(&told);
            line(out, cells.map(String::as_str));
        };
        let kind = match indicator["measure"].as_str() {
            Some("persons") => "persone",
            Some("sum") => "importo",
            Some("days") => "giorni",
            _ => "conteggio",
        };
        // Where there is no number the state stands alone.
        let others: Vec<_> = MEASURES.iter().filter(|(member, _)| cell.get(*member).is_some()).collect();
        if cell.get("value").is_some() || others.is_empty() {
            row(kind, text(&cell["value"]));
        }
        for (member, measure) in others {
            row(measure, text(&cell[*member]));
        }
    }
}

fn reconciliation(out: &mut String, about: &[String], entry: &Value) {
    let head = [
        format!("riconciliazione.{}", text(&entry["id"])),
        text(&entry["title"]["it"]),
        text(&entry["unit"]["it"]),
    ];
    let total = [(TOTAL.to_owned(), "Totale".to_owned(), &entry["total"])];
    let terms =
        list(&entry["terms"]).iter().map(|term| (text(&term["id"]), text(&term["title"]["it"]), term));
    for (id, label, shown) in total.into_iter().chain(terms) {
        let tail = ["termine".to_owned(), id, label, String::new(), String::new(), String::new()];
        let told = ["conteggio".to_owned(), text(&shown["value"]), state(&shown["state"]).to_owned()];
        line(out, about.iter().chain(&head).chain(&tail).chain(&told).map(String::as_str));
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn label(groups: &Value, id: &str) -> String {
    let known = list(groups).iter().find(|group| group["id"] == id);
    known.map_or_else(|| "Totale".to_owned(), |group| text(&group["title"]["it"]))
}

fn state(state: &Value) -> &'static str {
    match state.as_str() {
        Some("value") => "valore",
        Some("zero") => "zero",
        Some("suppressed") => "soppresso",
        _ => "assente",
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn line<'c>(out: &mut String, cells: impl IntoIterator<Item = &'c str>) {
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(cell);
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut out = String::new();
        line(&mut out, ["a", "b, \"c\"", ""]);
        assert_eq!(out, "a,\"b, \"\"c\"\"\",\r\n");
    }
}

//! Markdown out of values of TOML: cells, tables, lists. Knows nothing of flows.

use toml::{Table, Value};

/// Text that stands in a cell of a table as it is.
pub fn plain(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('|', "\\|").replace('<', "&lt;").replace('*', "\\*").replace('_', "\\_")
}

/// Code in a cell; nothing where there is none.
pub fn code(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { String::new() } else { format!("`{}`", line.replace('|', "\\|")) }
}

/// A table with a head; nothing where there are no rows.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    let rows: String = rows.iter().map(|row| line(row)).collect();
    line(&head) + &rule + &rows
}

/// A section with its heading; nothing where it would be empty.
pub fn section(heading: &str, body: &str) -> String {
    if body.is_empty() { String::new() } else { format!("\n## {heading}\n\n{}\n", body.trim_end()) }
}

/// A text of a table; empty where there is none.
pub fn text<'t>(table: &'t Table, key: &str) -> &'t str {
    table.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The Italian of `{ it = "…", en = "…" }`.
pub fn italian<'t>(table: &'t Table, key: &str) -> &'t str {
    table.get(key).and_then(Value::as_table).map_or("", |both| text(both, "it"))
}

/// A text, or the texts of a list, as one.
pub fn joined(table: &Table, key: &str, between: &str) -> String {
    match table.get(key) {
        Some(Value::Array(list)) => list.iter().map(word).collect::<Vec<_>>().join(between),
        Some(value) => word(value),
        None => String::new(),
    }
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The tables of a list, or the one table that stands for a list.
pub fn tables<'t>(table: &'t Table, key: &str) -> Vec<&'t Table> {
    match table.get(key) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_table).collect(),
        Some(Value::Table(one)) => vec![one],
        _ => Vec::new(),
    }
}

//! Tables that fit the terminal: columns aligned, numbers to the right, what is too long cut.
//!
//! Where nobody looks (a pipe, a file) nothing is cut and nothing coloured; `COLUMNS` names a width.

use console::{Term, measure_text_width, style, truncate_str};
use serde_json::Value;

use super::speech::said;

/// Blanks between two columns.
const GAP: usize = 2;
/// No column of text is cut below this; where that is still too wide, each row becomes a block of lines.
const LEAST: usize = 8;
/// Stands for what there is not.
const NOTHING: &str = "–";

/// Prints rows under a head.
pub fn table(head: &[&str], rows: &[Vec<String>]) {
    let head: Vec<String> = head.iter().map(|word| said(word)).collect();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| harmless(cell)).collect()).collect();
    let bold = console::colors_enabled() && Term::stdout().is_term();
    print!("{}", drawn(&head, &rows, width(), bold));
}

/// Columns of the terminal; `None` where nothing is to be cut.
pub fn width() -> Option<usize> {
    let named = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let named = named.filter(|columns| *columns > 0);
    named.or_else(|| Term::stdout().size_checked().map(|(_, columns)| usize::from(columns)))
}

/// A JSON value as a table's cell.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Prints a list of objects with the named fields; points in time as a person reads them.
pub fn objects(list: &Value, fields: &[&str]) {
    let rows: Vec<Vec<String>> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| fields.iter().map(|field| field_cell(field, &row[*field])).collect())
        .collect();
    table(fields, &rows);
}

/// A field's value as a cell: milliseconds since 1970 in a field of time become Europe/Rome's clock.
pub fn field_cell(field: &str, value: &Value) -> String {
    let time =
        field == "at" || ["_at", "_until", "timestamp", "last_polled"].iter().any(|end| field.ends_with(end));
    match value.as_i64().filter(|_| time) {
        Some(at) => moment(at),
        None if ["state", "kind"].contains(&field) => said(&cell(value)),
        None => cell(value),
    }
}

/// A point in time, Europe/Rome.
pub fn moment(at_ms: i64) -> String {
    let zoned = jiff::Timestamp::from_millisecond(at_ms).and_then(|at| at.in_tz("Europe/Rome"));
    zoned.map_or_else(|_| at_ms.to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Without what would steer a terminal.
fn harmless(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '·' } else { letter }).collect()
}

/// The whole table; `most` columns wide at most.
fn drawn(head: &[String], rows: &[Vec<String>], most: Option<usize>, bold: bool) -> String {
    let columns: Vec<Column> = (0..head.len()).map(|index| Column::of(head, rows, index)).collect();
    let Some(widths) = fitted(&columns, most) else { return blocks(head, rows, most) };
    let line = |cells: &[String], bold: bool| {
        let padded: Vec<String> = cells
            .iter()
            .zip(columns.iter().zip(&widths))
            .map(|(cell, (column, width))| {
                let text = padded(&cut(cell, *width), *width, column.numbers);
                if bold { style(text).bold().to_string() } else { text }
            })
            .collect();
        padded.join(&" ".repeat(GAP)).trim_end().to_owned() + "\n"
    };
    let body: String = rows.iter().map(|row| line(row, false)).collect();
    line(head, bold) + &body
}

/// What a column needs.
struct Column {
    /// As wide as its widest cell, head included.
    natural: usize,
    /// It may not become narrower.
    least: usize,
    numbers: bool,
}

impl Column {
    fn of(head: &[String], rows: &[Vec<String>], index: usize) -> Self {
        let cells = || rows.iter().filter_map(|row| row.get(index));
        let widest = cells().map(|cell| measure_text_width(cell)).max().unwrap_or(0);
        let natural = widest.max(measure_text_width(&head[index]));
        let number = |cell: &String| cell == NOTHING || is_number(cell);
        let numbers = cells().all(number) && cells().any(|cell| is_number(cell));
        let least = if numbers { widest.max(LEAST / 2) } else { LEAST };
        Self { natural, least: least.min(natural), numbers }
    }
}

fn is_number(cell: &str) -> bool {
    let digits = cell.trim_start_matches('-');
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Widths that fit: the widest columns give way first, all to one level. `None` where nothing fits.
fn fitted(columns: &[Column], most: Option<usize>) -> Option<Vec<usize>> {
    let at = |level: usize| -> Vec<usize> {
        columns.iter().map(|column| column.natural.min(level).max(column.least)).collect()
    };
    let Some(most) = most else { return Some(at(usize::MAX)) };
    let room = most.saturating_sub(GAP * columns.len().saturating_sub(1));
    let widest = columns.iter().map(|column| column.natural).max().unwrap_or(0);
    (1..=widest.max(1)).rev().map(at).find(|widths| widths.iter().sum::<usize>() <= room)
}

fn padded(text: &str, width: usize, right: bool) -> String {
    let blanks = " ".repeat(width.saturating_sub(measure_text_width(text)));
    if right { blanks + text } else { text.to_owned() + &blanks }
}

/// Cut to a width: sentences at their end, ids in the middle, as both their ends tell them apart.
fn cut(text: &str, width: usize) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    if text.contains(' ') || width < LEAST {
        return truncate_str(text, width, "…").into_owned();
    }
    let after = (width - 1) / 2;
    let mut end = String::new();
    for letter in text.chars().rev() {
        let longer = format!("{letter}{end}");
        if measure_text_width(&longer) > after {
            break;
        }
        end = longer;
    }
    truncate_str(text, width - measure_text_width(&end), "…").into_owned() + &end
}

/// Each row as lines of its own, for a terminal too narrow for columns.
fn blocks(head: &[String], rows: &[Vec<String>], most: Option<usize>) -> String {
    let names = head.iter().map(|name| measure_text_width(name)).max().unwrap_or(0);
    let room = most.unwrap_or(usize::MAX).saturating_sub(names + GAP).max(LEAST);
    let block = |row: &Vec<String>| {
        let lines = head.iter().zip(row).filter(|(_, value)| !value.is_empty());
        let line = |(name, value): (&String, &String)| {
            format!("{}  {}\n", padded(name, names, false), cut(value, room))
        };
        lines.map(line).collect::<String>()
    };
    rows.iter().map(block).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn widest(table: &str) -> usize {
        table.lines().map(measure_text_width).max().unwrap_or(0)
    }

    #[test]
    fn without_a_terminal_nothing_is_cut_and_nothing_coloured() {
        let long = "x".repeat(300);
        let table = drawn(&text(&["name", "count"]), &[vec![long.clone(), "7".into()]], None, false);
        assert!(table.contains(&long) && !table.contains('\u{1b}') && !table.contains('…'));
        assert!(table.lines().nth(1).unwrap().ends_with("      7"), "{table}");
    }

    #[test]
    fn a_table_fits_whatever_width_and_keeps_its_numbers() {
        let head = text(&["operazione", "cartella", "stato", "invio", "quanti"]);
        let row = |id: &str| text(&["4711", id, "accettato", "H501.PS.20261123.0000001", "1234567"]);
        let rows = [row("CS-2026-000001-di-lunga-memoria"), row("F-1")];
        for most in 10..120 {
            let table = drawn(&head, &rows, Some(most), false);
            assert!(table.contains("4711") && table.contains("1234567"), "{most}: {table}");
            // Below what names and the shortest values need nothing can be had.
            assert!(widest(&table) <= most.max(20), "{most}: {table}");
        }
        let narrow = drawn(&head, &rows, Some(70), false);
        assert!(narrow.contains("H501.") && narrow.contains("0000001"), "both ends of an id stay: {narrow}");
    }

    #[test]
    fn wide_letters_count_as_the_terminal_draws_them() {
        let rows = [text(&["日本語の名前", "1"]), text(&["Niccolò", "2"]), text(&["e\u{301}", "3"])];
        let table = drawn(&text(&["nome", "n"]), &rows, None, false);
        let ends: Vec<usize> = table.lines().map(measure_text_width).collect();
        assert!(ends.windows(2).all(|two| two[0] == two[1]), "{table}");
        assert!(measure_text_width(&cut("日本語の名前日本語", 9)) <= 9);
    }

    #[test]
    fn a_cell_does_not_steer_the_terminal() {
        assert_eq!(harmless("a\u{1b}[31mb\nc"), "a·[31mb·c");
        assert_eq!(moment(0), "1970-01-01 01:00:00");
        assert_eq!(field_cell("records", &Value::from(1_700_000_000_000_i64)), "1700000000000");
    }
}

//! Code tables: CSV files, dated, compiled to hash maps.
//!
//! The first column is the key. `valid_from` and `valid_to` (ISO dates,
//! inclusive, may be empty) say when a line holds; one key may have several.

use super::value::iso_date;
use jiff::civil::Date;
use std::collections::HashMap;

/// One line of a code table.
#[derive(Clone, Debug)]
pub struct Line {
    pub columns: Vec<Box<str>>,
    pub valid_from: Option<Date>,
    pub valid_to: Option<Date>,
}

/// A code table by key.
#[derive(Clone, Debug, Default)]
pub struct CodeTable {
    pub columns: Vec<String>,
    lines: HashMap<Box<str>, Vec<Line>>,
}

impl Line {
    /// Whether some day belongs to both.
    fn overlaps(&self, other: &Self) -> bool {
        let ends_before = |one: &Self, two: &Self| {
            one.valid_to.zip(two.valid_from).is_some_and(|(last, first)| last < first)
        };
        !ends_before(self, other) && !ends_before(other, self)
    }

    fn holds(&self, day: Option<Date>) -> bool {
        day.is_none_or(|day| {
            self.valid_from.is_none_or(|from| from <= day) && self.valid_to.is_none_or(|to| day <= to)
        })
    }
}

impl CodeTable {
    /// Whether some line holds on some days only.
    pub fn is_dated(&self) -> bool {
        let mut lines = self.lines.values().flatten();
        lines.any(|line| line.valid_from.is_some() || line.valid_to.is_some())
    }

    /// Every line with its key, sorted.
    pub fn sorted(&self) -> Vec<(&str, &Line)> {
        let lines = self.lines.iter().flat_map(|(key, lines)| lines.iter().map(|line| (&**key, line)));
        let mut lines: Vec<_> = lines.collect();
        lines.sort_by_key(|(key, line)| (*key, line.valid_from));
        lines
    }

    /// Reads a CSV (RFC 4180: commas, quotes doubled). Errors: (line, what is wrong).
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut rows = csv_rows(text)?.into_iter();
        let (_, columns) = rows.next().ok_or((1, "the table is empty".to_owned()))?;
        let mut table = Self { columns, lines: HashMap::new() };
        for (number, row) in rows {
            if row.len() != table.columns.len() {
                return Err((number, format!("{} columns instead of {}", row.len(), table.columns.len())));
            }
            let line = Line {
                valid_from: table.date(&row, "valid_from", number)?,
                valid_to: table.date(&row, "valid_to", number)?,
                columns: row.iter().map(|cell| Box::from(cell.as_str())).collect(),
            };
            let known = table.lines.entry(Box::from(row[0].as_str())).or_default();
            if matches!((line.valid_from, line.valid_to), (Some(from), Some(to)) if to < from) {
                return Err((number, "`valid_to` comes before `valid_from`".to_owned()));
            }
            if known.iter().any(|other| other.overlaps(&line)) {
                return Err((number, "an earlier line of this key holds on the same days".to_owned()));
            }
            known.push(line);
        }
        Ok(table)
    }

    fn date(&self, row: &[String], column: &str, number: usize) -> Result<Option<Date>, (usize, String)> {
        match self.column(column).map(|index| row[index].as_str()) {
            None | Some("") => Ok(None),
            Some(text) => {
                iso_date(text).map(Some).ok_or_else(|| (number, format!("`{column}` is not AAAA-MM-GG")))
            }
        }
    }

    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// The cell of a column in the key's line that holds on `day` (any, if absent).
    pub fn cell(&self, key: &str, column: usize, day: Option<Date>) -> Option<&str> {
        let line = self.lines.get(key)?.iter().find(|line| line.holds(day))?;
        line.columns.get(column).map(|cell| &**cell)
    }

    pub fn contains(&self, key: &str, day: Option<Date>) -> bool {
        self.lines.get(key).is_some_and(|lines| lines.iter().any(|line| line.holds(day)))
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().map(|key| &**key)
    }

    /// Every value of one column, with its key.
    pub fn cells(&self, column: usize) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().flat_map(move |(key, lines)| {
            lines.iter().filter_map(move |line| Some((&**key, line.columns.get(column)?.as_ref())))
        })
    }
}

type Row = (usize, Vec<String>);

/// Splits CSV text; lines that are empty or start with `#` are skipped.
fn csv_rows(text: &str) -> Result<Vec<Row>, (usize, String)> {
    let mut rows = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        rows.push((index + 1, csv_cells(line).ok_or((index + 1, "a quote is not closed".to_owned()))?));
    }
    Ok(rows)
}

fn csv_cells(line: &str) -> Option<Vec<String>> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                cell.push('"');
                letters.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            _ => cell.push(letter),
        }
    }
    cells.push(cell);
    (!quoted).then_some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_between_its_dates() {
        let table =
            CodeTable::parse("from,to,valid_from,valid_to\nA,1,,2020-12-31\nA,2,2021-01-01,\n").unwrap();
        let cell = |day: &str| table.cell("A", 1, iso_date(day));
        assert_eq!((cell("2020-12-31"), cell("2021-01-01")), (Some("1"), Some("2")));
        assert!(!table.contains("B", None));
    }

    #[test]
    fn lines_that_contradict_each_other_are_refused() {
        let parse = |lines: &str| CodeTable::parse(&format!("from,to,valid_from,valid_to\n{lines}"));
        assert_eq!(parse("A,1,2021-01-01,2020-12-31\n").unwrap_err().0, 2);
        assert_eq!(parse("A,1,,2020-12-31\nA,2,2020-12-31,\n").unwrap_err().0, 3);
        assert_eq!(parse("A,1,,\nB,2,,\nA,3,,\n").unwrap_err().0, 4);
        assert!(parse("A,1,,2020-12-31\nA,2,2021-01-01,\n").unwrap().is_dated());
        assert!(!parse("A,1,,\n").unwrap().is_dated());
    }

    #[test]
    fn quotes_and_faults_are_seen() {
        let table = CodeTable::parse("k,l\nA,\"uno, \"\"due\"\"\"\n").unwrap();
        assert_eq!(table.cell("A", 1, None), Some("uno, \"due\""));
        assert_eq!(CodeTable::parse("k,l\nA\n").unwrap_err().0, 2);
        assert!(CodeTable::parse("k,l\nA,\"x\n").is_err());
    }
}

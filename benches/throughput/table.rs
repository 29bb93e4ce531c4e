//! The table that a run prints.

use std::process::Command;

use raccordo::gateway::{Clock, SystemClock};

/// Prints rows as they come.
pub struct Table {
    rows: usize,
}

impl Table {
    /// Says where and when, and writes the head.
    pub fn begin() -> Self {
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split_whitespace().next().unwrap_or("?").to_owned();
        let compiler = Command::new("rustc").arg("--version").output();
        let compiler = compiler.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        println!(
            "raccordo bench, {}, {cores} cores, load {load} at start, {}\n",
            SystemClock.today(),
            compiler.unwrap_or_default()
        );
        println!("| measured | figure | beside it |\n|---|---|---|");
        Self { rows: 0 }
    }

    /// One row.
    pub fn row(&mut self, what: &str, figure: &str, beside: &str) {
        self.rows += 1;
        println!("| {what} | {figure} | {beside} |");
    }

    /// The end of the run.
    pub fn end(&self) {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split_whitespace().next().unwrap_or("?");
        println!("\n{} rows; load at the end {load}", self.rows);
    }
}

/// Thousands with a comma.
pub fn thousands(number: f64) -> String {
    let text = format!("{number:.0}");
    let mut out = String::new();
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

//! `explain`: what a recipient or a rule means, on the folder's own fields. Italian unless
//! `--lang en` asks for English: it is read by officials.

use std::path::Path;

use clap::Args;
use serde_json::Value;

use super::Outcome;
use super::link::Link;
use super::show::cell;
use crate::web::Language;

/// What to explain.
#[derive(Args)]
#[command(after_help = "Examples:
  raccordo explain H501.PS.20261123.0000001     a container, by its name
  raccordo explain 4711                         an operation, by its number
  raccordo explain --folder F-1                 findings and newest operations of a folder
  raccordo explain --folder F-1 INT-7/2026      of one of its records")]
pub struct Explain {
    /// Name of a submission, number of an operation, or with --folder the key of a record.
    #[arg(required_unless_present = "folder")]
    what: Option<String>,
    /// Id of a folder.
    #[arg(long)]
    folder: Option<String>,
    /// Whose folder, where several enti have one with this id.
    #[arg(long, requires = "folder")]
    ente: Option<String>,
    /// Open neither folders nor texts of receipts: codes and names of fields only.
    #[arg(long)]
    closed: bool,
}

/// `raccordo explain`. Exit 1 when there is something to act on.
pub fn run(
    explain: &Explain,
    config: Option<&Path>,
    json: bool,
    language: Option<Language>,
) -> anyhow::Result<Outcome> {
    let answer = Link::open(config)?.get(&path(explain))?;
    if json {
        println!("{answer}");
    } else {
        Teller { language: language.unwrap_or(Language::Italian) }.tell(&answer);
    }
    let some = |list: &Value| list.as_array().is_some_and(|list| !list.is_empty());
    let operations = answer["operations"].as_array();
    let refused = operations.into_iter().flatten().any(|row| some(&row["explanations"]));
    let found = some(&answer["findings"]) || some(&answer["explanations"]) || refused;
    Ok(if found { Outcome::Findings } else { Outcome::Fine })
}

fn path(explain: &Explain) -> String {
    let body = !explain.closed;
    let what = explain.what.as_deref().map(encoded);
    if let Some(folder) = &explain.folder {
        let ente = explain.ente.as_deref().map(|ente| format!("&ente={}", encoded(ente))).unwrap_or_default();
        let record = what.map(|key| format!("&record={key}")).unwrap_or_default();
        return format!("/folders/{}/explain?body={body}{ente}{record}", encoded(folder));
    }
    let what = what.unwrap_or_default();
    match what.bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!("/operations/{what}/explain?body={body}"),
        false => format!("/submissions/{what}/explain?body={body}"),
    }
}

/// Percent-encodes what a path or a query does not carry as it is.
pub(super) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let letter = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(letter).collect()
}

/// Prints explanations in one language.
struct Teller {
    language: Language,
}

impl Teller {
    fn tell(&self, answer: &Value) {
        let mut told = false;
        for explanation in list(&answer["explanations"]) {
            self.explanation(explanation);
            told = true;
        }
        for row in list(&answer["findings"]) {
            println!("{}  {}", cell(&row["flow"]), row["record"].as_str().unwrap_or_default());
            self.explanation(&row["finding"]);
            told = true;
        }
        for row in list(&answer["operations"]) {
            told |= self.operation(row);
        }
        if !told {
            println!("{}", self.language.say("There is nothing to explain: no finding and no refusal."));
        }
    }

    fn operation(&self, row: &Value) -> bool {
        let explanations = list(&row["explanations"]);
        if explanations.is_empty() {
            return false;
        }
        let (folder, record, kind) = (cell(&row["folder_id"]), cell(&row["record"]), cell(&row["kind"]));
        let state = self.language.say(row["state"].as_str().unwrap_or("?"));
        let (operation, kind) = (cell(&row["operation"]), self.language.say(&kind));
        let head = format!("{record} of folder {folder}, operation {operation} ({kind}): {state}");
        println!("{}", self.language.say(&head));
        if row["changed_since"] == true {
            println!(
                "  {}",
                self.language.say("The folder has changed since: values and places are today's.")
            );
        }
        explanations.iter().for_each(|explanation| self.explanation(explanation));
        true
    }

    fn explanation(&self, explanation: &Value) {
        let code = self.language.code();
        let mark = if explanation["severity"] == "warn" { "!" } else { "✗" };
        let label = explanation["label"][code].as_str().unwrap_or("–");
        println!("{mark} {label}{}", value(explanation));
        for field in list(&explanation["also"]) {
            println!("  {}{}", cell(&field["label"][code]), value(field));
        }
        println!("  {} [{}]", cell(&explanation["message"][code]), cell(&explanation["rule"]));
        println!("  → {}", cell(&explanation["hint"][code]));
        let verdict = self.language.say(verdict(explanation["verdict"].as_str().unwrap_or_default()));
        println!("  {verdict} · {}", cell(&explanation["source"]));
        if let Some(answer) = explanation["code"].as_str() {
            let text = explanation["recipient_text"].as_str().map(|text| format!(" «{text}»"));
            println!("  {answer}{}", text.unwrap_or_default());
        }
        let places = [&explanation["folder_path"], &explanation["payload_path"]];
        let places: Vec<&str> =
            places.into_iter().filter_map(Value::as_str).filter(|place| !place.is_empty()).collect();
        if !places.is_empty() {
            println!("  {}", places.join(" → "));
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// ` = 120.50`, where a value was seen.
fn value(field: &Value) -> String {
    field["value"].as_str().map(|value| format!(" = {value}")).unwrap_or_default()
}

/// A verdict in words.
pub fn verdict(word: &str) -> &'static str {
    match word {
        "correct-folder" => "correct the folder",
        "correct-mapping" => "correct the mapping",
        "wait" => "wait: it goes on by itself",
        "ask-recipient" => "ask the recipient",
        _ => "–",
    }
}

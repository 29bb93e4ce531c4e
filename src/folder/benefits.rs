//! The benefits that a folder says were given, and those of them that look like one recorded twice.

use serde_json::Value;

use super::fields::{interventions, text};
use super::finding::{Finding, Severity, Text};

/// The last day of what has no end.
const NO_END: &str = "9999-12-31";

/// A benefit given, now or in the past; what is planned or annulled is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Benefit<'b> {
    /// Its place among the interventions.
    pub index: usize,
    pub id: &'b str,
    /// The benefit's code, e.g. `A2.07`.
    pub code: &'b str,
    /// The request's protocol; empty if the folder does not say it.
    pub protocol: &'b str,
    /// First and last day, ISO, both inclusive.
    pub from: &'b str,
    pub to: &'b str,
}

impl Benefit<'_> {
    /// Whether the two may be one recorded twice: the same code, on days that meet, and no two
    /// protocols that tell them apart.
    pub fn resembles(&self, other: &Self) -> bool {
        let apart =
            !self.protocol.is_empty() && !other.protocol.is_empty() && self.protocol != other.protocol;
        // ISO dates compare as text.
        self.code == other.code && !apart && self.from <= other.to && other.from <= self.to
    }
}

/// The benefits of a schema-valid body that say when they were given.
pub fn benefits(body: &Value) -> Vec<Benefit<'_>> {
    let given = |intervention: &Value| matches!(text(intervention, "stato"), "attivo" | "erogato");
    let listed = interventions(body).iter().enumerate().filter(|(_, intervention)| given(intervention));
    listed.filter_map(|(index, intervention)| benefit(index, intervention)).collect()
}

fn benefit(index: usize, intervention: &Value) -> Option<Benefit<'_>> {
    let begins = text(intervention, "dal");
    let single = ["data_erogazione", "data_evento"].map(|field| text(intervention, field));
    let from = [begins, single[0], single[1]].into_iter().find(|day| !day.is_empty())?;
    let to = match (text(intervention, "al"), begins.is_empty()) {
        ("", true) => from,
        ("", false) => NO_END,
        (ends, _) => ends,
    };
    let (id, code) = (text(intervention, "id"), text(intervention, "codice"));
    let protocol = text(intervention, "protocollo_domanda");
    Some(Benefit { index, id, code, protocol, from, to })
}

/// A warning at each benefit that resembles an earlier one of another id.
pub(super) fn doubles(body: &Value, findings: &mut Vec<Finding>) {
    let all = benefits(body);
    for (at, benefit) in all.iter().enumerate() {
        if all[..at].iter().any(|earlier| earlier.id != benefit.id && earlier.resembles(benefit)) {
            findings.push(doubled(benefit.index));
        }
    }
}

fn doubled(index: usize) -> Finding {
    Finding::in_folder(
        "prestazione-forse-doppia",
        Severity::Warn,
        format!("/interventi/{index}/codice"),
        Text::new(
            "La stessa prestazione, negli stessi giorni, compare già prima nella cartella.",
            "The same benefit, on the same days, stands earlier in the folder.",
        ),
        Text::new(
            "Se è una sola, annullare il doppione; se sono due, distinguerle con il protocollo della domanda.",
            "If it is one, annul the double; if two, tell them apart by the request's protocol.",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(second: Value) -> usize {
        let first = json!({ "id": "A", "stato": "attivo", "codice": "A1.01", "dal": "2026-01-01",
            "al": "2026-06-30", "protocollo_domanda": "1" });
        let mut findings = Vec::new();
        doubles(&json!({ "interventi": [first, second] }), &mut findings);
        assert!(findings.iter().all(|finding| finding.folder_path == "/interventi/1/codice"));
        findings.len()
    }

    #[test]
    fn the_same_benefit_on_the_same_days_is_said_unless_something_tells_it_apart() {
        let second = |more: Value| {
            let mut second = json!({ "id": "B", "stato": "erogato", "codice": "A1.01", "dal": "2026-06-30" });
            let more = more.as_object().unwrap().clone();
            second.as_object_mut().unwrap().extend(more);
            found(second)
        };
        assert_eq!(second(json!({})), 1);
        assert_eq!(second(json!({ "protocollo_domanda": "1" })), 1);
        assert_eq!(second(json!({ "protocollo_domanda": "2" })), 0);
        assert_eq!(second(json!({ "dal": "2026-07-01" })), 0);
        assert_eq!(second(json!({ "codice": "A1.02" })), 0);
        assert_eq!(second(json!({ "stato": "annullato" })), 0);
        assert_eq!(second(json!({ "stato": "pianificato" })), 0);
        let single = json!({ "id": "B", "stato": "erogato", "codice": "A1.01", "data_evento": "2026-03-01" });
        assert_eq!(found(single), 1);
        assert_eq!(found(json!({ "id": "B", "stato": "erogato", "codice": "A1.01" })), 0, "no day, no claim");
    }
}

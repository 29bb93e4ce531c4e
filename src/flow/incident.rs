//! Findings that the engine itself gives, for any flow, and schema problems
//! brought back to the folder's own place.

use super::Flow;
use crate::folder::finding::{Finding, Severity, Text, Verdict};
use crate::mapping::path::Scope;
use crate::mapping::write_xml::{Incident, Trouble, Writer};
use crate::schema::SchemaProblem;

impl Flow {
    /// What the writer met, as findings.
    pub(super) fn incidents(&self, writer: &Writer<'_>, findings: &mut Vec<Finding>) {
        findings.extend(writer.incidents.iter().map(|incident| self.told(incident)));
    }

    fn told(&self, incident: &Incident) -> Finding {
        let (rule, severity, verdict, message, hint) = match incident.trouble {
            Trouble::Truncated => truncated(),
            Trouble::UnknownCode => (
                "codice-non-tradotto",
                Severity::Withhold,
                Verdict::CorrectFolder,
                (
                    "La tabella dei codici del tracciato non ha questo valore.",
                    "The flow's code table lacks this value.",
                ),
                (
                    "Correggere il valore, o aggiornare la tabella del tracciato.",
                    "Correct the value, or update the flow's table.",
                ),
            ),
            Trouble::NotOfKind => (
                "valore-non-scrivibile",
                Severity::Withhold,
                Verdict::CorrectMapping,
                (
                    "Il valore non si può scrivere come vuole il tracciato.",
                    "The value cannot be written as the flow wants.",
                ),
                ("Segnalarlo a chi cura il tracciato.", "Tell whoever maintains the flow."),
            ),
            Trouble::Character => (
                "carattere-non-ammesso",
                Severity::Withhold,
                Verdict::CorrectFolder,
                ("Il testo contiene un carattere di controllo.", "The text holds a control character."),
                (
                    "Riscrivere il testo a mano, senza incollarlo.",
                    "Type the text again instead of pasting it.",
                ),
            ),
        };
        Finding {
            rule: rule.to_owned(),
            severity,
            folder_path: incident.pointer.clone(),
            payload_path: self.mapping.rows.get(incident.row).map(|row| self.relative(&row.target)),
            message: Text::new(message.0, message.1),
            hint: Text::new(hint.0, hint.1),
            verdict,
            source: format!("mappings/{}", self.id()),
        }
    }

    /// A schema problem of a record that passed the rules: the mapping's fault.
    pub(super) fn traced(&self, problem: &SchemaProblem, rows: &[u8], scope: &Scope<'_>) -> Finding {
        let target = without_positions(&problem.path);
        let fired = |index: usize| rows.get(index / 8).is_some_and(|byte| byte & (1 << (index % 8)) != 0);
        let mut writers = self.mapping.rows.iter().enumerate();
        let row = writers.find(|(index, row)| row.target == target && fired(*index)).map(|(_, row)| row);
        let item = crate::mapping::path::PathRef {
            slot: self.mapping.item_slot,
            segments: Vec::new(),
            field: 0,
            made: false,
        };
        let path = row.and_then(|row| row.path.as_ref()).filter(|path| !path.made).unwrap_or(&item);
        Finding {
            rule: format!("schema-{}", problem.code),
            severity: Severity::Withhold,
            folder_path: self.mapping.names.pointer(path, scope),
            payload_path: Some(self.relative(&problem.path)),
            message: Text::new(
                format!("Lo schema del tracciato rifiuta il valore ({}).", problem.code),
                problem.message.clone(),
            ),
            hint: Text::new(
                "Il tracciato doveva accorgersene prima: segnalarlo a chi lo cura.",
                "The flow should have caught it earlier: tell whoever maintains it.",
            ),
            verdict: Verdict::CorrectMapping,
            source: format!("schemas/{}", self.id()),
        }
    }

    /// Payload places are told from the record's element on.
    fn relative(&self, target: &str) -> String {
        let base = format!("{}/", self.mapping.document.container.root);
        target.strip_prefix(&base).unwrap_or(target).to_owned()
    }
}

type Told = (&'static str, Severity, Verdict, (&'static str, &'static str), (&'static str, &'static str));

fn truncated() -> Told {
    (
        "valore-troncato",
        Severity::Warn,
        Verdict::CorrectFolder,
        (
            "Il testo è più lungo di quanto il tracciato ammette: parte tagliato.",
            "The text is longer than the flow takes: it leaves cut.",
        ),
        ("Se c'è una forma breve ufficiale, usare quella.", "If there is an official short form, use that."),
    )
}

/// Two records that the register would take for one.
pub(super) fn duplicate(folder_path: String) -> Finding {
    Finding {
        rule: "chiave-registro-duplicata".to_owned(),
        severity: Severity::Withhold,
        folder_path,
        payload_path: None,
        message: Text::new(
            "Due interventi della cartella sono uguali per il registro: stessi identificativi e stesse date.",
            "Two interventions of the folder are one to the register: same identifiers and dates.",
        ),
        hint: Text::new(
            "Se sono due, distinguerli (ad esempio con il protocollo della domanda); se è uno solo, annullare il doppione.",
            "If they are two, tell them apart (e.g. by the request's protocol); if one, annul the double.",
        ),
        verdict: Verdict::CorrectFolder,
        source: "record.register_key".to_owned(),
    }
}

/// `A/B[2]/@C` to `A/B/@C`.
fn without_positions(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    for letter in path.chars() {
        match letter {
            '[' => inside = true,
            ']' => inside = false,
            _ if !inside => out.push(letter),
            _ => {}
        }
    }
    out
}

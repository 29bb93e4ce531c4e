//! Findings that the engine itself gives, for any flow, and schema problems
//! brought back to the folder's own place.

use super::{EnteSettings, Flow};
use crate::folder::finding::{Finding, Severity, Text, Verdict};
use crate::mapping::compile::RowInfo;
use crate::mapping::document::{FlowTable, KeyTable};
use crate::mapping::keyed::KeyState;
use crate::mapping::path::{PathRef, Scope};
use crate::mapping::record::RecordPlan;
use crate::mapping::write::{Incident, Trouble, Writer, Written};
use crate::schema::SchemaProblem;

/// The keys that a flow needs and cannot use: no record is made without them.
pub(super) fn keyless(flow: &FlowTable, ente: &EnteSettings) -> Vec<Finding> {
    let chosen = |name: &String| {
        let default = flow.settings.get(name).map(|table| &table.default);
        ente.flow.get(name).or(default)
    };
    let is_needed =
        |table: &KeyTable| table.when.iter().all(|(name, value)| chosen(name).is_none_or(|set| set == value));
    let wanted = flow.keys.iter().filter(|(_, table)| is_needed(table));
    let keys = &ente.keys;
    let told = wanted.filter_map(|(name, table)| match keys.get(name) {
        Some(KeyState::Ready(_)) => None,
        Some(KeyState::Changed) => Some(changed_key(name, table)),
        None => Some(missing_key(name, table)),
    });
    told.collect()
}

fn missing_key(name: &str, table: &KeyTable) -> Finding {
    let message = Text::new(
        format!("Manca la chiave «{name}» dell'ente ({}).", table.about.it),
        format!("The ente's key \"{name}\" is missing ({}).", table.about.en),
    );
    let hint = Text::new(
        "Chiedere a chi amministra l'installazione di indicarne il file in [ente.keys].",
        "Ask whoever runs the installation to name its file in [ente.keys].",
    );
    key_finding("chiave-mancante", message, hint)
}

fn changed_key(name: &str, table: &KeyTable) -> Finding {
    let message = Text::new(
        format!("La chiave «{name}» dell'ente non è più quella di prima ({}).", table.about.it),
        format!("The ente's key \"{name}\" is no longer the one of before ({}).", table.about.en),
    );
    let hint = Text::new(
        "Rimettere la chiave di prima: con un'altra la stessa persona diventerebbe due.",
        "Put the former key back: with another one the same person would become two.",
    );
    key_finding("chiave-cambiata", message, hint)
}

fn key_finding(rule: &str, message: Text, hint: Text) -> Finding {
    Finding {
        rule: rule.to_owned(),
        severity: Severity::Withhold,
        folder_path: "/ente".to_owned(),
        payload_path: None,
        message,
        hint,
        verdict: Verdict::Wait,
        source: "raccordo: configuration".to_owned(),
    }
}

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
            payload_path: self.mapping.rows.get(incident.row).map(|row| self.place_of(row)),
            message: Text::new(message.0, message.1),
            hint: Text::new(hint.0, hint.1),
            verdict,
            source: format!("mappings/{}", self.id()),
        }
    }

    /// Schema problems of a record that passed the rules: the mapping's fault.
    pub(super) fn traced(
        &self,
        problems: &[SchemaProblem],
        plan: &RecordPlan,
        rows: &[u8],
        scope: &mut Scope<'_>,
    ) -> Vec<Finding> {
        let mut writer = Writer::noting_places(&self.mapping.names, self.mapping.rows.len());
        if self.is_json() {
            self.write(plan, &mut writer, scope);
        }
        let pointer = |problem: &SchemaProblem| match self.is_json() {
            true => below_record(&problem.path).and_then(|place| nearest(writer.written(), place)),
            false => self.place_of_row(problem, rows, scope),
        };
        let item = plan.item.as_ref().map(|item| PathRef {
            slot: item.slot,
            segments: Vec::new(),
            field: 0,
            made: false,
        });
        let item = item.map(|item| self.mapping.names.pointer(&item, scope)).unwrap_or_default();
        problems
            .iter()
            .map(|problem| {
                let place = pointer(problem).filter(|place| !place.is_empty());
                self.problem(problem, plan, place.unwrap_or_else(|| item.clone()))
            })
            .collect()
    }

    /// The folder's place of the row that wrote an XML place.
    fn place_of_row(&self, problem: &SchemaProblem, rows: &[u8], scope: &Scope<'_>) -> Option<String> {
        let target = without_positions(&problem.path);
        let fired = |index: usize| rows.get(index / 8).is_some_and(|byte| byte & (1 << (index % 8)) != 0);
        let mut writers = self.mapping.rows.iter().enumerate();
        let (_, row) = writers.find(|(index, row)| row.target == target && fired(*index))?;
        let path = row.paths.first().filter(|path| !path.made)?;
        Some(self.mapping.names.pointer(path, scope))
    }

    fn problem(&self, problem: &SchemaProblem, plan: &RecordPlan, folder_path: String) -> Finding {
        let payload = match below_record(&problem.path).filter(|_| self.is_json()) {
            Some(place) => format!("{}{place}", plan.kind),
            None => self.relative(&problem.path),
        };
        Finding {
            rule: format!("schema-{}", problem.code),
            severity: Severity::Withhold,
            folder_path,
            payload_path: Some(payload),
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

    /// The payload's place of a row: from the record's element on, in JSON below the kind.
    fn place_of(&self, row: &RowInfo) -> String {
        let plan = row.record.and_then(|record| self.mapping.records.get(record));
        match plan.filter(|_| self.is_json()) {
            Some(plan) => row.target.replacen(&plan.base, &plan.kind, 1),
            None => self.relative(&row.target),
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

/// `/entry/0/resource/id` to `/resource/id`: what stands behind the record's position.
fn below_record(pointer: &str) -> Option<&str> {
    let (_, behind) = pointer.strip_prefix('/')?.split_once('/')?;
    Some(behind.find('/').map_or("", |at| &behind[at..]))
}

/// The folder's place behind a payload's place: its own, else that of its nearest neighbour that
/// comes from the folder.
fn nearest(written: &[Written], place: &str) -> Option<String> {
    let from_folder = || written.iter().filter(|written| !written.pointer.is_empty());
    let mut place = place;
    loop {
        let below = format!("{place}/");
        let near = |written: &&Written| written.place == place || written.place.starts_with(&below);
        if let Some(found) = from_folder().find(near) {
            return Some(found.pointer.clone());
        }
        place = place.rsplit_once('/')?.0;
    }
}

/// An item with the key of one before it, of which nobody else spoke.
pub(super) fn doubled(folder_path: String) -> Finding {
    Finding {
        rule: "parte-doppia".to_owned(),
        severity: Severity::Withhold,
        folder_path,
        payload_path: None,
        message: Text::new(
            "La stessa voce compare già prima in questo elenco.",
            "The same entry stands earlier in this list.",
        ),
        hint: Text::new(
            "Togliere il doppione, o correggere ciò che li distingue.",
            "Remove the double, or correct what tells them apart.",
        ),
        verdict: Verdict::CorrectFolder,
        source: "record.key".to_owned(),
    }
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

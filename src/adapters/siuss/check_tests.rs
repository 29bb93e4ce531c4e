//! The static check against mappings broken on purpose: each mutation of a flow's
//! own files must be refused, at its line and with its mend.

use crate::flow::Catalog;
use crate::flow::files::{Embedded, Files};
use std::borrow::Cow;

/// The binary's files with one of them changed.
struct Changed {
    path: String,
    text: String,
}

impl Files for Changed {
    fn list(&self, folder: &str) -> Vec<String> {
        Embedded.list(folder)
    }

    fn read(&self, path: &str) -> Option<Cow<'_, [u8]>> {
        if path == self.path { Some(Cow::Borrowed(self.text.as_bytes())) } else { Embedded.read(path) }
    }
}

fn flow_file(name: &str) -> String {
    format!("mappings/siuss-ps-psa-sina/2018-12/{name}")
}

/// The defects after replacing the first `from` by `to` in a file of the flow.
fn defects(file: &str, from: &str, to: &str) -> Vec<String> {
    let path = flow_file(file);
    let text = Embedded.text(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    let changed = Changed { path, text: text.replacen(from, to, 1) };
    match Catalog::load(&changed) {
        Ok(_) => Vec::new(),
        Err(defects) => defects.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_broken_mapping_does_not_load() {
    let cases = [
        ("from = \"persona.cognome\"", "from = \"persona.cognom\"", "not a field of the folder"),
        ("from = \"persona.cognome\"", "from = \"cittadino.cognome\"", "not a field of the folder"),
        (
            "target = \"Anagrafica/@Cognome\"",
            "target = \"Anagrafica/@cognome\"",
            "did you mean `Flusso/Beneficiario/Anagrafica/@Cognome`",
        ),
        ("truncate = 36", "truncate = 40", "may be longer than 36"),
        ("truncate = 36\n", "", "may be longer than 36"),
        ("as = \"year\"", "as = \"prefix(10)\"", "wants the pattern [0-9]{4}"),
        ("as = \"year\"", "as = \"money\"", "does not take Date"),
        ("as = \"hours_minutes\"", "as = \"ore\"", "is no transform; the list: text, upper"),
        ("codes = \"genere\"", "codes = \"mobilita\"", "does not translate M, F"),
        ("codes = \"genere\"", "codes = \"generi\"", "there is no codes/generi.csv"),
        ("codes = \"genere\"\n", "", "enumerated"),
        ("guard = [\"residenza-mancante\"]", "", "mandatory, but its row may find nothing"),
        ("guard = [\"residenza-mancante\"]", "guard = [\"residenza\"]", "the guard `residenza` is no rule"),
        ("guard = [\"denominazione-corta\"]", "", "shorter than 10"),
        ("name = \"siuss.calendar_years\"", "name = \"siuss.calendar\"", "no adapter registers this step"),
        ("from = \"fetta.mesi\"", "from = \"fetta.mese\"", "this root has anno, dal"),
        ("when = \"intervento.stato in", "when = \"intervento.status in", "interventi[].status"),
        (
            "when = \"intervento.stato in ['attivo', 'erogato']\"",
            "when = \"matches(intervento.stato, 'a')\"",
            "`matches` is not allowed",
        ),
        ("[record]", "[record]\nnonsense = 1", "unknown field `nonsense`"),
        (
            "[flow.settings.count_months]",
            "[flow.settings.count_month]",
            "the step reads the setting `count_months`",
        ),
        ("each = \"valutazione.bisogni\"", "each = \"valutazione.bisogno\"", "not a field of the folder"),
        ("purpose = \"identificare il beneficiario (DM", "#", "without a purpose"),
        ("operator = \"XXXYYY80A01H501D\"", "operator = \"X\"", "CFOperatore"),
        ("insert = \"I\"", "insert = \"X\"", "`X` is not allowed"),
    ];
    for (from, to, expected) in cases {
        let found = defects("mapping.toml", from, to);
        assert!(found.iter().any(|defect| defect.contains(expected)), "{from} -> {to}: {found:#?}");
    }
}

#[test]
fn a_missing_row_for_a_mandatory_target_is_told() {
    let found = defects(
        "mapping.toml",
        "target = \"PrestazioniSociali/@PresaCarico\"",
        "target = \"PrestazioniSociali/@DataEvento\"",
    );
    assert!(found.iter().any(|defect| defect.contains("no row writes it")), "{found:#?}");
}

#[test]
fn broken_rules_and_tables_do_not_load() {
    let rule = |from: &str, to: &str| defects("rules.toml", from, to);
    for (from, to, expected) in [
        ("status = \"stated\"", "status = \"inferred\"", "an inferred rule may warn, never withhold"),
        ("has(residenza.nazione)", "has(residenza.stato)", "`residenze[].stato` is not a field"),
        ("scope = \"record\"", "scope = \"person\"", "reads a record's names"),
        ("payload = \"@CodiceFiscale\"", "payload = \"@CF\"", "not in the target schema"),
        ("check = \"has(residenza.comune)\"", "check = \"size(residenze) > 0\"", "`size` is not allowed"),
    ] {
        let found = rule(from, to);
        assert!(found.iter().any(|defect| defect.contains(expected)), "{from} -> {to}: {found:#?}");
    }
    let found = defects("codes/genere.csv", "M,1", "M,3");
    assert!(
        found.iter().any(|defect| defect.contains("does not take what codes/genere.csv gives for M")),
        "{found:#?}"
    );
    let found = defects("codes/genere.csv", "M,1", "M");
    assert!(found.iter().any(|defect| defect.contains("codes/genere.csv:3")), "{found:#?}");
}

#[test]
fn a_defect_names_file_line_and_row() {
    let found = defects("mapping.toml", "from = \"persona.cognome\"", "from = \"persona.cognom\"");
    let text = Embedded.text(&flow_file("mapping.toml")).unwrap();
    let line = text.lines().position(|line| line.contains("Anagrafica/@Cognome")).unwrap();
    let place = format!("mapping.toml:{line} [Flusso/Beneficiario/Anagrafica/@Cognome]");
    assert!(found[0].contains(&place), "{found:#?}");
}

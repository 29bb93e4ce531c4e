//! Checks across the folder's own fields: they hold whatever flow it goes to.
//!
//! They do not make a folder unreadable; what they find is reported when it is saved.

use std::collections::HashSet;

use serde_json::Value;

use super::codice_fiscale::{self, CodiceFiscaleError, Decoded, Sex};
use super::fields::{date, interventions, items, text};
use super::finding::{Finding, Severity, Text};
use super::identifier;

/// Everything wrong across the fields of a schema-valid body; a finding on one intervention is under
/// `/interventi/N`.
pub fn check(body: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    person(body, &mut findings);
    doubles(interventions(body), "interventi", &mut findings);
    doubles(items(body, "valutazioni"), "valutazioni", &mut findings);
    super::benefits::doubles(body, &mut findings);
    references(body, &mut findings);
    for list in [
        "certificazioni",
        "casi_minore",
        "prese_in_carico",
        "interventi",
        "politiche_attive",
        "consensi",
        "completa_per",
    ] {
        ends(items(body, list), list, &mut findings);
    }
    findings
}

fn withhold(rule: &str, path: String, message: (&str, &str), hint: (&str, &str)) -> Finding {
    let (message, hint) = (Text::new(message.0, message.1), Text::new(hint.0, hint.1));
    Finding::in_folder(rule, Severity::Withhold, path, message, hint)
}

fn person(body: &Value, findings: &mut Vec<Finding>) {
    let Some(person) = body.get("persona") else { return };
    let code = text(person, "codice_fiscale");
    match code.len() {
        16 => sixteen(person, code, findings),
        11 if !identifier::is_provisional(code) => findings.push(Finding {
            severity: Severity::Warn,
            ..withhold(
                "cf-provvisorio-controllo",
                "/persona/codice_fiscale".to_owned(),
                (
                    "L'ultima cifra del codice fiscale provvisorio non torna.",
                    "The last digit of the provisional codice fiscale is wrong.",
                ),
                ("Ricontrollarlo sul documento.", "Check it against the document."),
            )
        }),
        _ => {}
    }
}

fn sixteen(person: &Value, code: &str, findings: &mut Vec<Finding>) {
    match codice_fiscale::decode(code) {
        Ok(decoded) => coherence(person, &decoded, findings),
        Err(CodiceFiscaleError::CheckLetter) => findings.push(withhold(
            "cf-carattere-controllo",
            "/persona/codice_fiscale".to_owned(),
            (
                "Il carattere di controllo del codice fiscale non torna.",
                "The check letter of the codice fiscale is wrong.",
            ),
            (
                "Un carattere è digitato male: ricopiarlo dalla tessera sanitaria.",
                "A character is mistyped: copy it again from the health card.",
            ),
        )),
        Err(CodiceFiscaleError::Day | CodiceFiscaleError::Shape) => {
            findings.push(incoherent("codice_fiscale", "il giorno di nascita", "the day of birth"));
        }
    }
}

/// Date, sex and place in the codice fiscale against the person's own fields.
fn coherence(person: &Value, decoded: &Decoded, findings: &mut Vec<Finding>) {
    if date(person, "data_nascita").is_some_and(|born| !is_born(decoded, born)) {
        findings.push(incoherent("data_nascita", "la data di nascita", "the date of birth"));
    }
    if text(person, "genere") != (if decoded.sex == Sex::Female { "F" } else { "M" }) {
        findings.push(incoherent("genere", "il genere", "the sex"));
    }
    if text(person, "luogo_nascita") != decoded.place {
        findings.push(incoherent("luogo_nascita", "il luogo di nascita", "the place of birth"));
    }
}

fn is_born(decoded: &Decoded, born: jiff::civil::Date) -> bool {
    born.year().rem_euclid(100) == i16::from(decoded.year_of_century)
        && born.month().unsigned_abs() == decoded.month
        && born.day().unsigned_abs() == decoded.day
}

fn incoherent(field: &str, it: &str, en: &str) -> Finding {
    let message = Text::new(
        format!("Il codice fiscale non concorda con {it}."),
        format!("The codice fiscale does not agree with {en}."),
    );
    let hint = Text::new(
        "Controllare l'anagrafica; può essere giusta così se l'Agenzia delle Entrate l'ha confermata.",
        "Check the person's data; it may be right if the Agenzia delle Entrate has confirmed it.",
    );
    Finding::in_folder("cf-incoerente", Severity::Warn, format!("/persona/{field}"), message, hint)
}

/// The same id twice in one list, at each repetition.
fn doubles(list: &[Value], name: &str, findings: &mut Vec<Finding>) {
    let mut seen = HashSet::new();
    for (index, item) in list.iter().enumerate() {
        if !seen.insert(text(item, "id")) {
            findings.push(withhold(
                if name == "interventi" { "intervento-id-doppio" } else { "valutazione-id-doppio" },
                format!("/{name}/{index}/id"),
                (
                    "Lo stesso id compare già prima in questo elenco.",
                    "The same id stands earlier in this list.",
                ),
                ("Dare a ciascuno un id proprio e stabile.", "Give each one a stable id of its own."),
            ));
        }
    }
}

/// References from interventions to ISEE certificates and assessments that are not there.
fn references(body: &Value, findings: &mut Vec<Finding>) {
    for (index, intervention) in interventions(body).iter().enumerate() {
        for (field, list, key) in [("dsu", "isee", "protocollo_dsu"), ("valutazione", "valutazioni", "id")] {
            let Some(wanted) = intervention.get(field) else { continue };
            if !items(body, list).iter().any(|item| item.get(key) == Some(wanted)) {
                findings.push(dangling(field, index));
            }
        }
    }
}

fn dangling(field: &str, index: usize) -> Finding {
    let path = format!("/interventi/{index}/{field}");
    if field == "dsu" {
        return withhold(
            "dsu-non-trovata",
            path,
            (
                "La DSU indicata non è fra le attestazioni ISEE.",
                "The DSU named is not among the ISEE certificates.",
            ),
            (
                "Aggiungerla fra le ISEE, o correggere il protocollo.",
                "Add it to the ISEE list, or correct the protocol.",
            ),
        );
    }
    withhold(
        "valutazione-non-trovata",
        path,
        ("La valutazione indicata non è nella cartella.", "The assessment named is not in the folder."),
        ("Aggiungerla, o correggere l'id.", "Add it, or correct the id."),
    )
}

/// An end before its beginning.
fn ends(list: &[Value], name: &str, findings: &mut Vec<Finding>) {
    for (index, item) in list.iter().enumerate() {
        // ISO dates compare as text.
        let (from, to) = (text(item, "dal"), text(item, "al"));
        if !from.is_empty() && !to.is_empty() && to < from {
            findings.push(withhold(
                "fine-prima-di-inizio",
                format!("/{name}/{index}/al"),
                ("La fine viene prima dell'inizio.", "The end comes before the beginning."),
                ("Correggere una delle due date.", "Correct one of the two dates."),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::template::FULL_TEXT;
    use serde_json::json;

    fn found(change: impl FnOnce(&mut Value)) -> Vec<(String, String)> {
        let mut body: Value = serde_json::from_str(FULL_TEXT).unwrap();
        change(&mut body);
        check(&body).into_iter().map(|finding| (finding.rule, finding.folder_path)).collect()
    }

    fn one(rule: &str, path: &str) -> Vec<(String, String)> {
        vec![(rule.to_owned(), path.to_owned())]
    }

    #[test]
    fn the_check_letter_is_checked() {
        let found = found(|body| body["persona"]["codice_fiscale"] = json!("XXXYYY80A01H501A"));
        assert_eq!(found, one("cf-carattere-controllo", "/persona/codice_fiscale"));
    }

    #[test]
    fn an_incoherent_person_warns_at_the_field() {
        assert_eq!(
            found(|body| body["persona"]["genere"] = json!("F")),
            one("cf-incoerente", "/persona/genere")
        );
        let moved = found(|body| body["persona"]["luogo_nascita"] = json!("F205"));
        assert_eq!(moved, one("cf-incoerente", "/persona/luogo_nascita"));
        let older = found(|body| body["persona"]["data_nascita"] = json!("1950-01-01"));
        assert_eq!(older, one("cf-incoerente", "/persona/data_nascita"));
    }

    #[test]
    fn provisional_codes_warn_only() {
        let mut body = json!({"persona": {"codice_fiscale": "12345678901"}});
        assert_eq!(check(&body)[0].severity, Severity::Warn);
        body["persona"]["codice_fiscale"] = json!("12345678903");
        assert_eq!(check(&body), []);
    }

    #[test]
    fn doubles_and_dangling_references_are_found() {
        let doubled = found(|body| body["interventi"][1]["id"] = body["interventi"][0]["id"].clone());
        assert_eq!(doubled, one("intervento-id-doppio", "/interventi/1/id"));
        let dangling = found(|body| body["interventi"][0]["dsu"] = json!("NESSUNA"));
        assert_eq!(dangling, one("dsu-non-trovata", "/interventi/0/dsu"));
        let dangling = found(|body| body["interventi"][0]["valutazione"] = json!("NESSUNA"));
        assert_eq!(dangling, one("valutazione-non-trovata", "/interventi/0/valutazione"));
    }

    #[test]
    fn an_end_before_its_beginning_is_found() {
        let found = found(|body| body["interventi"][0]["al"] = json!("1999-12-31"));
        assert_eq!(found, one("fine-prima-di-inizio", "/interventi/0/al"));
    }
}

//! The static check against inbound mappings broken on purpose: each is refused, with its mend.

use super::Catalog;
use super::files::{Embedded, Files};
use std::borrow::Cow;

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

fn defects(file: &str, from: &str, to: &str) -> Vec<String> {
    let path = format!("mappings/labour-status/1/{file}");
    let text = Embedded.text(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    match Catalog::load(&Changed { path, text: text.replacen(from, to, 1) }) {
        Ok(_) => Vec::new(),
        Err(defects) => defects.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_broken_inbound_mapping_does_not_load() {
    let mapping = [
        ("from = \"ListaDID.disponibilita\"", "from = \"ListaDID.disponibile\"", "no field of the answer"),
        ("from = \"politica.data\"", "from = \"politica.inizio\"", "no field of the answer"),
        ("target = \"lavoro.did.data\"", "target = \"lavoro.did.giorno\"", "no field of the folder"),
        ("target = \"lavoro.did.data\"", "target = \"lavoro.did\"", "no field of the folder"),
        ("target = \"tipo\"", "target = \"tipi\"", "no field of the folder"),
        ("target = \"lavoro.iscrizioni\"", "target = \"lavoro.iscrizione\"", "no list of objects"),
        (
            "each = \"lavoratore.datiamministrativi.listespeciali_lst.listespeciali\"",
            "each = \"ListaDID.liste\"",
            "no element of the answer",
        ),
        ("key = \"codice\"", "key = \"numero\"", "no row fills the key"),
        ("purpose = \"verificare la disponibilità al lavoro\"", "", "without a purpose"),
        (
            "legal_basis = \"L. 328/2000 art. 22; D.Lgs. 147/2017 artt. 5-6; consenso della persona alla ricezione\"",
            "legal_basis = \" \"",
            "without a legal basis",
        ),
        ("codes = \"stato-occupazionale\"\n", "", "enumerated, the source is not so"),
        ("codes = \"stato-occupazionale\"", "codes = \"stato\"", "there is no codes/stato.csv"),
        ("as = \"date\"\npurpose", "as = \"money\"\npurpose", "does not take Date"),
        ("as = \"integer\"\n", "", "does not take Integer"),
        (
            "checked = true\npurpose = \"conoscere la distanza",
            "purpose = \"conoscere la distanza",
            "the pattern",
        ),
        (", \"ListaDID.codicefiscale\"]", "]", "of whom `ListaDID` speaks is not known"),
        ("\"ListaDID.codicefiscale\"]", "\"ListaDID.persona\"]", "not in the answer's schema"),
        ("when = \"has(politica.durata)\"", "when = \"has(politica.tempo)\"", "not in the answer's schema"),
        ("value = \"lavoro\"", "valor = \"lavoro\"", "unknown field `valor`"),
        ("format = \"xml\"", "format = \"json\"", "reads XML"),
        ("schema = \"risposta.xsd\"", "schema = \"altra.xsd\"", "the schema is missing"),
    ];
    for (from, to, told) in mapping {
        let found = defects("mapping.toml", from, to);
        assert!(found.iter().any(|defect| defect.contains(told)), "{from} -> {to}: {found:#?}");
    }
    let codes = defects("codes/stato-occupazionale.csv", "IN,inoccupato", "IN,senza lavoro");
    assert!(codes.iter().any(|defect| defect.contains("does not take what")), "{codes:#?}");
    let rules = defects("rules.toml", "at = [\"ListaDID.N00.", "at = [\"ListaDID.N01.");
    assert!(rules.iter().any(|defect| defect.contains("not in the answer's schema")), "{rules:#?}");
}

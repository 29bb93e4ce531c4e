//! The defects that can be planted: one in a faulty folder, at a known place, named by the rule that must find it.

use serde_json::{Map, Value, json};

use super::Planted;
use super::intervention::{self, Fields, put};
use super::person::{Subject, anpr, omocodia};
use super::prng::Prng;
use super::services::{PLAIN_MONTHLY, PLAIN_ONCE, Profile, Service};

/// A way to spoil a folder.
pub struct Defect {
    pub rule: &'static str,
    pub kind: Kind,
}

/// Where a defect goes.
pub enum Kind {
    /// Spoils person or history; the path it leaves.
    Folder(&'static str, fn(&Subject, &mut Map<String, Value>)),
    /// Spoils an intervention given once, or a monthly one, added for it; the field it leaves.
    Once(&'static str, fn(&mut Fields)),
    Monthly(&'static str, fn(&mut Fields)),
}

impl Defect {
    /// The profile that the defect needs.
    pub fn profile(&self) -> Option<Profile> {
        (self.rule == "sina-mancante").then_some(Profile::Disabled)
    }

    /// Whether the folder must hold the spoiled intervention only.
    pub fn is_alone(&self) -> bool {
        self.rule == "sina-mancante"
    }
}

const fn folder(
    rule: &'static str,
    path: &'static str,
    spoil: fn(&Subject, &mut Map<String, Value>),
) -> Defect {
    Defect { rule, kind: Kind::Folder(path, spoil) }
}

const fn once(rule: &'static str, field: &'static str, spoil: fn(&mut Fields)) -> Defect {
    Defect { rule, kind: Kind::Once(field, spoil) }
}

const fn monthly(rule: &'static str, field: &'static str, spoil: fn(&mut Fields)) -> Defect {
    Defect { rule, kind: Kind::Monthly(field, spoil) }
}

/// All defects; each faulty folder carries one.
pub const DEFECTS: [Defect; 24] = [
    folder("cf-carattere-controllo", "/persona/codice_fiscale", |_, folder| turn_letter(folder)),
    folder("persona-non-inviabile-stp-eni", "/persona/codice_stp", |subject, folder| {
        replace_code(folder, "codice_stp", format!("STP120101{:07}", subject.index % 10_000_000));
    }),
    folder("persona-non-inviabile-omocodia", "/persona/codice_fiscale", |subject, folder| {
        let code = folder["persona"]["codice_fiscale"].as_str().unwrap_or_default().to_owned();
        folder["persona"]["codice_fiscale"] = json!(omocodia(&code, 4 + (subject.index % 4) as usize));
    }),
    folder("persona-senza-codice", "/persona", |subject, folder| {
        replace_code(folder, "id_anpr", anpr(subject.index));
    }),
    folder("residenza-mancante", "/residenze", |_, folder| drop_list(folder, "residenze")),
    folder("residenza-italia-senza-comune", "/residenze/0/comune", |subject, folder| {
        put(folder, "residenze", json!([{"dal": subject.born.to_string(), "nazione": "380"}]));
    }),
    folder("area-mancante", "/prese_in_carico", |_, folder| forget_charge(folder)),
    once("dsu-incompleta", "dsu", |fields| {
        put(fields, "prova_mezzi", "isee");
        drop_fields(fields, &["dsu"]);
    }),
    once("importo-mancante", "importo", |fields| drop_fields(fields, &["importo"])),
    monthly("importo-mensile-mancante", "importo_mensile", |fields| {
        drop_fields(fields, &["importo_mensile"])
    }),
    monthly("data-inizio-mancante", "dal", |fields| drop_fields(fields, &["dal", "al"])),
    once("data-erogazione-mancante", "data_erogazione", |fields| drop_fields(fields, &["data_erogazione"])),
    monthly("fine-prima-di-inizio", "al", |fields| put(fields, "al", "1999-12-31")),
    once("quote-non-quadrano", "quota_ente", |fields| {
        put(fields, "importo", "100.00");
        put(fields, "quota_ente", "60.01");
        put(fields, "quota_utente", "40.00");
    }),
    once("importo-non-positivo", "importo", |fields| put(fields, "importo", "0.00")),
    monthly("importo-non-positivo", "importo_mensile", |fields| put(fields, "importo_mensile", "0.00")),
    once("codice-sconosciuto", "codice", |fields| put(fields, "codice", "A1.99")),
    once("codice-non-comunale", "codice", |fields| {
        put(fields, "codice", "A4.05");
        put(fields, "prova_mezzi", "nessuna");
        drop_fields(fields, &["dsu"]);
    }),
    monthly("codice-solo-presa-in-carico", "codice", |fields| {
        put(fields, "codice", "A2.17");
        put(fields, "prova_mezzi", "nessuna");
        put(fields, "presa_in_carico", "no");
        drop_fields(fields, &["dsu", "valutazione"]);
    }),
    monthly("presa-in-carico-non-so", "presa_in_carico", |fields| {
        put(fields, "presa_in_carico", "non_so");
        drop_fields(fields, &["valutazione"]);
    }),
    once("protocollo-domanda-mancante", "protocollo_domanda", |fields| {
        drop_fields(fields, &["protocollo_domanda"])
    }),
    once("denominazione-corta", "denominazione", |fields| put(fields, "denominazione", "Aiuto")),
    monthly("sina-mancante", "valutazione", |fields| drop_fields(fields, &["valutazione"])),
    once("data-evento-mancante", "data_evento", |fields| {
        put(fields, "codice", "A1.05.01");
        drop_fields(fields, &["data_evento"]);
    }),
];

/// Plants a defect in a complete folder and says where.
pub fn plant(
    prng: &mut Prng,
    subject: &Subject,
    defect: &Defect,
    folder: &mut Map<String, Value>,
) -> Planted {
    let path = match &defect.kind {
        Kind::Folder(path, spoil) => {
            spoil(subject, folder);
            (*path).to_owned()
        }
        Kind::Once(field, spoil) => added(prng, subject, defect, &PLAIN_ONCE, field, *spoil, folder),
        Kind::Monthly(field, spoil) => added(prng, subject, defect, &PLAIN_MONTHLY, field, *spoil, folder),
    };
    Planted { rule: defect.rule.to_owned(), path }
}

/// Adds a plain intervention, spoils it, and gives the path of the spoiled field.
fn added(
    prng: &mut Prng,
    subject: &Subject,
    defect: &Defect,
    service: &Service,
    field: &str,
    spoil: fn(&mut Fields),
    folder: &mut Map<String, Value>,
) -> String {
    let mut isee = take_list(folder, "isee");
    let mut interventions = take_list(folder, "interventi");
    if defect.is_alone() {
        interventions.clear();
        drop_list(folder, "valutazioni");
    }
    let mut fields = intervention::build(prng, subject, service, 9, &mut isee);
    drop_fields(&mut fields, &["quota_ente", "quota_utente", "quota_ssn"]);
    if fields.shift_remove("importo_totale").is_some() {
        put(&mut fields, "importo_mensile", "180.00");
    }
    spoil(&mut fields);
    let path = format!("/interventi/{}/{field}", interventions.len());
    interventions.push(Value::Object(fields));
    put(folder, "isee", isee);
    put(folder, "interventi", interventions);
    path
}

fn take_list(folder: &mut Map<String, Value>, name: &str) -> Vec<Value> {
    match folder.get_mut(name).map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn drop_list(folder: &mut Map<String, Value>, name: &str) {
    folder.shift_remove(name);
}

fn drop_fields(fields: &mut Fields, names: &[&str]) {
    for name in names {
        fields.shift_remove(*name);
    }
}

/// Leaves the person one identifier only, which is no codice fiscale.
fn replace_code(folder: &mut Map<String, Value>, field: &str, code: String) {
    if let Some(Value::Object(person)) = folder.get_mut("persona") {
        drop_fields(person, &["codice_fiscale", "id_anpr"]);
        put(person, field, code);
    }
}

/// The next letter instead of the right one.
fn turn_letter(folder: &mut Map<String, Value>) {
    let mut code = folder["persona"]["codice_fiscale"].as_str().unwrap_or_default().to_owned();
    let next = match code.pop() {
        Some(letter @ 'A'..='Y') => char::from(letter as u8 + 1),
        _ => 'A',
    };
    code.push(next);
    folder["persona"]["codice_fiscale"] = json!(code);
}

/// Says of every intervention that the person is in charge, of which the folder then knows nothing.
fn forget_charge(folder: &mut Map<String, Value>) {
    drop_list(folder, "prese_in_carico");
    for intervention in folder.get_mut("interventi").and_then(Value::as_array_mut).into_iter().flatten() {
        intervention["presa_in_carico"] = json!("si");
    }
}

//! Age bands that move with the calendar tell when to look again, and the pseudonym tells nobody.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::{Date, date};
use raccordo::flow::files::Embedded;
use raccordo::flow::{Catalog, Context, EnteSettings, Mapped};
use raccordo::folder::FolderSchema;
use serde_json::{Value, json};

use super::{FLOW, attributes};

fn folder() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(FLOW).join("eta-oggi/folder.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn map(body: &Value, today: Date, settings: &[(&str, &str)]) -> Mapped {
    let catalog = Catalog::load(&Embedded).map_err(|defects| format!("{defects:#?}")).unwrap();
    let flow = catalog.find(FLOW).unwrap();
    let folder = FolderSchema::embedded().unwrap().parse(&serde_json::to_vec(body).unwrap());
    let chosen: BTreeMap<String, String> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let ente = EnteSettings { flow: chosen, keys: Arc::new(flow.test_keys()), ..EnteSettings::default() };
    flow.map(&folder.map_err(|_| ()).unwrap(), &Context { today, ente })
}

fn payload(mapped: &Mapped) -> String {
    String::from_utf8(mapped.records[0].fragment.as_ref().unwrap().expose().clone()).unwrap()
}

fn band(mapped: &Mapped) -> String {
    attributes(&payload(mapped), "FasciaEtaBeneficiario")[0].to_owned()
}

#[test]
fn a_band_that_moves_is_looked_at_on_the_birthday() {
    let (child, moving) = (folder(), [("sinba_age", "today")]);
    let eve = map(&child, date(2026, 3, 1), &moving);
    assert_eq!((band(&eve).as_str(), eve.look_again), ("3", Some(date(2026, 3, 2))));
    assert_eq!(band(&map(&child, date(2026, 3, 2), &moving)), "4");
    let after = map(&child, date(2026, 3, 3), &moving);
    assert_eq!((band(&after).as_str(), after.look_again), ("4", Some(date(2029, 3, 2))));
    let still = map(&child, date(2026, 3, 1), &[]);
    assert_eq!(
        (band(&still).as_str(), still.look_again),
        ("3", Some(date(2035, 3, 2))),
        "the next is majority"
    );
}

#[test]
fn a_closure_to_come_is_sent_on_its_day() {
    let mut child = folder();
    child["casi_minore"][0]["al"] = json!("2026-06-30");
    child["casi_minore"][0]["chiusura"] = json!({"motivo": "rimpatrio"});
    let before = map(&child, date(2026, 6, 29), &[]);
    assert!(!payload(&before).contains("MotivazioneChiusuraCarico"));
    assert_eq!(before.look_again, Some(date(2026, 6, 30)));
    assert!(payload(&map(&child, date(2026, 6, 30), &[])).contains("MotivazioneChiusuraCarico=\"6\""));
}

#[test]
fn the_pseudonym_follows_the_folder_and_not_the_code() {
    let id = |body: &Value| {
        attributes(&payload(&map(body, date(2026, 3, 1), &[])), "IDBeneficiario")[0].to_owned()
    };
    let child = folder();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut other = child.clone();
        change(&mut other);
        id(&other)
    };
    assert_eq!(with(&|body| body["persona"]["codice_fiscale"] = json!("12345678903")), id(&child));
    assert_eq!(with(&|body| body["persona"]["cognome"] = json!("Zzz")), id(&child));
    assert_ne!(with(&|body| body["id"] = json!("CS-MIN-0002")), id(&child));
    assert_ne!(with(&|body| body["ente"] = json!("F205")), id(&child));
    assert_eq!(map(&child, date(2026, 3, 1), &[]).pseudonyms.len(), 1);
}

//! No codice fiscale, surname or folder id leaves in a payload, a name, an address or a word that is kept.

use raccordo::flow::files::Embedded;
use raccordo::flow::{Catalog, Context, EnteSettings};
use raccordo::folder::FolderSchema;
use raccordo::mapping::keyed::{KeyState, Keys, PseudonymKey, TEST_KEY};
use raccordo::sandbox::gaf::{FLOWS, Script};
use raccordo::sandbox::people;
use serde_json::Value;

use super::stage::{Stage, cared};

/// What would tell who a folder is about.
fn secrets(folder: &Value) -> [String; 3] {
    let text = |value: &Value| value.as_str().unwrap().to_uppercase();
    [text(&folder["persona"]["codice_fiscale"]), text(&folder["id"]), text(&folder["persona"]["cognome"])]
}

/// The values of a payload, without names of elements and attributes; pseudonyms may spell anything.
fn values(payload: &str) -> Vec<String> {
    let texts = payload.split('<').filter_map(|piece| Some(piece.split_once('>')?.1));
    let attributes = payload.split('"').skip(1).step_by(2);
    let values = texts.chain(attributes).filter(|value| !value.is_empty() && value.len() != 88);
    values.map(str::to_uppercase).collect()
}

#[test]
fn no_payload_of_two_thousand_folders_tells_who() {
    let catalog = Catalog::load(&Embedded).map_err(|defects| format!("{defects:?}")).unwrap();
    let schema = FolderSchema::embedded().unwrap();
    let key = KeyState::Ready(PseudonymKey::from_hex(TEST_KEY).unwrap());
    let keys = std::sync::Arc::new(Keys([("siad".to_owned(), key)].into()));
    let today = jiff::civil::date(2026, 3, 17);
    let context = Context { today, ente: EnteSettings { keys, ..EnteSettings::default() } };
    let (mut payloads, mut withheld) = (0, 0);
    for made in people::generate(2_000, 9, 0.0, &["H501", "F205", "L219"], today) {
        let folder = schema.parse(made.folder.to_string().as_bytes()).unwrap();
        let secrets = secrets(&made.folder);
        for flow in FLOWS {
            let mapped = catalog.find(flow).unwrap().map(&folder, &context);
            for record in mapped.records {
                let Some(fragment) = &record.fragment else {
                    withheld += 1;
                    continue;
                };
                let text = String::from_utf8(fragment.expose().clone()).unwrap();
                assert!(!text.contains(&secrets[0]) && !text.contains(&secrets[1]));
                for value in values(&text) {
                    assert!(!value.contains(&secrets[2]), "a surname in a value of {flow}");
                }
                assert!(
                    record.group.is_some_and(|group| !secrets.iter().any(|secret| group.contains(secret)))
                );
                payloads += 1;
            }
        }
    }
    println!("{payloads} payloads, {withheld} withheld");
    assert!(payloads > 600 && withheld == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_around_a_payload_tells_who() {
    let stage = Stage::open(Script { refuse: 0.2, warn: 0.2, ..Script::default() }).await;
    let folders = cared(20);
    stage.save(&folders).await;
    stage.report().await;
    let mut kept = stage.server.requests();
    for column in [
        "SELECT name FROM submission",
        "SELECT handle FROM submission WHERE handle IS NOT NULL",
        "SELECT code FROM receipt",
        "SELECT code FROM attempt WHERE code IS NOT NULL",
        "SELECT cause FROM transition",
        "SELECT grouping FROM record",
        "SELECT event FROM audit",
        "SELECT finding FROM finding",
    ] {
        kept.extend(stage.rows(column));
    }
    let texts = stage.rows("SELECT hex(text) FROM receipt WHERE text IS NOT NULL");
    assert!(kept.len() > 100 && !texts.is_empty());
    for folder in &folders {
        let [code, id, surname] = secrets(folder);
        for text in &kept {
            let text = text.to_uppercase();
            let word = text.split(|letter: char| !letter.is_alphabetic()).any(|word| word == surname);
            assert!(!text.contains(&code) && !text.contains(&id) && !word, "{text}");
        }
    }
    stage.stop().await;
}

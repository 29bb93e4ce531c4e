//! A folder through a flow with several kinds of record: keys, needs, operations, the calendar,
//! lineage, and the static check of a JSON mapping.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use raccordo::flow::files::{Embedded, Files};
use raccordo::flow::{Catalog, Container, Context, EnteSettings, Flow, Header, Mapped, OperationKind, Part};
use raccordo::folder::FolderSchema;
use serde_json::{Value, json};

const FLOW: &str = "fhir-social-care/r4-1";
const FULL: &str = include_str!("../../schemas/folder/1/full.json");
const TODAY: Date = date(2026, 3, 1);

fn catalog() -> Catalog {
    Catalog::load(&Embedded).map_err(|defects| format!("{defects:#?}")).unwrap()
}

fn mapped_on(flow: &Flow, today: Date, settings: &[(&str, &str)], change: impl FnOnce(&mut Value)) -> Mapped {
    let mut body: Value = serde_json::from_str(FULL).unwrap();
    change(&mut body);
    let bytes = serde_json::to_vec(&body).unwrap();
    let folder =
        FolderSchema::embedded().unwrap().parse(&bytes).map_err(|found| format!("{found:?}")).unwrap();
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let ente = EnteSettings { flow: settings.collect::<BTreeMap<_, _>>(), ..EnteSettings::default() };
    flow.map(&folder, &Context { today, ente })
}

fn mapped(flow: &Flow, change: impl FnOnce(&mut Value)) -> Mapped {
    mapped_on(flow, TODAY, &[], change)
}

fn keys(mapped: &Mapped) -> Vec<&str> {
    mapped.records.iter().map(|record| record.key.as_str()).collect()
}

fn fragment(mapped: &Mapped, key: &str) -> Value {
    let record = mapped.records.iter().find(|record| record.key == key).unwrap();
    serde_json::from_slice(record.fragment.as_ref().unwrap().expose()).unwrap()
}

#[test]
fn each_kind_has_its_key_and_what_it_needs() {
    let catalog = catalog();
    let flow = catalog.find(FLOW).unwrap();
    let mapped = mapped(flow, |_| {});
    assert_eq!(mapped.findings, []);
    let needs = |key: &str| {
        let record = mapped.records.iter().find(|record| record.key == key);
        record
            .unwrap_or_else(|| panic!("{key} is not in {:?}", keys(&mapped)))
            .needs
            .as_ref()
            .map(|needed| needed.key.as_str())
    };
    assert_eq!(needs("persona"), None);
    for key in ["presa/2021-01-01", "piano", "valutazione/VAL-1", "consenso/fse-sociale/2024-01-10"] {
        assert_eq!(needs(key), Some("persona"), "{key}");
    }
    assert_eq!(needs("intervento/INT-1"), Some("piano"));
    assert_eq!(needs("intervento/INT-2"), Some("persona"));
    assert_eq!(needs("provenienza/valutazione/VAL-1"), Some("valutazione/VAL-1"));
    let distinct: std::collections::BTreeSet<_> = keys(&mapped).into_iter().collect();
    assert_eq!(distinct.len(), mapped.records.len());
    // What a key tells in a URL says nothing of the person's health.
    assert!(distinct.iter().all(|key| !key.contains("invalidita") && !key.contains("disabile")));
}

#[test]
fn operations_change_what_the_flow_says_and_nothing_else() {
    let catalog = catalog();
    let flow = catalog.find(FLOW).unwrap();
    let (ours, theirs) = (mapped(flow, |_| {}), mapped_on(flow, TODAY, &[("paziente", "crea")], |_| {}));
    let ente = flow.nominal_ente();
    let header = Header { name: "H501.FSE.20260301.0000001", date: TODAY, ente: &ente };
    let build = |mapped: &Mapped, key: &str, kind| -> Value {
        let fragment = fragment(mapped, key).to_string();
        let part = Part { kind, fragment: fragment.as_bytes(), id: "17.3" };
        let bytes = flow.assemble(Container::Single, &header, &[part]).map_err(|found| format!("{found:?}"));
        serde_json::from_slice::<Value>(&bytes.unwrap()).unwrap()["entry"][0].take()
    };
    let search = |kind: &str, key: &str| {
        format!("{kind}?identifier=https%3A%2F%2Fraccordo.example%2Fenti%2FH501%7CCS-2026-000001~{key}")
    };
    for (key, kind) in [("piano", "CarePlan"), ("intervento/INT-1", "ServiceRequest")] {
        let url = search(kind, &key.replace('/', "%2F"));
        let insert = build(&ours, key, OperationKind::Insert);
        assert_eq!((&insert["request"]["method"], &insert["request"]["url"]), (&json!("POST"), &json!(kind)));
        let tag = json!({"system": "https://raccordo.example/fhir/operazione", "code": "17.3"});
        assert_eq!(insert["resource"]["meta"]["tag"], json!([tag]));
        let mut replace = build(&ours, key, OperationKind::Replace);
        assert_eq!(replace["request"], json!({"method": "PUT", "url": url}));
        replace["request"] = insert["request"].clone();
        assert_eq!(replace, insert);
        let cancel = build(&ours, key, OperationKind::Cancel);
        assert_eq!(cancel, json!({"request": {"method": "DELETE", "url": url}}));
    }
    // The Patient: ours by PUT from the first, or only created where it is missing.
    let put = json!({"method": "PUT", "url": search("Patient", "persona")});
    for kind in [OperationKind::Insert, OperationKind::Replace] {
        assert_eq!(build(&ours, "persona", kind)["request"], put);
    }
    let created = build(&theirs, "persona", OperationKind::Insert);
    assert_eq!(created["request"]["method"], "POST");
    assert!(created["resource"].get("address").is_none() && created["resource"].get("birthDate").is_none());
    assert_eq!(build(&theirs, "persona", OperationKind::Replace)["request"], put);
}

#[test]
fn what_the_recipient_keeps_is_no_difference() {
    let catalog = catalog();
    let flow = catalog.find(FLOW).unwrap();
    let crea = [("paziente", "crea")];
    let moved = |body: &mut Value| body["residenze"][1]["comune"] = json!("015146");
    let persona = |mapped: &Mapped| fragment(mapped, "persona");
    assert_eq!(
        persona(&mapped_on(flow, TODAY, &crea, |_| {})),
        persona(&mapped_on(flow, TODAY, &crea, moved))
    );
    assert_ne!(persona(&mapped(flow, |_| {})), persona(&mapped(flow, moved)));
}

#[test]
fn the_calendar_changes_records_only_on_the_days_told() {
    let catalog = catalog();
    let flow = catalog.find(FLOW).unwrap();
    let change = |body: &mut Value| {
        body["prese_in_carico"] =
            json!([{"dal": "2021-01-01", "al": "2026-05-31", "area": "famiglia_minori"}]);
        body["consensi"][0]["al"] = json!("2026-12-31");
        body["certificazioni"] = json!([]);
    };
    let bodies = |mapped: &Mapped| -> Vec<Option<Vec<u8>>> {
        mapped
            .records
            .iter()
            .map(|record| record.fragment.as_ref().map(|bytes| bytes.expose().clone()))
            .collect()
    };
    let (mut day, mut looks) = (TODAY, Vec::new());
    while let Some(next) = mapped_on(flow, day, &[], change).look_again {
        assert!(next > day);
        // The day before, everything is still as it was.
        let eve = next.yesterday().unwrap();
        assert_eq!(bodies(&mapped_on(flow, day, &[], change)), bodies(&mapped_on(flow, eve, &[], change)));
        looks.push(next);
        day = next;
    }
    // The end of the stay and the day after it, the end of the consent and the day after it.
    assert_eq!(looks, [date(2026, 5, 31), date(2026, 6, 1), date(2026, 12, 31), date(2027, 1, 1)]);
    let ended = mapped_on(flow, date(2026, 6, 1), &[], change);
    assert_eq!(fragment(&ended, "presa/2021-01-01")["resource"]["status"], "finished");
    assert_eq!(mapped_on(flow, date(2027, 1, 1), &[], change).findings[0].rule, "consenso-scaduto");
}

#[test]
fn sources_tell_silence_from_a_statement() {
    let catalog = catalog();
    let flow = catalog.find(FLOW).unwrap();
    let without = mapped(flow, |body| {
        body["fragilita"] = json!([]);
        body["valutazioni"] = json!([]);
        for intervention in body["interventi"].as_array_mut().unwrap() {
            intervention.as_object_mut().unwrap().shift_remove("valutazione");
        }
        body["interventi"][1]["stato"] = json!("annullato");
        body.as_object_mut().unwrap().shift_remove("piano");
    });
    // The list of frailties is there and empty: none holds any more. The rest is only missing.
    assert!(without.named.iter().any(|source| source == "fragilita"));
    assert!(!without.named.iter().any(|source| source.contains("VAL-1") || source.contains("piano")));
    assert_eq!(without.annulled, ["intervento/INT-2"]);
}

#[test]
fn every_written_field_of_the_folder_is_told_with_its_purpose() {
    let catalog = catalog();
    let flow = catalog.find(FLOW).unwrap();
    let mapped = mapped(flow, |_| {});
    let record = mapped.records.iter().find(|record| record.key == "valutazione/VAL-1").unwrap();
    let lineage = flow.lineage(record);
    let told: Vec<_> =
        lineage.iter().filter(|row| row.sources.contains(&"valutazioni[].bisogni[]".to_owned())).collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].target, "entry[]/resource/component[bisogno]/valueCodeableConcept/coding[]/code");
    assert!(lineage.iter().all(|row| row.sources.is_empty() || !row.purpose.is_empty()));
    assert!(flow.fields_sent().iter().all(|field| !field.contains("importo") && !field.contains("isee")));
}

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

fn changed(file: &str, from: &str, to: &str) -> Result<Catalog, String> {
    let (folder, name) = file.split_once('/').unwrap_or((file, "mapping.toml"));
    let path = format!("{folder}/{FLOW}/{name}");
    let text = Embedded.text(&path).unwrap();
    assert!(text.contains(from), "{path} has no {from}");
    let defects = Catalog::load(&Changed { path, text: text.replacen(from, to, 1) });
    defects.map_err(|defects| defects.iter().map(|defect| format!("{defect}\n")).collect())
}

#[test]
fn a_broken_json_mapping_does_not_load() {
    let cases = [
        ("from = \"persona.cognome\"", "from = \"persona.cognom\"", "not a field of the folder"),
        ("resource/name[]/family", "resource/name[]/Family", "did you mean `entry[]/resource/name[]/family`"),
        ("resource/name[]/family", "resource/name/family", "is an array in one row and none in another"),
        ("{ target = \"resource/intent\", value = \"plan\" },", "", "the schema wants it, no row writes it"),
        ("value = \"plan\"", "value = \"piano\"", "`piano` is not allowed"),
        (
            "{ target = \"resource/status\", value = \"unknown\" },",
            "",
            "mandatory, but its row may find nothing",
        ),
        (
            "{ target = \"resource/identifier[stp]\", when = \"has(persona.codice_stp)\" },",
            "",
            "may find nothing",
        ),
        ("codes = \"genere\"", "codes = \"area\"", "does not translate"),
        ("as = \"integer\"", "as = \"text\"", "does not take Integer"),
        ("from = \"presa.area\"", "from = \"intervento.codice\"", "an item of the kind `intervento`"),
        ("template = \"{id}~{record.key}\"", "template = \"{id}~{record.ke}\"", "this root has key, kind"),
        ("template = \"{id}~{record.key}\"", "template = \"{id~{record.key}\"", "not"),
        ("from = \"piano.data\", as = \"date\"", "from = \"oggi.giorno\", as = \"date\"", "writes today"),
        ("presa.dal > oggi.giorno", "days_between(presa.dal, oggi.giorno) > 0", "may only be compared"),
        ("kind = \"piano\"", "kind = \"presa\"", "names two kinds of record"),
        ("key = \"'persona'\"", "key = \"'persona'\"\nneeds = \"'piano'\"", "need each other in a circle"),
        ("part = \"piano\"", "# part", "either `each`, a list, or `part`"),
        ("definition = \"CarePlanEntry\"", "definition = \"CarePlan2\"", "#/$defs/CarePlan2"),
        ("value = \"transaction\"", "value = \"batch\"", "`batch` is not allowed"),
        ("default = \"it-base\"", "default = \"it-bas\"", "not among the values"),
        ("each = \"valutazione.bisogni\"", "each = \"valutazione.bisogno\"", "not a field of the folder"),
    ];
    for (from, to, expected) in cases {
        let said = changed("mappings", from, to).err().unwrap_or_else(|| panic!("{from} -> {to} loads"));
        assert!(said.contains(expected), "{from} -> {to}: {said}");
        assert!(said.contains("mapping.toml") || said.contains("schema.json"), "{said}");
    }
}

#[test]
fn a_schema_problem_comes_back_to_the_folders_place() {
    // The schema gets narrower than the mapping thinks: found at run time, at the folder's own place.
    let narrow = changed(
        "schemas/bundle.schema.json",
        "\"description\": {\n          \"type\": \"object\",\n          \"additionalProperties\": false,\n          \"required\": [\n            \"text\"\n          ],\n          \"properties\": {\n            \"text\": {\n              \"$ref\": \"#/$defs/string\"\n            }",
        "\"description\": {\n          \"type\": \"object\",\n          \"additionalProperties\": false,\n          \"required\": [\n            \"text\"\n          ],\n          \"properties\": {\n            \"text\": {\n              \"$ref\": \"#/$defs/string\", \"allOf\": [{ \"maxLength\": 5 }]\n            }",
    );
    let catalog = narrow.unwrap();
    let mapped = mapped(catalog.find(FLOW).unwrap(), |_| {});
    let plan = mapped.records.iter().find(|record| record.key == "piano").unwrap();
    assert!(plan.fragment.is_none());
    let told = &plan.findings[0];
    assert_eq!(
        (told.rule.as_str(), told.folder_path.as_str()),
        ("schema-maxLength", "/piano/obiettivi/0/descrizione")
    );
    assert_eq!(told.payload_path.as_deref(), Some("piano/resource/contained/0/description/text"));
    assert!(mapped.withheld.contains(&"piano".to_owned()));
}

#[test]
fn its_payloads_are_not_read_back() {
    let catalog = catalog();
    let refused = catalog.find(FLOW).unwrap().records_of(b"{}").err().unwrap().to_string();
    assert!(refused.contains("cannot be adopted"), "{refused}");
}

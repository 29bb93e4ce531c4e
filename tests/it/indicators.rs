//! Indicators: they add up with the ledger, tell no few persons, and disturb no flow that sends.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use raccordo::exchange::LedgerError;
use raccordo::flow::Catalog;
use raccordo::flow::aggregate::csv::csv;
use raccordo::flow::files::{Embedded, Files};
use raccordo::mapping::aggregate::{Span, Tally};
use serde_json::{Value, json};

use crate::cli::{raccordo, write_lines};
use crate::serving::{ALL, ROME, Site, configure, generated, request};

const FLOW: &str = "leps-indicators/1";

/// The folders of a fixture that can be read.
fn fixture(case: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/{FLOW}/{case}/folders.ndjson"));
    let text = std::fs::read_to_string(path).unwrap();
    let folders = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    folders.filter(|folder| folder.get("ente").is_some()).collect()
}

fn import(site: &Site, folders: &[Value]) {
    let lines: String = folders.iter().map(|folder| format!("{folder}\n")).collect();
    let answer = site.api("POST", "/import", lines.as_bytes());
    assert_eq!(answer.lines().last().unwrap()["summary"]["saved"], folders.len(), "{}", answer.text());
}

fn exact(site: &Site) -> Value {
    site.api("GET", "/indicators?ente=H501&period=2025&exact=true", b"").good(200)
}

/// The terms of a line of the exact reconciliation, after it was seen to add up.
fn line(told: &Value, id: &str) -> BTreeMap<String, u64> {
    let lines = told["exact"].as_array().unwrap();
    let found = lines.iter().find(|line| line["id"] == id).unwrap_or_else(|| panic!("no line {id}: {told}"));
    let terms = found["terms"].as_array().unwrap().iter();
    let terms = terms.map(|term| (term["id"].as_str().unwrap().to_owned(), term["count"].as_u64().unwrap()));
    let mut terms: BTreeMap<String, u64> = terms.collect();
    assert_eq!(found["total"].as_u64(), Some(terms.values().sum()), "{id} does not add up: {found}");
    assert_eq!(found["closes"], true);
    terms.retain(|_, count| *count > 0);
    terms
}

fn terms(told: &[(&str, u64)]) -> BTreeMap<String, u64> {
    told.iter().map(|(id, count)| ((*id).to_owned(), *count)).collect()
}

#[test]
fn every_number_reconciles_with_the_ledger() {
    let site = Site::open();
    import(&site, &fixture("celle-piccole"));
    let told = exact(&site);
    assert_eq!(line(&told, "folders"), terms(&[("counted", 38), ("left_out", 1), ("nothing", 1)]));
    assert_eq!(site.gateway.books.folder_count().unwrap(), 40, "all that is stored");
    assert_eq!(line(&told, "folders.left_out"), terms(&[("cf-carattere-controllo", 1)]));
    let parts = [
        ("annullati", 1),
        ("in-attesa", 1),
        ("iniziati", 31),
        ("left_out", 1),
        ("pianificati-senza-domanda", 5),
    ];
    assert_eq!(line(&told, "interventi"), terms(&parts));
    let groups = [
        ("assistenza_domiciliare", 14),
        ("contrasto_poverta", 8),
        ("strutture", 3),
        ("vita_indipendente", 6),
    ];
    assert_eq!(line(&told, "indicator.interventi"), terms(&groups));
    assert_eq!(
        line(&told, "indicator.tempi-di-attesa"),
        terms(&[("used", 22), ("without", 3), ("contradictory", 6)])
    );
    // Persons without a codice fiscale cannot be sent to INPS: the flow withholds them, we count them.
    assert_eq!(line(&told, "interventi@siuss"), terms(&[("withheld", 31)]));
    for entry in told["exact"].as_array().unwrap() {
        line(&told, entry["id"].as_str().unwrap());
    }
    let events = site.gateway.books.audit(0, 10_000).unwrap();
    let noted = events.iter().filter(|(_, event, _)| event.contains("indicators-made")).count();
    assert_eq!(noted, 1, "each count is noted once");
}

#[test]
fn what_is_sent_and_acknowledged_is_told_as_such() {
    let site = Site::open();
    import(&site, &generated(60));
    let before = line(&exact(&site), "interventi@siuss");
    assert!(before["to_send"] > 10 && !before.contains_key("under_way"), "{before:?}");
    site.report();
    let queued = line(&exact(&site), "interventi@siuss");
    assert_eq!(queued.get("under_way"), before.get("to_send"));
    let flows = site.flussi("since=0&limit=100");
    let receipt = |flow: &Value| {
        json!({
            "id_flusso": flow["id_flusso"], "tipo": flow["tipo"], "ts_flusso": flow["ts_flusso"],
            "ts_acquisizione": "2026-11-23T10:00:00.000Z", "codice_esito": "OK",
        })
    };
    let receipts: Vec<Value> = flows.iter().map(receipt).collect();
    assert_eq!(site.esiti(json!({ "elenco_esiti": receipts }).to_string().as_bytes()).status, 204);
    let after = line(&exact(&site), "interventi@siuss");
    let known = |terms: &BTreeMap<String, u64>, id: &str| terms.get(id).copied().unwrap_or_default();
    assert!(known(&after, "acknowledged") > 0, "{after:?}");
    assert_eq!(known(&after, "acknowledged") + known(&after, "under_way"), before["to_send"]);
}

#[test]
fn json_and_csv_tell_the_same_and_no_one() {
    let site = Site::open();
    let folders = fixture("celle-piccole");
    import(&site, &folders);
    let token = format!("Bearer {ALL}");
    let ask = |accept: &str| {
        let headers = [("authorization", token.as_str()), ("accept", accept)];
        request(
            site.api,
            "GET",
            "/api/v1/indicators?ente=H501&period=2025&flow=leps-indicators",
            &headers,
            b"",
        )
    };
    let document = ask("application/json").good(200);
    assert_eq!((&document["flow"], &document["threshold"]), (&"leps-indicators".into(), &5.into()));
    let table = ask("text/csv");
    assert!(table.kind().starts_with("text/csv"), "{}", table.kind());
    assert_eq!(table.text(), csv(&document));
    let suppressed = document.to_string().matches("\"suppressed\"").count();
    assert!(suppressed > 10 && suppressed == table.text().matches(",soppresso\r\n").count(), "{suppressed}");
    for text in [document.to_string(), table.text()] {
        for folder in &folders {
            let person = &folder["persona"];
            let known = [&folder["id"], &person["codice_stp"], &person["codice_fiscale"], &person["nome"]];
            assert!(known.iter().filter_map(|value| value.as_str()).all(|value| !text.contains(value)));
        }
    }
}

#[test]
fn what_cannot_be_counted_is_said() {
    let site = Site::open();
    let ask = |query: &str| site.api("GET", &format!("/indicators?{query}"), b"");
    assert!(ask("ente=H501&period=2199").problem(400).contains("has not begun"));
    assert!(ask("ente=H501&period=to-2025-03-01").problem(400).contains("a year, a quarter or a month"));
    assert!(ask("ente=H501&period=25").problem(400).contains("is not a period"));
    assert!(ask("ente=H501").problem(400).contains("not understood"));
    assert!(ask("ente=X999&period=2025").problem(404).contains("no ente"));
    assert!(ask("ente=H501&period=2025&flow=nothing").problem(404).contains("no flow"));
    assert_eq!(site.api_as(ROME, "GET", "/indicators?ente=F205&period=2025", b"").status, 403);
    let run = json!({"ente": "H501", "flow": FLOW}).to_string();
    assert!(site.api("POST", "/runs", run.as_bytes()).problem(409).contains("is counted, not sent"));
    let replay = json!({"flow": "leps-indicators"}).to_string();
    assert!(site.api("POST", "/replay", replay.as_bytes()).problem(409).contains("is counted, not sent"));
    // An empty ledger is counted too: everything is zero, and told so.
    let empty = ask("ente=H501&period=2025").good(200);
    let cells =
        empty["indicators"].as_array().unwrap().iter().flat_map(|one| one["cells"].as_array().unwrap());
    assert!(cells.into_iter().all(|cell| cell["state"] == "zero" || cell["state"] == "none"));
}

#[test]
fn saves_and_readiness_know_nothing_of_it() {
    let site = Site::open();
    import(&site, &generated(5));
    let standing = site.api("GET", "/readiness", b"").good(200);
    let flows: Vec<&Value> =
        standing["readiness"].as_array().unwrap().iter().map(|row| &row["flow"]).collect();
    assert!(!flows.is_empty() && flows.iter().all(|flow| **flow != FLOW), "{flows:?}");
}

#[test]
fn production_wants_the_unverified_accepted() {
    let ask = |accepted: &str| {
        let site = Site::with(&format!(
            "environment = \"production\"\naccept_unverified = [\"siuss-ps-psa-sina/2018-12\"{accepted}]"
        ));
        site.api("GET", "/indicators?ente=H501&period=2025", b"")
    };
    assert!(ask("").problem(409).contains("accept_unverified"));
    ask(&format!(", \"{FLOW}\"")).good(200);
}

#[test]
fn a_count_sees_one_moment() {
    let site = Site::open();
    let folders = generated(3);
    import(&site, &folders[..2]);
    let counts = site.gateway.books.snapshot(|snapshot| {
        let before = snapshot.folder_count("H501")?;
        import(&site, &folders[2..]);
        Ok::<_, LedgerError>((before, snapshot.folder_count("H501")?, snapshot.folders("H501", 0, 9)?.len()))
    });
    assert_eq!(counts.unwrap(), (2, 2, 2));
    assert_eq!(site.gateway.books.folder_count().unwrap(), 3);
}

#[test]
fn tallies_of_parts_make_the_tally_of_all() {
    let catalog = Catalog::load(&Embedded).map_err(|defects| format!("{defects:?}")).unwrap();
    let flow = &catalog.aggregates()[0];
    let folders = [fixture("celle-piccole"), fixture("ordinario"), generated(40)].concat();
    let day = |text: &str| text.parse().unwrap();
    let span = Span::of(day("2025-01-01"), day("2025-12-31"), day("2026-02-01"));
    let over = |folders: &[Value]| {
        let mut tally = Tally::new(&flow.plan);
        folders.iter().for_each(|folder| drop(tally.fold(&flow.plan, folder, &span)));
        tally
    };
    let whole = over(&folders);
    for cut in [0, 1, 17, 40, folders.len()] {
        let mut first = over(&folders[..cut]);
        first.merge(&over(&folders[cut..]));
        let total = |tally: &Tally| {
            let cells = tally.tables.iter().flat_map(|table| (0..table.len()).map(|cell| table.cell(cell)));
            let cells = cells.map(|cell| {
                (cell.all.items, cell.all.people.count, cell.used.count, cell.sum, cell.days.clone())
            });
            (tally.folders, tally.counted, tally.nothing, tally.left_out.clone(), cells.collect::<Vec<_>>())
        };
        assert!(total(&first) == total(&whole), "cut at {cut}");
    }
}

#[test]
fn the_command_writes_a_file_for_its_owner_and_says_how_it_adds_up() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    configure(at, "unused.json", "");
    write_lines(at, "folders.ndjson", &fixture("ordinario"));
    raccordo(at, &["import", "folders.ndjson"]);
    let asked = ["indicators", "--ente", "H501", "--period", "2025"];
    let with = |more: &[&'static str]| [&asked[..], more].concat();
    let said = raccordo(at, &with(&["--format", "csv", "--out", "2025.csv"])).exit(0);
    assert!(said.out.contains("Written to 2025.csv") && said.out.contains("Stored folders"), "{}", said.out);
    let file = at.join("2025.csv");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        std::fs::read_dir(at)
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part") })
            .count(),
        0
    );
    let document = raccordo(at, &asked).exit(0).json();
    assert_eq!(csv(&document), std::fs::read_to_string(&file).unwrap());
    let italian =
        raccordo(at, &["--lang", "it", "indicators", "--ente", "H501", "--period", "2025", "--exact"])
            .exit(0);
    assert!(
        italian.out.contains("Cartelle registrate") && italian.out.contains("Ogni riga quadra"),
        "{}",
        italian.out
    );
    raccordo(at, &with(&["--out", "no/such/directory"])).exit(2);
    raccordo(at, &["report", "--ente", "H501", "--flow", FLOW, "--period", "2025"])
        .refused("is counted, not sent");
    raccordo(at, &["map", "--flow", FLOW, "folders.ndjson"]).refused("is counted, not sent");
    assert!(raccordo(at, &["check"]).exit(0).out.contains("leps-indicators/1: sound"));
}

/// The embedded flows with one file changed.
struct Spoiled {
    path: String,
    text: String,
}

impl Files for Spoiled {
    fn list(&self, folder: &str) -> Vec<String> {
        Embedded.list(folder)
    }

    fn read(&self, path: &str) -> Option<std::borrow::Cow<'_, [u8]>> {
        if path == self.path { Some(self.text.as_bytes().into()) } else { Embedded.read(path) }
    }
}

/// What the check says of a mapping with `from` replaced.
fn defects(file: &str, from: &str, to: &str) -> Vec<String> {
    let path = format!("mappings/{FLOW}/{file}");
    let sound = Embedded.text(&path).unwrap();
    assert!(sound.contains(from), "{from}");
    let spoiled = Spoiled { path, text: sound.replacen(from, to, 1) };
    let found = Catalog::load(&spoiled).err().unwrap_or_default();
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn the_static_check_names_place_and_mend() {
    for (file, from, to, told) in [
        ("mapping.toml", "presa.area\"", "presa.arrea\"", "is not a field of the folder"),
        ("mapping.toml", "\"interventi\"\nas = ", "\"intervento_unico\"\nas = ", "is no list of the folder"),
        (
            "mapping.toml",
            "other = \"non_indicata\"",
            "other = \"ignota\"",
            "is no group of codes/gruppi_area.csv",
        ),
        ("codes/gruppi_leps.csv", "strutture,", "struttura,", "translated to no group"),
        ("mapping.toml", "by = [\"area\"]", "by = [\"aria\"]", "there is no dimension `aria`"),
        ("mapping.toml", "parts = [\"in-attesa\"]", "parts = [\"in-atesa\"]", "has no part `in-atesa`"),
        (
            "mapping.toml",
            "parts = [\"in-attesa\"]",
            "parts = [\"in-attesa\", \"annullati\"]",
            "counts some of the parts",
        ),
        (
            "mapping.toml",
            "by = [\"leps\", \"area_intervento\"]",
            "by = [\"leps\"]",
            "by one of its dimensions",
        ),
        ("mapping.toml", "measure = \"persons\"", "measure = \"days\"", "what is measured is not told"),
        ("mapping.toml", "of = \"intervento.importo\"", "of = \"intervento.dal\"", "is no amount"),
        ("mapping.toml", "threshold = \"small_cells\"", "threshold = \"smallest\"", "is not declared"),
        ("mapping.toml", "default = \"5\"", "default = \"1\"", "threshold below 3"),
        (
            "mapping.toml",
            "title = { it = \"Fuori dal periodo\"",
            "when = \"has(presa.al)\"\ntitle = { it = \"Fuori dal periodo\"",
            "exactly once",
        ),
        (
            "mapping.toml",
            "presa.dal <= periodo.riferimento",
            "presa.dal + 1 <= periodo.riferimento",
            "is not allowed",
        ),
        (
            "mapping.toml",
            "periodo.riferimento && !(presa",
            "periodo.oggi && !(presa",
            "this root has dal, al, riferimento",
        ),
        ("codes/leps.csv", "A1.01,", "Z1.01,", "can never hold: Z1.01"),
        ("codes/gruppi_area.csv", "famiglia_minori,", "famiglia,", "without a group: famiglia_minori"),
        ("codes/gruppi_leps.csv", "non_classificato,", "totale,", "no group can be called `totale`"),
    ] {
        let found = defects(file, from, to);
        let of_it = found.iter().find(|defect| defect.contains(told));
        let of_it = of_it.unwrap_or_else(|| panic!("{from} -> {to}: {found:#?}"));
        assert!(
            of_it.starts_with(&format!("mappings/{FLOW}/mapping.toml:")) && of_it.ends_with(')'),
            "{of_it}"
        );
    }
}

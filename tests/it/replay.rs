//! Replay: what a mended mapping changes is foreseen without a trace, and then just that is sent.

use std::path::Path;

use raccordo::exchange::{Bucket, LedgerError, Order, Period};
use raccordo::flow::Catalog;
use raccordo::flow::files::Directory;
use raccordo::gateway::{DryRun, Gateway, ReplayError, ReplayRequest, RunRequest, SystemClock};
use raccordo::ledger::Tx;
use raccordo::ledger::books::{ReplayScope, RunOrder};
use raccordo::node;
use serde_json::{Value, json};

use crate::cli::{raccordo, write_lines};
use crate::serving::{FLOW, Site, configure, generated};

/// A rule that withholds every benefit given once.
const STRICT: &str = r#"
[[rule]]
id = "prova-solo-periodici"
severity = "withhold"
scope = "record"
check = "intervento.carattere != 'occasionale'"
at = ["intervento.carattere"]
payload = "PrestazioniSociali/@CodicePrestazione"
message = { it = "Di prova.", en = "A trial." }
hint = { it = "Di prova.", en = "A trial." }
verdict = "correct-mapping"
source = "trial"
status = "stated"
"#;

/// The mapping as it is, with a rule too many, or with another name for one code.
#[derive(Clone, Copy)]
enum Mapping {
    Usual,
    Strict,
    Renamed,
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            std::fs::copy(entry.path(), target).map(|_| ()).unwrap()
        }
    }
}

fn catalog(mapping: Mapping) -> Catalog {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().unwrap();
    for name in ["mappings", "schemas"] {
        copy(&root.join(name), &dir.path().join(name));
    }
    let of_flow = dir.path().join("mappings").join(FLOW);
    let change = |file: &str, change: &dyn Fn(String) -> String| {
        let path = of_flow.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let changed = change(text.clone());
        assert_ne!(text, changed);
        std::fs::write(path, changed).unwrap();
    };
    match mapping {
        Mapping::Usual => {}
        Mapping::Strict => change("rules.toml", &|text| text + STRICT),
        Mapping::Renamed => change("codes/tipo_categoria.csv", &|text| {
            let line = text.lines().find(|line| line.starts_with("A1.04,")).unwrap();
            let mut cells: Vec<&str> = line.split(',').collect();
            cells[1] = "Un altro nome della prestazione";
            text.replace(line, &cells.join(","))
        }),
    }
    Catalog::load(&Directory::new(dir.path())).unwrap_or_else(|defects| panic!("{defects:#?}"))
}

/// The installation of `dir` under a mapping; only one at a time has the ledger.
fn open(dir: &Path, mapping: Mapping) -> Gateway {
    let config = configure(dir, "unused.json", "");
    let settings = crate::ledgers::load(&config);
    Gateway::open(settings, catalog(mapping), Box::new(SystemClock)).unwrap()
}

fn save(gateway: &Gateway, folders: &[Value]) {
    for folder in folders {
        gateway.save_bytes(folder.to_string().as_bytes(), "test").unwrap();
    }
}

fn all() -> ReplayRequest {
    ReplayRequest {
        enti: vec!["H501".into(), "F205".into()],
        flow: FLOW.into(),
        period: None,
        rule: None,
        state: None,
        code: None,
        folders: Vec::new(),
        also_unchanged: false,
        route: None,
        actor: "test".into(),
    }
}

fn report(gateway: &Gateway) -> i64 {
    let request = RunRequest {
        ente: "H501".into(),
        flow: FLOW.into(),
        period: None,
        folder: None,
        route: None,
        actor: "test".into(),
    };
    gateway.start_run(&request).unwrap()
}

fn bucket(gateway: &Gateway, run: i64, bucket: Bucket) -> u64 {
    let head = gateway.books.runs(Some(run), 1).unwrap().remove(0);
    assert!(head.balance.closes() && !head.selecting, "{head:?}");
    head.balance.count(bucket)
}

/// Everything that is stored of the exchange, to see that a dry run leaves no trace.
fn trace(gateway: &Gateway) -> String {
    let standings = gateway.books.standings().unwrap();
    let head = gateway.verify_audit().unwrap().unwrap();
    let (runs, operations) =
        (gateway.books.runs(None, 100).unwrap(), gateway.books.operation_counts().unwrap());
    format!("{standings:?}{head:?}{runs:?}{operations:?}")
}

fn dry(gateway: &Gateway, request: &ReplayRequest) -> DryRun {
    let before = trace(gateway);
    let told = gateway.dry_run(request, 1000).unwrap();
    assert_eq!(trace(gateway), before, "a dry run writes nothing");
    assert_eq!(told.changes.values().sum::<u64>(), told.records);
    told
}

#[test]
fn what_a_mended_rule_lets_go_is_counted_and_then_sent() {
    let dir = tempfile::tempdir().unwrap();
    let folders = generated(70);
    let strict = open(dir.path(), Mapping::Strict);
    save(&strict, &folders);
    let first = report(&strict);
    let withheld = bucket(&strict, first, Bucket::SetAside);
    let queued = bucket(&strict, first, Bucket::Queued);
    assert!(withheld > 10 && queued > 10);
    let still = dry(&strict, &ReplayRequest { state: Some("set_aside".into()), ..all() });
    assert_eq!((still.records, still.changes["still_withheld"]), (withheld, withheld));
    assert!(still.sample.iter().all(|row| row.rules == ["prova-solo-periodici"] && row.fields.is_empty()));
    drop(strict);

    let usual = open(dir.path(), Mapping::Usual);
    let told = dry(&usual, &all());
    assert_eq!((told.changes["fixed"], told.changes["unchanged"]), (withheld, queued));
    assert_eq!(told.records, withheld + queued);
    let by_rule = ReplayRequest { rule: Some("prova-solo-periodici".into()), ..all() };
    assert_eq!(dry(&usual, &by_rule).changes["fixed"], withheld);
    let runs = usual.start_replay(&by_rule).unwrap();
    assert_eq!(runs.len(), 2, "a run per ente");
    assert_eq!(bucket(&usual, runs[0], Bucket::Queued), withheld, "only what changed");
    let head = usual.books.runs(Some(runs[0]), 1).unwrap().remove(0);
    assert_eq!((head.kind.as_str(), head.balance.selected), ("replay", withheld));
    let changes: Value = serde_json::from_str(head.changes.as_deref().unwrap()).unwrap();
    assert_eq!(changes["fixed"], withheld);
    // Saved and selected: a second replay finds nothing left to do.
    assert_eq!(dry(&usual, &by_rule).records, 0);
    let again = usual.start_replay(&all()).unwrap();
    assert_eq!(usual.books.runs(Some(again[0]), 1).unwrap()[0].balance.selected, 0);
    assert!(usual.verify_audit().unwrap().is_ok());
}

#[test]
fn what_another_rule_withholds_or_another_name_changes_is_told_by_its_field() {
    let dir = tempfile::tempdir().unwrap();
    let folders = generated(70);
    let usual = open(dir.path(), Mapping::Usual);
    save(&usual, &folders);
    report(&usual);
    drop(usual);
    let strict = open(dir.path(), Mapping::Strict);
    let told = dry(&strict, &all());
    assert!(told.changes["newly_withheld"] > 10 && told.changes["fixed"] == 0, "{:?}", told.changes);
    drop(strict);
    let renamed = open(dir.path(), Mapping::Renamed);
    let told = dry(&renamed, &all());
    let changed = told.changes["changed"];
    assert!(changed > 5 && changed + told.changes["unchanged"] == told.records, "{:?}", told.changes);
    let field = "Beneficiario/PrestazioniSociali/@DenominazionePrestazione";
    assert_eq!(told.fields, [(field.to_owned(), changed)].into());
    assert!(told.sample.iter().all(|row| row.fields == [field] && row.held == "nothing"));
    let text = serde_json::to_string(&told).unwrap();
    for folder in &folders {
        let person = &folder["persona"];
        for value in [&person["codice_fiscale"], &person["cognome"]] {
            assert!(!text.contains(value.as_str().unwrap()), "fields are told, never values");
        }
    }
    assert!(!text.contains("Un altro nome"));
}

#[test]
fn each_filter_selects_what_it_names() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = open(dir.path(), Mapping::Usual);
    let folders = generated(12);
    save(&gateway, &folders);
    let all_of_them = dry(&gateway, &all()).records;
    let one = ReplayRequest { folders: vec![folders[3]["id"].as_str().unwrap().to_owned()], ..all() };
    let told = dry(&gateway, &one);
    assert!(told.folders == 1 && told.records > 0 && told.records < all_of_them);
    let none = |request: ReplayRequest| assert_eq!(dry(&gateway, &request).records, 0);
    none(ReplayRequest { folders: vec!["none".into()], ..all() });
    none(ReplayRequest { state: Some("accepted".into()), ..all() });
    none(ReplayRequest { state: Some("queued".into()), ..all() });
    none(ReplayRequest { code: Some("OK".into()), ..all() });
    none(ReplayRequest { rule: Some("none".into()), ..all() });
    none(ReplayRequest { period: Some("1999".parse::<Period>().unwrap()), ..all() });
    none(ReplayRequest { enti: vec!["F205".into()], ..all() });
    let family = FLOW.split('/').next().unwrap();
    assert_eq!(dry(&gateway, &ReplayRequest { flow: family.into(), ..all() }).records, all_of_them);
    let wrong = ReplayRequest { state: Some("lost".into()), ..all() };
    assert!(matches!(gateway.dry_run(&wrong, 0), Err(ReplayError::NoState(_))));
    let wrong = ReplayRequest { flow: "none/1".into(), ..all() };
    assert!(gateway.dry_run(&wrong, 0).unwrap_err().to_string().contains("none/1"));
    let wrong = ReplayRequest { enti: vec!["A001".into()], ..all() };
    assert!(gateway.start_replay(&wrong).unwrap_err().to_string().contains("A001"));
}

#[test]
fn a_replay_that_a_death_interrupted_goes_on_and_one_that_is_cancelled_stops() {
    let dir = tempfile::tempdir().unwrap();
    let strict = open(dir.path(), Mapping::Strict);
    save(&strict, &generated(70));
    drop(strict);
    let usual = open(dir.path(), Mapping::Usual);
    let wanted = dry(&usual, &all()).changes["fixed"];
    // Opened, and no more: here it dies. Or the first half is done.
    let opened = |done_until: i64| {
        let order = RunOrder {
            ente: "H501".into(),
            register: "siuss".into(),
            flow: FLOW.into(),
            period: String::new(),
            until: None,
            folder: None,
            order: Order { route: "waas-H501".into(), interactive: false },
            hold_above: 0,
            actor: "test".into(),
            now: 0,
        };
        let family = FLOW.split('/').next().map(str::to_owned);
        let scope = ReplayScope {
            ente: "H501".into(),
            register: "siuss".into(),
            flow: family,
            ..ReplayScope::default()
        };
        let open = move |tx: &mut Tx<'_>| {
            let run = tx.open_replay(&order, &scope)?;
            tx.advance_replay(run, (0, done_until), 0, true, "{}")?;
            Ok(run)
        };
        usual.books.write(open).unwrap()
    };
    let stopped = opened(0);
    assert!(usual.cancel_run(stopped, "test").unwrap());
    node::tick(&usual).unwrap();
    assert_eq!(usual.books.runs(Some(stopped), 1).unwrap()[0].balance.selected, 0);
    let half = opened(60);
    node::tick(&usual).unwrap();
    let of_the_rest = bucket(&usual, half, Bucket::Queued);
    assert!(
        of_the_rest > 0 && of_the_rest < wanted,
        "it goes on where it stopped: {of_the_rest} of {wanted}"
    );
    let run = opened(0);
    node::tick(&usual).unwrap();
    assert_eq!(bucket(&usual, run, Bucket::Queued), wanted - of_the_rest);
    assert!(usual.cancel_run(run, "test").unwrap());
    assert_eq!(bucket(&usual, run, Bucket::Superseded), wanted - of_the_rest);
    let missing = usual.cancel_run(999, "test");
    assert!(matches!(missing, Err(LedgerError::Missing(_))));
}

/// Polls once and answers everything with a code.
fn answer_all(site: &Site, code: &str) -> usize {
    let page = site.flussi("since=0&limit=100");
    let esiti: Vec<Value> = page
        .iter()
        .map(|flusso| {
            json!({
                "id_flusso": flusso["id_flusso"], "tipo": "PS_PSA_SINA", "ts_flusso": flusso["ts_flusso"],
                "ts_acquisizione": flusso["ts_flusso"], "codice_esito": code,
            })
        })
        .collect();
    assert_eq!(site.esiti(json!({ "elenco_esiti": esiti }).to_string().as_bytes()).status, 204);
    page.len()
}

#[test]
fn what_was_refused_and_is_the_same_goes_again_only_when_asked() {
    let site = Site::open();
    site.fill(6);
    let refused = answer_all(&site, "RICHIESTA_INVALIDA");
    assert!(refused > 5);
    let replay = |more: Value| {
        let mut asked = json!({"flow": FLOW, "ente": "H501", "state": "refused"});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        site.api("POST", "/replay", asked.to_string().as_bytes())
    };
    let told = replay(json!({})).good(200)["dry_run"].clone();
    assert_eq!((&told["records"], &told["changes"]["still_refused"]), (&json!(refused), &json!(refused)));
    assert_eq!(replay(json!({"code": "RICHIESTA_INVALIDA"})).good(200)["dry_run"]["records"], refused);
    assert_eq!(replay(json!({"code": "OK"})).good(200)["dry_run"]["records"], 0);
    let sent = replay(json!({"dry_run": false})).good(201)["runs"][0].clone();
    assert_eq!(
        (&sent["balance"]["selected"], &sent["changes"]["still_refused"]),
        (&json!(0), &json!(refused))
    );
    assert!(site.flussi("since=0&limit=100").is_empty(), "what was refused is not sent again by itself");
    let sent = replay(json!({"dry_run": false, "also_unchanged": true})).good(201)["runs"][0].clone();
    assert_eq!(sent["balance"]["terms"]["queued"], refused);
    assert_eq!(answer_all(&site, "OK"), refused);
    assert_eq!(replay(json!({})).good(200)["dry_run"]["records"], 0);
    assert_eq!(replay(json!({"state": "accepted"})).good(200)["dry_run"]["records"], refused);
}

#[test]
fn a_replay_asked_wrongly_is_a_problem() {
    let site = Site::open();
    let post = |body: Value| site.api("POST", "/replay", body.to_string().as_bytes());
    post(json!({})).problem(400);
    post(json!({"flow": FLOW, "state": "lost"})).problem(400);
    post(json!({"flow": FLOW, "period": "soon"})).problem(400);
    post(json!({"flow": FLOW, "unknown": 1})).problem(400);
    post(json!({"flow": "none/1"})).problem(404);
    post(json!({"flow": FLOW, "ente": "A001"})).problem(409);
    let other = json!({"flow": FLOW, "ente": "F205"}).to_string();
    site.api_as(crate::serving::ROME, "POST", "/replay", other.as_bytes()).problem(403);
}

#[test]
fn the_command_says_what_would_change_and_starts_only_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    configure(at, "unused.json", "");
    write_lines(at, "folders.ndjson", &generated(8));
    raccordo(at, &["import", "folders.ndjson"]).exit(0);
    let told = raccordo(at, &["--json", "replay", "--flow", FLOW]).exit(0).json();
    assert!(told["dry_run"]["changes"]["unchanged"].as_u64() > Some(7), "{told}");
    let human = raccordo(at, &["replay", "--flow", FLOW]).exit(0).out;
    assert!(human.contains("unchanged") && human.contains("Nothing was written"), "{human}");
    assert_eq!(raccordo(at, &["--json", "runs", "list"]).exit(0).json()["runs"], json!([]));
    let arguments = ["--json", "replay", "--flow", FLOW, "--ente", "H501", "--start", "--also-unchanged"];
    let started = raccordo(at, &arguments).exit(0).json();
    assert!(started["runs"][0]["balance"]["terms"]["queued"].as_u64() > Some(7), "{started}");
    raccordo(at, &["replay", "--flow", "none/1"]).refused("none/1");
    raccordo(at, &["replay", "--flow", FLOW, "--state", "lost"]).refused("is no state");
    raccordo(at, &["replay", "--flow", FLOW, "--also-unchanged"]).exit(2);
}

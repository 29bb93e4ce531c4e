//! Explanations at their seams: a recipient's answer, known or not, comes back as the folder's own
//! field; and nobody reads a person's values without the right, or unmasked.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use raccordo::flow::explain::{Explanation, Reader, Said};
use raccordo::flow::files::Embedded;
use raccordo::flow::{Catalog, Context, EnteSettings, OperationKind};
use raccordo::folder::{Folder, FolderSchema};
use raccordo::gateway::rights::Reason;
use raccordo::gateway::{Bodies, Gateway, RunRequest};
use raccordo::ledger::books::OfWhich;
use raccordo::node;
use raccordo::sandbox::clock;
use raccordo::sandbox::fhir::{FhirServer, FhirServerConfig, Script};
use serde_json::{Value, json};

use crate::cli::raccordo;
use crate::serving::{FLOW, Site, configure, generated};

const HEALTH: &str = "fhir-social-care/r4-1";

fn catalog() -> Catalog {
    Catalog::load(&Embedded).unwrap_or_else(|defects| panic!("{defects:#?}"))
}

fn fixture(flow: &str, case: &str) -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(flow).join(case).join("folder.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// What an answer means for the record `key` of a folder.
fn explained(flow: &str, folder: &Value, key: &str, said: Said<'_>) -> Vec<Explanation> {
    let (catalog, schema) = (catalog(), FolderSchema::embedded().unwrap());
    let flow = catalog.find(flow).unwrap();
    let folder: Folder =
        schema.parse(folder.to_string().as_bytes()).map_err(|found| format!("{found:?}")).unwrap();
    let context = Context { today: jiff::civil::date(2026, 3, 1), ente: EnteSettings::default() };
    let trace = flow.trace(&folder, &context, key).expect("the record");
    flow.explain(&said, &trace, &Reader::new(&schema, Some(folder.body.expose())))
}

const fn refused<'a>(code: &'a str, text: &'a str) -> Said<'a> {
    Said { code, text: Some(text), operation: Some(OperationKind::Insert) }
}

/// Path and value of every field that an explanation shows.
fn fields(told: &Explanation) -> Vec<(&str, Option<&str>)> {
    let fields = told.field.iter().chain(&told.also);
    fields.map(|field| (field.folder_path.as_str(), field.value.as_deref())).collect()
}

#[test]
fn a_place_of_the_payload_is_followed_back_however_it_is_named() {
    let folder = fixture(FLOW, "totale-quote-residui");
    for (text, expected) in [
        // Made by a step out of the total.
        ("ImportoMensile non valido", ("/interventi/0/importo_totale", Some("100.00"))),
        (
            "/Flusso/Beneficiario[1]/PrestazioniSociali[1]/@ImportoQuotaEnte",
            ("/interventi/0/quota_ente", Some("50.00")),
        ),
        ("l'attributo 'Nome' è troppo lungo", ("/persona/nome", Some("Y…"))),
        // From the residence that held at the record's end.
        ("@CodiceComune sconosciuto", ("/residenze/0/comune", Some("0…"))),
        // No row wrote it: the folder lacks it.
        ("AreaUtenza mancante", ("/prese_in_carico/area", None)),
    ] {
        let told = explained(FLOW, &folder, "INT-1/2025", refused("RICHIESTA_INVALIDA", text));
        assert_eq!(fields(&told[0])[0], expected, "{text}");
    }
    let ordinary =
        explained(FLOW, &folder, "INT-1/2025", refused("ERRORE_GENERICO", "Nome in codice: errore."));
    assert_eq!(fields(&ordinary[0]), [("/interventi/0", Some("{…}"))], "an ordinary word names no field");
}

#[test]
fn an_entry_says_where_to_look_when_the_answer_does_not() {
    let mut folder = fixture(FLOW, "totale-quote-residui");
    folder["interventi"][0]["id"] = json!("INT-9");
    let told = explained(
        FLOW,
        &folder,
        "INT-9/2025",
        refused("RICHIESTA_INVALIDA", "La somma delle quote non torna"),
    );
    assert_eq!(told[0].rule, "somma-delle-quote");
    let shown: Vec<_> = fields(&told[0]).into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        shown,
        ["/interventi/0/quota_ente", "/interventi/0/quota_utente", "/interventi/0/importo_totale"]
    );
    let cancel = Said { code: "DATI_NON_TROVATI", text: None, operation: Some(OperationKind::Cancel) };
    let told = explained(FLOW, &folder, "INT-9/2025", cancel);
    assert_eq!(told[0].rule, "cancellazione-non-trovata");
    assert_eq!(fields(&told[0])[0], ("/persona/codice_fiscale", Some("XXX…01D")));
}

#[test]
fn each_issue_of_an_outcome_is_an_explanation() {
    let folder = fixture(HEALTH, "completo");
    let text = "value: troppo lungo (Bundle.entry[3].resource.ofType(ServiceRequest).code.coding[0].code)\n\
                required: CarePlan.title manca (CarePlan.title)\nbusiness-rule: no";
    let said = refused("422 value, required, business-rule", text);
    let told = explained(HEALTH, &folder, "intervento/INT-2", said);
    let rules: Vec<_> = told.iter().map(|told| told.rule.as_str()).collect();
    assert_eq!(rules, ["valore-non-valido", "elemento-obbligatorio", "regola-del-destinatario"]);
    assert_eq!(fields(&told[0]), [("/interventi/1/codice", Some("A1.05.01"))]);
    let person = refused("422 value", "value: x (Bundle.entry[0].resource.identifier[1].value)");
    let told = explained(HEALTH, &folder, "persona", person);
    assert_eq!(told[0].rule, "identificativo-rifiutato");
    let (path, value) = fields(&told[0])[0];
    assert!(path.starts_with("/persona/") && value.unwrap().contains('…'), "{path} {value:?}");
}

fn decoded(flusso: &Value) -> String {
    let text = flusso["flusso"].as_str().unwrap();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}

fn esito(site: &Site, flusso: &Value, code: &str, text: &str) {
    let esito = json!({
        "id_flusso": flusso["id_flusso"], "tipo": flusso["tipo"], "ts_flusso": flusso["ts_flusso"],
        "ts_acquisizione": "2026-11-23T10:00:00.000Z", "codice_esito": code, "descrizione_esito": text,
    });
    assert_eq!(site.esiti(json!({ "elenco_esiti": [esito] }).to_string().as_bytes()).status, 204);
}

/// The folder that a flow speaks of.
fn folder_of(site: &Site, name: &str) -> Value {
    let shown = site.api("GET", &format!("/submissions/{name}"), b"").good(200);
    let id = shown["operations"][0]["folder_id"].clone();
    generated(10).into_iter().find(|folder| folder["id"] == id).unwrap()
}

fn readings(site: &Site) -> usize {
    let events = site.gateway.books.audit(0, 10_000).unwrap();
    events.iter().filter(|(_, event, _)| event.contains("folder-read")).count()
}

#[test]
fn what_inps_refuses_comes_back_on_the_folders_field() {
    let site = Site::open();
    site.fill(10);
    let flows = site.flussi("since=0&limit=100");
    let periodic = flows.iter().find(|flusso| decoded(flusso).contains(" ImportoMensile=")).unwrap();
    let name = periodic["id_flusso"].as_str().unwrap();
    let person = folder_of(&site, name)["persona"].clone();
    let of = |field: &str| person[field].as_str().unwrap().to_owned();
    let (surname, given) = (of("cognome"), of("nome"));
    let code = person["codice_fiscale"].as_str().unwrap_or("XXXYYY80A01H501D").to_owned();
    esito(
        &site,
        periodic,
        "RICHIESTA_INVALIDA",
        &format!("ImportoMensile obbligatorio per {surname} {given} ({code})"),
    );

    // Without reading bodies: the code in words, and nothing of the person.
    let closed = site.api("GET", &format!("/submissions/{name}/explain"), b"").good(200);
    let told = &closed["operations"][0]["explanations"][0];
    assert_eq!((&told["rule"], &told["code"]), (&json!("richiesta-invalida"), &json!("RICHIESTA_INVALIDA")));
    assert!(told["recipient_text"].is_null() && told["value"].is_null(), "{told}");
    assert_eq!(readings(&site), 0);

    // With it: the field, its value, the recipient's words without the person's.
    let open = site.api("GET", &format!("/submissions/{name}/explain?body=true"), b"").good(200);
    let told = &open["operations"][0]["explanations"][0];
    assert_eq!((&told["rule"], &told["verdict"]), (&json!("campo-obbligatorio"), &json!("correct-folder")));
    let path = told["folder_path"].as_str().unwrap();
    assert!(path.starts_with("/interventi/") && path.contains("/importo_"), "{path}");
    assert_eq!(&told["value"], folder_of(&site, name).pointer(path).unwrap());
    assert!(told["label"]["it"].as_str().unwrap().starts_with("Interventi › "), "{told}");
    assert_eq!(told["payload_path"], "PrestazioniSociali/@ImportoMensile");
    assert!(told["recipient_text"].as_str().unwrap().starts_with("ImportoMensile obbligatorio per "));
    assert_eq!(readings(&site), 1);
    for answer in [&closed, &open] {
        let text = answer.to_string();
        assert!(![&surname, &given, &code].iter().any(|value| text.contains(&format!(" {value}"))), "{text}");
    }

    the_same_elsewhere(&site, name, &open, &surname);
}

/// By the operation and by the folder's record; and for people, who read Italian unless they ask for English.
fn the_same_elsewhere(site: &Site, name: &str, open: &Value, surname: &str) {
    let operation = open["operations"][0]["operation"].as_i64().unwrap();
    let one = site.api("GET", &format!("/operations/{operation}/explain?body=true"), b"").good(200);
    assert_eq!(one["operations"], open["operations"]);
    let (folder, record) = (&open["operations"][0]["folder_id"], &open["operations"][0]["record"]);
    let key = record.as_str().unwrap().replace('/', "%2F");
    let path = format!("/folders/{}/explain?record={key}&body=true", folder.as_str().unwrap());
    assert_eq!(site.api("GET", &path, b"").good(200)["operations"], open["operations"]);
    site.api("GET", "/operations/999999/explain", b"").problem(404);
    site.api("GET", "/submissions/none/explain", b"").problem(404);

    let at = site.dir.path();
    let said = raccordo(at, &["explain", name]).exit(1).out;
    assert!(said.contains("Interventi › ") && said.contains("correggere la cartella"), "{said}");
    assert!(!said.contains(&format!(" {surname}")), "{said}");
    let english = raccordo(at, &["--lang", "en", "explain", &operation.to_string()]).exit(1).out;
    assert!(english.contains("correct the folder"), "{english}");
    let closed = raccordo(at, &["--json", "explain", "--closed", name]).exit(1).json();
    assert!(closed["operations"][0]["explanations"][0]["recipient_text"].is_null());
    raccordo(at, &["explain", "none"]).refused("no submission");
}

#[test]
fn a_code_that_nobody_knows_keeps_the_recipients_text() {
    let site = Site::open();
    site.fill(10);
    let flows = site.flussi("since=0&limit=3");
    let texts = [
        "In cooperazione è possibile inviare solo un beneficiario e una prestazione sociale",
        "In lavorazione",
    ];
    esito(&site, &flows[0], "RICHIESTA_INVALIDA", texts[0]);
    esito(&site, &flows[1], "IN_LAVORAZIONE", texts[1]);
    esito(&site, &flows[2], "OK", "");
    let told = |index: usize| {
        let name = flows[index]["id_flusso"].as_str().unwrap();
        site.api("GET", &format!("/submissions/{name}/explain?body=true"), b"").good(200)["operations"]
            .clone()
    };
    let known = told(0)[0]["explanations"][0].clone();
    assert_eq!(
        (&known["rule"], &known["verdict"]),
        (&json!("un-beneficiario-una-prestazione"), &json!("correct-mapping"))
    );
    assert!(
        known["message"]["it"].is_string() && known["hint"]["en"].is_string() && known["source"].is_string()
    );
    let unknown = told(1)[0]["explanations"][0].clone();
    assert_eq!(
        (&unknown["rule"], &unknown["recipient_text"]),
        (&json!("risposta-non-catalogata"), &json!(texts[1]))
    );
    assert_eq!(told(2), json!([]), "what was accepted needs none");
    let name = flows[2]["id_flusso"].as_str().unwrap();
    raccordo(site.dir.path(), &["explain", name]).exit(0);
}

#[test]
fn findings_show_the_field_the_value_and_the_rule() {
    let site = Site::open();
    let mut folder = fixture(FLOW, "totale-quote-residui");
    folder["interventi"][0]["al"] = json!("2024-12-31");
    folder["persona"]["codice_fiscale"] = json!("XXXYYY80A01H501A");
    let saved = site.api("PUT", "/folders/CS-0010", folder.to_string().as_bytes()).good(201);
    let of = |list: &Value, place: &str| {
        let rows = list.as_array().unwrap().iter().map(|row| row["finding"].clone());
        rows.into_iter().find(|finding| finding["folder_path"].as_str().unwrap().starts_with(place)).unwrap()
    };
    let code = of(&saved["findings"], "/persona/codice_fiscale");
    assert_eq!((&code["value"], &code["masked"]), (&json!("XXX…01A"), &json!(true)));
    assert_eq!(code["label"]["it"], "Persona › Codice fiscale");
    for key in ["rule", "severity", "message", "hint", "verdict", "source"] {
        assert!(!code[key].is_null(), "{key}");
    }
    let shown = site.api("GET", "/folders/CS-0010", b"").good(200);
    let closed = of(&shown["findings"], "/persona/codice_fiscale");
    assert!(closed["value"].is_null() && closed["label"] == code["label"]);
    let explained = site.api("GET", "/folders/CS-0010/explain?body=true", b"").good(200);
    assert_eq!(of(&explained["findings"], "/persona/codice_fiscale")["value"], code["value"]);
    // One that can't be saved, too.
    folder["interventi"][0]["importo_totale"] = json!("cento");
    let answer = site.api("PUT", "/folders/CS-0010", folder.to_string().as_bytes());
    answer.problem(422);
    let finding = answer.json()["findings"][0].clone();
    assert_eq!(
        (&finding["value"], &finding["label"]["en"]),
        (&json!("cento"), &json!("Interventions › 1 › Total amount"))
    );
    let lines = site.api("POST", "/import", format!("{folder}\n").as_bytes()).lines();
    assert_eq!(lines[0]["findings"][0]["value"], "cento");
}

/// One folder pushed to a FHIR server that refuses its first service.
fn pushed(dir: &Path, url: &str) -> Arc<Gateway> {
    let config = configure(dir, "unused.json", "");
    let mut text = std::fs::read_to_string(&config).unwrap();
    text.push_str(&format!(
        "\n[[register]]\nname = \"fse-sociale\"\n[[route]]\nid = \"pushed\"\nregister = \"fse-sociale\"\n\
         channel = \"push\"\nenti = [\"H501\"]\n[route.push]\nprotocol = \"fhir\"\nurl = \"{url}\"\n"
    ));
    std::fs::write(&config, text).unwrap();
    Arc::new(node::open(crate::ledgers::load(&config)).unwrap())
}

#[test]
fn what_a_fhir_server_refuses_comes_back_by_its_expression() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let script = Script { refuse_codes: vec!["A1.05.01".into()], ..Script::default() };
    let config = FhirServerConfig::new(([127, 0, 0, 1], 0).into(), script, None);
    let server = runtime.block_on(FhirServer::start(config, clock::system())).unwrap();
    let gateway = pushed(dir.path(), &server.base_url());
    let folder = fixture(HEALTH, "completo");
    gateway.save_bytes(folder.to_string().as_bytes(), "test").unwrap();
    let running = runtime.block_on(async { node::deliver(&gateway) }).unwrap();
    let request = RunRequest {
        ente: "H501".into(),
        flow: HEALTH.into(),
        period: None,
        folder: Some("CS-2026-000001".into()),
        route: None,
        actor: "test".into(),
    };
    let run = gateway.start_run(&request).unwrap();
    runtime.block_on(async {
        let settled = async {
            while !gateway.books.runs(Some(run), 1).unwrap()[0].balance.is_settled() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), settled).await.expect("it comes to an end");
        running.stop().await;
    });
    let row = gateway.books.folder("H501", "CS-2026-000001").unwrap().unwrap();
    let which = OfWhich::Folder { folder: row.id, record: Some("intervento/INT-2") };
    let rows = gateway.books.operations_to_explain(which, 10).unwrap();
    assert_eq!((rows.len(), rows[0].state.as_str()), (1, "refused"));
    let told =
        gateway.explain(rows.clone(), &Bodies::Open(Reason::new("verifica").unwrap()), "test").unwrap();
    let told = &told[0].explanations[0];
    assert_eq!(
        (told.rule.as_str(), told.code.as_deref()),
        ("regola-del-destinatario", Some("422 business-rule"))
    );
    assert_eq!(fields(told), [("/interventi/1/codice", Some("A1.05.01"))]);
    assert!(told.recipient_text.as_ref().unwrap().contains("distretto"));
    let closed = gateway.explain(rows, &Bodies::Closed, "test").unwrap();
    let closed = &closed[0].explanations[0];
    assert_eq!((closed.recipient_text.as_ref(), closed.rule.as_str()), (None, "regola-del-destinatario"));
    assert!(closed.field.iter().all(|field| field.value.is_none()));
}

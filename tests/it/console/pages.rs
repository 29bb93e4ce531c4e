//! What the pages tell and take: rights cut before anything is counted, bodies with a reason, the
//! workbench, two people at once, a browser that comes back.

use raccordo::gateway::rights::Role;
use raccordo::gateway::{Clock, SystemClock};
use raccordo::sandbox::people;
use serde_json::{Value, json};

use super::{Browser, account};
use crate::serving::{Answer, FLOW, Site, request};

/// Saves folders of an ente and reports everything of it, so many times.
fn fill(site: &Site, ente: &str, folders: u64, reports: usize) {
    let today = SystemClock.today();
    for made in people::generate(folders, 77, 0.0, &[ente], today) {
        let id = made.folder["id"].as_str().unwrap().to_owned();
        let answer = site.api("PUT", &format!("/folders/{id}"), made.folder.to_string().as_bytes());
        assert!(answer.status < 300, "{}", answer.text());
    }
    for _ in 0..reports {
        site.api("POST", "/runs", json!({"ente": ente, "flow": FLOW}).to_string().as_bytes()).good(201);
    }
}

#[test]
fn rights_are_cut_before_rows_are_counted() {
    let site = Site::open();
    fill(&site, "F205", 1, 1);
    // More foreign rows than a page shows, all of them newer.
    fill(&site, "H501", 130, 101);
    let all = site.gateway.books.operations(None, None, 10_000).unwrap();
    assert!(all.iter().filter(|one| one.ente == "H501").count() > 200, "{}", all.len());
    account(&site, "milano", Role::ReportingOfficer, &["F205"]);
    let browser = Browser::of(&site, "milano");
    let own = all.iter().find(|one| one.ente == "F205").unwrap();
    let list = browser.get("/console/invii").text();
    assert!(list.contains(&own.folder_id) && !list.contains("H501"), "{list}");
    let runs = browser.get("/console/rendicontazioni").text();
    assert!(runs.contains("/console/rendicontazioni/1\"") && !runs.contains("/console/rendicontazioni/2\""));
    account(&site, "altro", Role::ReportingOfficer, &["Z999"]);
    let nothing = Browser::of(&site, "altro").get("/console/invii").text();
    assert!(nothing.contains("Nessuna operazione"), "no ente of theirs is not every ente");
}

#[test]
fn what_goes_wrong_is_said_in_the_visitors_language_and_large_forms_are_not_read() {
    let site = Site::open();
    account(&site, "rita", Role::ReportingOfficer, &[]);
    let browser = Browser::of(&site, "rita");
    let form = format!("modulo={}&ente=H501&tracciato={FLOW}&periodo=2026-T9", browser.token());
    let english = format!("{}; raccordo_lingua=en", browser.cookie);
    let headers = [("cookie", english.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let wrong = request(site.api, "POST", "/console/rendicontazioni", &headers, form.as_bytes());
    assert!(wrong.status == 400 && wrong.text().contains("<html lang=\"en\">"), "{}", wrong.text());
    assert!(browser.post("/console/rendicontazioni", &form, &[]).text().contains("<html lang=\"it\">"));
    let large = format!("{form}&altro={}", "x".repeat(20_000));
    for path in ["/console/rendicontazioni", "/console/entra", "/console/esci"] {
        assert_eq!(browser.post(path, &large, &[]).status, 413, "{path}");
    }
    for (path, status) in [("/console/nulla", 404), ("/console/rendicontazioni/x", 404)] {
        let lost = browser.get(path);
        assert_eq!((lost.status, lost.kind()), (status, "text/html; charset=utf-8"), "{path}");
    }
}

#[test]
fn bodies_are_opened_with_a_right_and_a_reason_and_it_is_noted() {
    let site = Site::open();
    site.fill(2);
    for (name, role) in [("op", Role::Operator), ("aud", Role::Auditor)] {
        account(&site, name, role, &[]);
    }
    let first = site.flussi("since=0&limit=1").remove(0);
    let name = first["id_flusso"].as_str().unwrap();
    let folder =
        site.gateway.books.submission_by_name(name).unwrap().unwrap().operations[0].folder_id.clone();
    let (operator, auditor) = (Browser::of(&site, "op"), Browser::of(&site, "aud"));
    let open = |browser: &Browser<'_>, path: &str, reason: &str| -> Answer {
        browser.post(path, &format!("modulo={}&motivo={reason}", browser.token()), &[])
    };
    for path in [format!("/console/cartelle/H501/{folder}/corpo"), format!("/console/invii/{name}/corpo")] {
        assert_eq!(open(&auditor, &path, "verifica").status, 403, "{path}");
        assert_eq!(open(&operator, &path, "curiosita").status, 400, "{path}");
        let shown = open(&operator, &path, "rifiuto");
        assert_eq!(shown.status, 200, "{}", shown.text());
        assert!(shown.text().contains("data-pair=\"1\"") && shown.text().contains("CodiceFiscale"));
    }
    let journal = auditor.get("/console/giornale?chi=op").text();
    assert!(journal.contains("folder-read") && journal.contains("payload-read"));
    assert!(journal.contains("reason rifiuto") && !journal.contains("curiosita"));
    // What a register knows of a person: names of fields, no values.
    let asked = format!("modulo={}&ente=H501&id={folder}&motivo=interessato", auditor.token());
    let known = auditor.post("/console/giornale/persona", &asked, &[]);
    assert_eq!(known.status, 200, "{}", known.text());
    assert!(auditor.get("/console/giornale?cosa=lineage-read").text().contains("reason interessato"));
    assert_eq!(operator.post("/console/giornale/persona", &asked, &[]).status, 403);
    // A copy for whoever maintains mappings has nobody in it.
    let form = format!("modulo={}&tracciato={FLOW}&motivo=rifiuto", operator.token());
    let copy = operator.post(&format!("/console/cartelle/H501/{folder}/caso"), &form, &[]);
    assert_eq!((copy.status, copy.kind()), (200, "application/x-tar"));
    let row = site.gateway.books.folder("H501", &folder).unwrap().unwrap();
    let person = site.gateway.open_folder(&row).unwrap().body.into_exposed()["persona"].clone();
    for field in ["codice_fiscale", "cognome"] {
        assert!(!copy.text().contains(person[field].as_str().unwrap()), "{field}");
    }
}

#[test]
fn the_workbench_tells_what_a_folder_makes_and_keeps_nothing() {
    let site = Site::open();
    account(&site, "ines", Role::Integrator, &[]);
    account(&site, "aud", Role::Auditor, &[]);
    let browser = Browser::of(&site, "ines");
    let page = browser.get(&format!("/console/banco?tracciato={FLOW}")).text();
    assert!(page.contains("partirebbe") && page.contains("data-pair="), "{page}");
    let encoded = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let folder = crate::serving::generated(1).remove(0);
    let attempt = |folder: &str, path: &str| {
        let form =
            format!("modulo={}&tracciato={FLOW}&nome=Il+mio&cartella={}", browser.token(), encoded(folder));
        browser.post(path, &form, &[("hx-request", "true")])
    };
    let good = attempt(&folder.to_string(), "/console/banco").text();
    assert!(good.starts_with("<div id=\"esito\">") && good.contains("partirebbe"), "{good}");
    let mut without = folder.clone();
    without["persona"].as_object_mut().unwrap().remove("codice_fiscale");
    let bad = attempt(&without.to_string(), "/console/banco").text();
    assert!(bad.contains("non parte") || bad.contains("blocca"), "{bad}");
    let broken = attempt("{\"a\": <script>alert(1)</script>", "/console/banco").text();
    assert!(broken.contains("class=\"finding") && !broken.contains("<script>alert"), "{broken}");
    let saved = attempt(&folder.to_string(), "/console/banco/caso");
    assert_eq!((saved.status, saved.kind()), (200, "application/x-tar"));
    assert!(saved.text().contains(&format!("fixtures/{FLOW}/il-mio/expected.xml")));
    assert_eq!(site.gateway.books.folder_count().unwrap(), 0);
    assert_eq!(Browser::of(&site, "aud").get("/console/banco").status, 403);
}

#[test]
fn two_people_who_send_at_once_make_one_submission() {
    let site = Site::open();
    fill(&site, "H501", 1, 0);
    for name in ["anna", "bea"] {
        account(&site, name, Role::Operator, &[]);
    }
    let today = SystemClock.today();
    let made = people::generate(1, 77, 0.0, &["H501"], today).next().unwrap();
    let path = format!("/console/cartelle/H501/{}/invia", made.folder["id"].as_str().unwrap());
    let browsers = ["anna", "bea"].map(|name| Browser::of(&site, name));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let sends = browsers.iter().map(|browser| {
            let (path, form) = (path.as_str(), format!("modulo={}&registro=siuss", browser.token()));
            scope.spawn(move || browser.post(path, &form, &[]).status)
        });
        let sends: Vec<_> = sends.collect();
        sends.into_iter().map(|send| send.join().unwrap()).collect()
    });
    assert_eq!(statuses, [303, 303]);
    let operations = site.gateway.books.operations(None, None, 100).unwrap();
    let mut records: Vec<_> = operations.iter().map(|one| one.record.clone()).collect();
    records.sort();
    records.dedup();
    assert_eq!(operations.len(), records.len(), "one operation for each record: {operations:?}");
    let served: Vec<Value> = site.flussi("since=0&limit=50");
    assert_eq!(served.len(), records.len());
    // Replayed, the form still makes nothing new.
    let form = format!("modulo={}&registro=siuss", browsers[0].token());
    assert_eq!(browsers[0].post(&path, &form, &[]).status, 303);
    assert_eq!(site.gateway.books.operations(None, None, 100).unwrap().len(), records.len());
    // By script the answer is a part of the page.
    let part = browsers[0].post(&path, &form, &[("hx-request", "true")]).text();
    assert!(part.trim_start().starts_with("<p class=\"status\"") && part.contains("in attesa"), "{part}");
}

#[test]
fn a_browser_that_comes_back_after_a_restart_is_still_signed_in() {
    let mut site = Site::open();
    account(&site, "anna", Role::Operator, &[]);
    let (cookie, token) = {
        let browser = Browser::of(&site, "anna");
        (browser.cookie.clone(), browser.token())
    };
    site.restart();
    let browser = Browser { site: &site, cookie };
    assert_eq!(browser.get("/console").status, 200);
    assert_eq!(browser.token(), token, "a form that was open before is still taken");
    let gone = Browser { site: &site, cookie: "raccordo_session=x".into() };
    let part =
        request(site.api, "GET", "/console/oggi", &[("cookie", &gone.cookie), ("hx-request", "true")], b"");
    assert_eq!((part.status, part.headers["hx-redirect"].as_str()), (401, "/console/entra"));
}

#[test]
fn a_run_is_told_by_rule_and_as_a_file() {
    let site = Site::open();
    site.fill(5);
    account(&site, "rita", Role::ReportingOfficer, &[]);
    let flows = site.flussi("since=0&limit=2");
    let esiti: Vec<Value> =
        flows.iter().zip(["RICHIESTA_INVALIDA", "OK"]).map(|(flow, code)| esito(flow, code)).collect();
    assert_eq!(site.esiti(json!({ "elenco_esiti": esiti }).to_string().as_bytes()).status, 204);
    let browser = Browser::of(&site, "rita");
    let page = browser.get("/console/rendicontazioni/1").text();
    assert!(page.contains("Rifiutati, per motivo") && page.contains("<path class=\"band"), "{page}");
    let csv = browser.get("/console/rendicontazioni/1/csv");
    assert_eq!(csv.kind(), "text/csv; charset=utf-8");
    let text = csv.text();
    assert!(text.contains("rifiutati") && text.contains("accettati"), "{text}");
    let selected = site.gateway.books.runs(Some(1), 1).unwrap()[0].balance.selected;
    assert_eq!(text.lines().count() as u64, selected + 1);
    let part = browser.get("/console/rendicontazioni/1/bilancio?n=3").text();
    assert!(part.starts_with("<section id=\"bilancio\""), "{part}");
    // Found by what refused it, by its beginning, by state; a search for nothing finds nothing.
    let name = flows[0]["id_flusso"].as_str().unwrap();
    for (query, found) in [
        ("regola=RICHIESTA_INVALIDA", true),
        ("stato=refused", true),
        (&format!("cerca={}", &name[..name.len() - 1]), true),
        ("cerca=%25", false),
        ("dal=2199-01-01", false),
    ] {
        assert_eq!(browser.get(&format!("/console/invii?{query}")).text().contains(name), found, "{query}");
    }
    let again = format!("modulo={}&esito=ritenta&invio={name}", browser.token());
    let refused = site.gateway.books.submission_by_name(name).unwrap().unwrap().operations[0].operation;
    assert_eq!(browser.post(&format!("/console/operazioni/{refused}"), &again, &[]).status, 303);
    assert_eq!(browser.post("/console/operazioni/999999", &again, &[]).status, 404);
}

/// What INPS says of a flow.
pub fn esito(flusso: &Value, code: &str) -> Value {
    json!({
        "id_flusso": flusso["id_flusso"], "tipo": flusso["tipo"], "ts_flusso": flusso["ts_flusso"],
        "ts_acquisizione": "2026-11-23T10:00:00.000Z", "codice_esito": code,
        "descrizione_esito": "Il codice del servizio non è valido <b>per l'ente</b>",
    })
}

//! `POST /esiti`: what is settled, what is kept aside, what is refused; 204 only when it is on disk.

use serde_json::{Value, json};

use crate::serving::Site;

fn esito(flusso: &Value, code: &str) -> Value {
    json!({
        "id_flusso": flusso["id_flusso"], "tipo": flusso["tipo"], "ts_flusso": flusso["ts_flusso"],
        "ts_acquisizione": "2026-11-23T10:00:00.000Z", "codice_esito": code,
    })
}

#[track_caller]
fn post(site: &Site, esiti: &[Value]) {
    let answer = site.esiti(json!({ "elenco_esiti": esiti }).to_string().as_bytes());
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{}", answer.text());
}

fn state(site: &Site, flusso: &Value) -> String {
    let shown = site.api("GET", &format!("/submissions/{}", flusso["id_flusso"].as_str().unwrap()), b"");
    shown.good(200)["operations"][0]["state"].as_str().expect("a state").to_owned()
}

fn strange(site: &Site) -> Vec<Value> {
    site.api("GET", "/receipts/strange", b"").good(200)["receipts"].as_array().expect("a list").clone()
}

fn suspended(site: &Site) -> bool {
    !site.api("GET", "/routes", b"").good(200)["routes"][0]["suspended"].is_null()
}

#[test]
fn each_code_settles_its_operation_and_repeats_change_nothing() {
    let site = Site::open();
    site.fill(10);
    let flows = site.flussi("since=0&limit=4");
    let codes = ["OK", "RICHIESTA_INVALIDA", "DATI_NON_TROVATI", "ERRORE_GENERICO"];
    let esiti: Vec<_> = flows.iter().zip(codes).map(|(flusso, code)| esito(flusso, code)).collect();
    for _ in 0..3 {
        post(&site, &[esiti.clone(), esiti.clone()].concat());
        let states: Vec<_> = flows.iter().map(|flusso| state(&site, flusso)).collect();
        assert_eq!(states, ["accepted", "refused", "refused", "parked"]);
    }
    assert!(strange(&site).is_empty());
    post(&site, &[]);
    assert_eq!(site.esiti(b"{}").status, 204, "the list may be left out: no member is required");
    // A later word against an accepted one is questioned and does not undo it.
    post(&site, &[esito(&flows[0], "RICHIESTA_INVALIDA")]);
    assert_eq!((state(&site, &flows[0]).as_str(), strange(&site).len()), ("accepted", 1));
}

#[test]
fn what_is_odd_is_kept_aside_and_its_neighbours_are_settled() {
    let site = Site::open();
    site.fill(10);
    let flows = site.flussi("since=0&limit=5");
    let mut unheard = esito(&flows[1], "IN_LAVORAZIONE");
    unheard["descrizione_esito"] = json!("Elaborazione di ROSSI MARIO in corso");
    let mut foreign = esito(&flows[2], "OK");
    foreign["id_flusso"] = json!("H501.PS.19990101.0000001");
    let mut elsewhen = esito(&flows[2], "OK");
    elsewhen["ts_flusso"] = json!("2023-11-27T11:04:56.852Z");
    let mut long = esito(&flows[2], "OK");
    long["id_flusso"] = json!("x".repeat(500));
    let mut prose = esito(&flows[3], "Il flusso di ROSSI MARIO è scartato");
    prose["id_acquisizione_siuss"] = json!(["?"]);
    post(&site, &[esito(&flows[0], "OK"), unheard, foreign, elsewhen, long, prose, esito(&flows[4], "OK")]);
    let states: Vec<_> = flows.iter().map(|flusso| state(&site, flusso)).collect();
    assert_eq!(states, ["accepted", "waiting", "waiting", "waiting", "accepted"]);
    let aside = strange(&site);
    assert_eq!(aside.len(), 5);
    let codes: Vec<_> = aside.iter().map(|receipt| receipt["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"IN_LAVORAZIONE") && codes.contains(&"(illeggibile)"), "{codes:?}");
    assert!(!format!("{aside:?}").contains("ROSSI"), "free text is not shown in clear");
    assert!(!suspended(&site));
    // The right word, when it comes, still settles it; the page still offers what waits.
    post(&site, &[esito(&flows[1], "OK")]);
    assert_eq!(state(&site, &flows[1]), "accepted");
    assert_eq!(site.flussi("since=0&limit=2")[..], flows[2..4]);
}

#[test]
fn extra_properties_and_the_other_names_are_read() {
    let site = Site::open();
    site.fill(5);
    let flows = site.flussi("since=0&limit=3");
    let mut spec = esito(&flows[0], "OK");
    spec["codice_ente"] = json!("H501");
    spec["denominazione_ente"] = json!("Comune di Roma");
    spec["codice_siuss"] = json!(22738);
    let mut both = esito(&flows[1], "OK");
    both["codice_siuss"] = json!("1");
    both["id_acquisizione_siuss"] = json!("2");
    let mut zone = esito(&flows[2], "OK");
    let at: jiff::Timestamp = flows[2]["ts_flusso"].as_str().unwrap().parse().unwrap();
    zone["ts_flusso"] = json!(
        at.to_zoned(jiff::tz::TimeZone::get("Europe/Rome").unwrap()).strftime("%FT%T%.f%:z").to_string()
    );
    post(&site, &[spec, both, zone]);
    for (flusso, number) in flows.iter().zip([json!("22738"), json!("2"), Value::Null]) {
        let shown = site.api("GET", &format!("/submissions/{}", flusso["id_flusso"].as_str().unwrap()), b"");
        let shown = shown.good(200);
        assert_eq!(shown["receipts"][0]["acquired_as"], number, "{shown}");
        assert_eq!(shown["operations"][0]["state"], "accepted");
    }
}

#[test]
fn a_body_that_is_not_the_contracts_is_refused_whole() {
    let site = Site::open();
    site.fill(5);
    let flows = site.flussi("since=0&limit=1");
    let good = esito(&flows[0], "OK");
    let without = |member: &str| {
        let mut esito = good.clone();
        esito.as_object_mut().unwrap().remove(member);
        json!({ "elenco_esiti": [good, esito] })
    };
    let mut bodies: Vec<Value> =
        ["id_flusso", "tipo", "ts_flusso", "ts_acquisizione", "codice_esito"].map(without).into();
    let changed = |member: &str, value: Value| {
        let mut esito = good.clone();
        esito[member] = value;
        json!({ "elenco_esiti": [good, esito] })
    };
    bodies.push(changed("ts_flusso", json!("ieri")));
    bodies.push(changed("ts_acquisizione", json!(1490000000000_i64)));
    bodies.push(changed("codice_esito", Value::Null));
    bodies.push(json!({ "elenco_esiti": vec![good.clone(); 101] }));
    bodies.extend([
        json!([good]),
        json!("x"),
        json!({"elenco_esiti": [good], "altro": 1}),
        json!({"elenco_esiti": 1}),
    ]);
    for body in bodies {
        let answer = site.esiti(body.to_string().as_bytes());
        answer.problem(400);
        assert_eq!(answer.json().as_object().unwrap().len(), 4);
    }
    for body in [&b""[..], b"{", b"\xff\xfe", b"[[[["] {
        site.esiti(body).problem(400);
    }
    site.esiti(&vec![b' '; 1_100_000]).problem(413);
    assert_eq!(state(&site, &flows[0]), "waiting", "nothing of a refused body took effect");
    post(&site, &vec![good; 100]);
    assert_eq!(state(&site, &flows[0]), "accepted");
}

#[test]
fn what_was_acknowledged_is_on_disk() {
    let site = Site::open();
    site.fill(5);
    let flows = site.flussi("since=0&limit=3");
    for flusso in &flows {
        post(&site, &[esito(flusso, "OK")]);
        // Another connection, as after a death at this very moment, already sees it.
        let sql = "SELECT count(*) FROM operation o JOIN submission s ON s.id = o.submission
                   WHERE s.name = ?1 AND o.state = 'accepted'";
        let name = flusso["id_flusso"].as_str().unwrap();
        let count = site.gateway.books.look(|tx| tx.one("the count", sql, [name], |row| row.get::<i64>(0)));
        assert_eq!(count.unwrap(), 1);
    }
}

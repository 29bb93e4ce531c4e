//! The search: every filter finds what it should and nothing else, page after page, within rights.

use raccordo::gateway::Search;
use raccordo::ledger::books::{Hit, SearchFilter};
use raccordo::personal::Personal;
use serde_json::{Value, json};

use crate::serving::{ALL, ROME, Site, generated, request};

const PEOPLE: u64 = 15;

fn site() -> Site {
    let site = Site::open();
    site.fill(PEOPLE);
    let page = site.flussi("since=0&limit=4");
    let codes = ["OK", "RICHIESTA_INVALIDA", "ERRORE_GENERICO"];
    let esiti: Vec<Value> = page
        .iter()
        .zip(codes)
        .map(|(flusso, code)| {
            json!({
                "id_flusso": flusso["id_flusso"], "tipo": flusso["tipo"], "ts_flusso": flusso["ts_flusso"],
                "ts_acquisizione": flusso["ts_flusso"], "codice_esito": code,
            })
        })
        .collect();
    let answered = site.esiti(json!({ "elenco_esiti": esiti }).to_string().as_bytes());
    assert_eq!(answered.status, 204, "{}", answered.text());
    site
}

/// All pages of a search, of so many rows each.
fn all(site: &Site, filter: &SearchFilter, person: Option<&str>, page: usize) -> Vec<Hit> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let search = Search {
            person: person.map(|person| Personal::new(person.to_owned())),
            filter: filter.clone(),
            after,
            limit: page,
        };
        let hits = site.gateway.search(None, &search).unwrap();
        assert!(hits.hits.len() <= page);
        found.extend(hits.hits);
        match hits.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

type Fits = Box<dyn Fn(&Hit) -> bool>;

/// Filters, and what fits each.
fn cases(one: &Hit, middle: i64) -> Vec<(SearchFilter, Fits)> {
    let some = |text: &str| Some(text.to_owned());
    let none = SearchFilter::default;
    let (record, folder, name) = (one.record.clone(), one.folder_id.clone(), one.submission.clone());
    let (of_record, of_folder, of_name) = (record.clone(), folder.clone(), name.clone());
    let of_state = |state: &'static str| -> (SearchFilter, Fits) {
        (SearchFilter { state: some(state), ..none() }, Box::new(move |hit| hit.state == state))
    };
    let queued_on = SearchFilter { state: some("queued"), route: some("waas-H501"), ..none() };
    let inserts = SearchFilter { register: some("siuss"), kind: some("insert"), ..none() };
    vec![
        of_state("queued"),
        of_state("refused"),
        of_state("parked"),
        (queued_on, Box::new(|hit| hit.state == "queued" && hit.route == "waas-H501")),
        (SearchFilter { record: Some(record), ..none() }, Box::new(move |hit| hit.record == of_record)),
        (SearchFilter { folder: Some(folder), ..none() }, Box::new(move |hit| hit.folder_id == of_folder)),
        (SearchFilter { submission: name, ..none() }, Box::new(move |hit| hit.submission == of_name)),
        (
            SearchFilter { submission: some("H501.*"), ..none() },
            Box::new(|hit| hit.submission.as_ref().is_some_and(|name| name.starts_with("H501."))),
        ),
        (SearchFilter { from: Some(middle), ..none() }, Box::new(move |hit| hit.queued_at >= middle)),
        (SearchFilter { to: Some(middle), ..none() }, Box::new(move |hit| hit.queued_at < middle)),
        (SearchFilter { ente: some("F205"), ..none() }, Box::new(|hit| hit.ente == "F205")),
        (inserts, Box::new(|hit| hit.kind == "insert")),
        (SearchFilter { route: some("waas-F205"), ..none() }, Box::new(|_| false)),
        (SearchFilter { code: some("RICHIESTA_INVALIDA"), ..none() }, Box::new(|hit| hit.state == "refused")),
    ]
}

#[test]
fn every_filter_finds_what_looking_at_all_of_them_finds() {
    let site = site();
    let everything = all(&site, &SearchFilter::default(), None, 7);
    assert!(everything.len() > 15);
    assert!(
        everything.windows(2).all(|pair| pair[0].operation > pair[1].operation),
        "newest first, each once"
    );
    let one = everything.iter().find(|hit| hit.submission.is_some()).unwrap();
    let middle = everything[everything.len() / 2].queued_at;
    for (filter, fits) in cases(one, middle) {
        let expected: Vec<&Hit> = everything.iter().filter(|hit| fits(hit)).collect();
        for page in [3, 100] {
            let found = all(&site, &filter, None, page);
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
        }
    }
}

#[test]
fn a_person_is_found_by_the_hash_of_what_is_written_however_it_is_written() {
    let site = site();
    let people = generated(PEOPLE);
    let (folder, written) = (&people[3]["id"], people[3]["persona"]["codice_fiscale"].as_str().unwrap());
    let found = all(&site, &SearchFilter::default(), Some(&written.to_lowercase()), 50);
    assert!(!found.is_empty() && found.iter().all(|hit| folder == hit.folder_id.as_str()));
    let body = json!({ "person": written, "limit": 1 }).to_string();
    let token = format!("Bearer {ALL}");
    let without = [("authorization", token.as_str())];
    request(site.api, "POST", "/api/v1/submissions/search", &without, body.as_bytes()).problem(400);
    let asked = |body: &str| {
        let headers = [("authorization", token.as_str()), ("raccordo-reason", "verifica di un invio")];
        request(site.api, "POST", "/api/v1/submissions/search", &headers, body.as_bytes())
    };
    let told = asked(&body).good(200);
    assert_eq!(told["submissions"].as_array().unwrap().len(), 1);
    assert!(!told.to_string().contains(written));
    let body = json!({ "person": "XXXYYY80A01H501D" }).to_string();
    let told = asked(&body).good(200);
    assert_eq!((&told["submissions"], &told["next"]), (&json!([]), &Value::Null));
}

#[test]
fn rights_come_before_the_limit() {
    let site = site();
    let search = |scope: &[(&str, &str)], limit| {
        let pairs: Vec<_> =
            scope.iter().map(|(ente, register)| ((*ente).to_owned(), (*register).to_owned())).collect();
        let search = Search { limit, ..Search::default() };
        site.gateway.search(Some(&pairs), &search).unwrap().hits.len()
    };
    assert_eq!(search(&[("H501", "siuss")], 5), 5);
    assert_eq!(search(&[("H501", "siuss-sinba"), ("F205", "siuss"), ("H50", "siuss")], 5), 0);
    assert_eq!(search(&[("F205", "siuss"), ("H501", "siuss")], 5), 5);
    assert_eq!(search(&[], 5), 0, "who may see nothing finds nothing");
    let told = site.api_as(ROME, "GET", "/submissions?limit=2&state=queued", b"").good(200);
    assert_eq!(told["submissions"].as_array().unwrap().len(), 2);
    assert!(told["next"].is_i64());
    site.api("GET", "/submissions?state=nonsense", b"").problem(400);
    site.api("GET", "/submissions?from=yesterday", b"").problem(400);
    let day = site.api("GET", "/submissions?from=2020-01-01&to=2020-01-02", b"").good(200);
    assert_eq!((&day["submissions"], &day["next"]), (&json!([]), &Value::Null));
}

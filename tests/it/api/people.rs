//! Folders page by page, what registers know of a person, and folders that are only tried.

use serde_json::{Value, json};

use crate::serving::{FLOW, ROME, Site, generated};

#[test]
fn folders_come_page_by_page_and_each_once() {
    let site = Site::open();
    site.fill(7);
    let mut other = generated(1).remove(0);
    other["ente"] = json!("F205");
    other["id"] = json!("F205-1");
    site.api("PUT", "/folders/F205-1", other.to_string().as_bytes()).good(201);
    let mut seen = Vec::new();
    let mut path = "/folders?limit=3".to_owned();
    loop {
        let answer = site.api("GET", &path, b"");
        let page = answer.good(200);
        seen.extend(page["folders"].as_array().unwrap().iter().map(|folder| folder["id"].to_string()));
        match answer.headers.get("link") {
            Some(link) => {
                path = link.split(['<', '>']).nth(1).unwrap().replace("/api/v1", "");
                assert!(path.contains(page["next"].as_str().unwrap()) && link.ends_with("rel=\"next\""));
            }
            None => break,
        }
    }
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!((seen.len(), once.len()), (8, 8), "{seen:?}");
    let ours = site.api_as(ROME, "GET", "/folders", b"").good(200);
    assert!(ours["folders"].as_array().unwrap().iter().all(|folder| folder["ente"] == "H501"));
    site.api_as(ROME, "GET", "/folders?ente=F205", b"").problem(403);
    site.api("GET", "/folders?cursor=nonsense!", b"").problem(400);
    assert_eq!(site.api("GET", "/folders?since=99999999999999", b"").good(200)["folders"], json!([]));
}

#[test]
fn lineage_says_what_a_register_knows_and_why_without_a_value() {
    let site = Site::open();
    site.fill(1);
    let folder = generated(1).remove(0);
    let page = site.flussi("since=0&limit=1");
    let esito = json!({
        "id_flusso": page[0]["id_flusso"], "tipo": "PS_PSA_SINA", "ts_flusso": page[0]["ts_flusso"],
        "ts_acquisizione": page[0]["ts_flusso"], "codice_esito": "OK",
    });
    assert_eq!(site.esiti(json!({ "elenco_esiti": [esito] }).to_string().as_bytes()).status, 204);
    let path = format!("/folders/{}/lineage", folder["id"].as_str().unwrap());
    let answer = site.api("GET", &path, b"");
    let told = answer.good(200);
    let held: Vec<&Value> =
        told["records"].as_array().unwrap().iter().filter(|one| one["held"] == true).collect();
    assert_eq!(held.len(), 1, "{told}");
    assert_eq!((&held[0]["register"], &held[0]["is_todays"]), (&json!("siuss"), &json!(true)));
    assert_eq!(held[0]["history"][0]["receipt"], "OK");
    assert_eq!(held[0]["history"][0]["submission"], page[0]["id_flusso"]);
    assert!(
        held[0]["legal_basis"].as_str().unwrap().len() > 10
            && !held[0]["fields"].as_array().unwrap().is_empty()
    );
    for name in ["codice_fiscale", "cognome", "nome"] {
        let value = folder["persona"][name].as_str().unwrap();
        assert!(!answer.text().contains(&format!("\"{value}\"")), "{name} is told");
    }
    assert_eq!(site.api("GET", &format!("{path}?register=none"), b"").good(200)["records"], json!([]));
    let events = site.api("GET", "/audit?limit=5", b"").good(200).to_string();
    assert!(events.contains("lineage-read") && events.contains("a test"), "{events}");
}

#[test]
fn a_tried_folder_is_mapped_and_leaves_no_trace() {
    let site = Site::open();
    let folder = generated(1).remove(0);
    let events = || site.gateway.books.audit_before(i64::MAX, 1000).unwrap().len();
    let before = events();
    let body = json!({"flow": FLOW, "folder": folder}).to_string();
    let tried = site.api("POST", "/try", body.as_bytes()).good(200);
    let record = &tried["records"][0];
    assert!(record["payload"].as_str().unwrap().contains(folder["persona"]["cognome"].as_str().unwrap()));
    let row = &record["rows"][0];
    assert!(row["target"].is_string() && row["row"].is_number(), "{row}");
    let mut wrong = folder.clone();
    wrong["persona"]["genere"] = json!("X");
    let body = json!({"flow": FLOW, "folder": wrong}).to_string();
    let answer = site.api("POST", "/try", body.as_bytes());
    answer.problem(422);
    assert_eq!(answer.json()["findings"][0]["folder_path"], "/persona/genere");
    let body = json!({"flow": "none/1", "folder": folder}).to_string();
    site.api("POST", "/try", body.as_bytes()).problem(404);
    let body = json!({"flow": FLOW, "folder": folder, "today": "tomorrow"}).to_string();
    site.api("POST", "/try", body.as_bytes()).problem(400);
    assert_eq!((events(), site.gateway.books.folder_count().unwrap()), (before, 0));
}

#[test]
fn flows_are_told_as_tables() {
    let site = Site::open();
    let flows = site.api("GET", "/flows", b"").good(200);
    assert!(flows["flows"].as_array().unwrap().iter().any(|flow| flow["id"] == FLOW));
    let table = site.api("GET", &format!("/flows/{FLOW}"), b"").good(200);
    assert!(
        table["mapping"].as_array().unwrap().len() > 10 && !table["rules"].as_array().unwrap().is_empty()
    );
    site.api("GET", "/flows/none/1", b"").problem(404);
}

#[test]
fn what_was_refused_goes_again_at_once() {
    let site = Site::open();
    site.fill(1);
    let page = site.flussi("since=0&limit=1");
    let name = page[0]["id_flusso"].as_str().unwrap();
    site.api("POST", &format!("/submissions/{name}/resend"), b"").problem(409);
    let esito = json!({
        "id_flusso": name, "tipo": "PS_PSA_SINA", "ts_flusso": page[0]["ts_flusso"], "ts_acquisizione":
        page[0]["ts_flusso"], "codice_esito": "RICHIESTA_INVALIDA",
    });
    site.esiti(json!({ "elenco_esiti": [esito] }).to_string().as_bytes());
    let again = site.api("POST", &format!("/submissions/{name}/resend"), b"").good(200);
    assert_eq!(again["operations"], 1, "{again}");
    assert!(
        site.flussi("since=0&limit=100").iter().any(|flusso| flusso["id_flusso"] != page[0]["id_flusso"])
    );
    site.api("POST", "/submissions/none/resend", b"").problem(404);
}

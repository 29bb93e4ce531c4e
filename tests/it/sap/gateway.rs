//! Labour policies through the gateway: a report, one citizen synced, the call limit, a refusal.

use std::sync::Arc;
use std::time::Duration;

use raccordo::exchange::{Balance, Bucket};
use raccordo::gateway::{Gateway, RunRequest};
use raccordo::node::{self, Running};
use raccordo::sandbox::sap::{FLOW, Fault, Operation, SapServer, Script};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{PERSON, THEM, US, item, policies, policy, server};
use crate::serving::secret;

struct Site {
    gateway: Arc<Gateway>,
    running: Running,
    server: SapServer,
    _dir: TempDir,
}

fn config(url: &str, data: &str) -> String {
    format!(
        r#"
data = {data:?}

[api]
listen = ""

[[register]]
name = "lavoro-sap"

[[ente]]
code = "H501"
name = "Comune"
seat = "H501"
operator_file = "operator"

[ente.settings]
codice_ente_promotore = "{US}"

[[route]]
id = "lavoro"
register = "lavoro-sap"
channel = "push"
enti = ["H501"]

[route.push]
protocol = "sap"
url = {url:?}
concurrency = 2
retry = {{ first_s = 0.05, longest_s = 0.2, attempts = 6, questions = 6 }}
breaker = {{ failures = 50, pause_s = 0.01 }}
"#
    )
}

impl Site {
    async fn open(script: Script) -> Self {
        let server = server(script).await;
        let dir = TempDir::new().unwrap();
        secret(&dir.path().join("operator"), "XXXYYY80A01H501D\n");
        let path = dir.path().join("raccordo.toml");
        std::fs::write(&path, config(&server.url(), &dir.path().join("data").display().to_string())).unwrap();
        let open = move || Arc::new(node::open(crate::ledgers::load(&path)).unwrap());
        let gateway = tokio::task::spawn_blocking(open).await.unwrap();
        let running = node::start(Arc::clone(&gateway)).await.unwrap();
        Self { gateway, running, server, _dir: dir }
    }

    async fn save(&self, folder: &Value) {
        let (gateway, bytes) = (Arc::clone(&self.gateway), folder.to_string().into_bytes());
        tokio::task::spawn_blocking(move || gateway.save_bytes(&bytes, "test").unwrap()).await.unwrap();
    }

    /// Brings one citizen, or everybody, up to date and waits for the end.
    async fn run(&self, folder: Option<&str>) -> Balance {
        let (gateway, folder) = (Arc::clone(&self.gateway), folder.map(str::to_owned));
        let start = move || {
            let request = RunRequest {
                ente: "H501".into(),
                flow: FLOW.into(),
                period: None,
                folder,
                route: None,
                actor: "test".into(),
            };
            gateway.start_run(&request).unwrap()
        };
        let run = tokio::task::spawn_blocking(start).await.unwrap();
        let ended = async {
            loop {
                let balance = self.gateway.books.runs(Some(run), 1).unwrap().remove(0).balance;
                assert!(balance.closes());
                if balance.is_settled() && balance.count(Bucket::Uncertain) == 0 {
                    return balance;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(90), ended).await.expect("it comes to an end")
    }

    async fn stop(self) {
        self.running.stop().await;
    }
}

fn folder(id: &str, person: &str, policies: Value) -> Value {
    json!({
        "schema": "1",
        "id": id,
        "ente": "H501",
        "persona": {
            "cognome": "Xxx", "nome": "Yyy", "data_nascita": "1980-01-01", "luogo_nascita": "H501",
            "genere": "M", "cittadinanza": "380", "codice_fiscale": person,
        },
        "politiche_attive": policies,
        "consensi": [{ "destinatario": "lavoro-sap", "dal": "2025-01-01", "prestato": true }],
    })
}

fn policy_of(id: &str, kind: &str) -> Value {
    json!({ "id": id, "tipo_attivita": kind, "titolo": "Attività", "data_proposta": "2026-01-10" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_citizen_is_synced_changed_and_annulled_beside_what_others_keep() {
    let site = Site::open(Script::default()).await;
    site.server.book().open(PERSON, &[item(THEM, "F1", "A03")]);
    site.save(&folder("CS-1", PERSON, json!([policy_of("A", "A02"), policy_of("B", "A03")]))).await;
    assert_eq!(site.run(Some("CS-1")).await.count(Bucket::Accepted), 2);
    assert_eq!(policies(&site.server).len(), 3);
    assert_eq!(site.run(Some("CS-1")).await.count(Bucket::Unchanged), 2);
    let mut changed = policy_of("A", "A02");
    changed["annullato"] = json!(true);
    let mut other = policy_of("B", "A03");
    other["titolo"] = json!("Altro titolo");
    site.save(&folder("CS-1", PERSON, json!([changed, other]))).await;
    let balance = site.run(None).await;
    assert_eq!(balance.count(Bucket::Accepted), 2, "a cancel and a replacement");
    let items = site.server.book().entry(PERSON).unwrap().items.clone();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0], item(THEM, "F1", "A03"));
    assert!(items[1].contains("<titolo_denominazione>Altro titolo</titolo_denominazione>"), "{}", items[1]);
    // A corrected codice fiscale: what stood under the wrong one is taken away.
    let corrected = "XXXYYY80B01H501C";
    let mut folder = folder("CS-1", corrected, json!([other]));
    folder["persona"]["data_nascita"] = json!("1980-02-01");
    site.save(&folder).await;
    site.run(None).await;
    assert_eq!(policies(&site.server), [policy(THEM, "F1")]);
    assert_eq!(site.server.book().entry(corrected).map(|entry| entry.items.len()), Some(1));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_call_limit_is_retried_and_a_refusal_is_told() {
    let script = Script { refuse_kinds: vec!["C07".to_owned()], ..Script::default() };
    let site = Site::open(script).await;
    for operation in [Operation::Find, Operation::Fetch, Operation::Send] {
        site.server.next(operation, Some(Fault::Limit));
    }
    site.server.book().open(PERSON, &[item(THEM, "F1", "A03")]);
    site.save(&folder("CS-1", PERSON, json!([policy_of("A", "A02"), policy_of("B", "C07")]))).await;
    let balance = site.run(None).await;
    assert_eq!((balance.count(Bucket::Accepted), balance.count(Bucket::Refused)), (1, 1));
    assert_eq!(policies(&site.server).len(), 2);
    assert!(!site.server.book().entries().any(|(_, entry)| entry.code.starts_with("X001")));
    let books = &site.gateway.books;
    let operations = books.operations(Some("refused"), None, 9).unwrap();
    let name = operations[0].submission.clone().unwrap();
    let refused = books.submission_by_name(&name).unwrap().unwrap();
    let receipt = refused.receipts.iter().find(|receipt| receipt.code.starts_with("KO")).unwrap();
    let text = site.gateway.open_text(&name, receipt.text.as_deref().unwrap()).unwrap();
    assert_eq!(text.expose(), b"tipo_attivita C07 non ammesso");
    let all = books.operations(None, None, 9).unwrap();
    let names: std::collections::BTreeSet<_> = all.iter().filter_map(|one| one.submission.clone()).collect();
    for name in names {
        let told = serde_json::to_string(&books.submission_by_name(&name).unwrap().unwrap()).unwrap();
        assert!(!told.contains(PERSON), "{told}");
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_report_of_generated_people_balances() {
    let site = Site::open(Script::default()).await;
    let mut wanted = 0;
    for folder in crate::serving::generated(40) {
        let agrees = folder["consensi"].as_array().is_some_and(|list| {
            list.iter().any(|one| one["destinatario"] == "lavoro-sap" && one["prestato"] == true)
        });
        wanted += folder["politiche_attive"].as_array().filter(|_| agrees).map_or(0, Vec::len);
        site.save(&folder).await;
    }
    let balance = site.run(None).await;
    assert!(wanted > 5);
    assert_eq!(balance.count(Bucket::Accepted), wanted as u64);
    let stand: usize = site.server.book().entries().map(|(_, entry)| entry.items.len()).sum();
    assert_eq!(stand, wanted);
    site.stop().await;
}

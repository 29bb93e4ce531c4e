//! Files for a portal: as large as the route allows, however a run selects.

use raccordo::exchange::{Ledger, Order};
use raccordo::ledger::books::RunOrder;

use crate::calendar::{Held, open};
use crate::serving::{FLOW, generated};

#[test]
fn a_file_waits_until_its_run_has_selected_everything() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = open(dir.path(), "", &Held::at("2026-10-01T08:00:00Z"));
    for folder in generated(20) {
        gateway.save_bytes(folder.to_string().as_bytes(), "test").unwrap();
    }
    let order = RunOrder {
        ente: "H501".into(),
        register: "siuss".into(),
        flow: FLOW.into(),
        period: String::new(),
        until: None,
        folder: None,
        order: Order { route: "file-H501".into(), interactive: false },
        hold_above: 0,
        actor: "test".into(),
        now: 0,
    };
    let run = gateway.books.write(move |tx| tx.open_run(&order)).unwrap();
    assert!(gateway.books.write(move |tx| tx.select_chunk(run, 5, 0)).unwrap(), "there are more");
    let route = gateway.settings.route("file-H501").unwrap();
    assert!(gateway.build_files(route).unwrap().is_empty());
    gateway.resume_runs().unwrap();
    let built = gateway.build_files(route).unwrap();
    assert_eq!(built.len(), 1);
    assert!(gateway.build_files(route).unwrap().is_empty(), "each file once");
    let selected = gateway.books.runs(Some(run), 1).unwrap()[0].balance.selected;
    let name = built[0].file_stem().unwrap().to_str().unwrap().to_owned();
    let carried = gateway.books.write(move |tx| {
        let submission = tx.submission_named("file-H501", &name)?.unwrap();
        Ok(tx.operations_in(submission.id)?.len())
    });
    assert!(carried.unwrap() > 5 && selected > 5);
}

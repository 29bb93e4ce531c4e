//! A whole folder through the SIUSS flow: bytes, lineage, operations, time.

use crate::flow::files::Embedded;
use crate::flow::{Catalog, Container, Context, EnteSettings, Header, OperationKind, Part};
use crate::folder::{Folder, FolderSchema};
use crate::personal::Personal;
use jiff::civil::date;
use std::time::Instant;

const FULL: &str = crate::folder::template::FULL_TEXT;

fn catalog() -> Catalog {
    Catalog::load(&Embedded).map_err(|defects| format!("{defects:#?}")).unwrap()
}

fn folder(change: impl FnOnce(&mut serde_json::Value)) -> Folder {
    let mut body: serde_json::Value = serde_json::from_str(FULL).unwrap();
    change(&mut body);
    FolderSchema::embedded().unwrap().parse(&serde_json::to_vec(&body).unwrap()).map_err(|_| ()).unwrap()
}

fn context() -> Context {
    Context { today: date(2026, 3, 1), ente: EnteSettings::default() }
}

#[test]
fn the_same_folder_gives_the_same_bytes_and_full_lineage() {
    let catalog = catalog();
    for flow in catalog.flows().iter().filter(|flow| flow.id().starts_with("siuss-ps")) {
        let keys = std::sync::Arc::new(flow.test_keys());
        let context = Context { ente: EnteSettings { keys, ..EnteSettings::default() }, ..context() };
        let (one, two) = (flow.map(&folder(|_| {}), &context), flow.map(&folder(|_| {}), &context));
        for (one, two) in one.records.iter().zip(&two.records) {
            assert_eq!(one.key, two.key);
            assert!(
                one.fragment.as_ref().map(Personal::expose) == two.fragment.as_ref().map(Personal::expose)
            );
            let Some(fragment) = &one.fragment else { continue };
            let text = String::from_utf8(fragment.expose().clone()).unwrap();
            // Every attribute that was written has exactly one row that says so.
            let attributes = text.matches("=\"").count();
            let rows = flow.lineage(one);
            assert_eq!(rows.iter().filter(|row| row.target.contains('@')).count(), attributes);
        }
    }
}

fn part(kind: OperationKind, fragment: &[u8]) -> Part<'_> {
    Part { kind, fragment, id: "1.1" }
}

#[test]
fn a_cancel_differs_from_its_insert_in_one_value() {
    let catalog = catalog();
    let flow = catalog.find("siuss-ps-psa-sina/2018-12").unwrap();
    let mapped = flow.map(&folder(|_| {}), &context());
    let ente = flow.nominal_ente();
    let header = Header { name: "N", date: date(2026, 3, 1), ente: &ente };
    let fragment = mapped.records[0].fragment.as_ref().unwrap().expose();
    let build = |kind| flow.assemble(Container::Single, &header, &[part(kind, fragment)]).unwrap();
    let (insert, cancel) = (build(OperationKind::Insert), build(OperationKind::Cancel));
    let changed = insert.iter().zip(&cancel).filter(|(a, b)| a != b).count();
    assert_eq!((insert.len(), changed), (cancel.len(), 1));
    assert!(flow.assemble(Container::Single, &header, &[part(OperationKind::Replace, fragment)]).is_err());
    let two = [part(OperationKind::Insert, fragment); 2];
    assert!(flow.assemble(Container::Single, &header, &two).is_err());
    assert!(flow.assemble(Container::Bulk, &header, &two).is_ok());
}

/// Prints, not asserts: `cargo test --release -- --nocapture time_per_record`.
#[test]
fn time_per_record() {
    let catalog = catalog();
    let flow = catalog.find("siuss-ps-psa-sina/2018-12").unwrap();
    let (folder, context) = (folder(|_| {}), context());
    let start = Instant::now();
    let records: usize =
        (0..2_000).map(|_| flow.map_checked(&folder, &context, Vec::new()).records.len()).sum();
    let spent = start.elapsed();
    println!("{:.1} us per record", spent.as_secs_f64() * 1e6 / f64::from(u32::try_from(records).unwrap()));
}

#[test]
fn keys_periods_and_the_next_look_are_told() {
    let catalog = catalog();
    let flow = catalog.find("siuss-ps-psa-sina/2018-12").unwrap();
    let mapped = flow.map(
        &folder(|body| {
            body["interventi"][0].as_object_mut().unwrap().shift_remove("al");
            body["interventi"][1]["stato"] = serde_json::json!("annullato");
            body["completa_per"] = serde_json::json!([{"dal": "2025-01-01", "al": "2025-12-31"}]);
        }),
        &context(),
    );
    let keys: Vec<&str> = mapped.records.iter().map(|record| record.key.as_str()).collect();
    assert_eq!(keys, ["INT-1/2025", "INT-1/2026", "INT-3/2025"]);
    assert_eq!((mapped.records[1].from, mapped.records[1].to), (date(2026, 1, 1), date(2026, 12, 31)));
    assert_eq!(mapped.look_again, Some(date(2027, 1, 1)));
    assert_eq!((mapped.annulled.len(), mapped.named.len(), mapped.withheld.len()), (1, 3, 0));
    assert_eq!(mapped.complete, [(date(2025, 1, 1), date(2025, 12, 31))]);
}

#[test]
fn what_was_sent_comes_back_as_the_same_records() {
    let catalog = catalog();
    let flow = catalog.find("siuss-ps-psa-sina/2018-12").unwrap();
    let mapped = flow.map(
        &folder(|body| body["persona"]["cognome"] = serde_json::json!("D'Àrco & <Xxx> \"Y\"")),
        &context(),
    );
    let ente = flow.nominal_ente();
    let header = Header { name: "N", date: date(2026, 3, 1), ente: &ente };
    let parts: Vec<_> = mapped
        .records
        .iter()
        .map(|record| part(OperationKind::Cancel, record.fragment.as_ref().unwrap().expose()))
        .collect();
    let payload = flow.assemble(Container::Bulk, &header, &parts).unwrap();
    let adopted = flow.records_of(&payload).unwrap();
    assert_eq!(adopted.len(), mapped.records.len());
    for (adopted, record) in adopted.iter().zip(&mapped.records) {
        assert_eq!(adopted.operation, OperationKind::Cancel);
        assert!(adopted.register_key == record.register_key);
        assert!(Some(&adopted.fragment) == record.fragment.as_ref());
    }
}

#[test]
fn several_benefits_of_one_person_are_several_records() {
    let catalog = catalog();
    let flow = catalog.find("siuss-ps-psa-sina/2018-12").unwrap();
    let payload = br#"<c:Flusso xmlns:c="http://inps.it/Casellario"><c:Beneficiario CodiceFiscale="X">
        <c:Anagrafica Nome="Y" Cognome="X"/><c:PrestazioniSociali CodicePrestazione="A1.24"/>
        <c:PrestazioniSociali TipoOperazione="C" CodicePrestazione="A1.23"/></c:Beneficiario></c:Flusso>"#;
    let adopted = flow.records_of(payload).unwrap();
    let text = |index: usize| String::from_utf8(adopted[index].fragment.expose().clone()).unwrap();
    assert_eq!(
        text(0),
        "<Beneficiario CodiceFiscale=\"X\"><Anagrafica Cognome=\"X\" Nome=\"Y\"/>\
         <PrestazioniSociali TipoOperazione=\"I\" CodicePrestazione=\"A1.24\"/></Beneficiario>"
    );
    assert_eq!(adopted[1].operation, OperationKind::Cancel);
    assert!(text(1).contains("TipoOperazione=\"I\" CodicePrestazione=\"A1.23\""));
    assert!(flow.records_of(b"<a><b></a>").is_err());
}

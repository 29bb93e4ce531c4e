//! A whole folder through the SIUSS flow: bytes, lineage, operations, time.

use crate::flow::files::Embedded;
use crate::flow::{Catalog, Container, Context, EnteSettings, Header, OperationKind};
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
    for flow in catalog.flows() {
        let (one, two) = (flow.map(&folder(|_| {}), &context()), flow.map(&folder(|_| {}), &context()));
        for (one, two) in one.records.iter().zip(&two.records) {
            assert_eq!(one.key, two.key);
            assert!(
                one.fragment.as_ref().map(Personal::expose) == two.fragment.as_ref().map(Personal::expose)
            );
            let text = String::from_utf8(one.fragment.as_ref().unwrap().expose().clone()).unwrap();
            // Every attribute that was written has exactly one row that says so.
            let attributes = text.matches("=\"").count();
            let rows = flow.lineage(one);
            assert_eq!(rows.iter().filter(|row| row.target.contains('@')).count(), attributes);
        }
    }
}

#[test]
fn a_cancel_differs_from_its_insert_in_one_value() {
    let catalog = catalog();
    let flow = catalog.find("siuss-ps-psa-sina/2018-12").unwrap();
    let mapped = flow.map(&folder(|_| {}), &context());
    let ente = flow.nominal_ente();
    let header = Header { name: "N", date: date(2026, 3, 1), ente: &ente };
    let fragment = mapped.records[0].fragment.as_ref().unwrap().expose();
    let build = |kind| flow.assemble(Container::Single, &header, &[(kind, fragment)]).unwrap();
    let (insert, cancel) = (build(OperationKind::Insert), build(OperationKind::Cancel));
    let changed = insert.iter().zip(&cancel).filter(|(a, b)| a != b).count();
    assert_eq!((insert.len(), changed), (cancel.len(), 1));
    assert!(flow.assemble(Container::Single, &header, &[(OperationKind::Replace, fragment)]).is_err());
    let two = [(OperationKind::Insert, fragment.as_slice()); 2];
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

//! Each way in which the service can misbehave, and what asking then finds.

use raccordo::channel::courier::Courier;
use raccordo::flow::OperationKind::{Cancel, Insert, Replace};
use raccordo::sandbox::sap::{Escaping, Fault, Operation, Script};

use super::{NOW, PERSON, THEM, US, courier, found, item, parcel, policies, policy, server, told};

const PATIENT_MS: u64 = 60_000;
/// For silence only.
const IMPATIENT_MS: u64 = 1_500;

#[tokio::test]
async fn a_first_sending_a_change_and_a_cancel() {
    let server = server(Script::default()).await;
    let courier = courier(&server, PATIENT_MS);
    let outcome = courier.deliver(&parcel("1", &[(Insert, "P1", "A02"), (Insert, "P2", "A03")]), NOW).await;
    let (word, code) = told(&outcome);
    assert_eq!(word, "answered", "{code}");
    assert!(code.starts_with("OK: 01 ") && code.ends_with(", stands"), "{code}");
    assert!(!code.contains(PERSON));
    assert_eq!(policies(&server), [policy(US, "P1"), policy(US, "P2")]);
    let outcome = courier.deliver(&parcel("2", &[(Cancel, "P1", "A02"), (Replace, "P2", "C05")]), NOW).await;
    assert!(told(&outcome).1.starts_with("OK: 02 "), "{}", told(&outcome).1);
    assert_eq!(server.book().entry(PERSON).unwrap().items, [item(US, "P2", "C05")]);
    let again = courier.deliver(&parcel("3", &[(Insert, "P2", "C05")]), NOW).await;
    assert_eq!(told(&again).1, "OK: stands", "what stands is not sent again");
    assert_eq!(server.book().entry(PERSON).unwrap().sends, 2);
}

#[tokio::test]
async fn other_sections_and_foreign_items_stay_whatever_the_escaping() {
    for escaping in [Escaping::None, Escaping::Once, Escaping::Twice] {
        let server = server(Script { escaping, ..Script::default() }).await;
        let odd = "<politiche_attive nuovo='1'>\n<tipo_attivita>A02</tipo_attivita><codice_ente_promotore>00000000000</codice_ente_promotore><identificativo_politica>P1</identificativo_politica><descrizione>D&apos;Àrco &amp; &lt;figli&gt;</descrizione><altro><!-- nota -->1</altro></politiche_attive>";
        let foreign = [odd.to_owned(), item(THEM, "P1", "A03")];
        server.book().open(PERSON, &foreign);
        let other = server.book().entry(PERSON).unwrap().other.clone();
        let courier = courier(&server, PATIENT_MS);
        let outcome = courier.deliver(&parcel("1", &[(Insert, "P1", "A02")]), NOW).await;
        assert_eq!(told(&outcome).0, "answered", "{escaping:?}: {}", told(&outcome).1);
        let book = server.book();
        let entry = book.entry(PERSON).unwrap();
        assert_eq!(entry.items[..2], foreign, "{escaping:?}");
        assert_eq!(entry.items[2], item(US, "P1", "A02"));
        assert_eq!(entry.other, other);
    }
}

/// Nothing is ever sent upon a look that failed.
#[tokio::test]
async fn the_call_limit_before_a_send_sends_nothing() {
    use Operation::{Fetch, Find, Send};
    for (operation, before) in [(Find, 0), (Fetch, 0), (Fetch, 1)] {
        for fault in [Fault::Limit, Fault::Garbage, Fault::Page, Fault::Unavailable, Fault::ClientFault] {
            let server = server(Script { retry_after_s: Some(90), ..Script::default() }).await;
            server.book().open(PERSON, &[item(THEM, "F1", "A03")]);
            (0..before).for_each(|_| server.next(operation, None));
            server.next(operation, Some(fault));
            let courier = courier(&server, PATIENT_MS);
            let outcome = courier.deliver(&parcel("1", &[(Insert, "P1", "A02")]), NOW).await;
            assert_eq!(told(&outcome).0, "unavailable", "{operation:?} {fault:?}: {}", told(&outcome).1);
            assert!(!server.calls().contains(&Send), "{operation:?} {fault:?}");
            if fault == Fault::Limit {
                let raccordo::channel::courier::Outcome::Unavailable { code, not_before } = outcome else {
                    panic!()
                };
                assert_eq!((code.as_str(), not_before), ("X001", Some(NOW + 90_000)));
            }
        }
    }
}

/// What a fault of the send comes to, and what the book has then.
#[tokio::test]
async fn each_fault_of_a_send_is_told_from_the_others() {
    for (fault, word, there) in [
        (Fault::Limit, "unavailable", false),
        (Fault::Refused, "refused", false),
        (Fault::ClientFault, "refused", false),
        (Fault::Unavailable, "unavailable", false),
        (Fault::SilentBefore, "uncertain", false),
        (Fault::SilentAfter, "answered", true),
        (Fault::ErrorAfter, "answered", true),
        (Fault::Garbage, "answered", true),
        (Fault::Page, "answered", true),
        (Fault::Late, "uncertain", false),
    ] {
        let silent = matches!(fault, Fault::SilentBefore | Fault::SilentAfter | Fault::Late);
        let server = server(Script::default()).await;
        server.book().open(PERSON, &[item(THEM, "F1", "A03")]);
        server.next(Operation::Send, Some(fault));
        let courier = courier(&server, if silent { IMPATIENT_MS } else { PATIENT_MS });
        let parcel = parcel("1", &[(Insert, "P1", "A02")]);
        let outcome = courier.deliver(&parcel, NOW).await;
        assert_eq!(told(&outcome).0, word, "{fault:?}: {}", told(&outcome).1);
        assert_eq!(policies(&server).contains(&policy(US, "P1")), there, "{fault:?}");
        assert!(policies(&server).contains(&policy(THEM, "F1")), "{fault:?}");
        if word == "uncertain" {
            assert_eq!(found(courier.ask(&parcel, NOW).await), [false], "{fault:?}");
            let came = server.commit_late();
            assert_eq!(found(courier.ask(&parcel, NOW).await), [came == 1], "{fault:?}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_back_is_asked_for() {
    let server = server(Script::default()).await;
    server.book().open(PERSON, &[]);
    for fault in [None, None, Some(Fault::Limit)] {
        server.next(Operation::Fetch, fault);
    }
    let courier = courier(&server, PATIENT_MS);
    let parcel = parcel("1", &[(Insert, "P1", "A02")]);
    let outcome = courier.deliver(&parcel, NOW).await;
    assert_eq!(told(&outcome).0, "uncertain");
    assert!(told(&outcome).1.starts_with("X001: 02 "), "{}", told(&outcome).1);
    assert_eq!(found(courier.ask(&parcel, NOW).await), [true]);
}

#[tokio::test]
async fn a_refusal_keeps_its_text_and_a_lost_race_is_none() {
    let server = server(Script { refuse_kinds: vec!["C07".to_owned()], ..Script::default() }).await;
    let courier = courier(&server, PATIENT_MS);
    let outcome = courier.deliver(&parcel("1", &[(Insert, "P1", "C07")]), NOW).await;
    let raccordo::channel::courier::Outcome::Refused { culprits, code, text } = outcome else { panic!() };
    assert!(culprits.is_empty() && code.starts_with("KO: "), "{code}");
    assert_eq!(text.unwrap().expose(), "tipo_attivita C07 non ammesso");
    // Just before our first sending another writer makes the person's SAP.
    let mut made = false;
    server.set_writer(Some(Box::new(move |moment, book| {
        if moment.operation == Operation::Send && !moment.after && !made {
            made = true;
            book.open(PERSON, &[item(THEM, "F1", "A03")]);
        }
    })));
    let outcome = courier.deliver(&parcel("2", &[(Insert, "P1", "A02")]), NOW).await;
    let (word, code) = told(&outcome);
    assert!(word == "answered" && code.contains("another was first"), "{word} {code}");
    assert_eq!(policies(&server), [policy(THEM, "F1"), policy(US, "P1")]);
}

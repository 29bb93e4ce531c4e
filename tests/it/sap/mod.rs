//! The SAP courier and the simulated service, each held against the other over real HTTP, and the
//! flow through the gateway.

mod faults;
mod gateway;
mod rounds;

use raccordo::adapters::sap::{Pace, SapCourier};
use raccordo::channel::courier::{Asked, Carried, Destination, Outcome, Parcel};
use raccordo::channel::push::HttpSettings;
use raccordo::exchange::Answer;
use raccordo::flow::OperationKind;
use raccordo::personal::Personal;
use raccordo::sandbox::sap::{Policy, SapServer, SapServerConfig, Script};

/// 2026-11-23T10:00:00Z.
pub const NOW: i64 = 1_795_428_000_000;
/// Generated, of nobody.
pub const PERSON: &str = "XXXYYY80A01H501D";
pub const US: &str = "A944S003140";
pub const THEM: &str = "F205C000001";

pub async fn server(script: Script) -> SapServer {
    SapServer::start(SapServerConfig::new(([127, 0, 0, 1], 0).into(), script)).await.unwrap()
}

/// A courier that does not rest: the other writer of these tests works between its steps.
pub fn courier(server: &SapServer, total_timeout_ms: u64) -> SapCourier {
    let http = HttpSettings { total_timeout_ms, ..HttpSettings::default() };
    let destination = Destination {
        protocol: "sap".to_owned(),
        url: server.url(),
        http,
        token: None,
        read_back_after_ms: None,
    };
    SapCourier::new(&destination, None, Pace { rest_ms: 0 }).unwrap()
}

/// An item of section 6.
pub fn item(promoter: &str, id: &str, kind: &str) -> String {
    format!(
        "<politiche_attive><tipo_attivita>{kind}</tipo_attivita><codice_ente_promotore>{promoter}\
         </codice_ente_promotore><identificativo_politica>{id}</identificativo_politica>\
         <indice_profiling>0.000000000</indice_profiling></politiche_attive>"
    )
}

/// A container of ours: operations on identifiers, with the kind of activity.
pub fn parcel(name: &str, works: &[(OperationKind, &str, &str)]) -> Parcel {
    let start = format!(
        "<politiche_attive operazione=\"I\" codicefiscale=\"{PERSON}\" datadinascita=\"1980-01-01\">"
    );
    let items: String = works
        .iter()
        .map(|(_, id, kind)| item(US, id, kind).replacen("<politiche_attive>", &start, 1))
        .collect();
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<lavoratore><datiinvio><dataultimoagg>2026-11-23</dataultimoagg>\
         </datiinvio><politiche_attive_lst>{items}</politiche_attive_lst></lavoratore>"
    );
    let carried = |(at, (kind, ..)): (usize, &(OperationKind, &str, &str))| Carried {
        id: format!("{at}.1"),
        kind: *kind,
    };
    let parts = works.iter().enumerate().map(carried).collect();
    Parcel { name: name.to_owned(), bytes: Personal::new(text.into_bytes()), parts, handle: None }
}

/// Word and code of an outcome; of answers, the first one's.
pub fn told(outcome: &Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Answered(answers) => {
            assert!(answers.iter().all(|answer| answer.answer == Answer::Accepted));
            ("answered", answers.first().map(|answer| answer.code.clone()).unwrap_or_default())
        }
        Outcome::Refused { code, .. } => ("refused", code.clone()),
        Outcome::Unavailable { code, .. } => ("unavailable", code.clone()),
        Outcome::Uncertain { code } => ("uncertain", code.clone()),
        Outcome::Handed { .. } => panic!("this service answers at once"),
    }
}

/// For each part, whether it was found to have taken effect.
pub fn found(asked: Asked) -> Vec<bool> {
    match asked {
        Asked::Found(found) => found.iter().map(Option::is_some).collect(),
        Asked::Unavailable { code, .. } => panic!("not answered: {code}"),
        Asked::CannotBeAsked => panic!("cannot be asked"),
        Asked::Pending { .. } | Asked::Refused { .. } => panic!("this service answers at once"),
    }
}

pub fn policies(server: &SapServer) -> Vec<Policy> {
    server.book().entry(PERSON).map(|entry| entry.policies()).unwrap_or_default()
}

pub fn policy(promoter: &str, id: &str) -> Policy {
    Policy { promoter: promoter.to_owned(), id: id.to_owned() }
}

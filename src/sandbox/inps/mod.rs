//! A simulated INPS: polls an offered route, keeps a book of its own, judges by its own
//! rules, posts esiti, and misbehaves by script.
//!
//! It shares no code with the gateway's mapping, validation or planning: what it reads, it
//! reads with its own small parser, so that the two books are two witnesses.

mod book;
mod children;
mod judge;
mod poll;
mod read;
mod script;

pub use book::{Acquired, Book};
pub use poll::{Inps, InpsConfig, InpsError, Report, Voucher};
pub use script::Script;

/// The flow of persons' benefits that it takes.
pub const FLOW: &str = "siuss-ps-psa-sina/2018-12";

/// The flow of children in charge that it takes by the same route.
pub const CHILDREN_FLOW: &str = "siuss-sinba/1";

/// What INPS says of a flow (SPEC, `codice_esito`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Esito {
    #[serde(rename = "OK")]
    Ok,
    #[serde(rename = "DATI_NON_TROVATI")]
    DatiNonTrovati,
    #[serde(rename = "RICHIESTA_INVALIDA")]
    RichiestaInvalida,
    #[serde(rename = "ERRORE_GENERICO")]
    ErroreGenerico,
}

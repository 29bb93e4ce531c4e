//! The courier: delivers containers to a recipient that answers, one implementation per
//! protocol. It sends, reads the answer and says what happened; what follows from that is
//! decided in `exchange`, and stored before and after by the gateway.

use thiserror::Error;

use super::offer::Soon;
use super::push::{HttpSettings, HttpSettingsError};
use crate::exchange::{Answer, Millis};
use crate::flow::OperationKind;
use crate::personal::Personal;

/// One operation within a parcel.
pub struct Carried {
    /// The operation's id as the container carries it: `record.generation`.
    pub id: String,
    pub kind: OperationKind,
}

/// A container, built and validated, ready to be sent; the same bytes at each resend.
pub struct Parcel {
    /// The container's name, e.g. `H501.20261123.0000001`; no personal data.
    pub name: String,
    pub bytes: Personal<Vec<u8>>,
    /// What it carries, in the order of its entries.
    pub parts: Vec<Carried>,
    /// The recipient's own number of it, once it was handed over.
    pub handle: Option<String>,
}

/// What the recipient said of one operation of a parcel.
pub struct PartAnswer {
    /// Index in [`Parcel::parts`].
    pub part: usize,
    pub answer: Answer,
    /// The recipient's own code, verbatim, e.g. `201` or `412 duplicate`; never a personal value.
    pub code: String,
    /// The recipient's free text; it may hold personal values.
    pub text: Option<Personal<String>>,
    /// Where the recipient keeps it, e.g. `CarePlan/17/_history/2`.
    pub acquired_as: Option<String>,
}

/// What came of one try to deliver a parcel.
pub enum Outcome {
    /// The recipient worked on it: one answer per operation. One without an answer is unknown.
    Answered(Vec<PartAnswer>),
    /// Refused as a whole, nothing took effect. The answers name the culprits, if the recipient
    /// did; without any, the cause is looked for by halves.
    Refused { culprits: Vec<PartAnswer>, code: String, text: Option<Personal<String>> },
    /// Nothing took effect, for a reason that may pass: try again, not before `not_before`.
    Unavailable { code: String, not_before: Option<Millis> },
    /// It may have taken effect: ask before sending again.
    Uncertain { code: String },
    /// Taken under a number of the recipient's, which is stored before anything else: the
    /// receipts come by asking, not before `ask_at`. The number is no personal value.
    Handed { handle: String, code: String, ask_at: Option<Millis> },
}

/// What the recipient says when asked about a parcel whose outcome is unknown.
pub enum Asked {
    /// Per operation: `Some` = it took effect (or is known not to be possible), `None` = it did not: send again.
    Found(Vec<Option<PartAnswer>>),
    /// It is still worked on: ask again. How long it may take is the register's `overdue_days`.
    Pending { code: String, not_before: Option<Millis> },
    /// Refused as a whole, nothing took effect; as [`Outcome::Refused`].
    Refused { culprits: Vec<PartAnswer>, code: String, text: Option<Personal<String>> },
    /// It could not be asked just now.
    Unavailable { code: String, not_before: Option<Millis> },
    /// It can't be asked: a person decides.
    CannotBeAsked,
}

/// Where a route leads, and how to speak to it.
pub struct Destination {
    /// The protocol family, as an adapter registers it.
    pub protocol: String,
    /// Base URL of the recipient.
    pub url: String,
    pub http: HttpSettings,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<Personal<String>>,
    /// Where a protocol reads back what it sent: the pause before, ms; `None` = the protocol's own.
    pub read_back_after_ms: Option<u64>,
}

/// Says whether the bytes of an answer to a delivery fit the schema of a flow's answers.
pub type AnswerCheck = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Why there is no courier for a destination.
#[derive(Debug, Error)]
pub enum CourierError {
    #[error("protocol `{protocol}` is not known; known: {known}")]
    UnknownProtocol { protocol: String, known: String },
    #[error("the recipient's address must be an http or https URL without query and fragment")]
    Url,
    #[error(transparent)]
    Http(#[from] HttpSettingsError),
}

/// Delivers to one route.
pub trait Courier: Send + Sync {
    /// Sends a parcel once. Never repeats by itself.
    fn deliver<'a>(&'a self, parcel: &'a Parcel, now: Millis) -> Soon<'a, Outcome>;

    /// Asks what became of a parcel.
    fn ask<'a>(&'a self, parcel: &'a Parcel, now: Millis) -> Soon<'a, Asked>;
}

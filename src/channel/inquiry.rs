//! The inquirer: asks a register about one person, one implementation per protocol. A question
//! changes nothing there, so it may be asked again whatever became of it. What is read from an
//! answer, and kept of it, is decided elsewhere.

use super::offer::Soon;
use crate::exchange::Millis;
use crate::personal::Personal;

/// A question about one person.
pub struct Question {
    /// Its name in logs: `inquiry 12`; no personal data.
    pub name: String,
    pub codice_fiscale: Personal<String>,
}

/// What came of asking once.
pub enum Reply {
    /// The documents of the answer, as they came.
    Answered(Vec<Personal<Vec<u8>>>),
    /// The register knows nothing of the person.
    NothingKnown,
    /// Its limit of questions is exceeded.
    Limited { code: String, not_before: Option<Millis> },
    /// It could not be asked, or its answer was lost.
    Unavailable { code: String, not_before: Option<Millis> },
    /// It refuses this question; another try will not fare better.
    Refused { code: String },
}

/// Asks over one route.
pub trait Inquirer: Send + Sync {
    /// Asks once. Never repeats by itself.
    fn ask<'a>(&'a self, question: &'a Question, now: Millis) -> Soon<'a, Reply>;
}

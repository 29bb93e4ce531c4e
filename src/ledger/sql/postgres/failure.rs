//! What the server or the way to it refused, in words; never with a value of a row.

use tokio_postgres::Error;
use tokio_postgres::error::Severity;

use crate::exchange::LedgerError;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
#[error("PostgreSQL: {0}")]
pub struct Failure(String);

impl Failure {
    /// A failure in our own words.
    pub fn of(why: &str) -> LedgerError {
        LedgerError::Store(Box::new(Self(why.to_owned())))
    }

    /// What the driver reports. The server's details are left out: they may quote a row.
    pub fn from(error: &Error) -> LedgerError {
        Self::of(&words(error))
    }
}

fn words(error: &Error) -> String {
    if let Some(refusal) = error.as_db_error() {
        return format!("{} ({})", refusal.message(), refusal.code().code());
    }
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

/// Whether the server refused one statement and is still there; else the connection is of no use.
pub fn is_refusal(error: &Error) -> bool {
    let severity = error.as_db_error().map(|refusal| refusal.parsed_severity());
    severity.is_some_and(|severity| matches!(severity, None | Some(Severity::Error)))
}

/// Whether another try to connect could not end better: a wrong password, no such database.
pub fn is_final(error: &Error) -> bool {
    let class = |code: &str| matches!(&code[..2], "28" | "3D" | "42");
    error.code().is_some_and(|code| class(code.code()))
}

//! The type that personal values wear: neither Debug nor Display, no serde.
//!
//! Whoever needs the value says so with [`Personal::expose`], which a reviewer
//! can search for; formatting it, logging it or serialising it does not compile.

/// A personal value of a citizen (name, codice fiscale, folder body, payload).
#[derive(Clone, PartialEq, Eq)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    /// Wraps a value so that it can no longer be printed or serialised by accident.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that maps, seals or sends it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Unwraps the value, for the one place that maps, seals or sends it.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

//! The words in which the two stores differ. Everything else is SQL that both understand.

/// How a store speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
}

impl Dialect {
    /// The texts of a JSON array that is a parameter, to stand behind `IN`.
    pub fn list(self, parameter: &str) -> String {
        match self {
            Self::Sqlite => format!("(SELECT value FROM json_each({parameter}))"),
        }
    }

    /// The days from one ISO day to another, never negative.
    pub fn days_between(self, one: &str, other: &str) -> String {
        match self {
            Self::Sqlite => format!("abs(julianday({one}) - julianday({other}))"),
        }
    }

    /// A word behind a table's name: SQLite is told the index where it has no statistics to find it by.
    pub fn by_index(self, index: &str) -> String {
        match self {
            Self::Sqlite => format!("INDEXED BY {index}"),
        }
    }
}

//! What a process does of an installation's work.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// A part of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Listeners: the API, the console, the offered routes.
    Api,
    /// Selects the records of runs and replays.
    Planner,
    /// Builds, sends, asks, collects.
    Worker,
    /// What time brings about: the calendar, folders to look at again, overdue receipts, what is
    /// kept no longer. One process at a time.
    Scheduler,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Api, Self::Planner, Self::Worker, Self::Scheduler];

    /// As it is written and shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Planner => "planner",
            Self::Worker => "worker",
            Self::Scheduler => "scheduler",
        }
    }
}

/// The roles of a process, each once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Roles(Vec<Role>);

/// A word that is no role, or none at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRole {
    #[error(
        "`{0}` is no role: write one or more of api, planner, worker, scheduler, with commas between them"
    )]
    Unknown(String),
    #[error(
        "a process needs a role: write one or more of api, planner, worker, scheduler, with commas between them"
    )]
    Nothing,
}

impl Roles {
    /// Everything in one process.
    pub fn all() -> Self {
        Self(Role::ALL.to_vec())
    }

    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }
}

impl FromStr for Roles {
    type Err = NoRole;

    fn from_str(text: &str) -> Result<Self, NoRole> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let role = |word: &str| {
            let role = Role::ALL.into_iter().find(|role| role.word() == word);
            role.ok_or_else(|| NoRole::Unknown(word.to_owned()))
        };
        let named = words.map(role).collect::<Result<Vec<_>, _>>()?;
        let roles: Vec<_> = Role::ALL.into_iter().filter(|role| named.contains(role)).collect();
        if roles.is_empty() { Err(NoRole::Nothing) } else { Ok(Self(roles)) }
    }
}

impl TryFrom<String> for Roles {
    type Error = NoRole;

    fn try_from(text: String) -> Result<Self, NoRole> {
        text.parse()
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.0.iter().map(|role| role.word()).collect();
        out.write_str(&words.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_in_any_order_and_an_unknown_one_is_named() {
        let roles: Roles = "worker, api,worker".parse().unwrap();
        assert_eq!(roles.to_string(), "api,worker");
        assert!(roles.has(Role::Api) && !roles.has(Role::Planner));
        assert_eq!("api,wroker".parse::<Roles>(), Err(NoRole::Unknown("wroker".into())));
        assert_eq!(" ,".parse::<Roles>(), Err(NoRole::Nothing));
        assert_eq!(Roles::all().to_string().parse(), Ok(Roles::all()));
    }
}

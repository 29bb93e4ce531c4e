//! Who may do what: roles, the rights that each gives, and where.

use serde::{Deserialize, Serialize};

/// What a person, or a program, is here for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Keeps folders up to date and brings single citizens to the registers.
    Operator,
    /// Reports for periods and answers for the balances.
    ReportingOfficer,
    /// Writes and tries mappings; sees no real person.
    Integrator,
    /// Looks at everything that was done, and does nothing.
    Auditor,
    /// Runs the installation: routes, accounts.
    Administrator,
}

/// One thing that may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Ids, states, counts, findings: no personal value.
    SeeMetadata,
    /// Folders, payloads, receipts' texts; each look is audited, with its reason.
    SeeBodies,
    SaveFolders,
    /// One citizen, one register, now.
    Sync,
    /// Reports, replays, cancelling of runs.
    Report,
    /// Held runs, uncertain and parked operations.
    Decide,
    /// Refused or parked operations go again.
    Resend,
    /// Routes: pause and resume.
    OperateRoutes,
    /// Mappings and trials on folders that are not stored.
    Try,
    ReadAudit,
    ManageAccounts,
}

impl Role {
    pub const ALL: [Self; 5] =
        [Self::Operator, Self::ReportingOfficer, Self::Integrator, Self::Auditor, Self::Administrator];

    /// The word stored and typed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::ReportingOfficer => "reporting-officer",
            Self::Integrator => "integrator",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// What the role may do.
    pub const fn rights(self) -> &'static [Right] {
        use Right::*;
        match self {
            Self::Operator => &[SeeMetadata, SeeBodies, SaveFolders, Sync, Resend, Try],
            Self::ReportingOfficer => &[SeeMetadata, SeeBodies, Sync, Report, Decide, Resend, Try],
            Self::Integrator => &[SeeMetadata, Try],
            Self::Auditor => &[SeeMetadata, ReadAudit],
            Self::Administrator => &[SeeMetadata, OperateRoutes, ManageAccounts, ReadAudit, Try],
        }
    }
}

/// A role, and where it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    pub role: Role,
    /// Empty = every ente.
    #[serde(default)]
    pub enti: Vec<String>,
    /// Empty = every register.
    #[serde(default)]
    pub registers: Vec<String>,
}

impl Grant {
    /// A role everywhere.
    pub const fn everywhere(role: Role) -> Self {
        Self { role, enti: Vec::new(), registers: Vec::new() }
    }

    /// Whether it gives a right at an ente and register; `None` asks for all of them.
    pub fn gives(&self, right: Right, ente: Option<&str>, register: Option<&str>) -> bool {
        self.role.rights().contains(&right) && covers(&self.enti, ente) && covers(&self.registers, register)
    }
}

fn covers(listed: &[String], wanted: Option<&str>) -> bool {
    listed.is_empty() || wanted.is_some_and(|wanted| listed.iter().any(|known| known == wanted))
}

/// Whether one of several grants gives a right.
pub fn allows(grants: &[Grant], right: Right, ente: Option<&str>, register: Option<&str>) -> bool {
    grants.iter().any(|grant| grant.gives(right, ente, register))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_counts_only_where_it_was_given() {
        let grant = Grant { role: Role::Operator, enti: vec!["H501".into()], registers: vec!["r".into()] };
        let grants = [grant, Grant::everywhere(Role::Auditor)];
        assert!(allows(&grants, Right::Sync, Some("H501"), Some("r")));
        assert!(!allows(&grants, Right::Sync, Some("F205"), Some("r")));
        assert!(!allows(&grants, Right::Sync, Some("H501"), Some("s")));
        assert!(!allows(&grants, Right::Sync, None, Some("r")), "all enti were not given");
        assert!(allows(&grants, Right::ReadAudit, None, None));
        assert!(!allows(&grants, Right::SeeBodies, None, None));
    }

    #[test]
    fn nobody_alone_runs_the_installation_and_reads_folders() {
        for role in Role::ALL {
            let both = [Right::SeeBodies, Right::ManageAccounts];
            assert!(!both.iter().all(|right| role.rights().contains(right)), "{}", role.word());
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
    }
}

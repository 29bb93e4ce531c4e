//! Who may do what: roles, the rights that each gives, and where. One table for the console and the
//! API; and the reason that whoever looks at a person must give.

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
    /// Which fields of a person went where, without their values; audited, with its reason.
    SeeHistory,
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
    /// A person's key is destroyed, and with it what it sealed.
    Erase,
}

impl Right {
    /// What it allows, as it is said to people: "the right to ...".
    pub const fn words(self) -> &'static str {
        match self {
            Self::SeeMetadata => "see how things stand",
            Self::SeeBodies => "see folders and payloads",
            Self::SeeHistory => "see a person's history",
            Self::SaveFolders => "save folders",
            Self::Sync => "send a single folder",
            Self::Report => "start and cancel reports",
            Self::Decide => "decide what is held or unclear",
            Self::Resend => "send again",
            Self::OperateRoutes => "operate routes",
            Self::Try => "try mappings",
            Self::ReadAudit => "read the audit journal",
            Self::ManageAccounts => "manage accounts and tokens",
            Self::Erase => "erase a person",
        }
    }

    /// The name in the OpenAPI document, e.g. `see-bodies`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SeeMetadata => "see-metadata",
            Self::SeeBodies => "see-bodies",
            Self::SeeHistory => "see-history",
            Self::SaveFolders => "save-folders",
            Self::Sync => "sync",
            Self::Report => "report",
            Self::Decide => "decide",
            Self::Resend => "resend",
            Self::OperateRoutes => "operate-routes",
            Self::Try => "try",
            Self::ReadAudit => "read-audit",
            Self::ManageAccounts => "manage-accounts",
            Self::Erase => "erase",
        }
    }
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
            Self::Operator => &[SeeMetadata, SeeBodies, SeeHistory, SaveFolders, Sync, Resend, Try],
            Self::ReportingOfficer => {
                &[SeeMetadata, SeeBodies, SeeHistory, Sync, Report, Decide, Resend, Try]
            }
            Self::Integrator => &[SeeMetadata, Try],
            Self::Auditor => &[SeeMetadata, SeeHistory, ReadAudit],
            Self::Administrator => &[SeeMetadata, OperateRoutes, ManageAccounts, ReadAudit, Try, Erase],
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

/// What every role together gives, at some enti (all when empty) and registers (all when empty).
pub fn everything(enti: &[String], registers: &[String]) -> Vec<Grant> {
    let grant = |role| Grant { role, enti: enti.to_vec(), registers: registers.to_vec() };
    Role::ALL.into_iter().map(grant).collect()
}

/// Whether one of several grants gives a right somewhere.
pub fn allows_somewhere(grants: &[Grant], right: Right) -> bool {
    grants.iter().any(|grant| grant.role.rights().contains(&right))
}

/// Whether one of several grants gives a right at an ente, at any register: for what belongs to none.
pub fn allows_at_ente(grants: &[Grant], right: Right, ente: &str) -> bool {
    let mut giving = grants.iter().filter(|grant| grant.role.rights().contains(&right));
    giving.any(|grant| covers(&grant.enti, Some(ente)))
}

/// Whether one of several grants gives a right.
pub fn allows(grants: &[Grant], right: Right, ente: Option<&str>, register: Option<&str>) -> bool {
    grants.iter().any(|grant| grant.gives(right, ente, register))
}

/// Longest reason, characters.
const REASON_MOST: usize = 200;

/// Why somebody looks at a person: kept with the audit event, so it must name nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

/// A reason that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReasonError {
    #[error(
        "Say why you look: a reason of 3 to 200 characters, in the header Raccordo-Reason or the parameter \
         `reason`."
    )]
    Missing,
    #[error("The reason stays in the journal for ever: it names no person and no codice fiscale.")]
    Names,
}

impl Reason {
    /// Reads a reason.
    ///
    /// # Errors
    /// [`ReasonError::Missing`] when it is too short or too long, [`ReasonError::Names`] when it holds
    /// what looks like a codice fiscale.
    pub fn new(text: &str) -> Result<Self, ReasonError> {
        let text = text.trim();
        let length = text.chars().count();
        if !(3..=REASON_MOST).contains(&length) || text.chars().any(char::is_control) {
            return Err(ReasonError::Missing);
        }
        if text.split(|c: char| !c.is_ascii_alphanumeric()).any(looks_like_a_person) {
            return Err(ReasonError::Names);
        }
        Ok(Self(text.to_owned()))
    }

    /// As it was given.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Sixteen characters in the form of a codice fiscale, omocodia included.
fn looks_like_a_person(word: &str) -> bool {
    let letter_at = |at: usize| matches!(at, 0..=5 | 8 | 11 | 15);
    let fits = |(at, byte): (usize, u8)| !letter_at(at) || byte.is_ascii_alphabetic();
    word.len() == 16 && word.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something_and_names_nobody() {
        assert_eq!(
            Reason::new(" verifica richiesta dal cittadino ").unwrap().text(),
            "verifica richiesta dal cittadino"
        );
        for none in ["", "  ", "ok", "a\nb c", &"x".repeat(201)] {
            assert_eq!(Reason::new(none), Err(ReasonError::Missing));
        }
        assert_eq!(Reason::new("per RSSMRA80A01H501U"), Err(ReasonError::Names));
        assert!(Reason::new("prot. 2026/0004711-ABCDEF").is_ok());
    }

    #[test]
    fn all_roles_together_give_every_right_and_only_where_they_count() {
        let grants = everything(&["H501".into()], &[]);
        assert!(allows(&grants, Right::ManageAccounts, Some("H501"), None));
        assert!(!allows(&grants, Right::ManageAccounts, None, None));
        assert!(allows_at_ente(&grants, Right::SaveFolders, "H501"));
        assert!(!allows_at_ente(&grants, Right::SaveFolders, "F205"));
    }

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

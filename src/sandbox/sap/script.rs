//! How the simulated service behaves; kind by default. What meets a call depends on the seed, the
//! call and how often it came, so that a run can be played again.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::sandbox::chance;

/// The operations that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Find,
    Fetch,
    Did,
    Send,
}

impl Operation {
    /// By the name of its element.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "verificaEsistenzaSAP" => Self::Find,
            "richiestaSAP" => Self::Fetch,
            "richiestaSAP_N00_A02" => Self::Did,
            "invioSAP" => Self::Send,
            _ => return None,
        })
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Find => "verificaEsistenzaSAP",
            Self::Fetch => "richiestaSAP",
            Self::Did => "richiestaSAP_N00_A02",
            Self::Send => "invioSAP",
        }
    }
}

/// How documents in answers are escaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Escaping {
    None,
    #[default]
    Once,
    Twice,
}

/// One way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// `X001`, wherever the operation hides it. Nothing is done, and so for the others before the line.
    Limit,
    /// `KO`; for an operation that has none, a fault of the client's.
    Refused,
    ClientFault,
    Unavailable,
    /// Silence until the client leaves.
    SilentBefore,
    // ---- it is done
    SilentAfter,
    ErrorAfter,
    /// Not XML.
    Garbage,
    /// A page with status 200.
    Page,
    /// Silence, and it is done only when the test says so.
    Late,
}

impl Fault {
    /// Whether the call has its effect at once.
    pub(super) const fn takes_effect(self) -> bool {
        matches!(self, Self::SilentAfter | Self::ErrorAfter | Self::Garbage | Self::Page)
    }
}

/// Rates are shares from 0 to 1.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    pub seed: u64,
    /// Pause before every answer, ms.
    pub delay_ms: u64,
    /// How long silence lasts, ms: longer than clients wait.
    pub silence_ms: u64,
    pub escaping: Escaping,
    /// `Retry-After` of a call limit, if it says one.
    pub retry_after_s: Option<u64>,
    /// Kinds of activity that are refused with KO.
    pub refuse_kinds: Vec<String>,
    /// What happens to calls; one fault at most each.
    pub faults: BTreeMap<Operation, BTreeMap<Fault, f64>>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            seed: 1,
            delay_ms: 0,
            silence_ms: 60_000,
            escaping: Escaping::Once,
            retry_after_s: None,
            refuse_kinds: Vec::new(),
            faults: BTreeMap::new(),
        }
    }
}

impl Script {
    /// The fault that meets a call, by its name.
    pub(super) fn fault(&self, operation: Operation, name: &str) -> Option<Fault> {
        let faults = self.faults.get(&operation)?;
        chance::pick(faults, chance::draw(self.seed, name))
    }
}

//! A finding: something wrong in a folder or payload, said for people.
//!
//! Content problems are findings, never errors: all at once, in Italian and
//! English, at the folder's own place, with what to do. No personal value here.

use serde::{Deserialize, Serialize};

/// A sentence in both languages of the product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    pub it: String,
    pub en: String,
}

impl Text {
    /// Builds a text from its Italian and English sentence.
    pub fn new(it: impl Into<String>, en: impl Into<String>) -> Self {
        Self { it: it.into(), en: en.into() }
    }
}

/// Whether a finding keeps its record from leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Inferred rules and other exporters' habits: said, never withheld.
    Warn,
    /// The record is set aside until the folder (or the mapping) is mended.
    Withhold,
}

/// Who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    CorrectFolder,
    CorrectMapping,
    Wait,
    AskRecipient,
}

/// One thing wrong, at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable id of the rule, e.g. `importo-mensile-mancante`.
    pub rule: String,
    pub severity: Severity,
    /// JSON pointer into the folder, e.g. `/interventi/1/quota_utente`.
    pub folder_path: String,
    /// Place in the payload, e.g. `Beneficiario/PrestazioniSociali/@ImportoMensile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_path: Option<String>,
    pub message: Text,
    pub hint: Text,
    pub verdict: Verdict,
    /// The clause of the authority's document it comes from.
    pub source: String,
}

impl Finding {
    /// A finding on a place of the folder, mended by correcting the folder; the clause is the folder's schema.
    pub fn in_folder(
        rule: &str,
        severity: Severity,
        folder_path: impl Into<String>,
        message: Text,
        hint: Text,
    ) -> Self {
        Self {
            rule: rule.to_owned(),
            severity,
            folder_path: folder_path.into(),
            payload_path: None,
            message,
            hint,
            verdict: Verdict::CorrectFolder,
            source: "schemas/folder/1".to_owned(),
        }
    }
}

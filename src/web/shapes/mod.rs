//! What answers look like, for the OpenAPI document only: nobody makes these values. A test compares
//! them with what really comes. Names of fields are those of the answers.
#![allow(dead_code, reason = "schemas are read from the types; no value of them is ever made")]

mod books;
mod people;
mod watch;
mod work;

pub use books::*;
pub use people::*;
pub use watch::*;
pub use work::*;

use serde_json::Value;
use utoipa::ToSchema;

/// A problem (RFC 9457), in the language of whoever asked and in both.
#[derive(ToSchema)]
pub struct Problem {
    r#type: String,
    title: String,
    status: u16,
    /// What went wrong and what to do.
    detail: String,
    detail_it: String,
    detail_en: String,
    /// Of the request, as in the header X-Request-Id and in the log.
    request_id: Option<String>,
    /// What is wrong with a folder, by its own fields.
    findings: Option<Vec<Explanation>>,
}

/// A text in both languages.
#[derive(ToSchema)]
pub struct Text {
    it: String,
    en: String,
}

/// One thing to act on, on the folder's own fields.
#[derive(ToSchema)]
pub struct Explanation {
    rule: String,
    severity: Option<String>,
    /// The recipient's own code.
    code: Option<String>,
    /// The recipient's own words, the person's values masked.
    recipient_text: Option<String>,
    /// JSON pointer into the folder.
    folder_path: Option<String>,
    label: Option<Text>,
    /// The value seen, masked where it is personal.
    value: Option<String>,
    message: Text,
    hint: Text,
    verdict: Value,
    source: String,
}

/// A finding of a folder.
#[derive(ToSchema)]
pub struct FolderFinding {
    flow: Option<String>,
    record: Option<String>,
    finding: Value,
}

/// A role, and where it counts; empty lists mean everywhere.
#[derive(ToSchema)]
pub struct Grant {
    role: String,
    enti: Vec<String>,
    registers: Vec<String>,
}

/// An account of the console.
#[derive(ToSchema)]
pub struct Account {
    name: String,
    grants: Vec<Grant>,
    disabled: bool,
    failures: u32,
    locked_until: i64,
    created_at: i64,
}

#[derive(ToSchema)]
pub struct Accounts {
    accounts: Vec<Account>,
}

/// A token of the API; never the token itself.
#[derive(ToSchema)]
pub struct Token {
    name: String,
    grants: Vec<Grant>,
    /// Whether it lets anybody in.
    counts: bool,
    created_at: i64,
    created_by: String,
    expires_at: i64,
    revoked_at: Option<i64>,
    /// To the minute.
    used_at: Option<i64>,
}

#[derive(ToSchema)]
pub struct Tokens {
    tokens: Vec<Token>,
}

/// A token just made: shown this once.
#[derive(ToSchema)]
pub struct MadeToken {
    name: String,
    token: String,
    expires_at: i64,
}

/// Whether the audit chain holds.
#[derive(ToSchema)]
pub struct AuditVerdict {
    intact: bool,
    events: Option<u64>,
    /// Hash of the newest event, hexadecimal: keep it elsewhere.
    head: Option<String>,
    why: Option<String>,
}

//! What an installation is told of alerts: from when on something is one, and who is told.

use std::path::Path;

use serde::Deserialize;

/// The sinks, as stored with what they are to be told.
pub const WEBHOOK: &str = "webhook";
pub const EMAIL: &str = "email";

/// The `[alerts]` table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertSettings {
    /// In which language people are told: `it` or `en`.
    pub language: String,
    /// A recipient may be out of reach so long.
    pub unreachable_min: u32,
    /// A run is looked at once so many of its records were answered, and told of from this share on.
    pub refused_least: u64,
    pub refused_share: f64,
    /// Operations for a person, and held cancels, from how many on; 0 = never.
    pub undecided_least: u64,
    pub held_least: u64,
    /// Days before a certificate's end.
    pub certificate_days: u32,
    pub webhook: Webhook,
    pub email: Email,
}

/// Where alerts are posted as JSON.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Empty = nowhere.
    pub url: String,
    /// File (0600) with the secret by which it is signed; empty = not signed.
    pub secret_file: String,
    pub allow_plain_http: bool,
}

/// To whom alerts are written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// `host:port` of the SMTP server; empty = nobody is written to.
    pub server: String,
    /// `starttls`, `tls` or `none` (this machine only).
    pub security: String,
    /// File (0600) with `user:password`; empty = without.
    pub credentials_file: String,
    /// Further certificate authorities, PEM.
    pub authorities_file: String,
    pub from: String,
    pub to: Vec<String>,
}

impl AlertSettings {
    /// File names are meant from the configuration's directory.
    pub fn files_from(&mut self, base: &Path) {
        let files = [
            &mut self.webhook.secret_file,
            &mut self.email.credentials_file,
            &mut self.email.authorities_file,
        ];
        for file in files.into_iter().filter(|file| !file.is_empty()) {
            *file = base.join(&*file).display().to_string();
        }
    }

    /// Who is told beside the log and the metrics.
    pub fn sinks(&self) -> Vec<&'static str> {
        let webhook = (!self.webhook.url.is_empty()).then_some(WEBHOOK);
        let email = (!self.email.server.is_empty()).then_some(EMAIL);
        webhook.into_iter().chain(email).collect()
    }

    /// What is wrong with the table, in words with the mend.
    pub(super) fn defects(&self, defects: &mut Vec<String>) {
        if !["it", "en"].contains(&self.language.as_str()) {
            defects.push("alerts: language must be `it` or `en`".into());
        }
        if !(0.0..=1.0).contains(&self.refused_share) {
            defects.push("alerts: refused_share is a share, from 0.0 to 1.0".into());
        }
        if self.email.server.is_empty() {
            return;
        }
        if !["starttls", "tls", "none"].contains(&self.email.security.as_str()) {
            defects.push("alerts.email: security must be `starttls`, `tls` or `none`".into());
        }
        if self.email.from.is_empty() || self.email.to.is_empty() {
            defects.push("alerts.email: a server needs `from` and `to`".into());
        }
    }
}

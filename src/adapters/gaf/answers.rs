//! Answers of the upload service, read tolerantly: a code, a text, a file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::personal::Personal;

/// What an answer says: its code and the text beside it.
pub(super) struct Said {
    pub code: String,
    pub text: Option<Personal<String>>,
}

impl Said {
    /// The code under any of the names seen; `None` without one.
    pub fn read(body: &Value) -> Option<Self> {
        let code = ["codice", "esito", "code"].iter().find_map(|name| body[*name].as_str())?;
        let text = ["descrizione", "messaggio", "description"].iter().find_map(|name| body[*name].as_str());
        Some(Self { code: word(code), text: text.map(|text| Personal::new(text.to_owned())) })
    }
}

/// A code as it may be kept: letters and digits, or only that there was one.
pub(super) fn word(code: &str) -> String {
    let code = code.trim();
    let fits = (1..=16).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    // Sixteen letters and digits could be a codice fiscale.
    if fits && code.len() < 16 { code.to_owned() } else { "unknown".to_owned() }
}

/// The recipient's number of an upload: text or number, of harmless characters.
pub(super) fn handle(body: &Value) -> Option<String> {
    let value = &body["idUpload"];
    let text =
        value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|number| number.to_string()))?;
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    ((1..=64).contains(&text.len()) && text.bytes().all(harmless)).then_some(text)
}

/// A status in words, where something can be done about it.
pub(super) fn status(status: u16) -> String {
    match status {
        401 | 403 => format!("{status}: check token_file"),
        404 | 405 => format!("{status}: check url"),
        other => other.to_string(),
    }
}

/// The file of an answer (`DF01`), in base64; otherwise why there is none.
pub(super) fn file(body: &Value) -> Result<Vec<u8>, String> {
    let said = Said::read(body).map(|said| said.code).unwrap_or_default();
    if said != "DF01" {
        return Err(if said.is_empty() { "no code with the file".to_owned() } else { said });
    }
    let text = ["contenuto", "file"].iter().find_map(|name| body[*name].as_str()).unwrap_or_default();
    STANDARD.decode(text.trim()).map_err(|_| "the file is not base64".to_owned())
}

//! What a command says, in the language of whoever runs it: `--lang`, else the environment's.

use std::sync::OnceLock;

use crate::web::Language;

/// A process speaks one language.
static LANGUAGE: OnceLock<Language> = OnceLock::new();

/// Reads `--lang`.
///
/// # Errors
/// When it is neither `it` nor `en`.
pub fn parse(word: &str) -> Result<Language, String> {
    [Language::Italian, Language::English]
        .into_iter()
        .find(|language| language.code() == word)
        .ok_or_else(|| "write it or en".to_owned())
}

/// From here on everything is said in this language, or in the environment's.
pub fn speak(language: Option<Language>) {
    LANGUAGE.get_or_init(|| language.unwrap_or_else(of_environment));
}

/// The locale that POSIX looks at first (XBD 8.2).
fn of_environment() -> Language {
    let named = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
    let locale = named.into_iter().find(|locale| !locale.is_empty());
    locale.map(|locale| Language::of_locale(&locale)).unwrap_or_default()
}

/// The language of this process.
pub fn language() -> Language {
    LANGUAGE.get().copied().unwrap_or_default()
}

/// An English sentence, in the language of this process.
pub fn said(english: &str) -> String {
    language().say(english)
}

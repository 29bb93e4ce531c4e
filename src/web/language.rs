//! In which language an answer speaks: Italian for whoever asks for it, else English.
//!
//! What people read is written in English where it is said, and its Italian stands in one table
//! ([`super::italian`]); so no act needs to know who will read it. Logs stay English.

use super::italian::sentences;

/// A language of the product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    Italian,
    #[default]
    English,
}

impl Language {
    /// `it` or `en`, as findings and problems name their texts.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Italian => "it",
            Self::English => "en",
        }
    }

    /// What an `Accept-Language` header likes best (RFC 9110, 12.5.4); English where it says neither.
    pub fn accepted(header: &str) -> Self {
        let wish = |part: &str| {
            let (tag, weight) = part.split_once(';').unwrap_or((part, "q=1"));
            let weight: f32 = weight.trim().strip_prefix("q=")?.trim().parse().ok()?;
            Self::of_tag(tag.trim()).filter(|_| weight > 0.0).map(|language| (language, weight))
        };
        let best = header.split(',').filter_map(wish).reduce(|a, b| if b.1 > a.1 { b } else { a });
        best.map_or(Self::English, |(language, _)| language)
    }

    /// The language of a locale such as `it_IT.UTF-8`.
    pub fn of_locale(locale: &str) -> Self {
        Self::of_tag(locale).unwrap_or_default()
    }

    fn of_tag(tag: &str) -> Option<Self> {
        let main = tag.split(['-', '_', '.']).next().unwrap_or_default();
        match main.to_ascii_lowercase().as_str() {
            "it" => Some(Self::Italian),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// The sentence in this language; as it is where there is no Italian for it.
    pub fn say(self, english: &str) -> String {
        let italian = if self == Self::Italian { in_italian(english) } else { None };
        italian.unwrap_or_else(|| english.to_owned())
    }
}

/// The Italian of a sentence, with what stands in its holes put into Italian too.
fn in_italian(english: &str) -> Option<String> {
    sentences().find_map(|(template, italian)| {
        let mut said = String::with_capacity(italian.len() + 32);
        let mut parts = italian.split("{}");
        said.push_str(parts.next().unwrap_or_default());
        for (hole, part) in holes(english, template)?.into_iter().zip(parts) {
            said.push_str(&Language::Italian.say(hole));
            said.push_str(part);
        }
        Some(said)
    })
}

/// What stands where a template has `{}`; `None` when it does not fit.
fn holes<'t>(text: &'t str, template: &str) -> Option<Vec<&'t str>> {
    let (first, others) = template.split_once("{}").map_or((template, None), |(a, b)| (a, Some(b)));
    let mut rest = text.strip_prefix(first)?;
    let Some(others) = others else { return rest.is_empty().then(Vec::new) };
    let mut holes = Vec::new();
    let mut parts = others.split("{}").peekable();
    while let Some(part) = parts.next() {
        let at = if parts.peek().is_none() { rest.strip_suffix(part)?.len() } else { rest.find(part)? };
        holes.push(&rest[..at]);
        rest = &rest[at + part.len()..];
    }
    Some(holes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_what_is_liked_best() {
        for italian in ["it", "it-IT", "en;q=0.5, it", "fr, it;q=0.2", "IT-ch;q=0.9, en;q=0.8"] {
            assert_eq!(Language::accepted(italian), Language::Italian, "{italian}");
        }
        for english in ["", "en", "fr", "*", "it;q=0", "it;q=0.4, en-GB;q=0.5", "it;q=x", ";,;=", "en, it"] {
            assert_eq!(Language::accepted(english), Language::English, "{english}");
        }
        assert_eq!(Language::of_locale("it_IT.UTF-8"), Language::Italian);
        assert_eq!(Language::of_locale("C.UTF-8"), Language::English);
    }

    #[test]
    fn holes_keep_what_stands_in_them() {
        let said = Language::Italian.say("run 99 is not in the ledger");
        assert_eq!(said, "la rendicontazione 99 non è nel giornale");
        assert_eq!(Language::Italian.say("nobody ever said this"), "nobody ever said this");
        assert_eq!(Language::English.say("run 99 is not in the ledger"), "run 99 is not in the ledger");
        assert_eq!(holes("a-b-c", "{}-{}"), Some(vec!["a", "b-c"]));
        assert_eq!(holes("a", "a{}a"), None);
    }

    #[test]
    fn both_sides_of_the_table_have_the_same_holes_and_some_words() {
        for (english, italian) in sentences() {
            assert_eq!(english.matches("{}").count(), italian.matches("{}").count(), "{english}");
            assert!(english.replace("{}", "").trim().len() > 2, "{english}");
            let whose = sentences().filter(|(other, _)| *other == english).count();
            assert_eq!(whose, 1, "twice: {english}");
        }
    }
}

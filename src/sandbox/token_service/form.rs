//! `application/x-www-form-urlencoded`, as far as a token request needs it.

use std::collections::BTreeMap;

/// The fields of a form; none if a field comes twice or is not UTF-8.
pub(super) fn parse(body: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut fields = BTreeMap::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(at);
        let value = value.strip_prefix(b"=").unwrap_or(value);
        if fields.insert(decode(name)?, decode(value)?).is_some() {
            return None;
        }
    }
    Some(fields)
}

fn decode(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hexadecimal(*rest.next()?)? * 16 + hexadecimal(*rest.next()?)?,
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded_and_doubles_refused() {
        let form = parse(b"a=1%3A2+3&b=&c").unwrap();
        assert_eq!((form["a"].as_str(), form["b"].as_str(), form["c"].as_str()), ("1:2 3", "", ""));
        assert!(parse(b"a=1&a=2").is_none());
        assert!(parse(b"a=%4").is_none());
    }
}

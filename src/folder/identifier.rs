//! The identifiers that stand in for a codice fiscale of sixteen characters.
//!
//! Provisional codice fiscale of eleven digits, STP (temporarily present foreigner), ENI (non-registered
//! European). Sources: DM 23-12-1976 for the eleven digits; STP and ENI after the Ministry of Health's form.

/// Whether a text is eleven ASCII digits.
pub fn is_provisional_shape(text: &str) -> bool {
    text.len() == 11 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether eleven digits carry the right last one, as a partita IVA does.
pub fn is_provisional(text: &str) -> bool {
    is_provisional_shape(text) && check_digit(text.as_bytes()) == text.as_bytes()[10] - b'0'
}

fn check_digit(digits: &[u8]) -> u8 {
    let sum: u32 = digits.iter().take(10).enumerate().map(|(index, &byte)| weight(index, byte)).sum();
    ((10 - sum % 10) % 10) as u8
}

fn weight(index: usize, byte: u8) -> u32 {
    let digit = u32::from(byte - b'0');
    match index % 2 {
        0 => digit,
        _ if digit > 4 => digit * 2 - 9,
        _ => digit * 2,
    }
}

/// `STP`, 3 digits of the Region, 3 of the ASL, 7 progressive.
pub fn is_stp(text: &str) -> bool {
    is_prefixed(text, "STP")
}

/// `ENI`, 3 digits of the Region, 3 of the ASL, 7 progressive.
pub fn is_eni(text: &str) -> bool {
    is_prefixed(text, "ENI")
}

fn is_prefixed(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| rest.len() == 13 && rest.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eleven_digits_have_a_check() {
        assert!(is_provisional("12345678903"));
        assert!(!is_provisional("12345678901"));
        assert!(!is_provisional("1234567890"));
        assert!(!is_provisional("1234567890A"));
    }

    #[test]
    fn stp_and_eni_have_a_shape() {
        assert!(is_stp("STP0301000000001"));
        assert!(is_eni("ENI0301000000001"));
        assert!(!is_stp("ENI0301000000001"));
        assert!(!is_stp("STP030100000000"));
    }
}

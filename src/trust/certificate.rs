//! Until when a client identity may be used: the end of validity of a certificate (RFC 5280, 4.1.2.5).

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::exchange::Millis;

/// The end of the shortest-lived certificate of a PEM text, ms; `None` where none can be read.
pub fn ends_at(pem: &[u8]) -> Option<Millis> {
    let certificates = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
    certificates.filter_map(|certificate| not_after(certificate.as_ref())).min()
}

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0] EXPLICIT`, the version.
const VERSION: u8 = 0xa0;

/// `notAfter` of a certificate: the fifth field of its body, or the fourth without a version.
fn not_after(der: &[u8]) -> Option<Millis> {
    let certificate = inside(der, SEQUENCE)?;
    let mut body = inside(certificate, SEQUENCE)?;
    if body.first() == Some(&VERSION) {
        body = element(body)?.2;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        body = element(body)?.2;
    }
    let validity = inside(body, SEQUENCE)?;
    let (tag, text, _) = element(element(validity)?.2)?;
    moment(tag, std::str::from_utf8(text).ok()?)
}

/// Tag, content and what follows of the first element (X.690, definite lengths only).
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((*tag, content, after))
}

fn inside(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    element(bytes).filter(|(found, ..)| *found == tag).map(|(_, content, _)| content)
}

/// `YYMMDDHHMMSSZ`, where years below 50 are of this century, or `YYYYMMDDHHMMSSZ`.
fn moment(tag: u8, text: &str) -> Option<Millis> {
    let text = match tag {
        UTC_TIME => {
            let century = if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" };
            format!("{century}{text}")
        }
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let civil = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", text.strip_suffix('Z')?).ok()?;
    let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_time_are_read() {
        assert_eq!(moment(UTC_TIME, "261123090000Z"), Some(1_795_424_400_000));
        assert_eq!(moment(GENERALIZED_TIME, "20261123090000Z"), Some(1_795_424_400_000));
        assert!(moment(UTC_TIME, "991123090000Z").unwrap() < 1_000_000_000_000);
        assert_eq!(moment(0x02, "261123090000Z"), None);
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        assert_eq!(ends_at(b"nonsense"), None);
        for bytes in [&b""[..], b"\x30", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"\x30\x03\x30\x01\xa0"] {
            assert_eq!(not_after(bytes), None);
        }
    }
}

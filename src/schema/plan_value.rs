//! Native checks of one value: the facets that are well understood.
//!
//! `true` means "certainly valid"; `false` sends the document to the full
//! validator, which decides.

use super::pattern::Pattern;
use super::xsd_model::{Facets, SimpleType};

/// Decimals and integers are compared in units of 10⁻⁹.
const FRACTION: usize = 9;
const MOST_INTEGER_DIGITS: usize = 18;

/// What one value must be.
#[derive(Clone, Debug)]
pub(super) struct ValueCheck {
    kind: ValueKind,
    min_length: usize,
    max_length: usize,
    /// Each inner list: alternatives of one restriction.
    enumerations: Vec<Vec<Box<str>>>,
    patterns: Vec<Vec<Pattern>>,
    min: i128,
    max: i128,
    fraction_digits: usize,
    total_digits: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum ValueKind {
    Text,
    Date,
    Number,
}

impl ValueCheck {
    /// `None` if any part of the type is not well understood.
    pub fn compile(simple: &SimpleType) -> Option<Self> {
        let (kind, fraction_digits, min, max) = match simple.base.as_str() {
            "string" => (ValueKind::Text, 0, i128::MIN, i128::MAX),
            "date" => (ValueKind::Date, 0, i128::MIN, i128::MAX),
            "decimal" => (ValueKind::Number, usize::MAX, i128::MIN, i128::MAX),
            "integer" => (ValueKind::Number, 0, i128::MIN, i128::MAX),
            "nonNegativeInteger" => (ValueKind::Number, 0, 0, i128::MAX),
            "positiveInteger" => (ValueKind::Number, 0, scaled("1")?, i128::MAX),
            "int" => (ValueKind::Number, 0, scaled("-2147483648")?, scaled("2147483647")?),
            _ => return None,
        };
        let mut check = Self {
            kind,
            min_length: 0,
            max_length: usize::MAX,
            enumerations: Vec::new(),
            patterns: Vec::new(),
            min,
            max,
            fraction_digits,
            total_digits: usize::MAX,
        };
        simple.understood.then_some(())?;
        simple.steps.iter().try_for_each(|facets| check.restrict(facets))?;
        Some(check)
    }

    fn restrict(&mut self, facets: &Facets) -> Option<()> {
        let lengths = facets.min_length.is_some() || facets.max_length.is_some();
        let bounds = facets.min_inclusive.is_some() || facets.max_inclusive.is_some();
        let digits = facets.fraction_digits.is_some() || facets.total_digits.is_some();
        let text_only = lengths || !facets.enumeration.is_empty();
        (!text_only || self.kind == ValueKind::Text).then_some(())?;
        (!(bounds || digits) || self.kind == ValueKind::Number).then_some(())?;
        self.min_length = self.min_length.max(facets.min_length.unwrap_or(0));
        self.max_length = self.max_length.min(facets.max_length.unwrap_or(usize::MAX));
        if let Some(min) = &facets.min_inclusive {
            self.min = self.min.max(scaled(min)?);
        }
        if let Some(max) = &facets.max_inclusive {
            self.max = self.max.min(scaled(max)?);
        }
        let digits = |facet: Option<u32>| facet.map_or(usize::MAX, |digits| digits as usize);
        self.fraction_digits = self.fraction_digits.min(digits(facets.fraction_digits));
        self.total_digits = self.total_digits.min(digits(facets.total_digits));
        if !facets.enumeration.is_empty() {
            self.enumerations.push(facets.enumeration.iter().map(|value| value.as_str().into()).collect());
        }
        if !facets.patterns.is_empty() {
            let compiled = facets.patterns.iter().map(|pattern| Pattern::compile(pattern));
            self.patterns.push(compiled.collect::<Option<Vec<_>>>()?);
        }
        Some(())
    }

    /// Whether `value` (references resolved) is certainly valid.
    pub fn surely_valid(&self, value: &str) -> bool {
        let kind = match self.kind {
            ValueKind::Text => self.length_fits(value),
            ValueKind::Date => plain_date(value.as_bytes()),
            ValueKind::Number => self.number_fits(value),
        };
        kind && self.enumerations.iter().all(|values| values.iter().any(|allowed| **allowed == *value))
            && self
                .patterns
                .iter()
                .all(|any| any.iter().any(|pattern| pattern.surely_matches(value.as_bytes())))
    }

    /// Lengths count characters (XSD 1.0 part 2, 4.3.1).
    fn length_fits(&self, value: &str) -> bool {
        if self.min_length == 0 && self.max_length == usize::MAX {
            return true;
        }
        let length = value.chars().count();
        (self.min_length..=self.max_length).contains(&length)
    }

    fn number_fits(&self, value: &str) -> bool {
        let fraction = value.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let total = value.bytes().filter(u8::is_ascii_digit).count();
        fraction <= self.fraction_digits
            && (fraction > 0 || !value.contains('.'))
            && total <= self.total_digits
            && scaled(value).is_some_and(|number| (self.min..=self.max).contains(&number))
    }
}

/// `-?digits(.digits)?` in units of 10⁻⁹; anything else is `None`.
fn scaled(value: &str) -> Option<i128> {
    let (negative, digits) = match value.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, value),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let sizes = (1..=MOST_INTEGER_DIGITS).contains(&whole.len()) && fraction.len() <= FRACTION;
    (sizes && numeric(whole) && numeric(fraction)).then_some(())?;
    let padding = std::iter::repeat_n(b'0', FRACTION - fraction.len());
    let all = whole.bytes().chain(fraction.bytes()).chain(padding);
    let number = all.fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    Some(if negative { -number } else { number })
}

/// A `YYYY-MM-DD` that exists, years 0001 to 9999, no zone.
fn plain_date(value: &[u8]) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *value else { return false };
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2];
    if !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let number = |digits: &[u8]| digits.iter().fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    let (year, month, day) = (number(&digits[..4]), number(&digits[4..6]), number(&digits[6..]));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    year >= 1 && (1..=longest).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_calendar_dates() {
        for date in ["2024-02-29", "2000-02-29", "2023-12-31", "0001-01-01"] {
            assert!(plain_date(date.as_bytes()), "{date}");
        }
        for date in
            ["2023-02-29", "1900-02-29", "2024-13-01", "2024-00-10", "2024-04-31", "0000-01-01", "2024-1-1"]
        {
            assert!(!plain_date(date.as_bytes()), "{date}");
        }
    }

    #[test]
    fn numbers_are_exact() {
        assert_eq!(scaled("12.5"), Some(12_500_000_000));
        assert_eq!(scaled("-0"), Some(0));
        for text in ["", "-", ".5", "1e3", "+1", "1,5", "1.0000000001", "1234567890123456789"] {
            assert_eq!(scaled(text), None, "{text}");
        }
    }
}

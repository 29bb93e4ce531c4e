//! Days, counted exactly: a bounded number of cells, however many waits there were.

use rust_decimal::{Decimal, RoundingStrategy};
use std::collections::BTreeMap;

/// Longest wait that is believed: a century.
pub const MOST_DAYS: i64 = 36_525;

/// How often each number of days occurred.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram(BTreeMap<u32, u64>);

impl Histogram {
    /// Adds one wait; false if it is negative or beyond belief.
    pub fn add(&mut self, days: i64) -> bool {
        match u32::try_from(days) {
            Ok(known) if days <= MOST_DAYS => *self.0.entry(known).or_default() += 1,
            _ => return false,
        }
        true
    }

    pub fn merge(&mut self, other: &Self) {
        for (days, times) in &other.0 {
            *self.0.entry(*days).or_default() += times;
        }
    }

    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The mean, to one decimal, halves up.
    pub fn mean(&self) -> Option<Decimal> {
        let sum: u128 = self.0.iter().map(|(days, times)| u128::from(*days) * u128::from(*times)).sum();
        let sum = Decimal::from(u64::try_from(sum).ok()?);
        let mean = sum.checked_div(Decimal::from(self.count()))?;
        Some(mean.round_dp_with_strategy(1, RoundingStrategy::MidpointAwayFromZero).normalize())
    }

    /// The quantile `quarters` / 4. Where the share of the waits falls between two of them it is their
    /// middle (so 2 is the usual median).
    pub fn quartile(&self, quarters: u64) -> Option<Decimal> {
        let place = self.count() * quarters;
        let (whole, broken) = (place / 4, !place.is_multiple_of(4));
        if broken {
            return self.at(whole).map(Decimal::from);
        }
        let (low, high) = (self.at(whole.checked_sub(1)?)?, self.at(whole)?);
        Some((Decimal::from(low) + Decimal::from(high)) / Decimal::TWO)
    }

    /// The wait at a place among all of them in order, from 0.
    fn at(&self, place: u64) -> Option<u32> {
        let mut before = 0;
        self.0.iter().find_map(|(days, times)| {
            before += times;
            (before > place).then_some(*days)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(days: &[i64]) -> Histogram {
        let mut made = Histogram::default();
        assert!(days.iter().all(|days| made.add(*days)));
        made
    }

    #[test]
    fn quartiles_are_exact() {
        let quartiles = |days: &[i64]| {
            let made = of(days);
            [1, 2, 3].map(|quarters| made.quartile(quarters).map(|value| value.normalize().to_string()))
        };
        let told = |a: &str, b: &str, c: &str| [a, b, c].map(|text| Some(text.to_owned()));
        assert_eq!(quartiles(&[1, 2, 3, 4]), told("1.5", "2.5", "3.5"));
        assert_eq!(quartiles(&[30, 10, 20]), told("10", "20", "30"));
        assert_eq!(quartiles(&[7]), told("7", "7", "7"));
        assert_eq!(quartiles(&[]), [None, None, None]);
        assert_eq!(of(&[1, 1, 2]).mean().map(|mean| mean.to_string()).as_deref(), Some("1.3"));
    }

    #[test]
    fn what_cannot_be_is_not_counted() {
        let mut made = of(&[0]);
        assert!(!made.add(-1) && !made.add(MOST_DAYS + 1));
        made.merge(&of(&[0, 5]));
        assert_eq!((made.count(), made.quartile(4)), (3, None));
    }
}

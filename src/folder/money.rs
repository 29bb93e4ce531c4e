//! Money of the folder: decimal text in euro, at most two decimals, never a float.
//!
//! A total that is split is split to the cent, and the parts always sum to it.

use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};

/// Reads decimal text of the folder (`123.45`, at most nine and two digits, no sign).
pub fn parse(text: &str) -> Option<Decimal> {
    let (whole, cents) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(whole, 9) || !digits(cents, 2) {
        return None;
    }
    text.parse().ok()
}

/// Writes an amount with exactly two decimals, halves away from zero.
pub fn text(amount: Decimal) -> String {
    format!("{:.2}", rounded(amount))
}

fn rounded(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// Splits a total into `parts` amounts to the cent that sum to the total (itself rounded to the cent).
///
/// They differ by a cent at most; the earlier ones carry the residue. No parts, no amounts.
pub fn allocate(total: Decimal, parts: usize) -> Vec<Decimal> {
    prorate(total, &vec![Decimal::ONE; parts])
}

/// Splits a total in proportion to weights, to the cent, residues by largest remainder.
///
/// The parts sum to the total, rounded to the cent; ties go to the earlier part. Weights must not be
/// negative; if all are zero they count as equal. Weights are read to the cent.
pub fn prorate(total: Decimal, weights: &[Decimal]) -> Vec<Decimal> {
    let total = cents(total);
    let shares = shares(weights);
    let sum: i128 = shares.iter().sum();
    if sum == 0 {
        return Vec::new();
    }
    let mut parts: Vec<i128> = shares.iter().map(|share| (total * share).div_euclid(sum)).collect();
    let mut residue = total - parts.iter().sum::<i128>();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse((total * shares[index]).rem_euclid(sum)));
    for index in order {
        if residue == 0 {
            break;
        }
        parts[index] += 1;
        residue -= 1;
    }
    parts.into_iter().map(|part| Decimal::from_i128_with_scale(part, 2)).collect()
}

/// Weights in cents; all zero means all equal.
fn shares(weights: &[Decimal]) -> Vec<i128> {
    let shares: Vec<i128> = weights.iter().map(|&weight| cents(weight).max(0)).collect();
    if shares.iter().all(|&share| share == 0) { vec![1; weights.len()] } else { shares }
}

/// Whole cents; beyond the range of the folder's money the value is cut, which its schema forbids.
fn cents(amount: Decimal) -> i128 {
    let limit = Decimal::from(1_000_000_000_000_i64);
    (rounded(amount.clamp(-limit, limit)) * Decimal::ONE_HUNDRED).to_i128().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_read_and_written() {
        assert_eq!(parse("123.4").map(text).as_deref(), Some("123.40"));
        assert_eq!(parse("0").map(text).as_deref(), Some("0.00"));
        for wrong in ["", "-1", "+1", "1.", ".5", "1.234", "1e3", "1,5", "1234567890", " 1", "٣"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_earlier_months_carry_the_residue() {
        let texts: Vec<String> = allocate(Decimal::new(10000, 2), 3).into_iter().map(text).collect();
        assert_eq!(texts, ["33.34", "33.33", "33.33"]);
        assert!(allocate(Decimal::ONE, 0).is_empty());
    }

    #[test]
    fn the_largest_remainder_gets_the_cent() {
        let weights = [Decimal::new(1, 0), Decimal::new(2, 0)];
        assert_eq!(prorate(Decimal::new(100, 2), &weights), [Decimal::new(33, 2), Decimal::new(67, 2)]);
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_total(cents in 0i64..100_000_000_000, weights in prop::collection::vec(0i64..10_000_000, 1..40)) {
            let total = Decimal::new(cents, 2);
            let weights: Vec<Decimal> = weights.into_iter().map(|weight| Decimal::new(weight, 2)).collect();
            let parts = prorate(total, &weights);
            prop_assert_eq!(parts.iter().sum::<Decimal>(), total);
            prop_assert!(parts.iter().all(|part| !part.is_sign_negative()));
        }

        #[test]
        fn equal_parts_differ_by_a_cent(cents in 0i64..100_000_000_000, count in 1usize..200) {
            let parts = allocate(Decimal::new(cents, 2), count);
            prop_assert_eq!(parts.len(), count);
            let spread = *parts.iter().max().unwrap() - *parts.iter().min().unwrap();
            prop_assert!(spread <= Decimal::new(1, 2));
        }

        #[test]
        fn written_money_is_read_back(cents in 0i64..100_000_000_000) {
            let amount = Decimal::new(cents, 2);
            prop_assert_eq!(parse(&text(amount)), Some(amount));
        }
    }
}

//! How much of an amount falls into the period: exact, to the cent, and the same in all periods together.

use super::document::Basis;
use super::fold::Span;
use super::plan::SumPlan;
use crate::folder::money;
use crate::mapping::function::months_touched;
use crate::mapping::path::{PathRef, Scope};
use jiff::civil::Date;
use rust_decimal::Decimal;

/// Longest span over which an amount is divided, in months.
const MOST_MONTHS: i64 = 1_200;

/// What an item brings to a sum.
pub enum Amount {
    /// Its part in the period, and what each share (and last the rest) bears of it.
    Known(Decimal, Vec<Decimal>),
    /// No amount, or no span to divide it over.
    Missing,
    /// Its shares are more than the whole, or its end is before its beginning.
    Contradictory,
}

/// Reads the item at hand.
pub fn read(plan: &SumPlan, scope: &Scope<'_>, span: &Span) -> Amount {
    let stated = plan.amounts.iter().find_map(|(path, basis)| Some((decimal(scope, path)?, *basis)));
    let Some((stated, basis)) = stated else { return Amount::Missing };
    let day = |path: &Option<PathRef>| path.as_ref().and_then(|path| scope.value(path).date());
    let part = match (basis, day(&plan.from), day(&plan.to)) {
        // Of a service that began in another period, it was told there.
        (Basis::Once, Some(from), _) if from < span.from || span.to < from => Decimal::ZERO,
        (Basis::Once, ..) => stated,
        (_, Some(from), Some(to)) if to < from => return Amount::Contradictory,
        (Basis::Month, Some(from), to) => stated * Decimal::from(months_within(from, to, span)),
        (Basis::Whole, Some(from), Some(to)) if months_touched(from, to) <= MOST_MONTHS => {
            part_within(stated, from, to, span)
        }
        _ => return Amount::Missing,
    };
    divide(plan, scope, stated, part)
}

fn decimal(scope: &Scope<'_>, path: &PathRef) -> Option<Decimal> {
    scope.value(path).text().and_then(money::parse)
}

/// Calendar months touched from the later beginning to the earlier end, both included.
fn months_within(from: Date, to: Option<Date>, span: &Span) -> i64 {
    let (first, last) = (from.max(span.from), to.unwrap_or(span.reference).min(span.reference));
    if last < first { 0 } else { months_touched(first, last) }
}

/// The months' parts of a whole: they sum to it over any division of time into periods.
fn part_within(whole: Decimal, from: Date, to: Date, span: &Span) -> Decimal {
    let all = usize::try_from(months_touched(from, to)).unwrap_or(0);
    let within = usize::try_from(months_within(from, Some(to), span)).unwrap_or(0);
    let before = usize::try_from(months_touched(from, from.max(span.from)) - 1).unwrap_or(0);
    money::allocate(whole, all).into_iter().skip(before).take(within).sum()
}

/// Divides a part as the stated shares divide the stated amount.
fn divide(plan: &SumPlan, scope: &Scope<'_>, stated: Decimal, part: Decimal) -> Amount {
    if plan.shares.is_empty() {
        return Amount::Known(part, Vec::new());
    }
    let mut weights: Vec<Decimal> =
        plan.shares.iter().map(|path| decimal(scope, path).unwrap_or_default()).collect();
    let rest = stated - weights.iter().sum::<Decimal>();
    if rest < Decimal::ZERO {
        return Amount::Contradictory;
    }
    weights.push(rest);
    if part == Decimal::ZERO {
        return Amount::Known(part, vec![Decimal::ZERO; weights.len()]);
    }
    Amount::Known(part, money::prorate(part, &weights))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn span(from: Date, to: Date) -> Span {
        Span { from, to, reference: to }
    }

    #[test]
    fn the_parts_of_all_periods_make_the_whole() {
        let whole: Decimal = "100.00".parse().unwrap();
        let (from, to) = (date(2024, 11, 20), date(2025, 5, 3));
        let years = [2024, 2025].map(|year| span(date(year, 1, 1), date(year, 12, 31)));
        let parts = years.map(|year| part_within(whole, from, to, &year));
        assert_eq!(parts.map(|part| part.to_string()), ["28.58", "71.42"]);
        let months = (0..7).map(|month| {
            let first = date(2024, 11, 1).saturating_add(jiff::Span::new().months(month));
            part_within(whole, from, to, &span(first, first.last_of_month()))
        });
        assert_eq!(months.sum::<Decimal>(), whole);
    }

    #[test]
    fn months_end_with_the_service_or_the_day_of_reference() {
        let year = Span { from: date(2025, 1, 1), to: date(2025, 12, 31), reference: date(2025, 6, 10) };
        assert_eq!(months_within(date(2024, 12, 15), None, &year), 6);
        assert_eq!(months_within(date(2025, 3, 31), Some(date(2025, 4, 1)), &year), 2);
        assert_eq!(months_within(date(2025, 7, 1), None, &year), 0);
    }
}

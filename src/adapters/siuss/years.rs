//! `siuss.calendar_years`: one record per calendar year of a periodic benefit.

use crate::mapping::function::months_touched;
use crate::mapping::step::{Step, StepField, StepInput};
use crate::mapping::value::{Value, iso_date};
use crate::schema::shape::Kind;
use jiff::civil::{Date, date};
use serde_json::Value as Json;

/// The step itself.
pub struct CalendarYears;

const FIELDS: &[StepField] = &[
    StepField { name: "anno", kind: Kind::Integer },
    StepField { name: "dal", kind: Kind::Date },
    StepField { name: "al", kind: Kind::Date },
    StepField { name: "mesi", kind: Kind::Integer },
    StepField { name: "mesi_toccati", kind: Kind::Integer },
    StepField { name: "mesi_compiuti", kind: Kind::Integer },
];

/// Longest benefit that is split: a mistyped year (`2926`) must not make a
/// thousand records. The rule `durata-improbabile` says so well before.
const MOST_YEARS: i16 = 200;

impl Step for CalendarYears {
    fn name(&self) -> &'static str {
        "siuss.calendar_years"
    }

    fn fields(&self) -> &'static [StepField] {
        FIELDS
    }

    fn reads(&self) -> &'static [&'static str] {
        &["carattere", "dal", "al", "data_erogazione"]
    }

    fn settings(&self) -> &'static [&'static str] {
        &["count_months"]
    }

    fn splits(&self) -> bool {
        true
    }

    fn run<'a>(&self, input: &StepInput<'_, 'a>) -> Vec<Vec<Value<'a>>> {
        if input.item.get("carattere").and_then(Json::as_str) == Some("occasionale") {
            let day = day(input.item, "data_erogazione");
            return day.map(|day| vec![occasion(day)]).unwrap_or_default();
        }
        let Some((from, to)) = period(input.item, input.today) else { return Vec::new() };
        let elapsed = input.settings.get("count_months").is_some_and(|how| how == "elapsed");
        if to.year() - from.year() > MOST_YEARS {
            return Vec::new();
        }
        (from.year()..=to.year()).filter_map(|year| slice(year, from, to, elapsed)).collect()
    }

    /// An open benefit gets a new slice on the next 1 January.
    fn look_again(&self, input: &StepInput<'_, '_>) -> Option<Date> {
        let periodic = input.item.get("carattere").and_then(Json::as_str) == Some("periodico");
        let open = periodic && input.item.get("al").is_none() && input.item.get("dal").is_some();
        if !open {
            return None;
        }
        Date::new(input.today.year() + 1, 1, 1).ok()
    }
}

/// A day of the item.
pub(super) fn day(item: &Json, name: &str) -> Option<Date> {
    item.get(name).and_then(Json::as_str).and_then(iso_date)
}

/// First and last day; an open benefit goes on to the end of the running year.
pub(super) fn period(item: &Json, today: Date) -> Option<(Date, Date)> {
    let from = day(item, "dal")?;
    let to = match item.get("al") {
        Some(_) => day(item, "al")?,
        None => date(today.year(), 12, 31),
    };
    (from <= to).then_some((from, to))
}

fn occasion<'a>(day: Date) -> Vec<Value<'a>> {
    // No year in the key and no months: the event stands for itself.
    let mut values = vec![Value::Absent; FIELDS.len()];
    values[1] = Value::Date(day);
    values[2] = Value::Date(day);
    values
}

fn slice<'a>(year: i16, from: Date, to: Date, elapsed: bool) -> Option<Vec<Value<'a>>> {
    let first = from.max(Date::new(year, 1, 1).ok()?);
    let last = to.min(Date::new(year, 12, 31).ok()?);
    let (touched, done) = (months_touched(first, last), months_elapsed(first, last));
    Some(vec![
        Value::Integer(i64::from(year)),
        Value::Date(first),
        Value::Date(last),
        Value::Integer(if elapsed { done } else { touched }),
        Value::Integer(touched),
        Value::Integer(done),
    ])
}

/// Months begun counting from the first day: 14 October to 13 November is 1, as
/// INPS's own sample counts.
pub(super) fn months_elapsed(from: Date, to: Date) -> i64 {
    let extra = i64::from(to.day() >= from.day());
    (months_touched(from, to) - 1 + extra).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn slices(item: &Json, today: Date) -> Vec<String> {
        let input = StepInput { item, folder: item, today, settings: &BTreeMap::new() };
        let text = |values: Vec<Value<'_>>| {
            let mut out = String::new();
            for value in values {
                value.append_to(&mut out);
                out.push(' ');
            }
            out
        };
        CalendarYears.run(&input).into_iter().map(text).collect()
    }

    #[test]
    fn a_benefit_over_three_years_makes_three_slices() {
        let item = json!({"carattere": "periodico", "dal": "2023-11-15", "al": "2025-02-10"});
        let expected = [
            "2023 2023-11-15 2023-12-31 2 2 2 ",
            "2024 2024-01-01 2024-12-31 12 12 12 ",
            "2025 2025-01-01 2025-02-10 2 2 2 ",
        ];
        assert_eq!(slices(&item, date(2026, 3, 1)), expected);
    }

    #[test]
    fn an_open_benefit_reaches_the_end_of_the_running_year() {
        let item = json!({"carattere": "periodico", "dal": "2025-12-01"});
        let found = slices(&item, date(2026, 3, 1));
        assert_eq!(found, ["2025 2025-12-01 2025-12-31 1 1 1 ", "2026 2026-01-01 2026-12-31 12 12 12 "]);
        assert!(slices(&item, date(2024, 3, 1)).is_empty());
    }

    #[test]
    fn the_two_counts_of_months_differ_as_known() {
        assert_eq!(months_touched(date(2023, 10, 14), date(2023, 11, 13)), 2);
        assert_eq!(months_elapsed(date(2023, 10, 14), date(2023, 11, 13)), 1);
        assert_eq!(months_elapsed(date(2023, 10, 14), date(2023, 11, 14)), 2);
        assert_eq!(months_elapsed(date(2026, 1, 27), date(2026, 2, 2)), 1);
    }
}

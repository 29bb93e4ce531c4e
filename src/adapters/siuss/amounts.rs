//! `siuss.monthly_amounts`: the amount and its quotas, on the basis SIUSS asks for.
//!
//! Given amounts pass through with their value untouched: if the given quotas do
//! not add up, that is the folder's to mend. Only what we divide ourselves is rounded.

use super::years::{months_elapsed, period};
use crate::folder::money;
use crate::mapping::function::months_touched;
use crate::mapping::step::{Step, StepField, StepInput};
use crate::mapping::value::Value;
use crate::schema::shape::Kind;
use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value as Json;
use std::borrow::Cow;

/// The step itself.
pub struct MonthlyAmounts;

const FIELDS: &[StepField] = &[
    StepField { name: "mensile", kind: Kind::Decimal },
    StepField { name: "prestazione", kind: Kind::Decimal },
    StepField { name: "quota_ente", kind: Kind::Decimal },
    StepField { name: "quota_utente", kind: Kind::Decimal },
    StepField { name: "quota_ssn", kind: Kind::Decimal },
    // The given amount to which the given quotas must add up.
    StepField { name: "base", kind: Kind::Decimal },
];
const QUOTAS: [&str; 3] = ["quota_ente", "quota_utente", "quota_ssn"];

impl Step for MonthlyAmounts {
    fn name(&self) -> &'static str {
        "siuss.monthly_amounts"
    }

    fn fields(&self) -> &'static [StepField] {
        FIELDS
    }

    fn reads(&self) -> &'static [&'static str] {
        &["importo", "importo_mensile", "importo_totale", "quota_ente", "quota_utente", "quota_ssn"]
    }

    fn settings(&self) -> &'static [&'static str] {
        &["count_months"]
    }

    fn run<'a>(&self, input: &StepInput<'_, 'a>) -> Vec<Vec<Value<'a>>> {
        let item = input.item;
        let periodic = item.get("carattere").and_then(Json::as_str) == Some("periodico");
        if !periodic {
            let amount = given(item, "importo");
            return vec![given_amounts(item, Value::Absent, amount.clone(), amount)];
        }
        let monthly = given(item, "importo_mensile");
        if !monthly.is_absent() {
            return vec![given_amounts(item, monthly.clone(), Value::Absent, monthly)];
        }
        let divided = given(item, "importo_totale").decimal().and_then(|total| divide(input, total));
        vec![divided.unwrap_or_else(|| given_amounts(item, Value::Absent, Value::Absent, Value::Absent))]
    }
}

/// An amount as the folder writes it.
fn given<'a>(item: &'a Json, name: &str) -> Value<'a> {
    item.get(name).and_then(Json::as_str).map_or(Value::Absent, |text| Value::Text(Cow::Borrowed(text)))
}

fn given_amounts<'a>(
    item: &'a Json,
    monthly: Value<'a>,
    occasional: Value<'a>,
    base: Value<'a>,
) -> Vec<Value<'a>> {
    let [ente, utente, ssn] = QUOTAS.map(|name| given(item, name));
    vec![monthly, occasional, ente, utente, ssn, base]
}

/// A total over its months, and its quotas so that they sum to the monthly amount.
fn divide<'a>(input: &StepInput<'_, 'a>, total: Decimal) -> Option<Vec<Value<'a>>> {
    // Without an end there is nothing to divide by.
    input.item.get("al")?;
    let (from, to) = period(input.item, input.today)?;
    let months = Decimal::from(months(input, from, to));
    let monthly = (total / months).round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    let quotas = QUOTAS.map(|name| given(input.item, name).decimal());
    let shares = share(monthly, total, months, quotas);
    let [ente, utente, ssn] = shares.map(|share| share.map_or(Value::Absent, Value::Decimal));
    Some(vec![Value::Decimal(monthly), Value::Absent, ente, utente, ssn, Value::Decimal(total)])
}

fn months(input: &StepInput<'_, '_>, from: Date, to: Date) -> i64 {
    match input.settings.get("count_months").map(String::as_str) {
        // Counted per slice, as each slice is sent with its own count.
        Some("elapsed") => (from.year()..=to.year())
            .filter_map(|year| {
                let first = from.max(Date::new(year, 1, 1).ok()?);
                Some(months_elapsed(first, to.min(Date::new(year, 12, 31).ok()?)))
            })
            .sum(),
        _ => months_touched(from, to),
    }
}

/// Monthly quotas: if the given ones make up the total, so do their months.
fn share(
    monthly: Decimal,
    total: Decimal,
    months: Decimal,
    quotas: [Option<Decimal>; 3],
) -> [Option<Decimal>; 3] {
    let weights: Vec<Decimal> = quotas.iter().flatten().copied().collect();
    if weights.is_empty() {
        return quotas;
    }
    let mut parts = if weights.iter().sum::<Decimal>() == total {
        money::prorate(monthly, &weights)
    } else {
        let round = |quota: &Decimal| {
            (quota / months).round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
        };
        weights.iter().map(round).collect()
    }
    .into_iter();
    quotas.map(|quota| quota.and_then(|_| parts.next()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn amounts(item: &Json) -> Vec<String> {
        let input = StepInput { item, folder: item, today: date(2026, 3, 1), settings: &BTreeMap::new() };
        let mut rows = MonthlyAmounts.run(&input);
        let text = |value: Value<'_>| {
            let mut out = String::new();
            value.append_to(&mut out);
            out
        };
        rows.remove(0).into_iter().map(text).collect()
    }

    #[test]
    fn a_total_is_divided_and_its_quotas_still_add_up() {
        let item = json!({"carattere": "periodico", "dal": "2025-01-01", "al": "2025-03-31",
            "importo_totale": "100.00", "quota_ente": "50.00", "quota_utente": "50.00"});
        // 33.33 a month cannot be halved: the cent left over goes to the first.
        assert_eq!(amounts(&item), ["33.33", "", "16.67", "16.66", "", "100.00"]);
    }

    #[test]
    fn given_amounts_pass_untouched() {
        let item = json!({"carattere": "periodico", "dal": "2025-01-01", "importo_mensile": "10.5", "quota_ente": "9"});
        assert_eq!(amounts(&item), ["10.5", "", "9", "", "", "10.5"]);
        let open = json!({"carattere": "periodico", "dal": "2025-01-01", "importo_totale": "10"});
        assert_eq!(amounts(&open)[0], "");
    }
}

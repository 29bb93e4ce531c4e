//! `siuss.sinba_codes`: one record per code of a child's case, or one of all its codes.
//!
//! In cooperation INPS takes one beneficiary and one prestazione per flow (OAS); whether the codes
//! of one SINBA count as one is open, so the ente's setting `sinba_codes` says it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::mapping::step::{Step, StepField, StepInput};
use crate::mapping::value::Value;
use crate::schema::shape::Kind;

/// The step itself.
pub struct SinbaCodes;

/// The record's only code; absent where it holds them all.
const FIELDS: &[StepField] = &[StepField { name: "codice", kind: Kind::Text }];

impl Step for SinbaCodes {
    fn name(&self) -> &'static str {
        "siuss.sinba_codes"
    }

    fn fields(&self) -> &'static [StepField] {
        FIELDS
    }

    fn reads(&self) -> &'static [&'static str] {
        &["prestazioni"]
    }

    fn settings(&self) -> &'static [&'static str] {
        &["sinba_codes"]
    }

    fn splits(&self) -> bool {
        true
    }

    fn run<'a>(&self, input: &StepInput<'_, 'a>) -> Vec<Vec<Value<'a>>> {
        let codes = input.item.get("prestazioni").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        // Each once, in one order, whatever the folder's.
        let codes: BTreeSet<&str> = codes.iter().filter_map(Json::as_str).collect();
        if input.settings.get("sinba_codes").is_some_and(|how| how == "all") {
            return codes.first().map(|_| vec![Value::Absent]).into_iter().collect();
        }
        codes.into_iter().map(|code| vec![Value::Text(Cow::Borrowed(code))]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn codes(item: &Json, how: &str) -> Vec<String> {
        let settings = BTreeMap::from([("sinba_codes".to_owned(), how.to_owned())]);
        let input = StepInput { item, folder: item, today: date(2026, 3, 1), settings: &settings };
        let text = |row: Vec<Value<'_>>| {
            let mut out = String::new();
            row[0].append_to(&mut out);
            out
        };
        SinbaCodes.run(&input).into_iter().map(text).collect()
    }

    #[test]
    fn each_code_is_a_record_or_all_are_one() {
        let item = json!({"prestazioni": ["A2.28", "A2.24", "A2.28"]});
        assert_eq!(codes(&item, "one"), ["A2.24", "A2.28"]);
        assert_eq!(codes(&item, "all"), [""]);
        assert_eq!(codes(&json!({}), "one").len() + codes(&json!({}), "all").len(), 0);
    }
}

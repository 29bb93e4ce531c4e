//! Named steps: what a table cannot say, registered by the adapters.

use super::value::Value;
use crate::schema::shape::Kind;
use jiff::civil::Date;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// What a step may know: one item of the folder, the day and the ente's settings.
pub struct StepInput<'s, 'a> {
    /// The current element of `[record] each`.
    pub item: &'a Json,
    /// The whole folder.
    pub folder: &'a Json,
    /// Today's civil date in Europe/Rome.
    pub today: Date,
    /// Settings of the flow by name.
    pub settings: &'s BTreeMap<String, String>,
}

/// One field that a step makes.
#[derive(Clone, Copy, Debug)]
pub struct StepField {
    pub name: &'static str,
    pub kind: Kind,
}

/// A computation that a mapping calls by its name.
pub trait Step: Send + Sync {
    /// e.g. `family.calendar_years`.
    fn name(&self) -> &'static str;
    /// The fields it makes, in the order of its values.
    fn fields(&self) -> &'static [StepField];
    /// Properties of the item that it reads, for lineage and minimisation.
    fn reads(&self) -> &'static [&'static str];
    /// Names of the settings it understands.
    fn settings(&self) -> &'static [&'static str] {
        &[]
    }
    /// Whether it may make more, or fewer, than one set of values (one record each).
    fn splits(&self) -> bool {
        false
    }
    /// The values; none if the item lacks what is needed (a rule says so).
    fn run<'a>(&self, input: &StepInput<'_, 'a>) -> Vec<Vec<Value<'a>>>;
    /// The day on which the result changes by itself, if it does.
    fn look_again(&self, _input: &StepInput<'_, '_>) -> Option<Date> {
        None
    }
}

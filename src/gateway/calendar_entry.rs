//! A `[[calendar]]` table: a report that starts by itself, and what is wrong with one.

use serde::Deserialize;

use super::clock::rome;
use super::settings::Settings;
use crate::exchange::Millis;
use crate::exchange::calendar::{CalendarError, Deadline, Relative, Schedule, window_ms};
use crate::flow::Catalog;

/// A report that starts by itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarEntry {
    pub id: String,
    /// Each gets a run of its own.
    pub enti: Vec<String>,
    /// A flow's id, or its family: then the version of the firing's day.
    pub flow: String,
    /// Five fields, read in Europe/Rome.
    pub cron: String,
    /// Which period is reported, seen from the firing's day.
    pub period: String,
    /// How late a start still makes sense.
    #[serde(default = "one_day")]
    pub window: String,
    /// By when the period must be reported; shown, never enforced. Empty = none.
    #[serde(default)]
    pub deadline: String,
    /// The route, when it shall not be the ente's first to the register.
    pub route: Option<String>,
}

fn one_day() -> String {
    "1d".into()
}

/// A calendar table, read.
pub struct Plan {
    pub schedule: Schedule,
    pub relative: Relative,
    pub window_ms: Millis,
    pub deadline: Option<Deadline>,
}

impl CalendarEntry {
    /// Reads the texts of the table.
    pub fn plan(&self) -> Result<Plan, CalendarError> {
        Ok(Plan {
            schedule: Schedule::parse(&self.cron, rome())?,
            relative: self.period.parse()?,
            window_ms: window_ms(&self.window)?,
            deadline: (!self.deadline.is_empty()).then(|| self.deadline.parse()).transpose()?,
        })
    }

    /// What is wrong with the table, in words with the mend.
    pub(super) fn defects(&self, settings: &Settings, before: &[Self], defects: &mut Vec<String>) {
        let id = &self.id;
        if before.iter().any(|other| other.id == *id) {
            defects.push(format!("calendar {id}: the id is used twice"));
        }
        if self.enti.is_empty() {
            defects.push(format!("calendar {id}: `enti` is empty: name those that report"));
        }
        for code in self.enti.iter().filter(|code| settings.ente(code).is_none()) {
            defects.push(format!("calendar {id}: ente {code} has no [[ente]] table"));
        }
        let read = [
            Schedule::parse(&self.cron, rome()).map(drop),
            self.period.parse::<Relative>().map(drop),
            window_ms(&self.window).map(drop),
            if self.deadline.is_empty() { Ok(()) } else { self.deadline.parse::<Deadline>().map(drop) },
        ];
        defects.extend(read.into_iter().filter_map(Result::err).map(|why| format!("calendar {id}: {why}")));
    }
}

/// What the flows say against the calendar: unknown ones, and enti without a route to their register.
pub fn calendar_defects(settings: &Settings, catalog: &Catalog) -> Vec<String> {
    let mut defects = Vec::new();
    for entry in &settings.calendar {
        let (id, name) = (&entry.id, &entry.flow);
        let of_name = |flow: &&crate::flow::Flow| flow.id() == name || flow.family() == name;
        if catalog.is_aggregate(name) {
            defects.push(format!(
                "calendar {id}: `{name}` is counted, not sent: `raccordo indicators` makes it"
            ));
            continue;
        }
        let Some(flow) = catalog.flows().iter().find(of_name) else {
            defects.push(format!(
                "calendar {id}: there is no flow `{name}`: `raccordo check` lists those that there are"
            ));
            continue;
        };
        let register = flow.register();
        let fits = |code: &str| match &entry.route {
            None => settings.serves(code, register),
            Some(route) => settings
                .route(route)
                .is_some_and(|route| route.leads_to(register) && route.enti.iter().any(|ente| ente == code)),
        };
        for code in entry.enti.iter().filter(|code| !fits(code)) {
            defects.push(format!(
                "calendar {id}: ente {code} has no such route to the register `{register}`: add it to the `enti` of a \
                 [[route]]"
            ));
        }
    }
    defects
}

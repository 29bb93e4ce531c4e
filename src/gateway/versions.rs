//! The sending date picks the mapping, also for folders that nobody saves: they are mapped again on
//! the day on which a version comes into force.

use jiff::civil::Date;

use super::Gateway;
use crate::exchange::LedgerError;

impl Gateway {
    /// The next day on which another version of a flow that serves the ente comes into force.
    pub(super) fn next_version(&self, ente: &str) -> Option<Date> {
        let today = self.clock.today();
        let served = self.catalog.flows().iter().filter(|flow| self.settings.serves(ente, flow.register()));
        served.filter_map(|flow| self.catalog.next_change(flow.family(), today)).min()
    }

    /// Sees to it that stored folders are mapped by the version of each day, also where the version
    /// came with a new raccordo, or its day passed while none was running. For the start of a process.
    pub fn note_versions(&self) -> Result<(), LedgerError> {
        let today = self.clock.today();
        for ente in &self.settings.ente {
            let code = ente.code.clone();
            if let Some(day) = self.next_version(&code) {
                self.write_on_duty(move |tx| tx.look_again_by(&code, &day.to_string()))?;
            }
        }
        for flow in self.catalog.current(today) {
            if self.catalog.versions(flow.family()).len() > 1 {
                let (register, family) = (flow.register().to_owned(), flow.family().to_owned());
                let (id, day) = (flow.id().to_owned(), today.to_string());
                self.write_on_duty(move |tx| tx.look_again_at_others(&register, &family, &id, &day))?;
            }
        }
        Ok(())
    }
}

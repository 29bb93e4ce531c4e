//! Which fields of the folder the stored folders fill, for each flow: counts, nothing of anybody.

use super::Gateway;
use super::runs::RunError;
use crate::flow::coverage::{Coverage, Tally};
use crate::flow::{Catalog, Flow};

/// Folders opened in one go.
const CHUNK: usize = 100;

impl Gateway {
    /// The coverage of one flow, or of those in force today, over the folders of these enti.
    pub fn coverage(&self, flow: Option<&str>, enti: &[String]) -> Result<Vec<Coverage>, RunError> {
        let flows = flows_of(&self.catalog, flow, self.clock.today());
        let flows = flows.ok_or_else(|| RunError::NoFlow(flow.unwrap_or_default().to_owned()))?;
        let mut tally = Tally::new(flows);
        for ente in enti {
            let mut after = 0;
            loop {
                let rows = self.books.folders_of(ente, after, CHUNK)?;
                // An erased folder fills nothing.
                let folders = rows.iter().filter_map(|row| self.open_folder(row).ok());
                folders.for_each(|folder| tally.add(folder.body.expose()));
                match rows.last() {
                    Some(last) if rows.len() == CHUNK => after = last.id,
                    _ => break,
                }
            }
        }
        Ok(tally.coverages(self.folders.labels()))
    }
}

/// The named flow, or those in force on a day; `None` if there is no such flow.
pub fn flows_of<'c>(
    catalog: &'c Catalog,
    name: Option<&str>,
    day: jiff::civil::Date,
) -> Option<Vec<&'c Flow>> {
    match name {
        None => Some(catalog.current(day)),
        Some(name) => catalog.named(name, day).map(|flow| vec![flow]),
    }
}

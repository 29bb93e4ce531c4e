//! Gathering what is pushed many persons at a time: the containers of a lot, which is what one
//! ente sends by one flow under one group, e.g. a district's quarter.
//!
//! What a person waits for goes by its lane, in a container of its own.

use super::lanes::{Gathering, Load};
use super::{Gathered, Ledger, LedgerError};

/// What may stand in one container of many persons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    pub ente: String,
    pub register: String,
    pub flow: String,
    /// The mapping's label; it holds no personal data.
    pub group: String,
}

/// Gathers the next container of a route's lots, if any can go.
///
/// `passed` are the lots that are done with for now: begin with none, and ask again until nothing
/// comes. The name is stored before anything is sent.
pub fn gather_lot(
    ledger: &mut dyn Ledger,
    wish: &Gathering<'_>,
    passed: &mut Vec<Lot>,
) -> Result<Gathered, LedgerError> {
    let mut gathered = Gathered::default();
    if ledger.route(wish.route)?.suspended.is_some() {
        return Ok(gathered);
    }
    for lot in ledger.ready_lots(wish.route)? {
        if passed.contains(&lot) {
            continue;
        }
        let mut load = fill(ledger, &lot, wish)?;
        if load.len() < wish.limit && !load.full {
            passed.push(lot);
        }
        gathered.set_aside.append(&mut load.set_aside);
        gathered.submissions.extend(load.send(ledger, wish)?);
        if !gathered.submissions.is_empty() {
            break;
        }
    }
    Ok(gathered)
}

/// As much of a lot as one container takes.
fn fill(ledger: &mut dyn Ledger, lot: &Lot, wish: &Gathering<'_>) -> Result<Load, LedgerError> {
    let mut load = Load::default();
    let mut after = wish.after;
    loop {
        let ready = ledger.ready_of_lot(wish.route, lot, after, wish.look)?;
        let (count, last) = (ready.len(), ready.last().map(|(_, operation)| operation.id));
        for (record, operation) in ready {
            if load.full || load.len() == wish.limit {
                return Ok(load);
            }
            load.consider(ledger, record, operation, wish)?;
        }
        match last.filter(|_| count == wish.look) {
            Some(last) => after = last,
            None => return Ok(load),
        }
    }
}

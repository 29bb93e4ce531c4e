//! A container's bytes for a person: an audited act.

use super::Gateway;
use super::chain::{Note, append};
use super::gather::container_of;
use super::rights::Reason;
use super::settings::Channel;
use crate::audit::EventKind;
use crate::exchange::LedgerError;
use crate::flow::Container;
use crate::ledger::books::SubmissionView;
use crate::personal::Personal;

/// A payload and what it is.
pub struct Payload {
    /// Media type.
    pub kind: &'static str,
    pub bytes: Personal<Vec<u8>>,
}

impl Gateway {
    /// A container's bytes, once it is on record who reads them. The caller has seen that they may be shown.
    ///
    /// # Errors
    /// [`LedgerError::Missing`] where its fragments are gone, [`LedgerError::Refused`] where it carries
    /// nothing any more.
    pub fn read_payload(
        &self,
        view: &SubmissionView,
        actor: &str,
        reason: &Reason,
    ) -> Result<Payload, LedgerError> {
        let operations = self.books.operations_of(view.id)?;
        if operations.is_empty() {
            return Err(LedgerError::Refused("the container carries nothing any more".into()));
        }
        let channel = self.settings.route(&view.route).map(|route| route.channel);
        let head = self.books.record_head(operations[0].record)?;
        let flow = self.catalog.find(&head.flow);
        let container = match (channel, flow) {
            (Some(Channel::File), _) => Container::Bulk,
            (Some(Channel::Push), Some(flow)) => container_of(flow),
            _ => Container::Single,
        };
        let built = self.build(container, &view.name, &operations)?;
        let kind = if built.flow.is_json() { "application/json" } else { "application/xml" };
        let note =
            Note::new(self.clock.rfc3339(), actor, EventKind::PayloadRead, format!("submission {}", view.id));
        let note = note.with("reason", reason.text());
        self.books.write(move |tx| append(tx, note))?;
        Ok(Payload { kind, bytes: built.bytes })
    }
}

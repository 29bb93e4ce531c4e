//! The bytes of a container, out of the fragments that the ledger keeps: for the desk, for files
//! and for what is pushed, and the same ones each time. What is unfit by itself is told apart from
//! a ledger, a key or a configuration that fails: only the former is a person's affair.

use super::desk::date_in;
use super::settings::Ente;
use super::{Gateway, container_settings};
use crate::exchange::{LedgerError, Operation};
use crate::flow::{Container, Flow, Header, Part};
use crate::personal::Personal;
use crate::seal::SealError;

/// A container, built and validated.
pub(super) struct Built<'g> {
    pub bytes: Personal<Vec<u8>>,
    pub flow: &'g Flow,
    pub ente: &'g Ente,
}

/// Why a container cannot be built.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unbuilt {
    /// These of its operations are at fault, for this reason, whenever it is tried again.
    #[error("a container cannot be built: {code}, operations {operations:?}")]
    Unfit { operations: Vec<i64>, code: String },
    /// The configuration or the flows lack what the container is of.
    #[error("a container cannot be built: {0}")]
    NotConfigured(&'static str),
    /// The ledger or the installation's key failed: it may be built later.
    #[error(transparent)]
    Failed(#[from] LedgerError),
}

impl From<Unbuilt> for LedgerError {
    fn from(unbuilt: Unbuilt) -> Self {
        match unbuilt {
            Unbuilt::Failed(error) => error,
            other => Self::Refused(other.to_string()),
        }
    }
}

/// Why an operation alone is at fault, if it is.
fn unfit(error: &LedgerError) -> Option<&'static str> {
    let damaged = |cause: &SealError| matches!(cause, SealError::Format | SealError::Authentication);
    match error {
        LedgerError::Missing(_) => Some("payload-missing"),
        LedgerError::Store(cause) if cause.downcast_ref().is_some_and(damaged) => Some("payload-damaged"),
        _ => None,
    }
}

impl Gateway {
    /// Builds the container `name` around some operations of one ente and flow.
    pub(super) fn build(
        &self,
        container: Container,
        name: &str,
        operations: &[Operation],
    ) -> Result<Built<'_>, Unbuilt> {
        let fragments = self.fragments(operations)?;
        let first = operations.first().ok_or_else(|| LedgerError::Missing("an operation to send".into()))?;
        let head = self.books.record_head(first.record)?;
        let ente = self.settings.ente(&head.ente).ok_or(Unbuilt::NotConfigured("no-ente"))?;
        let flow = self.catalog.find(&head.flow).ok_or(Unbuilt::NotConfigured("no-flow"))?;
        let ids: Vec<_> = operations.iter().map(Operation::name).collect();
        let mut parts: Vec<_> = operations
            .iter()
            .zip(&fragments)
            .zip(&ids)
            .map(|((operation, fragment), id)| Part {
                kind: operation.kind.into(),
                fragment: fragment.expose(),
                id,
            })
            .collect();
        if flow.mapping.has_pseudonyms() {
            // Not in the order of the folders, which other files of theirs have too.
            parts.sort_by_key(|part| part.fragment);
        }
        let settings = container_settings(ente);
        let date = date_in(name).unwrap_or_else(|| self.clock.today());
        let bytes = flow.assemble(container, &Header { name, date, ente: &settings }, &parts);
        let bytes = bytes.map_err(|problems| Unbuilt::Unfit {
            operations: operations.iter().map(|operation| operation.id).collect(),
            code: problems.first().map(|problem| problem.code.clone()).unwrap_or_default(),
        })?;
        Ok(Built { bytes: Personal::new(bytes), flow, ente })
    }

    /// The fragments of some operations; every one that is at fault is named.
    fn fragments(&self, operations: &[Operation]) -> Result<Vec<Personal<Vec<u8>>>, Unbuilt> {
        let mut fragments = Vec::with_capacity(operations.len());
        let (mut at_fault, mut why, mut key) = (Vec::new(), "", None);
        for operation in operations {
            match self.open_fragment_by(operation.record, &operation.content, &mut key) {
                Ok(fragment) => fragments.push(fragment),
                Err(error) => {
                    why = unfit(&error).ok_or(error)?;
                    at_fault.push(operation.id);
                }
            }
        }
        if at_fault.is_empty() {
            return Ok(fragments);
        }
        Err(Unbuilt::Unfit { operations: at_fault, code: why.to_owned() })
    }
}

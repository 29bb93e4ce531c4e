//! Before another version of a flow takes effect: what it would change of the stored records.
//! Nothing is written. The records are foreseen as a replay would, by that version instead of today's.

use serde::Serialize;

use super::Gateway;
use super::dry_run::DryRun;
use super::replay::{ReplayError, no_counts};
use super::runs::RunError;
use crate::flow::Flow;
use crate::flow::upgrade::{Upgrade, compare};
use crate::ledger::books::ReplayScope;

/// Folders looked at in one go.
const CHUNK: usize = 100;

/// Which versions are compared, and over whose folders.
#[derive(Clone, Debug)]
pub struct UpgradeRequest {
    pub enti: Vec<String>,
    /// The family, by its version of today; or `family/version`.
    pub flow: String,
    /// The other version.
    pub to: String,
    /// So many records, and folders of each rule, in detail.
    pub sample: usize,
}

/// What another version would change.
#[derive(Debug, Serialize)]
pub struct UpgradeImpact {
    pub upgrade: Upgrade,
    /// `None` where no ente of the request has a route to the register, or the versions' registers differ.
    pub impact: Option<DryRun>,
}

impl Gateway {
    /// Compares two versions, and foresees the other one over the stored folders.
    pub fn upgrade_impact(&self, request: &UpgradeRequest) -> Result<UpgradeImpact, ReplayError> {
        let (from, to) = self.two_versions(request)?;
        let upgrade = compare(from, to);
        let register = from.register();
        let served = request.enti.iter().filter(|ente| self.settings.serves(ente, register));
        let enti: Vec<&String> = served.filter(|_| to.register() == register).collect();
        if enti.is_empty() {
            return Ok(UpgradeImpact { upgrade, impact: None });
        }
        let mut told = DryRun { flow: to.id().to_owned(), changes: no_counts(), ..DryRun::default() };
        for ente in enti {
            let scope = ReplayScope {
                ente: ente.clone(),
                register: register.to_owned(),
                flow: Some(from.family().to_owned()),
                ..ReplayScope::default()
            };
            self.walk(to, &scope, request.sample, &mut told)?;
        }
        Ok(UpgradeImpact { upgrade, impact: Some(told) })
    }

    /// Every folder of the ente: also one that has no record yet may get one.
    fn walk(
        &self,
        to: &Flow,
        scope: &ReplayScope,
        sample: usize,
        told: &mut DryRun,
    ) -> Result<(), ReplayError> {
        let mut after = 0;
        loop {
            let rows = self.books.folders_of(&scope.ente, after, CHUNK)?;
            for row in &rows {
                self.look(to, scope, row, sample, told)?;
            }
            match rows.last() {
                Some(last) if rows.len() == CHUNK => after = last.id,
                _ => return Ok(()),
            }
        }
    }

    fn two_versions(&self, request: &UpgradeRequest) -> Result<(&Flow, &Flow), ReplayError> {
        let catalog = &self.catalog;
        let family = catalog.find(&request.flow).map_or(request.flow.as_str(), Flow::family);
        if catalog.versions(family).is_empty() {
            return Err(self.no_flow(&request.flow).into());
        }
        let from = catalog.named(&request.flow, self.clock.today());
        let from = from.ok_or_else(|| ReplayError::NotInForce(family.to_owned()))?;
        let version = request.to.rsplit('/').next().unwrap_or_default();
        let id = format!("{family}/{version}");
        let to = catalog.find(&id).ok_or(RunError::NoFlow(id))?;
        if to.id() == from.id() {
            return Err(ReplayError::SameVersion(to.id().to_owned()));
        }
        Ok((from, to))
    }
}

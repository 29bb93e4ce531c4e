//! `sandbox`: placeholder.
use clap::Args;
use super::Outcome;
/// A simulated INPS.
#[derive(Args)]
pub struct Sandbox {}
/// `raccordo sandbox`.
pub fn run(_: &Sandbox, _json: bool) -> anyhow::Result<Outcome> { anyhow::bail!("not yet") }

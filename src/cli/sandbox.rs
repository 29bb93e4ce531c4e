//! `sandbox`: placeholder.
use super::Outcome;
use clap::Args;
/// A simulated INPS.
#[derive(Args)]
pub struct Sandbox {}
/// `raccordo sandbox`.
pub fn run(_: &Sandbox, _json: bool) -> anyhow::Result<Outcome> {
    anyhow::bail!("not yet")
}

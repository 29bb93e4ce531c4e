//! `demo`: placeholder.
use super::Outcome;
use clap::Args;
/// Demo.
#[derive(Args)]
pub struct Demo {}
/// `raccordo demo`.
pub fn run(_: &Demo, _json: bool) -> anyhow::Result<Outcome> {
    anyhow::bail!("not yet")
}

//! The command line: one file per command. Exit 0 fine, 1 findings, 2 could not try.

mod adopt;
mod alerts;
mod calendar;
mod check;
mod completions;
mod coverage;
mod decide;
mod demo;
mod doctor;
mod explain;
mod duplicates;
mod fetch;
mod flows;
mod folder;
mod generate;
mod health;
mod import;
mod indicators;
mod keys;
mod link;
mod man;
mod map;
mod new_flow;
mod notify;
mod people;
mod replay;
mod routes;
mod runs;
mod sandbox;
mod serve;
mod show;
mod speech;
mod submissions;
mod table;
mod test;
mod token;
mod user;
mod upgrade;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::node;

/// Junction between a Cartella Sociale Informatizzata and Italy's national systems.
#[derive(Parser)]
#[command(name = "raccordo", version, propagate_version = true, after_help = EXAMPLES)]
struct Cli {
    /// Configuration file; what it leaves out has the defaults of config/default.toml.
    #[arg(long, short, global = true, env = "RACCORDO_CONFIG")]
    config: Option<PathBuf>,
    /// Directory with flows of one's own, laid over those of the binary; see `raccordo new-flow`.
    #[arg(long, global = true, env = "RACCORDO_FLOWS", value_name = "DIR")]
    flows: Option<PathBuf>,
    /// Machine-readable output.
    #[arg(long, global = true)]
    json: bool,
    /// Language of what is said to people: `it` or `en`; that of LANG when left out.
    #[arg(long, global = true, value_parser = speech::parse)]
    lang: Option<crate::web::Language>,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  raccordo demo                                      the whole way, on generated people
  raccordo check                                     are all mappings sound?
  raccordo map --flow FLOW folder.json                FLOW as `raccordo check` lists it
  raccordo import folders.ndjson && raccordo readiness
  raccordo report --ente H501 --flow FLOW --period 2026-T3
  raccordo indicators --ente H501 --period 2025        numbers for planning, of nobody in particular
  raccordo replay --flow FLOW --state refused         what today's mapping would change
  raccordo sync F-1 --to REGISTER --wait 5s
  raccordo fetch F-1 --from REGISTER --wait 5s        what the register knows of the person
  raccordo explain H501.PS.20261123.0000001           what its refusals mean, and what to do

Exit status: 0 fine; 1 something that a person should mend; 2 could not try.";

#[derive(Subcommand)]
enum Command {
    /// From an empty directory to two books that agree: generated people, a simulated INPS.
    Demo(demo::Demo),
    /// Serve the API and the offered routes until told to stop.
    Serve(serve::Serve),
    /// What is wrong with this installation, and what to do.
    Doctor,
    /// Whether the running `serve` is ready for work.
    Health(health::Health),
    /// Check every flow: mapping against folder schema, target schema and code tables.
    Check,
    /// Which fields of the folder each flow sends, reads, needs and leaves alone.
    Coverage(coverage::Coverage),
    /// Begin a flow: mapping, schema and fixtures that pass at once, in the working directory.
    NewFlow(new_flow::NewFlow),
    /// Map a folder and show payload and findings; nothing is stored.
    Map(map::Map),
    /// Validate a payload against a flow's schema.
    Validate(map::Validate),
    /// Run the fixtures: folders with what is expected of them.
    Test(test::Test),
    /// Folders: templates to start from.
    #[command(subcommand)]
    Folder(folder::Folder),
    /// Import folders, one JSON a line; each line gets its result.
    Import(import::Import),
    /// How ready each ente is for each flow, and which rules speak most often.
    Readiness,
    /// Bring one citizen up to date at one register, now.
    Sync(runs::Sync),
    /// Ask a register what it knows of one person, now.
    Fetch(fetch::Fetch),
    /// What registers propose for a folder: show, accept, decline.
    #[command(subcommand)]
    Proposals(fetch::Proposals),
    /// Bring up to date all records that begin by a period's end.
    Report(runs::Report),
    /// Runs and their balances.
    #[command(subcommand)]
    Runs(runs::Runs),
    /// What registers know of one person, why, and from which fields: an audited act.
    Lineage(people::Lineage),
    /// Erase a person: what is kept of them can never be read again. Never a cancel at a register.
    Erase(people::Erase),
    /// The processes of this installation, and what one of them at a time does.
    Nodes,
    /// Reports that start by themselves: what comes, what was missed, what the deadline leaves.
    Calendar,
    /// What an operator was told of: what is open, what ended.
    Alerts,
    /// Count aggregated, anonymous indicators of an ente and a period.
    Indicators(indicators::Indicators),
    /// Map stored folders again by today's mapping; say what changes, and send it with --start.
    Replay(replay::Replay),
    /// Benefits that two folders seem to record.
    Duplicates(duplicates::Duplicates),
    /// What another version of a flow would change: rows, rules, codes, and stored records.
    UpgradeImpact(upgrade::UpgradeImpact),
    /// Containers and operations, by name or by state.
    Submissions(submissions::Submissions),
    /// What a refusal or a finding means, on the folder's own fields, and what to do about it.
    Explain(explain::Explain),
    /// Decide an operation whose outcome the register leaves unknown.
    Decide(decide::Decide),
    /// Record what a portal said of an uploaded file.
    Outcome(decide::Outcome),
    /// Routes: where they stand, suspend, resume, build files.
    #[command(subcommand)]
    Routes(routes::Routes),
    /// Keys by which pseudonyms are made: how they stand, accept another.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Take over what a former system sent: its XML files and receipts.
    Adopt(adopt::Adopt),
    /// The audit chain.
    #[command(subcommand)]
    Audit(show::Audit),
    /// Accounts of the console.
    #[command(subcommand)]
    User(user::User),
    /// Tokens of the API: make, list, revoke.
    #[command(subcommand)]
    Token(token::Token),
    /// Generate folders of people who do not exist.
    Generate(generate::Generate),
    /// Simulated recipients of a running gateway, with scripted faults.
    Sandbox(sandbox::Sandbox),
    /// Pages about the flows, out of their own files.
    #[command(subcommand)]
    Flows(flows::Flows),
    /// What bash, zsh or fish needs to complete commands.
    Completions(completions::Completions),
    /// Manual pages of all commands.
    Man(man::Manual),
}

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Fine,
    /// It worked, and found something that a person should mend.
    Findings,
}

/// Parses the arguments, runs the command, says what went wrong.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    speech::speak(cli.lang);
    node::choose_flows(node::Choice { flows: cli.flows.clone(), config: cli.config.clone() });
    bear_closed_pipes();
    match run(&cli) {
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Err(error) => {
            let causes: Vec<_> = error.chain().map(|cause| speech::said(&cause.to_string())).collect();
            eprintln!("raccordo: {}", causes.join(": "));
            ExitCode::from(2)
        }
    }
}

/// `raccordo ... | head` ends quietly: who reads has seen enough.
fn bear_closed_pipes() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let said = info.payload().downcast_ref::<String>();
        if said.is_some_and(|text| text.starts_with("failed printing to stdout: Broken pipe")) {
            std::process::exit(0);
        }
        default(info);
    }));
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn run(cli: &Cli) -> anyhow::Result<Outcome> {
    match &cli.command {
        Command::Demo(demo) => demo::run(demo, cli.json),
        Command::Serve(serve) => serve::run(serve, cli.config.as_deref()),
        Command::Doctor => doctor::run(cli.config.as_deref(), cli.json),
        Command::Health(health) => health::run(health, cli.config.as_deref(), cli.json),
        Command::Check => check::run(cli.json),
        Command::Coverage(coverage) => coverage::run(coverage, cli.config.as_deref(), cli.json),
        Command::NewFlow(new_flow) => new_flow::run(new_flow, cli.json),
        Command::Map(map) => map::map(map, cli.json),
        Command::Validate(validate) => map::validate(validate, cli.json),
        Command::Test(test) => test::run(test, cli.json),
        Command::Folder(folder) => folder::run(folder),
        Command::Import(import) => import::run(import, cli.config.as_deref(), cli.json),
        Command::Readiness => show::readiness(cli.config.as_deref(), cli.json),
        Command::Sync(sync) => runs::sync(sync, cli.config.as_deref(), cli.json),
        Command::Fetch(fetch) => fetch::fetch(fetch, cli.config.as_deref(), cli.json),
        Command::Proposals(which) => fetch::proposals(which, cli.config.as_deref(), cli.json),
        Command::Report(report) => runs::report(report, cli.config.as_deref(), cli.json),
        Command::Runs(runs) => runs::runs(runs, cli.config.as_deref(), cli.json),
        Command::Lineage(lineage) => people::lineage(lineage, cli.config.as_deref(), cli.json),
        Command::Erase(erase) => people::erase(erase, cli.config.as_deref(), cli.json),
        Command::Nodes => show::nodes(cli.config.as_deref(), cli.json),
        Command::Calendar => calendar::run(cli.config.as_deref(), cli.json),
        Command::Alerts => alerts::run(cli.config.as_deref(), cli.json),
        Command::Indicators(asked) => indicators::run(asked, cli.config.as_deref(), cli.json),
        Command::Replay(replay) => replay::run(replay, cli.config.as_deref(), cli.json),
        Command::Duplicates(duplicates) => duplicates::run(duplicates, cli.config.as_deref(), cli.json),
        Command::UpgradeImpact(upgrade) => upgrade::run(upgrade, cli.config.as_deref(), cli.json),
        Command::Submissions(which) => submissions::run(which, cli.config.as_deref(), cli.json),
        Command::Explain(explain) => explain::run(explain, cli.config.as_deref(), cli.json, cli.lang),
        Command::Decide(decide) => decide::decide(decide, cli.config.as_deref(), cli.json),
        Command::Outcome(outcome) => decide::outcome(outcome, cli.config.as_deref(), cli.json),
        Command::Routes(routes) => routes::run(routes, cli.config.as_deref(), cli.json),
        Command::Keys(keys) => keys::run(keys, cli.config.as_deref(), cli.json),
        Command::Adopt(adopt) => adopt::run(adopt, cli.config.as_deref(), cli.json),
        Command::Audit(audit) => show::audit(audit, cli.config.as_deref(), cli.json),
        Command::User(user) => user::run(user, cli.config.as_deref(), cli.json),
        Command::Token(token) => token::run(token, cli.config.as_deref(), cli.json),
        Command::Generate(generate) => generate::run(generate),
        Command::Sandbox(sandbox) => sandbox::run(sandbox, cli.json),
        Command::Flows(flows) => flows::run(flows, cli.json),
        Command::Completions(completions) => completions::run(completions),
        Command::Man(manual) => man::run(manual),
    }
}

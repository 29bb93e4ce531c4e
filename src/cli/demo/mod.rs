//! `demo`: from an empty directory to two books that agree. Generated people of three enti,
//! the real API that INPS polls, a simulated INPS with a book of its own.

mod install;
mod show;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};

use super::Outcome;
use super::import::bar;
use super::sandbox::{entitlements, issuer};
use super::speech::said;
use crate::exchange::{Bucket, Period};
use crate::gateway::{Clock, Gateway, ImportSummary, RunRequest, SystemClock, new_import};
use crate::ledger::RunHead;
use crate::node;
use crate::sandbox::inps::{Inps, Script};
use crate::sandbox::platform::Platform;
use crate::sandbox::{clock, people};

/// The enti of the demo.
pub const ENTI: [(&str, &str); 3] =
    [("H501", "Comune di Roma"), ("F205", "Comune di Milano"), ("L219", "Comune di Torino")];
/// Cycles of the simulated INPS before the demo gives up on a run.
const CYCLES: usize = 40;

/// The whole way, on generated people.
#[derive(Args)]
pub struct Demo {
    /// Where the demo lives; made anew each time.
    #[arg(long, default_value = "raccordo-demo")]
    dir: PathBuf,
    #[arg(long, default_value_t = 2000)]
    folders: u64,
    /// Share of folders with a defect.
    #[arg(long, default_value_t = 0.02)]
    faulty: f64,
    #[arg(long, default_value_t = 2026)]
    seed: u64,
}

/// What stands while the demo runs.
struct Stage {
    gateway: Arc<Gateway>,
    flow: String,
    pollers: Vec<Inps>,
    period: Period,
}

/// `raccordo demo`.
pub fn run(demo: &Demo, json: bool) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(play(demo, json))
}

async fn play(demo: &Demo, json: bool) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let catalog = node::load_catalog()?;
    let register = catalog.flows().first().context("no flow is loaded")?.register();
    let config = install::prepare(&demo.dir, register)?;
    let mut settings = node::config::load(Some(&config))?;
    let bind = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let platform =
        Platform::start(bind, &issuer(&settings), entitlements(&settings), clock::system()).await?;
    for voucher in settings.route.iter_mut().filter_map(|route| route.voucher.as_mut()) {
        voucher.jwks = platform.jwks_url();
    }
    (settings.api.listen, settings.offer.listen) = ("127.0.0.1:0".into(), "127.0.0.1:0".into());
    let gateway = Arc::new(node::open(settings)?);
    let running = node::start(Arc::clone(&gateway)).await?;
    let offer = running.offer.context("the demo's routes are not offered")?;
    let mut stage = set(&demo.dir, gateway, &platform, &format!("http://{offer}/waas/v1"))?;
    let say = |text: &str| {
        if !json {
            println!("\n{}", said(text));
        }
    };

    say(&format!("1. {} people who do not exist, of {} enti", demo.folders, ENTI.len()));
    let today = SystemClock.today();
    let enti = ENTI.map(|(code, _)| code);
    let folders: Vec<Value> = people::generate(demo.folders, demo.seed, demo.faulty, &enti, today)
        .map(|made| made.folder)
        .collect();
    let first = import(&stage, &folders, "importing folders").await?;
    show::imported(&first, json);
    show::readiness(&stage.gateway, json)?;

    say(&format!("2. The report for {}: INPS polls, acquires, answers", stage.period));
    let report = report(&mut stage).await?;
    show::balances(&report, json);

    say("3. Some folders change, some benefits are annulled; the report again");
    let changed = install::change(&folders);
    let second = import(&stage, &changed, "importing changes").await?;
    show::imported(&second, json);
    let again = self::report(&mut stage).await?;
    show::balances(&again, json);
    let again = approve(&mut stage, again, json).await?;

    say("4. The two books");
    let verdict = show::verdict(&stage, &[report, again].concat(), json)?;
    if !json {
        show::where_next(&stage.gateway, &demo.dir, &config)?;
        say(&format!("{:.1} s in all.", began.elapsed().as_secs_f64()));
    }
    drop(stage);
    running.stop().await;
    Ok(if verdict { Outcome::Fine } else { Outcome::Findings })
}

fn set(
    dir: &std::path::Path,
    gateway: Arc<Gateway>,
    platform: &Platform,
    base: &str,
) -> anyhow::Result<Stage> {
    let mut pollers = Vec::new();
    // A mildly difficult INPS: refusals, late and repeated esiti, a cursor that goes back now and then.
    let script = Script {
        refuse: 0.01,
        duplicate: 0.05,
        late: 0.05,
        rewind_every: 7,
        garbage_every: 3,
        ..Script::default()
    };
    for route in &gateway.settings.route {
        let book = dir.join(format!("inps-{}.jsonl", route.id));
        pollers.push(platform.inps(&route.id, base, script.clone(), Some(&book), clock::system())?);
    }
    let flow = gateway.catalog.flows().first().context("no flow is loaded")?.id().to_owned();
    let period = Period::quarter_of(SystemClock.today());
    Ok(Stage { gateway, flow, pollers, period })
}

async fn import(stage: &Stage, folders: &[Value], what: &str) -> anyhow::Result<ImportSummary> {
    let mut lines = Vec::new();
    for folder in folders {
        serde_json::to_writer(&mut lines, folder)?;
        lines.push(b'\n');
    }
    let (bar, mark) = (bar(Some(folders.len() as u64), what), new_import()?);
    let gateway = Arc::clone(&stage.gateway);
    let summary = tokio::task::spawn_blocking(move || {
        let summary = gateway.import(std::io::Cursor::new(lines), &mark, "demo", |_| bar.inc(1));
        bar.finish_and_clear();
        summary
    });
    Ok(summary.await??)
}

/// A run that cancels more than the register's threshold is held: a person approves it.
async fn approve(stage: &mut Stage, runs: Vec<RunHead>, json: bool) -> anyhow::Result<Vec<RunHead>> {
    let held: Vec<i64> =
        runs.iter().filter(|run| run.balance.count(Bucket::Held) > 0).map(|run| run.id).collect();
    if held.is_empty() {
        return Ok(runs);
    }
    if !json {
        let held = format!("cancels were held in {} runs; a person looks and approves", held.len());
        println!("   {}", said(&held));
    }
    for run in held {
        let gateway = Arc::clone(&stage.gateway);
        tokio::task::spawn_blocking(move || gateway.approve_run(run, "demo")).await??;
    }
    let ids: Vec<i64> = runs.iter().map(|run| run.id).collect();
    let settled = until_settled(stage, &ids).await?;
    show::balances(&settled, json);
    Ok(settled)
}

/// Starts a run per ente and lets INPS work until every balance is settled.
async fn report(stage: &mut Stage) -> anyhow::Result<Vec<RunHead>> {
    let mut runs = Vec::new();
    for (ente, _) in ENTI {
        let request = RunRequest {
            ente: ente.to_owned(),
            flow: stage.flow.clone(),
            period: Some(stage.period),
            folder: None,
            route: None,
            actor: "demo".into(),
        };
        let gateway = Arc::clone(&stage.gateway);
        runs.push(tokio::task::spawn_blocking(move || gateway.start_run(&request)).await??);
    }
    until_settled(stage, &runs).await
}

/// Lets INPS work until nothing moves any more without a person.
async fn until_settled(stage: &mut Stage, runs: &[i64]) -> anyhow::Result<Vec<RunHead>> {
    let heads = |gateway: &Gateway| -> anyhow::Result<Vec<RunHead>> {
        let mut heads = Vec::new();
        for run in runs {
            heads.extend(gateway.books.runs(Some(*run), 1)?);
        }
        Ok(heads)
    };
    let selected: u64 = heads(&stage.gateway)?.iter().map(|run| run.balance.selected).sum();
    let bar = bar(Some(selected), "INPS at work");
    for _ in 0..CYCLES {
        for poller in &mut stage.pollers {
            poller.cycle().await?;
        }
        let now = heads(&stage.gateway)?;
        bar.set_position(now.iter().map(show::settled).sum());
        if now.iter().all(|run| run.balance.is_settled()) {
            bar.finish_and_clear();
            return Ok(now);
        }
    }
    bar.abandon();
    bail!("after {CYCLES} cycles INPS has not answered everything: {}", json!(runs))
}

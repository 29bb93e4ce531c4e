//! `demo`: from an empty directory to books that agree. Generated people of three enti, the real
//! API that INPS polls, containers pushed to health registers and to the labour side; all of them
//! simulated, each with a book of its own and its bad days.

mod install;
mod registers;
mod show;
mod stay;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

use super::Outcome;
use super::import::bar;
use super::speech::said;
use crate::exchange::{Balance, Bucket, Period};
use crate::gateway::{Clock, Gateway, ImportSummary, RunRequest, SystemClock, new_import};
use crate::ledger::RunHead;
use crate::node;
use crate::sandbox::people;
use registers::{Family, Registers, Sandbox};

/// The enti of the demo.
pub const ENTI: [(&str, &str); 3] =
    [("H501", "Comune di Roma"), ("F205", "Comune di Milano"), ("L219", "Comune di Torino")];
/// Cycles of the simulated INPS before the demo gives up on a run.
const CYCLES: usize = 40;
/// Longest wait for a pushed register to have answered everything.
const PATIENCE: Duration = Duration::from_secs(180);

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
    /// Stay when the story is told: API and console on the demo's data, the recipients at work, until Ctrl-C.
    #[arg(long)]
    stay: bool,
    /// Where API and console listen when it stays.
    #[arg(long, default_value = "127.0.0.1:8780", requires = "stay")]
    listen: SocketAddr,
    #[command(flatten)]
    queue: install::Queue,
}

/// What stands while the demo runs.
struct Stage {
    gateway: Arc<Gateway>,
    sandbox: Sandbox,
    period: Period,
    json: bool,
}

/// `raccordo demo`.
pub fn run(demo: &Demo, json: bool) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(play(demo, json))
}

async fn play(demo: &Demo, json: bool) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let registers = Registers::in_catalog(&node::load_catalog()?)?;
    let config = install::prepare(&demo.dir, &registers, &demo.queue)?;
    let mut settings = node::config::load(Some(&config))?;
    let sandbox = Sandbox::start(&demo.dir, &mut settings).await?;
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    settings.api.listen = if demo.stay { demo.listen } else { anywhere }.to_string();
    settings.offer.listen = anywhere.to_string();
    let gateway = Arc::new(node::open(settings)?);
    let running = node::start(Arc::clone(&gateway)).await?;
    let offer = running.offer.context("the demo's routes are not offered")?;
    let period = Period::quarter_of(SystemClock.today());
    let mut stage = Stage { gateway, sandbox, period, json };
    stage.sandbox.poll_at(&demo.dir, &stage.gateway, &format!("http://{offer}/waas/v1"))?;
    let verdict = stage.tell(demo).await?;
    if !json {
        show::where_next(&stage.gateway, 5 + Family::ALL.len(), &demo.dir, &config)?;
        println!("\n{}", said(&format!("{:.1} s in all.", began.elapsed().as_secs_f64())));
    }
    match running.api.filter(|_| demo.stay) {
        Some(api) => stay::stay(&mut stage, api).await?,
        None if !json => stay::how_to_look(&demo.dir, &config),
        None => {}
    }
    drop(stage);
    running.stop().await;
    Ok(if verdict { Outcome::Fine } else { Outcome::Findings })
}

impl Stage {
    fn say(&self, chapter: usize, text: &str) {
        if !self.json {
            println!("\n{chapter}. {}", said(text));
        }
    }

    /// The demo's story; whether balances and books say so too.
    async fn tell(&mut self, demo: &Demo) -> anyhow::Result<bool> {
        self.say(1, &format!("{} people who do not exist, of {} enti", demo.folders, ENTI.len()));
        let (today, enti) = (SystemClock.today(), ENTI.map(|(code, _)| code));
        let made = people::generate(demo.folders, demo.seed, demo.faulty, &enti, today);
        let folders: Vec<Value> = made.map(|made| made.folder).collect();
        self.sandbox.open_files(&folders);
        let first = import(self, &folders, "importing folders").await?;
        show::imported(&first, self.json);
        show::readiness(&self.gateway, self.json)?;

        let mut runs = Vec::new();
        for (number, family) in (2..).zip(Family::ALL) {
            self.say(number, &chapter(family, self.period, demo.queue.name()));
            let reported = report(self, family).await?;
            show::balances(&reported, self.json);
            runs.extend(reported);
        }
        let next = 2 + Family::ALL.len();
        self.say(next, "Some folders change, some benefits are annulled; the reports again");
        let changed = install::change(&folders);
        let second = import(self, &changed, "importing changes").await?;
        show::imported(&second, self.json);
        for family in Family::ALL {
            let again = report(self, family).await?;
            show::balances(&again, self.json);
            runs.extend(approve(self, again, family).await?);
        }

        self.say(next + 1, "One citizen, now: the health register while the official waits");
        runs.push(sync(self, &folders).await?);

        self.say(next + 2, "The books");
        show::verdict(self, &runs)
    }
}

/// The heading of a family's chapter.
fn chapter(family: Family, period: Period, queue: &str) -> String {
    match family {
        Family::Inps => format!("The report for {period}: INPS polls, acquires, answers"),
        Family::Health => {
            format!("The health register: one transaction for each citizen, over {}", said(queue))
        }
        Family::HomeCare => "Home care: files for each ASL, uploaded, then asked about".to_owned(),
        Family::Labour => {
            "Active labour policies: each citizen's file is fetched, merged and sent back".to_owned()
        }
    }
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
async fn approve(stage: &mut Stage, runs: Vec<RunHead>, family: Family) -> anyhow::Result<Vec<RunHead>> {
    let held: Vec<i64> =
        runs.iter().filter(|run| run.balance.count(Bucket::Held) > 0).map(|run| run.id).collect();
    if held.is_empty() {
        return Ok(runs);
    }
    if !stage.json {
        let held = format!("cancels were held in {} runs; a person looks and approves", held.len());
        println!("   {}", said(&held));
    }
    for run in held {
        let gateway = Arc::clone(&stage.gateway);
        tokio::task::spawn_blocking(move || gateway.approve_run(run, "demo")).await??;
    }
    let ids: Vec<i64> = runs.iter().map(|run| run.id).collect();
    let settled = until_settled(stage, &ids, family).await?;
    show::balances(&settled, stage.json);
    Ok(settled)
}

/// Starts a run per ente and flow of a family, and waits until every balance is settled.
async fn report(stage: &mut Stage, family: Family) -> anyhow::Result<Vec<RunHead>> {
    let mut runs = Vec::new();
    for flow in family.flows() {
        for (ente, _) in ENTI {
            runs.push(start(stage, ente, flow, None).await?);
        }
    }
    until_settled(stage, &runs, family).await
}

async fn start(stage: &Stage, ente: &str, flow: &str, folder: Option<String>) -> anyhow::Result<i64> {
    let request = RunRequest {
        ente: ente.to_owned(),
        flow: flow.to_owned(),
        period: folder.is_none().then_some(stage.period),
        folder,
        route: None,
        actor: "demo".into(),
    };
    let gateway = Arc::clone(&stage.gateway);
    Ok(tokio::task::spawn_blocking(move || gateway.start_run(&request)).await??)
}

/// A citizen whose folder changes while the official waits for the answer.
async fn sync(stage: &mut Stage, folders: &[Value]) -> anyhow::Result<RunHead> {
    stage.sandbox.health.set_script(Default::default());
    let folder = folders.iter().find(|folder| registers::is_ready(&stage.gateway, folder));
    let mut folder = folder.context("no folder is ready for the health register")?.clone();
    folder["versione"] = (folder["versione"].as_u64().unwrap_or(1) + 5).into();
    folder["interventi"][0]["denominazione"] = "Servizio aggiornato oggi".into();
    import(stage, std::slice::from_ref(&folder), "importing changes").await?;
    let (ente, id) = (folder["ente"].as_str().unwrap_or_default(), folder["id"].as_str().map(str::to_owned));
    let began = Instant::now();
    let run = start(stage, ente, Family::Health.flows()[0], id).await?;
    let settled = until_settled(stage, &[run], Family::Health).await?.remove(0);
    show::balances(std::slice::from_ref(&settled), stage.json);
    if !stage.json {
        let took = format!("answered in {} ms", began.elapsed().as_millis());
        println!("   {}", said(&took));
    }
    Ok(settled)
}

fn heads(gateway: &Gateway, runs: &[i64]) -> anyhow::Result<Vec<RunHead>> {
    let mut heads = Vec::new();
    for run in runs {
        heads.extend(gateway.books.runs(Some(*run), 1)?);
    }
    Ok(heads)
}

/// Lets the recipients work until nothing moves any more without a person.
async fn until_settled(stage: &mut Stage, runs: &[i64], family: Family) -> anyhow::Result<Vec<RunHead>> {
    let selected: u64 = heads(&stage.gateway, runs)?.iter().map(|run| run.balance.selected).sum();
    let bar = bar(Some(selected), &format!("{} at work", family.name()));
    let (began, mut cycles) = (Instant::now(), 0);
    loop {
        if family.push().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        } else {
            stage.sandbox.cycle().await?;
            cycles += 1;
        }
        let now = heads(&stage.gateway, runs)?;
        bar.set_position(now.iter().map(show::settled).sum());
        if now.iter().all(|run| is_quiet(&run.balance)) {
            bar.finish_and_clear();
            return Ok(now);
        }
        if cycles > CYCLES || began.elapsed() > PATIENCE {
            bar.abandon();
            let open: Vec<_> = now.iter().map(crate::web::run_json).collect();
            bail!("not everything was answered: {}", Value::from(open));
        }
    }
}

/// Nothing moves any more, and no recipient is still to be asked.
fn is_quiet(balance: &Balance) -> bool {
    balance.is_settled() && balance.count(Bucket::Uncertain) == 0
}

//! The search over very many submissions: rows made in bulk straight into a scratch ledger, then
//! each kind of question many times, with other values each time.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use raccordo::ledger::Books;
use raccordo::ledger::books::SearchFilter;
use rusqlite::{Connection, Transaction, params};
use serde_json::{Value, json};

use super::material;
use super::measure::child;
use super::table::{Table, thousands};

/// Questions of each kind.
const QUESTIONS: u64 = 200;
const PAGE: usize = 50;
/// 2025-01-01T00:00:00Z; a submission each twelve seconds brings ten million to nearly four years.
const START: i64 = 1_735_689_600_000;
const STEP: i64 = 12_000;
const ENTI: u64 = 60;
const BATCH: u64 = 100_000;

/// Rows of this part; `RACCORDO_BENCH_SUBMISSIONS` says over how many.
pub fn measure(table: &mut Table) -> Result<()> {
    let count = std::env::var("RACCORDO_BENCH_SUBMISSIONS").ok().and_then(|text| text.parse().ok());
    let count: u64 = count.unwrap_or(1_000_000);
    material::fresh("ledger-search")?;
    let told = child(&["search", &count.to_string(), "ledger-search"])?;
    let beside = format!("made in {:.0} s", told["made_s"].as_f64().unwrap_or(0.0));
    let gigabytes = told["bytes"].as_f64().unwrap_or(0.0) / 1e9;
    table.row(
        &format!("ledger of {} submissions", thousands(count as f64)),
        &format!("{gigabytes:.1} GB"),
        &beside,
    );
    for kind in told["kinds"].as_array().into_iter().flatten() {
        let ms = |name: &str| kind[name].as_f64().unwrap_or(f64::NAN);
        table.row(
            &format!("– search by {}", kind["kind"].as_str().unwrap_or("?")),
            &format!("p50 {:.2} ms, p99 {:.2} ms", ms("p50"), ms("p99")),
            &format!("first {:.1} ms, {} hits a page", ms("first"), kind["hits"]),
        );
    }
    Ok(())
}

/// The child: makes the ledger, then asks.
pub fn run(count: u64, ledger: &str) -> Result<Value> {
    let directory = material::path(ledger)?;
    let begun = Instant::now();
    make(&directory, count)?;
    let made_s = begun.elapsed().as_secs_f64();
    let books = Books::open(&directory)?;
    let kinds =
        kinds(count).iter().map(|kind| ask(&books, &Picks { count }, kind)).collect::<Result<Vec<_>>>()?;
    let bytes = std::fs::metadata(directory.join("ledger.sqlite"))?.len();
    Ok(json!({ "made_s": made_s, "bytes": bytes, "kinds": kinds }))
}

fn make(directory: &Path, count: u64) -> Result<()> {
    drop(Books::open(directory)?);
    let mut ledger = Connection::open(directory.join("ledger.sqlite"))?;
    ledger.execute_batch(
        "PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; PRAGMA wal_autocheckpoint = 100000;",
    )?;
    let mut from = 1;
    while from <= count {
        let tx = ledger.transaction()?;
        for number in from..(from + BATCH).min(count + 1) {
            one(&tx, number)?;
        }
        tx.commit()?;
        from += BATCH;
    }
    ledger.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);")?;
    Ok(())
}

/// Two operations a record, four records a folder, one operation a container.
fn one(tx: &Transaction<'_>, number: u64) -> Result<()> {
    let (record, folder) = (number.div_ceil(2), number.div_ceil(8));
    let ente = ente_of(folder);
    let at = START + i64::try_from(number)? * STEP;
    if number % 8 == 1 {
        tx.prepare_cached(
            "INSERT INTO folder (id, ente, folder_id, wrapped_key, person, content, body, saved_at)
             VALUES (?1, ?2, ?3, zeroblob(60), ?4, zeroblob(32), zeroblob(200), ?5)",
        )?
        .execute(params![folder, ente, format!("F-{folder}"), hash(folder), at])?;
    }
    if number % 2 == 1 {
        tx.prepare_cached(
            "INSERT INTO record (id, ente, register, flow, folder, key, source, from_day, to_day, desired,
               desired_content, held_content, held_generation, generation, powers)
             VALUES (?1, ?2, 'siuss', 'f/1', ?3, ?4, 's', '2026-01-01', '2026-12-31', 'present', ?5, ?5, 1, 1, 2)",
        )?
        .execute(params![record, ente, folder, key_of(record), hash(record)])?;
        if record % 20 == 0 {
            tx.prepare_cached(
                "INSERT INTO finding (folder, flow, record, severity, rule, finding) VALUES (?1, 'f/1', ?2, 'warn', ?3, '{}')",
            )?
            .execute(params![folder, key_of(record), rule_of(record)])?;
        }
    }
    let state = state_of(number);
    let route = format!("r{}", number % 4);
    tx.prepare_cached(
        "INSERT INTO operation (id, record, generation, kind, state, content, register_key, route, interactive,
           queued_at, submission) VALUES (?1, ?2, ?3, 'insert', ?4, ?5, ?5, ?6, 0, ?7, ?1)",
    )?
    .execute(params![number, record, number % 2 + 1, state, hash(number), route, at])?;
    tx.prepare_cached(
        "INSERT INTO submission (id, route, name, timestamp, state) VALUES (?1, ?2, ?3, ?4, 'settled')",
    )?
    .execute(params![number, route, name_of(number), at])?;
    if state == "accepted" || state == "refused" {
        let code = if state == "refused" { format!("R{:03}", number % 97) } else { "OK".to_owned() };
        tx.prepare_cached(
            "INSERT INTO receipt (route, operation, name, timestamp, code, what, at) VALUES (?1, ?2, ?3, ?4, ?5, 'settled', ?4)",
        )?
        .execute(params![route, number, name_of(number), at, code])?;
    }
    Ok(())
}

/// A well mixed hash of a number.
fn hash(number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for part in bytes.chunks_mut(8) {
        mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        part.copy_from_slice(&mixed.to_be_bytes());
    }
    bytes
}

/// One ente in a thousand folders is a small one.
fn ente_of(folder: u64) -> String {
    if folder.is_multiple_of(1_000) { "SMALL".to_owned() } else { format!("E{:03}", folder % ENTI) }
}

fn key_of(record: u64) -> String {
    format!("I-{record}/2026")
}

fn rule_of(record: u64) -> String {
    if record.is_multiple_of(2_000) {
        format!("rare-{}", record / 2_000 % 500)
    } else {
        "frequent".to_owned()
    }
}

fn state_of(number: u64) -> &'static str {
    match number % 1_000 {
        0..=9 => "refused",
        10 => "parked",
        11..=13 => "queued",
        _ => "accepted",
    }
}

fn name_of(number: u64) -> String {
    format!("{}.PS.{:08}.{:07}", ente_of(number.div_ceil(8)), 20_250_101 + number / 7_200, number % 7_200)
}

/// What the questions are about: other values each time.
struct Picks {
    count: u64,
}

impl Picks {
    /// Spread over the whole, never in order.
    fn number(&self, question: u64) -> u64 {
        question.wrapping_mul(7_919).wrapping_mul(104_729) % self.count + 1
    }

    fn at(&self, question: u64) -> i64 {
        START + i64::try_from(self.number(question)).unwrap_or(0) * STEP
    }
}

type Question = fn(&Picks, u64) -> SearchFilter;

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn none() -> SearchFilter {
    SearchFilter::default()
}

fn ente(question: u64) -> Option<String> {
    Some(format!("E{:03}", question % ENTI))
}

fn route(question: u64) -> Option<String> {
    Some(format!("r{}", question % 4))
}

/// By what one thing is called.
const BY_NAME: [(&str, Question); 6] = [
    ("nothing: the newest", |_, _| none()),
    ("container", |p, q| SearchFilter { submission: Some(name_of(p.number(q))), ..none() }),
    ("beginning of a container's name", |p, q| {
        let name = name_of(p.number(q));
        SearchFilter { submission: Some(format!("{}*", &name[..name.len() - 4])), ..none() }
    }),
    ("person (keyed hash)", |p, q| SearchFilter { person: Some(hash(p.number(q).div_ceil(8))), ..none() }),
    ("folder", |p, q| SearchFilter { folder: Some(format!("F-{}", p.number(q).div_ceil(8))), ..none() }),
    ("record", |p, q| SearchFilter { record: Some(key_of(p.number(q).div_ceil(2))), ..none() }),
];

/// By how things stand, where, and when.
const BY_STATE: [(&str, Question); 12] = [
    ("state accepted", |_, _| SearchFilter { state: some("accepted"), ..none() }),
    ("state refused", |_, _| SearchFilter { state: some("refused"), ..none() }),
    ("state parked", |_, _| SearchFilter { state: some("parked"), ..none() }),
    ("state queued on a route", |_, q| SearchFilter { state: some("queued"), route: route(q), ..none() }),
    ("a frequent rule", |_, _| SearchFilter { rule: some("frequent"), ..none() }),
    ("a rare rule", |_, q| SearchFilter { rule: Some(format!("rare-{}", q % 500)), ..none() }),
    ("the recipient's code", |_, q| SearchFilter { code: Some(format!("R{:03}", q % 97)), ..none() }),
    ("route", |_, q| SearchFilter { route: route(q), ..none() }),
    ("ente", |_, q| SearchFilter { ente: ente(q), ..none() }),
    ("an ente of few", |_, _| SearchFilter { ente: some("SMALL"), ..none() }),
    ("one day", |p, q| SearchFilter { from: Some(p.at(q)), to: Some(p.at(q) + 86_400_000), ..none() }),
    ("ente, state and one month", |p, q| SearchFilter {
        ente: ente(q),
        state: some("refused"),
        from: Some(p.at(q)),
        to: Some(p.at(q) + 30 * 86_400_000),
        ..none()
    }),
];

/// A kind of question, where its page begins, and the scope.
struct Kind {
    name: &'static str,
    filter: Question,
    after: Option<i64>,
    scope: Option<Vec<(String, String)>>,
}

fn kinds(count: u64) -> Vec<Kind> {
    let kind = |(name, filter): (&'static str, Question)| Kind { name, filter, after: None, scope: None };
    let mut kinds: Vec<Kind> = BY_NAME.into_iter().chain(BY_STATE).map(kind).collect();
    let middle = i64::try_from(count / 2).ok();
    kinds.push(Kind { after: middle, ..kind(("nothing: a page in the middle", |_, _| none())) });
    let scope = Some(vec![("SMALL".to_owned(), "siuss".to_owned())]);
    kinds.push(Kind { scope, ..kind(("nothing, seeing one ente in a thousand", |_, _| none())) });
    kinds
}

fn ask(books: &Books, picks: &Picks, kind: &Kind) -> Result<Value> {
    let mut took = Vec::new();
    let mut hits = 0;
    for question in 0..QUESTIONS {
        let filter = (kind.filter)(picks, question);
        let begun = Instant::now();
        let found = books.search(kind.scope.as_deref(), &filter, kind.after, PAGE)?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
        hits += found.hits.len();
    }
    let first = took[0];
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    ensure!(hits > 0 || kind.scope.is_some(), "{} found nothing", kind.name);
    let a_page = hits as u64 / QUESTIONS;
    Ok(json!({ "kind": kind.name, "p50": at(0.5), "p99": at(0.99), "first": first, "hits": a_page }))
}

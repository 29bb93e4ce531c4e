//! What a storm says of itself: on the way, at the end, and as a row of a table.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::Duration;

use super::Choice;
use super::fates::Tally;
use super::weather::Gust;
use super::world::World;

/// One line on the way.
pub fn tell(choice: &Choice, world: &World, tally: &Tally, since: Duration) {
    let gusts = world.weather.counts();
    let of = |which: fn(Gust) -> bool| -> u64 {
        gusts.iter().filter(|(gust, _)| which(**gust)).map(|(_, count)| count).sum()
    };
    println!(
        "seed {}: {:.0} s, {} kills, {} broker restarts, {} database restarts, {} changes, {} transactions",
        choice.seed,
        since.as_secs_f64(),
        tally.kills(),
        of(Gust::restarts_broker),
        of(Gust::restarts_database),
        world.offered.oracle.acknowledged + world.pushed.products.acknowledged,
        world.pushed.server.book().commits(),
    );
}

/// Everything that happened, by kind.
pub fn report(choice: &Choice, world: &World, tally: &Tally, lasted: Duration) {
    tell(choice, world, tally, lasted);
    for (cause, count) in &tally.deaths {
        println!("  {count:5} {cause}");
    }
    for (gust, count) in world.weather.counts() {
        println!("  {count:5} {}", gust.words());
    }
    for (line, proxy) in &world.weather.services.lines {
        println!("  {:5} connections to the {}", proxy.carried(), format!("{line:?}").to_lowercase());
    }
    println!(
        "{} deaths before the gateway served; {} copies of the ledger with a cut log; SIGTERM drained in at most {:.1} s",
        tally.stillborn,
        tally.cuts,
        tally.drained.as_secs_f64()
    );
    println!(
        "{} times everything was up: a new change was settled after at most {:.1} s",
        tally.calms,
        tally.settled.as_secs_f64()
    );
}

/// A row for the table of runs.
pub fn row(choice: &Choice, world: &World, tally: &Tally, lasted: Duration, wrong: usize) {
    let Ok(path) = std::env::var("RACCORDO_STORM_RESULTS") else { return };
    let gusts = world.weather.counts();
    let of = |which: fn(Gust) -> bool| -> u64 {
        gusts.iter().filter(|(gust, _)| which(**gust)).map(|(_, count)| count).sum()
    };
    let others = |gust: Gust| !gust.restarts_broker() && !gust.restarts_database();
    let points: u64 =
        tally.deaths.iter().filter(|(cause, _)| cause.starts_with("death at")).map(|(_, count)| count).sum();
    let row = format!(
        "| {} | {} × {} | {:.1} | {} | {points} | {} | {} | {} | {} | {} | {} | {wrong} |\n",
        choice.seed,
        if choice.postgres { "PostgreSQL" } else { "SQLite" },
        if choice.rabbitmq { "RabbitMQ" } else { "embedded" },
        lasted.as_secs_f64() / 60.0,
        tally.kills(),
        of(Gust::restarts_broker),
        of(Gust::restarts_database),
        of(others),
        world.offered.oracle.acknowledged + world.pushed.products.acknowledged,
        world.offered.inps.iter().map(|inps| inps.book().acquired().count()).sum::<usize>(),
        world.pushed.server.book().commits(),
    );
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(row.as_bytes()).unwrap();
}

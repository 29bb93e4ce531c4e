//! Persons asked about again by themselves: within the budget, spread over the day, with consent.

use raccordo::node;

use super::{Scripted, Stage, folder};

/// Folders: every third does not consent.
fn filled(stage: &Stage, count: usize) {
    for number in 1..=count {
        stage.save(&folder(&format!("F-{number:02}"), number % 3 != 0));
    }
}

fn asked_until(stage: &Stage, register: &Scripted, time: &str) -> usize {
    stage.clock.set(time);
    node::tick(&stage.gateway).unwrap();
    while stage.ask(register) {}
    register.questions()
}

#[test]
fn the_schedule_keeps_to_its_budget_and_to_those_who_consent() {
    let stage = Stage::open("refresh_days = 7, daily_budget = 10");
    filled(&stage, 18);
    let register = Scripted::default();
    // Rome is an hour ahead: its day begins at 23:00.
    assert_eq!(asked_until(&stage, &register, "2026-03-02T23:00:00Z"), 0);
    assert_eq!(asked_until(&stage, &register, "2026-03-03T05:00:00Z"), 2);
    assert_eq!(asked_until(&stage, &register, "2026-03-03T05:00:30Z"), 2, "no more before its time");
    assert_eq!(asked_until(&stage, &register, "2026-03-03T22:59:00Z"), 7, "a fifth is people's");
    assert_eq!(asked_until(&stage, &register, "2026-03-04T22:59:00Z"), 12, "all twelve who consent, once");
    assert_eq!(asked_until(&stage, &register, "2026-03-05T22:59:00Z"), 12);
    assert_eq!(asked_until(&stage, &register, "2026-03-11T12:00:00Z"), 16, "a week later they are due again");
}

#[test]
fn a_spent_budget_waits_for_midnight_and_people_go_first() {
    let stage = Stage::open("refresh_days = 0, daily_budget = 2");
    filled(&stage, 5);
    let register = Scripted::default();
    let ids: Vec<i64> = ["F-01", "F-02", "F-04"].iter().map(|id| stage.start(id)).collect();
    while stage.ask(&register) {}
    assert_eq!(register.questions(), 2);
    let row = stage.inquiry(ids[2]);
    assert_eq!((row.state.as_str(), row.code.as_deref()), ("retrying", Some("daily-budget")));
    let midnight: jiff::Timestamp = "2026-03-02T23:00:00Z".parse().unwrap();
    assert_eq!(row.due, midnight.as_millisecond());
    stage.clock.set("2026-03-02T23:00:00Z");
    assert!(stage.ask(&register));
    assert_eq!(stage.inquiry(ids[2]).state, "answered");
    assert_eq!(asked_until(&stage, &register, "2027-01-02T12:00:00Z"), 3, "no schedule, nobody asked again");
}

#[test]
fn the_schedule_goes_on_after_a_death_where_it_was() {
    let stage = Stage::open("refresh_days = 7, daily_budget = 100");
    filled(&stage, 9);
    stage.clock.set("2026-03-03T12:00:00Z");
    node::tick(&stage.gateway).unwrap();
    let stage = stage.reopened();
    node::tick(&stage.gateway).unwrap();
    let register = Scripted::default();
    while stage.ask(&register) {}
    assert_eq!(register.questions(), 6, "each once");
}

#[test]
fn answers_are_kept_for_their_time_and_the_newest_only() {
    let stage = Stage::open("refresh_days = 0, keep_answers_days = 10");
    filled(&stage, 1);
    let register = Scripted::default();
    let first = stage.start("F-01");
    assert!(stage.ask(&register));
    stage.gateway.open_answer(first).unwrap();
    let second = stage.start("F-01");
    assert!(stage.ask(&register));
    assert!(stage.gateway.open_answer(first).is_err(), "a newer one is kept");
    stage.gateway.open_answer(second).unwrap();
    stage.clock.set("2026-03-13T11:00:00Z");
    node::tick(&stage.gateway).unwrap();
    assert!(stage.gateway.open_answer(second).is_err(), "its time is over");
    assert_eq!(stage.inquiry(second).state, "answered", "that it was asked stays known");
}

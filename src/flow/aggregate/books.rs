//! The reconciliation: every count of the indicators against the folders and records of the ledger.
//!
//! Exact, for the ente's own eyes: what is published of it passes through `protect`.

use super::AggregateFlow;
use crate::folder::finding::Text;
use crate::mapping::aggregate::plan::{Measure, Population};
use crate::mapping::aggregate::{Counter, Tally};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// All lines; each adds up, or the indicators are not given out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    pub lines: Vec<BookLine>,
}

/// A total that was counted by itself, and what it must be the sum of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookLine {
    pub id: String,
    pub title: Text,
    pub unit: Text,
    pub total: Entry,
    pub terms: Vec<Term>,
}

/// One term of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub id: String,
    pub title: Text,
    pub entry: Entry,
}

/// A count, the persons behind it, and which number of the publication it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub count: u64,
    pub people: u64,
    pub same: Same,
}

/// Entries that are one number, wherever they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Same {
    /// None other.
    Own,
    Population(usize),
    /// A part of a list.
    Part(usize, usize),
    /// What is left out of a list, or of the folders.
    LeftOut(usize),
    LeftOutFolders,
    /// A cell of an indicator.
    Cell(usize, usize),
}

/// How the items in the period stand at one register: the list, and items by state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegisterTally {
    pub register: String,
    pub list: usize,
    pub states: BTreeMap<&'static str, Counter>,
}

/// The states of an item at a register, the worst first, with their titles.
pub const STATES: [(&str, &str, &str); 6] = [
    ("withheld", "Trattenuti da rilievi", "Withheld by findings"),
    ("refused", "Rifiutati", "Refused"),
    ("under_way", "Trasmessi o in coda, senza esito", "Sent or queued, without outcome"),
    ("to_send", "Da trasmettere", "To be sent"),
    ("acknowledged", "Trasmessi e riconosciuti", "Sent and acknowledged"),
    ("not_carried", "Non previsti da questo registro", "Not carried by this register"),
];

impl Entry {
    fn of(counter: Counter, same: Same) -> Self {
        Self { count: counter.items, people: counter.people.count, same }
    }

    const fn folders(count: u64, same: Same) -> Self {
        Self { count, people: count, same }
    }
}

impl BookLine {
    /// Whether the terms are the total.
    pub fn closes(&self) -> bool {
        self.terms.iter().map(|term| term.entry.count).sum::<u64>() == self.total.count
    }
}

impl Books {
    /// The lines of a tally. `stored` is the ledger's own count of folders, `unreadable` those that
    /// could not be opened.
    pub fn of(
        flow: &AggregateFlow,
        tally: &Tally,
        stored: u64,
        unreadable: u64,
        registers: &[RegisterTally],
    ) -> Self {
        let mut books = Self::default();
        books.folders(tally, stored, unreadable);
        for list in 0..flow.plan.lists.len() {
            books.list(flow, tally, list);
            for register in registers.iter().filter(|register| register.list == list) {
                books.register(flow, tally, register);
            }
        }
        for indicator in 0..flow.plan.indicators.len() {
            books.groups(flow, tally, indicator);
        }
        books
    }

    /// Whether every line adds up.
    pub fn close(&self) -> bool {
        self.lines.iter().all(BookLine::closes)
    }

    fn line(&mut self, id: String, title: Text, unit: Text, total: Entry, terms: Vec<Term>) {
        self.lines.push(BookLine { id, title, unit, total, terms });
    }

    fn folders(&mut self, tally: &Tally, stored: u64, unreadable: u64) {
        let left_out = tally.left_out_folders();
        let terms = vec![
            term("counted", ("Contate", "Counted"), Entry::folders(tally.counted, Same::Own)),
            term(
                "nothing",
                ("Senza nulla nel periodo", "With nothing in the period"),
                Entry::folders(tally.nothing, Same::Own),
            ),
            term(
                "left_out",
                ("Escluse da rilievi", "Left out by findings"),
                Entry::folders(left_out, Same::LeftOutFolders),
            ),
            term("unreadable", ("Illeggibili", "Unreadable"), Entry::folders(unreadable, Same::Own)),
        ];
        let total = Entry::folders(stored, Same::Own);
        self.line(
            "folders".into(),
            Text::new("Cartelle registrate", "Stored folders"),
            folders(),
            total,
            terms,
        );
        if !tally.left_out.is_empty() {
            let terms = tally.left_out.iter();
            let terms =
                terms.map(|(rule, count)| rule_term(rule, Entry::folders(*count, Same::Own))).collect();
            let title =
                Text::new("Cartelle escluse, per primo rilievo", "Folders left out, by first finding");
            let total = Entry::folders(left_out, Same::LeftOutFolders);
            self.line("folders.left_out".into(), title, folders(), total, terms);
        }
    }

    fn list(&mut self, flow: &AggregateFlow, tally: &Tally, number: usize) {
        let (list, counted) = (&flow.plan.lists[number], &tally.lists[number]);
        let parts = list.parts.iter().zip(&counted.parts).enumerate();
        let mut terms: Vec<Term> = parts
            .map(|(part, (plan, counter))| Term {
                id: plan.name.clone(),
                title: plan.title.clone(),
                entry: Entry::of(*counter, Same::Part(number, part)),
            })
            .collect();
        let mut left_out = Counter::default();
        counted.left_out.values().for_each(|counter| left_out.merge(*counter));
        let entry = Entry::of(left_out, Same::LeftOut(number));
        terms.push(term("left_out", ("Esclusi da rilievi", "Left out by findings"), entry));
        let all = Entry::of(counted.all, Same::Own);
        self.line(list.name.clone(), list.title.clone(), list.title.clone(), all, terms);
        if !counted.left_out.is_empty() {
            let terms = counted.left_out.iter();
            let terms =
                terms.map(|(rule, counter)| rule_term(rule, Entry::of(*counter, Same::Own))).collect();
            let title = titled(&list.title, " esclusi, per primo rilievo", " left out, by first finding");
            self.line(format!("{}.left_out", list.name), title, list.title.clone(), entry, terms);
        }
        for (population, plan) in flow.plan.populations.iter().enumerate() {
            if plan.list == number && plan.parts.len() > 1 {
                self.population(flow, tally, population, plan);
            }
        }
    }

    /// A population of several parts.
    fn population(&mut self, flow: &AggregateFlow, tally: &Tally, number: usize, plan: &Population) {
        let list = &flow.plan.lists[plan.list];
        let named = |part: &usize| &list.parts[*part];
        let terms = plan.parts.iter().map(|part| Term {
            id: named(part).name.clone(),
            title: named(part).title.clone(),
            entry: Entry::of(tally.lists[plan.list].parts[*part], Same::Part(plan.list, *part)),
        });
        let terms = terms.collect();
        let id: Vec<&str> = plan.parts.iter().map(|part| named(part).name.as_str()).collect();
        let is_period = flow.plan.in_period(plan.list) == Some(number);
        let title = match is_period {
            true => titled(&list.title, " nel periodo", " in the period"),
            false => titled(&list.title, " contati insieme", " counted together"),
        };
        let total = Entry::of(tally.populations[number], Same::Population(number));
        self.line(format!("{}.{}", list.name, id.join("+")), title, list.title.clone(), total, terms);
    }

    fn register(&mut self, flow: &AggregateFlow, tally: &Tally, register: &RegisterTally) {
        let Some(population) = flow.plan.in_period(register.list) else { return };
        let list = &flow.plan.lists[register.list];
        let terms = STATES.iter().map(|(id, it, en)| {
            let counter = register.states.get(id).copied().unwrap_or_default();
            term(id, (it, en), Entry::of(counter, Same::Own))
        });
        let name = &register.register;
        let title = titled(
            &list.title,
            &format!(" nel periodo, al registro {name}"),
            &format!(" in the period, at the register {name}"),
        );
        let total = Entry::of(tally.populations[population], Same::Population(population));
        self.line(format!("{}@{name}", list.name), title, list.title.clone(), total, terms.collect());
    }

    /// What an indicator counts, over the groups of its first dimension; or what it could measure.
    fn groups(&mut self, flow: &AggregateFlow, tally: &Tally, number: usize) {
        let (indicator, table) = (&flow.plan.indicators[number], &tally.tables[number]);
        let population = indicator.population;
        let total = Entry::of(tally.populations[population], Same::Population(population));
        let unit = flow.plan.lists[flow.plan.populations[population].list].title.clone();
        let terms = match (&indicator.measure, indicator.by.first()) {
            (Measure::Sum(_) | Measure::Days { .. }, _) => vec![
                term("used", ("Usati", "Used"), Entry::of(table.used, Same::Own)),
                term(
                    "without",
                    ("Senza i dati che servono", "Without the data needed"),
                    Entry::of(table.without, Same::Own),
                ),
                term(
                    "contradictory",
                    ("Con dati che si contraddicono", "With data that contradict each other"),
                    Entry::of(table.contradictory, Same::Own),
                ),
            ],
            (Measure::Count, Some(dimension)) => {
                let dimension = &flow.plan.dimensions[*dimension];
                let mut place: Vec<usize> = table.sizes().to_vec();
                let groups = dimension.groups.iter().enumerate();
                groups
                    .map(|(at, group)| {
                        place[0] = at;
                        let cell = table.index(&place);
                        let entry = Entry::of(table.cell(cell).all, Same::Cell(number, cell));
                        Term { id: group.id.clone(), title: group.title.clone(), entry }
                    })
                    .collect()
            }
            _ => return,
        };
        self.line(format!("indicator.{}", indicator.id), indicator.title.clone(), unit, total, terms);
    }

    /// Exact: for the ente, never for publication.
    pub fn json(&self) -> Value {
        let lines = self.lines.iter().map(|line| {
            let terms = line
                .terms
                .iter()
                .map(|term| json!({ "id": term.id, "title": term.title, "count": term.entry.count }));
            json!({
                "id": line.id, "title": line.title, "unit": line.unit, "total": line.total.count,
                "terms": terms.collect::<Vec<_>>(), "closes": line.closes(),
            })
        });
        Value::Array(lines.collect())
    }
}

fn folders() -> Text {
    Text::new("Cartelle", "Folders")
}

fn term(id: &str, (it, en): (&str, &str), entry: Entry) -> Term {
    Term { id: id.to_owned(), title: Text::new(it, en), entry }
}

fn rule_term(rule: &str, entry: Entry) -> Term {
    Term { id: rule.to_owned(), title: Text::new(rule, rule), entry }
}

fn titled(title: &Text, it: &str, en: &str) -> Text {
    Text::new(format!("{}{it}", title.it), format!("{}{en}", title.en))
}

//! What is given out: indicators and reconciliation, with every small number suppressed.

use super::AggregateFlow;
use super::books::{BookLine, Books, Entry, RegisterTally, Same};
use super::protect::System;
use crate::folder::money;
use crate::mapping::aggregate::compile::TOTAL;
use crate::mapping::aggregate::plan::{Group, Indicator, Measure, Population};
use crate::mapping::aggregate::{Cell, Histogram, Span, Table, Tally};
use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Of whom, of when, and how small a cell may be.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// Code and name of the ente.
    pub ente: (&'a str, &'a str),
    /// As written: `2025`, `2025-T3`, `2025-07`.
    pub period: String,
    pub span: Span,
    /// The day on which it was counted.
    pub date: Date,
    /// The fewest persons of a published cell.
    pub threshold: u64,
}

/// What came of a count.
#[derive(Debug)]
pub struct Report {
    /// For publication: follows the flow's schema.
    pub document: Value,
    /// Exact: for the ente only.
    pub books: Books,
}

/// A count over all folders of an ente.
pub struct Counted<'a> {
    pub tally: &'a Tally,
    /// The ledger's own count of folders, and those that could not be opened.
    pub stored: u64,
    pub unreadable: u64,
    pub registers: &'a [RegisterTally],
}

impl AggregateFlow {
    /// Puts a count together for publication, and its exact books.
    pub fn report(&self, about: &About<'_>, counted: &Counted<'_>) -> Report {
        let Counted { tally, stored, unreadable, registers } = *counted;
        let books = Books::of(self, tally, stored, unreadable, registers);
        let mut work =
            Work { flow: self, tally, system: System::new(about.threshold), same: BTreeMap::new() };
        let measured = work.numbers();
        let lines = work.lines(&books);
        work.system.protect();
        let indicators: Vec<Value> =
            (0..self.plan.indicators.len()).map(|number| work.indicator(number, &measured[number])).collect();
        let lines: Vec<Value> =
            books.lines.iter().zip(&lines).map(|(line, numbers)| work.line(line, numbers)).collect();
        let flow = &self.plan.flow;
        let span = &about.span;
        let document = json!({
            "flow": self.family(), "version": self.version(), "title": flow.title, "purpose": flow.purpose,
            "legal_basis": flow.legal_basis,
            "ente": { "code": about.ente.0, "name": about.ente.1 },
            "period": {
                "name": about.period, "from": span.from.to_string(), "to": span.to.to_string(),
                "reference": span.reference.to_string(),
            },
            "date": about.date.to_string(),
            "threshold": about.threshold,
            "unverified": self.unverified(),
            "indicators": indicators,
            "reconciliation": lines,
        });
        Report { document, books }
    }
}

/// A publication under construction.
struct Work<'w> {
    flow: &'w AggregateFlow,
    tally: &'w Tally,
    system: System,
    same: BTreeMap<Same, usize>,
}

impl Work<'_> {
    /// One number per population, part and cell; returns those of each indicator's cells.
    fn numbers(&mut self) -> Vec<Vec<usize>> {
        let (plan, tally) = (&self.flow.plan, self.tally);
        for (number, counter) in tally.populations.iter().enumerate() {
            let made = self.system.number(counter.people.count);
            self.same.insert(Same::Population(number), made);
        }
        for (list, counted) in tally.lists.iter().enumerate() {
            for (part, counter) in counted.parts.iter().enumerate() {
                let alone = plan.population(&Population { list, parts: vec![part] });
                let made = match alone {
                    Some(population) => self.same[&Same::Population(population)],
                    None => self.system.number(counter.people.count),
                };
                self.same.insert(Same::Part(list, part), made);
            }
        }
        let mut measured: Vec<Vec<usize>> = vec![Vec::new(); plan.indicators.len()];
        for (number, indicator) in plan.indicators.iter().enumerate().filter(|(_, one)| one.counts()) {
            let twin = |other: &Indicator| {
                other.counts() && other.population == indicator.population && other.by == indicator.by
            };
            measured[number] = match plan.indicators[..number].iter().position(twin) {
                Some(twin) => measured[twin].clone(),
                None => self.counts(indicator, &tally.tables[number]),
            };
            for (cell, made) in measured[number].iter().enumerate() {
                self.same.insert(Same::Cell(number, cell), *made);
            }
        }
        for (number, indicator) in plan.indicators.iter().enumerate().filter(|(_, one)| !one.counts()) {
            let base = plan.indicators.iter().position(|other| is_base(other, indicator));
            let base = base.map(|base| (base, measured[base].as_slice()));
            let made = self.values(indicator, &tally.tables[number], base);
            measured[number] = made;
        }
        measured
    }

    /// The cells of a count; their total is the population.
    fn counts(&mut self, indicator: &Indicator, table: &Table) -> Vec<usize> {
        let total = self.same[&Same::Population(indicator.population)];
        let last = table.len() - 1;
        let made: Vec<usize> = (0..table.len())
            .map(|cell| match cell == last {
                true => total,
                false => self.system.number(table.cell(cell).all.people.count),
            })
            .collect();
        self.sums(table, &made);
        made
    }

    /// The cells of a sum or of days: never told where the persons themselves are not.
    fn values(
        &mut self,
        indicator: &Indicator,
        table: &Table,
        base: Option<(usize, &[usize])>,
    ) -> Vec<usize> {
        let made: Vec<usize> =
            (0..table.len()).map(|cell| self.system.number(table.cell(cell).used.count)).collect();
        self.sums(table, &made);
        let Some((base, numbers)) = base else { return made };
        let (base, counts) = (&self.flow.plan.indicators[base], &self.tally.tables[base]);
        for cell in (0..table.len()).filter(|cell| table.cell(*cell).used.count > 0) {
            let own = table.place(cell);
            let of_base = base.by.iter().zip(counts.sizes()).map(|(dimension, size)| {
                let axis = indicator.by.iter().position(|by| by == dimension);
                axis.map_or(*size, |axis| own[axis])
            });
            let of_base: Vec<usize> = of_base.collect();
            self.system.imply(numbers[counts.index(&of_base)], made[cell]);
        }
        made
    }

    fn sums(&mut self, table: &Table, numbers: &[usize]) {
        for (total, terms) in table.sums() {
            self.system.sum(numbers[total], terms.into_iter().map(|term| numbers[term]).collect());
        }
    }

    /// The reconciliation's numbers and equations: the total's, then the terms'.
    fn lines(&mut self, books: &Books) -> Vec<(usize, Vec<usize>)> {
        let mut lines = Vec::new();
        for line in &books.lines {
            let total = self.entry(&line.total);
            let terms: Vec<usize> = line.terms.iter().map(|term| self.entry(&term.entry)).collect();
            self.system.sum(total, terms.clone());
            lines.push((total, terms));
        }
        lines
    }

    fn entry(&mut self, entry: &Entry) -> usize {
        if let Some(known) = self.same.get(&entry.same) {
            return *known;
        }
        let made = self.system.number(entry.people);
        if entry.same != Same::Own {
            self.same.insert(entry.same, made);
        }
        made
    }

    fn line(&self, line: &BookLine, (total, terms): &(usize, Vec<usize>)) -> Value {
        let terms = line.terms.iter().zip(terms).map(|(term, number)| {
            let shown = self.shown(*number, term.entry.people, json!(term.entry.count));
            with(json!({ "id": term.id, "title": term.title }), shown)
        });
        let terms: Vec<Value> = terms.collect();
        let total = self.shown(*total, line.total.people, json!(line.total.count));
        json!({
            "id": line.id, "title": line.title, "unit": line.unit, "total": total, "terms": terms,
            "closes": line.closes(),
        })
    }

    /// A number as it is published.
    fn shown(&self, number: usize, people: u64, value: Value) -> Value {
        match (self.system.is_suppressed(number), people) {
            (true, _) => json!({ "state": "suppressed" }),
            (false, 0) => json!({ "state": "zero", "value": value }),
            (false, _) => json!({ "state": "value", "value": value }),
        }
    }

    fn indicator(&self, number: usize, numbers: &[usize]) -> Value {
        let (plan, table) = (&self.flow.plan, &self.tally.tables[number]);
        let indicator = &plan.indicators[number];
        let dimension = |by: &usize| {
            let dimension = &plan.dimensions[*by];
            json!({ "name": dimension.name, "title": dimension.title, "groups": titles(&dimension.groups) })
        };
        let cells: Vec<Value> =
            (0..table.len()).map(|cell| self.cell(indicator, table, numbers, cell)).collect();
        let mut made = json!({
            "id": indicator.id, "title": indicator.title, "measure": measure_word(&indicator.measure),
            "unit": indicator.unit, "source": indicator.source,
            "by": indicator.by.iter().map(dimension).collect::<Vec<_>>(),
        });
        if !indicator.shares().is_empty() {
            made["shares"] = titles(indicator.shares());
        }
        made["cells"] = Value::Array(cells);
        made
    }

    fn cell(&self, indicator: &Indicator, table: &Table, numbers: &[usize], number: usize) -> Value {
        let (place, cell) = (table.place(number), table.cell(number));
        let id = |groups: &[Group], at: usize| {
            groups.get(at).map_or_else(|| TOTAL.to_owned(), |group| group.id.clone())
        };
        let by = indicator.by.iter().zip(&place).map(|(by, at)| {
            let dimension = &self.flow.plan.dimensions[*by];
            (dimension.name.clone(), Value::String(id(&dimension.groups, *at)))
        });
        let mut made = json!({ "group": by.collect::<Map<_, _>>() });
        if !indicator.shares().is_empty() {
            made["share"] = Value::String(id(indicator.shares(), place.last().copied().unwrap_or_default()));
        }
        with(made, self.measured(indicator, table, numbers, number, cell))
    }

    fn measured(
        &self,
        indicator: &Indicator,
        table: &Table,
        numbers: &[usize],
        number: usize,
        cell: &Cell,
    ) -> Value {
        let shown = |people, value| self.shown(numbers[number], people, value);
        match &indicator.measure {
            Measure::Count => shown(cell.all.people.count, json!(cell.all.items)),
            Measure::Persons => shown(cell.all.people.count, json!(cell.all.people.count)),
            Measure::Days { .. } => match (self.system.is_suppressed(numbers[number]), cell.used.count) {
                (false, 0) => json!({ "state": "none" }),
                (true, _) => json!({ "state": "suppressed" }),
                (false, _) => with(json!({ "state": "value" }), days(&cell.days)),
            },
            Measure::Sum(_) => {
                let mut made = shown(cell.used.count, json!(money::text(cell.sum)));
                let percent = self.percent(indicator, table, numbers, number);
                if let Some(percent) = percent.filter(|_| made["state"] != "suppressed") {
                    made["percent"] = Value::String(percent);
                }
                made
            }
        }
    }

    /// A share's part of the whole, where both are told.
    fn percent(
        &self,
        indicator: &Indicator,
        table: &Table,
        numbers: &[usize],
        number: usize,
    ) -> Option<String> {
        let mut place = table.place(number);
        let shares = indicator.shares().len();
        let last = place.last_mut().filter(|at| shares > 0 && **at < shares)?;
        *last = shares;
        let whole = table.index(&place);
        if self.system.is_suppressed(numbers[whole]) {
            return None;
        }
        let percent = (table.cell(number).sum * Decimal::ONE_HUNDRED).checked_div(table.cell(whole).sum)?;
        Some(format!("{:.1}", percent.round_dp_with_strategy(1, RoundingStrategy::MidpointAwayFromZero)))
    }
}

/// Whether an indicator counts the persons over whom another one measures, at least as finely.
fn is_base(base: &Indicator, of: &Indicator) -> bool {
    base.counts() && base.population == of.population && of.by.iter().all(|by| base.by.contains(by))
}

const fn measure_word(measure: &Measure) -> &'static str {
    match measure {
        Measure::Count => "count",
        Measure::Persons => "persons",
        Measure::Sum(_) => "sum",
        Measure::Days { .. } => "days",
    }
}

fn days(days: &Histogram) -> Value {
    let text = |value: Option<Decimal>| value.map(|value| value.normalize().to_string());
    json!({
        "mean": text(days.mean()), "first_quartile": text(days.quartile(1)), "median": text(days.quartile(2)),
        "third_quartile": text(days.quartile(3)),
    })
}

fn titles(groups: &[Group]) -> Value {
    groups.iter().map(|group| json!({ "id": group.id, "title": group.title })).collect()
}

/// One object with the members of both.
fn with(mut first: Value, second: Value) -> Value {
    if let (Value::Object(first), Value::Object(second)) = (&mut first, second) {
        first.extend(second);
    }
    first
}

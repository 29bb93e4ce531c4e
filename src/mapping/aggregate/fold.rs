//! One folder after the other into cells. Two tallies over different folders can be added.

use super::amount::{self, Amount};
use super::plan::{Indicator, Measure, Plan};
use super::table::{Counter, Table};
use crate::folder::checks;
use crate::folder::finding::{Finding, Severity};
use crate::mapping::path::{Scope, Slot};
use crate::mapping::value::Value;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The days that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First and last day of the period.
    pub from: Date,
    pub to: Date,
    /// The last day, or today if that is still to come.
    pub reference: Date,
}

/// What was counted so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Folders that were folded in.
    pub folders: u64,
    /// Folders with something in a population, without, and left out.
    pub counted: u64,
    pub nothing: u64,
    /// Left out by their first finding, by its rule.
    pub left_out: BTreeMap<String, u64>,
    pub lists: Vec<ListTally>,
    /// In the order of the plan's populations and indicators.
    pub populations: Vec<Counter>,
    pub tables: Vec<Table>,
}

/// One list of the folders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListTally {
    /// All items, whatever became of them.
    pub all: Counter,
    pub parts: Vec<Counter>,
    /// Left out by their first finding, by its rule.
    pub left_out: BTreeMap<String, Counter>,
}

/// What became of one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    pub outcome: Outcome,
    /// Items in the period whose list has ids: the list, and the item's id.
    pub items: Vec<(usize, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Counted,
    /// Nothing of it is in any population.
    Nothing,
    LeftOut,
}

impl Span {
    /// A period as seen on a day.
    pub fn of(from: Date, to: Date, today: Date) -> Self {
        Self { from, to, reference: to.min(today) }
    }
}

impl Tally {
    /// Nothing counted yet.
    pub fn new(plan: &Plan) -> Self {
        let list = |parts| ListTally { parts: vec![Counter::default(); parts], ..ListTally::default() };
        Self {
            folders: 0,
            counted: 0,
            nothing: 0,
            left_out: BTreeMap::new(),
            lists: plan.lists.iter().map(|known| list(known.parts.len())).collect(),
            populations: vec![Counter::default(); plan.populations.len()],
            tables: plan.indicators.iter().map(|indicator| Table::new(plan.sizes(indicator))).collect(),
        }
    }

    /// Adds what was counted over other folders.
    pub fn merge(&mut self, other: &Self) {
        self.folders += other.folders;
        self.counted += other.counted;
        self.nothing += other.nothing;
        add(&mut self.left_out, &other.left_out, |mine, more| *mine += more);
        for (list, more) in self.lists.iter_mut().zip(&other.lists) {
            list.all.merge(more.all);
            list.parts.iter_mut().zip(&more.parts).for_each(|(part, more)| part.merge(*more));
            add(&mut list.left_out, &more.left_out, |mine, more| mine.merge(*more));
        }
        self.populations.iter_mut().zip(&other.populations).for_each(|(one, more)| one.merge(*more));
        self.tables.iter_mut().zip(&other.tables).for_each(|(table, more)| table.merge(more));
    }

    /// Folders left out by findings.
    pub fn left_out_folders(&self) -> u64 {
        self.left_out.values().sum()
    }

    /// Folds one folder in.
    pub fn fold(&mut self, plan: &Plan, body: &Json, span: &Span) -> Folded {
        self.folders += 1;
        let withheld: Vec<Finding> = checks::check(body)
            .into_iter()
            .filter(|finding| finding.severity == Severity::Withhold)
            .collect();
        if let Some(finding) = withheld.iter().find(|finding| finding.folder_path.starts_with("/persona")) {
            *self.left_out.entry(finding.rule.clone()).or_default() += 1;
            return Folded { outcome: Outcome::LeftOut, items: Vec::new() };
        }
        let mut scope = plan.names.scope(body);
        let days = [span.from, span.to, span.reference].map(Value::Date);
        scope.slots[plan.period] = Slot::Made(days.into());
        let (mut items, mut counted) = (Vec::new(), false);
        for list in 0..plan.lists.len() {
            counted |= self.list(plan, list, &withheld, span, &mut scope, &mut items);
        }
        let outcome = if counted { Outcome::Counted } else { Outcome::Nothing };
        *(if counted { &mut self.counted } else { &mut self.nothing }) += 1;
        Folded { outcome, items }
    }

    /// All items of one list; whether any of them is counted.
    fn list<'a>(
        &mut self,
        plan: &Plan,
        number: usize,
        withheld: &[Finding],
        span: &Span,
        scope: &mut Scope<'a>,
        found: &mut Vec<(usize, String)>,
    ) -> bool {
        let list = &plan.lists[number];
        let Some(Json::Array(items)) = scope.json(&list.list) else { return false };
        let mut counted = false;
        for (index, item) in items.iter().enumerate() {
            self.lists[number].all.add(self.folders);
            let place = format!("/{}/{index}/", list.each);
            if let Some(finding) = withheld.iter().find(|finding| finding.folder_path.starts_with(&place)) {
                let left_out = &mut self.lists[number].left_out;
                left_out.entry(finding.rule.clone()).or_default().add(self.folders);
                continue;
            }
            scope.slots[list.slot] = Slot::Json(item, index);
            plan.fill(scope);
            let parts = &list.parts;
            let part = parts.iter().position(|part| part.when.as_ref().is_none_or(|when| when.holds(scope)));
            let Some(part) = part else { continue };
            self.lists[number].parts[part].add(self.folders);
            counted |= self.item(plan, (number, part), span, scope);
            let id = list.id.as_deref().filter(|_| parts[part].in_period);
            found.extend(id.and_then(|id| Some((number, item.get(id)?.as_str()?.to_owned()))));
        }
        scope.slots[list.slot] = Slot::Empty;
        counted
    }

    /// The item at hand, in every population that it belongs to.
    fn item(&mut self, plan: &Plan, (list, part): (usize, usize), span: &Span, scope: &Scope<'_>) -> bool {
        let mut counted = false;
        for (number, population) in plan.populations.iter().enumerate() {
            if population.list != list || !population.parts.contains(&part) {
                continue;
            }
            self.populations[number].add(self.folders);
            counted = true;
            let own = plan.indicators.iter().zip(&mut self.tables);
            for (indicator, table) in own.filter(|(indicator, _)| indicator.population == number) {
                measure(plan, indicator, table, self.folders, span, scope);
            }
        }
        counted
    }
}

/// Adds the entries of one map to another.
fn add<V: Default>(mine: &mut BTreeMap<String, V>, other: &BTreeMap<String, V>, join: impl Fn(&mut V, &V)) {
    for (key, more) in other {
        join(mine.entry(key.clone()).or_default(), more);
    }
}

/// Puts the item at hand into a table.
fn measure(
    plan: &Plan,
    indicator: &Indicator,
    table: &mut Table,
    folder: u64,
    span: &Span,
    scope: &Scope<'_>,
) {
    let place: Vec<usize> = indicator.by.iter().map(|by| plan.dimensions[*by].group(scope)).collect();
    match &indicator.measure {
        Measure::Count | Measure::Persons => table.touch(&place, |cell| cell.all.add(folder)),
        Measure::Days { from, to } => {
            let days = scope.value(from).date().zip(scope.value(to).date());
            waiting(table, &place, folder, days);
        }
        Measure::Sum(sum) => spend(table, &place, folder, amount::read(sum, scope, span)),
    }
}

fn waiting(table: &mut Table, place: &[usize], folder: u64, days: Option<(Date, Date)>) {
    table.touch(place, |cell| cell.all.add(folder));
    let Some((from, to)) = days else { return table.without.add(folder) };
    let days = from.until(to).map_or(-1, |span| i64::from(span.get_days()));
    if !(0..=super::histogram::MOST_DAYS).contains(&days) {
        return table.contradictory.add(folder);
    }
    table.used.add(folder);
    table.touch(place, |cell| {
        if cell.days.add(days) {
            cell.used.see(folder);
        }
    });
}

fn spend(table: &mut Table, place: &[usize], folder: u64, amount: Amount) {
    let shares = table.sizes().get(place.len()).copied();
    let each: Vec<Vec<usize>> = match shares {
        None => vec![place.to_vec()],
        Some(shares) => (0..shares).map(|share| [place, &[share]].concat()).collect(),
    };
    // Whoever is in a cell is in it with every share, whether it bears anything or not.
    each.iter().for_each(|place| people(table, place, folder));
    let (part, parts) = match amount {
        Amount::Known(part, parts) => (part, parts),
        Amount::Missing => return table.without.add(folder),
        Amount::Contradictory => return table.contradictory.add(folder),
    };
    table.used.add(folder);
    let values = if shares.is_some() { parts } else { vec![part] };
    for (place, value) in each.iter().zip(values).filter(|(_, value)| *value > Decimal::ZERO) {
        table.touch(place, |cell| {
            cell.used.see(folder);
            cell.sum = cell.sum.checked_add(value).unwrap_or(cell.sum);
        });
    }
}

fn people(table: &mut Table, place: &[usize], folder: u64) {
    table.touch(place, |cell| cell.all.people.see(folder));
}

impl Plan {
    /// Makes all texts, then looks everything up.
    fn fill(&self, scope: &mut Scope<'_>) {
        for value in &self.values {
            let text = value.templates.iter().find_map(|template| template.text(scope));
            scope.slots[value.slot] =
                text.map_or(Slot::Empty, |text| Slot::Made(vec![Value::Text(text.into())]));
        }
        for lookup in &self.lookups {
            lookup.fill(scope);
        }
    }
}

//! `[[indicator]]` to its plan, and the populations that indicators speak of.

use super::compile::Compiling;
use super::document::{AggregateDocument, IndicatorTable, MeasureName};
use super::plan::{Dimension, Group, Indicator, ListPlan, Measure, Population, SumPlan};
use crate::mapping::path::PathRef;

/// More axes would make cells of single persons.
const MOST_DIMENSIONS: usize = 2;

pub(super) fn indicators(
    work: &mut Compiling<'_, '_>,
    document: &AggregateDocument,
    dimensions: &[Dimension],
    lists: &[ListPlan],
) -> (Vec<Indicator>, Vec<Population>) {
    let mut populations = Vec::new();
    for (list, plan) in lists.iter().enumerate() {
        let in_period = plan.parts.iter().enumerate().filter(|(_, part)| part.in_period);
        let parts: Vec<usize> = in_period.map(|(index, _)| index).collect();
        if !parts.is_empty() {
            number_of(&mut populations, Population { list, parts });
        }
    }
    let mut made: Vec<Indicator> = Vec::new();
    for table in &document.indicator {
        let (offset, table) = (table.span().start, table.get_ref());
        if made.iter().any(|known| known.id == table.id) {
            work.defects.add(offset, &table.id, "two indicators have this id", "rename one");
        }
        let Some(population) = population(work, table, offset, lists) else { continue };
        let Some(by) = by(work, table, offset, dimensions) else { continue };
        let Some(measure) = measure(work, table, offset) else { continue };
        made.push(Indicator {
            id: table.id.clone(),
            title: table.title.clone(),
            unit: table.unit.clone(),
            source: table.source.clone(),
            population: number_of(&mut populations, population),
            by,
            measure,
            offset,
        });
    }
    (made, populations)
}

fn number_of(populations: &mut Vec<Population>, wanted: Population) -> usize {
    let known = populations.iter().position(|known| *known == wanted);
    known.unwrap_or_else(|| {
        populations.push(wanted);
        populations.len() - 1
    })
}

fn population(
    work: &mut Compiling<'_, '_>,
    table: &IndicatorTable,
    offset: usize,
    lists: &[ListPlan],
) -> Option<Population> {
    let Some(list) = lists.iter().position(|known| known.name == table.list) else {
        let mend = "name a [[list]] of this file";
        work.defects.add(offset, &table.id, format!("there is no list `{}`", table.list), mend);
        return None;
    };
    let mut parts = Vec::new();
    for name in &table.parts {
        match lists[list].parts.iter().position(|part| part.name == *name) {
            Some(part) => parts.push(part),
            None => {
                let names: Vec<&str> = lists[list].parts.iter().map(|part| part.name.as_str()).collect();
                let message = format!("`{}` has no part `{name}`", table.list);
                work.defects.add(offset, &table.id, message, format!("its parts: {}", names.join(", ")));
            }
        }
    }
    parts.sort_unstable();
    parts.dedup();
    if parts.is_empty() {
        work.defects.add(offset, &table.id, "it speaks of no part of its list", "write `parts`");
        return None;
    }
    Some(Population { list, parts })
}

fn by(
    work: &mut Compiling<'_, '_>,
    table: &IndicatorTable,
    offset: usize,
    dimensions: &[Dimension],
) -> Option<Vec<usize>> {
    let mut found = Vec::new();
    for name in &table.by {
        match dimensions.iter().position(|known| known.name == *name) {
            Some(dimension) if !found.contains(&dimension) => found.push(dimension),
            Some(_) => work.defects.add(
                offset,
                &table.id,
                format!("`{name}` stands in `by` twice"),
                "once is enough",
            ),
            None => {
                let mend = "name a [[dimension]] of this file";
                work.defects.add(offset, &table.id, format!("there is no dimension `{name}`"), mend);
            }
        }
    }
    if found.len() > MOST_DIMENSIONS {
        let mend = format!("at most {MOST_DIMENSIONS}");
        work.defects.add(offset, &table.id, "so many dimensions make cells of single persons", mend);
    }
    (found.len() == table.by.len()).then_some(found)
}

fn measure(work: &mut Compiling<'_, '_>, table: &IndicatorTable, offset: usize) -> Option<Measure> {
    let has_amounts = !table.amount.is_empty() || !table.share.is_empty() || table.rest.is_some();
    let path = |work: &mut Compiling<'_, '_>, text: &Option<String>| -> Option<PathRef> {
        text.as_ref().and_then(|text| work.path(offset, &table.id, text))
    };
    let told = match table.measure {
        MeasureName::Count | MeasureName::Persons => {
            !has_amounts && table.from.is_none() && table.to.is_none()
        }
        MeasureName::Days => !has_amounts && table.from.is_some() && table.to.is_some(),
        MeasureName::Sum => !table.amount.is_empty() && table.share.is_empty() == table.rest.is_none(),
    };
    if !told {
        let mend =
            "count and persons: nothing more; days: `from` and `to`; sum: `amount`, and `share` with `rest`";
        work.defects.add(offset, &table.id, "what is measured is not told, or told twice", mend);
        return None;
    }
    let (from, to) = (path(work, &table.from), path(work, &table.to));
    Some(match table.measure {
        MeasureName::Count => Measure::Count,
        MeasureName::Persons => Measure::Persons,
        MeasureName::Days => Measure::Days { from: from?, to: to? },
        MeasureName::Sum => Measure::Sum(sum(work, table, offset, from, to)),
    })
}

fn sum(
    work: &mut Compiling<'_, '_>,
    table: &IndicatorTable,
    offset: usize,
    from: Option<PathRef>,
    to: Option<PathRef>,
) -> SumPlan {
    let amounts = table.amount.iter();
    let amounts = amounts
        .filter_map(|amount| Some((work.path(offset, &table.id, &amount.of)?, amount.basis)))
        .collect();
    let shares = table.share.iter().filter_map(|share| work.path(offset, &table.id, &share.of)).collect();
    let named = table.share.iter().map(|share| (&share.name, &share.title));
    let rest = table.rest.iter().map(|rest| (&rest.name, &rest.title));
    let share_groups =
        named.chain(rest).map(|(id, title)| Group { id: id.clone(), title: title.clone() }).collect();
    SumPlan { amounts, from, to, shares, share_groups }
}

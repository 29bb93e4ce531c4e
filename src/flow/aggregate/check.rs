//! The static check of an aggregate mapping: against the folder's shape, its code tables, and itself.

use super::AggregateFlow;
use crate::flow::catalog::allows;
use crate::flow::files::Files;
use crate::mapping::Defect;
use crate::mapping::aggregate::plan::{Dimension, Indicator, Measure};
use crate::mapping::defect::Defects;
use crate::mapping::path::PathRef;
use crate::schema::pattern::Pattern;
use crate::schema::shape::{Kind, Node, Shape};

/// All defects of one flow.
pub(super) fn flow(
    flow: &AggregateFlow,
    files: &dyn Files,
    folder: &Shape,
    file: &str,
    text: &str,
) -> Vec<Defect> {
    let mut check = Check { flow, folder, defects: Defects::new(file, text) };
    check.paths();
    check.lists();
    check.settings();
    for dimension in &flow.plan.dimensions {
        check.dimension(dimension);
    }
    for (number, indicator) in flow.plan.indicators.iter().enumerate() {
        check.measure(indicator);
        check.neighbours(indicator, &flow.plan.indicators[..number]);
    }
    let mut found = check.defects.found;
    found.extend(fixtures(flow, files));
    found
}

struct Check<'c> {
    flow: &'c AggregateFlow,
    folder: &'c Shape,
    defects: Defects<'c>,
}

impl Check<'_> {
    /// The folder's place that a path means; `None` for values made here.
    fn node(&self, path: &PathRef) -> Option<&Node> {
        let place = self.flow.plan.names.shape_path(path)?;
        self.folder.nodes.get(&place)
    }

    /// Everything that is read exists.
    fn paths(&mut self) {
        for read in &self.flow.plan.read {
            let Some(place) = self.flow.plan.names.shape_path(&read.path) else { continue };
            let nodes = &self.folder.nodes;
            if !nodes.contains_key(&place) && !nodes.contains_key(&format!("{place}[]")) {
                let message = format!("`{place}` is not a field of the folder");
                self.defects.add(read.offset, &read.place, message, "see schemas/folder/1");
            }
        }
    }

    /// What is counted is a list of the folder itself: findings name its items by their place in it.
    fn lists(&mut self) {
        for list in &self.flow.plan.lists {
            let is_list =
                list.list.segments.is_empty() && self.folder.nodes.contains_key(&format!("{}[]", list.each));
            if !is_list {
                let message = format!("`{}` is no list of the folder", list.each);
                self.defects.add(list.offset, &list.name, message, "name a list at the folder's top");
            }
        }
    }

    fn settings(&mut self) {
        let (flow, threshold) = (&self.flow.plan.flow, &self.flow.plan.threshold);
        if !flow.settings.contains_key(threshold) {
            let mend = format!("add [flow.settings.{threshold}]");
            self.defects.add(
                0,
                "record.threshold",
                format!("the setting `{threshold}` is not declared"),
                mend,
            );
        }
        for (name, setting) in &flow.settings {
            let sound = name != threshold || setting.default.parse::<u64>().is_ok_and(|number| number >= 3);
            if !allows(setting, &setting.default) || !sound {
                let message = "the default is not among the values, or a threshold below 3";
                self.defects.add(0, name, message, "correct `default`");
            }
        }
    }

    /// Codes that the folder could never hold, and values of the folder without a group.
    fn dimension(&mut self, dimension: &Dimension) {
        let Some(node) = self.node(&dimension.from).cloned() else { return };
        let (offset, name) = (dimension.offset, dimension.name.as_str());
        if node.kind != Kind::Text {
            self.defects.add(offset, name, "what is grouped is not a text", "group by a code");
        }
        let pattern =
            node.pattern.as_deref().map(|pattern| pattern.trim_start_matches('^').trim_end_matches('$'));
        let pattern = pattern.and_then(Pattern::compile);
        let is_value = |key: &str| {
            let listed = node.enumeration.is_empty() || node.enumeration.iter().any(|known| known == key);
            listed && pattern.as_ref().is_none_or(|pattern| pattern.surely_matches(key.as_bytes()))
        };
        let mut told: Vec<&str> = match &dimension.codes {
            Some(codes) => codes.table.keys().collect(),
            None => Vec::new(),
        };
        told.sort_unstable();
        let strays: Vec<&str> = told.iter().copied().filter(|key| !is_value(key)).collect();
        if !strays.is_empty() {
            let message = format!("the folder can never hold: {}", strays.join(", "));
            self.defects.add(offset, name, message, "correct the code table");
        }
        let has_group = |value: &&String| match &dimension.codes {
            Some(codes) => codes.table.contains(value, None),
            None => dimension.groups.iter().any(|group| group.id == **value),
        };
        let lost: Vec<&str> =
            node.enumeration.iter().filter(|value| !has_group(value)).map(String::as_str).collect();
        if !lost.is_empty() {
            let message = format!("values of the folder without a group: {}", lost.join(", "));
            self.defects.add(offset, name, message, "add them, if only to the group of the others");
        }
    }

    fn measure(&mut self, indicator: &Indicator) {
        let (mut dates, mut amounts) = (Vec::new(), Vec::new());
        match &indicator.measure {
            Measure::Count | Measure::Persons => {}
            Measure::Days { from, to } => dates.extend([from, to]),
            Measure::Sum(sum) => {
                dates.extend(sum.from.iter().chain(&sum.to));
                amounts.extend(sum.amounts.iter().map(|(path, _)| path).chain(&sum.shares));
            }
        }
        for (path, kind, mend) in dates
            .into_iter()
            .map(|path| (path, Kind::Date, "name a date of the folder"))
            .chain(amounts.into_iter().map(|path| (path, Kind::Decimal, "name an amount of the folder")))
        {
            // Texts and the period, made by the mapping itself, are trusted: a text that is no date is no day.
            let fits = |node: &Node| node.kind == kind || kind == Kind::Decimal && is_money(node);
            if self.node(path).is_some_and(|node| !fits(node)) {
                let place = self.flow.plan.names.shape_path(path).unwrap_or_default();
                let message =
                    format!("`{place}` is {}", if kind == Kind::Date { "no date" } else { "no amount" });
                self.defects.add(indicator.offset, &indicator.id, message, mend);
            }
        }
    }

    /// Two counts whose difference would be a third table, over which nothing watches.
    fn neighbours(&mut self, indicator: &Indicator, others: &[Indicator]) {
        let populations = &self.flow.plan.populations;
        for other in others.iter().filter(|other| other.counts() && indicator.counts()) {
            let (mine, theirs) = (&populations[indicator.population], &populations[other.population]);
            let shared =
                mine.list == theirs.list && mine.parts.iter().any(|part| theirs.parts.contains(part));
            let common = indicator.by.iter().any(|by| other.by.contains(by));
            if shared && mine != theirs {
                let message = format!("it counts some of the parts of `{}`, and others", other.id);
                let mend = "count the same parts, or none of them: their difference could be a few persons";
                self.defects.add(indicator.offset, &indicator.id, message, mend);
            } else if shared && common && indicator.by != other.by {
                let message =
                    format!("it groups what `{}` counts by one of its dimensions, and otherwise", other.id);
                let mend = "write the same `by`: what one table suppresses the other must not tell";
                self.defects.add(indicator.offset, &indicator.id, message, mend);
            }
        }
    }
}

/// A text whose pattern takes amounts, and not every code of digits.
fn is_money(node: &Node) -> bool {
    let pattern = node.pattern.as_deref().map(|text| text.trim_start_matches('^').trim_end_matches('$'));
    let pattern = pattern.and_then(Pattern::compile);
    pattern.is_some_and(|pattern| pattern.surely_matches(b"1") && pattern.surely_matches(b"123.45"))
}

/// A flow without a tested case is not trusted; the binary carries no fixtures.
fn fixtures(flow: &AggregateFlow, files: &dyn Files) -> Vec<Defect> {
    if !files.wants_fixtures(flow.id()) {
        return Vec::new();
    }
    let folder = format!("fixtures/{}", flow.id());
    let has_case = files.list(&folder).iter().any(|path| path.ends_with("/folders.ndjson"));
    if has_case {
        return Vec::new();
    }
    vec![Defect {
        file: folder,
        line: None,
        place: String::new(),
        message: "the flow has no fixture".to_owned(),
        mend: "add <case>/folders.ndjson and context.toml, then `raccordo test --bless`".to_owned(),
    }]
}

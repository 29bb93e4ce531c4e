//! Indicators of an ente and a period, counted over its stored folders as they stand at one moment.
//!
//! Folders are streamed and folded into cells; how each intervention in the period stands at the
//! registers comes from the ledger's records of the same moment. What does not add up is not given out.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Gateway;
use super::chain::{Note, append};
use super::settings::{Ente, Environment};
use crate::audit::EventKind;
use crate::exchange::{Desired, LedgerError, Period, Record};
use crate::flow::aggregate::{About, AggregateFlow, Books, Counted, RegisterTally};
use crate::folder::Folder;
use crate::ledger::books::Snapshot;
use crate::mapping::aggregate::{Span, Tally};

/// Folders read in one go.
const CHUNK: usize = 100;

/// What shall be counted.
#[derive(Clone, Debug)]
pub struct IndicatorRequest {
    pub ente: String,
    pub period: Period,
    /// An aggregate flow's id or family; may be left out where there is but one.
    pub flow: Option<String>,
    pub actor: String,
}

/// What came of it.
#[derive(Debug)]
pub struct Indicators {
    /// For publication.
    pub document: Value,
    /// The reconciliation, exact: for the ente only.
    pub exact: Books,
}

/// Indicators that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum IndicatorError {
    #[error("there is no flow `{0}` of indicators: `raccordo check` lists those that there are")]
    NoFlow(String),
    #[error("name the flow of indicators: {0}")]
    Several(String),
    #[error("no ente `{0}` is configured")]
    NoEnte(String),
    #[error("indicators are of a year, a quarter or a month")]
    NoSpan,
    #[error("the period {0} has not begun")]
    NotBegun(String),
    #[error("the setting `{name}` of ente {ente} has a value that `{flow}` does not allow")]
    Setting { name: String, ente: String, flow: String },
    #[error(
        "`{flow}` rests on what no primary source confirms: read it in schemas/{flow}/ORIGIN.toml, then add the flow to \
         `accept_unverified`"
    )]
    Unverified { flow: String },
    #[error("the indicators do not add up or do not follow their schema, so they are not given out: {0}")]
    Unsound(String),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Gateway {
    /// Counts, checks that every line adds up and that the document follows its schema, and notes it.
    pub fn indicators(&self, request: &IndicatorRequest) -> Result<Indicators, IndicatorError> {
        let flow = self.aggregate(request.flow.as_deref())?;
        let ente = self.settings.ente(&request.ente);
        let ente = ente.ok_or_else(|| IndicatorError::NoEnte(request.ente.clone()))?;
        let about = self.about(flow, ente, request.period)?;
        let made = self.books.snapshot(|snapshot| self.count(flow, ente, &about, snapshot))?;
        sound(flow, &made)?;
        let (at, actor) = (self.clock.rfc3339(), request.actor.clone());
        let note = Note::new(at, &actor, EventKind::IndicatorsMade, format!("ente {}", ente.code))
            .with("flow", flow.id())
            .with("period", &about.period)
            .with("threshold", about.threshold);
        self.books.write(move |tx| append(tx, note))?;
        Ok(made)
    }

    fn aggregate(&self, name: Option<&str>) -> Result<&AggregateFlow, IndicatorError> {
        let today = self.clock.today();
        let families = self.catalog.aggregates().iter().map(AggregateFlow::family);
        let mut families: Vec<&str> = families.collect();
        families.dedup();
        let name = match (name, families.as_slice()) {
            (Some(name), _) => name,
            (None, [only]) => only,
            (None, _) => return Err(IndicatorError::Several(families.join(", "))),
        };
        let flow = self.catalog.aggregate(name, today);
        let flow = flow.ok_or_else(|| IndicatorError::NoFlow(name.to_owned()))?;
        let accepted = self.settings.accept_unverified.iter().any(|accepted| accepted == flow.id());
        let asked = self.settings.environment == Environment::Production && !flow.unverified().is_empty();
        if asked && !accepted {
            return Err(IndicatorError::Unverified { flow: flow.id().to_owned() });
        }
        Ok(flow)
    }

    fn about<'e>(
        &self,
        flow: &AggregateFlow,
        ente: &'e Ente,
        period: Period,
    ) -> Result<About<'e>, IndicatorError> {
        let (name, today) = (period.to_string(), self.clock.today());
        // `to-2026-11-23`: two such periods would differ by the few persons of a day.
        if name.starts_with("to-") {
            return Err(IndicatorError::NoSpan);
        }
        if today < period.from {
            return Err(IndicatorError::NotBegun(name));
        }
        let threshold = flow.threshold(&ente.settings).map_err(|name| IndicatorError::Setting {
            name,
            ente: ente.code.clone(),
            flow: flow.id().to_owned(),
        })?;
        let span = Span::of(period.from, period.to, today);
        Ok(About { ente: (&ente.code, &ente.name), period: name, span, date: today, threshold })
    }

    fn count(
        &self,
        flow: &AggregateFlow,
        ente: &Ente,
        about: &About<'_>,
        snapshot: &Snapshot<'_>,
    ) -> Result<Indicators, IndicatorError> {
        let stored = snapshot.folder_count(&ente.code)?;
        let mut registers = self.carriers(flow, ente);
        let (mut tally, mut unreadable, mut after) = (Tally::new(&flow.plan), 0, 0);
        loop {
            let rows = snapshot.folders(&ente.code, after, CHUNK)?;
            for row in &rows {
                let Ok(folder) = self.open_folder(row) else {
                    unreadable += 1;
                    continue;
                };
                let items = fold(&mut tally, flow, &folder, &about.span);
                if !items.is_empty() {
                    let records = snapshot.records(row.id)?;
                    registers
                        .iter_mut()
                        .for_each(|carrier| carrier.see(tally.folders, &items, &records, &about.span));
                }
            }
            match rows.last() {
                Some(last) if rows.len() == CHUNK => after = last.id,
                _ => break,
            }
        }
        let registers: Vec<RegisterTally> = registers.into_iter().map(|carrier| carrier.tally).collect();
        let counted = Counted { tally: &tally, stored, unreadable, registers: &registers };
        let report = flow.report(about, &counted);
        Ok(Indicators { document: report.document, exact: report.books })
    }

    /// The registers that the ente has a route to and whose records tell of a list's items.
    fn carriers(&self, flow: &AggregateFlow, ente: &Ente) -> Vec<Carrier> {
        let mut carriers: BTreeMap<(usize, String), Carrier> = BTreeMap::new();
        for (number, list) in flow.plan.lists.iter().enumerate() {
            let Some(id) = &list.id else { continue };
            for carrying in
                self.catalog.flows().iter().filter(|one| self.settings.serves(&ente.code, one.register()))
            {
                let tables = carrying.mapping.document.record.tables.iter();
                let of_list = tables.filter(|table| table.each.as_deref() == Some(&list.each));
                let keys: Vec<KeyForm> = of_list
                    .filter_map(|table| KeyForm::of(table.key.list(), table.name.as_deref()?, id))
                    .collect();
                if keys.is_empty() {
                    continue;
                }
                let register = carrying.register().to_owned();
                let carrier = carriers.entry((number, register.clone())).or_insert_with(|| Carrier {
                    keys: Vec::new(),
                    tally: RegisterTally { register, list: number, states: BTreeMap::new() },
                });
                carrier.keys.extend(keys);
            }
        }
        carriers.into_values().collect()
    }
}

fn fold(tally: &mut Tally, flow: &AggregateFlow, folder: &Folder, span: &Span) -> Vec<(usize, String)> {
    tally.fold(&flow.plan, folder.body.expose(), span).items
}

/// What adds up and follows its schema may be given out.
fn sound(flow: &AggregateFlow, made: &Indicators) -> Result<(), IndicatorError> {
    let open: Vec<&str> =
        made.exact.lines.iter().filter(|line| !line.closes()).map(|line| line.id.as_str()).collect();
    let problems = flow.validate(&made.document);
    let problems = problems.iter().take(5).map(|problem| format!("{} {}", problem.path, problem.message));
    let wrong: Vec<String> = open.into_iter().map(str::to_owned).chain(problems).collect();
    if wrong.is_empty() { Ok(()) } else { Err(IndicatorError::Unsound(wrong.join("; "))) }
}

/// Where in a record's key (`a/ID/2026`) an item's id stands, after which constants.
struct KeyForm {
    before: Vec<String>,
}

impl KeyForm {
    /// The form of a key whose parts before the id are constants: others could be absent.
    fn of(parts: &[String], item: &str, id: &str) -> Option<Self> {
        let wanted = format!("{item}.{id}");
        let place = parts.iter().position(|part| *part == wanted)?;
        let constant = |part: &String| part.strip_prefix('\'')?.strip_suffix('\'').map(str::to_owned);
        let before: Option<Vec<String>> = parts[..place].iter().map(constant).collect();
        Some(Self { before: before? })
    }

    fn is_of(&self, key: &str, id: &str) -> bool {
        let mut words = key.split('/');
        self.before.iter().all(|known| words.next() == Some(known)) && words.next() == Some(id)
    }
}

/// One register that carries the items of a list.
struct Carrier {
    keys: Vec<KeyForm>,
    tally: RegisterTally,
}

impl Carrier {
    /// Counts how the items of one folder stand.
    fn see(&mut self, folder: u64, items: &[(usize, String)], records: &[Record], span: &Span) {
        for (_, id) in items.iter().filter(|(list, _)| *list == self.tally.list) {
            let own = records.iter().filter(|record| {
                record.register == self.tally.register
                    && record.from <= span.to
                    && span.from <= record.to
                    && self.keys.iter().any(|form| form.is_of(&record.key, id))
            });
            let worst = own.filter_map(state).min_by_key(|state| rank(state)).unwrap_or("not_carried");
            self.tally.states.entry(worst).or_default().add(folder);
        }
    }
}

fn rank(state: &str) -> usize {
    crate::flow::aggregate::STATES.iter().position(|(known, ..)| *known == state).unwrap_or(usize::MAX)
}

/// How a record stands; `None` for one of which neither side knows anything.
fn state(record: &Record) -> Option<&'static str> {
    if record.current.is_some() {
        return Some("under_way");
    }
    match (record.desired, record.held) {
        (Desired::SetAside, _) => Some("withheld"),
        (Desired::Present { content, .. }, Some(held)) if held.content == content => Some("acknowledged"),
        (Desired::Present { .. }, _) if record.refused.is_some() => Some("refused"),
        (Desired::Present { .. }, _) | (_, Some(_)) => Some("to_send"),
        _ => None,
    }
}

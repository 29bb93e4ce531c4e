//! Conditions, compiled: evaluated over the scope without any conversion.
//!
//! A comparison, `in` or function over an absent value is false (or absent);
//! so absence is asked for with `!has(…)`, never with `!=`.

use super::codes::CodeTable;
use super::function::{self, Function};
use super::path::{PathRef, Scope};
use super::value::Value;
use serde_json::Value as Json;
use std::cmp::Ordering;
use std::sync::Arc;

/// Something that is true or false of a record.
#[derive(Clone, Debug)]
pub enum Condition {
    Constant(bool),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Has(PathRef),
    Compare(Comparison, Term, Term),
    In(Term, Vec<Value<'static>>),
    /// A term that is itself a boolean.
    Truth(Term),
    /// Every text of a list is a key of the table.
    AllCodes(Arc<CodeTable>, PathRef),
    /// The table knows the code on the day (or at all, if the day is absent).
    CodeValid(Arc<CodeTable>, Term, Option<Term>),
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    Different,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Something that has a value.
#[derive(Clone, Debug)]
pub enum Term {
    Path(PathRef),
    Literal(Value<'static>),
    Call(Function, Vec<Term>),
    /// The cell of a code table's column.
    Code {
        table: Arc<CodeTable>,
        column: usize,
        key: Box<Term>,
        day: Option<Box<Term>>,
    },
}

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Different => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Condition {
    pub fn holds(&self, scope: &Scope<'_>) -> bool {
        match self {
            Self::Constant(value) => *value,
            Self::And(a, b) => a.holds(scope) && b.holds(scope),
            Self::Or(a, b) => a.holds(scope) || b.holds(scope),
            Self::Not(inner) => !inner.holds(scope),
            Self::Has(path) => scope.has(path),
            Self::Compare(how, a, b) => {
                watch(a, b, scope);
                a.value(scope).compare(&b.value(scope)).is_some_and(|order| how.holds(order))
            }
            Self::In(term, list) => {
                let value = term.value(scope);
                list.iter().any(|known| value.compare(known).is_some_and(Ordering::is_eq))
            }
            Self::Truth(term) => term.value(scope) == Value::Boolean(true),
            Self::AllCodes(table, path) => match scope.json(path) {
                Some(Json::Array(list)) => {
                    list.iter().all(|code| code.as_str().is_some_and(|code| table.contains(code, None)))
                }
                _ => true,
            },
            Self::CodeValid(table, code, day) => {
                let day = day.as_ref().and_then(|day| day.value(scope).date());
                code.value(scope).text().is_some_and(|code| table.contains(code, day))
            }
        }
    }

    /// Whether the condition can only hold where `path` has a value.
    pub fn needs(&self, path: &PathRef) -> bool {
        let is = |term: &Term| matches!(term, Term::Path(known) if known == path);
        match self {
            Self::And(a, b) => a.needs(path) || b.needs(path),
            Self::Or(a, b) => a.needs(path) && b.needs(path),
            Self::Has(known) => known == path,
            Self::Compare(_, a, b) => is(a) || is(b),
            Self::In(term, _) | Self::Truth(term) | Self::CodeValid(_, term, _) => is(term),
            Self::Constant(_) | Self::Not(_) | Self::AllCodes(..) => false,
        }
    }

    /// Every path that the condition reads.
    pub fn paths<'c>(&'c self, out: &mut Vec<&'c PathRef>) {
        match self {
            Self::Constant(_) => {}
            Self::And(a, b) | Self::Or(a, b) => {
                a.paths(out);
                b.paths(out);
            }
            Self::Not(inner) => inner.paths(out),
            Self::Has(path) | Self::AllCodes(_, path) => out.push(path),
            Self::Compare(_, a, b) => {
                a.paths(out);
                b.paths(out);
            }
            Self::In(term, _) | Self::Truth(term) => term.paths(out),
            Self::CodeValid(_, code, day) => {
                code.paths(out);
                if let Some(day) = day {
                    day.paths(out);
                }
            }
        }
    }
}

/// Whatever is compared with today is worth another look on its day.
fn watch(a: &Term, b: &Term, scope: &Scope<'_>) {
    let is_today = |term: &Term| matches!(term, Term::Path(path) if scope.is_today(path));
    if is_today(a) {
        scope.note_day(b.value(scope).date());
    } else if is_today(b) {
        scope.note_day(a.value(scope).date());
    }
}

impl Term {
    pub fn value<'v, 'a: 'v>(&'v self, scope: &Scope<'a>) -> Value<'v> {
        match self {
            Self::Path(path) => scope.value(path),
            Self::Literal(value) => value.clone(),
            Self::Call(function, arguments) => function::call(*function, arguments, scope),
            Self::Code { table, column, key, day } => {
                let day = day.as_ref().and_then(|day| day.value(scope).date());
                let key = key.value(scope);
                let cell = key.text().and_then(|key| table.cell(key, *column, day));
                cell.map_or(Value::Absent, |cell| Value::Text(cell.into()))
            }
        }
    }

    fn paths<'c>(&'c self, out: &mut Vec<&'c PathRef>) {
        match self {
            Self::Path(path) => out.push(path),
            Self::Literal(_) => {}
            Self::Call(_, arguments) => arguments.iter().for_each(|argument| argument.paths(out)),
            Self::Code { key, day, .. } => {
                key.paths(out);
                if let Some(day) = day {
                    day.paths(out);
                }
            }
        }
    }
}

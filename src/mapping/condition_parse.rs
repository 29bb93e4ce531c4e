//! From CEL text to a compiled condition; whatever is not listed is refused.
//!
//! Crate `cel` parses; its evaluator is not used (see `docs/adr`): a folder is
//! never converted, and paths and tables are resolved here, once.

use super::codes::CodeTable;
use super::condition::{Comparison, Condition, Term};
use super::function::{FUNCTIONS, Function};
use super::path::Names;
use super::value::{Value, iso_date};
use cel::common::ast::{CallExpr, Expr, ListExpr, LiteralValue, operators};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Code tables of a flow by name.
pub type Codes = BTreeMap<String, Arc<CodeTable>>;

/// The root that stands for today; its one field is `giorno`.
pub const TODAY_ROOT: &str = "oggi";

/// Longest condition taken; the parser recurses.
const LONGEST: usize = 2_000;

/// Parses and compiles `text`. Errors say what is not allowed and what is.
pub fn compile(text: &str, names: &mut Names, codes: &Codes) -> Result<Condition, String> {
    if text.len() > LONGEST {
        return Err(format!("the condition is longer than {LONGEST} characters"));
    }
    let program = cel::Program::compile(text).map_err(|error| one_line(&error.to_string()))?;
    Parser { names, codes }.condition(&program.expression().expr)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Parser<'p> {
    names: &'p mut Names,
    codes: &'p Codes,
}

impl Parser<'_> {
    fn condition(&mut self, expr: &Expr) -> Result<Condition, String> {
        match expr {
            Expr::Literal(LiteralValue::Boolean(value)) => Ok(Condition::Constant(*value.inner())),
            Expr::Select(select) if select.test => {
                let path = format!("{}.{}", dotted(&select.operand.expr)?, select.field);
                Ok(Condition::Has(self.names.path(&path)?))
            }
            Expr::Call(call) => self.call(call, expr),
            _ => Err("a condition compares, asks has(…), or combines such with && || !".to_owned()),
        }
    }

    fn call(&mut self, call: &CallExpr, expr: &Expr) -> Result<Condition, String> {
        let arguments = &call.args;
        match (call.func_name.as_str(), arguments.as_slice()) {
            (operators::LOGICAL_AND, [a, b]) => {
                Ok(Condition::And(Box::new(self.condition(&a.expr)?), Box::new(self.condition(&b.expr)?)))
            }
            (operators::LOGICAL_OR, [a, b]) => {
                Ok(Condition::Or(Box::new(self.condition(&a.expr)?), Box::new(self.condition(&b.expr)?)))
            }
            (operators::LOGICAL_NOT, [inner]) => Ok(Condition::Not(Box::new(self.condition(&inner.expr)?))),
            (operators::IN, [term, list]) => {
                let Expr::List(list) = &list.expr else {
                    return Err("`in` takes a list of literals".to_owned());
                };
                Ok(Condition::In(self.term(&term.expr)?, literals(list)?))
            }
            ("has", [path]) => Ok(Condition::Has(self.names.path(&dotted(&path.expr)?)?)),
            ("present", [path]) => Ok(Condition::Has(self.names.path(&dotted(&path.expr)?)?)),
            ("code_valid", [table, code, rest @ ..]) if rest.len() < 2 => {
                let (table, _) = self.table(&table.expr)?;
                let day = rest.first().map(|day| self.term(&day.expr)).transpose()?;
                Ok(Condition::CodeValid(table, self.term(&code.expr)?, day))
            }
            ("codes_all", [table, list]) => {
                let (table, _) = self.table(&table.expr)?;
                Ok(Condition::AllCodes(table, self.names.path(&dotted(&list.expr)?)?))
            }
            (name, [a, b]) if comparison(name).is_some() => {
                let how = comparison(name).unwrap_or(Comparison::Equal);
                let (a, b) = (self.term(&a.expr)?, self.term(&b.expr)?);
                Ok(Condition::Compare(how, a, b))
            }
            ("cf_transmittable" | "matches_cf", _) => Ok(Condition::Truth(self.term(expr)?)),
            (name, _) => Err(refused(name)),
        }
    }

    fn term(&mut self, expr: &Expr) -> Result<Term, String> {
        match expr {
            Expr::Literal(value) => Ok(Term::Literal(literal(value)?)),
            Expr::Call(call) => self.function(call),
            _ => Ok(Term::Path(self.names.path(&dotted(expr)?)?)),
        }
    }

    fn function(&mut self, call: &CallExpr) -> Result<Term, String> {
        if call.target.is_some() {
            return Err(format!("`{}` is not called on a value here", call.func_name));
        }
        match (call.func_name.as_str(), call.args.as_slice()) {
            ("code", [table, key, rest @ ..]) if rest.len() < 2 => {
                let (table, column) = self.table(&table.expr)?;
                let day = rest.first().map(|day| self.term(&day.expr)).transpose()?.map(Box::new);
                Ok(Term::Code { table, column, key: Box::new(self.term(&key.expr)?), day })
            }
            ("date", [text]) => match &text.expr {
                Expr::Literal(LiteralValue::String(text)) => iso_date(text.inner())
                    .map(|date| Term::Literal(Value::Date(date)))
                    .ok_or_else(|| "date('AAAA-MM-GG') takes an ISO date".to_owned()),
                _ => Err("date('AAAA-MM-GG') takes a literal".to_owned()),
            },
            (name, arguments) => {
                let name = if name == "matches_cf" { "cf_transmittable" } else { name };
                let Some((_, function, fewest, most)) = FUNCTIONS.iter().find(|(known, ..)| *known == name)
                else {
                    return Err(refused(name));
                };
                if arguments.len() < *fewest || arguments.len() > *most {
                    return Err(format!("`{name}` takes {fewest} to {most} arguments"));
                }
                let arguments: Vec<Term> =
                    arguments.iter().map(|argument| self.term(&argument.expr)).collect::<Result<_, _>>()?;
                if arguments.iter().any(|argument| self.is_today(argument)) {
                    return Err(
                        "`oggi.giorno` may only be compared, so that its next change is known".to_owned()
                    );
                }
                Ok(Term::Call(*function as Function, arguments))
            }
        }
    }

    fn is_today(&self, term: &Term) -> bool {
        matches!(term, Term::Path(path) if self.names.name(path.slot) == TODAY_ROOT)
    }

    /// `'table'` or `'table.column'`, both literal; the default column is the second.
    fn table(&self, expr: &Expr) -> Result<(Arc<CodeTable>, usize), String> {
        let Expr::Literal(LiteralValue::String(text)) = expr else {
            return Err("the code table is named by a literal".to_owned());
        };
        find_table(self.codes, text.inner())
    }
}

/// Finds `table` or `table.column`.
pub fn find_table(codes: &Codes, text: &str) -> Result<(Arc<CodeTable>, usize), String> {
    let (name, column) = text.split_once('.').unwrap_or((text, ""));
    let table = codes.get(name).ok_or_else(|| format!("there is no codes/{name}.csv"))?;
    let index = if column.is_empty() { (table.columns.len() > 1).then_some(1) } else { table.column(column) };
    let index = index.ok_or_else(|| format!("codes/{name}.csv has no column `{column}`"))?;
    Ok((Arc::clone(table), index))
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::Different,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::LessOrEqual,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn refused(name: &str) -> String {
    let functions: Vec<_> = FUNCTIONS.iter().map(|(name, ..)| *name).collect();
    format!(
        "`{}` is not allowed; allowed: has, ==, !=, <, <=, >, >=, in, &&, ||, !, code_valid, codes_all, code, \
         date, present, {}",
        name.trim_matches('_'),
        functions.join(", ")
    )
}

/// `a.b.c` as text; anything else is no path.
fn dotted(expr: &Expr) -> Result<String, String> {
    match expr {
        Expr::Ident(name) => Ok(name.clone()),
        Expr::Select(select) if !select.test => {
            Ok(format!("{}.{}", dotted(&select.operand.expr)?, select.field))
        }
        _ => Err("a path is names with dots between".to_owned()),
    }
}

fn literal(value: &LiteralValue) -> Result<Value<'static>, String> {
    match value {
        LiteralValue::Boolean(value) => Ok(Value::Boolean(*value.inner())),
        LiteralValue::Int(value) => Ok(Value::Integer(*value.inner())),
        LiteralValue::String(text) => Ok(Value::Text(text.inner().to_owned().into())),
        _ => Err("literals are text, integers and booleans; money is decimal('1.50')".to_owned()),
    }
}

fn literals(list: &ListExpr) -> Result<Vec<Value<'static>>, String> {
    let one = |item: &cel::IdedExpr| match &item.expr {
        Expr::Literal(value) => literal(value),
        _ => Err("a list holds literals only".to_owned()),
    };
    list.elements.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(text: &str) -> Result<bool, String> {
        let folder = json!({"a": {"text": "x", "day": "2024-03-01", "sum": "1.10", "n": 3}, "l": ["x"]});
        let mut names = Names::default();
        let table = CodeTable::parse("from,to\nx,1\n").unwrap();
        let codes = Codes::from([("t".to_owned(), Arc::new(table))]);
        let condition = compile(text, &mut names, &codes)?;
        Ok(condition.holds(&names.scope(&folder)))
    }

    #[test]
    fn the_allowed_forms_hold() {
        for text in [
            "has(a.text)",
            "!has(a.no) && a.text == 'x'",
            "a.text in ['y', 'x'] || false",
            "a.n >= 3 && year(a.day) == 2024",
            "a.day < '2024-03-02' && days_between(a.day, date('2024-03-11')) == 10",
            "sum(a.sum, a.no, '2.00') == decimal('3.1')",
            "code_valid('t', a.text, a.day) && code('t', a.text) == '1' && codes_all('t', l)",
            "length(a.text) == 1 && months(a.day, '2024-04-01') == 2",
        ] {
            assert_eq!(holds(text), Ok(true), "{text}");
        }
    }

    #[test]
    fn absent_values_make_comparisons_false() {
        for text in ["a.no == 'x'", "a.no != 'x'", "a.no < 3", "a.no in ['x']", "code('t', a.no) == '1'"] {
            assert_eq!(holds(text), Ok(false), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "a.n + 1 == 4",
            "l.exists(x, x == 'x')",
            "l[0] == 'x'",
            "a.text.startsWith('x')",
            "a.n == 1.5",
            "matches(a.text, 'x')",
            "a.text",
            "code_valid('u', a.text)",
            "a.n ==",
            "a.text in l",
        ] {
            assert!(holds(text).is_err(), "{text}");
        }
    }
}

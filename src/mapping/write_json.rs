//! Writes a record's JSON object from its plan: one pass, one buffer.
//!
//! Members stand in the schema's order. An object or array in which nothing was
//! written is not written either, so that no empty one ever leaves.

use super::path::{Scope, Slot};
use super::plan::{ElementPlan, FieldPlan, RowPlan};
use super::write::{Trouble, Writer, Written};
use serde_json::Value as Json;

impl Writer<'_> {
    /// Writes an object, if anything in it fired. Returns whether it did.
    pub fn object(&mut self, plan: &ElementPlan, scope: &mut Scope<'_>) -> bool {
        let start = self.out.len();
        self.out.push('{');
        let first = self.out.len();
        let mut rest = plan.children.as_slice();
        while let Some(member) = rest.first() {
            let same = rest.iter().take_while(|other| other.is_array && other.name == member.name).count();
            let (now, later) = rest.split_at(same.max(1));
            rest = later;
            self.member(now, first, scope);
        }
        if self.out.len() == first {
            self.out.truncate(start);
            return false;
        }
        self.out.push('}');
        true
    }

    /// One member: a value, or all elements of one array.
    pub fn member(&mut self, plans: &[ElementPlan], first: usize, scope: &mut Scope<'_>) {
        let Some(plan) = plans.first() else { return };
        let before = self.out.len();
        if before > first {
            self.out.push(',');
        }
        self.out.push_str(&plan.open);
        let mark = self.enter(&plan.name);
        let written = if plan.is_array { self.array(plans, scope) } else { self.content(plan, scope) };
        self.leave(mark);
        if !written {
            self.out.truncate(before);
        }
    }

    fn content(&mut self, plan: &ElementPlan, scope: &mut Scope<'_>) -> bool {
        if plan.when.as_ref().is_some_and(|when| !when.holds(scope)) {
            return false;
        }
        match &plan.text {
            Some(field) => field.rows.iter().any(|row| self.scalar(field, row, scope)),
            None => self.object(plan, scope),
        }
    }

    fn array(&mut self, plans: &[ElementPlan], scope: &mut Scope<'_>) -> bool {
        let start = self.out.len();
        self.out.push('[');
        let mut elements = Vec::new();
        for plan in plans {
            let Some(each) = &plan.each else {
                self.element_of(plan, false, &mut elements, scope);
                continue;
            };
            let Some(Json::Array(list)) = scope.json(&each.list) else { continue };
            for (index, item) in list.iter().enumerate() {
                scope.slots[each.slot] = Slot::Json(item, index);
                self.element_of(plan, each.unique, &mut elements, scope);
            }
            scope.slots[each.slot] = Slot::Empty;
        }
        if elements.is_empty() {
            self.out.truncate(start);
            return false;
        }
        self.out.push(']');
        true
    }

    /// Appends one element; `elements` are the spans of those that stand.
    fn element_of(
        &mut self,
        plan: &ElementPlan,
        unique: bool,
        elements: &mut Vec<(usize, usize)>,
        scope: &mut Scope<'_>,
    ) {
        let before = self.out.len();
        if !elements.is_empty() {
            self.out.push(',');
        }
        let from = self.out.len();
        let mark = self.enter(&elements.len().to_string());
        let written = self.content(plan, scope);
        self.leave(mark);
        let doubled = |(start, end): &(usize, usize)| self.out[*start..*end] == self.out[from..];
        if !written || (unique && elements.iter().any(doubled)) {
            self.out.truncate(before);
        } else {
            elements.push((from, self.out.len()));
        }
    }

    fn scalar(&mut self, field: &FieldPlan, row: &RowPlan, scope: &Scope<'_>) -> bool {
        if row.when.as_ref().is_some_and(|when| !when.holds(scope)) {
            return false;
        }
        let Some(value) = self.value(row, scope) else { return false };
        if field.bare && !is_bare(&value) {
            self.incident(row, Trouble::NotOfKind, scope);
            return false;
        }
        if field.bare {
            self.out.push_str(&value);
        } else if !push_quoted(&value, &mut self.out) {
            self.incident(row, Trouble::Character, scope);
        }
        self.fired(row, &field.open, &value);
        let pointer = if self.trace.is_some() { self.pointer(row, scope) } else { String::new() };
        if let Some((place, written)) = &mut self.trace {
            written.push(Written { place: place.clone(), row: row.index, pointer });
        }
        true
    }

    /// Goes down one step of the traced place; gives what [`Writer::leave`] needs.
    fn enter(&mut self, name: &str) -> usize {
        let Some((place, _)) = &mut self.trace else { return 0 };
        let mark = place.len();
        place.push('/');
        place.push_str(name);
        mark
    }

    fn leave(&mut self, mark: usize) {
        if let Some((place, _)) = &mut self.trace {
            place.truncate(mark);
        }
    }
}

/// A number or boolean as JSON spells it (RFC 8259, sections 3 and 6).
fn is_bare(text: &str) -> bool {
    matches!(serde_json::from_str(text), Ok(Json::Number(_) | Json::Bool(_)))
        && !text.contains(char::is_whitespace)
}

/// Appends a JSON string; false if a character should not be carried.
pub fn push_quoted(text: &str, out: &mut String) -> bool {
    use std::fmt::Write as _;
    let mut clean = true;
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                clean = false;
                // Writing into a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_as_it_was() {
        for text in ["D'Àrco & \"<b>\"\n", "a\\b/c\t\r", "𝄞 ☕", ""] {
            let mut out = String::new();
            assert!(push_quoted(text, &mut out));
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
        for text in ["a\u{1}b", "a\u{FFFF}"] {
            let mut out = String::new();
            assert!(!push_quoted(text, &mut out));
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn bare_values_are_numbers_and_booleans() {
        assert!(["0", "12.5", "-3", "true", "false"].iter().all(|text| is_bare(text)));
        assert!(["", "01", "1 ", "null", "\"x\"", "NaN", "1e400x"].iter().all(|text| !is_bare(text)));
    }
}

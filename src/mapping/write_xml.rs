//! Writes a record's XML element from its plan: one pass, one buffer.

use super::path::{Scope, Slot};
use super::plan::{ElementPlan, FieldPlan, RowPlan};
use super::write::{Trouble, Writer};
use serde_json::Value as Json;

impl Writer<'_> {
    /// Writes the element, if anything in it fired. Returns whether it did.
    pub fn element(&mut self, plan: &ElementPlan, scope: &mut Scope<'_>) -> bool {
        let Some(each) = &plan.each else {
            let wanted = plan.when.as_ref().is_none_or(|when| when.holds(scope));
            return wanted && self.one(plan, scope);
        };
        let Some(Json::Array(list)) = scope.json(&each.list) else { return false };
        let (first, mut written) = (self.out.len(), false);
        for (index, item) in list.iter().enumerate() {
            scope.slots[each.slot] = Slot::Json(item, index);
            let start = self.out.len();
            if plan.when.as_ref().is_some_and(|when| !when.holds(scope)) || !self.one(plan, scope) {
                continue;
            }
            if each.unique && self.out[first..start].contains(&self.out[start..]) {
                self.out.truncate(start);
            }
            written = true;
        }
        scope.slots[each.slot] = Slot::Empty;
        written
    }

    fn one(&mut self, plan: &ElementPlan, scope: &mut Scope<'_>) -> bool {
        let start = self.out.len();
        self.out.push_str(&plan.open);
        let fired = self.attributes(plan, scope);
        let head = self.out.len();
        self.out.push('>');
        let mut filled = plan.text.as_ref().is_some_and(|text| self.field(text, scope));
        for child in &plan.children {
            filled |= self.element(child, scope);
        }
        if !fired && !filled {
            self.out.truncate(start);
            return false;
        }
        if filled {
            self.out.push_str(&plan.close);
        } else {
            self.out.truncate(head);
            self.out.push_str("/>");
        }
        true
    }

    /// Writes the attributes of an element; whether any fired.
    pub fn attributes(&mut self, plan: &ElementPlan, scope: &Scope<'_>) -> bool {
        let mut fired = false;
        for field in &plan.attributes {
            fired |= self.field(field, scope);
        }
        fired
    }

    fn field(&mut self, field: &FieldPlan, scope: &Scope<'_>) -> bool {
        field.rows.iter().any(|row| self.row(field, row, scope))
    }

    fn row(&mut self, field: &FieldPlan, row: &RowPlan, scope: &Scope<'_>) -> bool {
        if row.when.as_ref().is_some_and(|when| !when.holds(scope)) {
            return false;
        }
        let Some(value) = self.value(row, scope) else { return false };
        self.out.push_str(&field.open);
        if !push_escaped(&value, &mut self.out) {
            self.incident(row, Trouble::Character, scope);
        }
        if !field.open.is_empty() {
            self.out.push('"');
        }
        self.fired(row, &field.open, &value);
        true
    }
}

/// Escapes for attribute and element alike; false if a character cannot be carried.
pub fn push_escaped(text: &str, out: &mut String) -> bool {
    let mut clean = true;
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\t' => "&#9;",
            b'\n' => "&#10;",
            b'\r' => "&#13;",
            0..=31 => "",
            // U+FFFE and U+FFFF are EF BF BE and EF BF BF.
            0xEF if text[at..].starts_with(['\u{FFFE}', '\u{FFFF}']) => {
                clean = false;
                continue;
            }
            _ => continue,
        };
        clean &= !escape.is_empty();
        out.push_str(&text[start..at]);
        out.push_str(escape);
        start = at + 1;
    }
    out.push_str(&text[start..]);
    clean
}

#[cfg(test)]
mod tests {
    use super::push_escaped;

    #[test]
    fn what_xml_cannot_carry_is_seen() {
        let escaped = |text: &str| {
            let mut out = String::new();
            let clean = push_escaped(text, &mut out);
            (out, clean)
        };
        assert_eq!(
            escaped("D'Àrco & \"<b>\"\n"),
            ("D'Àrco &amp; &quot;&lt;b&gt;&quot;&#10;".to_owned(), true)
        );
        assert!(!escaped("a\u{1}b").1);
        assert!(!escaped("a\u{FFFF}").1);
    }
}

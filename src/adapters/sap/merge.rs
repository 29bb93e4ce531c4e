//! From what the register has and what is ordered to the document that is sent: section 0 and
//! section 6, nothing else, because we are not competent for the other sections.
//!
//! Items that are not ordered stay as they are written and where they are: foreign ones, those of
//! unknown promoters, and our own of which nothing is said. Ours take their former place, or the end.

use super::document::{Sap, Written};
use super::order::{Order, Ours};
use crate::mapping::write_xml::push_escaped;
use crate::personal::Personal;

/// Children of section 0 that a sending writes itself.
const OURS: [&str; 3] = ["dataultimoagg", "identificativosap", "tipovariazione"];
/// Those that stand between them, in the order of the document.
const KEPT: [&str; 2] = ["codiceentetit", "datadinascita"];

/// Merges an order into a SAP; `code` is its identifier, or `None` if there is none yet.
pub(super) fn merge(sap: &Sap, code: Option<&str>, order: &Order) -> Written {
    let mut merged = sap.clone();
    merged.items.clear();
    let mut placed = vec![false; order.ours.len()];
    for item in &sap.items {
        let wanted = item.key.as_ref().and_then(|key| order.ours.iter().position(|ours| ours.key == *key));
        match wanted {
            None => merged.items.push(item.clone()),
            // A second one with our key is a double of ours: it goes.
            Some(at) if !placed[at] => {
                placed[at] = true;
                merged.items.extend(order.ours[at].stays().then(|| order.ours[at].item.clone()));
            }
            Some(_) => {}
        }
    }
    let missing = order.ours.iter().zip(&placed).filter(|(ours, placed)| ours.stays() && !**placed);
    merged.items.extend(missing.map(|(ours, _)| ours.item.clone()));
    Written { text: Personal::new(document(&merged, code, order)), sap: merged }
}

/// The document's text.
fn document(sap: &Sap, code: Option<&str>, order: &Order) -> String {
    let mut out = sap.root.clone();
    out.push_str("<datiinvio>");
    header(sap, code, order, &mut out);
    out.push_str("</datiinvio>");
    if code.is_none() {
        // Section 0 does not say whose it is: only the identifier does, and there is none yet.
        out.push_str("<datianagrafici><datipersonali>");
        element("codicefiscale", order.codice_fiscale.expose(), &mut out);
        out.push_str("</datipersonali></datianagrafici>");
    }
    out.push_str(&sap.list);
    sap.items.iter().for_each(|item| out.push_str(&item.text));
    out.push_str("</politiche_attive_lst></lavoratore>");
    out
}

fn header(sap: &Sap, code: Option<&str>, order: &Order, out: &mut String) {
    let kept = |name: &str| sap.header.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str());
    let promoter = order.ours.first().map_or("", |ours| ours.key.promoter.as_str());
    element("dataultimoagg", &order.day, out);
    if let Some(code) = code {
        element("identificativosap", code, out);
    }
    match (kept("codiceentetit"), code) {
        (Some(text), _) => out.push_str(text),
        (None, None) => element("codiceentetit", promoter, out),
        (None, Some(_)) => {}
    }
    element("tipovariazione", if code.is_some() { "02" } else { "01" }, out);
    match (kept("datadinascita"), code) {
        (Some(text), _) => out.push_str(text),
        (None, None) => element("datadinascita", order.born.expose(), out),
        (None, Some(_)) => {}
    }
    let others = sap
        .header
        .iter()
        .filter(|(name, _)| !OURS.contains(&name.as_str()) && !KEPT.contains(&name.as_str()));
    others.for_each(|(_, text)| out.push_str(text));
}

fn element(name: &str, text: &str, out: &mut String) {
    out.push_str(&format!("<{name}>"));
    push_escaped(text, out);
    out.push_str(&format!("</{name}>"));
}

/// How an ordered item stands in a SAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// As ordered, and once.
    Done,
    /// Not at all, or still there although it should be gone.
    NotDone,
    /// There, but not as ordered.
    Otherwise,
}

/// How an operation stands.
pub(super) fn standing(sap: &Sap, ours: &Ours) -> Standing {
    let mut found = sap.items.iter().filter(|item| item.key.as_ref() == Some(&ours.key));
    match (found.next(), found.next()) {
        (None, _) if !ours.stays() => Standing::Done,
        (None, _) => Standing::NotDone,
        (Some(_), _) if !ours.stays() => Standing::NotDone,
        (Some(item), None) if super::document::says(&item.node, &ours.item.node) => Standing::Done,
        _ => Standing::Otherwise,
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;

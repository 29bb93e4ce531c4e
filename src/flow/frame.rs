//! What stands around the records of a container: bytes before them and after.

use super::container::{Header, nominal_ente};
use crate::mapping::Mapping;
use crate::mapping::document::Format;
use crate::mapping::path::{Scope, Slot};
use crate::mapping::plan::ElementPlan;
use crate::mapping::value::{Value, iso_date};
use crate::mapping::write::Writer;
use crate::schema::shape::Shape;

/// A container's bytes before and after its records.
#[derive(Clone, Debug)]
pub struct Frame {
    pub before: String,
    pub after: String,
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

impl Frame {
    /// The frame with the mapping's nominal header, for validating single records.
    ///
    /// # Errors
    /// Why the mapping's container cannot be built.
    pub fn nominal(mapping: &Mapping, shape: &Shape) -> Result<Self, String> {
        let nominal = &mapping.document.container.nominal;
        let ente = nominal_ente(nominal);
        let date = iso_date(&nominal.data).ok_or("container.nominal.data is not AAAA-MM-GG")?;
        let base = match mapping.document.container.root.as_str() {
            "" => String::new(),
            root => format!("{root}/"),
        };
        let json = mapping.flow.format == Format::Json;
        for record in &mapping.records {
            let name = record.base.strip_prefix(&base).filter(|name| !json || !name.contains('/'));
            if name.is_none_or(|name| name.ends_with("[]") != json) || record.base != mapping.records[0].base
            {
                let place = if json { "be one array of the container" } else { "stand below container.root" };
                return Err(format!("record.element must {place}"));
            }
        }
        Ok(Self::build(mapping, shape, &Header { name: &nominal.nome, date, ente: &ente }))
    }

    /// The frame with the header of one sending.
    pub fn build(mapping: &Mapping, shape: &Shape, header: &Header<'_>) -> Self {
        match mapping.flow.format {
            Format::Xml => xml(mapping, shape, header),
            Format::Json => json(mapping, shape, header),
        }
    }
}

fn xml(mapping: &Mapping, shape: &Shape, header: &Header<'_>) -> Frame {
    let table = &mapping.document.container;
    let mut scope = Scope::new(header_slots(header));
    let mut writer = Writer::new(&mapping.header_names, mapping.rows.len(), &[]);
    let (earlier, later) = around(mapping, shape);
    writer.out.push_str(DECLARATION);
    writer.out.push_str(&mapping.container.open);
    if let Some(namespace) = &table.namespace {
        writer.out.push_str(" xmlns=\"");
        writer.out.push_str(namespace);
        writer.out.push('"');
    }
    writer.attributes(&mapping.container, &scope);
    writer.out.push('>');
    for child in earlier {
        writer.element(child, &mut scope);
    }
    let lists = lists(mapping);
    writer.out.extend(lists.iter().map(|name| format!("<{name}>")));
    let before = std::mem::take(&mut writer.out);
    writer.out.extend(lists.iter().rev().map(|name| format!("</{name}>")));
    for child in later {
        writer.element(child, &mut scope);
    }
    writer.out.push_str(&mapping.container.close);
    Frame { before, after: writer.out }
}

/// The elements between the root and the records: the list in which they stand, if they do.
fn lists(mapping: &Mapping) -> Vec<&str> {
    let base = mapping.records.first().map_or("", |record| record.base.as_str());
    let below = base.strip_prefix(mapping.document.container.root.as_str()).unwrap_or_default();
    let mut names: Vec<&str> = below.split('/').filter(|name| !name.is_empty()).collect();
    names.pop();
    names
}

/// Members before the array of records, the array's brackets, members after it.
fn json(mapping: &Mapping, shape: &Shape, header: &Header<'_>) -> Frame {
    let mut scope = Scope::new(header_slots(header));
    let mut writer = Writer::new(&mapping.header_names, mapping.rows.len(), &[]);
    let (earlier, later) = around(mapping, shape);
    writer.out.push('{');
    for member in earlier {
        writer.member(std::slice::from_ref(member), 1, &mut scope);
    }
    if writer.out.len() > 1 {
        writer.out.push(',');
    }
    let array = mapping.records.first().map_or("", |record| record.base.trim_end_matches("[]"));
    writer.out.push_str(&format!("\"{array}\":["));
    let before = std::mem::take(&mut writer.out);
    writer.out.push(']');
    for member in later {
        writer.member(std::slice::from_ref(member), 0, &mut scope);
    }
    writer.out.push('}');
    Frame { before, after: writer.out }
}

/// The container's own children, before and after its records.
fn around<'m>(mapping: &'m Mapping, shape: &Shape) -> (Vec<&'m ElementPlan>, Vec<&'m ElementPlan>) {
    let root = &mapping.document.container.root;
    let order = |path: &str| shape.place(path).map_or(usize::MAX, |node| node.order);
    let record = mapping.records.first().map_or(usize::MAX, |record| order(&record.base));
    let place = |child: &ElementPlan| {
        let name = if child.is_array { format!("{}[]", child.name) } else { child.name.clone() };
        if root.is_empty() { name } else { format!("{root}/{name}") }
    };
    mapping.container.children.iter().partition(|child| order(&place(child)) <= record)
}

/// Values in the order of `ENTE_FIELDS` and `INVIO_FIELDS`.
fn header_slots<'a>(header: &Header<'a>) -> Vec<Slot<'a>> {
    let text = |text: &'a str| if text.is_empty() { Value::Absent } else { Value::Text(text.into()) };
    let ente = header.ente;
    let operator = ente.operator.as_deref().map_or(Value::Absent, text);
    vec![
        Slot::Made(vec![text(&ente.code), text(&ente.name), text(&ente.seat), operator]),
        Slot::Made(vec![text(header.name), Value::Date(header.date)]),
    ]
}

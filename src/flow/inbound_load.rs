//! Loads an inbound flow whole or not at all.

use super::catalog::{defect, load_codes};
use super::files::Files;
use super::inbound::InboundFlow;
use super::inbound_check;
use crate::mapping::Defect;
use crate::mapping::document::Format;
use crate::mapping::inbound;
use crate::mapping::inbound_tree::answer_shape;
use crate::mapping::value::iso_date;
use crate::rules;
use crate::schema::XmlSchema;
use crate::schema::shape::Shape;
use std::sync::Arc;

/// Loads one inbound flow and checks it.
pub(super) fn load(
    files: &dyn Files,
    id: &str,
    text: &str,
    folder_shape: &Arc<Shape>,
) -> Result<InboundFlow, Vec<Defect>> {
    let one = |defect: Defect| vec![defect];
    let file = format!("mappings/{id}/mapping.toml");
    let document = inbound::read(&file, text)?;
    if document.flow.format != Format::Xml {
        return Err(one(defect(&file, "an inbound flow reads XML: format = \"xml\"")));
    }
    let codes = load_codes(files, id)?;
    let path = format!("schemas/{id}/{}", document.flow.schema);
    let source = files.text(&path).ok_or_else(|| one(defect(&path, "the schema is missing")))?;
    let schema = XmlSchema::compile(&source).map_err(|error| one(defect(&path, &error.to_string())))?;
    let mut mapping = inbound::compile(&file, text, document, codes)?;
    let rules_file = format!("mappings/{id}/rules.toml");
    let rules_text = files.text(&rules_file).unwrap_or_default();
    let kinds: Vec<&str> = mapping.lists.iter().map(|list| list.table.name.as_str()).collect();
    let rules = rules::compile_over(&rules_file, &rules_text, &mut mapping.names, &mapping.codes, &kinds)?;
    let day = |text: &str| {
        iso_date(text).ok_or_else(|| one(defect(&file, &format!("`{text}` is not a date AAAA-MM-GG"))))
    };
    let valid_from = day(&mapping.flow.valid_from)?;
    let valid_to = mapping.flow.valid_to.as_deref().map(day).transpose()?;
    let flow = InboundFlow {
        id: id.to_owned(),
        answer_shape: answer_shape(schema.shape()),
        folder_shape: Arc::clone(folder_shape),
        mapping,
        rules,
        schema,
        valid_from,
        valid_to,
    };
    let defects = inbound_check::flow(&flow, files);
    if defects.is_empty() { Ok(flow) } else { Err(defects) }
}

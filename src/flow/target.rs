//! The schema of a payload, whichever language it is written in.

use crate::mapping::compile::Targets;
use crate::mapping::document::{Format, MappingDocument};
use crate::schema::{JsonSchema, SchemaError, SchemaProblem, XmlSchema};

/// A compiled schema.
pub(super) enum Schema {
    Xml(Box<XmlSchema>),
    Json(JsonSchema),
}

impl Schema {
    pub fn compile(format: Format, text: &str) -> Result<Self, SchemaError> {
        Ok(match format {
            Format::Xml => Self::Xml(Box::new(XmlSchema::compile(text)?)),
            Format::Json => Self::Json(JsonSchema::compile(text)?),
        })
    }

    /// The places to which rows may write: of the container, and of each kind of record.
    pub fn targets(&self, document: &MappingDocument) -> Result<Targets, SchemaError> {
        let schema = match self {
            Self::Xml(schema) => {
                return Ok(Targets { container: schema.shape().clone(), records: Vec::new() });
            }
            Self::Json(schema) => schema,
        };
        let records = document.record.tables.iter().map(|table| {
            let definition = table.definition.as_deref().unwrap_or_default();
            schema.targets(Some(definition), &table.element)
        });
        Ok(Targets { container: schema.targets(None, "")?, records: records.collect::<Result<_, _>>()? })
    }

    pub fn validate(&self, payload: &[u8]) -> Vec<SchemaProblem> {
        match self {
            Self::Xml(schema) => schema.validate(payload),
            Self::Json(schema) => schema.validate(payload),
        }
    }
}

//! Reading of simple types: built-ins, restrictions, facets.

use super::SchemaError;
use super::xsd_model::{Facets, SimpleType};
use super::xsd_read::Reading;
use super::xsd_tree::Tag;

/// The built-in types that a schema of ours may name.
const BUILT_INS: [&str; 25] = [
    "string",
    "normalizedString",
    "token",
    "boolean",
    "decimal",
    "integer",
    "nonNegativeInteger",
    "positiveInteger",
    "long",
    "int",
    "short",
    "byte",
    "unsignedLong",
    "unsignedInt",
    "unsignedShort",
    "date",
    "dateTime",
    "time",
    "gYear",
    "gYearMonth",
    "anyURI",
    "base64Binary",
    "ID",
    "NMTOKEN",
    "language",
];

/// A chain of restrictions longer than this is refused (it is a cycle).
const MOST_STEPS: usize = 16;

impl Reading<'_> {
    /// The type that the attribute `type` (or `base`) of `tag` names.
    pub(super) fn named_simple(&self, qname: &str, depth: usize) -> Result<SimpleType, SchemaError> {
        let (built_in, local) = self.resolve(qname)?;
        if built_in {
            return match BUILT_INS.contains(&local) {
                true => Ok(SimpleType { base: local.into(), steps: Vec::new(), understood: true }),
                false if local == "anySimpleType" => Err(SchemaError::not_understood(qname, "type")),
                false => Err(SchemaError::Unresolved(qname.into())),
            };
        }
        let declared = self.global("simpleType", local).ok_or(SchemaError::Unresolved(qname.into()))?;
        self.simple(declared, depth + 1)
    }

    /// A `simpleType` tag: one restriction upon a named or nested base.
    pub(super) fn simple(&self, tag: &Tag, depth: usize) -> Result<SimpleType, SchemaError> {
        if depth > MOST_STEPS {
            return Err(SchemaError::Refused(format!("the definition of {} is circular", tag.label())));
        }
        match tag.parts().next() {
            Some(restriction) if restriction.name == "restriction" => self.restriction(restriction, depth),
            Some(other) => Err(SchemaError::not_understood(&other.name, tag.label())),
            None => Err(SchemaError::not_understood("an empty simpleType", tag.label())),
        }
    }

    /// A `restriction` tag with its facets.
    pub(super) fn restriction(&self, tag: &Tag, depth: usize) -> Result<SimpleType, SchemaError> {
        let nested = tag.parts().find(|part| part.name == "simpleType");
        let mut simple = match (tag.attribute("base"), nested) {
            (Some(base), None) => self.named_simple(base, depth)?,
            (None, Some(nested)) => self.simple(nested, depth + 1)?,
            _ => return Err(SchemaError::not_understood("restriction", "one base is due")),
        };
        let mut facets = Facets::default();
        for part in tag.parts().filter(|part| part.name != "simpleType") {
            read_facet(part, &mut facets)?;
        }
        simple.understood &= !facets.others;
        simple.steps.push(facets);
        Ok(simple)
    }
}

fn read_facet(part: &Tag, facets: &mut Facets) -> Result<(), SchemaError> {
    let value = part.attribute("value").unwrap_or_default().to_owned();
    match part.name.as_str() {
        "pattern" => facets.patterns.push(value),
        "enumeration" => facets.enumeration.push(value),
        "length" => {
            facets.min_length = Some(number(part, &value)?);
            facets.max_length = facets.min_length;
        }
        "minLength" => facets.min_length = Some(number(part, &value)?),
        "maxLength" => facets.max_length = Some(number(part, &value)?),
        "minInclusive" => facets.min_inclusive = Some(value),
        "maxInclusive" => facets.max_inclusive = Some(value),
        "fractionDigits" => facets.fraction_digits = Some(number(part, &value)?),
        "totalDigits" => facets.total_digits = Some(number(part, &value)?),
        "whiteSpace" | "minExclusive" | "maxExclusive" => facets.others = true,
        other => return Err(SchemaError::not_understood(other, "restriction")),
    }
    Ok(())
}

fn number<N: std::str::FromStr>(part: &Tag, value: &str) -> Result<N, SchemaError> {
    value.parse().map_err(|_| SchemaError::Unreadable(format!("{}: `{value}` is not a number", part.name)))
}

//! From the tree of an XSD to the resolved model.
//!
//! Whatever is not understood is refused by name, so that a schema never says
//! less here than it says to a full processor.

use super::SchemaError;
use super::xsd_model::{Attribute, ComplexType, Content, Element, Model, Occurs, SimpleType, Titles};
use super::xsd_tree::{self, Tag, XSD_NAMESPACE};

/// Elements nested deeper than this are refused (the type is recursive).
const MOST_DEPTH: usize = 32;
/// Elements, in all: a schema whose shared types multiply is refused.
const MOST_ELEMENTS: usize = 20_000;

/// Reads `source` (XSD 1.0, one file) into its model.
pub(super) fn read(source: &str) -> Result<Model, SchemaError> {
    let schema = xsd_tree::read(source)?;
    for part in schema.parts() {
        match part.name.as_str() {
            "element" | "complexType" | "simpleType" => {}
            "import" | "include" | "redefine" | "override" => {
                let location = part.attribute("schemaLocation").or_else(|| part.attribute("namespace"));
                return Err(SchemaError::OtherDocument(location.unwrap_or(&part.name).into()));
            }
            _ => return Err(SchemaError::not_understood(part.label(), "schema")),
        }
    }
    if schema.attribute("attributeFormDefault") == Some("qualified") {
        return Err(SchemaError::not_understood("attributeFormDefault", "schema"));
    }
    let reading = Reading { schema: &schema, elements: 0.into() };
    reading.every_type()?;
    let globals = schema.parts().filter(|part| part.name == "element");
    let roots = globals.map(|tag| reading.element(tag, 0)).collect::<Result<Vec<_>, _>>()?;
    Ok(Model {
        namespace: schema.attribute("targetNamespace").unwrap_or_default().to_owned(),
        qualified: schema.attribute("elementFormDefault") == Some("qualified"),
        roots,
    })
}

/// A schema being read.
pub(super) struct Reading<'s> {
    schema: &'s Tag,
    elements: std::cell::Cell<usize>,
}

impl Reading<'_> {
    /// Whether `qname` is in the XML Schema namespace, and its local name.
    pub(super) fn resolve<'q>(&self, qname: &'q str) -> Result<(bool, &'q str), SchemaError> {
        let (prefix, local) = qname.split_once(':').unwrap_or(("", qname));
        let key = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
        let namespace = self.schema.attribute(&key).unwrap_or_default();
        let target = self.schema.attribute("targetNamespace").unwrap_or_default();
        match namespace {
            XSD_NAMESPACE => Ok((true, local)),
            _ if namespace == target => Ok((false, local)),
            _ => Err(SchemaError::Unresolved(qname.into())),
        }
    }

    pub(super) fn global(&self, kind: &str, name: &str) -> Option<&Tag> {
        self.schema.parts().find(|part| part.name == kind && part.attribute("name") == Some(name))
    }

    /// Resolves also the types that no element uses.
    fn every_type(&self) -> Result<(), SchemaError> {
        for part in self.schema.parts() {
            match part.name.as_str() {
                "simpleType" => drop(self.simple(part, 0)?),
                "complexType" => drop(self.complex(part, 0)?),
                _ => {}
            }
        }
        Ok(())
    }

    fn element(&self, tag: &Tag, depth: usize) -> Result<Element, SchemaError> {
        self.elements.set(self.elements.get() + 1);
        if depth > MOST_DEPTH || self.elements.get() > MOST_ELEMENTS {
            return Err(SchemaError::not_understood(tag.label(), "a recursive or too large type"));
        }
        let occurs = occurs(tag)?;
        if let Some(reference) = tag.attribute("ref") {
            let (built_in, local) = self.resolve(reference)?;
            let global = self.global("element", local).filter(|_| !built_in);
            let global = global.ok_or(SchemaError::Unresolved(reference.into()))?;
            return Ok(Element { occurs, ..self.element(global, depth + 1)? });
        }
        let special =
            ["fixed", "default", "nillable", "abstract", "substitutionGroup", "block", "final", "form"];
        Ok(Element {
            name: name(tag)?,
            occurs,
            titles: titles(tag),
            content: self.content(tag, depth)?,
            plain: !special.iter().any(|name| tag.attribute(name).is_some()),
        })
    }

    fn content(&self, tag: &Tag, depth: usize) -> Result<Content, SchemaError> {
        let mut parts = tag.parts();
        let (nested, more) = (parts.next(), parts.next());
        if let Some(more) = more {
            return Err(SchemaError::not_understood(more.label(), tag.label()));
        }
        match (tag.attribute("type"), nested) {
            (Some(named), None) => self.named(named, depth),
            (None, Some(nested)) if nested.name == "complexType" => {
                Ok(Content::Complex(self.complex(nested, depth)?))
            }
            (None, Some(nested)) if nested.name == "simpleType" => {
                Ok(Content::Simple(self.simple(nested, 0)?))
            }
            _ => Err(SchemaError::not_understood("an element without one type", tag.label())),
        }
    }

    fn named(&self, qname: &str, depth: usize) -> Result<Content, SchemaError> {
        let (built_in, local) = self.resolve(qname)?;
        match self.global("complexType", local).filter(|_| !built_in) {
            Some(tag) => Ok(Content::Complex(self.complex(tag, depth + 1)?)),
            None => Ok(Content::Simple(self.named_simple(qname, 0)?)),
        }
    }

    fn complex(&self, tag: &Tag, depth: usize) -> Result<ComplexType, SchemaError> {
        let plain = ["mixed", "abstract", "block", "final"].iter().all(|name| tag.attribute(name).is_none());
        let mut complex = ComplexType { sequence: plain, ..ComplexType::default() };
        if tag.attribute("mixed") == Some("true") {
            return Err(SchemaError::not_understood("mixed content", tag.label()));
        }
        for part in tag.parts() {
            match part.name.as_str() {
                "sequence" | "choice" | "all" => self.group(part, depth, Occurs::ONCE, &mut complex)?,
                "attribute" => complex.attributes.extend(self.attribute(part)?),
                "simpleContent" => self.simple_content(part, &mut complex)?,
                _ => return Err(SchemaError::not_understood(part.label(), tag.label())),
            }
        }
        Ok(complex)
    }

    /// A group's elements, flattened; anything but one plain sequence is
    /// marked, and its elements may be absent.
    fn group(
        &self,
        tag: &Tag,
        depth: usize,
        outer: Occurs,
        into: &mut ComplexType,
    ) -> Result<(), SchemaError> {
        let own = occurs(tag)?;
        let nested = outer != Occurs::ONCE || own != Occurs::ONCE || !into.children.is_empty();
        into.sequence &= tag.name == "sequence" && !nested;
        for part in tag.parts() {
            match part.name.as_str() {
                "element" => {
                    let mut element = self.element(part, depth + 1)?;
                    let optional = tag.name == "choice" || own.min == 0 || outer.min == 0;
                    element.occurs.min = if optional { 0 } else { element.occurs.min };
                    element.occurs.max = times(element.occurs.max, times(own.max, outer.max));
                    into.children.push(element);
                }
                "sequence" | "choice" => {
                    let min = if tag.name == "choice" { 0 } else { own.min.min(outer.min) };
                    let around = Occurs { min, max: times(own.max, outer.max) };
                    into.sequence = false;
                    self.group(part, depth + 1, around, into)?;
                    into.sequence = false;
                }
                _ => return Err(SchemaError::not_understood(part.label(), tag.label())),
            }
        }
        Ok(())
    }

    fn simple_content(&self, tag: &Tag, into: &mut ComplexType) -> Result<(), SchemaError> {
        let extension = tag.parts().find(|part| part.name == "extension");
        let extension =
            extension.ok_or_else(|| SchemaError::not_understood("simpleContent", "extension is due"))?;
        into.text = Some(self.named_simple(extension.attribute("base").unwrap_or_default(), 0)?);
        for part in extension.parts() {
            match part.name.as_str() {
                "attribute" => into.attributes.extend(self.attribute(part)?),
                _ => return Err(SchemaError::not_understood(part.label(), "extension")),
            }
        }
        Ok(())
    }

    /// `None` for a prohibited attribute.
    fn attribute(&self, tag: &Tag) -> Result<Option<Attribute>, SchemaError> {
        if tag.attribute("ref").is_some() || tag.attribute("form") == Some("qualified") {
            return Err(SchemaError::not_understood(tag.label(), "a qualified attribute"));
        }
        if tag.attribute("use") == Some("prohibited") {
            return Ok(None);
        }
        Ok(Some(Attribute {
            name: name(tag)?,
            required: tag.attribute("use") == Some("required"),
            titles: titles(tag),
            value: self.attribute_value(tag)?,
            plain: tag.attribute("fixed").is_none() && tag.attribute("default").is_none(),
        }))
    }

    fn attribute_value(&self, tag: &Tag) -> Result<SimpleType, SchemaError> {
        match (tag.attribute("type"), tag.parts().next()) {
            (Some(named), None) => self.named_simple(named, 0),
            (None, Some(nested)) if nested.name == "simpleType" => self.simple(nested, 0),
            _ => Err(SchemaError::not_understood("an attribute without one type", tag.label())),
        }
    }
}

fn name(tag: &Tag) -> Result<String, SchemaError> {
    let name = tag.attribute("name").ok_or_else(|| SchemaError::not_understood("no name", &*tag.name))?;
    Ok(name.to_owned())
}

fn titles(tag: &Tag) -> Titles {
    Titles { it: tag.documentation("it"), en: tag.documentation("en") }
}

/// The product of two upper bounds; `None` is unbounded.
fn times(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    one.zip(other).map(|(one, other)| one.saturating_mul(other))
}

fn occurs(tag: &Tag) -> Result<Occurs, SchemaError> {
    let read = |name: &str| match tag.attribute(name) {
        None => Ok(Some(1)),
        Some("unbounded") => Ok(None),
        Some(number) => number.parse().map(Some).map_err(|_| SchemaError::not_understood(name, tag.label())),
    };
    let min = read("minOccurs")?.ok_or_else(|| SchemaError::not_understood("minOccurs", tag.label()))?;
    Ok(Occurs { min, max: read("maxOccurs")? })
}

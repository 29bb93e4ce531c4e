//! An XSD as a [`Shape`]: the places a mapping may fill.

use super::SchemaError;
use super::shape::{Kind, Node, Shape};
use super::xsd_model::{ComplexType, Content, Element, Model, Occurs, SimpleType, Titles};

/// Compiles the text of an XSD 1.0 (one document) to its shape.
///
/// # Errors
/// As [`super::XmlSchema::compile`]: whatever is not understood is named.
pub fn compile(source: &str) -> Result<Shape, SchemaError> {
    Ok(from_model(&super::xsd_read::read(source)?))
}

pub(super) fn from_model(model: &Model) -> Shape {
    let mut writer = Writer::default();
    for root in &model.roots {
        writer.element(root, "");
    }
    writer.shape
}

#[derive(Default)]
struct Writer {
    shape: Shape,
}

impl Writer {
    fn element(&mut self, element: &Element, parent: &str) {
        let path = join(parent, &element.name);
        let node = match &element.content {
            Content::Simple(simple) => simple_node(simple),
            Content::Complex(ComplexType { text: Some(simple), .. }) => simple_node(simple),
            Content::Complex(_) => empty_node(Kind::Object),
        };
        self.place(&path, node, element.occurs, &element.titles);
        if let Content::Complex(complex) = &element.content {
            self.inside(complex, &path);
        }
    }

    fn inside(&mut self, complex: &ComplexType, path: &str) {
        for attribute in &complex.attributes {
            let occurs = Occurs { min: attribute.required.into(), max: Some(1) };
            let path = join(path, &format!("@{}", attribute.name));
            self.place(&path, simple_node(&attribute.value), occurs, &attribute.titles);
        }
        for child in &complex.children {
            self.element(child, path);
        }
    }

    fn place(&mut self, path: &str, node: Node, occurs: Occurs, titles: &Titles) {
        let order = self.shape.nodes.len();
        let titles = titles.clone();
        let node = Node {
            min_occurs: occurs.min,
            max_occurs: occurs.max,
            title_it: titles.it,
            title_en: titles.en,
            order,
            ..node
        };
        self.shape.nodes.entry(path.to_owned()).or_insert(node);
    }
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

pub(super) fn empty_node(kind: Kind) -> Node {
    Node {
        kind,
        min_occurs: 1,
        max_occurs: Some(1),
        min_length: None,
        max_length: None,
        min_value: None,
        max_value: None,
        enumeration: Vec::new(),
        pattern: None,
        title_it: None,
        title_en: None,
        order: 0,
    }
}

/// The facets of all steps together; of patterns and enumerations the last.
fn simple_node(simple: &SimpleType) -> Node {
    let mut node = empty_node(kind(&simple.base));
    (node.min_value, node.max_value) = bounds(&simple.base);
    for facets in &simple.steps {
        node.min_length = facets.min_length.or(node.min_length);
        node.max_length = facets.max_length.or(node.max_length);
        node.min_value = facets.min_inclusive.clone().or(node.min_value);
        node.max_value = facets.max_inclusive.clone().or(node.max_value);
        match facets.patterns.as_slice() {
            [] => {}
            [one] => node.pattern = Some(one.clone()),
            several => node.pattern = Some(several.join("|")),
        }
        if !facets.enumeration.is_empty() {
            node.enumeration.clone_from(&facets.enumeration);
        }
    }
    node
}

fn kind(base: &str) -> Kind {
    match base {
        "boolean" => Kind::Boolean,
        "decimal" => Kind::Decimal,
        "date" => Kind::Date,
        "dateTime" => Kind::DateTime,
        "integer" | "nonNegativeInteger" | "positiveInteger" | "long" | "int" | "short" | "byte"
        | "unsignedLong" | "unsignedInt" | "unsignedShort" => Kind::Integer,
        _ => Kind::Text,
    }
}

/// The bounds that a built-in integer brings along.
fn bounds(base: &str) -> (Option<String>, Option<String>) {
    let (min, max) = match base {
        "nonNegativeInteger" => (Some("0"), None),
        "positiveInteger" => (Some("1"), None),
        "long" => (Some("-9223372036854775808"), Some("9223372036854775807")),
        "int" => (Some("-2147483648"), Some("2147483647")),
        "short" => (Some("-32768"), Some("32767")),
        "byte" => (Some("-128"), Some("127")),
        "unsignedLong" => (Some("0"), Some("18446744073709551615")),
        "unsignedInt" => (Some("0"), Some("4294967295")),
        "unsignedShort" => (Some("0"), Some("65535")),
        _ => (None, None),
    };
    (min.map(str::to_owned), max.map(str::to_owned))
}

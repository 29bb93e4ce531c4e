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
        bare: false,
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

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:a" targetNamespace="urn:a">
      <xs:element name="Root" type="RootType"/>
      <xs:complexType name="RootType">
        <xs:sequence>
          <xs:element name="First" type="xs:date"/>
          <xs:choice maxOccurs="3">
            <xs:element name="Left" type="Short"/>
            <xs:element name="Right"><xs:complexType><xs:simpleContent><xs:extension base="xs:decimal">
              <xs:attribute name="Unit" type="xs:string" use="required"/>
            </xs:extension></xs:simpleContent></xs:complexType></xs:element>
          </xs:choice>
        </xs:sequence>
        <xs:attribute name="Months" use="required">
          <xs:annotation>
            <xs:documentation xml:lang="it">Mesi
              interi</xs:documentation>
            <xs:documentation xml:lang="en">Months</xs:documentation>
          </xs:annotation>
          <xs:simpleType><xs:restriction base="xs:int">
            <xs:minInclusive value="1"/><xs:maxInclusive value="12"/>
          </xs:restriction></xs:simpleType>
        </xs:attribute>
      </xs:complexType>
      <xs:simpleType name="Short"><xs:restriction base="Code"><xs:maxLength value="2"/></xs:restriction></xs:simpleType>
      <xs:simpleType name="Code"><xs:restriction base="xs:string">
        <xs:maxLength value="9"/><xs:pattern value="a"/><xs:pattern value="b"/>
      </xs:restriction></xs:simpleType>
    </xs:schema>"#;

    #[test]
    fn knows_every_place_in_document_order() {
        let shape = compile(SCHEMA).expect("a shape");
        let mut places: Vec<_> = shape.nodes.iter().map(|(path, node)| (node.order, path.as_str())).collect();
        places.sort_unstable();
        let paths: Vec<_> = places.into_iter().map(|(_, path)| path).collect();
        assert_eq!(
            paths,
            ["Root", "Root/@Months", "Root/First", "Root/Left", "Root/Right", "Root/Right/@Unit"]
        );
        let at = |path: &str| &shape.nodes[path];
        assert_eq!((at("Root/First").kind, at("Root/First").min_occurs), (Kind::Date, 1));
        assert_eq!((at("Root/Left").min_occurs, at("Root/Left").max_occurs), (0, Some(3)));
        assert_eq!((at("Root/Left").max_length, at("Root/Left").pattern.as_deref()), (Some(2), Some("a|b")));
        assert_eq!((at("Root/Right").kind, at("Root/Right/@Unit").min_occurs), (Kind::Decimal, 1));
        let months = at("Root/@Months");
        assert_eq!((months.min_value.as_deref(), months.max_value.as_deref()), (Some("1"), Some("12")));
        assert_eq!(
            (months.title_it.as_deref(), months.title_en.as_deref()),
            (Some("Mesi interi"), Some("Months"))
        );
    }
}

//! An answer's documents as one tree, in the words in which an inbound mapping names its
//! places: `lavoratore.politiche_attive_lst.politiche_attive[]`.

use super::read_xml::{self, Element};
use crate::schema::shape::{Kind, Node, Shape};
use serde_json::{Map, Value as Json};
use std::borrow::Cow;

/// Elements nested deeper than this are refused.
const DEEPEST: usize = 64;

/// The places of an answer's schema with dots, and `[]` behind what repeats.
pub fn answer_shape(schema: &Shape) -> Shape {
    let nodes = schema.nodes.iter().filter(|(path, _)| !path.contains('@'));
    Shape { nodes: nodes.map(|(path, node)| (dotted(path, schema), node.clone())).collect() }
}

fn dotted(path: &str, schema: &Shape) -> String {
    let mut out = String::with_capacity(path.len() + 8);
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    let mut from = 0;
    for end in ends {
        if from > 0 {
            out.push('.');
        }
        out.push_str(&path[from..end]);
        // The roots of a schema stand once, whatever their declaration says.
        if from > 0 && schema.nodes.get(&path[..end]).is_some_and(repeats) {
            out.push_str("[]");
        }
        from = end + 1;
    }
    out
}

fn repeats(node: &Node) -> bool {
    node.max_occurs != Some(1)
}

/// The text of a document that may have been escaped up to `levels` times; `None` if it is no
/// UTF-8, or still escaped then.
pub fn unescaped(bytes: &[u8], levels: u8) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut text = Cow::Borrowed(text.trim_start_matches('\u{feff}').trim());
    for _ in 0..levels {
        if !text.starts_with('&') {
            break;
        }
        text = Cow::Owned(quick_xml::escape::unescape(&text).ok()?.trim().to_owned());
    }
    (!text.starts_with('&')).then_some(text)
}

/// Name and content of a document's root; `None` if it is no XML that can be read.
///
/// What the schema does not know is left out, and so is an element without text or members of
/// which the schema wants text: absent and empty are one.
pub fn read(text: &str, schema: &Shape) -> Option<(String, Json)> {
    let root = read_xml::read(text.as_bytes(), DEEPEST).ok()?;
    let node = schema.nodes.get(&root.name)?;
    let content = content(&root, &root.name, node, schema).unwrap_or_else(|| Json::Object(Map::new()));
    Some((root.name, content))
}

fn content(element: &Element, path: &str, node: &Node, schema: &Shape) -> Option<Json> {
    if node.kind != Kind::Object {
        return leaf(&element.text, node.kind);
    }
    let mut members = Map::new();
    for child in &element.children {
        let path = format!("{path}/{}", child.name);
        let Some(node) = schema.nodes.get(&path) else { continue };
        let Some(value) = content(child, &path, node, schema) else { continue };
        let list = repeats(node);
        match (list, members.get_mut(&child.name)) {
            (true, Some(Json::Array(list))) => list.push(value),
            (true, _) => drop(members.insert(child.name.clone(), Json::Array(vec![value]))),
            // Of what stands twice where it may stand once, the first counts; the schema says so.
            (false, Some(_)) => {}
            (false, None) => drop(members.insert(child.name.clone(), value)),
        }
    }
    Some(Json::Object(members))
}

/// Text stays text, whatever number it looks like; integers and booleans become what they are.
fn leaf(text: &str, kind: Kind) -> Option<Json> {
    let as_text = || Json::String(text.to_owned());
    Some(match kind {
        _ if text.is_empty() => return None,
        Kind::Integer => text.parse::<i64>().map_or_else(|_| as_text(), Json::from),
        Kind::Boolean => match text {
            "true" | "1" => Json::Bool(true),
            "false" | "0" => Json::Bool(false),
            _ => as_text(),
        },
        _ => as_text(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::XmlSchema;

    const SCHEMA: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
      <xs:element name="r"><xs:complexType><xs:sequence>
        <xs:element name="n" type="xs:integer" minOccurs="0"/>
        <xs:element name="l" minOccurs="0"><xs:complexType><xs:sequence>
          <xs:element name="i" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>
        </xs:sequence></xs:complexType></xs:element>
        <xs:element name="e" minOccurs="0"><xs:complexType/></xs:element>
      </xs:sequence></xs:complexType></xs:element></xs:schema>"#;

    #[test]
    fn a_document_becomes_a_tree_in_the_schemas_words() {
        let schema = XmlSchema::compile(SCHEMA).unwrap();
        let shape = answer_shape(schema.shape());
        let paths: Vec<&str> = shape.nodes.keys().map(String::as_str).collect();
        assert_eq!(paths, ["r", "r.e", "r.l", "r.l.i[]", "r.n"]);
        let text = "<r><n>07</n><l><i> a &amp; b </i><i/><i>0.00</i></l><e/><x>7</x></r>";
        let (root, tree) = read(text, schema.shape()).unwrap();
        let expected = serde_json::json!({"n": 7, "l": {"i": ["a & b", "0.00"]}, "e": {}});
        assert_eq!((root.as_str(), tree), ("r", expected));
        assert!(read("<other/>", schema.shape()).is_none());
        assert!(read("<!DOCTYPE r><r/>", schema.shape()).is_none());
        assert!(read("<r><n></r>", schema.shape()).is_none());
    }

    #[test]
    fn escaping_is_undone_as_often_as_allowed() {
        let once = quick_xml::escape::escape("<r><n>1</n></r>").into_owned();
        let twice = quick_xml::escape::escape(&once).into_owned();
        let thrice = quick_xml::escape::escape(&twice).into_owned();
        for text in ["<r><n>1</n></r>", &once, &twice] {
            assert_eq!(unescaped(text.as_bytes(), 2).as_deref(), Some("<r><n>1</n></r>"));
        }
        assert_eq!(unescaped(thrice.as_bytes(), 2), None);
        assert_eq!(unescaped(b" 0 ", 2).as_deref(), Some("0"));
        assert_eq!(unescaped(b"\xff", 2), None);
    }
}

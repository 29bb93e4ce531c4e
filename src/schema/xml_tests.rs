//! XML validation on small schemas: what is refused, where, and in which words.

use super::{SchemaError, SchemaProblem, XmlSchema};

const SCHEMA: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:a"
    targetNamespace="urn:a" elementFormDefault="qualified">
  <xs:element name="List">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="Item" maxOccurs="unbounded">
          <xs:complexType>
            <xs:sequence>
              <xs:element name="Note" type="xs:string" minOccurs="0"/>
            </xs:sequence>
            <xs:attribute name="Code" type="CodeType" use="required"/>
            <xs:attribute name="Day" type="xs:date"/>
            <xs:attribute name="Price" type="xs:decimal"/>
          </xs:complexType>
        </xs:element>
      </xs:sequence>
    </xs:complexType>
  </xs:element>
  <xs:simpleType name="CodeType">
    <xs:restriction base="xs:string"><xs:pattern value="[A-Z][0-9]{3}"/></xs:restriction>
  </xs:simpleType>
</xs:schema>"#;

fn schema() -> XmlSchema {
    XmlSchema::compile(SCHEMA).expect("the schema compiles")
}

fn problems(inside: &str) -> Vec<SchemaProblem> {
    schema().validate(format!("<List xmlns=\"urn:a\">{inside}</List>").as_bytes())
}

fn told(inside: &str) -> Vec<String> {
    problems(inside).into_iter().map(|problem| format!("{} {}", problem.code, problem.path)).collect()
}

#[test]
fn accepts_valid_documents_by_plan_and_by_validator() {
    let document = br#"<?xml version="1.0" encoding="UTF-8"?>
        <List xmlns="urn:a"><Item Code="H501" Day='2024-02-29'><Note>D&apos;Al&#232;s</Note></Item></List>"#;
    assert_eq!(schema().validate(document), []);
    let plain =
        br#"<List xmlns="urn:a"><Item Code="H501" Price="-1.50"><Note>D&apos;Al</Note></Item></List>"#;
    assert!(schema().surely_valid(plain));
    assert_eq!(schema().validator().expect("a validator").validate_fully(plain), []);
}

#[test]
fn names_place_and_rule() {
    assert_eq!(told(r#"<Item Code="H501"/><Item Code="501"/>"#), ["cvc-pattern-valid List/Item[2]/@Code"]);
    assert_eq!(told("<Item/>"), ["cvc-complex-type.4 List/Item[1]/@Code"]);
    assert_eq!(told(r#"<Item Code="H501" Other="1"/>"#), ["cvc-complex-type.3.2.2 List/Item[1]/@Other"]);
    assert_eq!(told(""), ["cvc-complex-type.2.4 List"]);
    assert_eq!(told(r#"<Item Code="H501" Day=" 2024-02-29"/>"#), ["surrounding-blanks List/Item/@Day"]);
    assert_eq!(told("\u{a0}<Item Code=\"H501\"/>"), ["cvc-complex-type.2.3 List"]);
}

#[test]
fn tells_line_and_column() {
    let problems = problems("\n  <Item Code=\"H501\"/>\n  <Item Code=\"x\"/>");
    assert_eq!((problems[0].line, problems[0].column), (Some(3), Some(3)));
}

#[test]
fn never_repeats_a_value() {
    let secret = "ROSSIMARIO";
    for inside in [
        format!("<Item Code=\"{secret}\"/>"),
        format!("<Item Code=\"H501\" Day=\"{secret}\"/>"),
        format!("<Item Code=\"H501\" Price=\"{secret}\"/>"),
        format!("<Item Code=\"H501\">{secret}</Item>"),
        format!("<Item Code=\"H501\" Other=\"{secret}\"/>"),
        format!("<Item Code=\"H501\" Day=\"&{secret};\"/>"),
    ] {
        let problems = problems(&inside);
        assert!(!problems.is_empty());
        assert!(problems.iter().all(|problem| !format!("{problem:?}").contains(secret)), "{problems:?}");
    }
}

#[test]
fn refuses_what_could_harm() {
    let code = |document: &str| schema().validate(document.as_bytes()).remove(0).code;
    let dtd = "<!DOCTYPE List [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><List xmlns=\"urn:a\"/>";
    assert_eq!(code(dtd), "dtd-refused");
    assert_eq!(code("<List xmlns=\"urn:a\"><Item>"), "cvc-complex-type.4");
    let latin =
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><List xmlns=\"urn:a\"><Item Code=\"H501\"/></List>";
    assert_eq!(code(latin), "encoding-refused");
    let section = "<List xmlns=\"urn:a\"><![CDATA[ ]]><Item Code=\"H501\"/></List>";
    assert_eq!(code(section), "cvc-complex-type.2.3");
    assert_eq!(code("<List"), "not-well-formed");
    assert_eq!(code(""), "not-well-formed");
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    let problems = schema().validate(deep.as_bytes());
    assert!(problems.iter().any(|problem| problem.code == "limit-exceeded"));
    let long = format!("<List xmlns=\"urn:a\"><Item Code=\"{}\"/></List>", "A".repeat(2 << 20));
    assert!(schema().validate(long.as_bytes()).iter().any(|problem| problem.code == "limit-exceeded"));
}

#[test]
fn plan_and_validator_share_their_limits() {
    let blank = format!("<List xmlns=\"urn:a\">{}<Item Code=\"H501\"/></List>", " ".repeat(2 << 20));
    assert!(!schema().surely_valid(blank.as_bytes()));
    assert_eq!(schema().validate(blank.as_bytes())[0].code, "limit-exceeded");
}

#[test]
fn many_problems_are_cut() {
    assert_eq!(problems(&"<Item/>".repeat(3_000)).len(), super::MOST_PROBLEMS);
}

#[test]
fn is_shared_between_threads() {
    let schema = schema();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                assert_eq!(schema.validate(b"<List xmlns=\"urn:a\"><Item Code='x'/></List>").len(), 1);
            });
        }
    });
}

fn refused(schema: &str) -> SchemaError {
    XmlSchema::compile(schema).err().expect("the schema is refused")
}

fn around(inside: &str) -> String {
    format!("<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\">{inside}</xs:schema>")
}

#[test]
fn refuses_schemas_by_name_of_the_trouble() {
    let unresolved = around("<xs:element name=\"a\" type=\"Missing\"/>");
    assert!(matches!(refused(&unresolved), SchemaError::Unresolved(name) if name == "Missing"));
    let unused = around("<xs:simpleType name=\"T\"><xs:restriction base=\"Missing\"/></xs:simpleType>");
    assert!(matches!(refused(&unused), SchemaError::Unresolved(_)));
    let import = around("<xs:import namespace=\"urn:b\" schemaLocation=\"http://example.org/b.xsd\"/>");
    assert!(matches!(refused(&import), SchemaError::OtherDocument(_)));
    let dtd = format!("<!DOCTYPE xs:schema []>{}", around(""));
    assert!(matches!(refused(&dtd), SchemaError::Dtd));
    let any = around("<xs:complexType name=\"T\"><xs:sequence><xs:any/></xs:sequence></xs:complexType>");
    assert!(matches!(refused(&any), SchemaError::NotUnderstood { .. }));
    let circular = around("<xs:simpleType name=\"T\"><xs:restriction base=\"T\"/></xs:simpleType>");
    assert!(matches!(refused(&circular), SchemaError::Refused(_)));
    let recursive = around(
        "<xs:complexType name=\"T\"><xs:sequence><xs:element name=\"a\" type=\"T\" minOccurs=\"0\"/></xs:sequence></xs:complexType>",
    );
    assert!(matches!(refused(&recursive), SchemaError::NotUnderstood { .. }));
    assert!(matches!(refused("<a/>"), SchemaError::NotUnderstood { .. }));
    assert!(matches!(refused("<xs:schema"), SchemaError::Unreadable(_)));
    let unsuited = around(
        "<xs:element name=\"a\"><xs:simpleType><xs:restriction base=\"xs:string\"><xs:pattern value=\"[\"/></xs:restriction></xs:simpleType></xs:element>",
    );
    assert!(matches!(refused(&unsuited), SchemaError::Refused(_)));
}

//! Builds a folder with just the wanted fields, from the published example of everything.
//!
//! The values are synthetic; the example holds one for every place of the schema.

use serde_json::{Map, Value};

/// The smallest valid folder, as it is published.
pub const SMALLEST_TEXT: &str = include_str!("../../schemas/folder/1/smallest.json");

/// A folder with a value at every place of the schema, as it is published.
pub const FULL_TEXT: &str = include_str!("../../schemas/folder/1/full.json");

/// Fields that name another part of the folder, which must then be there.
const REFERENCES: [(&str, &str); 2] =
    [("/interventi/dsu", "/isee"), ("/interventi/valutazione", "/valutazioni")];

/// A valid folder with the required fields of `schema` and the wanted ones.
///
/// `wanted` are paths as mappings write them (`interventi[].quota_utente`) or JSON pointers; a wanted object
/// or list brings its required fields. What the schema or the example does not know is passed over.
pub fn template(schema: &Value, wanted: &[String]) -> Value {
    let example: Value = serde_json::from_str(FULL_TEXT).unwrap_or_default();
    let mut wanted: Vec<String> = wanted.iter().map(|path| normal(path)).collect();
    for (field, list) in REFERENCES {
        if wanted.iter().any(|path| path == field) {
            wanted.push(list.to_owned());
        }
    }
    if !wanted.iter().any(|path| IDENTIFIERS.contains(&path.as_str())) {
        wanted.push(IDENTIFIERS[0].to_owned());
    }
    cut(schema, &example, "", &wanted)
}

const IDENTIFIERS: [&str; 4] =
    ["/persona/codice_fiscale", "/persona/codice_stp", "/persona/codice_eni", "/persona/id_anpr"];

/// `interventi[].importo` and `/interventi/0/importo` both become `/interventi/importo`.
fn normal(path: &str) -> String {
    let fields = path.split(['/', '.']).map(|segment| segment.trim_end_matches("[]"));
    fields
        .filter(|field| !field.is_empty() && field.parse::<usize>().is_err())
        .map(|field| format!("/{field}"))
        .collect()
}

/// The part of the example that is required or wanted.
fn cut(schema: &Value, example: &Value, path: &str, wanted: &[String]) -> Value {
    match example {
        Value::Object(fields) => Value::Object(cut_object(schema, fields, path, wanted)),
        Value::Array(items) => Value::Array(cut_list(schema, items, path, wanted)),
        leaf => leaf.clone(),
    }
}

fn cut_object(
    schema: &Value,
    fields: &Map<String, Value>,
    path: &str,
    wanted: &[String],
) -> Map<String, Value> {
    let is_required = |name: &str| {
        let required = schema.get("required").and_then(Value::as_array);
        required.into_iter().flatten().any(|required| required == name)
    };
    let mut kept = Map::new();
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{path}/{name}");
        let Some(value) = fields.get(name) else { continue };
        if is_required(name) || wanted.iter().any(|wanted| is_within(wanted, &path)) {
            kept.insert(name.clone(), cut(property, value, &path, wanted));
        }
    }
    kept
}

/// Whether `wanted` is the place `path` or below it.
fn is_within(wanted: &str, path: &str) -> bool {
    wanted.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The first item, and each later one that brings a field the earlier ones lack.
fn cut_list(schema: &Value, items: &[Value], path: &str, wanted: &[String]) -> Vec<Value> {
    let Some(schema) = schema.get("items") else { return items.to_vec() };
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        let item = cut(schema, item, path, wanted);
        if kept.is_empty() || brings_more(&kept, &item) {
            kept.push(item);
        }
    }
    kept
}

fn brings_more(kept: &[Value], item: &Value) -> bool {
    let fields = item.as_object().into_iter().flat_map(Map::keys);
    fields.into_iter().any(|name| kept.iter().all(|kept| kept.get(name).is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::checks::check;
    use crate::folder::parse::{FolderSchema, SCHEMA_TEXT};
    use proptest::prelude::*;

    fn schema() -> Value {
        serde_json::from_str(SCHEMA_TEXT).unwrap()
    }

    fn places(schema: &Value, path: &str) -> Vec<String> {
        let object = schema.get("items").unwrap_or(schema);
        let properties = object.get("properties").and_then(Value::as_object);
        let below = |(name, property): (&String, &Value)| {
            let path = format!("{path}/{name}");
            let mut below = places(property, &path);
            below.push(path);
            below
        };
        properties.into_iter().flatten().flat_map(below).collect()
    }

    fn holds(value: &Value, path: &[&str]) -> bool {
        match (value, path) {
            (Value::Array(items), _) => items.iter().any(|item| holds(item, path)),
            (_, []) => true,
            (Value::Object(fields), [name, rest @ ..]) => {
                fields.get(*name).is_some_and(|value| holds(value, rest))
            }
            _ => false,
        }
    }

    #[test]
    fn every_place_of_the_schema_can_be_wanted() {
        for place in places(&schema(), "") {
            let folder = template(&schema(), std::slice::from_ref(&place));
            let path: Vec<&str> = place.split('/').skip(1).collect();
            assert!(holds(&folder, &path), "{place}");
        }
    }

    #[test]
    fn nothing_wanted_is_the_smallest() {
        let smallest: Value = serde_json::from_str(SMALLEST_TEXT).unwrap();
        assert_eq!(template(&schema(), &[]), smallest);
    }

    #[test]
    fn paths_of_mappings_are_understood() {
        let wanted = ["interventi[].importo_mensile".to_owned(), "interventi[].importo".to_owned()];
        let folder = template(&schema(), &wanted);
        assert_eq!(folder["interventi"].as_array().map(Vec::len), Some(2));
        assert!(folder["interventi"][0].get("importo_mensile").is_some());
        assert!(folder["interventi"][1].get("importo").is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_template_is_always_valid(picks in prop::collection::vec(0usize..200, 0..12)) {
            let schema = schema();
            let places = places(&schema, "");
            let wanted: Vec<String> = picks.into_iter().map(|pick| places[pick % places.len()].clone()).collect();
            let folder = template(&schema, &wanted);
            let parsed = FolderSchema::embedded().unwrap().parse(folder.to_string().as_bytes());
            prop_assert!(parsed.is_ok(), "{wanted:?}");
            prop_assert_eq!(check(&folder), []);
        }
    }
}

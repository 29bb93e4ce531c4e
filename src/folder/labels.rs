//! Names of the folder's places for people: "Interventi › 2 › Quota utente".

use std::collections::BTreeMap;

use serde_json::Value;

use super::json::is_plain;

/// Language of a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    #[default]
    It,
    En,
}

/// Titles of all places, compiled from a JSON Schema that refers to nothing outside its `properties` and `items`.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// Pointer without item numbers (`/interventi/quota_utente`) to its Italian and English title.
    titles: BTreeMap<String, (String, String)>,
}

impl Labels {
    /// Collects the titles of every place of the schema.
    pub fn from_schema(schema: &Value) -> Self {
        let mut labels = Self::default();
        labels.collect(schema, "");
        labels
    }

    fn collect(&mut self, schema: &Value, path: &str) {
        let object = schema.get("items").unwrap_or(schema);
        let properties = object.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let path = format!("{path}/{name}");
            let title = |key: &str| property.get(key).and_then(Value::as_str).unwrap_or(name).to_owned();
            self.collect(property, &path);
            self.titles.insert(path, (title("title"), title("x-title-en")));
        }
    }

    /// Label of a JSON pointer, e.g. "/interventi/1/quota_utente" is "Interventi › 2 › Quota utente".
    ///
    /// The root is "Cartella" or "Folder"; a field the schema does not know stands as it is if its name may be
    /// said, else as "…".
    pub fn label(&self, pointer: &str, lang: Lang) -> String {
        let mut path = String::new();
        let mut words = Vec::new();
        for segment in pointer.split('/').filter(|segment| !segment.is_empty()) {
            words.push(self.word(&mut path, segment, lang));
        }
        match (words.is_empty(), lang) {
            (true, Lang::It) => "Cartella".to_owned(),
            (true, Lang::En) => "Folder".to_owned(),
            _ => words.join(" › "),
        }
    }

    fn word(&self, path: &mut String, segment: &str, lang: Lang) -> String {
        if let Ok(index) = segment.parse::<usize>() {
            return index.saturating_add(1).to_string();
        }
        path.push('/');
        path.push_str(segment);
        match self.titles.get(path.as_str()) {
            Some((italian, _)) if lang == Lang::It => italian.clone(),
            Some((_, english)) => english.clone(),
            None if is_plain(segment) => segment.to_owned(),
            None => "…".to_owned(),
        }
    }
}

/// The schema of a place of the folder, by JSON pointer; `None` if the schema does not know it.
pub fn place<'a>(schema: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer.split('/').filter(|segment| !segment.is_empty()).try_fold(schema, |schema, segment| match schema
        .get("items")
    {
        Some(items) if segment.parse::<usize>().is_ok() => Some(items),
        _ => schema.get("properties")?.get(segment),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::parse::SCHEMA_TEXT;

    fn labels() -> Labels {
        Labels::from_schema(&serde_json::from_str(SCHEMA_TEXT).unwrap())
    }

    #[test]
    fn places_have_names_in_both_languages() {
        let labels = labels();
        assert_eq!(labels.label("/interventi/1/quota_utente", Lang::It), "Interventi › 2 › Quota utente");
        assert_eq!(labels.label("/interventi/1/quota_utente", Lang::En), "Interventions › 2 › User's share");
        assert_eq!(labels.label("/valutazioni/0/bisogni/2", Lang::It), "Valutazioni › 1 › Bisogni › 3");
        assert_eq!(labels.label("", Lang::It), "Cartella");
    }

    #[test]
    fn unknown_places_say_only_plain_names() {
        let labels = labels();
        assert_eq!(labels.label("/persona/soprannome", Lang::It), "Persona › soprannome");
        assert_eq!(labels.label("/persona/Mario Rossi", Lang::It), "Persona › …");
    }

    #[test]
    fn every_place_is_titled_and_described_in_both_languages() {
        fn walk(schema: &Value, path: &str) {
            for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten()
            {
                for key in ["title", "x-title-en", "description", "x-description-en"] {
                    assert!(property.get(key).is_some_and(Value::is_string), "{path}/{name} lacks {key}");
                }
                walk(property.get("items").unwrap_or(property), &format!("{path}/{name}"));
            }
            if schema.get("properties").is_some() {
                assert_eq!(schema.get("additionalProperties"), Some(&Value::Bool(false)), "{path}");
            }
        }
        walk(&serde_json::from_str(SCHEMA_TEXT).unwrap(), "");
    }
}

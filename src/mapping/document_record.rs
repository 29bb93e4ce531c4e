//! `[record]` and `[[record]]` as written: what makes one record of each kind.

use super::document::{ElementTable, RowTable};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

/// All kinds of record of one flow.
#[derive(Debug)]
pub struct Records {
    pub tables: Vec<RecordTable>,
    /// Written as `[[record]]`: kinds have names, and rows of their own.
    pub several: bool,
}

/// What makes one record.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordTable {
    /// The kind, where there are several; unique.
    #[serde(default)]
    pub kind: String,
    /// List of the folder; without it there is one record of the folder itself.
    pub each: Option<String>,
    /// Without `each`: the folder's property that the record comes from; no record without it.
    pub part: Option<String>,
    /// Name of the list's current element.
    #[serde(rename = "as")]
    pub name: Option<String>,
    /// Items for which it does not hold make no record.
    pub when: Option<String>,
    /// Items for which it holds are annulled: their records are to be cancelled.
    pub annulled: Option<String>,
    /// Parts of the record's key, joined by `/`; absent parts are left out.
    pub key: Parts,
    pub source: Parts,
    pub period: PeriodTable,
    /// Key of the record of the same folder that the register must hold first.
    pub needs: Option<Needs>,
    /// Template of the label under which records of many persons share a container; no personal data.
    pub group: Option<String>,
    /// Targets by which the register itself would recognise the record.
    pub register_key: Vec<String>,
    pub scope: RecordScope,
    /// The element that holds one record; row targets are relative to it.
    pub element: String,
    /// JSON: the definition below `$defs` of the schema that one record follows.
    pub definition: Option<String>,
    /// The folder's list of periods declared complete, with `dal` and `al`.
    pub complete: Option<String>,
    /// As `[[element]]`, of this kind only.
    #[serde(default)]
    pub object: Vec<Spanned<ElementTable>>,
    /// As `[[row]]`, of this kind only.
    #[serde(default)]
    pub row: Vec<Spanned<RowTable>>,
}

/// One path or `'constant'`, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Parts {
    One(String),
    Several(Vec<String>),
}

/// What must be held first: one key, or the first whose condition holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Needs {
    Key(Parts),
    One(NeedTable),
    First(Vec<NeedTable>),
}

/// One of several needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeedTable {
    pub key: Parts,
    pub when: Option<String>,
    /// The register that must hold it, if not the flow's own.
    pub register: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeriodTable {
    pub from: String,
    /// The first day, if left out.
    pub to: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordScope {
    Person,
}

impl Needs {
    /// The needs with a table of their own.
    pub fn list(&self) -> &[NeedTable] {
        match self {
            Self::Key(_) => &[],
            Self::One(need) => std::slice::from_ref(need),
            Self::First(needs) => needs,
        }
    }
}

impl Parts {
    pub fn list(&self) -> &[String] {
        match self {
            Self::One(part) => std::slice::from_ref(part),
            Self::Several(parts) => parts,
        }
    }
}

impl<'de> Deserialize<'de> for Records {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrSeveral)
    }
}

/// Serde's own `untagged` would lose the spans.
struct OneOrSeveral;

impl<'de> Visitor<'de> for OneOrSeveral {
    type Value = Records;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("[record] or [[record]]")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Records, A::Error> {
        let table = RecordTable::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Records { tables: vec![table], several: false })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Records, A::Error> {
        let tables = Vec::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(Records { tables, several: true })
    }
}

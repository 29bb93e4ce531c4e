//! A folder through one flow as if it were saved: its findings, its payloads and the rows that made
//! them. Nothing is stored, noted or logged; pseudonyms are made with the key of nobody.

use std::sync::Arc;

use jiff::civil::Date;

use super::{Gateway, container_settings};
use crate::flow::FieldLineage;
use crate::flow::explain::{Explanation, Reader};
use crate::flow::{Context, EnteSettings, Flow};
use crate::personal::Personal;

/// What a flow makes of a folder.
pub struct Trial {
    pub records: Vec<TriedRecord>,
    /// Findings with the key of the record of which they speak.
    pub findings: Vec<(Option<String>, Explanation)>,
}

/// One record.
pub struct TriedRecord {
    pub key: String,
    pub from: Date,
    pub to: Date,
    /// `None` where a finding withholds it.
    pub payload: Option<Personal<Vec<u8>>>,
    /// The rows that wrote it.
    pub rows: Vec<FieldLineage>,
}

impl Gateway {
    /// Maps and validates a folder on a day.
    ///
    /// # Errors
    /// What is wrong with a folder that is none.
    pub fn try_folder(
        &self,
        flow: &Flow,
        bytes: &[u8],
        today: Option<Date>,
    ) -> Result<Trial, Vec<Explanation>> {
        let limit = self.settings.folder_limit_bytes;
        let folder = self.folders.parse_within(bytes, limit).map_err(|findings| {
            let body = serde_json::from_slice(bytes).ok();
            let reader = Reader::new(&self.folders, body.as_ref());
            findings.into_iter().map(|finding| reader.finding(finding)).collect::<Vec<_>>()
        })?;
        let ente = self.settings.ente(&folder.ente).map(container_settings);
        let ente = EnteSettings { keys: Arc::new(flow.test_keys()), ..ente.unwrap_or_default() };
        let today = today.unwrap_or_else(|| self.clock.today());
        let mapped = flow.map(&folder, &Context { today, ente });
        let reader = Reader::new(&self.folders, Some(folder.body.expose()));
        let mut findings: Vec<_> =
            mapped.findings.into_iter().map(|finding| (None, reader.finding(finding))).collect();
        let mut records = Vec::with_capacity(mapped.records.len());
        for record in mapped.records {
            let rows = flow.lineage(&record);
            let told = record.findings.into_iter();
            findings.extend(told.map(|finding| (Some(record.key.clone()), reader.finding(finding))));
            let (from, to, payload) = (record.from, record.to, record.fragment);
            records.push(TriedRecord { key: record.key, from, to, payload, rows });
        }
        Ok(Trial { records, findings })
    }
}

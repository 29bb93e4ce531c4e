//! Folders to bulk files without a ledger: read, check, map and validate each record, write
//! bulk files and validate those. Anchor: `xmllint --stream` over the same records, validating only.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow};
use jiff::civil::date;
use raccordo::flow::{Container, Context, Flow, Header, OperationKind, Part};
use raccordo::folder::{Folder, FolderSchema, checks};
use serde_json::{Value, json};

use super::measure::{best, child, command, memory_mb, number, thread_cpu};
use super::table::{Table, thousands};
use super::{ROUNDS, material};

/// Folders taken through one stage before the next stage begins.
const CHUNK: usize = 500;

/// Rows of this part.
pub fn measure(table: &mut Table) -> Result<()> {
    let (records, _) = material::sizes();
    let xml = material::generate(records)?;
    let (schema, whose) = schema();
    let (file, schema) = (xml.display().to_string(), schema.display().to_string());
    let mut ours = Vec::new();
    let mut theirs = f64::MAX;
    for _ in 0..ROUNDS {
        ours.push(child(&["pipeline", &records.to_string()])?);
        let words = ["xmllint", "--noout", "--stream", "--schema", &schema, &file];
        theirs = theirs.min(command(&words)?.0);
    }
    let best = best(&ours, "cpu_s")?;
    let (cpu, folders) = (number(best, "cpu_s")?, number(best, "folders")?);
    let mb = fs::metadata(&xml)?.len() as f64 / 1e6;
    table.row(
        &format!(
            "{} records of {} folders: read, map, write, validate",
            thousands(number(best, "records")?),
            thousands(folders)
        ),
        &format!("{cpu:.3} s CPU, peak {:.0} MB", number(best, "peak_mb")?),
        &format!("{:.2} × `xmllint --stream` ({whose} XSD, {mb:.1} MB): {theirs:.3} s", cpu / theirs),
    );
    for (stage, name) in STAGES {
        let spent = number(best, name)?;
        table.row(
            &format!("– {stage}"),
            &format!("{spent:.3} s CPU"),
            &format!("{:.0} %", 100.0 * spent / cpu),
        );
    }
    Ok(())
}

const STAGES: [(&str, &str); 4] = [
    ("read: lines, JSON, folder schema", "read_s"),
    ("checks across the folder's fields", "checks_s"),
    ("rules, map, write and validate each record", "map_s"),
    ("bulk files: assemble, validate again, write", "bulk_s"),
];

/// The authority's own schema where it is at hand, else ours.
fn schema() -> (PathBuf, &'static str) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let official =
        std::env::var_os("RACCORDO_OFFICIAL").map_or(root.join("../shared/official"), PathBuf::from);
    let official = official.join("siuss/PS_PSA_SINA201812.xsd");
    if official.exists() {
        return (official, "official");
    }
    (root.join("schemas").join(material::FLOW).join("flusso.xsd"), "our own")
}

/// The child: one thread, from the NDJSON file to bulk files.
pub fn run(records: usize) -> Result<Value> {
    let catalog = material::catalog()?;
    let flow = material::flow(&catalog)?;
    let (schema, context) = (FolderSchema::embedded()?, material::context(flow));
    let mut reader = material::folders(records)?;
    let mut bulk = Bulk { flow, context: &context, parts: Vec::new(), bytes: 0, files: 0, records: 0 };
    let mut spent = [Duration::ZERO; 4];
    let (begun, mut count) = (thread_cpu()?, 0);
    loop {
        let read = stage(&mut spent[0], || read(&mut reader, &schema))?;
        if read.is_empty() {
            break;
        }
        count += read.len();
        let found = stage(&mut spent[1], || {
            Ok(read.iter().map(|folder| checks::check(folder.body.expose())).collect::<Vec<_>>())
        })?;
        let mapped = stage(&mut spent[2], || {
            let each =
                read.iter().zip(found).map(|(folder, found)| flow.map_checked(folder, &context, found));
            Ok(each.collect::<Vec<_>>())
        })?;
        stage(&mut spent[3], || bulk.take(mapped.into_iter().flat_map(|mapped| mapped.records)))?;
        // Freeing what was read is part of reading it.
        stage(&mut spent[0], || {
            drop(read);
            Ok(())
        })?;
    }
    stage(&mut spent[3], || bulk.write())?;
    let cpu = thread_cpu()? - begun;
    let [read_s, checks_s, map_s, bulk_s] = spent.map(|spent| spent.as_secs_f64());
    Ok(json!({
        "cpu_s": cpu.as_secs_f64(), "folders": count, "records": bulk.records, "files": bulk.files,
        "read_s": read_s, "checks_s": checks_s, "map_s": map_s, "bulk_s": bulk_s,
        "peak_mb": memory_mb("self", "VmHWM:")?,
    }))
}

fn stage<T>(spent: &mut Duration, act: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = thread_cpu()?;
    let done = act()?;
    *spent += thread_cpu()? - begun;
    Ok(done)
}

fn read(reader: &mut impl std::io::BufRead, schema: &FolderSchema) -> Result<Vec<Folder>> {
    let lines = material::lines(reader, CHUNK)?;
    let parse = |line: &Vec<u8>| schema.parse(line).map_err(|found| anyhow!("{} findings", found.len()));
    lines.iter().map(parse).collect()
}

/// Fragments on their way into bulk files.
struct Bulk<'b> {
    flow: &'b Flow,
    context: &'b Context,
    parts: Vec<Vec<u8>>,
    bytes: usize,
    files: u32,
    records: usize,
}

impl Bulk<'_> {
    fn take(&mut self, records: impl Iterator<Item = raccordo::flow::MappedRecord>) -> Result<()> {
        let limits = self.flow.limits(Container::Bulk);
        for record in records {
            let Some(fragment) = record.fragment else { return Err(anyhow!("a record is withheld")) };
            let size = fragment.expose().len();
            if self.parts.len() == limits.max_records || self.bytes + size > limits.max_bytes * 9 / 10 {
                self.write()?;
            }
            self.bytes += size;
            self.parts.push(fragment.expose().clone());
        }
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        if self.parts.is_empty() {
            return Ok(());
        }
        self.files += 1;
        let name = self.flow.container_name(material::ENTE, "", "20261102", self.files);
        let header = Header { name: &name, date: date(2026, 11, 2), ente: &self.context.ente };
        let parts: Vec<_> = self
            .parts
            .iter()
            .map(|part| Part { kind: OperationKind::Insert, fragment: part, id: "1.1" })
            .collect();
        let bytes = self.flow.assemble(Container::Bulk, &header, &parts);
        let bytes = bytes.map_err(|problems| anyhow!("{} schema problems", problems.len()))?;
        fs::write(material::path(&format!("bulk-{}.xml", self.files))?, bytes)?;
        self.records += self.parts.len();
        self.parts.clear();
        self.bytes = 0;
        Ok(())
    }
}

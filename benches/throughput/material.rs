//! What the parts work on: generated folders, one XML file of all their records, gateways.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use jiff::civil::{Date, date};
use raccordo::exchange::Millis;
use raccordo::flow::files::Embedded;
use raccordo::flow::{Catalog, Context, Flow};
use raccordo::folder::FolderSchema;
use raccordo::gateway::{Clock, Gateway, Settings};
use raccordo::node::config::DEFAULTS;
use raccordo::personal::Personal;
use raccordo::sandbox::people;

/// The flow whose records are counted.
pub const FLOW: &str = "siuss-ps-psa-sina/2018-12";
/// The ente of all folders.
pub const ENTE: &str = "H501";
/// The day of every run, so that the same records are made on any day.
pub const TODAY: Date = date(2026, 11, 2);
const NOW_MS: Millis = 1_793_617_200_000;
/// More folders than any size asked for needs.
const MOST_FOLDERS: u64 = 2_000_000;

/// A clock that begins on the day of every run, and goes.
pub struct Going(Instant);

impl Going {
    /// From now on.
    pub fn begin() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Going {
    fn now_ms(&self) -> Millis {
        NOW_MS + Millis::try_from(self.0.elapsed().as_millis()).unwrap_or_default()
    }
}

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now_ms(&self) -> Millis {
        NOW_MS
    }
}

/// Records of the usual size (default 20,000) and of the large one (default 100,000).
pub fn sizes() -> (usize, usize) {
    let size =
        |name: &str, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    (size("RACCORDO_BENCH_RECORDS", 20_000), size("RACCORDO_BENCH_RECORDS_MANY", 100_000))
}

/// `target/bench/<name>`.
pub fn path(name: &str) -> Result<PathBuf> {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let bench = target.parent().context("no target directory")?.join("bench");
    fs::create_dir_all(&bench)?;
    Ok(bench.join(name))
}

/// `target/bench/<name>`, empty.
pub fn fresh(name: &str) -> Result<PathBuf> {
    let path = path(name)?;
    if path.exists() {
        fs::remove_dir_all(&path)?;
    }
    fs::create_dir_all(&path)?;
    Ok(path)
}

/// The flows of the binary.
pub fn catalog() -> Result<Catalog> {
    Catalog::load(&Embedded).map_err(|defects| anyhow!("{} defects", defects.len()))
}

/// The flow whose records are counted.
pub fn flow(catalog: &Catalog) -> Result<&Flow> {
    catalog.find(FLOW).context("the flow is missing")
}

/// What a mapping may know.
pub fn context(flow: &Flow) -> Context {
    Context { today: TODAY, ente: flow.nominal_ente() }
}

/// Where the folders that map to `records` records are.
pub fn folders(records: usize) -> Result<BufReader<File>> {
    let path = path(&format!("folders-{records}.ndjson"))?;
    Ok(BufReader::new(File::open(path)?))
}

/// Writes the folders that map to `records` records (a few more, to the end of a folder), and
/// all those records in one XML file; returns its path.
pub fn generate(records: usize) -> Result<PathBuf> {
    let catalog = catalog()?;
    let flow = flow(&catalog)?;
    let (schema, context) = (FolderSchema::embedded()?, context(flow));
    let xml = path(&format!("all-{records}.xml"))?;
    let mut lines = BufWriter::new(File::create(path(&format!("folders-{records}.ndjson"))?)?);
    let mut whole = BufWriter::new(File::create(&xml)?);
    let frame = String::from_utf8(flow.nominal_payload(b"|"))?;
    let (before, after) = frame.split_once('|').context("no frame")?;
    whole.write_all(before.as_bytes())?;
    let mut count = 0;
    for made in people::generate(MOST_FOLDERS, 1, 0.0, &[ENTE], TODAY) {
        if count >= records {
            break;
        }
        let line = made.folder.to_string();
        writeln!(lines, "{line}")?;
        let folder = schema.parse(line.as_bytes()).map_err(|found| anyhow!("{} findings", found.len()))?;
        for record in flow.map(&folder, &context).records {
            let fragment = record.fragment.context("a generated record is withheld")?;
            whole.write_all(fragment.expose())?;
            count += 1;
        }
    }
    whole.write_all(after.as_bytes())?;
    whole.flush()?;
    lines.flush()?;
    Ok(xml)
}

/// A gateway over `directory` with one route of `channel` to the register of the flow that is measured.
pub fn gateway(directory: &str, channel: &str) -> Result<Gateway> {
    let catalog = catalog()?;
    let register = flow(&catalog)?.register().to_owned();
    let route = format!(
        "[[route]]\nid = \"route-0\"\nregister = \"{register}\"\nchannel = \"{channel}\"\n\
         enti = [\"{ENTE}\"]\noutbox = \"{directory}/outbox\"\nmax_records = 5000\n"
    );
    let settings = settings(directory, &[ENTE], &route)?;
    Ok(Gateway::open(settings, catalog, Box::new(Still))?)
}

/// The defaults over `directory`, with these enti and further tables.
pub fn settings(directory: &str, enti: &[&str], tables: &str) -> Result<Settings> {
    let mut text = format!("data = {directory:?}\n{}", DEFAULTS.replace("data = \"data\"", ""));
    for table in ["ente", "route", "register"] {
        if table == "ente" || tables.contains(&format!("[[{table}]]")) {
            text = text.replace(&format!("{table} = []"), "");
        }
    }
    for ente in enti {
        text.push_str(&format!("\n[[ente]]\ncode = \"{ente}\"\nname = \"Ente\"\nseat = \"{ente}\"\n"));
    }
    text.push_str(tables);
    let mut settings: Settings = toml::from_str(&text)?;
    for ente in &mut settings.ente {
        // A synthetic person of the published test vectors.
        ente.operator = Some(Personal::new("XXXYYY80A01H501D".to_owned()));
    }
    Ok(settings)
}

/// Up to `most` lines.
pub fn lines(reader: &mut impl BufRead, most: usize) -> Result<Vec<Vec<u8>>> {
    let mut lines = Vec::with_capacity(most);
    while lines.len() < most {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        lines.push(line);
    }
    Ok(lines)
}

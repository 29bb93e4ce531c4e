//! The service's own books: what SIAD holds of each tracciato, and what became of each upload.

use std::collections::{BTreeMap, BTreeSet};

use super::read::{self, Record};
use super::script::Script;

/// A record as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    content: String,
    date: String,
    cuni: String,
    asl: String,
    ended: Option<String>,
}

/// What the service says of one record of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discard {
    /// From 1.
    pub number: usize,
    pub id_rec: String,
    /// An anomaly: the record was taken.
    pub taken: bool,
    pub code: &'static str,
    pub place: &'static str,
    pub text: &'static str,
}

/// A file that came.
#[derive(Clone, Debug)]
pub struct Upload {
    pub name: String,
    /// The outcome: Mx11, Mx20 to Mx23.
    pub code: &'static str,
    pub discards: Vec<Discard>,
    /// Records in it.
    pub records: usize,
    asked: u32,
}

/// The books, in memory.
#[derive(Default)]
pub struct Book {
    /// By tracciato and Id_Rec.
    held: BTreeMap<(u8, String), Held>,
    uploads: BTreeMap<String, Upload>,
    names: BTreeSet<String>,
    effects: u64,
    anomalies: Vec<String>,
}

type Verdict = Result<(), (&'static str, &'static str, &'static str)>;

const DUPLICATE: (&str, &str, &str) = ("1001", "Id_Rec", "Id_Rec già presente");
const UNKNOWN: (&str, &str, &str) = ("1002", "Id_Rec", "Id_Rec non presente");
const NO_FIRST: (&str, &str, &str) =
    ("1003", "Id_Rec", "manca il tracciato 1 con lo stesso Id_Rec e la stessa data");
const OVERLAP: (&str, &str, &str) =
    ("1004", "PresaInCarico/@data", "presa in carico già aperta nella stessa ASL");
const INCOMPLETE: (&str, &str, &str) =
    ("1005", "Trasmissione/@tipo", "la cancellazione non ripete il record com'è");
const HAS_SECOND: (&str, &str, &str) = ("1006", "Id_Rec", "il tracciato 1 ha un tracciato 2");
const AT_WILL: (&str, &str, &str) = ("1099", "Eventi", "scartato dal simulatore");
const ODD: &str = "2001";

impl Book {
    /// Takes a file in and works on it; the outcome is told when it is asked for. Returns its number.
    pub(super) fn upload(&mut self, name: &str, bytes: &[u8], script: &Script) -> String {
        let number = format!("{}", 700_000 + self.uploads.len());
        if !self.names.insert(name.to_owned()) {
            self.anomalies.push(format!("the file {name} came twice"));
        }
        let file = read::file(bytes);
        let spoilt =
            |record: &Record| record.lacks.is_some() || script.happens(script.spoil, "spoil", &record.id_rec);
        let mut upload =
            Upload { name: name.to_owned(), code: "Mx11", discards: Vec::new(), records: 0, asked: 0 };
        match file {
            Some(file) if script.happens(script.inconsistent, "inconsistent", name) => {
                (upload.code, upload.records) = ("Mx23", file.records.len());
            }
            Some(file) if !file.records.iter().any(spoilt) => {
                upload.records = file.records.len();
                upload.discards = self.take(&file, script);
                upload.code = match upload.discards.iter().map(|discard| discard.taken).min() {
                    None => "Mx20",
                    Some(true) => "Mx21",
                    Some(false) => "Mx22",
                };
            }
            _ => {}
        }
        self.uploads.insert(number.clone(), upload);
        number
    }

    fn take(&mut self, file: &read::File, script: &Script) -> Vec<Discard> {
        let mut discards = Vec::new();
        for (index, record) in file.records.iter().enumerate() {
            let mut say = |taken, (code, place, text)| {
                let (number, id_rec) = (index + 1, record.id_rec.clone());
                discards.push(Discard { number, id_rec, taken, code, place, text });
            };
            let refused = record.operation != 'C' && script.happens(script.refuse, "refuse", &record.id_rec);
            match if refused { Err(AT_WILL) } else { self.judge(file.tracciato, record) } {
                Err(why) => say(false, why),
                Ok(()) => {
                    self.apply(file.tracciato, record);
                    if script.happens(script.warn, "warn", &record.id_rec) {
                        say(true, (ODD, "Eventi", "valore insolito"));
                    }
                }
            }
        }
        discards
    }

    fn judge(&self, tracciato: u8, record: &Record) -> Verdict {
        let held = self.held.get(&(tracciato, record.id_rec.clone()));
        let second = self.held.contains_key(&(2, record.id_rec.clone()));
        match (record.operation, held) {
            ('I', Some(_)) => Err(DUPLICATE),
            ('V' | 'C', None) => Err(UNKNOWN),
            ('C', Some(held)) if held.content != record.content => Err(INCOMPLETE),
            ('C', Some(_)) if tracciato == 1 && second => Err(HAS_SECOND),
            ('C', Some(_)) => Ok(()),
            _ if tracciato == 2 => {
                let first = self.held.get(&(1, record.id_rec.clone()));
                if first.is_some_and(|first| first.date == record.date) { Ok(()) } else { Err(NO_FIRST) }
            }
            _ if self.is_open(record) => Err(OVERLAP),
            _ => Ok(()),
        }
    }

    /// Whether the person has an earlier taking in charge in the ASL that is still open.
    fn is_open(&self, record: &Record) -> bool {
        let others = self.held.iter().filter(|((tracciato, id), _)| *tracciato == 1 && *id != record.id_rec);
        let mut same = others.filter(|(_, held)| held.cuni == record.cuni && held.asl == record.asl);
        same.any(|((_, id), held)| {
            let ended = self.held.get(&(2, id.clone())).and_then(|second| second.ended.clone());
            held.date < record.date && ended.is_none_or(|ended| ended > record.date)
        })
    }

    fn apply(&mut self, tracciato: u8, record: &Record) {
        self.effects += 1;
        let key = (tracciato, record.id_rec.clone());
        if record.operation == 'C' {
            self.held.remove(&key);
            return;
        }
        let held = Held {
            content: record.content.clone(),
            date: record.date.clone(),
            cuni: record.cuni.clone(),
            asl: record.asl.clone(),
            ended: record.ended.clone(),
        };
        if self.held.get(&key) == Some(&held) {
            self.anomalies.push(format!("tracciato {tracciato}: a variation changed nothing"));
        }
        self.held.insert(key, held);
    }

    /// The code of an upload, and whether it may be told yet.
    pub(super) fn outcome(&mut self, number: &str, script: &Script) -> &'static str {
        match self.uploads.get_mut(number) {
            None => "Mx01",
            Some(upload) if upload.asked < script.pending => {
                upload.asked += 1;
                "Mx00"
            }
            Some(upload) => upload.code,
        }
    }

    /// An upload by its number.
    pub fn uploaded(&self, number: &str) -> Option<&Upload> {
        self.uploads.get(number)
    }

    /// All uploads by their numbers.
    pub fn uploads(&self) -> impl Iterator<Item = (&String, &Upload)> {
        self.uploads.iter()
    }

    /// How many records a tracciato holds.
    pub fn count(&self, tracciato: u8) -> usize {
        self.held.keys().filter(|(known, _)| *known == tracciato).count()
    }

    /// How often a record changed.
    pub fn effects(&self) -> u64 {
        self.effects
    }

    /// What no sender should ever do, as noticed.
    pub fn anomalies(&self) -> &[String] {
        &self.anomalies
    }

    /// Differences between this book and the sender's for a tracciato (1 or 2), by content: `ours`
    /// are the payloads, one `Assistenza` each, that the sender believes to be held.
    pub fn compare<'p>(&self, tracciato: u8, ours: impl Iterator<Item = &'p [u8]>) -> Vec<String> {
        let mut theirs: BTreeMap<&str, &str> = self
            .held
            .iter()
            .filter(|((known, _), _)| *known == tracciato)
            .map(|((_, id), held)| (id.as_str(), held.content.as_str()))
            .collect();
        let mut differences = Vec::new();
        for payload in ours {
            let text = String::from_utf8_lossy(payload);
            let id = read::element(&text, "Id_Rec").unwrap_or_default();
            let short: String = id.chars().take(8).collect();
            match theirs.remove(id.as_str()) {
                None => differences.push(format!("{short}… is held by the ente's book only")),
                Some(content) if content != read::fingerprint(&text) => {
                    differences.push(format!("{short}… is held with other content"));
                }
                Some(_) => {}
            }
        }
        let only_theirs = theirs.keys().map(|id| id.chars().take(8).collect::<String>());
        differences.extend(only_theirs.map(|id| format!("{id}… is held by the service's book only")));
        differences
    }
}

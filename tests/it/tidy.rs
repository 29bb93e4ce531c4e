//! The rules of the house, held by a test: who may import whom, which crate stays in which
//! room, no flow named in the core, sizes, and no word of the place where this was built.
//!
//! A violation is mended in the code. An exception is a line in a table here, with its
//! reason; one that is no longer needed fails too.

pub mod source;

use source::{Source, files, matching, root, sources, words};

/// The rooms in the order in which a folder walks through them; those in one line may
/// import each other.
const ROOMS: &[&[&str]] = &[
    &["personal"],
    &["folder"],
    &["schema"],
    &["rules", "mapping"],
    &["flow"],
    &["exchange"],
    &["seal"],
    &["audit"],
    &["ledger"],
    &["queue"],
    &["trust"],
    &["channel"],
    &["adapters"],
    &["gateway"],
    &["sandbox"],
    &["web"],
    &["node"],
    &["cli"],
];

/// Imports from a room below: file, room, the only thing taken from it, why.
const IMPORTS_FROM_BELOW: &[(&str, &str, &str, &str)] = &[(
    "src/flow/catalog.rs",
    "adapters",
    "steps",
    "the registration of the families' named steps: implementations of mapping's own trait",
)];

/// The last of the pure rooms: no clock, no network, no environment up to here.
const LAST_PURE: &str = "exchange";

/// What no pure room may name.
const IMPURE: &[&str] = &[
    "tokio",
    "axum",
    "tracing",
    "reqwest",
    "rusqlite",
    "lapin",
    "SystemTime",
    "Instant",
    "std::env",
    "std::net",
];

/// Crates and the places outside which nothing may name them.
const CONFINED: &[(&str, &[&str])] = &[
    ("reqwest", &["src/channel/push.rs"]),
    // One queue in several files: its parts (topology, confirms, supervision) read better alone.
    ("lapin", &["src/queue/rabbitmq/"]),
    ("lettre", &["src/channel/mail.rs"]),
    ("rusqlite", &["src/ledger/sql/sqlite.rs"]),
    ("xsd_schema", &["src/schema/"]),
    ("jsonwebtoken", &["src/trust/", "src/sandbox/"]),
];

/// Crates that one file alone may name, whichever it is.
const ONE_FILE: &[&str] = &["backoff"];

/// The flows' own names: known to their files, their family's adapter and the sandbox only.
const FLOW_WORDS: &[&str] = &["siuss", "fhir", "siad", "sap", "sinba"];

const MOST_FILE_LINES: usize = 500;
const MOST_FUNCTION_LINES: usize = 60;

fn rank(room: &str) -> Option<usize> {
    ROOMS.iter().position(|line| line.contains(&room))
}

fn is_pure(source: &Source) -> bool {
    let room = source.room().and_then(rank);
    room.is_some_and(|room| Some(room) <= rank(LAST_PURE))
}

/// Fails with all violations at once.
fn none(rule: &str, violations: &[String]) {
    assert!(violations.is_empty(), "{rule}: {}\n  {}", violations.len(), violations.join("\n  "));
}

/// Names that follow `head::`, one by one or in braces: `crate::{a, b::c}` gives `a`, `b`.
fn named_after(bare: &str, head: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in words(bare, head) {
        let Some(rest) = bare[at + head.len()..].strip_prefix("::") else { continue };
        let name =
            |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if rest.starts_with('{') {
            let group = &rest[1..matching(rest, 0) - 1];
            found.extend(top_level(group).into_iter().map(|part| (at, name(part))));
        } else {
            found.push((at, name(rest)));
        }
    }
    found
}

/// The parts of a use group, split at its own commas.
fn top_level(group: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_i32, 0);
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&group[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[from..]);
    parts
}

/// The byte after the `)` that closes the `(` at `open`.
pub fn closing(bare: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in bare.bytes().enumerate().skip(open) {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return at + 1,
            b')' => depth -= 1,
            _ => {}
        }
    }
    bare.len()
}

/// SQLite blocks its thread; one slow question on the runtime's threads would stall every request.
#[test]
fn handlers_ask_the_ledger_on_blocking_threads_only() {
    let mut violations = Vec::new();
    for source in sources().iter().filter(|source| source.path.starts_with("src/web/")) {
        let live = source.live(&source.bare);
        for (from, _) in live.match_indices("async fn ") {
            let Some(open) = live[from..].find('{').map(|at| from + at) else { continue };
            let end = matching(&live, open);
            let within = |name: &str, at: usize| {
                words(&live[open..at], name).any(|call| {
                    let call = open + call + name.len();
                    live[call..].starts_with('(') && closing(&live, call) > at
                })
            };
            let inside = |at: usize| within("blocking", at) || within("spawn_blocking", at);
            let asked = words(&live[open..end], "books").map(|at| open + at).filter(|at| !inside(*at));
            violations.extend(asked.map(|at| format!("{}:{}", source.path, source.line(at))));
        }
    }
    none("ledger asked on an async thread: wrap it in `blocking`", &violations);
}

#[test]
fn rooms_import_only_from_rooms_above() {
    let (mut violations, mut used) = (Vec::new(), Vec::new());
    for source in sources().iter().filter(|source| source.path.starts_with("src/") && !source.is_test) {
        let Some(room) = source.room() else { continue };
        let Some(own) = rank(room) else {
            violations.push(format!("{}: the room `{room}` has no place in the order", source.path));
            continue;
        };
        let live = source.live(&source.bare);
        for (at, name) in named_after(&live, "crate") {
            if rank(&name).is_none_or(|other| other <= own) {
                continue;
            }
            match IMPORTS_FROM_BELOW.iter().find(|(file, below, ..)| *file == source.path && *below == name) {
                Some(exception) => used.push(*exception),
                None => {
                    violations.push(format!("{}:{} `{room}` imports `{name}`", source.path, source.line(at)))
                }
            }
        }
    }
    for exception in IMPORTS_FROM_BELOW.iter().filter(|exception| !used.contains(exception)) {
        violations.push(format!("{}: the exception for `{}` is not needed", exception.0, exception.1));
    }
    none("imports from a room below", &violations);
}

#[test]
fn an_exception_takes_only_what_it_names() {
    let mut violations = Vec::new();
    for (path, room, only, _) in IMPORTS_FROM_BELOW {
        let sources = sources();
        let Some(source) = sources.iter().find(|source| source.path == *path) else { continue };
        let live = source.live(&source.bare);
        for (at, name) in named_after(&live, room).into_iter().filter(|(_, name)| name != only) {
            violations.push(format!("{path}:{} takes `{room}::{name}`", source.line(at)));
        }
    }
    none("more than the exception allows", &violations);
}

#[test]
fn pure_rooms_know_no_clock_network_or_environment() {
    let mut violations = Vec::new();
    for source in sources().iter().filter(|source| is_pure(source) && !source.is_test) {
        let live = source.live(&source.bare);
        let grouped =
            named_after(&live, "std").into_iter().filter(|(_, name)| name == "env" || name == "net");
        let mut found: Vec<_> = grouped.map(|(at, name)| (at, format!("std::{name}"))).collect();
        for word in IMPURE {
            found.extend(words(&live, word).map(|at| (at, (*word).to_owned())));
        }
        let now = ["Timestamp::now", "Zoned::now", "SystemTime::now"].iter();
        found.extend(now.flat_map(|now| words(&live, now).map(|at| (at, (*now).to_owned()))));
        found.sort();
        found.dedup();
        violations.extend(
            found.into_iter().map(|(at, word)| format!("{}:{} names `{word}`", source.path, source.line(at))),
        );
    }
    none("not pure", &violations);
}

/// Where a file names a crate: as the head of a path, or in a `use`.
fn names_crate(live: &str, name: &str) -> Option<usize> {
    words(live, name).find(|at| {
        let before = live[..*at].trim_end();
        live[at + name.len()..].starts_with("::") && !before.ends_with("::") || before.ends_with("use")
    })
}

#[test]
fn crates_stay_in_their_rooms() {
    let mut violations = Vec::new();
    let sources = sources();
    let code: Vec<_> =
        sources.iter().filter(|source| source.path.starts_with("src/") && !source.is_test).collect();
    for source in &code {
        let live = source.live(&source.bare);
        for (name, places) in CONFINED {
            let inside = places.iter().any(|place| source.path.starts_with(place));
            if let Some(at) = names_crate(&live, name).filter(|_| !inside) {
                let (path, line) = (&source.path, source.line(at));
                violations
                    .push(format!("{path}:{line} names `{name}`, which stays in {}", places.join(" and ")));
            }
        }
    }
    for name in ONE_FILE {
        let named = code.iter().filter(|source| names_crate(&source.live(&source.bare), name).is_some());
        let paths: Vec<_> = named.map(|source| source.path.as_str()).collect();
        if paths.len() > 1 {
            violations.push(format!("`{name}` is named in {}: one file is enough", paths.join(", ")));
        }
    }
    none("crates outside their rooms", &violations);
}

#[test]
fn no_flow_is_named_in_the_core() {
    let mut violations = Vec::new();
    for source in sources().iter().filter(|source| source.path.starts_with("src/") && !source.is_test) {
        if matches!(source.room(), Some("adapters" | "sandbox")) {
            continue;
        }
        for (number, line) in source.live(&source.code).lines().enumerate() {
            for word in parts_of_names(line).iter().filter(|word| FLOW_WORDS.contains(&word.as_str())) {
                violations.push(format!("{}:{} names `{word}`", source.path, number + 1));
            }
        }
    }
    none("flows named outside adapters and sandbox", &violations);
}

/// The words of a line, lower case; `SiussStep` and `siuss_step` are two each.
fn parts_of_names(line: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut lower_before = false;
    for letter in line.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && lower_before) {
            parts.push(String::new());
        }
        if letter.is_alphanumeric() {
            parts.iter_mut().last().unwrap().extend(letter.to_lowercase());
        }
        lower_before = letter.is_lowercase();
    }
    parts
}

#[test]
fn every_file_says_what_it_is_and_stays_small() {
    let mut violations = Vec::new();
    for source in sources() {
        if !source.text.starts_with("//!") {
            violations.push(format!("{}: does not open with `//!`", source.path));
        }
        let lines = source.text.lines().count();
        if lines > MOST_FILE_LINES {
            violations.push(format!("{}: {lines} lines, {MOST_FILE_LINES} at most", source.path));
        }
    }
    none("files", &violations);
}

#[test]
fn no_function_is_long() {
    let mut violations = Vec::new();
    for source in sources() {
        let bare = &source.bare;
        for at in words(bare, "fn") {
            let Some(open) = bare[at..].find(['{', ';']).map(|offset| at + offset) else { continue };
            if bare.as_bytes()[open] == b';' {
                continue;
            }
            let lines = source.line(matching(bare, open) - 1) - source.line(at) + 1;
            if lines > MOST_FUNCTION_LINES {
                let (path, line) = (&source.path, source.line(at));
                violations.push(format!("{path}:{line} {lines} lines, {MOST_FUNCTION_LINES} at most"));
            }
        }
    }
    none("long functions", &violations);
}

#[test]
fn nothing_is_unwrapped_outside_tests_and_constants() {
    let mut violations = Vec::new();
    for source in sources().iter().filter(|source| source.path.starts_with("src/") && !source.is_test) {
        let live = source.live(&source.bare);
        let found =
            [".unwrap()", ".expect(\"", ".expect(&format", ".unwrap_err()", ".expect_err("].into_iter();
        for (at, word) in found.flat_map(|word| live.match_indices(word)) {
            if !in_constant(&live[..at]) {
                violations.push(format!("{}:{} `{word}`", source.path, source.line(at)));
            }
        }
    }
    none("unwrapped", &violations);
}

/// Whether the statement that `before` ends in declares a constant.
fn in_constant(before: &str) -> bool {
    let statement = before.rsplit([';', '{', '}']).next().unwrap_or_default();
    words(statement, "const").next().or_else(|| words(statement, "static").next()).is_some()
}

#[test]
fn every_schema_says_where_its_facts_come_from() {
    let mut violations = Vec::new();
    let files = files();
    let versions = |top: &str| {
        let below = |path: &String| {
            let mut parts = path.split('/');
            (parts.next()? == top).then_some(())?;
            let (flow, version) = (parts.next()?, parts.next()?);
            parts.next().map(|_| format!("{flow}/{version}"))
        };
        files.iter().filter_map(below).collect::<std::collections::BTreeSet<_>>()
    };
    let schemas = versions("schemas");
    for flow in versions("mappings").union(&versions("fixtures")).filter(|flow| !schemas.contains(*flow)) {
        violations.push(format!("{flow}: has a mapping or fixtures and no schemas/{flow}"));
    }
    for flow in &schemas {
        let path = format!("schemas/{flow}/ORIGIN.toml");
        match std::fs::read_to_string(root().join(&path)) {
            Ok(text) => violations.extend(origin_lacks(&text).map(|what| format!("{path}: {what}"))),
            Err(_) => violations.push(format!("{path}: missing")),
        }
    }
    none("origins", &violations);
}

/// What an ORIGIN.toml does not say: authority, document, date; a status for all of it or
/// for each group of facts.
fn origin_lacks(text: &str) -> Option<String> {
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return Some(format!("not TOML: {error}")),
    };
    let has = |name: &str| table.contains_key(name);
    let known = |entry: &toml::Table| {
        let status = entry.get("status").and_then(toml::Value::as_str);
        matches!(status, Some("verified" | "unverified"))
    };
    let groups = ["facts", "source"].iter().filter_map(|name| table.get(*name)?.as_array()).flatten();
    let groups: Vec<_> = groups.filter_map(toml::Value::as_table).collect();
    let told = known(&table) || (!groups.is_empty() && groups.iter().all(|group| known(group)));
    let lacks = [
        (has("authority"), "authority"),
        (has("document") || has("documents"), "document"),
        (has("date"), "date"),
        (told && groups.iter().all(|group| known(group)), "status (verified or unverified)"),
    ];
    let lacks: Vec<_> = lacks.iter().filter(|(told, _)| !told).map(|(_, what)| *what).collect();
    (!lacks.is_empty()).then(|| format!("does not say {}", lacks.join(", ")))
}

/// Words that tell of the place where something was built, not of the product. Written in
/// two halves, so that this file does not name them.
const ELSEWHERE: &[(&str, &str)] = &[
    ("issue", " #"),
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("/ho", "me/"),
    ("/var/", "folders/"),
    ("pypi", ".org"),
    ("python", "hosted.org"),
    ("static.", "crates.io"),
    ("index.", "crates.io"),
    ("deb.", "debian.org"),
    ("registry.", "npmjs.org"),
    ("proxy.", "golang.org"),
];

#[test]
fn the_repository_speaks_of_the_product_alone() {
    let mut violations = Vec::new();
    for path in files().iter().filter(|path| *path != "Cargo.lock") {
        let Ok(text) = std::fs::read_to_string(root().join(path)) else { continue };
        for (number, line) in text.lines().enumerate() {
            let line = line.to_lowercase();
            let found = ELSEWHERE.iter().map(|(one, two)| format!("{one}{two}"));
            violations.extend(
                found
                    .filter(|word| line.contains(word))
                    .map(|word| format!("{path}:{} `{word}`", number + 1)),
            );
        }
    }
    none("words from elsewhere", &violations);
}

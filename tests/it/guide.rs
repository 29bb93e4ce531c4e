//! The user's guide keeps its word: its commands run and say what it shows, its links lead
//! somewhere, its pages are listed.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::raccordo;

/// Ports that the guide writes; a chapter is run with free ones in their place.
const PORTS: [&str; 6] = ["8780", "8781", "8790", "8791", "8792", "8793"];
/// What stands between the outputs of two commands.
const MARK: &str = "@@raccordo-guide@@";

fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide/src")
}

/// The chapters that people wrote: name, text.
fn chapters() -> Vec<(String, String)> {
    let mut chapters = Vec::new();
    for entry in guide().read_dir().expect("the guide") {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            chapters.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    chapters.sort();
    chapters
}

/// A command of the guide, and what it shows of the output.
#[derive(Debug)]
struct Step {
    command: String,
    shown: Vec<String>,
    /// The block says that one of its commands ends with 1.
    block: usize,
    findings: bool,
}

/// Fenced blocks of a kind: what follows the kind, and the lines.
fn blocks<'t>(text: &'t str, kind: &str) -> Vec<(&'t str, Vec<&'t str>)> {
    let (mut found, mut lines) = (Vec::new(), text.lines());
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if let Some(more) = info.strip_prefix(kind) {
            found.push((more.trim(), body));
        }
    }
    found
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (block, (more, lines)) in blocks(text, "console").into_iter().enumerate() {
        let mut document: Option<String> = None;
        for line in lines {
            if let Some(end) = &document {
                let step = steps.last_mut().expect("a command");
                write!(step.command, "\n{line}").unwrap();
                if line == end {
                    document = None;
                }
            } else if let Some(command) = line.strip_prefix("$ ") {
                let end = command.split("<<'").nth(1).and_then(|rest| rest.split('\'').next());
                document = end.map(str::to_owned);
                let (command, findings) = (command.to_owned(), more == "exit-1");
                steps.push(Step { command, shown: Vec::new(), block, findings });
            } else {
                steps.last_mut().expect("a command before its output").shown.push(line.to_owned());
            }
        }
    }
    steps
}

/// Runs a chapter's commands in one shell; the output and the exit code of each.
fn run(name: &str, steps: &[Step], ports: &[(String, String)]) -> Vec<(String, i32)> {
    let dir = tempfile::tempdir().unwrap();
    let mut script = String::from("exec 2>&1\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n");
    for step in steps {
        writeln!(script, "{}\nprintf '\\n{MARK}%d\\n' $?", with_ports(&step.command, ports)).unwrap();
    }
    std::fs::write(dir.path().join(".script"), script).unwrap();
    let binaries = Path::new(env!("CARGO_BIN_EXE_raccordo")).parent().unwrap().display().to_string();
    let port = |known: &str| &ports.iter().find(|(from, _)| from.ends_with(known)).expect("a port").1;
    let output = Command::new("timeout")
        .args(["90", "bash", "--norc", ".script"])
        .current_dir(dir.path())
        .env_clear()
        .env("PATH", format!("{binaries}:/usr/local/bin:/usr/bin:/bin"))
        .env("HOME", dir.path())
        .env("LC_ALL", if name == "ten-minutes.md" { "C.UTF-8" } else { "it_IT.UTF-8" })
        .env("RACCORDO__API__LISTEN", port("8780"))
        .env("RACCORDO__OFFER__LISTEN", port("8781"))
        .stdin(Stdio::null())
        .output()
        .expect("bash");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut ran: Vec<(String, i32)> = Vec::new();
    let mut parts = text.split(MARK);
    let mut said = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('\n').unwrap_or((part, ""));
        ran.push((said, code.trim().parse().expect("an exit code")));
        said = rest.to_owned();
    }
    assert_eq!(ran.len(), steps.len(), "{name}: not every command came to an end: {text}");
    ran
}

fn with_ports(text: &str, ports: &[(String, String)]) -> String {
    ports.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn free_ports() -> Vec<(String, String)> {
    let listeners: Vec<_> = PORTS.iter().map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let at = |(port, listener): (&&str, &TcpListener)| {
        (format!("127.0.0.1:{port}"), listener.local_addr().unwrap().to_string())
    };
    PORTS.iter().zip(&listeners).map(at).collect()
}

/// Lines with their blanks made one.
fn even(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the parts of a shown line, with `…` for what may be anything, stand in a line in their order.
fn stands_in(shown: &str, line: &str) -> bool {
    let mut rest = line;
    shown.split('…').map(str::trim).filter(|part| !part.is_empty()).all(|part| {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        true
    })
}

/// What is shown and not said: each line must be there, in order.
fn missing<'s>(shown: &'s [String], said: &str) -> Option<&'s String> {
    let said: Vec<String> = said.lines().map(even).collect();
    let mut lines = said.iter();
    shown.iter().find(|shown| {
        let shown = even(shown);
        !lines.any(|line| stands_in(&shown, line))
    })
}

fn play(name: &str) {
    let text = std::fs::read_to_string(guide().join(name)).expect("the chapter");
    let (steps, ports) = (steps(&text), free_ports());
    let ran = run(name, &steps, &ports);
    let mut wrong = String::new();
    for (step, (said, code)) in steps.iter().zip(&ran) {
        let bad = *code > 1 || (*code == 1 && !step.findings);
        if let Some(line) = missing(&step.shown, said) {
            writeln!(wrong, "$ {}\nshows `{line}`, and says:\n{said}", step.command).unwrap();
        } else if bad {
            writeln!(wrong, "$ {}\nends with {code}:\n{said}", step.command).unwrap();
        }
    }
    let blocks: BTreeSet<usize> = steps.iter().filter(|step| step.findings).map(|step| step.block).collect();
    for block in blocks {
        let ends =
            steps.iter().zip(&ran).filter(|(step, _)| step.block == block).any(|(_, (_, code))| *code == 1);
        if !ends {
            writeln!(wrong, "block {block}: nothing in it ends with 1").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{name}:\n{wrong}");
}

#[test]
fn the_first_chapter_runs() {
    play("ten-minutes.md");
}

#[test]
fn every_other_chapter_runs() {
    for (name, text) in chapters() {
        if name != "ten-minutes.md" && text.contains("```console") {
            play(&name);
        }
    }
}

/// Pages that are generated, by their path in the guide.
fn generated() -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    raccordo(dir.path(), &["flows", "docs", "tracciati"]).exit(0);
    let mut pages: Vec<String> = dir
        .path()
        .join("tracciati")
        .read_dir()
        .unwrap()
        .map(|entry| format!("tracciati/{}", entry.unwrap().file_name().to_string_lossy()))
        .collect();
    pages.sort();
    pages
}

/// Targets of links outside of code.
fn links(text: &str) -> Vec<String> {
    let mut code = false;
    let lines = text.lines().filter(|line| {
        code ^= line.starts_with("```");
        !code
    });
    let in_line = |line: &str| {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        targets.map(str::to_owned).collect::<Vec<_>>()
    };
    lines.flat_map(in_line).filter(|target| !target.contains("://")).collect()
}

/// The anchors of a page's headings, as mdBook makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let letters = words.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        letters.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere_and_every_page_is_listed() {
    let (chapters, generated) = (chapters(), generated());
    let page = |path: &str| chapters.iter().find(|(name, _)| name == path).map(|(_, text)| text);
    let mut wrong = Vec::new();
    for (name, text) in &chapters {
        for link in links(text) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let path = if path.is_empty() { name } else { path };
            let known = page(path).is_some() || generated.iter().any(|page| page == path);
            let lands = anchor.is_empty() || page(path).is_some_and(|text| anchors(text).contains(anchor));
            if !known || !lands {
                wrong.push(format!("{name} links to {link}"));
            }
        }
    }
    let (_, summary) = chapters.iter().find(|(name, _)| name == "SUMMARY.md").expect("SUMMARY.md");
    let listed: BTreeSet<String> = links(summary).into_iter().collect();
    let written = chapters.iter().map(|(name, _)| name.clone()).filter(|name| name != "SUMMARY.md");
    let all: BTreeSet<String> = written.chain(generated).collect();
    wrong.extend(
        all.symmetric_difference(&listed).map(|page| format!("SUMMARY.md and the pages differ: {page}")),
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_command_that_is_named_exists() {
    let dir = tempfile::tempdir().unwrap();
    let help = raccordo(dir.path(), &["--help"]).exit(0).out;
    let commands: BTreeSet<&str> = help
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let mut wrong = Vec::new();
    for (name, text) in chapters() {
        for (number, line) in text.lines().enumerate() {
            for span in line.split("`raccordo ").skip(1) {
                let word: String = span.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
                if !word.is_empty() && !word.starts_with('-') && !commands.contains(word.as_str()) {
                    wrong.push(format!("{name}:{} `raccordo {word}`", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "no such command: {wrong:#?}");
}

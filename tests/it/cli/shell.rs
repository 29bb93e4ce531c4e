//! What a shell and a terminal get: completions, manual pages, tables, JSON everywhere.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{command, raccordo, said, write_lines};
use crate::serving::{FLOW, configure, generated};

/// What bash would offer for a line.
fn offered(at: &Path, line: &str) -> Vec<String> {
    let script = "source ./raccordo.bash; COMP_LINE=$1; read -ra COMP_WORDS <<<\"$1\"; \
                  [[ $1 == *' ' ]] && COMP_WORDS+=(''); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_POINT=${#1}; \
                  function=$(complete -p raccordo | sed 's/.*-F \\([^ ]*\\).*/\\1/'); \
                  $function raccordo \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"; \
                  printf '%s\\n' \"${COMPREPLY[@]}\"";
    let output = Command::new("bash")
        .args(["--norc", "-c", script, "bash", line])
        .current_dir(at)
        .output()
        .expect("bash");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_words() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::write(at.join("raccordo.bash"), raccordo(at, &["completions", "bash"]).exit(0).out).unwrap();
    assert_eq!(offered(at, "raccordo readi"), ["readiness"]);
    assert_eq!(offered(at, "raccordo submissions --state unc"), ["uncertain"]);
    assert!(offered(at, "raccordo runs ").contains(&"approve".to_owned()));
    assert!(offered(at, "raccordo user add --r").iter().any(|word| word == "--role"));
    assert_eq!(offered(at, "raccordo completions z"), ["zsh"]);
    // The other shells are not at hand everywhere: that theirs name every command must do.
    for (shell, mark) in [("zsh", "#compdef raccordo"), ("fish", "complete -c raccordo")] {
        let script = raccordo(at, &["completions", shell]).exit(0).out;
        assert!(script.contains(mark) && script.contains("upgrade-impact"), "{shell}");
    }
    raccordo(at, &["completions", "powershell"]).exit(2);
}

#[test]
fn every_command_has_a_manual_page_that_groff_reads_without_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    raccordo(at, &["man", "man1"]).exit(0);
    let pages: Vec<_> = at.join("man1").read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(pages.len() > 50, "{pages:?}");
    let read = Command::new("groff").args(["-ww", "-b", "-z", "-man", "-Tutf8"]).args(&pages).output();
    let read = read.expect("groff");
    assert!(read.status.success() && read.stderr.is_empty(), "{}", String::from_utf8_lossy(&read.stderr));
    let main = Command::new("groff")
        .args(["-man", "-Tascii", "-P-cbou", "man1/raccordo.1"])
        .current_dir(at)
        .output()
        .expect("groff");
    let text = String::from_utf8_lossy(&main.stdout).into_owned();
    for part in ["EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "raccordo-submissions(1)"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let example = "  raccordo sync F-1 --to REGISTER --wait 5s\n";
    assert!(text.contains(example), "an example stands in a line of its own: {text}");
    raccordo(at, &["man", "man1/raccordo.1"]).refused("man1/raccordo.1");
}

/// An installation with a few folders and a run.
fn installation() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    configure(dir.path(), "unused.json", "");
    write_lines(dir.path(), "folders.ndjson", &generated(4));
    raccordo(dir.path(), &["import", "folders.ndjson"]);
    raccordo(dir.path(), &["report", "--ente", "H501", "--flow", FLOW, "--period", "2026"]);
    dir
}

#[test]
fn tables_fit_the_terminal_and_are_whole_in_a_pipe() {
    let dir = installation();
    let at = |columns: &str, arguments: &[&str]| {
        let mut command = command(dir.path());
        command.args(["--config", "raccordo.toml"]).args(arguments);
        if !columns.is_empty() {
            command.env("COLUMNS", columns);
        }
        said(command.output().unwrap()).exit(0).out
    };
    for arguments in [&["submissions"][..], &["runs", "list"], &["routes", "list"]] {
        let whole = at("", arguments);
        assert!(!whole.contains('…') && !whole.contains('\u{1b}'), "{whole}");
        for columns in [40_usize, 64, 80, 100] {
            let table = at(&columns.to_string(), arguments);
            let widest = table.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= columns, "{arguments:?} at {columns}: {table}");
        }
    }
}

#[test]
fn every_answer_can_be_had_as_json() {
    let dir = installation();
    let at = dir.path();
    let lines: &[&[&str]] = &[
        &["check"],
        &["coverage"],
        &["doctor"],
        &["readiness"],
        &["runs", "list"],
        &["runs", "show", "1"],
        &["calendar"],
        &["duplicates"],
        &["submissions"],
        &["submissions", "--state", "queued"],
        &["submissions", "--folder", "CS-0000001", "--from", "2026-01-01"],
        &["submissions", "H501.PS.*"],
        &["alerts"],
        &["routes", "list"],
        &["routes", "suspend", "waas-H501"],
        &["routes", "resume", "waas-H501"],
        &["keys", "list"],
        &["audit", "verify"],
        &["user", "add", "anna", "--role", "auditor"],
        &["user", "list"],
        &["user", "disable", "anna"],
        &["user", "enable", "anna"],
        &["token", "new", "csi"],
        &["report", "--ente", "H501", "--flow", FLOW, "--period", "2026"],
        &["replay", "--flow", FLOW],
        &["generate", "--folders", "2"],
        &["folder", "template"],
        &["flows", "docs", "pages"],
    ];
    for arguments in lines {
        let all: Vec<&str> = [&["--json"], *arguments].concat();
        let told = raccordo(at, &all);
        assert!(told.code < 2 && !told.out.trim().is_empty(), "{arguments:?}: {}{}", told.out, told.err);
        let whole = serde_json::from_str::<Value>(&told.out).is_ok();
        let by_line = told.out.lines().all(|line| serde_json::from_str::<Value>(line).is_ok());
        assert!(whole || by_line, "{arguments:?}: {}", told.out);
    }
}

#[test]
fn a_person_is_searched_for_without_being_named_on_the_command_line() {
    let dir = installation();
    let folder = &generated(4)[0];
    let code = folder["persona"]["codice_fiscale"].as_str().expect("a codice fiscale");
    std::fs::write(dir.path().join("who"), code).unwrap();
    let mut command = command(dir.path());
    command.args([
        "--config",
        "raccordo.toml",
        "--json",
        "submissions",
        "--person",
        "-",
        "--reason",
        "a test",
    ]);
    command.stdin(std::fs::File::open(dir.path().join("who")).unwrap());
    let found = said(command.output().unwrap()).exit(0).json();
    let found = found["operations"].as_array().unwrap();
    assert!(!found.is_empty() && found.iter().all(|row| row["folder_id"] == folder["id"]), "{found:?}");
    raccordo(dir.path(), &["submissions", "--person", code]).exit(2);
}

#[test]
fn health_tells_whether_a_server_answers() {
    let dir = tempfile::tempdir().unwrap();
    configure(dir.path(), "unused.json", "");
    raccordo(dir.path(), &["health"]).refused("serve");
}

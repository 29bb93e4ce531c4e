//! What carries raccordo to a machine: container, compose file, service. No engine and no service
//! manager runs here: what they would read is checked for what it names, and by systemd's own tools.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::python::python;
use crate::tidy::source::sources;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Instructions of the Dockerfile, lines that go on joined.
fn instructions() -> Vec<(String, Vec<String>)> {
    let text = read("Dockerfile").replace("\\\n", " ");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split_whitespace().map(str::to_owned);
            (words.next().unwrap(), words.collect())
        })
        .collect()
}

/// What the Dockerfile copies out of this directory.
fn copied() -> Vec<String> {
    let copies = instructions().into_iter().filter(|(word, _)| word == "COPY").map(|(_, words)| words);
    let ours = copies.filter(|words| !words[0].starts_with("--from"));
    ours.flat_map(|words| words[..words.len() - 1].to_vec()).collect()
}

#[test]
fn the_image_is_built_of_what_is_here_and_of_all_that_the_binary_holds() {
    let copied = copied();
    let ignored = read(".dockerignore");
    let missing: Vec<_> = copied.iter().filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "copied and not there: {missing:?}");
    let top = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
    let let_in = |path: &&String| ignored.lines().any(|line| line == format!("!{}", top(path)));
    let hidden: Vec<_> = copied.iter().filter(|path| !let_in(path)).collect();
    assert!(hidden.is_empty(), "copied and kept away by .dockerignore: {hidden:?}");
    // What macros read when the binary is compiled must have been copied too.
    let mut embedded = vec!["Cargo.toml".to_owned(), "Cargo.lock".into(), "askama.toml".into(), "src".into()];
    for source in sources().iter().filter(|source| source.path.starts_with("src/")) {
        let folders = source.text.split("#[folder = \"").skip(1);
        let texts = source.text.split("include_str!(\"../").skip(1);
        let bytes = source.text.split("include_bytes!(\"../").skip(1);
        let named = folders.chain(texts).chain(bytes).map(|rest| rest.trim_start_matches("../"));
        // A file beside the source came with `src`.
        let named =
            named.filter_map(|rest| rest.split(['/', '"']).next().filter(|top| root().join(top).is_dir()));
        embedded.extend(named.map(str::to_owned));
    }
    embedded
        .extend(read("askama.toml").split('"').nth(1).map(|dir| dir.split('/').next().unwrap().to_owned()));
    embedded.extend(read("Cargo.toml").contains("[[bench]]").then(|| "benches".to_owned()));
    let lacking: Vec<_> = embedded.iter().filter(|path| !copied.contains(path)).collect();
    assert!(lacking.is_empty(), "read by the build and not copied: {lacking:?}");
}

#[test]
fn the_image_builds_as_the_house_does_and_runs_without_privilege() {
    let all = instructions();
    let of = |word: &str| -> Vec<String> {
        all.iter().filter(|(known, _)| known == word).map(|(_, words)| words.join(" ")).collect()
    };
    let build = "cargo build --locked --release --bin raccordo";
    assert!(of("RUN").iter().any(|run| run == build), "{:?}", of("RUN"));
    assert!(
        read("Makefile").contains("build --locked --release --bin raccordo"),
        "as `make install` builds it"
    );
    let rust = read("Cargo.toml")
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \""))
        .map(|rest| rest.trim_end_matches('"').to_owned());
    let from = of("FROM");
    assert!(
        from.iter().any(|from| from.starts_with(&format!("rust:{}-", rust.as_deref().unwrap()))),
        "{from:?}"
    );
    assert!(from.iter().all(|from| from.contains(':') && !from.contains("latest")), "{from:?}");
    let last = |word: &str| all.iter().rposition(|(known, _)| known == word);
    assert!(last("USER") > last("FROM") && of("USER") == ["10001:10001"], "the last stage is nobody's root");
    assert!(of("HEALTHCHECK")[0].ends_with("CMD [\"raccordo\", \"health\"]"));
    assert_eq!(of("ENTRYPOINT"), ["[\"raccordo\"]"]);
}

#[test]
fn the_compose_file_names_only_what_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let made = Command::new("sh")
        .arg(root().join("packaging/compose/secrets.sh"))
        .arg("XXXYYY80A01H501D")
        .arg(dir.path())
        .output()
        .expect("sh");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let secrets =
        dir.path().read_dir().unwrap().map(|entry| {
            format!("./packaging/compose/secrets/{}", entry.unwrap().file_name().to_string_lossy())
        });
    let told = Command::new(python())
        .arg(root().join("tests/python/check_compose.py"))
        .arg(root().join("compose.yaml"))
        .args(secrets)
        .output()
        .expect("python");
    assert!(
        told.status.success() && told.stdout.is_empty(),
        "{}{}",
        String::from_utf8_lossy(&told.stdout),
        String::from_utf8_lossy(&told.stderr)
    );
}

#[test]
fn the_configuration_of_the_compose_file_loads_with_the_secrets_that_are_made() {
    let dir = tempfile::tempdir().unwrap();
    let script = root().join("packaging/compose/secrets.sh");
    let made = Command::new("sh").arg(script).arg("XXXYYY80A01H501D").arg(dir.path()).status().expect("sh");
    assert!(made.success());
    let text = read("packaging/compose/raccordo.toml");
    let compose = read("compose.yaml");
    for name in text.split("/run/secrets/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(compose.contains(&format!("      - {name}\n")), "the gateway is not given {name}");
        assert!(dir.path().join(name).is_file(), "nothing makes {name}");
    }
    let here = dir.path().join("raccordo.toml");
    std::fs::write(&here, text.replace("/run/secrets", &dir.path().display().to_string())).unwrap();
    let settings = raccordo::node::config::load(Some(&here)).expect("a configuration");
    assert_eq!(settings.api.listen, "0.0.0.0:8780");
}

/// The unit, with the binary of this build in the place of the installed one.
fn unit(at: &Path) -> PathBuf {
    let text = read("packaging/systemd/raccordo.service");
    assert!(text.contains("ExecStart=/usr/bin/raccordo --config /etc/raccordo/raccordo.toml serve"));
    let path = at.join("raccordo.service");
    std::fs::write(&path, text.replace("/usr/bin/raccordo", env!("CARGO_BIN_EXE_raccordo"))).unwrap();
    path
}

fn systemd(tool: &str, arguments: &[&str], last: &Path) -> String {
    let output = Command::new(tool)
        .args(arguments)
        .arg(last)
        .output()
        .unwrap_or_else(|error| panic!("{tool}: {error}; Debian's package `systemd` has it"));
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {arguments:?}: {told}");
    told
}

#[test]
fn the_service_is_what_systemd_understands_and_is_kept_from_what_it_does_not_need() {
    let dir = tempfile::tempdir().unwrap();
    let unit = unit(dir.path());
    let told = systemd("systemd-analyze", &["verify", "--man=no"], &unit);
    assert!(!told.contains("raccordo.service"), "{told}");
    // 0 to 100; without any hardening a service stands at 96.
    systemd("systemd-analyze", &["security", "--offline=true", "--threshold=15"], &unit);
}

#[test]
fn user_and_directories_are_made_as_the_service_wants_them() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("etc")).unwrap();
    let at = format!("--root={}", dir.path().display());
    let users = root().join("packaging/systemd/raccordo.sysusers");
    assert!(systemd("systemd-sysusers", &[&at, "--dry-run"], &users).contains("raccordo"));
    // systemd-tmpfiles would change owners, which root alone may do: its lines are read here.
    let lines = read("packaging/systemd/raccordo.tmpfiles");
    for line in lines.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<_> = line.split(' ').collect();
        let mode = u32::from_str_radix(words[2], 8).expect("a mode");
        assert!(words.len() == 5 && words[0] == "d" && mode & 0o027 == 0, "{line}");
    }
}

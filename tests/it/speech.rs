//! Italian where an official reads it: the API by `Accept-Language`, commands by `--lang` and the
//! environment; and a table that says what the code says.

use raccordo::web::{Language, sentences};

use crate::cli::{command, raccordo, said};
use crate::serving::{ALL, Site, configure, request};
use crate::tidy::closing;
use crate::tidy::source::{Source, sources, words};

#[test]
fn a_problem_speaks_the_language_of_its_reader_and_carries_both() {
    let site = Site::open();
    let token = format!("Bearer {ALL}");
    let ask = |language: &str| {
        let headers = [("authorization", token.as_str()), ("accept-language", language)];
        request(site.api, "GET", "/api/v1/runs/99", &headers, b"")
    };
    let italian = ask("it-IT,it;q=0.9,en;q=0.5");
    assert_eq!(italian.problem(404), "La rendicontazione 99 non c'è.");
    assert_eq!(
        (&italian.json()["title"], italian.headers["content-language"].as_str()),
        (&"Non trovato".into(), "it")
    );
    let english = ask("en-GB");
    assert_eq!(
        (english.problem(404).as_str(), &english.json()["title"]),
        ("There is no run 99.", &"Not Found".into())
    );
    for answer in [italian, english, ask("fr")] {
        let body = answer.json();
        assert_eq!(
            (&body["detail_it"], &body["detail_en"]),
            (&"La rendicontazione 99 non c'è.".into(), &"There is no run 99.".into())
        );
    }
    // Also where no handler was reached.
    let headers = [("accept-language", "it")];
    assert!(request(site.api, "GET", "/api/v1/runs", &headers, b"").problem(401).contains("Serve un token"));
    assert!(request(site.api, "GET", "/nowhere", &headers, b"").problem(404).contains("risorsa"));
}

#[test]
fn commands_speak_the_language_of_their_reader() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    configure(at, "unused.json", "");
    raccordo(at, &["--lang", "it", "runs", "approve", "99"]).refused("La rendicontazione 99 non c'è.");
    raccordo(at, &["--lang", "it", "runs", "show", "99"]).refused("La rendicontazione 99 non c'è.");
    raccordo(at, &["runs", "show", "99"]).refused("There is no run 99.");
    raccordo(at, &["--lang", "de", "runs", "list"]).exit(2);
    let suspended = raccordo(at, &["--lang", "it", "routes", "suspend", "waas-H501"]).exit(0).out;
    assert!(suspended.contains("La rotta waas-H501 è sospesa"), "{suspended}");
    let of = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = command(at);
        command.args(["--config", "raccordo.toml"]).args(arguments).envs(variables.iter().copied());
        said(command.output().unwrap()).exit(0).out
    };
    let italian = [("LANG", "it_IT.UTF-8")];
    assert!(of(&italian, &["routes", "list"]).starts_with("rotta"));
    assert!(of(&[("LANG", "it_IT.UTF-8"), ("LC_ALL", "C")], &["routes", "list"]).starts_with("route"));
    assert!(of(&italian, &["--lang", "en", "routes", "list"]).starts_with("route"));
    assert!(
        of(&italian, &["--json", "routes", "list"]).starts_with("{\"routes\""),
        "programs read one language"
    );
}

/// Sentences of others that we pass on.
const FOREIGN: &[&str] = &["missing field {}"];

/// Code as the table writes it: lines that go on are joined, what changes is `{}`.
fn plain(code: &str) -> String {
    let mut joined = String::with_capacity(code.len());
    for (number, part) in code.split("\\\n").enumerate() {
        joined.push_str(if number == 0 { part } else { part.trim_start() });
    }
    let mut plain = String::with_capacity(joined.len());
    for (number, part) in joined.split('{').enumerate() {
        let hole = part.find('}').filter(|end| number > 0 && !part[..*end].contains(['\n', '"']));
        plain.push_str(if number == 0 { "" } else { "{" });
        plain.push_str(&part[hole.unwrap_or(0)..]);
    }
    plain
}

#[test]
fn what_the_table_translates_is_said_somewhere() {
    let live = |source: &Source| source.live(&source.code);
    let ours =
        |source: &&Source| source.path.starts_with("src/") && !source.path.starts_with("src/web/italian");
    let code: String = sources().iter().filter(ours).map(|source| plain(&live(source))).collect();
    let titles: Vec<_> = (400..600)
        .filter_map(|status| axum::http::StatusCode::from_u16(status).ok()?.canonical_reason())
        .collect();
    let known =
        |english: &str| titles.contains(&english) || FOREIGN.contains(&english) || code.contains(english);
    let lost: Vec<_> = sentences().filter(|(english, _)| !known(english)).collect();
    assert!(lost.is_empty(), "nobody says: {lost:#?}");
}

#[test]
fn every_problem_of_the_api_has_its_italian() {
    let mut missing = Vec::new();
    for source in sources().iter().filter(|source| source.path.starts_with("src/web/")) {
        let (bare, code) = (source.live(&source.bare), source.live(&source.code));
        for at in words(&bare, "Problem") {
            let call = ["Problem::new(", "Problem::bad("].iter().find(|call| bare[at..].starts_with(*call));
            let Some(call) = call else { continue };
            let said = plain(&code[at..closing(&bare, at + call.len() - 1)]);
            let sentences = said.split('"').skip(1).step_by(2).filter(|sentence| !sentence.is_empty());
            let untold = sentences.filter(|english| Language::Italian.say(english) == **english);
            missing.extend(untold.map(|english| format!("{}:{} {english}", source.path, source.line(at))));
        }
    }
    assert!(missing.is_empty(), "no Italian in src/web/italian.rs for: {missing:#?}");
}

//! Banco di prova: a folder that is typed or picked, its findings and payload at once. Nothing is
//! stored and nothing is logged; pseudonyms are made with the key of nobody.

mod archive;
pub mod cases;
pub mod pseudonymised;

use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::beside::{Beside, beside};
use super::extract::{Form, Query};
use super::folders::{Told, one};
use super::frame::{Failure, Frame, page, rendered};
use super::visitor::Visitor;
use crate::flow::{Context, EnteSettings, Flow, Mapped, fixtures};
use crate::folder::finding::Finding;
use crate::gateway::Gateway;
use crate::gateway::rights::Right;
use crate::web::folders::blocking;

/// Records shown of one trial.
const MOST: usize = 20;

/// What is tried.
#[derive(Deserialize)]
pub struct Trial {
    modulo: String,
    tracciato: String,
    /// The day on which it is mapped, ISO; empty = today.
    #[serde(default)]
    oggi: String,
    #[serde(default)]
    cartella: String,
    /// Name of the case, when it is saved as one.
    #[serde(default)]
    nome: String,
}

/// A record as tried.
struct Tried {
    key: String,
    from: String,
    to: String,
    withheld: bool,
    beside: Beside,
}

#[derive(Template)]
#[template(path = "workbench_result.html")]
struct Outcome {
    frame: Frame,
    findings: Vec<Told>,
    records: Vec<Tried>,
    more: usize,
    elapsed_ms: String,
}

/// A flow to choose, with whether it is chosen.
struct Choice {
    id: String,
    title: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "workbench.html")]
struct Workbench {
    frame: Frame,
    flows: Vec<Choice>,
    flow: String,
    cases: Vec<String>,
    case: String,
    today: String,
    folder: String,
    outcome: String,
}

/// Which flow and case.
#[derive(Default, Deserialize)]
pub struct Picked {
    #[serde(default)]
    tracciato: String,
    #[serde(default)]
    caso: String,
}

fn permitted(visitor: &Visitor) -> Result<(), Failure> {
    let may = visitor.account.may_somewhere(Right::Try);
    if may { Ok(()) } else { Err(Failure::Forbidden(visitor.language)) }
}

/// `GET /console/banco`.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Query(picked): Query<Picked>,
) -> Result<Response, Failure> {
    permitted(&visitor)?;
    let made = blocking(move || {
        let current = gateway.catalog.current(gateway.clock.today());
        let flow = gateway.catalog.find(&picked.tracciato).or_else(|| current.first().copied());
        let id = flow.map_or_else(String::new, |flow| flow.id().to_owned());
        let names = cases::names(&id);
        let wanted = names.iter().find(|name| **name == picked.caso);
        let wanted = wanted.or_else(|| names.iter().find(|name| *name == "completo")).or(names.first());
        let case = wanted.and_then(|name| cases::find(&id, name));
        let today = case.as_ref().and_then(|case| case.today).unwrap_or_else(|| gateway.clock.today());
        let (name, folder) = case.map_or_else(Default::default, |case| (case.name, case.folder));
        let trial = Trial {
            modulo: String::new(),
            tracciato: id,
            oggi: today.to_string(),
            cartella: folder,
            nome: name,
        };
        Ok(bench(&gateway, &visitor, names, trial))
    });
    Ok(page(&made.await?))
}

fn bench(gateway: &Gateway, visitor: &Visitor, cases: Vec<String>, trial: Trial) -> Workbench {
    let frame = visitor.frame(("Banco di prova", "Workbench"));
    let flows = gateway.catalog.flows().iter().map(|flow| Choice {
        id: flow.id().to_owned(),
        title: frame.say(&flow.mapping.flow.title.it, &flow.mapping.flow.title.en).to_owned(),
        chosen: flow.id() == trial.tracciato,
    });
    Workbench {
        flows: flows.collect(),
        outcome: rendered(&outcome(gateway, frame.clone(), &trial)),
        flow: trial.tracciato,
        cases,
        case: trial.nome,
        today: trial.oggi,
        folder: trial.cartella,
        frame,
    }
}

/// `POST /console/banco`: what is made of a folder; a part of the page for a script, else the page.
pub async fn attempt(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Form(trial): Form<Trial>,
) -> Result<Response, Failure> {
    permitted(&visitor)?;
    visitor.sent(&trial.modulo)?;
    let made = blocking(move || {
        if visitor.is_part {
            return Ok(page(&outcome(&gateway, visitor.frame(("Banco di prova", "Workbench")), &trial)));
        }
        let names = cases::names(&trial.tracciato);
        Ok(page(&bench(&gateway, &visitor, names, trial)))
    });
    Ok(made.await?)
}

/// What a folder maps to on a day, and the folder itself; or what keeps it from being one.
struct Attempt<'f> {
    flow: &'f Flow,
    context: Context,
    read: Result<crate::folder::Folder, Vec<Finding>>,
}

impl<'f> Attempt<'f> {
    fn of(gateway: &'f Gateway, trial: &Trial) -> Option<Self> {
        let flow = gateway.catalog.find(&trial.tracciato)?;
        let today = trial.oggi.trim().parse().unwrap_or_else(|_| gateway.clock.today());
        let keys = Arc::new(flow.test_keys());
        let context = Context { today, ente: EnteSettings { keys, ..EnteSettings::default() } };
        let limit = gateway.settings.folder_limit_bytes;
        let read = gateway.folders.parse_within(trial.cartella.as_bytes(), limit);
        Some(Self { flow, context, read })
    }

    fn mapped(&self) -> Mapped {
        match &self.read {
            Ok(folder) => self.flow.map(folder, &self.context),
            Err(findings) => Mapped { findings: findings.clone(), ..Mapped::default() },
        }
    }
}

fn outcome(gateway: &Gateway, frame: Frame, trial: &Trial) -> Outcome {
    let began = Instant::now();
    let Some(attempt) = Attempt::of(gateway, trial) else {
        return Outcome { frame, findings: Vec::new(), records: Vec::new(), more: 0, elapsed_ms: "0".into() };
    };
    let mapped = attempt.mapped();
    let all = mapped.findings.iter().chain(mapped.records.iter().flat_map(|record| &record.findings));
    let findings = all.map(|finding| one(gateway, frame.language, String::new(), finding)).collect();
    let tried = mapped.records.iter().take(MOST).map(|record| {
        let shown = record.fragment.as_ref().and_then(|fragment| {
            let folder = attempt.read.as_ref().ok()?;
            let trace = attempt.flow.trace(folder, &attempt.context, &record.key)?;
            let body = Some(folder.body.expose());
            Some(beside(attempt.flow, &gateway.folders, &frame, body, &trace, fragment.expose()))
        });
        Tried {
            key: record.key.clone(),
            from: record.from.to_string(),
            to: record.to.to_string(),
            withheld: record.fragment.is_none(),
            beside: shown.unwrap_or_default(),
        }
    });
    let (records, more): (Vec<_>, _) = (tried.collect(), mapped.records.len().saturating_sub(MOST));
    let elapsed_ms = format!("{:.1}", began.elapsed().as_secs_f64() * 1000.0);
    Outcome { frame, findings, records, more, elapsed_ms }
}

/// `POST /console/banco/caso`: the folder as a case, for `fixtures/`: a directory in an archive.
pub async fn save(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Form(trial): Form<Trial>,
) -> Result<Response, Failure> {
    permitted(&visitor)?;
    visitor.sent(&trial.modulo)?;
    let language = visitor.language;
    let made = blocking(move || Ok(case_files(&gateway, &trial).map(|files| (trial, files))));
    let (trial, files) = made.await?.ok_or(Failure::NotFound(language))?;
    Ok(download(&plain(&trial.nome), &trial.tracciato, &files))
}

fn case_files(gateway: &Gateway, trial: &Trial) -> Option<Vec<(String, String)>> {
    let attempt = Attempt::of(gateway, trial)?;
    let mut files = vec![
        ("folder.json".to_owned(), trial.cartella.replace("\r\n", "\n")),
        ("context.toml".to_owned(), format!("today = \"{}\"\n", attempt.context.today)),
    ];
    files.extend(fixtures::expected(attempt.flow, &attempt.mapped()).unwrap_or_default());
    Some(files)
}

/// A folder as a case, without what is expected of it: that is for a person to say.
pub fn case_of(gateway: &Gateway, folder: &serde_json::Value) -> Vec<(String, String)> {
    let text = serde_json::to_string_pretty(folder).unwrap_or_default() + "\n";
    let today = format!("today = \"{}\"\n", gateway.clock.today());
    vec![("folder.json".to_owned(), text), ("context.toml".to_owned(), today)]
}

/// A case as a file to keep.
pub fn download(name: &str, flow: &str, files: &[(String, String)]) -> Response {
    let entries =
        files.iter().map(|(file, text)| (format!("fixtures/{flow}/{name}/{file}"), text.as_bytes()));
    let bytes = archive::tar(entries);
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.tar\"")),
    ];
    (headers, bytes).into_response()
}

/// A name of a case: lower case, digits and hyphens.
fn plain(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let plain: String = name.trim().chars().take(60).map(fits).collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() { "caso-nuovo".to_owned() } else { plain.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_cases_name_is_a_directory_and_no_path() {
        assert_eq!(plain("../../Etc/Passwd"), "etc-passwd");
        assert_eq!(plain("  Già visto "), "gi--visto");
        assert_eq!(plain("\""), "caso-nuovo");
    }
}

//! What every page has around it, and what stands in place of one that can't be shown.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::visitor::Visitor;
use crate::exchange::{LedgerError, Millis};
use crate::gateway::rights::Right;
use crate::web::Language;
use crate::web::problem::Problem;

/// An entry of the menu.
pub struct Entry {
    pub path: &'static str,
    pub label: &'static str,
    pub here: bool,
}

/// What stands around a page.
pub struct Frame {
    pub language: Language,
    pub title: String,
    pub who: String,
    pub form_token: String,
    pub path: String,
    pub menu: Vec<Entry>,
    /// Whether the design system travels in this binary.
    pub designed: bool,
}

/// The menu: path, Italian, English, what it takes to see it.
const MENU: &[(&str, &str, &str, Right)] = &[
    ("/console", "Oggi", "Today", Right::SeeMetadata),
    ("/console/cartelle", "Cartella", "Folder", Right::SeeMetadata),
    ("/console/rendicontazioni", "Rendicontazioni", "Reports", Right::SeeMetadata),
    ("/console/invii", "Invii", "Submissions", Right::SeeMetadata),
    ("/console/destinatari", "Destinatari", "Recipients", Right::SeeMetadata),
    ("/console/tracciati", "Tracciati", "Mappings", Right::Try),
    ("/console/giornale", "Giornale", "Journal", Right::ReadAudit),
];

impl Frame {
    pub fn of(visitor: &Visitor, (italian, english): (&str, &str)) -> Self {
        let path = visitor.path.clone();
        let entries = MENU.iter().filter(|(.., right)| visitor.account.may_somewhere(*right));
        let menu = entries.map(|(to, it, en, _)| Entry {
            path: to,
            label: say(visitor.language, it, en),
            here: if *to == "/console" { path == *to } else { path.starts_with(to) },
        });
        Self {
            designed: super::assets::has_design_system(),
            menu: menu.collect(),
            language: visitor.language,
            title: say(visitor.language, italian, english).to_owned(),
            who: visitor.account.name.clone(),
            form_token: visitor.form_token.clone(),
            path,
        }
    }

    /// The frame of a page before anybody is signed in.
    pub fn outside(language: Language, (italian, english): (&str, &str)) -> Self {
        Self {
            language,
            title: say(language, italian, english).to_owned(),
            who: String::new(),
            form_token: String::new(),
            path: "/console/entra".to_owned(),
            menu: Vec::new(),
            designed: super::assets::has_design_system(),
        }
    }

    /// One of two texts.
    pub fn say<'t>(&self, italian: &'t str, english: &'t str) -> &'t str {
        say(self.language, italian, english)
    }

    /// The language's code, for `lang`.
    pub fn code(&self) -> &'static str {
        self.language.code()
    }

    /// A word of the ledger for people.
    pub fn word(&self, word: &str) -> String {
        let known = WORDS.iter().find(|(known, ..)| *known == word);
        known.map_or_else(|| word.to_owned(), |(_, it, en)| self.say(it, en).to_owned())
    }

    /// A moment in Rome.
    pub fn moment(&self, at: &Millis) -> String {
        let zoned = Timestamp::from_millisecond(*at).ok().and_then(|at| at.in_tz("Europe/Rome").ok());
        zoned.map_or_else(String::new, |zoned| {
            zoned.strftime(self.say("%d/%m/%Y %H:%M", "%-d %b %Y, %H:%M")).to_string()
        })
    }
}

/// One of two texts.
pub fn say<'t>(language: Language, italian: &'t str, english: &'t str) -> &'t str {
    if language == Language::Italian { italian } else { english }
}

/// States and standings as people say them.
const WORDS: &[(&str, &str, &str)] = &[
    ("unchanged", "già aggiornati", "up to date"),
    ("set_aside", "accantonati", "set aside"),
    ("held", "da approvare", "to approve"),
    ("queued", "in coda", "queued"),
    ("sending", "in partenza", "sending"),
    ("retrying", "da ritentare", "to retry"),
    ("waiting", "in attesa di esito", "awaiting receipt"),
    ("uncertain", "esito incerto", "outcome unknown"),
    ("parked", "decide una persona", "a person decides"),
    ("superseded", "superati", "superseded"),
    ("accepted", "accettati", "accepted"),
    ("refused", "rifiutati", "refused"),
    ("insert", "inserimento", "insert"),
    ("replace", "sostituzione", "replace"),
    ("cancel", "cancellazione", "cancel"),
    ("out", "offerto", "offered"),
    ("asking", "da chiedere", "to ask"),
    ("settled", "concluso", "settled"),
    ("withdrawn", "ritirato", "withdrawn"),
    ("present", "da far sapere", "to be known"),
    ("annulled", "annullato", "annulled"),
    ("changed", "cambiato", "changed"),
    ("complete", "periodo completo", "period complete"),
    ("vanished", "scomparso", "vanished"),
    ("nothing", "niente", "nothing"),
    ("report", "rendicontazione", "report"),
    ("sync", "una cartella", "one folder"),
    ("replay", "ripetizione", "replay"),
];

/// Why a page is not shown.
#[derive(Debug)]
pub enum Failure {
    Forbidden(Language),
    NotFound(Language),
    /// What went wrong, in words for people.
    Wrong(String),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Wrong(problem.detail().to_owned())
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self::Wrong(error.to_string())
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    frame: Frame,
    what: String,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, language, what) = match self {
            Self::Forbidden(language) => {
                let what = say(language, "Non ne ha il diritto.", "You have no right to this.");
                (StatusCode::FORBIDDEN, language, what.to_owned())
            }
            Self::NotFound(language) => {
                let what = say(language, "Non c’è.", "It is not there.");
                (StatusCode::NOT_FOUND, language, what.to_owned())
            }
            Self::Wrong(what) => (StatusCode::CONFLICT, Language::Italian, Language::Italian.say(&what)),
        };
        let frame = Frame::outside(language, ("Non si può", "It cannot be done"));
        let mut answer = page(&FailurePage { frame, what });
        *answer.status_mut() = status;
        answer
    }
}

/// A page as an answer.
pub fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

//! What every page has around it, and what stands in place of one that can't be shown.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::visitor::Visitor;
use super::words;
use crate::exchange::{LedgerError, Millis};
use crate::gateway::rights::Right;
use crate::web::Language;
use crate::web::problem::Problem;

tokio::task_local! {
    /// The language of the visitor whose request is being answered.
    pub static SPOKEN: Language;
}

/// An entry of the menu.
#[derive(Clone)]
pub struct Entry {
    pub path: &'static str,
    pub label: &'static str,
    pub here: bool,
}

/// What stands around a page.
#[derive(Clone)]
pub struct Frame {
    pub language: Language,
    pub title: String,
    pub who: String,
    pub form_token: String,
    pub path: String,
    pub menu: Vec<Entry>,
    /// The page above this one: its path and name.
    pub above: Option<(String, String)>,
    /// Whether the design system travels in this binary.
    pub designed: bool,
    /// Whether pages may be live.
    pub live: bool,
}

/// The menu: path, Italian, English, what it takes to see it.
const MENU: &[(&str, &str, &str, Right)] = &[
    ("/console", "Oggi", "Today", Right::SeeMetadata),
    ("/console/cartelle", "Cartella", "Folder", Right::SeeMetadata),
    ("/console/rendicontazioni", "Rendicontazioni", "Reports", Right::SeeMetadata),
    ("/console/invii", "Invii", "Submissions", Right::SeeMetadata),
    ("/console/destinatari", "Destinatari", "Recipients", Right::SeeMetadata),
    ("/console/tracciati", "Tracciati", "Mappings", Right::Try),
    ("/console/banco", "Banco di prova", "Workbench", Right::Try),
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
            menu: menu.collect(),
            who: visitor.account.name.clone(),
            form_token: visitor.form_token.clone(),
            path,
            ..Self::outside(visitor.language, (italian, english))
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
            above: None,
            designed: super::assets::has_design_system(),
            live: super::assets::has_live_pages(),
        }
    }

    /// The same frame below another page, with a title of its own.
    pub fn below(mut self, path: &str, title: impl Into<String>) -> Self {
        let above = std::mem::replace(&mut self.title, title.into());
        self.above = Some((path.to_owned(), above));
        self
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
        words::word(self.language, word)
    }

    /// The tint of a word's badge.
    #[expect(clippy::unused_self, reason = "templates reach it through the frame")]
    pub fn tint(&self, word: &str) -> &'static str {
        words::tint(word)
    }

    /// Reasons for a look at a person's data: code and text.
    pub fn reasons(&self) -> Vec<(&'static str, &'static str)> {
        words::REASONS.iter().map(|(code, it, en)| (*code, say(self.language, it, en))).collect()
    }

    /// A moment in Rome.
    pub fn moment(&self, at: &Millis) -> String {
        let zoned = Timestamp::from_millisecond(*at).ok().and_then(|at| at.in_tz("Europe/Rome").ok());
        zoned.map_or_else(String::new, |zoned| {
            zoned.strftime(self.say("%d/%m/%Y %H:%M", "%-d %b %Y, %H:%M")).to_string()
        })
    }

    /// A day as people write it.
    pub fn day(&self, day: &str) -> String {
        let parsed = day.parse::<jiff::civil::Date>();
        parsed.map_or_else(
            |_| day.to_owned(),
            |day| day.strftime(self.say("%d/%m/%Y", "%-d %b %Y")).to_string(),
        )
    }
}

/// One of two texts.
pub fn say<'t>(language: Language, italian: &'t str, english: &'t str) -> &'t str {
    if language == Language::Italian { italian } else { english }
}

/// Why a page is not shown.
#[derive(Debug)]
pub enum Failure {
    Forbidden(Language),
    NotFound(Language),
    /// An address that is no page.
    Lost,
    /// A form or a query that is not whole.
    Unread,
    TooLarge,
    /// What went wrong: English, its Italian is in the table.
    Wrong(StatusCode, String),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Wrong(problem.status(), problem.detail().to_owned())
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Problem::from(error).into()
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
        let spoken = SPOKEN.try_with(|language| *language).unwrap_or(Language::Italian);
        let told =
            |status, language, it: &str, en: &str| (status, language, say(language, it, en).to_owned());
        let (status, language, what) = match self {
            Self::Forbidden(language) => {
                told(StatusCode::FORBIDDEN, language, "Non ne ha il diritto.", "You have no right to this.")
            }
            Self::NotFound(language) => told(StatusCode::NOT_FOUND, language, "Non c’è.", "It is not there."),
            Self::Lost => told(
                StatusCode::NOT_FOUND,
                spoken,
                "A questo indirizzo non c’è nessuna pagina.",
                "There is no page at this address.",
            ),
            Self::Unread => told(
                StatusCode::BAD_REQUEST,
                spoken,
                "Ciò che il modulo ha inviato non si capisce: tornare indietro e riprovare.",
                "What the form sent is not understood: go back and try again.",
            ),
            Self::TooLarge => told(
                StatusCode::PAYLOAD_TOO_LARGE,
                spoken,
                "È più di quanto questa pagina prende.",
                "It is more than this page takes.",
            ),
            Self::Wrong(status, what) => (status, spoken, spoken.say(&what)),
        };
        let frame = Frame::outside(language, ("Non si può", "It cannot be done"));
        let mut answer = page(&FailurePage { frame, what });
        *answer.status_mut() = status;
        answer
    }
}

/// The answer to an address that is no page.
pub async fn lost() -> Failure {
    Failure::Lost
}

/// A part of a page.
pub fn rendered(template: &impl Template) -> String {
    template.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a part of a page could not be made");
        String::new()
    })
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

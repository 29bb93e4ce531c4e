//! Problems as RFC 9457 wants them, in the language of whoever asked, with the findings inside
//! where there are any.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::language::Language;
use super::places::COME_BACK_S;
use crate::exchange::{LedgerError, PeriodError};
use crate::flow::explain::Explanation;
use crate::folder::finding::Finding;
use crate::gateway::{AdoptError, IndicatorError, InquiryError, ReplayError, RunError, SaveError};

tokio::task_local! {
    /// The language of the request that is being answered.
    static LANGUAGE: Language;
}

/// Answers in the language that the request likes best.
pub async fn speak(request: Request, next: Next) -> Response {
    let liked = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = liked.map(Language::accepted).unwrap_or_default();
    LANGUAGE.scope(language, next.run(request)).await
}

/// What a handler answers when it could not do what was asked.
pub struct Problem {
    status: StatusCode,
    detail: String,
    findings: Vec<Explanation>,
}

impl Problem {
    /// What went wrong and what to do, in English.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// A problem of a status, with what to do in `detail`: English, its Italian is in the table.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), findings: Vec::new() }
    }

    /// 400, the request itself is wrong.
    pub fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }
}

impl Problem {
    /// 422, a folder that is none: nothing was saved.
    pub fn invalid(findings: Vec<Explanation>) -> Self {
        let detail = "The folder is not valid: nothing was saved. The findings say where and what to do.";
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, detail: detail.into(), findings }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let language = LANGUAGE.try_with(|language| *language).unwrap_or_default();
        let title = language.say(self.status.canonical_reason().unwrap_or("Problem"));
        let mut body = json!({
            "type": "about:blank", "title": title, "status": self.status.as_u16(),
            "detail": language.say(&self.detail),
            "detail_it": Language::Italian.say(&self.detail), "detail_en": self.detail,
        });
        if let Some(name) = super::request_id::current() {
            body["request_id"] = name.into();
        }
        if !self.findings.is_empty() {
            body["findings"] = serde_json::to_value(&self.findings).unwrap_or(Value::Null);
        }
        let kind = (header::CONTENT_TYPE, "application/problem+json");
        let headers = [kind, (header::CONTENT_LANGUAGE, language.code())];
        let mut answer = (self.status, headers, body.to_string()).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(COME_BACK_S));
        }
        answer
    }
}

impl From<SaveError> for Problem {
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::Invalid(_) => Self::invalid(Vec::new()),
            SaveError::Older(why) => Self::new(StatusCode::CONFLICT, why),
            SaveError::Overtaken => Self::new(StatusCode::PRECONDITION_FAILED, error.to_string()),
            SaveError::Ledger(error) => error.into(),
        }
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        let status = match &error {
            LedgerError::Missing(_) => StatusCode::NOT_FOUND,
            LedgerError::Refused(_) => StatusCode::CONFLICT,
            LedgerError::Store(_) | LedgerError::Corrupt(_) => {
                tracing::error!(%error, "the ledger failed a request");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self::new(status, error.to_string())
    }
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Ledger(error) => error.into(),
            RunError::NoFolder(_) | RunError::NoFlow(_) => {
                Self::new(StatusCode::NOT_FOUND, error.to_string())
            }
            RunError::NoRoute { .. } | RunError::Counted(_) => {
                Self::new(StatusCode::CONFLICT, error.to_string())
            }
        }
    }
}

impl From<InquiryError> for Problem {
    fn from(error: InquiryError) -> Self {
        match error {
            InquiryError::Ledger(error) => error.into(),
            InquiryError::Withheld(findings) => {
                let detail = "The person may not be asked about: the findings say why.";
                let told = |finding: Finding| {
                    let Finding { rule, message, hint, verdict, source, .. } = finding;
                    Explanation::plain(&rule, message, hint, verdict, &source)
                };
                let findings = findings.into_iter().map(told).collect();
                Self { status: StatusCode::CONFLICT, detail: detail.into(), findings }
            }
            InquiryError::NoFlow(_) | InquiryError::NoFolder(_) => {
                Self::new(StatusCode::NOT_FOUND, error.to_string())
            }
            InquiryError::NoRoute { .. } => Self::new(StatusCode::CONFLICT, error.to_string()),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Run(error) => error.into(),
            ReplayError::NoState(_) | ReplayError::SameVersion(_) => Self::bad(error.to_string()),
            ReplayError::NotInForce(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
        }
    }
}

impl From<IndicatorError> for Problem {
    fn from(error: IndicatorError) -> Self {
        let status = match error {
            IndicatorError::Ledger(error) => return error.into(),
            IndicatorError::NoFlow(_) | IndicatorError::NoEnte(_) => StatusCode::NOT_FOUND,
            IndicatorError::Several(_) | IndicatorError::NoSpan | IndicatorError::NotBegun(_) => {
                StatusCode::BAD_REQUEST
            }
            IndicatorError::Setting { .. } | IndicatorError::Unverified { .. } => StatusCode::CONFLICT,
            IndicatorError::Unsound(_) => {
                tracing::error!(%error, "indicators are not given out");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self::new(status, error.to_string())
    }
}

impl From<AdoptError> for Problem {
    fn from(error: AdoptError) -> Self {
        match error {
            AdoptError::Ledger(error) => error.into(),
            other => Self::new(StatusCode::UNPROCESSABLE_ENTITY, other.to_string()),
        }
    }
}

impl From<PeriodError> for Problem {
    fn from(error: PeriodError) -> Self {
        Self::bad(error.to_string())
    }
}

/// The answer of every path that there is not.
pub async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "There is no such resource; the API begins at /api/v1.")
}

/// The answer to a method that a path does not take.
pub async fn not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This resource does not take this method.")
}

//! Pushed routes: what a worker does with one container, between the ledger and the courier.

use std::sync::Arc;
use std::time::Duration;

use super::chain::{Note, append};
use super::desk::{container_name, date_in};
use super::settings::{Push, Route};
use super::{Gateway, container_settings};
use crate::audit::EventKind;
use crate::channel::courier::{Asked, Carried, Courier, Outcome, Parcel, PartAnswer};
use crate::channel::pause::pause;
use crate::exchange::{
    Admission, Answer, Begun, Breaker, Delivered, Gathered, Gathering, Ledger, LedgerError, Millis,
    Operation, Patience, Record, Said, Schedule, Sign, State, Submission, begin, conclude, gather_lanes,
};
use crate::flow::{Container, Header, Part};
use crate::ledger::failpoint;
use crate::personal::Personal;

/// Queued operations that one gathering looks at.
const LOOK: usize = 256;
/// A worker's time beyond the exchange itself: building, waiting for the ledger.
const MARGIN_MS: Millis = 30_000;

impl Push {
    /// The retry schedule in the exchange's units.
    pub fn schedule(&self) -> Schedule {
        let retry = &self.retry;
        Schedule {
            first: millis(retry.first_s),
            factor: retry.factor,
            longest: millis(retry.longest_s),
            jitter: retry.jitter,
            attempts: retry.attempts,
            questions: retry.questions,
        }
    }

    /// The breaker in the exchange's units.
    pub fn breaker(&self) -> Breaker {
        Breaker { failures: self.breaker.failures.max(1), pause: millis(self.breaker.pause_s) }
    }

    /// How long a worker may have a container for itself.
    pub fn lease(&self) -> Millis {
        Millis::try_from(self.total_timeout_ms).unwrap_or(Millis::MAX / 4).saturating_mul(2) + MARGIN_MS
    }
}

fn millis(seconds: f64) -> Millis {
    Millis::try_from(Duration::try_from_secs_f64(seconds).unwrap_or_default().as_millis())
        .unwrap_or(Millis::MAX / 4)
}

/// What a worker has to do next on its route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    /// The container moved on.
    Done,
    /// Someone else has it, or it is closed.
    NotOurs,
    /// The route is left alone until then; the container keeps its place.
    Wait(Millis),
}

/// A parcel, or why it can't be built: the operations that stand in the way.
enum Built {
    Parcel(Box<Parcel>, Vec<i64>),
    Broken(Vec<Said>),
}

impl Gateway {
    /// Gathers what people queued on a pushed route, from a place in the queue on.
    pub fn gather_pushed(
        &self,
        route: &Route,
        interactive: bool,
        after: i64,
    ) -> Result<Gathered, LedgerError> {
        let (id, now, day) = (route.id.clone(), self.clock.now_ms(), self.clock.day());
        let (limit, catalog) = (route.max_records, Arc::clone(&self.catalog));
        let flow = catalog.flows().iter().find(|flow| flow.register() == route.register);
        let limits = flow.map(|flow| flow.limits(Container::Single));
        let max_bytes = limits.map_or(usize::MAX, |limits| limits.max_bytes * 9 / 10);
        let limit = limits.map_or(limit, |limits| limits.max_records.min(limit));
        self.books.write(move |tx| {
            let name =
                |record: &Record, day: &str, number: u32| container_name(&catalog, record, day, number);
            let wish = Gathering {
                route: &id,
                interactive,
                after,
                look: LOOK,
                limit,
                max_bytes,
                now,
                day: &day,
                name: &name,
            };
            gather_lanes(tx, &wish)
        })
    }

    /// Works on one container of a pushed route: sends it, or asks what became of it.
    pub async fn push_one(
        self: &Arc<Self>,
        route: &Route,
        push: &Push,
        courier: &dyn Courier,
        submission: i64,
    ) -> Result<Worked, LedgerError> {
        let token = uuid::Uuid::now_v7().to_string();
        let (begun, container) = match self.begin_push(route, push, submission, &token).await? {
            Started::Go(begun, container) => (begun, container),
            Started::No(worked) => return Ok(worked),
        };
        failpoint::pass("push.begun");
        let now = self.clock.now_ms();
        let delivered = match (self.parcel(&container).await?, begun) {
            // What can't be built can't be asked about either: a person decides.
            (Built::Broken(_), Begun::Ask) => Delivered::CannotBeAsked,
            (Built::Broken(said), _) => {
                Delivered::Refused { culprits: said, code: "not-built".into(), text: None }
            }
            (Built::Parcel(parcel, operations), Begun::Ask) => {
                let asked = courier.ask(&parcel, now).await;
                self.sealed_off(&container, move |gateway, name| gateway.asked(asked, name, &operations))
                    .await?
            }
            (Built::Parcel(parcel, operations), _) => {
                let outcome = courier.deliver(&parcel, now).await;
                self.sealed_off(&container, move |gateway, name| gateway.outcome(outcome, name, &operations))
                    .await?
            }
        };
        failpoint::pass("push.answered");
        self.conclude_push(route, push, container, delivered, token).await
    }

    /// Seals what the recipient wrote, away from the threads that must not wait.
    async fn sealed_off(
        self: &Arc<Self>,
        container: &Submission,
        seal: impl FnOnce(&Self, &str) -> Result<Delivered, LedgerError> + Send + 'static,
    ) -> Result<Delivered, LedgerError> {
        let (gateway, name) = (Arc::clone(self), container.name.clone());
        let task = tokio::task::spawn_blocking(move || seal(&gateway, &name));
        task.await.unwrap_or_else(|_| Err(LedgerError::Corrupt("sealing panicked; see the log".into())))
    }

    async fn begin_push(
        &self,
        route: &Route,
        push: &Push,
        submission: i64,
        token: &str,
    ) -> Result<Started, LedgerError> {
        let (now, at, lease, breaker) =
            (self.clock.now_ms(), self.clock.rfc3339(), push.lease(), push.breaker());
        let (id, token) = (route.id.clone(), token.to_owned());
        let begun = self.books.write_async(move |tx| {
            let mut state = tx.route(&id)?;
            let before = state.clone();
            if state.suspended.is_some() {
                return Ok(Started::No(Worked::Wait(now + breaker.pause)));
            }
            if let Admission::Wait(until) = breaker.admit(&mut state, now) {
                return Ok(Started::No(Worked::Wait(until)));
            }
            let Some(mut container) = tx.lease_one(submission, &token, now, now + lease)? else {
                return Ok(Started::No(Worked::NotOurs));
            };
            let begun = begin(tx, &mut container, now)?;
            if begun == Begun::Nothing {
                tx.release_lease(container.id, &token, now + lease)?;
                return Ok(Started::No(Worked::NotOurs));
            }
            if state != before {
                tx.put_route(&state)?;
            }
            if begun == Begun::Send {
                let note = Note::new(at, &id, EventKind::SubmissionSent, container.name.clone());
                append(tx, note.with("attempt", container.attempt))?;
            }
            Ok(Started::Go(begun, container))
        });
        begun.await
    }

    async fn conclude_push(
        &self,
        route: &Route,
        push: &Push,
        container: Submission,
        delivered: Delivered,
        token: String,
    ) -> Result<Worked, LedgerError> {
        let (now, at) = (self.clock.now_ms(), self.clock.rfc3339());
        let schedule = push.schedule();
        let patience = Patience { schedule, pause: pause(&schedule, container.attempt), now };
        let (id, breaker) = (route.id.clone(), push.breaker());
        self.books
            .write_async(move |tx| {
                let spoke = matches!(delivered, Delivered::Answered(_) | Delivered::Found(_));
                if !tx.has_lease(container.id, &token)? && !spoke {
                    // Another worker has gone on without us: only what the recipient said still counts.
                    return Ok(Worked::NotOurs);
                }
                let mut state = tx.route(&id)?;
                if breaker.note(&mut state, sign(&delivered), now) {
                    tx.put_route(&state)?;
                }
                conclude(tx, container.id, &delivered, &patience)?;
                tx.release_lease(container.id, &token, 0)?;
                if spoke || matches!(delivered, Delivered::Refused { .. }) {
                    let note = Note::new(at, &id, EventKind::ReceiptStored, container.name.clone());
                    append(tx, note.with("outcome", delivered.words().0))?;
                }
                Ok(Worked::Done)
            })
            .await
    }

    /// Builds a container's bytes: the same ones at each try.
    async fn parcel(self: &Arc<Self>, container: &Submission) -> Result<Built, LedgerError> {
        let (gateway, container) = (Arc::clone(self), container.clone());
        let task = tokio::task::spawn_blocking(move || gateway.build_parcel(&container));
        task.await.unwrap_or_else(|_| Err(LedgerError::Corrupt("building panicked; see the log".into())))
    }

    fn build_parcel(&self, container: &Submission) -> Result<Built, LedgerError> {
        let mut operations = self.books.operations_of(container.id)?;
        operations.retain(|operation| !operation.state.is_final() && operation.state != State::Parked);
        let first = operations.first().ok_or_else(|| LedgerError::Missing("an operation to send".into()))?;
        let head = self.books.record_head(first.record)?;
        let flow = self.catalog.find(&head.flow).ok_or_else(|| LedgerError::Missing(head.flow.clone()))?;
        let ente = self.settings.ente(&head.ente).ok_or_else(|| LedgerError::Missing(head.ente.clone()))?;
        let mut fragments = Vec::with_capacity(operations.len());
        let mut broken = Vec::new();
        for operation in &operations {
            match self.open_fragment(operation.record, &operation.content) {
                Ok(fragment) => fragments.push(fragment),
                Err(error) => {
                    tracing::error!(operation = operation.id, %error, "a payload cannot be opened");
                    broken.push(failed(operation.id, "payload-not-readable"));
                }
            }
        }
        if !broken.is_empty() {
            return Ok(Built::Broken(broken));
        }
        let names: Vec<_> = operations.iter().map(Operation::name).collect();
        let parts: Vec<_> = operations
            .iter()
            .zip(&fragments)
            .zip(&names)
            .map(|((operation, fragment), id)| Part {
                kind: operation.kind.into(),
                fragment: fragment.expose(),
                id,
            })
            .collect();
        let settings = container_settings(ente);
        let date = date_in(&container.name).unwrap_or_else(|| self.clock.today());
        let header = Header { name: &container.name, date, ente: &settings };
        match flow.assemble(Container::Single, &header, &parts) {
            Ok(bytes) => {
                let parts = operations
                    .iter()
                    .map(|operation| Carried { id: operation.name(), kind: operation.kind.into() })
                    .collect();
                let parcel = Parcel { name: container.name.clone(), bytes: Personal::new(bytes), parts };
                Ok(Built::Parcel(Box::new(parcel), operations.iter().map(|operation| operation.id).collect()))
            }
            Err(problems) => {
                let code = problems.first().map(|problem| problem.code.clone()).unwrap_or_default();
                tracing::error!(submission = container.id, code, "a container no longer passes its schema");
                Ok(Built::Broken(operations.iter().map(|operation| failed(operation.id, "schema")).collect()))
            }
        }
    }

    fn outcome(
        &self,
        outcome: Outcome,
        container: &str,
        operations: &[i64],
    ) -> Result<Delivered, LedgerError> {
        Ok(match outcome {
            Outcome::Answered(answers) => Delivered::Answered(self.said(answers, container, operations)?),
            Outcome::Refused { culprits, code, text } => Delivered::Refused {
                culprits: self.said(culprits, container, operations)?,
                code,
                text: self.sealed_text(container, text)?,
            },
            Outcome::Unavailable { code, not_before } => Delivered::Unavailable { code, not_before },
            Outcome::Uncertain { code } => Delivered::Uncertain { code },
        })
    }

    fn asked(&self, asked: Asked, container: &str, operations: &[i64]) -> Result<Delivered, LedgerError> {
        Ok(match asked {
            Asked::Found(found) => {
                Delivered::Found(self.said(found.into_iter().flatten().collect(), container, operations)?)
            }
            Asked::Unavailable { code, not_before } => Delivered::Unanswered { code, not_before },
            Asked::CannotBeAsked => Delivered::CannotBeAsked,
        })
    }

    fn said(
        &self,
        answers: Vec<PartAnswer>,
        container: &str,
        operations: &[i64],
    ) -> Result<Vec<Said>, LedgerError> {
        let mut said = Vec::with_capacity(answers.len());
        for answer in answers {
            let Some(operation) = operations.get(answer.part) else { continue };
            said.push(Said {
                operation: *operation,
                answer: answer.answer,
                code: answer.code,
                text: self.sealed_text(container, answer.text)?,
                acquired_as: answer.acquired_as,
            });
        }
        Ok(said)
    }
}

/// Whether a worker may go on with a container.
enum Started {
    Go(Begun, Submission),
    No(Worked),
}

fn failed(operation: i64, code: &str) -> Said {
    Said { operation, answer: Answer::Failed, code: code.into(), text: None, acquired_as: None }
}

/// What an attempt shows of the recipient.
fn sign(delivered: &Delivered) -> Sign {
    match delivered {
        Delivered::Unavailable { not_before: Some(until), .. }
        | Delivered::Unanswered { not_before: Some(until), .. } => Sign::Rests(*until),
        Delivered::Unavailable { .. } | Delivered::Unanswered { .. } | Delivered::Uncertain { .. } => {
            Sign::Fails
        }
        _ => Sign::Answers,
    }
}

//! Pushed routes: what a worker does with one container, between the ledger and the courier.

use std::sync::{Arc, PoisonError};

use super::Gateway;
use super::chain::{Note, append};
use super::containers::Unbuilt;
use super::gather::container_of;
use super::settings::{Push, Route};
use super::spans::{Field, Span};
use crate::audit::EventKind;
use crate::channel::courier::{Asked, Carried, Courier, Outcome, Parcel, PartAnswer};
use crate::channel::pause::pause;
use crate::channel::trace;
use crate::exchange::{
    Admission, Answer, Begun, Delivered, Ledger, LedgerError, Millis, Operation, Patience, Rate, Said, Sign,
    State, Submission, SubmissionState, TraceContext, Turnstile, begin, conclude, overhear,
};
use crate::ledger::{Turn, Tx, failpoint};

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

/// A parcel with the operations that it carries, in their order.
type Packed = (Parcel, Vec<i64>);

/// What an attempt came to, and what it showed of the recipient: nothing, where nothing was
/// exchanged with it.
type Came = (Delivered, Option<Sign>);

impl Gateway {
    /// Works on one container of a pushed route: sends it, or asks what became of it.
    pub async fn push_one(
        self: &Arc<Self>,
        route: &Route,
        push: &Push,
        courier: &dyn Courier,
        submission: i64,
        turn: Turn,
    ) -> Result<Worked, LedgerError> {
        let Some(mut held) = Held::take(self, submission) else { return Ok(Worked::NotOurs) };
        let token = self.node.token();
        let (begun, container, traced) =
            match self.begin_push(route, push, (submission, turn), &token).await? {
                Started::Go(begun, container, traced) => (begun, container, traced),
                Started::No(worked) => return Ok(worked),
            };
        failpoint::pass("push.begun");
        held.leased = Some(token.clone());
        let came = match self.parcel(&container).await {
            // Others may take this process for dead, and go on with what it has: nothing leaves now.
            _ if !self.node.is_sure_to_live() => not_sent(begun),
            Ok(packed) => self.exchange(courier, (&container, traced), begun, packed).await?,
            Err(unbuilt) => not_built(begun, &container, unbuilt),
        };
        failpoint::pass("push.answered");
        let worked = self.conclude_push(route, push, (container, traced), came, token).await;
        if worked.is_ok() {
            held.leased = None;
        }
        worked
    }

    /// Sends a parcel, or asks about it.
    async fn exchange(
        self: &Arc<Self>,
        courier: &dyn Courier,
        (container, traced): (&Submission, TraceContext),
        begun: Begun,
        (parcel, operations): Packed,
    ) -> Result<Came, LedgerError> {
        let now = self.clock.now_ms();
        let here = trace::child(traced);
        let mut fields = vec![(Field::Operations, operations.len().to_string())];
        fields.extend(parcel.parts.first().map(|part| (Field::Operation, part.id.clone())));
        let (asks, began) = (begun == Begun::Ask, std::time::Instant::now());
        let (took, delivered) = if asks {
            let asked = trace::scope(here, courier.ask(&parcel, now)).await;
            let took = began.elapsed();
            let seal = move |gateway: &Self, name: &str| gateway.asked(asked, name, &operations);
            (took, self.sealed_off(container, seal).await?)
        } else {
            let outcome = trace::scope(here, courier.deliver(&parcel, now)).await;
            let took = began.elapsed();
            let seal = move |gateway: &Self, name: &str| gateway.outcome(outcome, name, &operations);
            (took, self.sealed_off(container, seal).await?)
        };
        self.count_exchange(&container.route, asks, &delivered, took);
        fields.push((Field::Attempt, container.attempt.to_string()));
        fields.push((Field::Outcome, delivered.words().0.to_owned()));
        let ends = (here, Some(traced.span_id));
        self.tell_span("attempt", ends, (now, container), sign(&delivered) != Some(Sign::Answers), fields);
        let sign = sign(&delivered);
        Ok((delivered, sign))
    }

    /// Counts an exchange and the receipts that it brought.
    fn count_exchange(&self, route: &str, asks: bool, delivered: &Delivered, took: std::time::Duration) {
        let meters = &self.watch.meters;
        meters.attempted(route, asks, delivered.words(), Some(took));
        let said = match delivered {
            Delivered::Answered(said) | Delivered::Found(said) => said,
            Delivered::Refused { culprits, .. } => culprits,
            _ => return,
        };
        said.iter().for_each(|said| meters.received(route, said.answer.counted()));
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
        (submission, turn): (i64, Turn),
        token: &str,
    ) -> Result<Started, LedgerError> {
        let (now, at, lease, breaker) =
            (self.clock.now_ms(), self.clock.rfc3339(), push.lease(), push.breaker());
        let (id, token) = (route.id.clone(), token.to_owned());
        let (rate, interactive) = (Rate::per_second(push.rate_per_s), turn == Turn::First);
        let most = push.concurrency.max(1) + usize::from(interactive);
        let most = self.node.has_company().then_some(most);
        let begun = self.books.write_in_async(turn, move |tx| {
            let mut state = tx.route(&id)?;
            let before = state.clone();
            if state.suspended.is_some() {
                return Ok(Started::No(Worked::Wait(now + breaker.pause)));
            }
            if let Admission::Wait(until) = breaker.admit(&mut state, now) {
                return Ok(Started::No(Worked::Wait(until)));
            }
            let turnstile = match pass(tx, &id, (rate, most), interactive, now)? {
                Pass::Free(turnstile) => turnstile,
                Pass::Wait(until) => return Ok(Started::No(Worked::Wait(until))),
            };
            let Some(mut container) = tx.lease_one(submission, &token, now, now + lease)? else {
                return Ok(Started::No(Worked::NotOurs));
            };
            let begun = begin(tx, &mut container, now)?;
            if begun == Begun::Nothing {
                tx.release_lease(container.id, &token, now + lease)?;
                return Ok(Started::No(Worked::NotOurs));
            }
            if let Some(turnstile) = turnstile {
                tx.put_turnstile(&id, &turnstile)?;
            }
            if state != before {
                tx.put_route(&state)?;
            }
            let traced = traced_by(tx, &container)?;
            if begun == Begun::Send {
                let note = Note::new(at, &id, EventKind::SubmissionSent, container.name.clone());
                append(tx, note.with("attempt", container.attempt))?;
            }
            Ok(Started::Go(begun, container, traced))
        });
        begun.await
    }

    async fn conclude_push(
        &self,
        route: &Route,
        push: &Push,
        (container, traced): (Submission, TraceContext),
        (delivered, sign): Came,
        token: String,
    ) -> Result<Worked, LedgerError> {
        let (now, at, turn) = (self.clock.now_ms(), self.clock.rfc3339(), Turn::of(container.interactive));
        let mut schedule = push.schedule();
        if sign.is_none() {
            // Patience is with recipients: what fails on our side is tried until it is mended.
            (schedule.attempts, schedule.questions) = (u32::MAX, u32::MAX);
        }
        let days = self.settings.register(&route.register).overdue_days;
        let overdue = Millis::from(days) * 86_400_000;
        let patience = Patience { schedule, pause: pause(&schedule, container.attempt), overdue, now };
        let (id, breaker) = (route.id.clone(), push.breaker());
        let whole = container.clone();
        let (worked, closed) = self
            .books
            .write_in_async(turn, move |tx| {
                let (ours, mut closed) = (tx.hold_lease(container.id, &token)?, false);
                if ours {
                    let mut state = tx.route(&id)?;
                    if sign.is_some_and(|sign| breaker.note(&mut state, sign, now)) {
                        tx.put_route(&state)?;
                    }
                    let left = conclude(tx, container.id, &delivered, &patience)?.state;
                    closed = matches!(left, SubmissionState::Settled | SubmissionState::Withdrawn);
                    tx.release_lease(container.id, &token, 0)?;
                } else {
                    // Another worker has gone on without us: only what the recipient said still counts.
                    overhear(tx, container.id, &delivered, &patience)?;
                }
                let kept = match delivered {
                    Delivered::Answered(_) | Delivered::Handed { .. } => true,
                    Delivered::Found(_) | Delivered::Refused { .. } => ours,
                    _ => false,
                };
                if kept {
                    let note = Note::new(at, &id, EventKind::ReceiptStored, container.name.clone());
                    append(tx, note.with("outcome", delivered.words().0))?;
                }
                Ok((if ours { Worked::Done } else { Worked::NotOurs }, closed))
            })
            .await?;
        if closed {
            let began = whole.timestamp;
            self.tell_span(
                "submission",
                (trace::child(traced), Some(traced.span_id)),
                (began, &whole),
                false,
                Vec::new(),
            );
        }
        Ok(worked)
    }

    /// Tells the span of something about a container that is over now.
    fn tell_span(
        &self,
        name: &'static str,
        (context, parent): (TraceContext, Option<[u8; 8]>),
        (began, container): (Millis, &Submission),
        failed: bool,
        mut fields: Vec<(Field, String)>,
    ) {
        fields.push((Field::Submission, container.name.clone()));
        fields.push((Field::Route, container.route.clone()));
        let ended = self.clock.now_ms();
        self.span(Span { name, context, parent, began, ended, failed, fields });
    }

    /// Packs what is still open of a container.
    async fn parcel(self: &Arc<Self>, container: &Submission) -> Result<Packed, Unbuilt> {
        let (gateway, container) = (Arc::clone(self), container.clone());
        let task = tokio::task::spawn_blocking(move || gateway.pack(&container));
        let panicked = || LedgerError::Corrupt("building panicked; see the log".into());
        task.await.unwrap_or_else(|_| Err(panicked().into()))
    }

    fn pack(&self, container: &Submission) -> Result<Packed, Unbuilt> {
        let mut operations = self.books.operations_of(container.id)?;
        operations.retain(|operation| !operation.state.is_final() && operation.state != State::Parked);
        let first = operations.first().ok_or_else(|| LedgerError::Missing("an operation to send".into()))?;
        let head = self.books.record_head(first.record)?;
        let flow = self.catalog.find(&head.flow).ok_or(Unbuilt::NotConfigured("no-flow"))?;
        let bytes = self.build(container_of(flow), &container.name, &operations)?.bytes;
        let carried = |operation: &Operation| Carried { id: operation.name(), kind: operation.kind.into() };
        let parts = operations.iter().map(carried).collect();
        let handle = container.handed.as_ref().map(|handed| handed.handle.clone());
        let parcel = Parcel { name: container.name.clone(), bytes, parts, handle };
        Ok((parcel, operations.iter().map(|operation| operation.id).collect()))
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
            Outcome::Handed { handle, code, ask_at } => Delivered::Handed { handle, code, ask_at },
        })
    }

    fn asked(&self, asked: Asked, container: &str, operations: &[i64]) -> Result<Delivered, LedgerError> {
        Ok(match asked {
            Asked::Found(found) => {
                Delivered::Found(self.said(found.into_iter().flatten().collect(), container, operations)?)
            }
            Asked::Pending { code, not_before } => Delivered::Pending { code, not_before },
            Asked::Refused { culprits, code, text } => Delivered::Refused {
                culprits: self.said(culprits, container, operations)?,
                code,
                text: self.sealed_text(container, text)?,
            },
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

/// A container in the hands of this process. Whatever ends its worker, a panic too, nobody has to
/// wait until its lease lapses.
struct Held {
    gateway: Arc<Gateway>,
    submission: i64,
    leased: Option<String>,
}

impl Held {
    /// `None` where another worker of this process has it: no clock that jumps can give it twice.
    fn take(gateway: &Arc<Gateway>, submission: i64) -> Option<Self> {
        let first = gateway.at_work.lock().unwrap_or_else(PoisonError::into_inner).insert(submission);
        first.then(|| Self { gateway: Arc::clone(gateway), submission, leased: None })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Self { gateway, submission, leased } = self;
        gateway.at_work.lock().unwrap_or_else(PoisonError::into_inner).remove(submission);
        if let Some(token) = leased.take() {
            let submission = *submission;
            drop(gateway.books.submit(move |tx| tx.release_lease(submission, &token, 0)));
        }
    }
}

/// Whether a route has a place for a container.
enum Pass {
    /// With what is to be stored once it is taken.
    Free(Option<Turnstile>),
    Wait(Millis),
}

/// How long a worker waits for a place that another process has.
const PLACE_MS: Millis = 50;

/// Looks for a place on a route, for all processes together: at most so many under way, and not
/// faster than the recipient wants it.
fn pass(
    tx: &Tx<'_>,
    route: &str,
    (rate, most): (Option<Rate>, Option<usize>),
    interactive: bool,
    now: Millis,
) -> Result<Pass, LedgerError> {
    if rate.is_none() && most.is_none() {
        return Ok(Pass::Free(None));
    }
    let mut turnstile = tx.turnstile(route)?;
    if let Some(most) = most
        && tx.under_way(route)? >= most
    {
        return Ok(Pass::Wait(now + PLACE_MS));
    }
    let Some(rate) = rate else { return Ok(Pass::Free(None)) };
    match rate.admit(&mut turnstile, interactive, now.saturating_mul(1_000)) {
        Ok(()) => Ok(Pass::Free(Some(turnstile))),
        Err(until) => {
            tx.put_turnstile(route, &turnstile)?;
            Ok(Pass::Wait(until.div_euclid(1_000) + 1))
        }
    }
}

/// Whether a worker may go on with a container.
enum Started {
    Go(Begun, Submission, TraceContext),
    No(Worked),
}

/// The trace of a container, for ever the same: that of the run that wanted it, or one of its own.
fn traced_by(tx: &Tx<'_>, container: &Submission) -> Result<TraceContext, LedgerError> {
    let known = tx.trace_of_submission(container.id)?.and_then(|text| text.parse().ok());
    let context = known.unwrap_or_else(trace::begin);
    if container.attempt == 1 {
        tx.put_submission_trace(container.id, &context.to_string())?;
    }
    Ok(context)
}

/// What follows where nothing may leave just now.
fn not_sent(begun: Begun) -> Came {
    let (code, not_before) = ("not-sent".to_owned(), None);
    let delivered = match begun {
        Begun::Ask => Delivered::Unanswered { code, not_before },
        _ => Delivered::Unavailable { code, not_before },
    };
    (delivered, None)
}

/// What follows where there are no bytes to send, or to ask about.
fn not_built(begun: Begun, container: &Submission, unbuilt: Unbuilt) -> Came {
    tracing::error!(submission = container.id, %unbuilt, "a container cannot be built");
    let delivered = match (unbuilt, begun) {
        // What can't be built can't be asked about either: a person decides.
        (Unbuilt::Unfit { .. }, Begun::Ask) => Delivered::CannotBeAsked,
        (Unbuilt::Unfit { operations, code }, _) => {
            let culprits = operations.into_iter().map(|operation| failed(operation, &code)).collect();
            Delivered::Refused { culprits, code: "not-built".into(), text: None }
        }
        (_, Begun::Ask) => Delivered::Unanswered { code: "not-built".into(), not_before: None },
        _ => Delivered::Unavailable { code: "not-built".into(), not_before: None },
    };
    (delivered, None)
}

fn failed(operation: i64, code: &str) -> Said {
    Said { operation, answer: Answer::Failed, code: code.into(), text: None, acquired_as: None }
}

/// What an exchange showed of the recipient.
fn sign(delivered: &Delivered) -> Option<Sign> {
    Some(match delivered {
        Delivered::CannotBeAsked => return None,
        Delivered::Unavailable { not_before: Some(until), .. }
        | Delivered::Unanswered { not_before: Some(until), .. } => Sign::Rests(*until),
        Delivered::Unavailable { .. } | Delivered::Unanswered { .. } | Delivered::Uncertain { .. } => {
            Sign::Fails
        }
        _ => Sign::Answers,
    })
}

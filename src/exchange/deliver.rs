//! Pushing a container: what is stored before it is sent, and what follows from what came of it.
//!
//! A worker begins (the attempt is on disk before a byte leaves), sends or asks, and concludes.
//! If it dies in between, the container is found in `Sending` without a worker: its outcome is
//! unknown, so the recipient is asked first.
//!
//! A recipient that answers later hands out a number: it is stored before anything else, and the
//! receipts come by asking for it. Until then the operations wait.

use super::settle::{close_submission, drop_claim, settle_within};
use super::{
    Answer, Bucket, Failure, Handed, Ledger, LedgerError, Millis, Next, Operation, Receipt, Schedule,
    Settled, State, Submission, SubmissionState, next,
};

/// What a worker is to do with a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    Send,
    /// Its outcome is unknown: ask the recipient before anything is sent.
    Ask,
    /// Not now, or not any more.
    Nothing,
}

/// What the recipient said of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub operation: i64,
    pub answer: Answer,
    pub code: String,
    /// Sealed.
    pub text: Option<Vec<u8>>,
    pub acquired_as: Option<String>,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// An operation without an answer is unknown.
    Answered(Vec<Said>),
    /// Refused as a whole; without culprits the cause is looked for by halves.
    Refused {
        culprits: Vec<Said>,
        code: String,
        text: Option<Vec<u8>>,
    },
    Unavailable {
        code: String,
        not_before: Option<Millis>,
    },
    Uncertain {
        code: String,
    },
    /// Taken; the receipts come by asking for `handle`.
    Handed {
        handle: String,
        code: String,
        ask_at: Option<Millis>,
    },
    /// Asked: the recipient has it and is not done.
    Pending {
        code: String,
        not_before: Option<Millis>,
    },
    /// Asked: what took effect. An operation that is not named did not, and is sent again.
    Found(Vec<Said>),
    /// The recipient could not be asked.
    Unanswered {
        code: String,
        not_before: Option<Millis>,
    },
    CannotBeAsked,
}

impl Delivered {
    /// The word and the code stored with the attempt.
    pub fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Answered(_) => ("answered", ""),
            Self::Refused { code, .. } => ("refused", code),
            Self::Unavailable { code, .. } => ("unavailable", code),
            Self::Uncertain { code } => ("uncertain", code),
            Self::Handed { code, .. } => ("handed", code),
            Self::Pending { code, .. } => ("pending", code),
            Self::Found(_) => ("found", ""),
            Self::Unanswered { code, .. } => ("unanswered", code),
            Self::CannotBeAsked => ("cannot-be-asked", ""),
        }
    }
}

/// How a route goes on after an attempt.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub schedule: Schedule,
    /// The jittered pause that the schedule gives for this attempt, ms.
    pub pause: Millis,
    /// How long a recipient that answers later may take, ms.
    pub overdue: Millis,
    pub now: Millis,
}

/// Begins an attempt; the worker has the container's lease. Nothing leaves before this is on disk.
pub fn begin(
    ledger: &mut dyn Ledger,
    submission: &mut Submission,
    now: Millis,
) -> Result<Begun, LedgerError> {
    let operations = open_operations(ledger, submission.id)?;
    if operations.is_empty() {
        submission.state = SubmissionState::Withdrawn;
        ledger.put_submission(submission)?;
        return Ok(Begun::Nothing);
    }
    if submission.state == SubmissionState::Sending {
        doubt(ledger, submission, &operations, now)?;
    }
    let begun = match submission.state {
        SubmissionState::Queued if submission.due <= now => Begun::Send,
        SubmissionState::Asking if submission.due <= now => Begun::Ask,
        _ => return Ok(Begun::Nothing),
    };
    submission.attempt += 1;
    if begun == Begun::Send {
        submission.state = SubmissionState::Sending;
        for operation in operations {
            move_to(ledger, operation, State::Sending, now, "sending")?;
        }
    }
    ledger.put_submission(submission)?;
    ledger.begin_attempt(submission.id, submission.attempt, begun == Begun::Ask, now)?;
    Ok(begun)
}

/// Its worker died, or gave no sign any more, while it was being sent.
fn doubt(
    ledger: &mut dyn Ledger,
    submission: &mut Submission,
    operations: &[Operation],
    now: Millis,
) -> Result<(), LedgerError> {
    (submission.state, submission.attempt, submission.due) = (SubmissionState::Asking, 0, now);
    for operation in operations {
        move_to(ledger, operation.clone(), State::Uncertain, now, "its worker is gone")?;
    }
    ledger.put_submission(submission)
}

/// Stores what came of an attempt, with every consequence.
pub fn conclude(
    ledger: &mut dyn Ledger,
    submission: i64,
    delivered: &Delivered,
    patience: &Patience,
) -> Result<Submission, LedgerError> {
    let submission = ledger.submission(submission)?;
    let (word, code) = delivered.words();
    let asked = submission.state == SubmissionState::Asking;
    ledger.end_attempt(submission.id, submission.attempt, asked, patience.now, word, code)?;
    if let Delivered::Handed { handle, ask_at, .. } = delivered {
        return hand_over(ledger, submission, handle, *ask_at, patience);
    }
    match delivered {
        Delivered::Answered(said) | Delivered::Found(said) => {
            take(ledger, &submission, said, patience)?;
        }
        Delivered::Refused { culprits, code, text } if culprits.is_empty() => {
            refused_whole(ledger, &submission, code, text.as_ref(), patience)?;
        }
        Delivered::Refused { culprits, .. } => {
            take(ledger, &submission, culprits, patience)?;
            send_again(ledger, &submission, None, patience.now, "refused for another's sake")?;
        }
        _ => {}
    }
    let failure = match delivered {
        Delivered::Unavailable { not_before, .. } => Some((Failure::Unavailable, *not_before)),
        Delivered::Unanswered { not_before, .. } => Some((Failure::Unanswered, *not_before)),
        Delivered::Pending { not_before, .. } => Some((Failure::Pending { late: false }, *not_before)),
        Delivered::CannotBeAsked => Some((Failure::CannotBeAsked, None)),
        // What was answered for some operations only leaves the others unknown.
        Delivered::Uncertain { .. } | Delivered::Answered(_) => Some((Failure::Uncertain, None)),
        Delivered::Found(_) => {
            send_again(ledger, &submission, None, patience.now, "asked: it did not take effect")?;
            None
        }
        Delivered::Refused { .. } | Delivered::Handed { .. } => None,
    };
    rest(ledger, submission.id, failure, patience)
}

/// Stores what a worker heard that no longer has the container: another goes on with it, so only what
/// the recipient itself said is taken, and nothing is decided from it.
pub fn overhear(
    ledger: &mut dyn Ledger,
    submission: i64,
    delivered: &Delivered,
    patience: &Patience,
) -> Result<(), LedgerError> {
    let mut submission = ledger.submission(submission)?;
    match delivered {
        Delivered::Answered(said) => take(ledger, &submission, said, patience),
        // By its number whoever has the container now can ask.
        Delivered::Handed { handle, .. } if submission.handed.is_none() => {
            submission.handed = Some(Handed { handle: handle.clone(), at: patience.now });
            ledger.put_submission(&submission)
        }
        _ => Ok(()),
    }
}

/// The recipient has it, under a number of its own: the operations wait until it has answered.
fn hand_over(
    ledger: &mut dyn Ledger,
    mut submission: Submission,
    handle: &str,
    ask_at: Option<Millis>,
    patience: &Patience,
) -> Result<Submission, LedgerError> {
    let now = patience.now;
    submission.handed.get_or_insert(Handed { handle: handle.to_owned(), at: now });
    let open = open_operations(ledger, submission.id)?;
    // Where a person decides by now, the number is kept for them.
    if !open.is_empty() {
        let due = ask_at.unwrap_or(now + patience.schedule.first).max(now);
        (submission.state, submission.attempt, submission.due) = (SubmissionState::Asking, 0, due);
    }
    ledger.put_submission(&submission)?;
    for operation in open {
        move_to(ledger, operation, State::Waiting, now, "handed over: the receipts come by asking")?;
    }
    Ok(submission)
}

/// Settles the operations of which the recipient spoke.
fn take(
    ledger: &mut dyn Ledger,
    submission: &Submission,
    said: &[Said],
    patience: &Patience,
) -> Result<(), LedgerError> {
    let mut last = None;
    for operation in ledger.operations_in(submission.id)? {
        let Some(said) = said.iter().find(|said| said.operation == operation.id) else { continue };
        let receipt = Receipt {
            name: submission.name.clone(),
            timestamp: submission.timestamp,
            answer: said.answer,
            code: said.code.clone(),
            text: said.text.clone(),
            acquired_as: said.acquired_as.clone(),
        };
        let settled = settle_within(ledger, operation, said.answer, patience.now)?;
        if let Settled::Moved(state) = settled {
            last = Some(state);
        }
        ledger.keep_receipt(
            &submission.route,
            Some(said.operation),
            &receipt,
            settled.word(),
            patience.now,
        )?;
    }
    last.map_or(Ok(()), |last| close_submission(ledger, Some(submission.id), last))
}

/// A container refused as a whole does not refuse its operations: alone, the one in it is the
/// cause; else it is looked for by halves.
fn refused_whole(
    ledger: &mut dyn Ledger,
    submission: &Submission,
    code: &str,
    text: Option<&Vec<u8>>,
    patience: &Patience,
) -> Result<(), LedgerError> {
    let open = open_operations(ledger, submission.id)?;
    if let [only] = open.as_slice() {
        let said = Said {
            operation: only.id,
            answer: Answer::Refused,
            code: code.to_owned(),
            text: text.cloned(),
            acquired_as: None,
        };
        return take(ledger, submission, &[said], patience);
    }
    let half = u32::try_from(open.len().div_ceil(2)).unwrap_or(u32::MAX);
    send_again(ledger, submission, Some(half), patience.now, "refused as a whole: looking for the cause")
}

/// Puts a container's open operations back into the queue, under the same ids.
fn send_again(
    ledger: &mut dyn Ledger,
    submission: &Submission,
    together: Option<u32>,
    now: Millis,
    cause: &str,
) -> Result<(), LedgerError> {
    for mut operation in open_operations(ledger, submission.id)? {
        operation.submission = None;
        operation.together = together.or(operation.together);
        // What waits in the queue claims nothing: another record may need the key before it goes.
        let record = ledger.record(operation.record)?;
        drop_claim(ledger, &record, Some(operation.register_key))?;
        move_to(ledger, operation, State::Queued, now, cause)?;
    }
    Ok(())
}

/// What is left of a container after an attempt: closed, tried again, asked about, or a person's affair.
fn rest(
    ledger: &mut dyn Ledger,
    submission: i64,
    failure: Option<(Failure, Option<Millis>)>,
    patience: &Patience,
) -> Result<Submission, LedgerError> {
    let mut submission = ledger.submission(submission)?;
    let open = open_operations(ledger, submission.id)?;
    let Some((failure, not_before)) = failure.filter(|_| !open.is_empty()) else {
        if !matches!(submission.state, SubmissionState::Settled) {
            submission.state = SubmissionState::Withdrawn;
        }
        ledger.put_submission(&submission)?;
        return Ok(submission);
    };
    let now = patience.now;
    let failure = match &submission.handed {
        Some(handed) if matches!(failure, Failure::Unanswered | Failure::Pending { .. }) => {
            Failure::Pending { late: now - handed.at > patience.overdue }
        }
        _ => failure,
    };
    let then = next(failure, submission.attempt, &patience.schedule, patience.pause, not_before, now);
    let (state, due, word, cause) = match then {
        Next::SendAt(due) => (SubmissionState::Queued, due, State::Retrying, "will be tried again"),
        Next::AskAt(due) if matches!(failure, Failure::Pending { .. }) => {
            (SubmissionState::Asking, due, State::Waiting, "the recipient is not done")
        }
        Next::AskAt(due) => (SubmissionState::Asking, due, State::Uncertain, "the recipient will be asked"),
        Next::Person => (SubmissionState::Withdrawn, now, State::Parked, "a person decides"),
    };
    if failure == Failure::Uncertain {
        submission.attempt = 0;
    }
    (submission.state, submission.due) = (state, due);
    for operation in open {
        move_to(ledger, operation, word, now, cause)?;
    }
    ledger.put_submission(&submission)?;
    Ok(submission)
}

/// The operations of a container that still wait for an end.
fn open_operations(ledger: &mut dyn Ledger, submission: i64) -> Result<Vec<Operation>, LedgerError> {
    let mut operations = ledger.operations_in(submission)?;
    operations.retain(|operation| {
        matches!(operation.state, State::Sending | State::Retrying | State::Waiting | State::Uncertain)
    });
    Ok(operations)
}

fn move_to(
    ledger: &mut dyn Ledger,
    mut operation: Operation,
    state: State,
    now: Millis,
    cause: &str,
) -> Result<(), LedgerError> {
    let from = operation.state;
    if from == state {
        return Ok(());
    }
    operation.state = state;
    ledger.put_operation(&operation, from, now, cause)?;
    ledger.move_run_rows(operation.record, Bucket::from(state))
}

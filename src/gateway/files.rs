//! The file channel: queued operations become bulk containers in an outbox, for a person to
//! upload. The name is stored before the file is written; a death in between writes the same
//! bytes again under the same name.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Gateway;
use super::chain::{Note, append};
use super::desk::container_name;
use super::settings::{Channel, Route};
use crate::audit::EventKind;
use crate::exchange::{
    Answer, Batch, Bucket, Ledger, LedgerError, Millis, Operation, Receipt, Record, Settled, State,
    Submission, SubmissionState, gather, settle_operation,
};
use crate::flow::Container;
use crate::ledger::books::RecordHead;
use crate::ledger::failpoint;

/// How long a worker may take for one file; that of a dead process is taken over before.
const LEASE_MS: Millis = 600_000;

impl Gateway {
    /// Builds every file that a file route has work for, now; returns the paths written.
    pub fn build_files(&self, route: &Route) -> Result<Vec<PathBuf>, LedgerError> {
        if route.channel != Channel::File {
            return Err(LedgerError::Refused(format!("route {} writes no files", route.id)));
        }
        self.gather_files(route)?;
        let due = self.books.look(|tx| tx.to_be_built(&route.id))?;
        let built = due.into_iter().filter_map(|submission| self.build_one(route, submission).transpose());
        built.collect()
    }

    /// Gathers what is queued on a file route into named containers, to be built by workers.
    pub(super) fn gather_files(&self, route: &Route) -> Result<(), LedgerError> {
        while self.gather_file(route)?.is_some() {}
        Ok(())
    }

    /// Builds one gathered container; `None` where another worker has it, or it is built.
    pub(super) fn build_one(&self, route: &Route, submission: i64) -> Result<Option<PathBuf>, LedgerError> {
        // A file may take longer than a lease lasts.
        let _alone = self.building.lock().map_err(|_| LedgerError::Corrupt("a builder panicked".into()))?;
        let (token, now) = (self.node.token(), self.clock.now_ms());
        let mine = token.clone();
        let leased = self.books.write(move |tx| tx.lease_one(submission, &mine, now, now + LEASE_MS))?;
        let due = leased.filter(|found| found.state == SubmissionState::Queued);
        Ok(due.map(|submission| self.build_file(route, &submission, token)).transpose()?.flatten())
    }

    fn gather_file(&self, route: &Route) -> Result<Option<Submission>, LedgerError> {
        let (id, now, day) = (route.id.clone(), self.clock.now_ms(), self.clock.day());
        let (limit, catalog) = (route.max_records, Arc::clone(&self.catalog));
        let register = route.register.clone();
        self.write_on_duty(move |tx| {
            // Its files would be as small as the chunks in which it selects.
            if tx.is_being_fed(&id)? {
                return Ok(None);
            }
            let flow = catalog.flows().iter().find(|flow| flow.register() == register);
            let max_bytes = flow.map_or(usize::MAX, |flow| flow.limits(Container::Bulk).max_bytes * 9 / 10);
            let name =
                |record: &Record, day: &str, number: u32| container_name(&catalog, record, day, number);
            gather(tx, &Batch { route: &id, limit, max_bytes, now, day: &day, name: &name })
        })
    }

    /// `None` where another has taken it over meanwhile: the same bytes under the same name.
    fn build_file(
        &self,
        route: &Route,
        submission: &Submission,
        token: String,
    ) -> Result<Option<PathBuf>, LedgerError> {
        let operations = self.books.operations_of(submission.id)?;
        let built = self.build(Container::Bulk, &submission.name, &operations)?;
        let extension = if built.flow.is_json() { "json" } else { "xml" };
        let path = Path::new(&route.outbox).join(format!("{}.{extension}", submission.name));
        write_whole(&path, built.bytes.expose()).map_err(|error| LedgerError::Store(Box::new(error)))?;
        let (submission, now, at) = (submission.clone(), self.clock.now_ms(), self.clock.rfc3339());
        let ours = self.books.write(move |tx| {
            if !tx.hold_lease(submission.id, &token)? {
                return Ok(false);
            }
            // What a person answered already, while this was being written, stays answered.
            let sending = tx.operations_in(submission.id)?;
            for mut operation in sending.into_iter().filter(|operation| operation.state == State::Sending) {
                operation.state = State::Waiting;
                tx.put_operation(&operation, State::Sending, now, "written to the outbox")?;
                tx.move_run_rows(operation.record, Bucket::Waiting)?;
            }
            tx.put_submission(&Submission { state: SubmissionState::Out, ..submission.clone() })?;
            tx.release_lease(submission.id, &token, 0)?;
            append(tx, Note::new(at, &submission.route, EventKind::OutboxFileWritten, submission.name))?;
            Ok(true)
        })?;
        Ok(ours.then_some(path))
    }

    /// Records what the portal said of a file: one answer for all of it, or one per record key.
    ///
    /// No format of the portal's receipts is public, so a person or a CSV of ours brings them.
    pub fn record_outcome(
        &self,
        name: &str,
        answers: &[(Option<String>, Answer, Option<String>)],
        actor: &str,
    ) -> Result<Vec<Settled>, LedgerError> {
        let view = self.books.submission_by_name(name)?;
        let view = view.ok_or_else(|| LedgerError::Missing(format!("submission {name}")))?;
        if self.settings.route(&view.route).is_none_or(|route| route.channel != Channel::File) {
            let why = format!("{name} did not leave as a file: its register answers by itself");
            return Err(LedgerError::Refused(why));
        }
        let mut settled = Vec::new();
        let operations = self.books.operations_of(view.id)?;
        self.each_once(&operations, answers)?;
        for operation in operations {
            let head = self.books.record_head(operation.record)?;
            let answer =
                answers.iter().find(|(wanted, ..)| wanted.as_ref().is_none_or(|wanted| meant(wanted, &head)));
            let Some((_, answer, text)) = answer else { continue };
            let mut receipt = Receipt {
                name: name.to_owned(),
                timestamp: view.timestamp,
                answer: *answer,
                code: format!("{answer:?}"),
                text: text.clone().map(String::into_bytes),
                acquired_as: None,
            };
            self.close_text(&mut receipt)?;
            let (route, now, at) = (view.route.clone(), self.clock.now_ms(), self.clock.rfc3339());
            let (id, actor) = (operation.id, actor.to_owned());
            settled.push(self.books.write(move |tx| {
                let outcome = settle_operation(tx, operation, receipt.answer, now)?;
                tx.keep_receipt(&route, Some(id), &receipt, outcome.word(), now)?;
                append(tx, Note::new(at, &actor, EventKind::ReceiptStored, receipt.name.clone()))?;
                Ok(outcome)
            })?);
        }
        Ok(settled)
    }
}

impl Gateway {
    /// Every row must mean exactly one record of the container: keys are unique per folder only.
    fn each_once(
        &self,
        operations: &[Operation],
        answers: &[(Option<String>, Answer, Option<String>)],
    ) -> Result<(), LedgerError> {
        for wanted in answers.iter().filter_map(|(wanted, ..)| wanted.as_ref()) {
            let mut hits = 0;
            for operation in operations {
                let head = self.books.record_head(operation.record)?;
                hits += u32::from(meant(wanted, &head));
            }
            match hits {
                1 => {}
                0 => return Err(LedgerError::Refused(format!("the container carries no record `{wanted}`"))),
                _ => {
                    let why = format!("several folders have a record `{wanted}`: write FOLDER/{wanted}");
                    return Err(LedgerError::Refused(why));
                }
            }
        }
        Ok(())
    }
}

/// Whether a row means a record: by its key, or by folder and key.
fn meant(wanted: &str, head: &RecordHead) -> bool {
    wanted == head.key
        || wanted.strip_prefix(head.folder_id.as_str()).and_then(|rest| rest.strip_prefix('/'))
            == Some(head.key.as_str())
}

/// Writes a file as a whole or not at all: temporary name, fsync, rename, fsync of the directory.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let temporary = path.with_extension("part");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    failpoint::pass("outbox.before-rename");
    fs::rename(&temporary, path)?;
    failpoint::pass("outbox.after-rename");
    File::open(directory)?.sync_all()
}

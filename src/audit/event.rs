//! What is worth an audit event, each by its name, and its canonical bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

macro_rules! event_kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// Every kind of audit event. Names are stable: they are hashed and stored.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum EventKind {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl EventKind {
            /// All kinds, in the order in which the documentation lists them.
            pub const ALL: &'static [EventKind] = &[$(EventKind::$variant,)+];

            /// The stored name, e.g. `folder-saved`.
            pub const fn name(self) -> &'static str {
                match self { $(EventKind::$variant => $name,)+ }
            }

            /// What the event says, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(EventKind::$variant => concat!($($doc),+),)+ }
            }
        }
    };
}

event_kinds! {
    /// A folder was saved or replaced.
    FolderSaved = "folder-saved",
    /// A folder was refused and nothing changed.
    FolderRefused = "folder-refused",
    /// A person saw a folder's content.
    FolderRead = "folder-read",
    /// A person saw a payload's content.
    PayloadRead = "payload-read",
    /// A person asked which fields of a subject went where.
    LineageRead = "lineage-read",
    /// A person asked for an erasure, which waits for what is under way or could still be cancelled.
    ErasureAsked = "erasure-asked",
    /// A subject's key was destroyed; what it sealed can no longer be read.
    SubjectErased = "subject-erased",
    /// A person confirmed an erasure although a cancel may still be due.
    ErasureConfirmed = "erasure-confirmed",
    /// An operation (insert, replace or cancel) was given its generation.
    OperationPlanned = "operation-planned",
    /// A submission left over its route, or may have left.
    SubmissionSent = "submission-sent",
    /// A submission was served to a recipient that polls.
    SubmissionServed = "submission-served",
    /// A served submission was withdrawn.
    SubmissionWithdrawn = "submission-withdrawn",
    /// A receipt was stored.
    ReceiptStored = "receipt-stored",
    /// A receipt matched nothing that was sent.
    ReceiptUnmatched = "receipt-unmatched",
    /// An operation was parked for a person's decision.
    OperationParked = "operation-parked",
    /// A person decided on a parked or uncertain operation.
    OperationDecided = "operation-decided",
    /// A run was started.
    RunStarted = "run-started",
    /// A run's cancels exceeded the threshold and wait for approval.
    RunHeld = "run-held",
    /// A person approved a held run.
    RunApproved = "run-approved",
    /// A person rejected a held run.
    RunRejected = "run-rejected",
    /// A run was cancelled: what had not left was withdrawn.
    RunCancelled = "run-cancelled",
    /// The calendar's firing came too late, or could not start.
    CalendarMissed = "calendar-missed",
    /// Operations had no receipt in time and wait for a person.
    ReceiptOverdue = "receipt-overdue",
    /// A person asked for a replay.
    ReplayRequested = "replay-requested",
    /// An account was made or changed, or somebody signed in, or was denied.
    AccountChanged = "account-changed",
    /// A token of the API was made or revoked.
    TokenChanged = "token-changed",
    /// Indicators of a period were counted and given out.
    IndicatorsMade = "indicators-made",
    /// A register was asked about a person, or may have been.
    InquiryAsked = "inquiry-asked",
    /// A question about a person came to its end.
    InquiryEnded = "inquiry-ended",
    /// A question about a person was not asked: no consent in force, or no identifier.
    InquiryWithheld = "inquiry-withheld",
    /// A person saw a register's answer as it came.
    AnswerRead = "answer-read",
    /// A person saw what is proposed for a folder.
    ProposalsRead = "proposals-read",
    /// A person accepted or declined what is proposed for a folder's field.
    ProposalDecided = "proposal-decided",
    /// A saved folder holds what was proposed.
    ProposalsHeld = "proposals-held",
    /// What was sent before raccordo was read into the acknowledged side.
    HistoryAdopted = "history-adopted",
    /// A route's progressives jumped past whatever may have been issued.
    CursorJumped = "cursor-jumped",
    /// A bulk file was written to the outbox.
    OutboxFileWritten = "outbox-file-written",
    /// A bulk file of the outbox was removed.
    OutboxFileRemoved = "outbox-file-removed",
    /// A caller without sufficient credentials was turned away.
    AccessDenied = "access-denied",
    /// A person signed in to the console.
    SignedIn = "signed-in",
    /// A role or right was granted.
    RoleGranted = "role-granted",
    /// A role or right was taken away.
    RoleRevoked = "role-revoked",
    /// A configuration was loaded; the detail holds its fingerprint.
    ConfigurationLoaded = "configuration-loaded",
    /// An unverified fact of an authority was accepted for production.
    UnverifiedAccepted = "unverified-accepted",
    /// A person accepted that pseudonyms are made with another key from now on.
    PseudonymKeyAccepted = "pseudonym-key-accepted",
    /// A key file was made.
    KeyFileMade = "key-file-made",
    /// The audit chain was verified.
    ChainVerified = "chain-verified",
}

/// One event. `subject` is an internal id: no name, code or address belongs
/// into any field, because events outlive a subject's erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// RFC 3339, UTC.
    pub at: String,
    /// Who did it: a user id, or the program's part.
    pub actor: String,
    pub what: EventKind,
    /// The internal id of the folder, record, submission or run concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Counts, ids, fingerprints; ordered, so that the bytes are canonical.
    #[serde(default)]
    pub detail: BTreeMap<String, String>,
}

impl Event {
    /// Every field with its length in front, so that no two events share bytes.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        put(&mut bytes, &self.at);
        put(&mut bytes, &self.actor);
        put(&mut bytes, self.what.name());
        bytes.push(u8::from(self.subject.is_some()));
        put(&mut bytes, self.subject.as_deref().unwrap_or_default());
        bytes.extend_from_slice(&(self.detail.len() as u64).to_be_bytes());
        for (key, value) in &self.detail {
            put(&mut bytes, key);
            put(&mut bytes, value);
        }
        bytes
    }
}

fn put(bytes: &mut Vec<u8>, field: &str) {
    bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
    bytes.extend_from_slice(field.as_bytes());
}

//! The core: what each register should know, what it has acknowledged, and the
//! operations that close the difference. Pure: time, ids and storage are arguments.
//!
//! The way of a record through this room, in reading order:
//! `reconcile` (a folder was saved: the desired side moves) → `select` (a run or a
//! sync wants it up to date: an operation is queued) → `offer` / `bulk` (it leaves:
//! ids and timestamps are stored first; `lanes`, `lots` and `deliver`: it is pushed) → `settle` (the receipt came: the
//! acknowledged side moves, the next operation of the same unit is queued).
//! Every function works through the [`Ledger`] trait inside one transaction of it.

mod alert;
mod balance;
mod breaker;
mod bulk;
mod decide;
mod deliver;
mod erase;
mod forecast;
mod hours;
mod inquiry;
mod lanes;
mod lots;
pub mod calendar;
mod cancel;
mod ledger;
mod offer;
mod operation;
mod period;
mod reconcile;
mod record;
mod retry;
mod replay;
mod select;
mod settle;
mod step;
mod trace;
mod turnstile;

pub use alert::{AlertKind, Change as AlertChange, Condition, Known as KnownAlert, changes as alert_changes};
pub use balance::{Balance, Bucket};
pub use breaker::{Admission, Breaker, Sign};
pub use bulk::{Batch, gather};
pub use cancel::{Withdrawn, withdraw};
pub use decide::{Decision, adopt, decide, let_go_on, set_aside, try_again};
pub use deliver::{Begun, Delivered, Patience, Said, begin, conclude, overhear};
pub use erase::{InTheWay, in_the_way, let_go};
pub use forecast::{Forecast, Outlook, Progress, Reason, Recipient, forecast};
pub use hours::Hours;
pub use inquiry::{AskAgain, InquiryState, NoAnswer, allowance, ask_again};
pub use lanes::{Gathered, Gathering, Lane, gather_lanes};
pub use ledger::{
    Handed, Ledger, LedgerError, Offered, RouteState, RunRow, Submission, SubmissionState, Suspension,
};
pub use lots::{Lot, gather_lot};
pub use offer::{OfferPolicy, Page, Poll, overdue, poll, resume, sequence, suspend};
pub use operation::{Kind, Operation, State};
pub use period::{Period, PeriodError};
pub use reconcile::{DesiredRecord, DesiredSet, Place, Reconciled, reconcile};
pub use record::{Absence, Desired, Hash, Held, Needed, Powers, Record, RecordId, Trouble};
pub use replay::{Change, foresee};
pub use retry::{Failure, Next, Schedule, next};
pub use select::{Order, Selected, approve, select};
pub use settle::{Answer, Receipt, Settled, park, settle, settle_operation};
pub use step::{Rest, Step, next_step};
pub use trace::{NoContext, TraceContext};
pub use turnstile::{Rate, Turnstile};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

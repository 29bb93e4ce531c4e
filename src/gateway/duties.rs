//! Duties: what one process at a time does. Whoever has one proves it in each transaction that it
//! writes on it, so that one who was stopped and comes back can change nothing any more.

use std::cell::RefCell;

use super::Gateway;
use crate::exchange::LedgerError;
use crate::ledger::{Turn, Tx};

/// What the calendar and everything that time alone brings about stands under.
pub const SCHEDULER: &str = "scheduler";

thread_local! {
    /// On what the acts of this thread are done. A tick is one thread from its begin to its end.
    static PRESENT: RefCell<Option<Duty>> = const { RefCell::new(None) };
}

/// A duty that was taken on.
#[derive(Clone, Debug)]
pub struct Duty {
    name: String,
    token: String,
    fence: i64,
}

impl Duty {
    /// Which it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Rises with each that takes it on.
    pub fn fence(&self) -> i64 {
        self.fence
    }

    /// Fails the transaction if another has it by now.
    pub fn check(&self, tx: &Tx<'_>) -> Result<(), LedgerError> {
        match tx.keep_duty(&self.name, &self.token, self.fence)? {
            true => Ok(()),
            false => {
                Err(LedgerError::Refused(format!("off duty: another process has taken over {}", self.name)))
            }
        }
    }

    /// Everything that this thread writes on duty within `act` is written on this one.
    pub fn during<T>(&self, act: impl FnOnce() -> T) -> T {
        struct Before(Option<Duty>);
        impl Drop for Before {
            fn drop(&mut self) {
                PRESENT.set(self.0.take());
            }
        }
        let _before = Before(PRESENT.replace(Some(self.clone())));
        act()
    }

    fn present() -> Option<Self> {
        PRESENT.with_borrow(Clone::clone)
    }
}

/// Whether an act ended because another process has its duty by now.
pub fn is_off_duty(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Refused(why) if why.starts_with("off duty"))
}

/// The duty of this thread, to be proved in the transaction.
pub(super) fn on_duty<T>(
    act: impl FnOnce(&mut Tx<'_>) -> Result<T, LedgerError> + Send + 'static,
) -> impl FnOnce(&mut Tx<'_>) -> Result<T, LedgerError> + Send + 'static {
    let duty = Duty::present();
    move |tx| {
        duty.map_or(Ok(()), |duty| duty.check(tx))?;
        act(tx)
    }
}

/// A duty for one act; given back with this value, also in a panic.
pub(super) struct Taken<'g> {
    gateway: &'g Gateway,
    pub duty: Duty,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.gateway.leave_duty(self.duty.clone());
    }
}

impl Gateway {
    /// Takes on a duty, if nobody living has it and this process is sure to live. It is kept until it is left, or the process is dead.
    pub fn take_duty(&self, name: &str) -> Result<Option<Duty>, LedgerError> {
        if !self.node.is_sure_to_live() || !self.books.look(|tx| tx.is_free(name))? {
            return Ok(None);
        }
        let (node, duty) = (self.node.id().to_owned(), self.new_duty(name));
        self.books.write(move |tx| duty.take(tx, &node))
    }

    /// Gives a duty back; nobody waits for it.
    pub(super) fn leave_duty(&self, duty: Duty) {
        drop(self.books.submit(move |tx| tx.leave_duty(&duty.name, &duty.token)));
    }

    /// Takes on a duty for one act.
    pub(super) fn on_act(&self, name: &str) -> Result<Option<Taken<'_>>, LedgerError> {
        Ok(self.take_duty(name)?.map(|duty| self.taken(duty)))
    }

    pub(super) fn taken(&self, duty: Duty) -> Taken<'_> {
        Taken { gateway: self, duty }
    }

    /// A duty that is still to be taken.
    pub(super) fn new_duty(&self, name: &str) -> Duty {
        Duty { name: name.to_owned(), token: self.node.token(), fence: 0 }
    }

    /// Writes what is done on this thread's duty, if it has one: a process that is alone, or a
    /// command, needs none.
    pub(super) fn write_on_duty<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Tx<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.books.write(on_duty(act))
    }

    /// As [`Gateway::write_on_duty`], before what is in line where a person waits for it.
    pub(super) fn write_on_duty_in<T: Send + 'static>(
        &self,
        turn: Turn,
        act: impl FnOnce(&mut Tx<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.books.write_in(turn, on_duty(act))
    }
}

impl Duty {
    /// The same under another name, while it is still to be taken.
    pub(super) fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// Takes it within a transaction, for a process.
    pub(super) fn take(mut self, tx: &Tx<'_>, node: &str) -> Result<Option<Self>, LedgerError> {
        let fence = tx.take_duty(&self.name, node, &self.token)?;
        Ok(fence.map(|fence| {
            self.fence = fence;
            self
        }))
    }
}

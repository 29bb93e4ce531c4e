//! Time of a simulation: it stands still while anybody works and jumps to what comes next. The clock that
//! the gateway reads may be set forward and back meanwhile; what sleeps does not notice.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use raccordo::exchange::Millis;
use raccordo::gateway::Clock;
use raccordo::queue::Soon;

/// A Monday morning, so that every simulation has the same calendar.
const BEGIN: Millis = 1_795_420_800_000;

#[derive(Default)]
struct Hands {
    /// Milliseconds since the beginning; never back.
    passed: Millis,
    /// How far the clock on the wall is off.
    off: Millis,
    sleepers: BTreeMap<(Millis, u64), Waker>,
    given: u64,
}

/// The one time of a simulation.
#[derive(Clone, Default)]
pub struct Time(Arc<Mutex<Hands>>);

impl Time {
    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap()
    }

    /// Milliseconds since the beginning.
    pub fn passed(&self) -> Millis {
        self.hands().passed
    }

    /// Sets the clock on the wall forward or back.
    pub fn jump(&self, by: Millis) {
        self.hands().off += by;
    }

    /// When the next sleeper wakes.
    pub fn next(&self) -> Option<Millis> {
        self.hands().sleepers.keys().next().map(|(due, _)| *due)
    }

    /// Moves on, and wakes who slept until then.
    pub fn advance(&self, to: Millis) {
        let mut hands = self.hands();
        hands.passed = hands.passed.max(to);
        let later = hands.sleepers.split_off(&(to + 1, 0));
        let due = std::mem::replace(&mut hands.sleepers, later);
        drop(hands);
        due.into_values().for_each(Waker::wake);
    }
}

impl Clock for Time {
    fn now_ms(&self) -> Millis {
        let hands = self.hands();
        BEGIN + hands.passed + hands.off
    }

    fn sleep(&self, time: Duration) -> Soon<'static, ()> {
        let due = self.passed() + Millis::try_from(time.as_millis()).unwrap_or(Millis::MAX / 4);
        Box::pin(Sleep { time: self.clone(), due, place: None })
    }
}

struct Sleep {
    time: Time,
    due: Millis,
    place: Option<(Millis, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let time = self.time.clone();
        let mut hands = time.hands();
        if let Some(place) = self.place.take() {
            hands.sleepers.remove(&place);
        }
        if hands.passed >= self.due {
            return Poll::Ready(());
        }
        hands.given += 1;
        let place = (self.due, hands.given);
        hands.sleepers.insert(place, context.waker().clone());
        self.place = Some(place);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.time.hands().sleepers.remove(&place);
        }
    }
}

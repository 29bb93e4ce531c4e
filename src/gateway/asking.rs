//! Inquiries at work: workers per route ask what is due, as gently as the route wants it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Gateway;
use super::delivery::Opening;
use super::inquiry::Worked;
use super::settings::{Channel, Route};
use crate::channel::inquiry::Inquirer;

/// A worker looks at least so often.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Who asks: an inquirer per route.
pub struct Inquiries {
    pub gateway: Arc<Gateway>,
    /// By route id.
    pub inquirers: HashMap<String, Arc<dyn Inquirer>>,
}

impl Inquiries {
    /// Starts the workers of every route that asks.
    pub fn start(self: &Arc<Self>, stopped: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
        let asks =
            |route: &&Route| route.channel == Channel::Inquiry && self.inquirers.contains_key(&route.id);
        let mut tasks = Vec::new();
        for route in self.gateway.settings.route.iter().filter(asks) {
            let hours = Arc::new(Opening::of(route.push.as_ref()));
            let workers = route.push.as_ref().map_or(1, |push| push.concurrency.max(1));
            for _ in 0..workers {
                let at_work = Arc::clone(self).work(route.clone(), Arc::clone(&hours), stopped.clone());
                tasks.push(tokio::spawn(at_work));
            }
        }
        tasks
    }

    async fn work(self: Arc<Self>, route: Route, hours: Arc<Opening>, mut stopped: watch::Receiver<bool>) {
        loop {
            let worked = tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return,
                worked = self.once(&route, &hours) => worked,
            };
            if worked == Worked::Done {
                continue;
            }
            let pause = match worked {
                Worked::Wait(until) => {
                    let wait = until.saturating_sub(self.gateway.clock.now_ms());
                    Duration::from_millis(u64::try_from(wait).unwrap_or(1).max(1)).min(LOOK_EVERY)
                }
                _ => LOOK_EVERY,
            };
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                _ = timeout(pause, self.gateway.inquiry_bell.notified()) => {}
            }
        }
    }

    /// One look: nothing while the register is closed, or while nothing is due.
    async fn once(&self, route: &Route, hours: &Opening) -> Worked {
        let now = self.gateway.clock.now_ms();
        let (Some(push), Some(inquirer)) = (&route.push, self.inquirers.get(&route.id)) else {
            return Worked::Idle;
        };
        if hours.opens(now).is_some() {
            return Worked::Idle;
        }
        let (gateway, id) = (Arc::clone(&self.gateway), route.id.clone());
        let due = super::inquiry::off(move || gateway.books.inquiry_due(&id, now)).await;
        if !due.unwrap_or(true) {
            return Worked::Idle;
        }
        match self.gateway.ask_one(route, push, &**inquirer).await {
            Ok(worked) => worked,
            Err(error) => {
                tracing::error!(route = route.id, %error, "a question failed; its lease ends, then it is asked again");
                Worked::Idle
            }
        }
    }
}

//! The courier of a SAP service: deliveries person by person, and what came of them in the words
//! of the gateway.
//!
//! Two containers for one person never work at the same time in one process, whatever ente and
//! route they come from; against other writers there are only the rounds.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use tokio::sync::Mutex;

use super::client::SapClient;
use super::doubts::Doubts;
use super::merge::Standing;
use super::order::{self, Order};
use super::rounds::{Ended, Person};
use super::service::{Pace, Remote, Service};
use crate::channel::courier::{
    AnswerCheck, Asked, Courier, CourierError, Destination, Outcome, Parcel, PartAnswer,
};
use crate::channel::offer::Soon;
use crate::exchange::{Answer, Millis};

/// Persons share so many locks.
const LANES: usize = 256;
static PEOPLE: LazyLock<Vec<Mutex<()>>> = LazyLock::new(|| (0..LANES).map(|_| Mutex::new(())).collect());

/// The courier of one service.
pub struct SapCourier {
    client: SapClient,
    doubts: Doubts,
    pace: Pace,
    call: Duration,
}

/// Makes the courier of a destination, as the registration of the families asks for it.
pub fn courier(
    destination: &Destination,
    check: Option<AnswerCheck>,
) -> Result<Box<dyn Courier>, CourierError> {
    let rest = destination.read_back_after_ms.and_then(|ms| Millis::try_from(ms).ok());
    let pace = rest.map_or_else(Pace::default, |rest_ms| Pace { rest_ms });
    Ok(Box::new(SapCourier::new(destination, check, pace)?))
}

impl SapCourier {
    /// A courier with a pool of connections of its own; fails on an address or certificates that
    /// can't be used.
    pub fn new(
        destination: &Destination,
        check: Option<AnswerCheck>,
        pace: Pace,
    ) -> Result<Self, CourierError> {
        Ok(Self {
            client: SapClient::new(destination)?.with_check(check),
            doubts: Doubts::default(),
            pace,
            call: Duration::from_millis(destination.http.total_timeout_ms),
        })
    }

    fn remote(&self, now: Millis) -> Remote<'_> {
        Remote { client: &self.client, pace: self.pace, now, began: Instant::now(), call: self.call }
    }
}

/// The lock of a person.
async fn alone(order: &Order) -> tokio::sync::MutexGuard<'static, ()> {
    let hash = digest(&SHA256, order.codice_fiscale.expose().as_bytes());
    let lane = hash.as_ref().first().map_or(0, |byte| usize::from(*byte));
    PEOPLE[lane % LANES].lock().await
}

/// One answer per operation of an order.
fn answers(order: &Order, answer: impl Fn(usize) -> (Answer, String)) -> Vec<PartAnswer> {
    let of = |(index, ours): (usize, &order::Ours)| {
        let (answer, code) = answer(index);
        PartAnswer { part: ours.part, answer, code, text: None, acquired_as: Some(ours.key.id.clone()) }
    };
    order.ours.iter().enumerate().map(of).collect()
}

/// What came of a delivery in the words of the gateway.
fn outcome(order: &Order, ended: Ended) -> Outcome {
    match ended {
        Ended::Stands { trace } => Outcome::Answered(answers(order, |_| (Answer::Accepted, trace.clone()))),
        Ended::Refused { code, text } => Outcome::Refused { culprits: Vec::new(), code, text },
        Ended::Unavailable { code, not_before } => Outcome::Unavailable { code, not_before },
        Ended::Uncertain { code } => Outcome::Uncertain { code },
        Ended::Otherwise { trace, standings } => {
            let all = answers(order, |index| match standings.get(index) {
                Some(Standing::Done) => (Answer::Accepted, trace.clone()),
                _ => (Answer::Failed, trace.clone()),
            });
            // What is simply not there is asked for, and sent again.
            let known = |answer: &PartAnswer| {
                let at = order.ours.iter().position(|ours| ours.part == answer.part);
                at.and_then(|at| standings.get(at)) != Some(&Standing::NotDone)
            };
            Outcome::Answered(all.into_iter().filter(known).collect())
        }
    }
}

/// Several persons in one parcel (a codice fiscale was corrected): what the first ones were
/// answered stands, whatever becomes of the others.
fn joined(before: Option<Outcome>, next: Outcome) -> Outcome {
    match (before, next) {
        (Some(Outcome::Answered(mut before)), Outcome::Answered(next)) => {
            before.extend(next);
            Outcome::Answered(before)
        }
        (Some(Outcome::Answered(before)), _) => Outcome::Answered(before),
        (_, next) => next,
    }
}

impl Courier for SapCourier {
    fn deliver<'a>(&'a self, parcel: &'a Parcel, now: Millis) -> Soon<'a, Outcome> {
        Box::pin(async move {
            let Some(orders) = order::read(parcel) else {
                let code = "the container is no order of its operations".to_owned();
                return Outcome::Refused { culprits: Vec::new(), code, text: None };
            };
            let service = self.remote(now);
            let mut outcome_so_far = None;
            for order in &orders {
                let _alone = alone(order).await;
                let (service, doubts): (&dyn Service, _) = (&service, &self.doubts);
                let person = Person { service, doubts, order, parcel: &parcel.name, now };
                let next = outcome(order, person.deliver().await);
                let goes_on = matches!(next, Outcome::Answered(_));
                outcome_so_far = Some(joined(outcome_so_far, next));
                if !goes_on {
                    break;
                }
            }
            outcome_so_far.unwrap_or(Outcome::Answered(Vec::new()))
        })
    }

    fn ask<'a>(&'a self, parcel: &'a Parcel, now: Millis) -> Soon<'a, Asked> {
        Box::pin(async move {
            let Some(orders) = order::read(parcel) else { return Asked::CannotBeAsked };
            let service = self.remote(now);
            let mut found: Vec<Option<PartAnswer>> = parcel.parts.iter().map(|_| None).collect();
            for order in &orders {
                let (service, doubts): (&dyn Service, _) = (&service, &self.doubts);
                let person = Person { service, doubts, order, parcel: &parcel.name, now };
                let look = match person.look(None).await {
                    Ok(look) => look,
                    Err(blind) => {
                        let (code, not_before) = blind.told();
                        return Asked::Unavailable { code, not_before };
                    }
                };
                let whole = person.stands(&look);
                let standings = person.standings(&look);
                let there = format!("asked: stands in {}", look.sap.state().short());
                for answer in answers(order, |_| (Answer::Accepted, there.clone())) {
                    let at = order.ours.iter().position(|ours| ours.part == answer.part);
                    let done = at.is_some_and(|at| standings.get(at) == Some(&Standing::Done));
                    let part = answer.part;
                    // Where a late send of ours overwrote another's, the next delivery mends it.
                    found[part] = Some(answer).filter(|_| done && (whole || look.overwritten.is_none()));
                }
            }
            Asked::Found(found)
        })
    }
}

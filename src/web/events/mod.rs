//! Server-sent events for live views: runs with their balances, containers and receipts, routes. One look
//! at the books a second serves everybody who watches, and none is made where nobody does.

mod look;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use tokio::sync::{broadcast, mpsc};
use uuid::Uuid;

use super::Caller;
use super::listener::Stopping;
use crate::gateway::Gateway;
use look::Look;

/// Events that are remembered for who comes back.
const REMEMBERED: usize = 1_000;
/// Events that wait for one watcher.
const WAITING: usize = 64;
const LOOK: Duration = Duration::from_secs(1);
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What is told, and who may hear it.
#[derive(Clone, Debug)]
pub struct Told {
    number: u64,
    kind: &'static str,
    whose: Whose,
    data: String,
}

/// Whom an event concerns.
#[derive(Clone, Debug)]
pub enum Whose {
    Pair { ente: String, register: String },
    Route(String),
}

/// Everybody who watches, in this process.
pub struct Events {
    /// Of this process: numbers of another one mean nothing here.
    epoch: String,
    past: Mutex<Past>,
    sender: broadcast::Sender<Arc<Told>>,
}

#[derive(Default)]
struct Past {
    last: u64,
    told: VecDeque<Arc<Told>>,
    looking: bool,
}

impl Default for Events {
    fn default() -> Self {
        let (sender, _) = broadcast::channel(REMEMBERED);
        Self { epoch: Uuid::now_v7().simple().to_string(), past: Mutex::default(), sender }
    }
}

impl Events {
    /// Remembers and tells what happened.
    fn tell(&self, news: Vec<(&'static str, Whose, String)>) {
        let Ok(mut past) = self.past.lock() else { return };
        for (kind, whose, data) in news {
            past.last += 1;
            let told = Arc::new(Told { number: past.last, kind, whose, data });
            past.told.push_back(Arc::clone(&told));
            if past.told.len() > REMEMBERED {
                past.told.pop_front();
            }
            // Nobody hears it: somebody may come back for it.
            drop(self.sender.send(told));
        }
    }

    /// What was told since an id; `None` where that is not known any more.
    fn since(&self, id: &str) -> Option<Vec<Arc<Told>>> {
        let (epoch, number) = id.rsplit_once('-')?;
        let number: u64 = number.parse().ok().filter(|_| epoch == self.epoch)?;
        let past = self.past.lock().ok()?;
        let known = number <= past.last && past.told.front().is_none_or(|first| first.number <= number + 1);
        known.then(|| past.told.iter().filter(|told| told.number > number).cloned().collect())
    }

    /// Looks at the books for as long as anybody watches.
    fn watch(self: &Arc<Self>, gateway: &Arc<Gateway>) {
        match self.past.lock() {
            Ok(mut past) if !past.looking => past.looking = true,
            _ => return,
        }
        let (events, gateway) = (Arc::clone(self), Arc::clone(gateway));
        tokio::spawn(async move {
            let mut look = Look::default();
            loop {
                let at_work = Arc::clone(&gateway);
                let looked = tokio::task::spawn_blocking(move || {
                    let news = look.news(&at_work);
                    (look, news)
                });
                let Ok((then, news)) = looked.await else { break };
                look = then;
                match news {
                    Ok(news) => events.tell(news),
                    Err(error) => tracing::warn!(%error, "the books could not be watched"),
                }
                tokio::time::sleep(LOOK).await;
                let Ok(mut past) = events.past.lock() else { break };
                if events.sender.receiver_count() == 0 {
                    past.looking = false;
                    break;
                }
            }
        });
    }

    fn event(&self, told: &Told) -> Event {
        Event::default().id(format!("{}-{}", self.epoch, told.number)).event(told.kind).data(&told.data)
    }

    /// Says that what is shown must be read anew.
    fn reload(&self) -> Event {
        let last = self.past.lock().map_or(0, |past| past.last);
        Event::default().id(format!("{}-{last}", self.epoch)).event("reload").data("{}")
    }
}

/// `GET /events`: resumes after `Last-Event-ID`, or says `reload`.
pub async fn stream(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Extension(events): Extension<Arc<Events>>,
    stopping: Option<Extension<Stopping>>,
    headers: HeaderMap,
) -> Response {
    let receiver = events.sender.subscribe();
    events.watch(&gateway);
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let missed = last.map(|id| events.since(id));
    let (sender, outgoing) = mpsc::channel(WAITING);
    let ear = Ear { gateway, caller, events, sender };
    tokio::spawn(async move {
        let heard = ear.hear(receiver, missed);
        match stopping {
            Some(Extension(stopping)) => tokio::select! {
                () = heard => {}
                () = stopping.wait() => {}
            },
            None => heard.await,
        }
    });
    Sse::new(Outgoing(outgoing)).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response()
}

/// One watcher.
struct Ear {
    gateway: Arc<Gateway>,
    caller: Caller,
    events: Arc<Events>,
    sender: mpsc::Sender<Event>,
}

impl Ear {
    /// Passes on what the caller may hear; whoever is too slow to listen is told to read anew.
    async fn hear(
        self,
        mut receiver: broadcast::Receiver<Arc<Told>>,
        missed: Option<Option<Vec<Arc<Told>>>>,
    ) {
        let mut last = 0;
        match missed {
            Some(Some(missed)) => {
                for told in missed {
                    last = told.number;
                    if !self.pass(&told).await {
                        return;
                    }
                }
            }
            // Whoever begins, or was away too long, reads everything first.
            _ => drop(self.sender.send(self.events.reload()).await),
        }
        loop {
            tokio::select! {
                heard = receiver.recv() => match heard {
                    Ok(told) if told.number > last => if !self.pass(&told).await { return },
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        drop(self.sender.send(self.events.reload()).await);
                    }
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                () = self.sender.closed() => return,
            }
        }
    }

    /// False once nobody listens any more.
    async fn pass(&self, told: &Told) -> bool {
        let concerns = match &told.whose {
            Whose::Pair { ente, register } => self.caller.sees_at(ente, register),
            Whose::Route(id) => {
                let enti = self.gateway.settings.route(id).map_or(&[][..], |route| &route.enti);
                enti.iter().any(|ente| self.caller.sees_by(&self.gateway, ente, id))
            }
        };
        !concerns || self.sender.send(self.events.event(told)).await.is_ok()
    }
}

struct Outgoing(mpsc::Receiver<Event>);

impl Stream for Outgoing {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| event.map(Ok))
    }
}

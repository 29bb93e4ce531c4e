//! Who may poll: the PDND voucher of each request, checked against the route it names.
//!
//! `/flussi` names no ente: the voucher's `eserviceId` says which e-service, hence which
//! route, is asked. Nothing else is asked of INPS (SPEC §2.3, AUTH_REST_01).

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::http::{HeaderMap, Uri, header};
use tokio::sync::Mutex as Turn;

use crate::channel::offer::Soon;
use crate::trust::dpop::{MemoryReplayGuard, ReplayGuard};
use crate::trust::jwks::{KeySet, may_fetch};
use crate::trust::named_eservice;
use crate::trust::voucher::{self, Denied, Presented, VoucherPolicy};

/// Shortest time between two tries to fetch the platform's keys, seconds.
const REFRESH_INTERVAL_S: i64 = 30;
/// Keys older than this are fetched again, so that withdrawn ones go; on failure they stay.
const KEYS_FOR_S: i64 = 3600;
const REPLAY_CAPACITY: usize = 10_000;

/// Brings the platform's public keys: from the network, or from a file.
pub trait KeySource: Send + Sync {
    /// The JWKS document, or why it could not be had.
    fn fetch(&self) -> Soon<'_, Result<String, String>>;
}

/// Remembers the proofs that were used, for all processes of an installation.
pub trait Proofs: Send + Sync {
    /// True exactly once for a proof; false also where that can't be known.
    fn first_use(&self, proof: UsedProof, now_s: i64) -> Soon<'_, bool>;
}

/// A proof of possession as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedProof {
    /// Thumbprint of its key, and its number.
    pub jkt: String,
    pub jti: String,
    /// Later it is too old to be accepted anyway, seconds.
    pub until_s: i64,
}

/// The guard of this process, and what it was asked of.
struct Noting<'g> {
    guard: &'g mut MemoryReplayGuard,
    used: Option<UsedProof>,
}

impl ReplayGuard for Noting<'_> {
    fn first_use(&mut self, jkt: &str, jti: &str, now_s: i64, forget_after_s: i64) -> bool {
        let first = self.guard.first_use(jkt, jti, now_s, forget_after_s);
        self.used = Some(UsedProof { jkt: jkt.to_owned(), jti: jti.to_owned(), until_s: forget_after_s });
        first
    }
}

/// One offered route and who may come through it.
#[derive(Clone)]
pub struct Door {
    pub route: String,
    pub policy: VoucherPolicy,
    pub receipts_need_voucher: bool,
    pub keys: Arc<dyn KeySource>,
}

struct Keyed {
    door: Door,
    keys: RwLock<Arc<KeySet>>,
    /// When the last fetch began. Whoever holds it is fetching: the others wait for what comes of it.
    last_try_s: Arc<Turn<Option<i64>>>,
}

/// All doors of the offer's listener.
pub struct Gate {
    doors: Vec<Arc<Keyed>>,
    /// The URL of the API as recipients know it; empty = as requested.
    public_url: String,
    replay: Mutex<MemoryReplayGuard>,
    /// What other processes must know of it too.
    proofs: Option<Arc<dyn Proofs>>,
    now_s: Box<dyn Fn() -> i64 + Send + Sync>,
}

impl Gate {
    /// A gate over the offered routes.
    pub fn new(doors: Vec<Door>, public_url: &str, now_s: Box<dyn Fn() -> i64 + Send + Sync>) -> Self {
        let keyed = |door| {
            let keys = RwLock::new(Arc::new(KeySet::empty()));
            Arc::new(Keyed { door, keys, last_try_s: Arc::default() })
        };
        Self {
            doors: doors.into_iter().map(keyed).collect(),
            public_url: public_url.trim_end_matches('/').to_owned(),
            replay: Mutex::new(MemoryReplayGuard::new(REPLAY_CAPACITY)),
            proofs: None,
            now_s,
        }
    }

    /// The gate of one process among several.
    #[must_use]
    pub fn shared(self, proofs: Arc<dyn Proofs>) -> Self {
        Self { proofs: Some(proofs), ..self }
    }

    /// Admits a poll, or says why not.
    pub async fn admit(&self, headers: &HeaderMap, method: &str, uri: &Uri) -> Result<Door, Denied> {
        let authorization = only_text(headers, header::AUTHORIZATION.as_str());
        let keyed = self.door_of(authorization.as_deref());
        let Some(keyed) = keyed else { return Err(nobody()) };
        let aged = keyed.keys.read().is_ok_and(|keys| keys.is_stale((self.now_s)(), KEYS_FOR_S));
        if aged {
            self.refresh(keyed).await;
        }
        let used = match self.check(keyed, headers, method, uri) {
            Ok(used) => used,
            Err(denied) if denied.wants_fresh_keys() && self.refresh(keyed).await => {
                self.check(keyed, headers, method, uri)?
            }
            Err(denied) => return Err(denied),
        };
        if let (Some(proofs), Some(used)) = (&self.proofs, used)
            && !proofs.first_use(used, (self.now_s)()).await
        {
            // It was used at another process: here it was seen by now, so the check says what that means.
            self.check(keyed, headers, method, uri)?;
            return Err(nobody());
        }
        Ok(keyed.door.clone())
    }

    /// Admits receipts: with the voucher, unless the route's setting waives it.
    pub async fn admit_receipts(&self, headers: &HeaderMap, method: &str, uri: &Uri) -> Result<Door, Denied> {
        let waived = headers.get(header::AUTHORIZATION).is_none()
            && self.doors.len() == 1
            && !self.doors[0].door.receipts_need_voucher;
        if waived { Ok(self.doors[0].door.clone()) } else { self.admit(headers, method, uri).await }
    }

    /// The door whose e-service the token names; the first one judges tokens that name none.
    fn door_of(&self, authorization: Option<&str>) -> Option<&Arc<Keyed>> {
        let token = authorization.and_then(|value| value.split_once(' ')).map(|(_, token)| token);
        let eservice = token.and_then(|token| named_eservice(token, 16 * 1024));
        let named = self.doors.iter().find(|keyed| Some(&keyed.door.policy.eservice_id) == eservice.as_ref());
        named.or_else(|| self.doors.first())
    }

    /// Checks voucher and proof; returns the proof that counts as used from now on, if there is one.
    fn check(
        &self,
        keyed: &Keyed,
        headers: &HeaderMap,
        method: &str,
        uri: &Uri,
    ) -> Result<Option<UsedProof>, Denied> {
        let authorization = only_text(headers, header::AUTHORIZATION.as_str());
        let dpop = only_text(headers, "dpop");
        let url = self.url(headers, uri);
        let request =
            Presented { authorization: authorization.as_deref(), dpop: dpop.as_deref(), method, url: &url };
        let keys = keyed.keys.read().map(|keys| Arc::clone(&keys)).map_err(|_| nobody())?;
        let mut replay = self.replay.lock().map_err(|_| nobody())?;
        let mut noting = Noting { guard: &mut replay, used: None };
        let verified = voucher::check(&keyed.door.policy, &keys, request, (self.now_s)(), &mut noting)?;
        tracing::debug!(consumer = verified.consumer_id, jti = verified.jti, "voucher accepted");
        Ok(noting.used)
    }

    fn url(&self, headers: &HeaderMap, uri: &Uri) -> String {
        if !self.public_url.is_empty() {
            let tail = uri.path().rsplit('/').next().unwrap_or("");
            return format!("{}/{tail}", self.public_url);
        }
        let host = only_text(headers, header::HOST.as_str()).unwrap_or_default();
        format!("http://{host}{}", uri.path())
    }

    /// Fetches the keys again, at most every [`REFRESH_INTERVAL_S`]; what is cached stays on failure.
    /// True if there are other keys than when this was called.
    async fn refresh(&self, keyed: &Arc<Keyed>) -> bool {
        let (now, before) = ((self.now_s)(), keyed.fetched_at_s());
        let mut last = Arc::clone(&keyed.last_try_s).lock_owned().await;
        // Another caller may have fetched them meanwhile.
        if keyed.fetched_at_s() != before {
            return true;
        }
        if !may_fetch(*last, now, REFRESH_INTERVAL_S) {
            return false;
        }
        *last = Some(now);
        // A caller that goes away takes nothing from those who come after it: the fetch goes on.
        let fetching = Arc::clone(keyed);
        let fetch = tokio::spawn(async move {
            let fetched = fetching.fetch(now).await;
            drop(last);
            fetched
        });
        fetch.await.unwrap_or(false)
    }
}

impl Keyed {
    fn fetched_at_s(&self) -> i64 {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).fetched_at_s()
    }

    async fn fetch(&self, now: i64) -> bool {
        let fetched = self.door.keys.fetch().await;
        match fetched.and_then(|text| KeySet::parse(&text, now).map_err(|error| error.to_string())) {
            Ok(keys) => self.keys.write().map(|mut held| *held = Arc::new(keys)).is_ok(),
            Err(why) => {
                tracing::warn!(route = self.door.route, why, "the platform's keys could not be fetched");
                false
            }
        }
    }
}

/// A header's text if it is sent exactly once; twice is as good as garbage.
fn only_text(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?.to_owned();
    match values.next() {
        None => Some(first),
        Some(_) => Some(format!("{first}, ")),
    }
}

fn nobody() -> Denied {
    Denied {
        status: 403,
        rule: "nessuna-rotta",
        message: crate::folder::finding::Text::new(
            "Nessuna rotta è offerta da questa installazione.",
            "This installation offers no route.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::dpop::DpopWindow;
    use crate::trust::voucher::TokenType;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::sync::Notify;

    /// A platform that answers when it is let.
    #[derive(Default)]
    struct Slow {
        asked: AtomicU32,
        came: Notify,
        answers: Notify,
    }

    impl KeySource for Arc<Slow> {
        fn fetch(&self) -> Soon<'_, Result<String, String>> {
            Box::pin(async {
                self.asked.fetch_add(1, Ordering::SeqCst);
                self.came.notify_one();
                self.answers.notified().await;
                Ok(r#"{"keys":[{"kty":"RSA","kid":"k","n":"AQAB","e":"AQAB"}]}"#.to_owned())
            })
        }
    }

    fn gate(platform: &Arc<Slow>) -> Arc<Gate> {
        let policy = VoucherPolicy {
            issuer: "i".into(),
            audience: "a".into(),
            eservice_id: "e".into(),
            producer_id: "p".into(),
            descriptor_ids: Vec::new(),
            consumer_id: "c".into(),
            purposes: Vec::new(),
            leeway_s: 0,
            token_type: TokenType::Bearer,
            max_bytes: 1024,
            dpop: DpopWindow::default(),
        };
        let keys = Arc::new(Arc::clone(platform));
        let door = Door { route: "r".into(), policy, receipts_need_voucher: true, keys };
        Arc::new(Gate::new(vec![door], "", Box::new(|| 1_000)))
    }

    #[tokio::test]
    async fn who_comes_while_the_keys_are_fetched_waits_for_them_and_who_goes_stops_nothing() {
        let platform = Arc::new(Slow::default());
        let gate = gate(&platform);
        let refresh = || {
            let gate = Arc::clone(&gate);
            tokio::spawn(async move { gate.refresh(&gate.doors[0]).await })
        };
        let first = refresh();
        platform.came.notified().await;
        let second = refresh();
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        platform.answers.notify_one();
        assert!(second.await.unwrap(), "the keys are there");
        assert_eq!(platform.asked.load(Ordering::SeqCst), 1, "they were fetched once");
        assert!(!refresh().await.unwrap(), "not again so soon");
    }
}

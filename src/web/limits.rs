//! How many requests a caller may make: a bucket per token that refills steadily, told in the RateLimit
//! headers (draft-ietf-httpapi-ratelimit-headers-10). Each process counts for itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Caller;
use super::problem::Problem;

/// Callers that are remembered; beyond, those with a full bucket are forgotten.
const REMEMBERED: usize = 10_000;
const WINDOW_S: f64 = 60.0;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The buckets of all callers.
#[derive(Clone)]
pub struct Limits {
    /// Requests per minute, and at once; 0 = as many as they like.
    quota: u32,
    buckets: Arc<Mutex<HashMap<String, Bucket>>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// What is left to a caller.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Left {
    requests: u32,
    /// Until the bucket is full, or until it holds one request again; seconds.
    full_s: u32,
    next_s: u32,
    admitted: bool,
}

impl Limits {
    pub fn new(quota: u32) -> Self {
        Self { quota, buckets: Arc::default() }
    }

    /// Takes one request out of a caller's bucket.
    fn take(&self, caller: &str, now: Instant) -> Left {
        let quota = f64::from(self.quota);
        let per_s = quota / WINDOW_S;
        let Ok(mut buckets) = self.buckets.lock() else {
            return Left { requests: self.quota, full_s: 0, next_s: 0, admitted: true };
        };
        let refilled = |bucket: &Bucket| {
            (bucket.left + now.saturating_duration_since(bucket.at).as_secs_f64() * per_s).min(quota)
        };
        if buckets.len() >= REMEMBERED {
            buckets.retain(|_, bucket| refilled(bucket) < quota);
        }
        let before = buckets.get(caller).map_or(quota, refilled);
        let admitted = before >= 1.0;
        let left = if admitted { before - 1.0 } else { before };
        buckets.insert(caller.to_owned(), Bucket { left, at: now });
        Left {
            requests: left as u32,
            full_s: ((quota - left) / per_s).ceil() as u32,
            next_s: if left >= 1.0 { 0 } else { ((1.0 - left) / per_s).ceil() as u32 },
            admitted,
        }
    }

    fn tell(&self, left: Left, headers: &mut HeaderMap) {
        let policy = format!("\"token\";q={};w={}", self.quota, WINDOW_S as u32);
        let limit = format!("\"token\";r={};t={}", left.requests, left.full_s);
        for (name, text) in [(POLICY, policy), (LIMIT, limit)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
        if !left.admitted {
            headers.insert(header::RETRY_AFTER, left.next_s.max(1).into());
        }
    }
}

/// 429 once a caller's bucket is empty.
pub async fn limit(
    State(limits): State<Limits>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    if limits.quota == 0 || caller.is_local() {
        return next.run(request).await;
    }
    let left = limits.take(&caller.name, Instant::now());
    let mut answer = match left.admitted {
        true => next.run(request).await,
        false => Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many requests with this token: the header Retry-After says when to go on.",
        )
        .into_response(),
    };
    limits.tell(left, answer.headers_mut());
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bucket_empties_and_refills_steadily() {
        let limits = Limits::new(60);
        let start = Instant::now();
        let taken: Vec<_> = (0..61).map(|_| limits.take("csi", start)).collect();
        assert!(taken[..60].iter().all(|left| left.admitted));
        assert_eq!(taken[60], Left { requests: 0, full_s: 60, next_s: 1, admitted: false });
        assert!(limits.take("other", start).admitted, "each has a bucket of their own");
        assert!(!limits.take("csi", start + Duration::from_millis(900)).admitted);
        assert!(limits.take("csi", start + Duration::from_secs(1)).admitted);
        assert_eq!(limits.take("csi", start + Duration::from_secs(100)).requests, 59);
    }
}

//! Within which trace this task works: set where a request comes in or a container is sent, read
//! where a run is stored or a recipient that wants it is written to. Random ids are drawn here.

use aws_lc_rs::rand;

use crate::exchange::TraceContext;

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// The trace of this task, if it has one.
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(|context| *context).ok()
}

/// Runs a future within a trace.
pub async fn scope<T>(context: TraceContext, act: impl Future<Output = T>) -> T {
    CURRENT.scope(context, act).await
}

/// Runs blocking work within a trace, where there is one.
pub fn within<T>(context: Option<TraceContext>, act: impl FnOnce() -> T) -> T {
    match context {
        Some(context) => CURRENT.sync_scope(context, act),
        None => act(),
    }
}

/// A trace that begins here.
pub fn begin() -> TraceContext {
    TraceContext { trace_id: drawn(), span_id: drawn(), sampled: true }
}

/// A span within a trace, of its own id.
pub fn child(of: TraceContext) -> TraceContext {
    of.child(drawn())
}

/// Never all zeros: that means no id.
fn drawn<const N: usize>() -> [u8; N] {
    let mut id = [0; N];
    if rand::fill(&mut id).is_err() || id == [0; N] {
        id[N - 1] = 1;
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_knows_its_trace_and_nothing_else_does() {
        assert_eq!(current(), None);
        let (one, other) = (begin(), begin());
        assert_ne!(one.trace_id, other.trace_id);
        let seen = scope(one, async {
            let blocked = current();
            tokio::task::spawn_blocking(move || within(blocked, current)).await.unwrap()
        });
        assert_eq!(seen.await, Some(one));
        assert_eq!(within(None, current), None);
        assert_eq!(child(one).trace_id, one.trace_id);
    }
}

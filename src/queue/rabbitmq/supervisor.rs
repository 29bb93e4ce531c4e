//! One task that keeps a link up: opened, watched, and after its end opened anew, with pauses
//! that grow while it does not help.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Shared;
use super::link::open;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// What RabbitMQ's own clients wait between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A link that lasted so long was a good one: the next pause is the first one again.
const CALM: Duration = Duration::from_secs(5);

/// Runs until it is stopped, or whoever could stop it is gone.
pub async fn supervise(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let (mut pause, mut number) = (FIRST_PAUSE, 0);
    loop {
        number += 1;
        let opened = tokio::select! {
            opened = open(&shared, number) => opened,
            () = stopped(&mut stop) => break,
        };
        let began = Instant::now();
        let why = match opened {
            Ok(opened) => opened.run(&shared, &mut stop).await,
            Err(why) => Some(why),
        };
        let Some(why) = why else { break };
        if began.elapsed() > CALM {
            pause = FIRST_PAUSE;
        }
        tell(&shared, why);
        tokio::select! {
            () = sleep(jittered(pause)) => {}
            () = stopped(&mut stop) => break,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    shared.shelf.close();
    shared.standing().trouble = Some("it was stopped".to_owned());
}

/// Waits until it is to stop.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _or_its_sender_is_gone = stop.wait_for(|stop| *stop).await;
}

/// Once for each reason, not for each try.
fn tell(shared: &Shared, why: String) {
    let mut standing = shared.standing();
    if standing.told.as_ref() != Some(&why) {
        tracing::warn!(why, "the broker is not at hand, trying on");
        standing.told = Some(why.clone());
    }
    standing.trouble = Some(why);
}

/// Half to all of it, so that several processes do not come back in step.
fn jittered(pause: Duration) -> Duration {
    let chance = uuid::Uuid::now_v7().as_bytes()[15];
    pause.mul_f64(0.5 + f64::from(chance) / 512.0)
}

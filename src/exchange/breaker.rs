//! The circuit breaker of a pushed route: a recipient that does not answer is left alone, and
//! then probed by one container. Its state is two columns of the route, so that every node
//! sees the same.

use super::{Millis, RouteState};

/// When a route opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open before a container probes, ms.
    pub pause: Millis,
}

/// Whether a container may leave now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Free,
    /// Only this one, to see whether the recipient answers again.
    Probe,
    /// Not before this moment.
    Wait(Millis),
}

/// What an exchange with the recipient showed of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It answered, whatever it said.
    Answers,
    /// It did not, or said that it can't.
    Fails,
    /// It asked to be left alone until then.
    Rests(Millis),
}

impl Breaker {
    /// Judges whether a container may leave. A probe pushes the moment on for the others.
    pub fn admit(self, route: &mut RouteState, now: Millis) -> Admission {
        match route.open_until {
            Some(until) if until > now => Admission::Wait(until),
            Some(_) if route.failures >= self.failures => {
                route.open_until = Some(now + self.pause);
                Admission::Probe
            }
            _ => Admission::Free,
        }
    }

    /// Notes what an exchange showed; true if the route's state changed.
    pub fn note(self, route: &mut RouteState, sign: Sign, now: Millis) -> bool {
        let before = (route.failures, route.open_until);
        match sign {
            Sign::Answers => (route.failures, route.open_until) = (0, None),
            Sign::Fails => {
                route.failures = route.failures.saturating_add(1).min(self.failures);
                if route.failures >= self.failures {
                    route.open_until = Some((now + self.pause).max(route.open_until.unwrap_or(0)));
                }
            }
            Sign::Rests(until) => route.open_until = Some(until.max(route.open_until.unwrap_or(0))),
        }
        before != (route.failures, route.open_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BREAKER: Breaker = Breaker { failures: 2, pause: 100 };

    #[test]
    fn opens_after_failures_in_a_row_and_lets_one_probe_through() {
        let mut route = RouteState::new("r");
        BREAKER.note(&mut route, Sign::Fails, 0);
        assert_eq!(BREAKER.admit(&mut route, 0), Admission::Free);
        BREAKER.note(&mut route, Sign::Fails, 0);
        assert_eq!(BREAKER.admit(&mut route, 50), Admission::Wait(100));
        assert_eq!(BREAKER.admit(&mut route, 100), Admission::Probe);
        assert_eq!(BREAKER.admit(&mut route, 101), Admission::Wait(200), "one probe at a time");
        BREAKER.note(&mut route, Sign::Answers, 120);
        assert_eq!(BREAKER.admit(&mut route, 121), Admission::Free);
    }

    #[test]
    fn a_wish_to_rest_holds_for_the_whole_route() {
        let mut route = RouteState::new("r");
        BREAKER.note(&mut route, Sign::Rests(500), 0);
        assert_eq!(BREAKER.admit(&mut route, 499), Admission::Wait(500));
        assert_eq!(BREAKER.admit(&mut route, 500), Admission::Free);
    }
}

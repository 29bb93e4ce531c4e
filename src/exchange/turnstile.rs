//! The turnstile of a route: one container at a time, so far apart as the recipient wants them, people
//! before bulk work, and of eight places in a row one for bulk work. Its state is a row, so that all
//! processes together keep the recipient's rate.

/// Of so many places in a row one is for bulk work, if some waits.
const ONE_OF: u32 = 8;
/// Below this interval the turnstile makes up for what the clock's coarseness loses, us.
const COARSE_US: i64 = 10_000;

/// What a route allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Between two containers, us.
    pub interval: i64,
}

/// Where a route's turnstile stands; times in microseconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnstile {
    /// Nothing leaves before.
    pub next: i64,
    /// Until then somebody is thought to wait for the next place.
    pub people_until: i64,
    pub bulk_until: i64,
    /// Places in a row that went to people.
    pub people: u32,
}

impl Rate {
    /// Containers per second; `None` = as fast as the recipient answers.
    pub fn per_second(rate: f64) -> Option<Self> {
        (rate > 0.0).then(|| Self { interval: (1_000_000.0 / rate).ceil().clamp(1.0, 86_400e6) as i64 })
    }

    /// Lets a container through, or says until when it waits, us. Either way the state is to be stored.
    pub fn admit(self, state: &mut Turnstile, interactive: bool, now: i64) -> Result<(), i64> {
        // A place further off than this was given by a clock that is ahead of ours.
        let next = state.next.min(now + self.interval);
        if next > now {
            state.waits(interactive, next + self.interval);
            return Err(next);
        }
        let bulk_has_a_turn = state.people >= ONE_OF - 1;
        let gives_way = if interactive {
            bulk_has_a_turn && state.bulk_until > now
        } else {
            !bulk_has_a_turn && state.people_until > now
        };
        if gives_way {
            // Who was told to come at this very moment may be a little late.
            let later = now + (self.interval / 4).max(1_000);
            state.waits(interactive, later + self.interval);
            return Err(later);
        }
        let slack = if self.interval < COARSE_US { COARSE_US } else { 0 };
        state.next = next.max(now - slack) + self.interval;
        if interactive {
            (state.people, state.people_until) = (state.people.saturating_add(1), 0);
        } else {
            (state.people, state.bulk_until) = (0, 0);
        }
        Ok(())
    }
}

impl Turnstile {
    fn waits(&mut self, interactive: bool, until: i64) {
        let side = if interactive { &mut self.people_until } else { &mut self.bulk_until };
        *side = (*side).max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who passes, when everybody comes as often as they are told to: `true` for people.
    fn passed(rate: Rate, waiting: &[bool], seconds: i64) -> Vec<(i64, bool)> {
        let (mut state, mut passed) = (Turnstile::default(), Vec::new());
        let mut due: Vec<(i64, bool)> = waiting.iter().map(|people| (0, *people)).collect();
        loop {
            // The same moment comes to all of them, bulk work first.
            due.sort_unstable();
            let (now, people) = due[0];
            if now >= seconds * 1_000_000 {
                return passed;
            }
            due[0].0 = match rate.admit(&mut state, people, now) {
                Ok(()) => {
                    passed.push((now, people));
                    now
                }
                Err(until) => until,
            };
        }
    }

    #[test]
    fn the_rate_is_kept_whoever_comes() {
        let rate = Rate::per_second(4.0).unwrap();
        let passed = passed(rate, &[false, false, false, true, true], 100);
        assert!(passed.windows(2).all(|two| two[1].0 - two[0].0 >= rate.interval));
        assert!(passed.len() >= 320, "{} of 400: who gives way costs little", passed.len());
    }

    #[test]
    fn people_go_first_and_bulk_work_has_one_place_of_eight() {
        let passed = passed(Rate::per_second(4.0).unwrap(), &[false, false, true, true, true], 100);
        let bulk = passed.iter().filter(|(_, people)| !people).count();
        assert!(bulk * 7 >= passed.len() - bulk - 8, "{bulk} of {}", passed.len());
        assert!(bulk * 4 <= passed.len(), "{bulk} of {}", passed.len());
        let longest = passed.split(|(_, people)| !people).map(<[_]>::len).max();
        assert!(longest <= Some(8), "bulk work waits for {longest:?} people");
    }

    #[test]
    fn alone_nobody_waits_for_who_is_not_there() {
        for people in [true, false] {
            let passed = passed(Rate::per_second(4.0).unwrap(), &[people; 3], 100);
            assert_eq!(passed.len(), 400);
        }
    }

    #[test]
    fn a_high_rate_is_reached_by_a_clock_of_milliseconds() {
        let rate = Rate::per_second(700.0).unwrap();
        let mut state = Turnstile::default();
        let passed =
            (0..1_000).map(|ms| (0..9).filter(|_| rate.admit(&mut state, false, ms * 1_000).is_ok()).count());
        let passed: usize = passed.sum();
        assert!((690..=710).contains(&passed), "{passed}");
    }

    #[test]
    fn a_clock_that_is_ahead_stops_nobody_for_longer_than_an_interval() {
        let rate = Rate::per_second(1.0).unwrap();
        let mut state = Turnstile::default();
        assert_eq!(rate.admit(&mut state, false, 3_600_000_000), Ok(()));
        assert_eq!(rate.admit(&mut state, false, 5_000_000), Err(6_000_000));
        assert_eq!(Rate::per_second(0.0), None);
    }
}

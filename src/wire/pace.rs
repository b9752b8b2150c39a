//! How long it is worth to look for one's turn before one sleeps for it: a wake-up costs about
//! 25 µs, and a look costs a core.

use std::{
    hint,
    time::{Duration, Instant},
};

use crate::message::Work;

/// What an answer may take that is looked for: a wake-up would add a sixth to it, and less to what
/// takes longer.
const LONGEST: Duration = Duration::from_micros(150);
/// How long an answer is looked for of which nothing is known.
const UNKNOWN: Duration = Duration::from_micros(50);
/// How much longer than twice the usual time.
const MARGIN: Duration = Duration::from_micros(10);
/// The part of a mean that the last answer has: 1 in so many.
const WEIGHT: u32 = 8;

/// What the answers of each kind have taken on one connection: an exponential mean.
pub(crate) struct Answers {
    means: [Option<Duration>; Work::COUNT],
    worth: Worth,
}

impl Answers {
    pub(crate) fn new() -> Self {
        Self {
            means: [None; Work::COUNT],
            worth: Worth::default(),
        }
    }

    /// How long the next answer of this kind is looked for; none if it will be waited for asleep.
    pub(crate) fn time(&mut self, work: Work) -> Option<Duration> {
        match self.means.get(work.number()).copied().flatten() {
            None => self.worth.time(UNKNOWN),
            Some(mean) if mean <= LONGEST => self.worth.time(mean * 2 + MARGIN),
            Some(_) => None,
        }
    }

    /// Notes whether an answer came while it was looked for.
    pub(crate) fn looked(&mut self, was_found: bool) {
        self.worth.learn(was_found);
    }

    /// Notes what an answer took. One that took very long may have waited for a core: it counts as one
    /// that took too long.
    pub(crate) fn learn(&mut self, work: Work, took: Duration) {
        if let Some(mean) = self.means.get_mut(work.number()) {
            let before = mean.unwrap_or(took).min(2 * LONGEST);
            let took = took.min(before * 2 + MARGIN);
            *mean = Some((before * (WEIGHT - 1) + took) / WEIGHT);
        }
    }
}

/// How long the next request of a program is looked for that does little else.
#[derive(Default)]
pub(crate) struct Requests(Worth);

impl Requests {
    const TIME: Duration = Duration::from_micros(20);

    /// How long the next one is looked for, if it is.
    pub(crate) fn time(&mut self) -> Option<Duration> {
        self.0.time(Self::TIME)
    }

    /// Notes whether it came in that time.
    pub(crate) fn looked(&mut self, was_found: bool) {
        self.0.learn(was_found);
    }
}

/// Whether looking has been worth it: half as long each time that it was in vain.
#[derive(Default)]
struct Worth {
    halvings: u32,
    skipped: u32,
}

impl Worth {
    const SHORTEST: Duration = Duration::from_micros(2);
    /// How often it is tried again where it was in vain.
    const PROBE: u32 = 32;

    fn time(&mut self, longest: Duration) -> Option<Duration> {
        let time = longest / (1 << self.halvings);
        if time >= Self::SHORTEST {
            return Some(time);
        }
        self.skipped = self.skipped.wrapping_add(1);
        self.skipped.is_multiple_of(Self::PROBE).then_some(longest)
    }

    fn learn(&mut self, was_found: bool) {
        self.halvings = match was_found {
            true => 0,
            false => (self.halvings + 1).min(8),
        };
    }
}

/// Looks again and again for as long as `time`: what was found, and how long it took. The clock costs
/// as much as some looks, so the usual case does without.
pub(crate) fn look<T>(time: Duration, look: impl Fn() -> Option<T>) -> (Option<T>, Duration) {
    const LOOKS: u32 = 128;
    let mut begun: Option<Instant> = None;
    loop {
        for _ in 0..LOOKS {
            if let Some(found) = look() {
                let took = begun.map_or(Duration::ZERO, |begun| begun.elapsed());
                return (Some(found), took);
            }
            hint::spin_loop();
        }
        let took = begun.get_or_insert_with(Instant::now).elapsed();
        if took > time {
            return (None, took);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: Work = Work::of(token::Operation::Sign);
    const US: Duration = Duration::from_micros(1);

    fn after(answers: &mut Answers, times: u32, took: Duration) -> Option<Duration> {
        (0..times).for_each(|_| answers.learn(SIGNATURE, took));
        answers.time(SIGNATURE)
    }

    #[test]
    fn what_is_answered_soon_is_looked_for_and_what_takes_long_is_not() {
        let mut answers = Answers::new();
        assert_eq!(answers.time(SIGNATURE), Some(UNKNOWN));
        assert!(after(&mut answers, 9, 80 * US).is_some_and(|time| time > 80 * US));
        assert_eq!(after(&mut answers, 40, 500 * US), None);
        assert!(answers.time(Work::OTHER).is_some(), "each kind for itself");
        assert!(after(&mut answers, 40, 20 * US).is_some_and(|time| time < LONGEST));
    }

    #[test]
    fn one_answer_that_took_long_changes_little() {
        let mut answers = Answers::new();
        let before = after(&mut answers, 40, 2 * US).unwrap();
        assert!(after(&mut answers, 1, Duration::from_secs(9)).unwrap() < before + 5 * US);
    }

    #[test]
    fn who_looks_in_vain_looks_for_less_long_and_then_seldom() {
        let mut requests = Requests::default();
        let mut times = Vec::new();
        for _ in 0..200 {
            times.extend(requests.time());
            requests.looked(false);
        }
        assert!(times.starts_with(&[20 * US, 10 * US, 5 * US]));
        assert!(times.len() < 12, "{times:?}");
        requests.looked(true);
        assert_eq!(requests.time(), Some(20 * US));
    }

    #[test]
    fn what_is_looked_for_in_vain_is_given_up() {
        let (found, took) = look(20 * US, || None::<()>);
        assert!(found.is_none() && took > 20 * US);
        assert_eq!(look(20 * US, || Some(7)), (Some(7), Duration::ZERO));
    }
}

//! How long it is worth to look for one's turn before one sleeps for it: a wake-up costs about
//! 25 µs, in a virtual machine 100 µs and more, and a look costs a core.

use std::{
    hint, thread,
    time::{Duration, Instant},
};

use crate::message::Work;

/// What hsmd may work for an answer that is looked for: a wake-up would add a sixth to it, and less
/// to what takes longer.
const LONGEST: Duration = Duration::from_micros(150);
/// What hsmd is thought to work for an answer of which nothing is known.
const UNKNOWN: Duration = Duration::from_micros(20);
/// How much longer than twice the usual time: about what a wake-up costs. Who is interrupted in between
/// is back sooner as a rule, and one sleep leads to the next, as the other side looks in vain meanwhile.
const MARGIN: Duration = Duration::from_micros(50);
/// By how much more than twice the mean before it one answer counts.
const LITTLE: Duration = Duration::from_micros(10);
/// How much longer where hsmd's thread slept and had to be woken.
const WAKING: Duration = Duration::from_micros(100);
/// The part of a mean that the last answer has: 1 in so many.
const WEIGHT: u32 = 8;

/// What hsmd has worked for the answers of each kind on one connection: an exponential mean.
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
    pub(crate) fn time(&mut self, work: Work, was_asleep: bool) -> Option<Duration> {
        let mean = self.means.get(work.number()).copied().flatten();
        let usual = mean.unwrap_or(UNKNOWN);
        if usual > LONGEST {
            return None;
        }
        let waking = if was_asleep { WAKING } else { Duration::ZERO };
        self.worth.time(usual * 2, MARGIN + waking)
    }

    /// Notes whether an answer came while it was looked for.
    pub(crate) fn looked(&mut self, was_found: bool) {
        self.worth.learn(was_found);
    }

    /// Notes what hsmd has worked for an answer. Where that is very long it may have waited for a core:
    /// it counts as one that took too long.
    pub(crate) fn learn(&mut self, work: Work, worked: Duration) {
        if let Some(mean) = self.means.get_mut(work.number()) {
            let before = mean.unwrap_or(worked).min(2 * LONGEST);
            let worked = worked.min(before * 2 + LITTLE);
            *mean = Some((before * (WEIGHT - 1) + worked) / WEIGHT);
        }
    }
}

/// How long the next request of a program is looked for that does little else.
#[derive(Default)]
pub(crate) struct Requests(Worth);

impl Requests {
    /// About what a wake-up costs, as above.
    const TIME: Duration = MARGIN;

    /// How long the next one is looked for, if it is.
    pub(crate) fn time(&mut self) -> Option<Duration> {
        self.0.time(Duration::ZERO, Self::TIME)
    }

    /// Notes whether it came in that time.
    pub(crate) fn looked(&mut self, was_found: bool) {
        self.0.learn(was_found);
    }
}

/// Whether looking has been worth it: what is more than the least is half as long each time that it was
/// in vain, then nobody looks but seldom. (Less than an answer takes would be in vain each time.)
#[derive(Default)]
struct Worth {
    halvings: u32,
    skipped: u32,
}

impl Worth {
    const MOST_HALVINGS: u32 = 4;
    /// How often it is tried again where it was in vain: what made it so (others had the cores, or the
    /// peer slept) may be over.
    const PROBE: u32 = 8;

    fn time(&mut self, least: Duration, more: Duration) -> Option<Duration> {
        if self.halvings < Self::MOST_HALVINGS {
            return Some(least + more / (1 << self.halvings));
        }
        self.skipped = self.skipped.wrapping_add(1);
        let is_probe = self.skipped.is_multiple_of(Self::PROBE);
        is_probe.then_some(least + more)
    }

    fn learn(&mut self, was_found: bool) {
        self.halvings = match was_found {
            true => 0,
            false => (self.halvings + 1).min(Self::MOST_HALVINGS),
        };
    }
}

/// Looks again and again for as long as `time`. The clock costs as much as some looks, so the usual
/// case does without; who looks for longer lets others have the core in between, since the one that is
/// waited for may be among them (where both were on one core, a round trip takes 8 µs so, and 15 µs
/// with three times as many looks). That costs a microsecond, in which nobody looks: who found nobody
/// there does it half as often the next time, and a quarter as often from then on.
pub(crate) fn look<T>(time: Duration, look: impl Fn() -> Option<T>) -> Option<T> {
    const LOOKS: u32 = 48;
    const MOST: u32 = 4 * LOOKS;
    let mut looks = LOOKS;
    let mut begun: Option<Instant> = None;
    loop {
        for _ in 0..looks {
            if let Some(found) = look() {
                return Some(found);
            }
            hint::spin_loop();
        }
        if begun.get_or_insert_with(Instant::now).elapsed() > time {
            return None;
        }
        thread::yield_now();
        looks = (looks * 2).min(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: Work = Work::of(token::Operation::Sign);
    const US: Duration = Duration::from_micros(1);

    fn after(answers: &mut Answers, times: u32, worked: Duration) -> Option<Duration> {
        (0..times).for_each(|_| answers.learn(SIGNATURE, worked));
        answers.time(SIGNATURE, false)
    }

    #[test]
    fn what_is_answered_soon_is_looked_for_and_what_takes_long_is_not() {
        let mut answers = Answers::new();
        assert_eq!(answers.time(SIGNATURE, false), Some(2 * UNKNOWN + MARGIN));
        assert!(after(&mut answers, 9, 80 * US).is_some_and(|time| time > 80 * US));
        assert_eq!(after(&mut answers, 40, 500 * US), None);
        assert!(
            answers.time(Work::OTHER, false).is_some(),
            "each kind for itself"
        );
        assert!(after(&mut answers, 40, 20 * US).is_some_and(|time| time < LONGEST));
    }

    #[test]
    fn an_answer_of_who_has_to_be_woken_is_looked_for_longer() {
        let mut answers = Answers::new();
        let awake = after(&mut answers, 40, 2 * US).unwrap();
        assert_eq!(answers.time(SIGNATURE, true), Some(awake + WAKING));
    }

    #[test]
    fn an_answer_is_looked_for_as_long_as_it_takes_or_not_at_all() {
        let mut answers = Answers::new();
        after(&mut answers, 40, 80 * US);
        let mut times = Vec::new();
        for _ in 0..84 {
            times.extend(answers.time(SIGNATURE, false));
            answers.looked(false);
        }
        assert!(times.iter().all(|time| *time > 160 * US), "{times:?}");
        assert!(times.len() < 15, "{times:?}");
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
        for _ in 0..84 {
            times.extend(requests.time());
            requests.looked(false);
        }
        let first = Requests::TIME;
        assert!(times.starts_with(&[first, first / 2, first / 4]));
        assert!(times.len() < 15, "{times:?}");
        requests.looked(true);
        assert_eq!(requests.time(), Some(first));
    }

    #[test]
    fn what_is_looked_for_in_vain_is_given_up() {
        assert_eq!(look(20 * US, || None::<()>), None);
        assert_eq!(look(20 * US, || Some(7)), Some(7));
    }
}

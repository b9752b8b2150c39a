//! Before the slow part of every password: in turn by uid, and later and later for a uid that brings
//! wrong ones.

use std::{
    collections::HashMap,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::turns::Turns;

/// Wrong passwords that a uid has free.
const FREE_FAILURES: u32 = 3;
/// The delay after the first one that is not; it doubles with each.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// The delay grows no further.
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// After this long without a wrong password, a uid is as good as new.
const FORGIVEN: Duration = Duration::from_secs(600);

/// The gate of one engine.
pub(crate) struct Gate {
    /// The engine's: each password in its turn has 19 MiB.
    turns: Arc<Turns>,
    failures: Mutex<HashMap<u32, (u32, Instant)>>,
}

impl Gate {
    /// A gate that nobody has failed at.
    pub(crate) fn new(turns: Arc<Turns>) -> Self {
        Self {
            turns,
            failures: Mutex::default(),
        }
    }

    /// Does `work` when it is the turn of `uid`.
    pub(crate) fn run<T>(&self, uid: u32, work: impl FnOnce() -> T) -> T {
        thread::sleep(self.delay(uid));
        self.turns.run(uid, work)
    }

    /// The password was wrong.
    pub(crate) fn failed(&self, uid: u32) {
        let mut failures = self.failures.lock();
        failures.retain(|_, (_, last)| last.elapsed() < FORGIVEN);
        let (count, last) = failures.entry(uid).or_insert((0, Instant::now()));
        *count = count.saturating_add(1);
        *last = Instant::now();
    }

    /// The password was right.
    pub(crate) fn succeeded(&self, uid: u32) {
        self.failures.lock().remove(&uid);
    }

    fn delay(&self, uid: u32) -> Duration {
        let failures = self.failures.lock();
        match failures.get(&uid) {
            Some((count, last)) if *count > FREE_FAILURES && last.elapsed() < FORGIVEN => {
                let doublings = (count - FREE_FAILURES - 1).min(16);
                FIRST_DELAY
                    .saturating_mul(1 << doublings)
                    .min(LONGEST_DELAY)
            }
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_wrong_passwords_are_free_and_the_next_ones_cost_time() {
        let gate = Gate::new(Arc::new(Turns::of_all_processors()));
        (0..3).for_each(|_| gate.failed(7));
        assert_eq!(gate.delay(7), Duration::ZERO);
        (0..2).for_each(|_| gate.failed(7));
        assert_eq!(gate.delay(7), FIRST_DELAY * 2);
        (0..50).for_each(|_| gate.failed(7));
        assert_eq!(gate.delay(7), LONGEST_DELAY);
    }

    #[test]
    fn a_right_password_ends_the_delay() {
        let gate = Gate::new(Arc::new(Turns::of_all_processors()));
        (0..9).for_each(|_| gate.failed(7));
        gate.succeeded(7);
        assert_eq!(gate.delay(7), Duration::ZERO);
    }
}

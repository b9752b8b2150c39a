//! Whether sessions may keep what was destroyed: said by who destroys, taken by who goes through the
//! sessions. Many threads destroy, so saying it again writes nothing.

use std::sync::atomic::{AtomicBool, Ordering, fence};

/// A word between those who leave something over and the one who clears it away.
#[derive(Default)]
pub(crate) struct Leftovers(AtomicBool);

impl Leftovers {
    /// Something was destroyed, and counted as a change: sessions that say nothing may keep it.
    ///
    /// No change is lost. Either the word is missing, and is said for the next time; or it is there
    /// still, as it was before it was taken: then this fence comes before the one in `take`, and who
    /// took it sees what was counted before this.
    pub(crate) fn say(&self) {
        fence(Ordering::SeqCst);
        // Mostly it is said already, and then nothing is written that other threads read.
        if !self.0.load(Ordering::Relaxed) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was said since it was taken; what was counted before is seen after this.
    pub(crate) fn take(&self) -> bool {
        let said = self.0.swap(false, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        said
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Barrier, atomic::AtomicU64},
        thread,
    };

    use super::*;

    #[test]
    fn it_is_taken_once_and_said_anew() {
        let leftovers = Leftovers::default();
        assert!(!leftovers.take());
        leftovers.say();
        leftovers.say();
        assert!(leftovers.take());
        assert!(!leftovers.take());
        leftovers.say();
        assert!(leftovers.take());
    }

    #[test]
    fn what_is_counted_before_it_is_said_is_seen_now_or_the_next_time() {
        const ROUNDS: u64 = 2_000;
        let (leftovers, counted) = (Leftovers::default(), AtomicU64::new(0));
        let together = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 1..=ROUNDS {
                    together.wait();
                    counted.store(round, Ordering::Relaxed);
                    leftovers.say();
                    together.wait();
                }
            });
            for round in 1..=ROUNDS {
                // Said already, so that it may be taken before the other thread looks, or after it.
                leftovers.say();
                together.wait();
                let taken = leftovers.take();
                let seen = counted.load(Ordering::Relaxed);
                together.wait();
                assert!(taken, "nobody else takes it");
                assert!(seen == round || leftovers.take(), "round {round} is lost");
            }
        });
    }
}

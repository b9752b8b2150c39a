//! How much of something is in use, counted by all threads together. A thread takes more at a time
//! than it needs, and keeps what comes back to it for the next time: so threads that take and give
//! back seldom write to what they share. Only [`Tally::add_within`] keeps to a limit exactly: who asks
//! whether there is room and counts in afterwards may not be the only one.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::stripe::Stripes;

/// How often the spare ones are collected for one who is short of them: meanwhile some may come to where
/// they have been collected already.
const COLLECTIONS: usize = 8;

/// Such a count.
pub(crate) struct Tally {
    /// What a thread takes beside what it needs.
    block: usize,
    /// What is in use, and what is spare.
    taken: AtomicUsize,
    /// What each thread has taken and nobody uses.
    spare: Stripes<AtomicUsize>,
    /// Of whoever moves spare ones between `taken` and a thread, once in a block: to anybody else, what is
    /// on its way would seem to be in use.
    moving: Mutex<()>,
}

impl Tally {
    /// Nothing yet; threads take `block` more than they need.
    pub(crate) fn in_blocks_of(block: usize) -> Self {
        Self {
            block,
            taken: AtomicUsize::new(0),
            spare: Stripes::new(|_| AtomicUsize::new(0)),
            moving: Mutex::default(),
        }
    }

    /// Counts `number` in.
    pub(crate) fn add(&self, number: usize) {
        self.add_within(usize::MAX, number);
    }

    /// Counts `number` in, if no more than `limit` are in use then.
    pub(crate) fn add_within(&self, limit: usize, number: usize) -> bool {
        let spare = self.spare.mine();
        let left = |spare: usize| spare.checked_sub(number);
        if spare.fetch_update(Relaxed, Relaxed, left).is_ok() {
            return true;
        }
        let _moving = self.moving.lock();
        if self.take(limit, number.saturating_add(self.block)) {
            spare.fetch_add(self.block, Relaxed);
            return true;
        }
        // Near the limit the spare ones are missed.
        (0..COLLECTIONS).any(|_| {
            for spare in self.spare.iter() {
                self.taken.fetch_sub(spare.swap(0, Relaxed), Relaxed);
            }
            self.take(limit, number)
        })
    }

    /// Counts `number` out, whoever counted them in.
    pub(crate) fn sub(&self, number: usize) {
        let spare = self.spare.mine();
        let now = spare.fetch_add(number, Relaxed).saturating_add(number);
        if now > self.block.saturating_mul(2) {
            let _moving = self.moving.lock();
            let back = now - self.block;
            let left = |spare: usize| spare.checked_sub(back);
            if spare.fetch_update(Relaxed, Relaxed, left).is_ok() {
                self.taken.fetch_sub(back, Relaxed);
            }
        }
    }

    /// Whether `number` more would be within `limit`, as far as nobody counts meanwhile.
    pub(crate) fn has_room(&self, limit: usize, number: usize) -> bool {
        let within = |used: usize| used.saturating_add(number) <= limit;
        within(self.taken.load(Relaxed)) || within(self.in_use())
    }

    /// How much is in use, as far as nobody counts meanwhile.
    pub(crate) fn in_use(&self) -> usize {
        let spare = self.spare.iter().map(|spare| spare.load(Relaxed)).sum();
        self.taken.load(Relaxed).saturating_sub(spare)
    }

    fn take(&self, limit: usize, number: usize) -> bool {
        let more = |taken: usize| taken.checked_add(number).filter(|taken| *taken <= limit);
        self.taken.fetch_update(Relaxed, Relaxed, more).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_is_in_use_never_passes_the_limit_and_all_of_it_can_be_used() {
        let tally = Tally::in_blocks_of(10);
        let taken: usize = thread::scope(|scope| {
            let takes = || (0..100).filter(|_| tally.add_within(150, 1)).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(takes)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!((taken, tally.in_use()), (150, 150));
        assert!(!tally.has_room(150, 1) && tally.has_room(151, 1));
    }

    #[test]
    fn what_one_thread_keeps_another_one_can_have_when_it_is_short() {
        let tally = Tally::in_blocks_of(10);
        thread::scope(|scope| {
            scope.spawn(|| assert!(tally.add_within(20, 1)));
        });
        assert!(tally.has_room(20, 19) && !tally.has_room(20, 20));
        assert!(tally.add_within(20, 19));
        assert!(!tally.add_within(20, 1));
    }

    #[test]
    fn nobody_is_refused_what_the_others_leave() {
        for block in [1, 10, 30] {
            let tally = Tally::in_blocks_of(block);
            let takes = || {
                for _ in 0..100_000 {
                    assert!(tally.add_within(40, 10));
                    tally.sub(10);
                }
            };
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(takes);
                }
            });
        }
    }

    #[test]
    fn what_comes_back_is_not_in_use_however_much_it_is() {
        let tally = Tally::in_blocks_of(10);
        tally.add(1_000);
        thread::scope(|scope| {
            scope.spawn(|| tally.sub(600));
        });
        tally.sub(400);
        assert_eq!(tally.in_use(), 0);
        assert!(tally.taken.into_inner() <= 40, "threads keep little");
    }
}

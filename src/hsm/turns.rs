//! Work that takes a processor for long (hashing a password, finding primes): a bounded number at a
//! time, and in turn by uid, so that nobody keeps the others out.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    ops::Bound,
    thread,
};

use parking_lot::{Condvar, Mutex};

/// A queue for such work.
pub(crate) struct Turns {
    queue: Mutex<Queue>,
    admitted: Condvar,
    /// How many may work at a time.
    width: usize,
}

#[derive(Default)]
struct Queue {
    inside: usize,
    next_ticket: u64,
    waiting: BTreeMap<u32, VecDeque<u64>>,
    called: HashSet<u64>,
    last_uid: u32,
}

/// The turn of somebody who works now.
struct Turn<'a>(&'a Turns);

impl Turns {
    /// Half of the processors: the other half goes on with keys. An engine has one such queue for
    /// all its work of this kind.
    pub(crate) fn of_half_the_processors() -> Self {
        Self::new((processors() / 2).max(1))
    }

    /// All processors: of an engine that nobody shares.
    pub(crate) fn of_all_processors() -> Self {
        Self::new(processors())
    }

    fn new(width: usize) -> Self {
        Self {
            queue: Mutex::default(),
            admitted: Condvar::new(),
            width,
        }
    }

    /// Does `work` when it is the turn of `uid`.
    pub(crate) fn run<T>(&self, uid: u32, work: impl FnOnce() -> T) -> T {
        let _turn = self.wait(uid);
        work()
    }

    fn wait(&self, uid: u32) -> Turn<'_> {
        let mut queue = self.queue.lock();
        let ticket = queue.next_ticket;
        queue.next_ticket = queue.next_ticket.wrapping_add(1);
        queue.waiting.entry(uid).or_default().push_back(ticket);
        queue.call(self.width);
        while !queue.called.remove(&ticket) {
            self.admitted.wait(&mut queue);
        }
        Turn(self)
    }
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, |count| count.get())
}

impl Queue {
    /// Calls as many as there is room for: one of each uid in turn, each uid's in their order.
    fn call(&mut self, width: usize) {
        while self.inside < width {
            let after_last = (Bound::Excluded(self.last_uid), Bound::Unbounded);
            let next = self.waiting.range(after_last).next();
            let Some((&uid, _)) = next.or_else(|| self.waiting.iter().next()) else {
                return;
            };
            let Some(tickets) = self.waiting.get_mut(&uid) else {
                return;
            };
            let ticket = tickets.pop_front();
            if tickets.is_empty() {
                self.waiting.remove(&uid);
            }
            self.last_uid = uid;
            if let Some(ticket) = ticket {
                self.called.insert(ticket);
                self.inside += 1;
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue.lock();
        queue.inside = queue.inside.saturating_sub(1);
        queue.call(self.0.width);
        drop(queue);
        self.0.admitted.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_with_many_waiting_does_not_keep_another_out() {
        let mut queue = Queue::default();
        queue.waiting.insert(1, VecDeque::from([10, 11, 12]));
        queue.waiting.insert(2, VecDeque::from([20]));
        queue.call(2);
        assert!(queue.called.contains(&10));
        assert!(queue.called.contains(&20));
    }

    #[test]
    fn the_last_uid_there_is_does_not_keep_the_others_out() {
        let mut queue = Queue::default();
        queue.waiting.insert(u32::MAX, VecDeque::from([10, 11]));
        queue.call(1);
        queue.waiting.insert(1, VecDeque::from([20]));
        queue.call(2);
        assert!(queue.called.contains(&10));
        assert!(queue.called.contains(&20));
    }

    #[test]
    fn no_more_work_at_a_time_than_the_width_and_all_of_it_is_done() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let turns = Turns::new(2);
        let (inside, most, done) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        thread::scope(|scope| {
            for uid in 0..16 {
                let (turns, inside, most, done) = (&turns, &inside, &most, &done);
                scope.spawn(move || {
                    turns.run(uid % 3, || {
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        done.fetch_add(1, Ordering::SeqCst);
                    });
                });
            }
        });
        assert!(most.into_inner() <= 2);
        assert_eq!(done.into_inner(), 16);
    }
}

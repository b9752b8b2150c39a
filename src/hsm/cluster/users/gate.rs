//! Before the slow part of every password: a bounded number at a time, in turn by uid, and later
//! and later for a uid that brings wrong ones.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

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
    queue: Mutex<Queue>,
    admitted: Condvar,
    /// How many may be behind it at a time.
    width: usize,
    failures: Mutex<HashMap<u32, (u32, Instant)>>,
}

#[derive(Default)]
struct Queue {
    inside: usize,
    next_ticket: u64,
    waiting: BTreeMap<u32, VecDeque<u64>>,
    called: HashSet<u64>,
    last_uid: u32,
}

/// A place behind the gate.
struct Pass<'a>(&'a Gate);

impl Gate {
    /// Half of the processors, and 19 MiB for each: the other half goes on with keys.
    pub(crate) fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, |count| count.get());
        Self {
            queue: Mutex::default(),
            admitted: Condvar::new(),
            width: (processors / 2).max(1),
            failures: Mutex::default(),
        }
    }

    /// Does `work` when it is the turn of `uid`.
    pub(crate) fn run<T>(&self, uid: u32, work: impl FnOnce() -> T) -> T {
        thread::sleep(self.delay(uid));
        let _pass = self.enter(uid);
        work()
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

    fn enter(&self, uid: u32) -> Pass<'_> {
        let mut queue = self.queue.lock();
        let ticket = queue.next_ticket;
        queue.next_ticket = queue.next_ticket.wrapping_add(1);
        queue.waiting.entry(uid).or_default().push_back(ticket);
        queue.call(self.width);
        while !queue.called.remove(&ticket) {
            self.admitted.wait(&mut queue);
        }
        Pass(self)
    }
}

impl Queue {
    /// Calls as many as there is room for: one of each uid in turn, each uid's in their order.
    fn call(&mut self, width: usize) {
        while self.inside < width {
            let next = self.waiting.range(self.last_uid.saturating_add(1)..).next();
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

impl Drop for Pass<'_> {
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
    fn three_wrong_passwords_are_free_and_the_next_ones_cost_time() {
        let gate = Gate::new();
        (0..3).for_each(|_| gate.failed(7));
        assert_eq!(gate.delay(7), Duration::ZERO);
        (0..2).for_each(|_| gate.failed(7));
        assert_eq!(gate.delay(7), FIRST_DELAY * 2);
        (0..50).for_each(|_| gate.failed(7));
        assert_eq!(gate.delay(7), LONGEST_DELAY);
    }

    #[test]
    fn a_right_password_ends_the_delay() {
        let gate = Gate::new();
        (0..9).for_each(|_| gate.failed(7));
        gate.succeeded(7);
        assert_eq!(gate.delay(7), Duration::ZERO);
    }
}

//! Threads that serve connections, each its own: a use of a key is answered where its request was
//! read, since to wake another thread costs as much as the HSM does.

use std::{
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use tokio::{runtime, sync::oneshot};

/// How long an answer may hold its lane before the others stop answering so. An HSM that does not
/// answer then holds those lanes that asked it already, and no more.
const PATIENCE_US: u64 = 20_000;

/// The lanes of a server. The first one is never held: it takes what comes while all others are.
pub(crate) struct Lanes {
    lanes: Vec<Arc<Lane>>,
}

/// One thread, and the connections that it serves.
pub(crate) struct Lane {
    runtime: runtime::Handle,
    connections: AtomicUsize,
    born: Instant,
    /// Microseconds after its birth at which the answer that holds the lane began; 0: none does.
    held_since: AtomicU64,
    /// Dropped with the lane: its thread ends.
    _end: oneshot::Sender<()>,
}

impl Lanes {
    /// Starts the lane that is never held, and `count` others.
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let lanes = (0..=count).map(|_| Lane::start().map(Arc::new));
        Ok(Self {
            lanes: lanes.collect::<io::Result<_>>()?,
        })
    }

    /// The lane for a new connection: the one with the fewest that is not held for long.
    pub(crate) fn choose(&self) -> Option<Arc<Lane>> {
        let (quiet, others) = self.lanes.split_first()?;
        let free = others.iter().filter(|lane| !lane.is_stuck());
        let chosen = free.min_by_key(|lane| lane.connections.load(Ordering::Relaxed));
        Some(chosen.unwrap_or(quiet).clone())
    }

    /// Whether an answer may hold `lane` now.
    pub(crate) fn may_hold(&self, lane: &Arc<Lane>) -> bool {
        let quiet = self.lanes.first();
        quiet.is_some_and(|quiet| !Arc::ptr_eq(quiet, lane))
            && !self.lanes.iter().any(|lane| lane.is_stuck())
    }
}

impl Lane {
    fn start() -> io::Result<Self> {
        let (end, ended) = oneshot::channel();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        thread::Builder::new()
            .name("kmsd-lane".into())
            .spawn(move || {
                // The sender is never used, only dropped.
                let _ = runtime.block_on(ended);
                runtime.shutdown_background();
            })?;
        Ok(Self {
            runtime: handle,
            connections: AtomicUsize::new(0),
            born: Instant::now(),
            held_since: AtomicU64::new(0),
            _end: end,
        })
    }

    /// Serves a connection on this lane.
    pub(crate) fn serve(self: Arc<Self>, connection: impl Future<Output = ()> + Send + 'static) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        let runtime = self.runtime.clone();
        runtime.spawn(async move {
            connection.await;
            self.connections.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// Answers on the thread of the lane, whose other connections wait as long.
    pub(crate) fn hold<T>(&self, answer: impl FnOnce() -> T) -> T {
        self.held_since.store(self.age().max(1), Ordering::Relaxed);
        let _held = Held(&self.held_since);
        answer()
    }

    fn is_stuck(&self) -> bool {
        let since = self.held_since.load(Ordering::Relaxed);
        since != 0 && self.age().saturating_sub(since) > PATIENCE_US
    }

    fn age(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Lets a lane go also when the answer panics: else no lane would ever be held again.
struct Held<'a>(&'a AtomicU64);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_a_lane_is_held_for_long_no_other_is_held_and_new_connections_avoid_it() {
        let lanes = Lanes::start(1).unwrap();
        let [quiet, lane] = &lanes.lanes[..] else {
            panic!("two lanes");
        };
        assert!(lanes.may_hold(lane) && !lanes.may_hold(quiet));
        assert!(Arc::ptr_eq(&lanes.choose().unwrap(), lane));
        thread::sleep(std::time::Duration::from_micros(2 * PATIENCE_US));
        lane.held_since.store(1, Ordering::Relaxed);
        assert!(!lanes.may_hold(lane));
        assert!(Arc::ptr_eq(&lanes.choose().unwrap(), quiet));
    }

    #[test]
    fn an_answer_that_panics_lets_its_lane_go() {
        let lane = Lane::start().unwrap();
        let answer = std::panic::AssertUnwindSafe(|| lane.hold(|| panic!("on purpose")));
        assert!(std::panic::catch_unwind(answer).is_err());
        assert_eq!(lane.held_since.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn connections_are_spread_over_the_lanes() {
        let lanes = Lanes::start(2).unwrap();
        let chosen: Vec<_> = (0..2)
            .map(|_| {
                let lane = lanes.choose().unwrap();
                lane.clone().serve(std::future::pending());
                lane
            })
            .collect();
        assert!(!Arc::ptr_eq(&chosen[0], &chosen[1]));
    }
}

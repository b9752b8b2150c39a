//! Connections that wait for a verb. A thread finds the one that it used last, without waiting for
//! other threads.

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;

use super::connection::Connection;

const SHARDS: usize = 16;
/// Waiting connections that a shard keeps; more are closed.
const KEPT: usize = 8;

/// Stacks of waiting connections; each thread has a favourite one.
#[derive(Default)]
#[expect(
    clippy::vec_box,
    reason = "a connection is handed to and fro all the time, and is some hundred bytes"
)]
pub(super) struct Pool([Mutex<Vec<Box<Connection>>>; SHARDS]);

impl Pool {
    /// A connection, if one waits.
    pub(super) fn take(&self) -> Option<Box<Connection>> {
        let first = favourite();
        let (before, from) = self.0.split_at_checked(first)?;
        from.iter()
            .chain(before)
            .find_map(|shard| shard.lock().pop())
    }

    /// Gives a connection back.
    pub(super) fn put(&self, connection: Box<Connection>) {
        let Some(shard) = self.0.get(favourite()) else {
            return;
        };
        let mut waiting = shard.lock();
        if waiting.len() < KEPT {
            waiting.push(connection);
        }
    }

    /// Closes all that wait.
    pub(super) fn clear(&self) {
        for shard in &self.0 {
            let closed = std::mem::take(&mut *shard.lock());
            drop(closed);
        }
    }
}

/// The shard that this thread begins with.
fn favourite() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<Option<usize>> = const { Cell::new(None) };
    }
    // A thread that is ending has no favourite any more, and takes the first.
    let chosen = MINE.try_with(|mine| {
        let chosen = mine
            .get()
            .unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        mine.set(Some(chosen));
        chosen
    });
    chosen.unwrap_or(0)
}

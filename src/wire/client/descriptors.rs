//! The descriptors of a client's connections, in a table that a forked child can walk without a
//! lock: another thread may have held any lock at the moment of the fork.

use std::{
    os::fd::RawFd,
    sync::atomic::{AtomicI32, Ordering},
};

use token::limits;

use crate::system;

const FREE: RawFd = -1;

/// As many places as hsmd grants connections to a user.
pub(super) struct Descriptors(Vec<AtomicI32>);

impl Descriptors {
    pub(super) fn new() -> Self {
        Self(
            (0..limits::CONNECTIONS)
                .map(|_| AtomicI32::new(FREE))
                .collect(),
        )
    }

    /// Notes a descriptor that was opened. Answers false when there is no place left.
    pub(super) fn add(&self, descriptor: RawFd) -> bool {
        self.replace(FREE, descriptor)
    }

    /// Forgets a descriptor that is about to be closed.
    pub(super) fn remove(&self, descriptor: RawFd) {
        self.replace(descriptor, FREE);
    }

    /// Closes all that are noted. Only in a forked child, where no connection is used any more.
    pub(super) fn close_all(&self) {
        for place in &self.0 {
            let descriptor = place.swap(FREE, Ordering::Relaxed);
            if descriptor != FREE {
                system::close_inherited(descriptor);
            }
        }
    }

    fn replace(&self, from: RawFd, to: RawFd) -> bool {
        let exchange = |place: &AtomicI32| {
            place
                .compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        };
        self.0.iter().any(exchange)
    }
}

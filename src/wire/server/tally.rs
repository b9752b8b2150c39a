//! What each user holds of the server: connections, applications, memory. What is over a limit is
//! refused to that user alone.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use token::{Error, Reason, Result, limits};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Connections,
    Applications,
    Bytes,
    Slots,
}

/// Counts for each user.
#[derive(Default)]
pub(super) struct Tally(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    users: HashMap<u32, Holding>,
    connections: usize,
}

#[derive(Default, PartialEq)]
struct Holding {
    connections: usize,
    applications: usize,
    bytes: usize,
    slots: usize,
}

impl Holding {
    fn of(&mut self, what: What) -> &mut usize {
        match what {
            What::Connections => &mut self.connections,
            What::Applications => &mut self.applications,
            What::Bytes => &mut self.bytes,
            What::Slots => &mut self.slots,
        }
    }
}

impl What {
    fn limit(self) -> usize {
        match self {
            What::Connections => limits::CONNECTIONS,
            What::Applications => limits::APPLICATIONS,
            What::Bytes => limits::MEMORY_BYTES,
            What::Slots => limits::MEMORY_SLOTS,
        }
    }

    fn refusal(self, uid: u32) -> Error {
        let (reason, what) = match self {
            What::Connections => (Reason::LimitExceeded, "connections to hsmd"),
            What::Applications => (Reason::LimitExceeded, "applications of hsmd"),
            What::Bytes => (Reason::DeviceMemory, "bytes in messages to hsmd"),
            What::Slots => (Reason::LimitExceeded, "slots of shared memory"),
        };
        Error::new(
            reason,
            format!("uid {uid} may have {} {what}", self.limit()),
        )
    }
}

impl Tally {
    /// Counts `count` more for `uid`, until the answer is dropped.
    pub(super) fn take(self: &Arc<Self>, uid: u32, what: What, count: usize) -> Result<Held> {
        let mut counts = self.0.lock();
        if what == What::Connections && counts.connections >= limits::CONNECTIONS_OF_ALL {
            return Err(Error::new(
                Reason::LimitExceeded,
                "too many connections of all users",
            ));
        }
        let held = counts.users.entry(uid).or_default().of(what);
        match held.checked_add(count) {
            Some(sum) if sum <= what.limit() => *held = sum,
            _ => return Err(what.refusal(uid)),
        }
        if what == What::Connections {
            counts.connections += count;
        }
        Ok(Held {
            tally: Arc::clone(self),
            uid,
            what,
            count,
        })
    }

    /// How many connections there are.
    pub(super) fn connections(&self) -> usize {
        self.0.lock().connections
    }
}

/// Something counted; no longer when it is dropped.
pub(super) struct Held {
    tally: Arc<Tally>,
    uid: u32,
    what: What,
    count: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut counts = self.tally.0.lock();
        if self.what == What::Connections {
            counts.connections -= self.count;
        }
        if let Some(holding) = counts.users.get_mut(&self.uid) {
            *holding.of(self.what) -= self.count;
            if *holding == Holding::default() {
                counts.users.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_at_its_limit_is_not_in_the_way_of_another() {
        let tally = Arc::new(Tally::default());
        let held = tally
            .take(1, What::Bytes, limits::MEMORY_BYTES)
            .ok()
            .unwrap();
        assert!(tally.take(1, What::Bytes, 1).is_err());
        assert!(tally.take(2, What::Bytes, 1).is_ok());
        drop(held);
        assert!(tally.take(1, What::Bytes, 1).is_ok());
    }

    #[test]
    fn nobody_is_remembered_who_holds_nothing() {
        let tally = Arc::new(Tally::default());
        drop(tally.take(1, What::Connections, 1));
        assert!(tally.0.lock().users.is_empty());
    }
}

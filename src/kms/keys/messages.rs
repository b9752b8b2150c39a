//! How many messages a key has encrypted under AES-GCM with random 96-bit IVs. SP 800-38D §8.3
//! allows 2^32: the count is reserved in the records ahead of use, so that no crash forgets any.

use std::{collections::HashMap, sync::Arc};

use aws::Result;
use parking_lot::{Mutex, RwLock};

use super::KeyId;
use crate::{
    limits::{GCM_MESSAGES, GCM_RESERVATION},
    records::{Records, at, keyspace},
};

/// The counts of all keys.
pub(crate) struct MessageCount {
    records: Arc<Records>,
    /// What is left of each key's reservation.
    left: RwLock<HashMap<KeyId, Arc<Mutex<u64>>>>,
}

impl MessageCount {
    pub(crate) fn new(records: Arc<Records>) -> Self {
        Self {
            records,
            left: RwLock::default(),
        }
    }

    /// Counts one message of `key`; `false` when the key must not encrypt any more.
    pub(crate) fn count(&self, key: KeyId) -> Result<bool> {
        let known = self.left.read().get(&key).cloned();
        let left = known.unwrap_or_else(|| Arc::clone(self.left.write().entry(key).or_default()));
        let mut left = left.lock();
        if *left == 0 {
            let name = self::key(key);
            let reserved = self.records.read::<u64>(&name)?.unwrap_or(0);
            let next = reserved.saturating_add(GCM_RESERVATION);
            if next > GCM_MESSAGES {
                return Ok(false);
            }
            self.records.change().put(name, &next).commit()?;
            *left = GCM_RESERVATION;
        }
        *left -= 1;
        Ok(true)
    }
}

/// Where the reservations of a key stand.
pub(super) fn key(id: KeyId) -> Vec<u8> {
    at(keyspace::MESSAGES, &[id.bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Arc<Records> {
        let store = store::memory::MemoryStore::new();
        Arc::new(Records::new(store, &crypto::Secret::random(32).unwrap()))
    }

    #[test]
    fn a_restart_goes_on_after_everything_that_was_reserved() {
        let (records, id) = (records(), KeyId::random().unwrap());
        assert!(MessageCount::new(Arc::clone(&records)).count(id).unwrap());
        assert!(MessageCount::new(Arc::clone(&records)).count(id).unwrap());
        assert_eq!(
            records.read::<u64>(&key(id)).unwrap(),
            Some(2 * GCM_RESERVATION)
        );
    }

    #[test]
    fn a_key_stops_before_its_messages_are_too_many() {
        let (records, id) = (records(), KeyId::random().unwrap());
        let almost = GCM_MESSAGES - GCM_RESERVATION;
        records.change().put(key(id), &almost).commit().unwrap();
        let count = MessageCount::new(records);
        for _ in 0..GCM_RESERVATION {
            assert!(count.count(id).unwrap());
        }
        assert!(!count.count(id).unwrap());
    }
}

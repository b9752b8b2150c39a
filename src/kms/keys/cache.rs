//! What was read once is not read again: a map in shards in front of the records. Uses share a
//! shard's values; changes to it wait for one another, from reading the record to its commit.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
};

use aws::Result;
use parking_lot::{Mutex, RwLock};

const SHARDS: usize = 64;

/// A map from names to what the records say of them.
pub(crate) struct Cache<K, V> {
    shards: Vec<Shard<K, V>>,
    hasher: RandomState,
}

/// A part of the map.
pub(crate) struct Shard<K, V> {
    changes: Mutex<()>,
    values: RwLock<HashMap<K, V>>,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    pub(crate) fn new() -> Self {
        let shard = || Shard {
            changes: Mutex::default(),
            values: RwLock::default(),
        };
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The value of `key`: as it is known, or as `read` finds it.
    pub(crate) fn find(
        &self,
        key: &K,
        read: impl FnOnce() -> Result<Option<V>>,
    ) -> Result<Option<V>> {
        let Some(shard) = self.shard(key) else {
            return read();
        };
        if let Some(value) = shard.values.read().get(key) {
            return Ok(Some(value.clone()));
        }
        // A change that is being committed must not be overtaken by what stood there before.
        let _changes = shard.changes.lock();
        let value = read()?;
        if let Some(value) = &value {
            shard.values.write().insert(key.clone(), value.clone());
        }
        Ok(value)
    }

    /// Does `work`, which commits a change to `key` and answers what it is afterwards. No other
    /// change to `key` happens meanwhile.
    pub(crate) fn change(
        &self,
        key: &K,
        work: impl FnOnce() -> Result<Option<V>>,
    ) -> Result<Option<V>> {
        let Some(shard) = self.shard(key) else {
            return work();
        };
        let _changes = shard.changes.lock();
        let value = work();
        let mut values = shard.values.write();
        match &value {
            Ok(Some(value)) => values.insert(key.clone(), value.clone()),
            // After a failed commit nobody knows: the next one reads it.
            Ok(None) | Err(_) => values.remove(key),
        };
        drop(values);
        value
    }

    fn shard(&self, key: &K) -> Option<&Shard<K, V>> {
        let hash = self.hasher.hash_one(key);
        self.shards
            .get(usize::try_from(hash % SHARDS as u64).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_once_and_a_change_is_seen() {
        let cache = Cache::new();
        assert_eq!(cache.find(&1, || Ok(Some('a'))).unwrap(), Some('a'));
        assert_eq!(cache.find(&1, || unreachable!()).unwrap(), Some('a'));
        cache.change(&1, || Ok(Some('b'))).unwrap();
        assert_eq!(cache.find(&1, || unreachable!()).unwrap(), Some('b'));
    }

    #[test]
    fn after_a_failed_change_the_record_is_read_again() {
        let cache = Cache::new();
        cache.find(&1, || Ok(Some('a'))).unwrap();
        cache
            .change(&1, || Err(crate::errors::internal("disk")))
            .unwrap_err();
        assert_eq!(cache.find(&1, || Ok(Some('c'))).unwrap(), Some('c'));
    }

    #[test]
    fn what_is_not_there_is_looked_for_again() {
        let cache = Cache::new();
        assert_eq!(cache.find(&1, || Ok(None::<char>)).unwrap(), None);
        assert_eq!(cache.find(&1, || Ok(Some('a'))).unwrap(), Some('a'));
    }
}

//! A map from numbers to shared values, in shards: who reads one never waits for who changes
//! another (but by chance), and nobody holds a lock while using a value.

use std::{
    collections::{HashMap, hash_map},
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;
use token::{Error, Reason, Result};

use crate::tally::Tally;

const SHARDS: usize = 16;
/// So many numbers in a row lie in one shard: a thread takes as many at once for its objects.
pub(crate) const NEIGHBOURS: u64 = 256;

/// A lock in cache lines of its own: two threads with objects in neighbouring shards would take turns
/// at one line.
#[repr(align(128))]
struct Shard<V> {
    entries: RwLock<Entries<V>>,
    /// How many of its values have been taken out or replaced.
    changes: AtomicU64,
}

type Entries<V> = HashMap<u64, Arc<V>, BuildHasherDefault<Spread>>;

/// Spreads numbers that mostly count up. Who could choose them all has a bound on how many, so
/// nothing stronger is needed.
#[derive(Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u64(&mut self, number: u64) {
        // 2^64 divided by the golden ratio: neighbours come far apart, in the high bits too.
        self.0 = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 ^= self.0 >> 32;
    }
}

/// Session objects by their handles.
pub(crate) struct Table<V> {
    first: Shard<V>,
    others: [Shard<V>; SHARDS - 1],
    /// How many there are in all tables that count together.
    count: Arc<Tally>,
}

impl<V> Table<V> {
    /// An empty one, which counts in `count`.
    pub(crate) fn counted_in(count: Arc<Tally>) -> Self {
        Self {
            first: Shard::default(),
            others: std::array::from_fn(|_| Shard::default()),
            count,
        }
    }

    pub(crate) fn get(&self, number: u64) -> Option<Arc<V>> {
        self.shard(number).entries.read().get(&number).cloned()
    }

    /// A number that is another one once the value under `number` has been taken out or replaced;
    /// it may change for a neighbour, too. Nothing that others read is written.
    pub(crate) fn changes(&self, number: u64) -> u64 {
        self.shard(number).changes.load(Ordering::Acquire)
    }

    /// Puts `value` under `number`, where nothing is.
    pub(crate) fn insert(&self, number: u64, value: V) -> Result<()> {
        let value = Arc::new(value);
        let mut entries = self.shard(number).entries.write();
        let hash_map::Entry::Vacant(place) = entries.entry(number) else {
            let words = "the number of a new object is another one's";
            return Err(Error::new(Reason::Internal, words));
        };
        place.insert(value);
        // Before the guard goes: nobody takes out what is not counted yet.
        self.count.add(1);
        Ok(())
    }

    pub(crate) fn remove(&self, number: u64) -> Option<Arc<V>> {
        self.remove_if(number, |_| Ok(())).ok().flatten()
    }

    /// The same, unless `may_go` refuses; nobody changes the value meanwhile.
    pub(crate) fn remove_if(
        &self,
        number: u64,
        may_go: impl FnOnce(&V) -> Result<()>,
    ) -> Result<Option<Arc<V>>> {
        let shard = self.shard(number);
        let mut entries = shard.entries.write();
        let hash_map::Entry::Occupied(entry) = entries.entry(number) else {
            return Ok(None);
        };
        may_go(entry.get())?;
        let removed = entry.remove();
        drop(entries);
        shard.changes.fetch_add(1, Ordering::Release);
        self.count.sub(1);
        Ok(Some(removed))
    }

    /// Puts what `change` makes of the value under `number` in its place; nobody changes it
    /// meanwhile.
    pub(crate) fn replace(
        &self,
        number: u64,
        change: impl FnOnce(Option<&V>) -> Result<V>,
    ) -> Result<()> {
        let shard = self.shard(number);
        let mut entries = shard.entries.write();
        let value = change(entries.get(&number).map(|value| &**value))?;
        let before = entries.insert(number, Arc::new(value));
        if before.is_some() {
            shard.changes.fetch_add(1, Ordering::Release);
        } else {
            self.count.add(1);
        }
        Ok(())
    }

    /// Everything in it that is `wanted`, in the order of the numbers.
    pub(crate) fn all(&self, wanted: impl Fn(&V) -> bool) -> Vec<(u64, Arc<V>)> {
        let mut found = Vec::new();
        for shard in std::iter::once(&self.first).chain(&self.others) {
            let shard = shard.entries.read();
            let entries = shard.iter().filter(|(_, value)| wanted(value));
            found.extend(entries.map(|(number, value)| (*number, value.clone())));
        }
        found.sort_unstable_by_key(|(number, _)| *number);
        found
    }

    fn shard(&self, number: u64) -> &Shard<V> {
        let position = usize::try_from(number / NEIGHBOURS % SHARDS as u64).unwrap_or_default();
        position
            .checked_sub(1)
            .and_then(|other| self.others.get(other))
            .unwrap_or(&self.first)
    }
}

impl<V> Drop for Table<V> {
    fn drop(&mut self) {
        let left: usize = std::iter::once(&self.first)
            .chain(&self.others)
            .map(|shard| shard.entries.read().len())
            .sum();
        self.count.sub(left);
    }
}

impl<V> Default for Shard<V> {
    fn default() -> Self {
        Self {
            entries: RwLock::default(),
            changes: AtomicU64::new(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted() -> Arc<Tally> {
        Arc::new(Tally::in_blocks_of(8))
    }

    #[test]
    fn every_number_has_its_own_place() {
        let count = counted();
        let table = Table::counted_in(Arc::clone(&count));
        for number in (0..10_000).step_by(100) {
            table.insert(number, number * 2).unwrap();
        }
        assert_eq!(count.in_use(), 100);
        let all = (0..10_000).step_by(100);
        assert!(
            all.into_iter()
                .all(|number| table.get(number).as_deref() == Some(&(number * 2)))
        );
        assert_eq!(table.remove(400).as_deref(), Some(&800));
        assert!(table.get(400).is_none() && table.remove(400).is_none());
        assert_eq!(table.all(|value| *value > 19_000).len(), 4);
        assert_eq!(count.in_use(), 99);
    }

    #[test]
    fn what_is_there_is_not_replaced_by_something_new() {
        let count = counted();
        let table = Table::counted_in(Arc::clone(&count));
        table.insert(7, 1).unwrap();
        let refused = table.insert(7, 2).map_err(|error| error.reason);
        assert_eq!(refused, Err(Reason::Internal));
        assert_eq!(table.get(7).as_deref(), Some(&1));
        assert_eq!((count.in_use(), table.changes(7)), (1, 0));
    }

    #[test]
    fn what_may_not_go_stays() {
        let count = counted();
        let table = Table::counted_in(Arc::clone(&count));
        table.insert(7, 1).unwrap();
        let kept = table.remove_if(7, |_| Err(Reason::ActionProhibited.into()));
        assert!(kept.is_err() && table.get(7).is_some());
        assert_eq!((count.in_use(), table.changes(7)), (1, 0));
        let removed = table.remove_if(7, |_| Ok(())).unwrap();
        assert_eq!((removed.as_deref(), count.in_use()), (Some(&1), 0));
    }

    #[test]
    fn what_is_taken_out_or_replaced_is_counted_and_what_is_new_is_not() {
        let table = Table::counted_in(counted());
        table.insert(7, 1).unwrap();
        let new = table.changes(7);
        table.replace(7, |_| Ok(2)).unwrap();
        let replaced = table.changes(7);
        table.remove(7);
        let removed = table.changes(7);
        table.remove(7);
        assert_eq!([new, replaced, removed, table.changes(7)], [0, 1, 2, 2]);
    }
}

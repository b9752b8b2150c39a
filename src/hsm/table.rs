//! A map from numbers to shared values, in shards: who reads one never waits for who changes
//! another (but by chance), and nobody holds a lock while using a value.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::RwLock;

const SHARDS: usize = 16;

/// A lock in cache lines of its own: sessions of two threads mostly have neighbouring numbers, and
/// would take turns at one line.
#[repr(align(128))]
struct Shard<V>(RwLock<Entries<V>>);

type Entries<V> = HashMap<u64, Arc<V>, BuildHasherDefault<Spread>>;

/// Spreads numbers that mostly count up. Who could choose them all has a bound on how many, so
/// nothing stronger is needed.
#[derive(Default)]
struct Spread(u64);

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

/// Sessions or session objects by their handles.
pub(crate) struct Table<V> {
    first: Shard<V>,
    others: [Shard<V>; SHARDS - 1],
    len: AtomicUsize,
}

impl<V> Table<V> {
    pub(crate) fn get(&self, number: u64) -> Option<Arc<V>> {
        self.shard(number).0.read().get(&number).cloned()
    }

    /// Puts `value` under `number`, over what was there.
    pub(crate) fn insert(&self, number: u64, value: V) {
        if self
            .shard(number)
            .0
            .write()
            .insert(number, Arc::new(value))
            .is_none()
        {
            self.len.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn remove(&self, number: u64) -> Option<Arc<V>> {
        let removed = self.shard(number).0.write().remove(&number);
        if removed.is_some() {
            self.len.fetch_sub(1, Ordering::Relaxed);
        }
        removed
    }

    /// Puts what `change` makes of the value under `number` in its place; nobody changes it
    /// meanwhile.
    pub(crate) fn replace<E>(
        &self,
        number: u64,
        change: impl FnOnce(Option<&V>) -> Result<V, E>,
    ) -> Result<(), E> {
        let mut shard = self.shard(number).0.write();
        let value = change(shard.get(&number).map(|value| &**value))?;
        if shard.insert(number, Arc::new(value)).is_none() {
            self.len.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Everything in it that is `wanted`, in the order of the numbers.
    pub(crate) fn all(&self, wanted: impl Fn(&V) -> bool) -> Vec<(u64, Arc<V>)> {
        let mut found = Vec::new();
        for shard in std::iter::once(&self.first).chain(&self.others) {
            let shard = shard.0.read();
            let entries = shard.iter().filter(|(_, value)| wanted(value));
            found.extend(entries.map(|(number, value)| (*number, value.clone())));
        }
        found.sort_unstable_by_key(|(number, _)| *number);
        found
    }

    fn shard(&self, number: u64) -> &Shard<V> {
        let position = usize::try_from(number % SHARDS as u64).unwrap_or_default();
        position
            .checked_sub(1)
            .and_then(|other| self.others.get(other))
            .unwrap_or(&self.first)
    }
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self {
            first: Shard(RwLock::default()),
            others: std::array::from_fn(|_| Shard(RwLock::default())),
            len: AtomicUsize::new(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_own_place() {
        let table = Table::default();
        for number in 0..100 {
            table.insert(number, number * 2);
        }
        assert_eq!(table.len(), 100);
        assert!((0..100).all(|number| table.get(number).as_deref() == Some(&(number * 2))));
        assert_eq!(table.remove(40).as_deref(), Some(&80));
        assert!(table.get(40).is_none() && table.remove(40).is_none());
        assert_eq!(table.all(|value| *value > 190).len(), 4);
    }
}

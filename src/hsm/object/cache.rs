//! A bounded cache of values under numbers that many threads read at once. It never answers what
//! was loaded before a change and put in after it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;

const SHARDS: usize = 16;

/// At most a fixed number of values, in shards that do not wait for each other.
pub(crate) struct Cache<V> {
    shards: [Shard<V>; SHARDS],
    entries_per_shard: usize,
}

/// A shard has cache lines of its own: its neighbour's lock is another thread's.
#[repr(align(128))]
struct Shard<V> {
    entries: RwLock<HashMap<u64, Entry<V>>>,
    /// Counts what was forgotten: a load that began before is not kept.
    forgotten: AtomicU64,
}

struct Entry<V> {
    value: Arc<V>,
    /// Whether it was asked for since the last sweep.
    used: AtomicBool,
}

impl<V> Cache<V> {
    /// An empty cache for about `entries` values.
    pub(crate) fn new(entries: usize) -> Self {
        let shard = || Shard {
            entries: RwLock::default(),
            forgotten: AtomicU64::new(0),
        };
        Self {
            shards: std::array::from_fn(|_| shard()),
            entries_per_shard: entries.div_ceil(SHARDS),
        }
    }

    /// The value under `number`: the kept one, or else what `load` answers.
    pub(crate) fn get<E>(
        &self,
        number: u64,
        load: impl FnOnce() -> Result<Option<V>, E>,
    ) -> Result<Option<Arc<V>>, E> {
        let shard = self.shard(number);
        let forgotten = self.forgotten(number);
        if let Some(entry) = shard.entries.read().get(&number) {
            // Written only when it changes: readers on many cores share the line.
            if !entry.used.load(Ordering::Relaxed) {
                entry.used.store(true, Ordering::Relaxed);
            }
            return Ok(Some(Arc::clone(&entry.value)));
        }
        let Some(value) = load()?.map(Arc::new) else {
            return Ok(None);
        };
        let mut entries = shard.entries.write();
        if self.forgotten(number) == forgotten {
            make_room(&mut entries, self.entries_per_shard);
            let entry = Entry {
                value: Arc::clone(&value),
                used: AtomicBool::new(true),
            };
            entries.insert(number, entry);
        }
        Ok(Some(value))
    }

    /// Forgets the value under `number`, after it was changed or deleted where it came from.
    pub(crate) fn forget(&self, number: u64) {
        let shard = self.shard(number);
        let mut entries = shard.entries.write();
        entries.remove(&number);
        shard.forgotten.fetch_add(1, Ordering::Release);
    }

    /// A number that is another one once the value under `number` has been forgotten; it may change
    /// for a neighbour, too. Nothing that others read is written.
    pub(crate) fn forgotten(&self, number: u64) -> u64 {
        self.shard(number).forgotten.load(Ordering::Acquire)
    }

    fn shard(&self, number: u64) -> &Shard<V> {
        let [first, rest @ ..] = &self.shards;
        let position = usize::try_from(number % SHARDS as u64).unwrap_or_default();
        position
            .checked_sub(1)
            .and_then(|position| rest.get(position))
            .unwrap_or(first)
    }
}

/// Drops what was not asked for since the last time; if that is nothing, drops all.
fn make_room<V>(entries: &mut HashMap<u64, Entry<V>>, limit: usize) {
    if entries.len() < limit {
        return;
    }
    entries.retain(|_, entry| std::mem::take(entry.used.get_mut()));
    if entries.len() >= limit {
        entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn loaded(cache: &Cache<u64>, number: u64, value: u64) -> u64 {
        let answer = cache.get(number, || Ok::<_, Infallible>(Some(value)));
        answer.ok().flatten().map_or(0, |value| *value)
    }

    #[test]
    fn a_value_is_loaded_once() {
        let cache = Cache::new(64);
        assert_eq!([loaded(&cache, 7, 1), loaded(&cache, 7, 2)], [1, 1]);
    }

    #[test]
    fn what_is_not_there_is_asked_for_again() {
        let cache = Cache::new(64);
        assert!(
            cache
                .get(7, || Ok::<_, Infallible>(None))
                .unwrap()
                .is_none()
        );
        assert_eq!(loaded(&cache, 7, 2), 2);
    }

    #[test]
    fn a_value_loaded_before_a_change_is_not_kept_after_it() {
        let cache = Cache::new(64);
        let answer = cache.get(7, || {
            cache.forget(7);
            Ok::<_, Infallible>(Some(1))
        });
        assert_eq!(*answer.unwrap().unwrap(), 1);
        assert_eq!(loaded(&cache, 7, 2), 2);
    }

    #[test]
    fn it_never_holds_more_than_its_limit() {
        let cache = Cache::new(32);
        for number in 0..10_000 {
            loaded(&cache, number, number);
        }
        let held: usize = cache
            .shards
            .iter()
            .map(|shard| shard.entries.read().len())
            .sum();
        assert!(held <= 32, "{held}");
    }
}

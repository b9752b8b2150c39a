//! A bounded cache of values under numbers that many threads read at once. It never answers what
//! was loaded before a change and put in after it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::RwLock;

const SHARDS: usize = 16;

/// At most a fixed number of values, in shards that do not wait for each other.
pub(crate) struct Cache<V> {
    shards: [RwLock<Shard<V>>; SHARDS],
    entries_per_shard: usize,
}

struct Shard<V> {
    entries: HashMap<u64, Entry<V>>,
    /// Counts what was forgotten: a load that began before is not kept.
    forgotten: u64,
}

struct Entry<V> {
    value: Arc<V>,
    /// Whether it was asked for since the last sweep.
    used: AtomicBool,
}

impl<V> Cache<V> {
    /// An empty cache for about `entries` values.
    pub(crate) fn new(entries: usize) -> Self {
        let shard = || {
            RwLock::new(Shard {
                entries: HashMap::new(),
                forgotten: 0,
            })
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
        let forgotten = {
            let shard = self.shard(number).read();
            if let Some(entry) = shard.entries.get(&number) {
                // Written only when it changes: readers on many cores share the line.
                if !entry.used.load(Ordering::Relaxed) {
                    entry.used.store(true, Ordering::Relaxed);
                }
                return Ok(Some(Arc::clone(&entry.value)));
            }
            shard.forgotten
        };
        let Some(value) = load()?.map(Arc::new) else {
            return Ok(None);
        };
        let mut shard = self.shard(number).write();
        if shard.forgotten == forgotten {
            shard.make_room(self.entries_per_shard);
            let entry = Entry {
                value: Arc::clone(&value),
                used: AtomicBool::new(true),
            };
            shard.entries.insert(number, entry);
        }
        Ok(Some(value))
    }

    /// Forgets the value under `number`, after it was changed or deleted where it came from.
    pub(crate) fn forget(&self, number: u64) {
        let mut shard = self.shard(number).write();
        shard.forgotten = shard.forgotten.wrapping_add(1);
        shard.entries.remove(&number);
    }

    fn shard(&self, number: u64) -> &RwLock<Shard<V>> {
        let [first, rest @ ..] = &self.shards;
        let position = usize::try_from(number % SHARDS as u64).unwrap_or_default();
        position
            .checked_sub(1)
            .and_then(|position| rest.get(position))
            .unwrap_or(first)
    }
}

impl<V> Shard<V> {
    /// Drops what was not asked for since the last time; if that is nothing, drops all.
    fn make_room(&mut self, limit: usize) {
        if self.entries.len() < limit {
            return;
        }
        self.entries
            .retain(|_, entry| std::mem::take(entry.used.get_mut()));
        if self.entries.len() >= limit {
            self.entries.clear();
        }
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
            .map(|shard| shard.read().entries.len())
            .sum();
        assert!(held <= 32, "{held}");
    }
}

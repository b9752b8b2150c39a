//! Random bytes that were drawn ahead, for draws of a few bytes (decision 0019). No byte is given
//! out twice, none as it lies here, and no forked child finds any.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::{Error, Result, Secret, locked, native::processor, thread};

/// The most bytes that are taken at once: more cost the library less than their cover.
pub(crate) const TAKEN_MAX: usize = 64;

const WORD: usize = 8;
/// Words in a pool: thirty keys of 256 bits.
const WORDS: usize = 120;
/// Threads beyond as many take turns, and who finds another one there goes to the library.
const POOLS: usize = 16;

/// The pools of all threads. All zeroes are empty pools, and that is what a forked child finds.
pub(crate) struct Pools([Pool; POOLS]);

/// The last of its words that are left have not been given out; the others are zero.
#[repr(align(128))]
struct Pool {
    busy: AtomicBool,
    left: AtomicUsize,
    words: [AtomicU64; WORDS],
}

/// Fills `bytes`, if they can be taken from what was drawn ahead.
pub(crate) fn take(bytes: &mut [u8]) -> Result<bool> {
    // The module's own output is what FIPS 140-3 has keys made of.
    if cfg!(feature = "fips") || bytes.len() > TAKEN_MAX {
        return Ok(false);
    }
    let all = locked::pools(|| processor::random().is_some());
    let pool = all.and_then(|Pools(pools)| pools.get(thread::number() % POOLS));
    pool.map_or(Ok(false), |pool| pool.take(bytes))
}

impl Pool {
    fn take(&self, bytes: &mut [u8]) -> Result<bool> {
        if self.busy.swap(true, Ordering::Acquire) {
            return Ok(false);
        }
        let taken = self.take_alone(bytes, processor::random);
        self.busy.store(false, Ordering::Release);
        taken
    }

    fn take_alone(&self, bytes: &mut [u8], cover: impl Fn() -> Option<u64>) -> Result<bool> {
        let count = bytes.len().div_ceil(WORD);
        if self.left.load(Ordering::Relaxed) < count {
            self.fill()?;
        }
        let left = self.left.load(Ordering::Relaxed);
        let rest = left.checked_sub(count).ok_or(Error::Length)?;
        self.left.store(rest, Ordering::Relaxed);
        let words = self.words.get(rest..left).ok_or(Error::Length)?;
        let covered = give(words, bytes, cover);
        if !covered {
            words
                .iter()
                .for_each(|word| word.store(0, Ordering::Relaxed));
        }
        Ok(covered)
    }

    fn fill(&self) -> Result<()> {
        let drawn = Secret::filled(WORDS * WORD, crate::random::draw)?;
        for (word, bytes) in self.words.iter().zip(drawn.reveal().as_chunks::<WORD>().0) {
            word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
        }
        self.left.store(WORDS, Ordering::Relaxed);
        Ok(())
    }
}

/// Fills `bytes` with the words, each under a fresh cover, and erases these; whether there was one for each.
fn give(words: &[AtomicU64], bytes: &mut [u8], cover: impl Fn() -> Option<u64>) -> bool {
    let mut given = words.iter().map(|word| {
        let drawn = word.load(Ordering::Relaxed);
        word.store(0, Ordering::Relaxed);
        cover().map(|cover| (drawn ^ cover).to_ne_bytes())
    });
    let (whole, part) = bytes.as_chunks_mut::<WORD>();
    for (place, given) in whole.iter_mut().zip(&mut given) {
        let Some(given) = given else {
            return false;
        };
        *place = given;
    }
    // One word is left where the last place is not a whole one.
    match given.next() {
        None => true,
        Some(None) => false,
        Some(Some(given)) => {
            part.iter_mut().zip(given).for_each(|(to, from)| *to = from);
            true
        }
    }
}

#[cfg(test)]
impl Pools {
    /// Fills all of them.
    pub(crate) fn fill(&self) -> Result<()> {
        self.0.iter().try_for_each(Pool::fill)
    }

    /// Whether nothing was ever drawn into them.
    pub(crate) fn are_new(&self) -> bool {
        let mut words = self.0.iter().flat_map(|pool| &pool.words);
        words.all(|word| word.load(Ordering::Relaxed) == 0)
            && self
                .0
                .iter()
                .all(|pool| pool.left.load(Ordering::Relaxed) == 0)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, collections::HashSet};

    use super::*;

    fn pool() -> Pool {
        Pool {
            busy: AtomicBool::new(false),
            left: AtomicUsize::new(0),
            words: [const { AtomicU64::new(0) }; WORDS],
        }
    }

    fn words(pool: &Pool) -> Vec<u64> {
        let words = pool.words.iter();
        words.map(|word| word.load(Ordering::Relaxed)).collect()
    }

    /// Whether this processor can cover what is taken: without that there are no pools.
    fn covers() -> bool {
        processor::random().is_some()
    }

    #[test]
    fn what_was_given_out_is_erased_and_never_lay_here_as_it_went_out() {
        if !covers() {
            return;
        }
        let pool = pool();
        pool.fill().unwrap();
        let before = words(&pool);
        let mut taken = [0; 20];
        assert!(pool.take(&mut taken).unwrap());
        let after = words(&pool);
        assert_eq!(after[..WORDS - 3], before[..WORDS - 3]);
        assert_eq!(after[WORDS - 3..], [0; 3]);
        for (given, lay) in taken.chunks(WORD).zip(&before[WORDS - 3..]) {
            assert_ne!(*given, lay.to_ne_bytes()[..given.len()]);
        }
    }

    #[test]
    fn a_pool_is_filled_anew_and_gives_nothing_twice() {
        let pool = pool();
        let mut seen = HashSet::from([[0; WORD]]);
        for _ in 0..1_000 {
            let mut taken = [0; 3 * WORD];
            // Under no cover, so that it shows what lay here.
            assert!(pool.take_alone(&mut taken, || Some(0)).unwrap());
            for word in taken.as_chunks().0 {
                assert!(seen.insert(*word));
            }
        }
    }

    #[test]
    fn what_the_processor_has_no_cover_for_is_erased_and_not_given_out() {
        let (pool, covers) = (pool(), Cell::new(1));
        pool.fill().unwrap();
        let cover = || {
            covers.set(covers.get() - 1);
            (covers.get() >= 0).then_some(7)
        };
        assert!(!pool.take_alone(&mut [0; 4 * WORD], cover).unwrap());
        let words = words(&pool);
        assert_eq!(words[WORDS - 4..], [0; 4]);
        assert_ne!(words[WORDS - 5], 0);
        assert_eq!(pool.left.load(Ordering::Relaxed), WORDS - 4);
    }

    #[test]
    fn who_finds_another_thread_there_does_not_wait() {
        let pool = pool();
        pool.busy.store(true, Ordering::Relaxed);
        assert!(!pool.take(&mut [0; 8]).unwrap());
    }

    #[test]
    fn many_bytes_are_not_taken_from_a_pool() {
        assert!(!take(&mut [0; TAKEN_MAX + 1]).unwrap());
    }
}

//! The vectors that were made for a user's keys, counted as long as the user is logged in: a key whose
//! material was dropped for others', or copied on the token, goes on where it was.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use crate::mechanism::Nonces;

/// Counts that are kept whether anything was counted or not: as many as there are keys in memory.
const KEPT: usize = 8 * 1024;

/// The counts of a user's keys, by their references.
#[derive(Default)]
pub(crate) struct Counts(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    counts: HashMap<u64, Arc<Nonces>>,
    /// How many were left when those were dropped that had counted nothing.
    left: usize,
}

impl Counts {
    /// The count of the key `reference`: the one that it has, or a new one.
    pub(super) fn of(&self, reference: u64) -> Arc<Nonces> {
        let mut kept = self.0.lock();
        if let Some(nonces) = kept.counts.get(&reference) {
            return nonces.clone();
        }
        let nonces = Arc::new(Nonces::on_token());
        kept.keep(reference, nonces.clone());
        nonces
    }

    /// Has the new key `reference` on the token go on with the count of what it was made of.
    pub(super) fn share(&self, reference: u64, nonces: Arc<Nonces>) {
        nonces.goes_on_token();
        self.0.lock().keep(reference, nonces);
    }

    /// Forgets a key that is not there any more. Operations that have begun go on counting.
    pub(super) fn forget(&self, reference: u64) {
        self.0.lock().counts.remove(&reference);
    }
}

impl Kept {
    fn keep(&mut self, reference: u64, nonces: Arc<Nonces>) {
        if self.counts.len() >= self.left.saturating_mul(2).max(KEPT) {
            // What nobody else has and has counted nothing is as good as a new one.
            let counts = |nonces: &mut Arc<Nonces>| {
                Arc::get_mut(nonces).is_none_or(|alone| alone.has_made_any())
            };
            self.counts.retain(|_, nonces| counts(nonces));
            self.left = self.counts.len();
        }
        self.counts.insert(reference, nonces);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_made_a_vector_goes_on_counting_however_many_others_are_used() {
        let counts = Counts::default();
        counts.of(1).random().unwrap();
        let in_use = counts.of(2);
        for reference in 3..4 * KEPT as u64 {
            counts.of(reference);
        }
        assert!(counts.of(1).has_made_any());
        assert!(Arc::ptr_eq(&counts.of(2), &in_use));
        assert!(counts.0.lock().counts.len() <= KEPT);
    }

    #[test]
    fn a_copy_on_the_token_counts_with_its_original_until_it_is_gone() {
        let counts = Counts::default();
        counts.share(2, counts.of(1));
        assert!(Arc::ptr_eq(&counts.of(1), &counts.of(2)));
        counts.forget(1);
        counts.of(2).random().unwrap();
        assert!(!counts.of(1).has_made_any() && counts.of(2).has_made_any());
    }
}

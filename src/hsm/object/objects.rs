//! What a cluster keeps in memory of its objects: the numbers that were never given to one, and the
//! records that were read.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;
use token::{Error, ObjectHandle, Reason, Result, limits};

use super::{
    Cache, ObjectRecord, index,
    index::{AnyPublic, Scope},
};
use crate::{cluster::Cluster, mechanism::Material, stripe::Stripes, table::NEIGHBOURS};

/// The keys of one crypto user that have been used since its login.
pub(crate) type Materials = Cache<Material>;

/// Objects of a cluster that are kept decoded.
const CACHED_RECORDS: usize = 16 * 1024;
/// Keys of a logged-in user that are kept unsealed.
const CACHED_MATERIALS: usize = 8 * 1024;
/// Key references that are reserved with one commit; what a restart leaves of them is never used.
const RESERVED_REFERENCES: u64 = 256;
/// Bits of a session object's handle that count in one boot; the boot's number stands above.
const SESSION_NUMBER_BITS: u32 = 36;
/// Session objects of one boot at most: a whole number of times [`NEIGHBOURS`].
const SESSION_NUMBERS: u64 = 1 << SESSION_NUMBER_BITS;

/// What a cluster keeps in memory about its objects.
pub(crate) struct Objects {
    boot: u64,
    /// What all unique ids of the cluster begin with.
    id_prefix: [u8; 8],
    /// The first number that no thread has taken for session objects.
    session_numbers: AtomicU64,
    /// What each thread has taken of them and not used.
    taken_numbers: Stripes<Mutex<Range<u64>>>,
    references: Mutex<Range<u64>>,
    pub(super) records: Cache<ObjectRecord>,
    /// Whether any of them is public.
    pub(crate) any_public: AnyPublic,
    /// How many objects nobody owns, at most; none before the first is made in this boot.
    unowned: Mutex<Option<usize>>,
}

impl Objects {
    /// Nothing yet, in the cluster's `boot`th boot; `next_reference` is the first that was never
    /// reserved.
    pub(crate) fn new(boot: u64, next_reference: u64, id_prefix: [u8; 8]) -> Self {
        Self {
            boot,
            id_prefix,
            session_numbers: AtomicU64::new(0),
            taken_numbers: Stripes::new(|_| Mutex::new(0..0)),
            references: Mutex::new(next_reference..next_reference),
            records: Cache::new(CACHED_RECORDS),
            any_public: AnyPublic::default(),
            unowned: Mutex::new(None),
        }
    }

    /// A handle that no session object of the cluster ever had.
    pub(crate) fn session_handle(&self) -> Result<ObjectHandle> {
        let mut taken = self.taken_numbers.mine().lock();
        let number = match taken.next() {
            Some(number) => number,
            None => {
                let first = self.take_session_numbers()?;
                *taken = first + 1..first + NEIGHBOURS;
                first
            }
        };
        let handle = ObjectHandle::SESSION | (self.boot << SESSION_NUMBER_BITS) | number;
        Ok(ObjectHandle(handle))
    }

    /// The first of [`NEIGHBOURS`] numbers that nobody has taken.
    fn take_session_numbers(&self) -> Result<u64> {
        let next = |first| (first < SESSION_NUMBERS).then_some(first + NEIGHBOURS);
        let taken = self
            .session_numbers
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        taken.map_err(|_| {
            let words = "the handles of session objects are used up until the HSM is started again";
            Error::new(Reason::LimitExceeded, words)
        })
    }

    /// `CKA_UNIQUE_ID` of the object with this handle, which no other object has or had: 32
    /// hexadecimal digits. The prefix tells one cluster's objects from another's.
    pub(crate) fn unique_id(&self, handle: ObjectHandle) -> Vec<u8> {
        let digit = |half: u8| half + if half < 10 { b'0' } else { b'a' - 10 };
        let mut digits = Vec::with_capacity(32);
        for half in [self.id_prefix, handle.0.to_be_bytes()] {
            let pairs = half.map(|byte| [digit(byte >> 4), digit(byte & 15)]);
            digits.extend_from_slice(pairs.as_flattened());
        }
        digits
    }

    /// A number that is another one once the token object `reference` has been changed or destroyed.
    pub(crate) fn changes(&self, reference: u64) -> u64 {
        self.records.forgotten(reference)
    }

    /// The smallest reference that no object has.
    pub(crate) fn next_reference(&self) -> u64 {
        self.references.lock().start
    }

    /// A handle that no object of the cluster ever had, for one on the token.
    pub(crate) fn reserve(&self, cluster: &Cluster) -> Result<ObjectHandle> {
        let mut references = self.references.lock();
        if references.is_empty() {
            *references = cluster.reserve_references(RESERVED_REFERENCES)?;
        }
        let reference = references.next().ok_or(Reason::Internal)?;
        Ok(ObjectHandle(reference))
    }

    /// What nobody owns, no user's limit counts: there is one for all of it. They are counted when
    /// the limit seems to be reached, because some may be gone.
    pub(super) fn admit_unowned(&self, cluster: &Cluster, more: usize) -> Result<()> {
        let mut unowned = self.unowned.lock();
        let known = unowned.filter(|known| known + more <= limits::UNOWNED_OBJECTS);
        let count = match known {
            Some(known) => known,
            None => {
                let prefix = index::everything(cluster, Scope::Unowned);
                let keys = cluster.scan_keys(&prefix, None, limits::UNOWNED_OBJECTS)?;
                keys.len()
            }
        };
        if count + more > limits::UNOWNED_OBJECTS {
            let words = format!(
                "at most {} objects are made without a login: log in, or destroy some",
                limits::UNOWNED_OBJECTS
            );
            return Err(Error::new(Reason::DeviceMemory, words));
        }
        *unowned = Some(count + more);
        Ok(())
    }
}

impl Default for Materials {
    fn default() -> Self {
        Cache::new(CACHED_MATERIALS)
    }
}

/// The reference in a unique id ([`Objects::unique_id`]), if it is one. Whether the object has it is
/// to be seen.
pub(super) fn named_by(unique_id: &[u8]) -> Option<u64> {
    let (_, digits) = unique_id.split_first_chunk::<16>()?;
    let digits = std::str::from_utf8(digits).ok()?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handles_of_a_boot_end_and_do_not_begin_again() {
        let objects = Objects::new(5, 1, [0; 8]);
        let last = SESSION_NUMBERS - NEIGHBOURS;
        objects.session_numbers.store(last, Ordering::Relaxed);
        let handles = || objects.session_handle().map(|handle| handle.0);
        let made: Vec<_> = (0..NEIGHBOURS).map_while(|_| handles().ok()).collect();
        let boot = ObjectHandle::SESSION | (5 << SESSION_NUMBER_BITS);
        let expected = (last..SESSION_NUMBERS).map(|number| boot | number);
        assert_eq!(made, expected.collect::<Vec<_>>());
        for _ in 0..2 {
            let refused = handles().map_err(|error| error.reason);
            assert_eq!(refused, Err(Reason::LimitExceeded));
        }
    }
}

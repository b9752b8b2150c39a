//! Bytes under keys, durable before anybody is told so. What the bytes mean is not known here:
//! whoever must keep them secret seals them first.
#![forbid(unsafe_code)]

mod backend;
mod batch;
mod commit_queue;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod crashes;
mod database;
mod error;
pub mod fault;
mod journal;
mod keyspace;
pub mod memory;
mod reserve;
pub mod sled;
mod staging;

pub use batch::{Batch, CommitId, Committed, Condition, Urgency};
pub use error::{Error, Result};
pub use keyspace::Head;

/// The most records in one [`Batch`] (etcd's transactions have about as many).
pub const BATCH_WRITES: usize = 100;
/// The most bytes in one [`Batch`].
pub const BATCH_BYTES: usize = 1024 * 1024;
/// The most bytes in one record, its key included.
pub const RECORD_BYTES: usize = 60 * 1024;
/// The most applications that one [`Batch`] forgets.
pub const BATCH_FORGETS: usize = 16;
/// The most answers that are remembered for one application; it may have as many requests on
/// their way.
pub const ANSWERS_KEPT: usize = 1024;

/// Free bytes below which only [`Urgency::Reserve`] goes on.
pub const NORMAL_BYTES: u64 = 16 << 20;

/// A record: its key and its value.
pub type Record = (Vec<u8>, Vec<u8>);

/// An ordered map from keys to values with atomic, durable, recognisable commits: what a local
/// database and a replicated one have in common. The first byte of a key is its *keyspace*.
pub trait Store: Send + Sync {
    /// The value under `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// At most `limit` records with keys that start with `prefix` and are greater than `after`
    /// (when given), in the order of their keys. Commits that are made meanwhile may be seen in part:
    /// what must be of one moment is asked for one by one, and compared in [`Batch::expect`].
    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Record>>;

    /// How many records a keyspace should have: kept with every commit, so that a record that a
    /// damaged disk lost is noticed.
    fn count(&self, keyspace: u8) -> Result<u64>;

    /// How many records a keyspace has: all of them are read.
    fn found(&self, keyspace: u8) -> Result<u64>;

    /// Applies all of `batch` or nothing, durably. With an `id` that was committed before and is
    /// remembered, does nothing and gives the answer of that time. A commit may be seen by readers a
    /// moment before it is durable.
    fn commit(&self, id: Option<CommitId>, batch: Batch) -> Result<Committed>;

    /// What a commit with this id answered, if it was made and is still remembered.
    fn answered(&self, id: CommitId) -> Result<Option<Vec<u8>>>;

    /// The applications for which answers are remembered. Whoever knows which of them are gone
    /// names those in [`Batch::forget`].
    fn applications(&self) -> Result<Vec<[u8; 16]>>;

    /// How long the log is, and the hash at its end.
    fn log_head(&self) -> Result<Head>;

    /// At most `limit` entries of the log from `first` on: the chain hash *after* each entry, and
    /// the entry. The hash after entry n is SHA-256(hash after n−1 ‖ n as u64 BE ‖ entry), the one
    /// before the first entry 32 zero bytes ([`Head::after`]). Fewer entries than the head tells end
    /// before one that is missing; asked for that one it says [`Error::Damaged`].
    fn log(&self, first: u64, limit: usize) -> Result<Vec<([u8; 32], Vec<u8>)>>;
}

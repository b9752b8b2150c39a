//! The keys of the one tree of a database: the table of docs/storage-format.md, as functions.

use crate::{CommitId, Error, Result};

/// Holds [`FORMAT`]: the version of the table.
pub(crate) const VERSION: &[u8] = b"v";
/// The version that this code reads and writes.
pub(crate) const FORMAT: u8 = 2;
/// Holds the number of the last group of commits that the database has.
pub(crate) const WRITTEN: &[u8] = b"w";
/// Holds the [`Head`] of the log.
pub(crate) const HEAD: &[u8] = b"h";
/// What keys of callers' records start with.
pub(crate) const DATA: &[u8] = b"d";
/// What keys of remembered answers start with.
pub(crate) const ANSWERS: &[u8] = b"c";
/// What keys of log entries start with.
pub(crate) const LOG: &[u8] = b"l";

/// Where a caller's record is.
pub(crate) fn data(key: &[u8]) -> Vec<u8> {
    [DATA, key].concat()
}

/// Where the number of a keyspace's records is.
pub(crate) fn count(keyspace: u8) -> Vec<u8> {
    vec![b'n', keyspace]
}

/// What the keys of an application's remembered answers start with.
pub(crate) fn answers(application: &[u8; 16]) -> Vec<u8> {
    [ANSWERS, application].concat()
}

/// Where the answer of a commit is.
pub(crate) fn answer(id: CommitId) -> Vec<u8> {
    [ANSWERS, &id.application, &id.number.to_be_bytes()].concat()
}

/// Where an entry of the log is.
pub(crate) fn entry(number: u64) -> Vec<u8> {
    [LOG, &number.to_be_bytes()].concat()
}

/// The commit whose answer is at `key`.
pub(crate) fn commit_id(key: &[u8]) -> Result<CommitId> {
    let parts = key
        .strip_prefix(ANSWERS)
        .and_then(<[u8]>::split_first_chunk::<16>);
    let id = parts.and_then(|(application, number)| {
        Some(CommitId {
            application: *application,
            number: number_from(number)?,
        })
    });
    id.ok_or_else(|| Error::Damaged("the key of an answer has a wrong length".into()))
}

/// The number in eight bytes.
pub(crate) fn number_from(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// How long the log is, and the hash at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of entries.
    pub entries: u64,
    /// The chain hash after the last; 32 zero bytes before the first.
    pub hash: [u8; 32],
}

impl Head {
    /// The head of a log without entries.
    pub const EMPTY: Head = Head {
        entries: 0,
        hash: [0; 32],
    };

    /// The head after one more entry.
    pub fn after(self, entry: &[u8]) -> Head {
        let number = self.entries.to_be_bytes();
        Head {
            entries: self.entries.saturating_add(1),
            hash: crypto::hash::sha256(&[&self.hash, &number, entry]),
        }
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        [&self.entries.to_be_bytes()[..], &self.hash].concat()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Head> {
        let parts = bytes.split_first_chunk::<8>();
        let head = parts.and_then(|(entries, hash)| {
            let hash = hash.try_into().ok()?;
            Some(Head {
                entries: u64::from_be_bytes(*entries),
                hash,
            })
        });
        head.ok_or_else(|| Error::Damaged("the head of the log has a wrong length".into()))
    }
}

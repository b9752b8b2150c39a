//! What is stored of a key. Its material is in the HSMs and nowhere else.

use aws::Timestamp;
use serde::{Deserialize, Serialize};

use super::KeyId;
use crate::records::{at, keyspace};

/// A key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeyRecord {
    /// Its key store's id.
    pub(crate) store: String,
    /// When it was made: milliseconds since 1970.
    pub(crate) created_ms: i64,
    /// What its owner says of it.
    pub(crate) description: String,
    /// How far its life has come.
    pub(crate) life: Life,
}

/// How far the life of a key has come. Whether it can be used depends on its store as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Life {
    /// In use.
    Enabled,
    /// Not to be used.
    Disabled,
    /// To be deleted.
    Pending {
        /// When: milliseconds since 1970.
        due_ms: i64,
    },
}

impl KeyRecord {
    /// When it was made.
    pub(crate) fn created(&self) -> Timestamp {
        Timestamp(self.created_ms)
    }
}

/// Where a key's record stands.
pub(crate) fn key(id: KeyId) -> Vec<u8> {
    at(keyspace::KEY, &[id.bytes()])
}

/// Where it is said that a key is one of a store's.
pub(crate) fn member(store: &str, id: KeyId) -> Vec<u8> {
    at(keyspace::MEMBER, &[store.as_bytes(), b"/", id.bytes()])
}

/// What the [`member`]s of a store start with.
pub(crate) fn members(store: &str) -> Vec<u8> {
    at(keyspace::MEMBER, &[store.as_bytes(), b"/"])
}

/// Where it is said that a key is to be deleted: in the order of time.
pub(crate) fn due(due_ms: i64, id: KeyId) -> Vec<u8> {
    at(keyspace::DUE, &[&due_ms.max(0).to_be_bytes(), id.bytes()])
}

//! A token object as a sealed record of its cluster, and what it is worth in memory.

use serde::{Deserialize, Serialize};
use token::AttributeType;

use super::Attributes;

/// The keyspace of object records.
const KEYSPACE: u8 = b'o';

/// `ObjectRecord` of docs/storage-format.md: a token object without its reference, which is the
/// record's key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ObjectRecord {
    /// The number of the crypto user whose object it is; none for a public object that somebody
    /// without a login made.
    pub(crate) owner: Option<u64>,
    /// All attributes but a secret `CKA_VALUE`.
    pub(crate) attributes: Attributes,
    /// A secret `CKA_VALUE`, sealed under the owner's user key.
    #[serde(with = "serde_bytes")]
    pub(crate) sealed: Option<Vec<u8>>,
}

impl ObjectRecord {
    /// Whether who is logged in as `user` sees the object.
    pub(crate) fn is_visible_to(&self, user: Option<u64>) -> bool {
        !self.attributes.flag(AttributeType::PRIVATE)
            || (self.owner.is_some() && self.owner == user)
    }
}

/// The store key of the object `reference`.
pub(crate) fn record_key(reference: u64) -> Vec<u8> {
    let mut key = vec![KEYSPACE];
    key.extend_from_slice(&reference.to_be_bytes());
    key
}

/// What the secret of the object `reference` is sealed for.
pub(crate) fn purpose(reference: u64) -> Vec<u8> {
    let mut purpose = b"strongroom/1/material/".to_vec();
    purpose.extend_from_slice(&reference.to_be_bytes());
    purpose
}

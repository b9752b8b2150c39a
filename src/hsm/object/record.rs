//! A token object as a sealed record of its cluster, and what it is worth in memory.

use std::sync::{Arc, OnceLock};

use cryptoki_sys as sys;
use serde::{Deserialize, Serialize};
use token::{AttributeType, ObjectClass, Result};

use super::Attributes;
use crate::mechanism::Material;

/// The keyspace of object records.
const KEYSPACE: u8 = b'o';

/// `ObjectRecord` of docs/storage-format.md: a token object without its reference, which is the
/// record's key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ObjectRecord {
    /// The number of the crypto user whose object it is; none for a public object that somebody
    /// without a login made.
    pub(crate) owner: Option<u64>,
    /// All attributes but the secret ones.
    pub(crate) attributes: Attributes,
    /// What is secret of a key, or of private data, sealed under the owner's user key.
    #[serde(with = "serde_bytes")]
    pub(crate) sealed: Option<Vec<u8>>,
    /// Of a public key, what its attributes make: kept with the record as long as that is.
    #[serde(skip)]
    pub(super) public: Public,
}

/// The material of a public key, once it has been used.
#[derive(Clone, Default)]
pub(super) struct Public(OnceLock<Arc<Material>>);

impl std::fmt::Debug for Public {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Public")
    }
}

impl ObjectRecord {
    /// Whether who is logged in as `user` sees the object.
    pub(crate) fn is_visible_to(&self, user: Option<u64>) -> bool {
        !self.attributes.flag(AttributeType::PRIVATE)
            || (self.owner.is_some() && self.owner == user)
    }

    /// The material, where the object is a public key: everybody who sees it may use it.
    pub(crate) fn public_material(&self) -> Result<Option<Arc<Material>>> {
        if self.attributes.class() != Some(ObjectClass(sys::CKO_PUBLIC_KEY)) {
            return Ok(None);
        }
        if let Some(material) = self.public.0.get() {
            return Ok(Some(material.clone()));
        }
        let material = Arc::new(Material::restore(&self.attributes, None)?);
        Ok(Some(self.public.0.get_or_init(|| material).clone()))
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

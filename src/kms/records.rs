//! Records of KMS in the store: sealed under a key that derives from kmsd's master secret, and one
//! batch a change. Which record stands where is said in docs/storage-format.md.

use std::sync::Arc;

use aws::{Error, Result};
use crypto::Secret;
use serde::{Serialize, de::DeserializeOwned};
use store::{Batch, Condition, Store, Urgency};
use zeroize::Zeroizing;

use crate::errors;

/// The version byte before every record.
const VERSION: u8 = 1;
/// How many records one scan of the store answers.
const PAGE: usize = 256;

/// The first byte of a record's key: what the record is.
pub(crate) mod keyspace {
    /// A key store.
    pub(crate) const KEY_STORE: u8 = b's';
    /// Whether a key store shall be connected.
    pub(crate) const CONNECTION: u8 = b'c';
    /// kmsuser's passwords.
    pub(crate) const CREDENTIALS: u8 = b'p';
    /// A key.
    pub(crate) const KEY: u8 = b'k';
    /// A key of a store.
    pub(crate) const MEMBER: u8 = b'm';
    /// A key whose deletion is due at some time.
    pub(crate) const DUE: u8 = b'd';
    /// How many messages of a key are reserved.
    pub(crate) const MESSAGES: u8 = b'n';
    /// A tag of a key.
    pub(crate) const TAG: u8 = b't';
    /// An alias.
    pub(crate) const ALIAS: u8 = b'a';
    /// An alias of a key.
    pub(crate) const KEY_ALIAS: u8 = b'b';
}

/// The records.
pub(crate) struct Records {
    store: Arc<dyn Store>,
    key: Secret,
}

/// The key of a record: its keyspace and the parts of its name.
pub(crate) fn at(keyspace: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![keyspace];
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

impl Records {
    pub(crate) fn new(store: Arc<dyn Store>, master: &Secret) -> Self {
        let key = crypto::hkdf_sha256(master, b"strongroom/1/kms");
        Self { store, key }
    }

    /// The record under `key`.
    pub(crate) fn read<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>> {
        self.read_bytes(key)?
            .map(|bytes| decode(&bytes))
            .transpose()
    }

    /// The bytes of the record under `key`, for records that hold a secret.
    pub(crate) fn read_bytes(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>> {
        match self.store.get(key).map_err(storage)? {
            Some(sealed) => self.open(key, &sealed).map(Some),
            None => Ok(None),
        }
    }

    /// At most `limit` records whose keys start with `prefix` and are greater than `after`.
    pub(crate) fn scan<T: DeserializeOwned>(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, T)>> {
        let found = self.store.scan(prefix, after, limit).map_err(storage)?;
        found
            .into_iter()
            .map(|(key, sealed)| {
                let record = decode(&self.open(&key, &sealed)?)?;
                Ok((key, record))
            })
            .collect()
    }

    /// At most `limit` keys that start with `prefix` and are greater than `after`: the prefix is
    /// cut off.
    pub(crate) fn names(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>> {
        let found = self.store.scan(prefix, after, limit).map_err(storage)?;
        Ok(found
            .into_iter()
            .filter_map(|(key, _)| Some(key.get(prefix.len()..)?.to_vec()))
            .collect())
    }

    /// Every key that starts with `prefix`, without it.
    pub(crate) fn all_names(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>> {
        let mut all: Vec<Vec<u8>> = Vec::new();
        loop {
            let after = all.last().map(|last| [prefix, last].concat());
            let page = self.names(prefix, after.as_deref(), PAGE)?;
            let full = page.len() == PAGE;
            all.extend(page);
            if !full {
                return Ok(all);
            }
        }
    }

    /// How many records a keyspace has.
    pub(crate) fn count(&self, keyspace: u8) -> Result<u64> {
        self.store.count(keyspace).map_err(storage)
    }

    /// A change, empty so far.
    pub(crate) fn change(&self) -> Change<'_> {
        Change {
            records: self,
            batch: Batch::default(),
            failure: None,
        }
    }

    fn open(&self, key: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let bytes = crypto::seal::open(&self.key, &purpose(key), sealed).map_err(cryptography)?;
        match bytes.split_first() {
            Some((&VERSION, record)) => Ok(Zeroizing::new(record.to_vec())),
            _ => Err(errors::internal(
                "A record was written by a newer version: upgrade this one.",
            )),
        }
    }

    fn seal(&self, key: &[u8], record: &[u8]) -> Result<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(1 + record.len()));
        bytes.push(VERSION);
        bytes.extend_from_slice(record);
        crypto::seal::seal(&self.key, &purpose(key), &bytes).map_err(cryptography)
    }
}

/// A change to the records: all of it or nothing.
pub(crate) struct Change<'a> {
    records: &'a Records,
    batch: Batch,
    failure: Option<Error>,
}

impl Change<'_> {
    /// The record under `key` becomes `record`.
    pub(crate) fn put<T: Serialize>(self, key: Vec<u8>, record: &T) -> Self {
        match postcard::to_allocvec(record) {
            Ok(bytes) => self.put_bytes(key, &bytes),
            Err(error) => self.failed(errors::internal(format!("A record has no form: {error}"))),
        }
    }

    /// The record under `key` becomes these bytes, which may hold a secret.
    pub(crate) fn put_bytes(mut self, key: Vec<u8>, bytes: &[u8]) -> Self {
        match self.records.seal(&key, bytes) {
            Ok(sealed) => {
                self.batch.write.push((key, Some(sealed)));
                self
            }
            Err(error) => self.failed(error),
        }
    }

    /// `key` is there from now on: all that it says stands in itself.
    pub(crate) fn mark(mut self, key: Vec<u8>) -> Self {
        self.batch.write.push((key, Some(Vec::new())));
        self
    }

    /// There is nothing under `key` any more. Deletions may use the disk's reserve.
    pub(crate) fn delete(mut self, key: Vec<u8>) -> Self {
        self.batch.write.push((key, None));
        self
    }

    /// Only if there is nothing under `key` yet.
    pub(crate) fn if_absent(mut self, key: Vec<u8>) -> Self {
        self.batch.expect.push((key, Condition::Absent));
        self
    }

    /// Only if there is something under `key`.
    pub(crate) fn if_present(mut self, key: Vec<u8>) -> Self {
        self.batch.expect.push((key, Condition::Present));
        self
    }

    /// Durable when this returns.
    pub(crate) fn commit(mut self) -> Result<()> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if self.batch.write.iter().all(|(_, value)| value.is_none()) {
            self.batch.urgency = Urgency::Reserve;
        }
        self.records
            .store
            .commit(None, self.batch)
            .map(drop)
            .map_err(storage)
    }

    fn failed(mut self, error: Error) -> Self {
        self.failure.get_or_insert(error);
        self
    }
}

/// Binds a sealed record to its place.
fn purpose(key: &[u8]) -> Vec<u8> {
    [b"strongroom/1/", key].concat()
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    postcard::from_bytes(bytes).map_err(|error| {
        log::error!("a record cannot be read: {error}");
        errors::internal("A record of the key management service is damaged: restore its backup.")
    })
}

fn storage(error: store::Error) -> Error {
    log::error!("the store of the key management service: {error}");
    errors::internal(format!("The store of the key management service: {error}."))
}

fn cryptography(error: crypto::Error) -> Error {
    log::error!("a record of the key management service: {error}");
    errors::internal(
        "A record of the key management service cannot be opened: it was altered, or master.key \
         is not the one it was written with. Restore both from one backup.",
    )
}

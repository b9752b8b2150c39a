//! Records at rest: a type, serialised, sealed to the place where it stands. What the bytes are is
//! said in docs/storage-format.md.

use std::sync::Arc;

use crypto::{Secret, hash::Hash, hmac};
use postcard::ser_flavors::Size;
use serde::{Serialize, de::DeserializeOwned};
use store::{BATCH_FORGETS, Batch, Store, Urgency};
use token::Result;
use zeroize::Zeroizing;

use crate::failure::{damaged, internal, stored};

/// Before the serialisation of every record.
const RECORD_VERSION: u8 = 1;
/// What audit keys and entries of audit chains are for.
const AUDIT: &[u8] = b"strongroom/1/audit";
/// Records that one scan reads at a time.
const PAGE: usize = 512;

/// A store whose records are sealed: each under its key, so that none can stand in another's place.
pub(crate) struct Records {
    store: Arc<dyn Store>,
    key: Secret,
}

/// A record as it stands in the store, for [`store::Condition::Equals`], and what it says.
pub(crate) struct Opened<T> {
    pub(crate) sealed: Vec<u8>,
    pub(crate) record: T,
}

/// A record with its key.
pub(crate) type Found<T> = (Vec<u8>, Opened<T>);

impl Records {
    pub(crate) fn new(store: Arc<dyn Store>, key: Secret) -> Self {
        Self { store, key }
    }

    /// The store itself: for commits, counts and the log.
    pub(crate) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// The record under `key`, as bytes.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Opened<Zeroizing<Vec<u8>>>>> {
        let Some(sealed) = self.store.get(key).map_err(stored)? else {
            return Ok(None);
        };
        let record = self.open(key, &sealed)?;
        Ok(Some(Opened { sealed, record }))
    }

    /// The record under `key`.
    pub(crate) fn read<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<Opened<T>>> {
        let Some(Opened { sealed, record }) = self.get(key)? else {
            return Ok(None);
        };
        Ok(Some(Opened {
            sealed,
            record: decode(&record)?,
        }))
    }

    /// Records whose keys start with `prefix` and are greater than `after`, as bytes.
    pub(crate) fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Found<Zeroizing<Vec<u8>>>>> {
        let found = self.store.scan(prefix, after, limit).map_err(stored)?;
        let open = |(key, sealed): (Vec<u8>, Vec<u8>)| {
            let record = self.open(&key, &sealed)?;
            Ok((key, Opened { sealed, record }))
        };
        found.into_iter().map(open).collect()
    }

    /// Every record of a keyspace that has few.
    pub(crate) fn all<T: DeserializeOwned>(&self, keyspace: u8) -> Result<Vec<Found<T>>> {
        let mut found = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.scan(&[keyspace], after.as_deref(), PAGE)?;
            let Some((last, _)) = page.last() else {
                return Ok(found);
            };
            after = Some(last.clone());
            for (key, Opened { sealed, record }) in page {
                found.push((
                    key,
                    Opened {
                        sealed,
                        record: decode(&record)?,
                    },
                ));
            }
        }
    }

    /// Notices records that are missing: a keyspace must have as many as its commits have made.
    pub(crate) fn check_count(&self, keyspace: u8, what: &str) -> Result<()> {
        let expected = self.store.count(keyspace).map_err(stored)?;
        let found = self.store.found(keyspace).map_err(stored)?;
        if found == expected {
            return Ok(());
        }
        Err(damaged(format_args!(
            "there should be {expected} {what}, and there are {found}"
        )))
    }

    /// Forgets what was answered to one application.
    pub(crate) fn forget(&self, application: [u8; 16]) -> Result<()> {
        let applications = self.store.applications().map_err(stored)?;
        match applications.contains(&application) {
            true => self.forget_all(&[application]),
            false => Ok(()),
        }
    }

    /// Forgets what was answered to applications that are not among `living`.
    pub(crate) fn forget_all_but(&self, living: impl FnOnce() -> Vec<[u8; 16]>) -> Result<()> {
        let mut applications = self.store.applications().map_err(stored)?;
        // Asked after the answers were read: who comes in between is among the living.
        let living = living();
        applications.retain(|application| !living.contains(application));
        self.forget_all(&applications)
    }

    fn forget_all(&self, applications: &[[u8; 16]]) -> Result<()> {
        for some in applications.chunks(BATCH_FORGETS) {
            let batch = Batch {
                forget: some.to_vec(),
                urgency: Urgency::Reserve,
                ..Batch::default()
            };
            self.store.commit(None, batch).map_err(stored)?;
        }
        Ok(())
    }

    /// `plain` sealed to stand under `key`.
    pub(crate) fn seal(&self, key: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        seal(&self.key, &purpose(key), plain)
    }

    /// `record` sealed to stand under `key`.
    pub(crate) fn encode<T: Serialize>(&self, key: &[u8], record: &T) -> Result<Vec<u8>> {
        self.seal(key, &encode(record)?)
    }

    fn open(&self, key: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        open(&self.key, &purpose(key), sealed)
            .ok_or_else(|| damaged("a record was altered or is not in its place"))
    }
}

/// The keys of one cluster; they all come from its cluster key.
pub(crate) struct Sealing {
    cluster: Secret,
    index: hmac::Key,
    audit: Secret,
}

impl Sealing {
    pub(crate) fn new(cluster: Secret) -> Self {
        let index = hmac::Key::new(derive(&cluster, b"strongroom/1/index"));
        let audit = derive(&cluster, AUDIT);
        Self {
            cluster,
            index,
            audit,
        }
    }

    /// The same, of a cluster whose audit chain began in an epoch before: with the key of that one.
    pub(crate) fn with_audit_key(self, audit: Secret) -> Self {
        Self { audit, ..self }
    }

    /// The key that the entries of the audit chain are sealed under.
    pub(crate) fn audit_key(&self) -> &Secret {
        &self.audit
    }

    /// The key of the cluster's records.
    pub(crate) fn record_key(&self) -> Secret {
        derive(&self.cluster, b"strongroom/1/record")
    }

    /// What stands in a key instead of words that must not: each part counts with its length.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> [u8; 16] {
        let lengths: Vec<[u8; 8]> = parts
            .iter()
            .map(|part| (part.len() as u64).to_be_bytes())
            .collect();
        let words: Vec<&[u8]> = lengths
            .iter()
            .zip(parts)
            .flat_map(|(len, part)| [len.as_slice(), part])
            .collect();
        let mut mac = [0; 32];
        if self.index.code(Hash::Sha256, &words, &mut mac).is_err() {
            // Without the state that is prepared from the key, it cannot fail.
            mac = crypto::hmac_sha256(self.index.value().reveal(), &words);
        }
        let mut tag = [0; 16];
        tag.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        tag
    }

    /// The key that a password's Argon2id gives in this cluster.
    pub(crate) fn password_key(&self, stretched: &Secret) -> Secret {
        self.mixed(stretched.reveal(), b"strongroom/1/password")
    }

    /// The key that a resume secret gives in this cluster.
    pub(crate) fn resume_key(&self, secret: &[u8]) -> Secret {
        self.mixed(secret, b"strongroom/1/resume")
    }

    /// The key of saved states of operations (`C_GetOperationState`).
    pub(crate) fn operation_key(&self) -> Secret {
        derive(&self.cluster, b"strongroom/1/operation-state")
    }

    /// An entry for the log.
    pub(crate) fn seal_entry(&self, entry: &[u8]) -> Result<Vec<u8>> {
        seal(&self.audit, AUDIT, entry)
    }

    fn mixed(&self, secret: &[u8], purpose: &[u8]) -> Secret {
        derive(&Secret::joined(&[secret, self.cluster.reveal()]), purpose)
    }
}

/// An entry of the log that was sealed under `key`, unless it was altered.
pub(crate) fn open_entry(key: &Secret, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    open(key, AUDIT, sealed)
}

/// The key for `purpose` that comes from `key`.
pub(crate) fn derive(key: &Secret, purpose: &[u8]) -> Secret {
    crypto::hkdf_sha256(key, purpose)
}

/// `plain` sealed with a random nonce.
pub(crate) fn seal(key: &Secret, purpose: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
    crypto::seal::seal(key, purpose, plain).map_err(internal)
}

/// What was sealed, unless it was altered or for another purpose.
pub(crate) fn open(key: &Secret, purpose: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    crypto::seal::open(key, purpose, sealed).ok()
}

/// A key that was sealed, unless it was altered or for another purpose.
pub(crate) fn open_secret(key: &Secret, purpose: &[u8], sealed: &[u8]) -> Option<Secret> {
    crypto::seal::open_secret(key, purpose, sealed).ok()
}

/// A record as bytes, its version first. The buffer is made in the right size: one that grew would
/// leave copies behind.
pub(crate) fn encode<T: Serialize>(record: &T) -> Result<Zeroizing<Vec<u8>>> {
    let len = postcard::serialize_with_flavor(record, Size::default()).map_err(internal)?;
    let mut bytes = Zeroizing::new(vec![RECORD_VERSION; len + 1]);
    let (_, body) = bytes
        .split_first_mut()
        .ok_or_else(|| internal("an empty record"))?;
    postcard::to_slice(record, body).map_err(internal)?;
    Ok(bytes)
}

/// The record in `bytes`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    match bytes.split_first() {
        Some((&RECORD_VERSION, body)) => postcard::from_bytes(body)
            .map_err(|error| damaged(format_args!("a record does not parse ({error})"))),
        Some((version, _)) => Err(damaged(format_args!(
            "a record has version {version}, which this version of Strongroom does not know"
        ))),
        None => Err(damaged("a record is empty")),
    }
}

fn purpose(key: &[u8]) -> Vec<u8> {
    [b"strongroom/1/".as_slice(), key].concat()
}

#[cfg(test)]
mod tests {
    use store::{CommitId, memory::MemoryStore};

    use super::*;

    #[test]
    fn applications_that_have_ended_are_forgotten_however_many_they_are() {
        let store = MemoryStore::new();
        let records = Records::new(Arc::clone(&store), Secret::joined(&[&[1; 32]]));
        let applications: Vec<[u8; 16]> = (0..100).map(|number| [number; 16]).collect();
        for application in &applications {
            let id = CommitId {
                application: *application,
                number: 0,
            };
            store.commit(Some(id), Batch::default()).unwrap();
        }
        records.forget_all_but(|| vec![[7; 16]]).unwrap();
        assert_eq!(store.applications().unwrap(), [[7; 16]]);
        records.forget([7; 16]).unwrap();
        assert!(store.applications().unwrap().is_empty());
    }
}

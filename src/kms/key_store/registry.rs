//! Which key stores there are, what is recorded of each, and what must not happen at once.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use aws::{Error, Result};
use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard};
use serde::{Deserialize, Serialize};

use super::{Connection, Credentials, Opener, Password, Phase, connection};
use crate::{
    errors::{self, STORE_HAS_KEYS, STORE_NAME_IN_USE},
    keys::{KeyId, record},
    records::{Records, at, keyspace},
};

/// What is recorded of a key store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoreRecord {
    pub(crate) name: String,
    pub(crate) cluster: String,
    pub(crate) backup_history: String,
    /// As the customer gave it: PEM.
    pub(crate) trust_anchor: String,
    pub(crate) created_ms: i64,
}

/// A key store.
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) connection: Arc<Connection>,
    record: RwLock<Arc<StoreRecord>>,
    /// Held to read while a key is made in it, to write while it is deleted.
    life: RwLock<()>,
    making: Mutex<HashSet<KeyId>>,
}

/// A key that is being made: its material may be there before its record.
pub(crate) struct Making<'a> {
    store: &'a Entry,
    id: KeyId,
    _life: RwLockReadGuard<'a, ()>,
}

impl Entry {
    /// What is recorded of it.
    pub(crate) fn record(&self) -> Arc<StoreRecord> {
        Arc::clone(&self.record.read())
    }

    /// The key `id` is made in this store, which is not deleted meanwhile.
    pub(crate) fn making(&self, id: KeyId) -> Making<'_> {
        let life = self.life.read();
        self.making.lock().insert(id);
        Making {
            store: self,
            id,
            _life: life,
        }
    }

    /// Whether the key `id` is being made.
    pub(crate) fn is_making(&self, id: KeyId) -> bool {
        self.making.lock().contains(&id)
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.store.making.lock().remove(&self.id);
    }
}

/// Every key store of the account.
pub(crate) struct Registry {
    records: Arc<Records>,
    opener: Arc<dyn Opener>,
    entries: RwLock<BTreeMap<String, Arc<Entry>>>,
    changes: Mutex<()>,
}

impl Registry {
    /// The stores in the records, none of them connected yet.
    pub(crate) fn open(records: Arc<Records>, opener: Arc<dyn Opener>) -> Result<Self> {
        let found = records.scan::<StoreRecord>(&[keyspace::KEY_STORE], None, usize::MAX)?;
        let registry = Self {
            records,
            opener,
            entries: RwLock::default(),
            changes: Mutex::default(),
        };
        for (key, record) in found {
            let id = key.get(1..).and_then(|id| std::str::from_utf8(id).ok());
            if let Some(id) = id {
                registry.insert(id, record);
            }
        }
        Ok(registry)
    }

    /// Where the record of a store stands.
    pub(crate) fn key(store: &str) -> Vec<u8> {
        at(keyspace::KEY_STORE, &[store.as_bytes()])
    }

    /// Every store, by id.
    pub(crate) fn entries(&self) -> Vec<Arc<Entry>> {
        self.entries.read().values().cloned().collect()
    }

    /// The store with this id.
    pub(crate) fn entry(&self, id: &str) -> Result<Arc<Entry>> {
        self.entries
            .read()
            .get(id)
            .cloned()
            .ok_or_else(|| errors::no_such_store(id))
    }

    /// While this is held no store is made, changed or deleted.
    pub(crate) fn changing(&self) -> MutexGuard<'_, ()> {
        self.changes.lock()
    }

    /// That no other store than `except` has this name.
    pub(crate) fn check_name(&self, name: &str, except: Option<&str>) -> Result<()> {
        let taken = |entry: &Arc<Entry>| Some(&*entry.id) != except && entry.record().name == name;
        if !self.entries().iter().any(taken) {
            return Ok(());
        }
        Err(Error::new(
            STORE_NAME_IN_USE,
            format!("The name '{name}' is another key store's."),
        ))
    }

    /// Makes a store with the customer's password for kmsuser.
    pub(crate) fn create(
        &self,
        id: &str,
        record: StoreRecord,
        password: Password,
    ) -> Result<Arc<Entry>> {
        let change = self
            .records
            .change()
            .if_absent(Self::key(id))
            .put(Self::key(id), &record);
        Credentials::given(password).put(change, id).commit()?;
        Ok(self.insert(id, record))
    }

    /// Changes a store's record, and its password where one is given.
    pub(crate) fn update(
        &self,
        entry: &Entry,
        record: StoreRecord,
        password: Option<Password>,
    ) -> Result<()> {
        let change = self.records.change().put(Self::key(&entry.id), &record);
        let change = match password {
            Some(password) => Credentials::given(password).put(change, &entry.id),
            None => change,
        };
        change.commit()?;
        *entry.record.write() = Arc::new(record);
        Ok(())
    }

    /// Deletes a store that is disconnected and has no keys. The cluster stays as it is.
    pub(crate) fn delete(&self, entry: &Entry) -> Result<()> {
        let _life = entry.life.write();
        if !matches!(entry.connection.phase(), Phase::Disconnected) {
            return Err(entry.connection.invalid_state());
        }
        if !self
            .records
            .names(&record::members(&entry.id), None, 1)?
            .is_empty()
        {
            let text = format!("Custom key store '{}' has KMS keys.", entry.id);
            return Err(Error::new(STORE_HAS_KEYS, text));
        }
        self.records
            .change()
            .delete(Self::key(&entry.id))
            .delete(connection::key(&entry.id))
            .delete(Credentials::key(&entry.id))
            .commit()?;
        self.entries.write().remove(&entry.id);
        Ok(())
    }

    fn insert(&self, id: &str, record: StoreRecord) -> Arc<Entry> {
        let (records, opener) = (Arc::clone(&self.records), Arc::clone(&self.opener));
        let entry = Arc::new(Entry {
            id: id.to_owned(),
            connection: Connection::new(id, records, opener),
            record: RwLock::new(Arc::new(record)),
            life: RwLock::default(),
            making: Mutex::default(),
        });
        self.entries
            .write()
            .insert(id.to_owned(), Arc::clone(&entry));
        entry
    }
}

//! Every key of the account: found by any of its names, made, changed, listed.

use std::sync::Arc;

use aws::{Error, Result, Scope};

use super::{
    KeyId, Reference,
    alias::{self, Aliases},
    cache::Cache,
    record::{self, KeyRecord, Life},
    state::{Demand, State},
    tags::{self, Tag},
};
use crate::{
    errors::{self, LIMIT_EXCEEDED, NOT_FOUND},
    key_store::{Entry, Registry},
    limits,
    records::{Change, Records, keyspace},
};

/// A key as it is now.
pub(crate) struct Key {
    pub(crate) id: KeyId,
    pub(crate) arn: String,
    pub(crate) record: KeyRecord,
    pub(crate) store: Arc<Entry>,
}

impl Key {
    /// The state of the key: its own and its store's.
    pub(crate) fn state(&self) -> State {
        State::of(self.record.life, self.store.connection.is_connected())
    }

    /// Whether its state allows what is demanded.
    pub(crate) fn permit(&self, demand: Demand) -> Result<()> {
        self.state().permit(demand, &self.arn)
    }
}

/// Every key of the account.
pub(crate) struct Directory {
    pub(crate) scope: Scope,
    pub(crate) aliases: Aliases,
    records: Arc<Records>,
    stores: Arc<Registry>,
    keys: Cache<KeyId, Arc<Key>>,
}

impl Directory {
    pub(crate) fn new(scope: Scope, records: Arc<Records>, stores: Arc<Registry>) -> Self {
        let aliases = Aliases::new(Arc::clone(&records));
        Self {
            scope,
            aliases,
            records,
            stores,
            keys: Cache::new(),
        }
    }

    /// The key that `text` names: an id, an ARN, an alias or an alias's ARN.
    pub(crate) fn resolve(&self, text: &str) -> Result<Arc<Key>> {
        match Reference::parse(&self.scope, text)? {
            Reference::Key(id) => self.key(id),
            Reference::Alias(name) => match self.aliases.target(&name)? {
                Some(id) => self.key(id),
                None => Err(alias::not_found(&self.scope, &name)),
            },
        }
    }

    /// The key that `text` names by id or ARN.
    pub(crate) fn resolve_key(&self, text: &str) -> Result<Arc<Key>> {
        self.key(Reference::parse_key(&self.scope, text)?)
    }

    /// The key with this id.
    pub(crate) fn key(&self, id: KeyId) -> Result<Arc<Key>> {
        self.find(id)?.ok_or_else(|| {
            Error::new(
                NOT_FOUND,
                format!("Key '{}' does not exist", id.arn(&self.scope)),
            )
        })
    }

    /// The key with this id, if there is one.
    pub(crate) fn find(&self, id: KeyId) -> Result<Option<Arc<Key>>> {
        self.keys.find(&id, || self.read(id))
    }

    /// At most `limit` ids greater than `after`, in their order.
    pub(crate) fn ids(&self, after: Option<KeyId>, limit: usize) -> Result<Vec<KeyId>> {
        let after = after.map(record::key);
        let names = self
            .records
            .names(&[keyspace::KEY], after.as_deref(), limit)?;
        Ok(names
            .iter()
            .filter_map(|name| KeyId::from_bytes(name))
            .collect())
    }

    /// Whether one more key may be made.
    pub(crate) fn check_quota(&self) -> Result<()> {
        if self.records.count(keyspace::KEY)? < limits::KEYS {
            return Ok(());
        }
        let most = limits::KEYS;
        Err(Error::new(
            LIMIT_EXCEEDED,
            format!("The account has {most} KMS keys already."),
        ))
    }

    /// Makes the record of a key whose material is there already.
    pub(crate) fn create(&self, id: KeyId, record: &KeyRecord, tags: &[Tag]) -> Result<Arc<Key>> {
        let made = self.keys.change(&id, || {
            let change = self
                .records
                .change()
                .if_absent(record::key(id))
                .if_present(Registry::key(&record.store))
                .put(record::key(id), record)
                .mark(record::member(&record.store, id));
            tags.iter()
                .fold(change, |change, tag| {
                    change.put(tags::key(id, &tag.key), tag)
                })
                .commit()?;
            self.assemble(id, record.clone()).map(Some)
        })?;
        made.ok_or_else(|| errors::internal("The key was not made."))
    }

    /// Changes a key whose state allows `demand`: `edit` changes the record and adds to the batch.
    pub(crate) fn change(
        &self,
        id: KeyId,
        demand: Demand,
        edit: impl for<'a> FnOnce(&Key, &mut KeyRecord, Change<'a>) -> Result<Change<'a>>,
    ) -> Result<Arc<Key>> {
        let changed = self.keys.change(&id, || {
            let Some(key) = self.read(id)? else {
                return Ok(None);
            };
            key.permit(demand)?;
            let mut record = key.record.clone();
            let change = edit(&key, &mut record, self.records.change())?;
            let change = match record == key.record {
                true => change,
                false => change.put(record::key(id), &record),
            };
            change.commit()?;
            self.assemble(id, record).map(Some)
        })?;
        changed.map_or_else(|| self.key(id), Ok)
    }

    /// Removes the record of a key whose time has come, if it still has.
    pub(super) fn remove_due(&self, id: KeyId, now_ms: i64) -> Result<()> {
        let removed = self.keys.change(&id, || {
            let Some(key) = self.read(id)? else {
                return Ok(None);
            };
            let due = matches!(key.record.life, Life::Pending { due_ms } if due_ms <= now_ms);
            if !due {
                return Ok(Some(key));
            }
            let member = record::member(&key.record.store, id);
            self.records
                .change()
                .delete(record::key(id))
                .delete(member)
                .commit()?;
            Ok(None)
        });
        removed.map(drop)
    }

    fn read(&self, id: KeyId) -> Result<Option<Arc<Key>>> {
        let record = self.records.read::<KeyRecord>(&record::key(id))?;
        record.map(|record| self.assemble(id, record)).transpose()
    }

    fn assemble(&self, id: KeyId, record: KeyRecord) -> Result<Arc<Key>> {
        let store = self.stores.entry(&record.store)?;
        Ok(Arc::new(Key {
            id,
            arn: id.arn(&self.scope),
            record,
            store,
        }))
    }
}

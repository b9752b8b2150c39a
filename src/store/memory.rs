//! A store in memory: for tests, and for records that need not outlive the process.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::RwLock;

use crate::{
    Record, Result, Store, Urgency,
    backend::{Backend, Changes},
    commit_queue::CommitQueue,
};

/// A store that is gone with the process.
pub struct MemoryStore;

impl MemoryStore {
    /// An empty store.
    #[allow(clippy::new_ret_no_self)] // a backend is only ever used as a `Store`
    pub fn new() -> Arc<dyn Store> {
        Arc::new(CommitQueue::start(Memory::default()))
    }
}

#[derive(Default)]
struct Memory(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Backend for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.0.read().get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Record>> {
        let records = self.0.read();
        let from = records
            .range(prefix.to_vec()..)
            .take_while(|(key, _)| key.starts_with(prefix));
        let from = from.filter(|(key, _)| after.is_none_or(|after| key.as_slice() > after));
        Ok(from
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn room(&self, _: Urgency) -> Result<()> {
        Ok(())
    }

    fn write(&self, changes: &Changes) -> Result<()> {
        let mut records = self.0.write();
        for (key, change) in changes {
            match change {
                Some(value) => records.insert(key.clone(), value.clone()),
                None => records.remove(key),
            };
        }
        Ok(())
    }

    fn settle(&self) {}
}

//! The end of keys: when the window is over the record goes first, then names and tags, then, as
//! well as it can be done, the material. A crash at any point is made good by the next run.

use aws::Result;

use super::{Directory, KeyId, record, tags};
use crate::{
    key_store::{KeyName, Registry},
    records::{Records, keyspace},
};

/// How many keys one run deletes.
const RUN: usize = 1_000;

impl Directory {
    /// Deletes every key whose time has come; answers how many.
    pub(crate) fn delete_due(
        &self,
        records: &Records,
        stores: &Registry,
        now_ms: i64,
    ) -> Result<usize> {
        let mut deleted = 0;
        for name in records.names(&[keyspace::DUE], None, RUN)? {
            let Some((due_ms, id)) = parse(&name) else {
                continue;
            };
            // In the order of time: the rest is later.
            if due_ms > now_ms {
                break;
            }
            match self.delete_one(records, stores, (due_ms, id), now_ms) {
                Ok(true) => deleted += 1,
                Ok(false) => {}
                // The others must not wait for it; the next run tries again.
                Err(error) => log::error!("{}: not deleted: {error}", id.arn(&self.scope)),
            }
        }
        Ok(deleted)
    }

    /// Deletes the key of one mark, unless its deletion was cancelled; answers whether it is gone.
    fn delete_one(
        &self,
        records: &Records,
        stores: &Registry,
        (due_ms, id): (i64, KeyId),
        now_ms: i64,
    ) -> Result<bool> {
        let mark = record::due(due_ms, id);
        let Some(store) = records.read::<String>(&mark)? else {
            return Ok(false);
        };
        self.remove_due(id, now_ms)?;
        let gone = match self.find(id)? {
            Some(key) if record_is_due(&key.record, due_ms) => return Ok(false),
            Some(_) => false,
            None => {
                self.clear(records, stores, &store, id)?;
                true
            }
        };
        records.change().delete(mark).commit()?;
        Ok(gone)
    }

    /// Removes what belonged to a key whose record is gone.
    fn clear(&self, records: &Records, stores: &Registry, store: &str, id: KeyId) -> Result<()> {
        self.aliases.delete_all(id)?;
        let mut change = records.change().delete(super::messages::key(id));
        for name in records.all_names(&tags::key(id, ""))? {
            change = change.delete([tags::key(id, ""), name].concat());
        }
        change.commit()?;
        let arn = id.arn(&self.scope);
        let name = KeyName { id, arn: &arn };
        let destroyed = stores.entry(store).and_then(|entry| {
            entry
                .connection
                .run(|hsm| hsm.destroy(name))
                .map_err(|fault| fault.of_key(&arn))
        });
        match destroyed {
            Ok(()) => log::info!("{arn} is deleted, and its material in {store}"),
            // As AWS: the metadata is gone either way, and the material is an orphan.
            Err(error) => log::warn!(
                "{arn} is deleted, but its material may still be in the cluster of {store} ({error}); \
                 kmsuser can delete the object with that label"
            ),
        }
        Ok(())
    }
}

/// Whether the key is still to be deleted at that time: the removal was not possible.
fn record_is_due(record: &record::KeyRecord, due_ms: i64) -> bool {
    record.life == record::Life::Pending { due_ms }
}

fn parse(name: &[u8]) -> Option<(i64, KeyId)> {
    let (due, id) = name.split_first_chunk::<8>()?;
    Some((i64::from_be_bytes(*due), KeyId::from_bytes(id)?))
}

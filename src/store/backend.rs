//! What a database must be able to do to carry a [`crate::Store`]: the small part that differs.

use std::collections::BTreeMap;

use crate::{Record, Result, Urgency};

/// Keys and what is written there; `None` deletes.
pub(crate) type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Bytes that `changes` take where they are written one after the other, with their lengths.
pub(crate) fn bytes(changes: &Changes) -> usize {
    let value = |change: &Option<Vec<u8>>| change.as_ref().map_or(0, Vec::len);
    changes
        .iter()
        .map(|(key, change)| 8 + key.len() + value(change))
        .sum()
}

/// An ordered map on some medium. Only the commit queue's thread writes.
pub(crate) trait Backend: Send + Sync + 'static {
    /// The value at `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// At most `limit` records with keys that start with `prefix` and are greater than `after`.
    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Record>>;

    /// How many records have keys that start with `prefix`.
    fn found(&self, prefix: &[u8]) -> Result<u64> {
        self.scan(prefix, None, usize::MAX)
            .map(|records| records.len() as u64)
    }

    /// Whether the medium has room for a change of this urgency: [`crate::Error::Full`].
    fn room(&self, urgency: Urgency) -> Result<()>;

    /// The most [`bytes`] of changes that can be written at once.
    fn most(&self) -> usize {
        usize::MAX
    }

    /// Writes all of the changes or none; they are durable when it answers. After an error the
    /// backend refuses to write until it knows again what the medium holds; what is
    /// [`crate::Error::TooLarge`] is refused by itself.
    fn write(&self, changes: &Changes) -> Result<()>;

    /// Nobody has written for a while: what was left for later is done now.
    fn settle(&self);
}

//! The walk over a chain, and its way into the next epoch of its cluster.

use std::mem::take;

use crypto::Secret;
use store::{BATCH_BYTES, BATCH_WRITES, Batch, Head, Store};
use token::{AuditReport, Result};

use crate::{
    cluster::Cluster,
    failure::{damaged, stored},
    sealing,
};

/// Entries that are read at a time.
const PAGE: usize = 256;

/// Walks the chain of `cluster` from its beginning. The first entry that was altered, or that does
/// not follow from the one before it, ends the walk; a tail that was cut off shows against the
/// store's own head, and against a head that was kept elsewhere.
pub(crate) fn verify(cluster: &Cluster) -> Result<AuditReport> {
    let store = cluster.records().store();
    let mut walk = Walk::new(cluster.sealing().audit_key());
    loop {
        let page = match store.log(walk.head.entries, PAGE) {
            Err(store::Error::Damaged(_)) => return Ok(walk.report(true)),
            page => page.map_err(stored)?,
        };
        if page.is_empty() {
            break;
        }
        for (hash, entry) in page {
            if !walk.follows(hash, &entry) {
                return Ok(walk.report(true));
            }
        }
    }
    // Entries may have come while the chain was walked; none may have gone.
    let end = store.log_head().map_err(stored)?;
    Ok(walk.ends_before(end))
}

/// A walk, as far as it has come.
pub(super) struct Walk<'a> {
    pub(super) head: Head,
    key: &'a Secret,
}

impl<'a> Walk<'a> {
    /// At the beginning of a chain whose entries are sealed under `key`.
    pub(super) fn new(key: &'a Secret) -> Self {
        let head = Head::EMPTY;
        Self { head, key }
    }

    /// Goes on to `entry`, if it follows and opens; `hash` is the chain's after it.
    pub(super) fn follows(&mut self, hash: [u8; 32], entry: &[u8]) -> bool {
        let next = self.head.after(entry);
        let follows = next.hash == hash && sealing::open_entry(self.key, entry).is_some();
        if follows {
            self.head = next;
        }
        follows
    }

    /// What was found: that the chain is `broken` here, or goes to here.
    pub(super) fn report(&self, broken: bool) -> AuditReport {
        AuditReport {
            records: self.head.entries,
            broken_at: broken.then_some(self.head.entries),
            head: self
                .head
                .hash
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        }
    }

    /// The report of a walk to the end of a chain that shall have had at least the head `end`.
    pub(super) fn ends_before(&self, end: Head) -> AuditReport {
        let head = self.head;
        let other = end.entries == head.entries && end.hash != head.hash;
        self.report(end.entries < head.entries || other)
    }
}

/// Copies all of the chain that is in `from` to `to`, which has none: what was sealed and hashed stays
/// as it is, so that a head that was kept elsewhere is still one of the chain's.
pub(crate) fn carry(from: &dyn Store, to: &dyn Store) -> Result<()> {
    let mut entries = 0;
    loop {
        let page = from.log(entries, PAGE).map_err(stored)?;
        if page.is_empty() {
            break;
        }
        entries = entries.saturating_add(page.len() as u64);
        let mut batch = Batch::default();
        for (_, entry) in page {
            let full = batch.append.len() == BATCH_WRITES
                || batch.len().saturating_add(entry.len()) > BATCH_BYTES;
            if full {
                to.commit(None, take(&mut batch)).map_err(stored)?;
            }
            batch.append.push(entry);
        }
        to.commit(None, batch).map_err(stored)?;
    }
    match from.log_head().map_err(stored)? == to.log_head().map_err(stored)? {
        true => Ok(()),
        false => Err(damaged("entries of the audit chain are missing or altered")),
    }
}

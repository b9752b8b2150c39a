//! The walk over a chain, a page at a time, and its way into the next epoch of its cluster.

use std::mem::take;

use crypto::Secret;
use store::{BATCH_BYTES, BATCH_WRITES, Batch, Head, Store};
use token::{AuditFilter, AuditNext, AuditPage, AuditPlace, AuditReport, Result, limits};

use super::Entry;
use crate::{
    cluster::Cluster,
    failure::{damaged, stored},
    sealing,
};

/// Entries that are carried on at a time.
const PAGE: usize = 256;

/// Entries that are read at a time: of the longest there are, as many bytes as one verb walks over.
const STEP: usize = 16;

/// Entries in their order, each with the chain's hash after it.
pub(super) type Entries = Vec<([u8; 32], Vec<u8>)>;

/// A chain that can be walked over: a cluster's own, or what a deleted one left.
pub(crate) trait Chain {
    /// What its entries are sealed under.
    fn key(&self) -> &Secret;

    /// At most `limit` of the entries after `place`: none at its end, and nothing where there
    /// should be one that is missing.
    fn entries(&self, place: &AuditPlace, limit: usize) -> Result<Option<Entries>>;

    /// How long it is, and the hash at its end.
    fn end(&self) -> Result<Head>;
}

impl Chain for Cluster {
    fn key(&self) -> &Secret {
        self.sealing().audit_key()
    }

    fn entries(&self, place: &AuditPlace, limit: usize) -> Result<Option<Entries>> {
        match self.records().store().log(place.records, limit) {
            Err(store::Error::Damaged(_)) => Ok(None),
            page => page.map(Some).map_err(stored),
        }
    }

    fn end(&self) -> Result<Head> {
        self.records().store().log_head().map_err(stored)
    }
}

/// Walks over `chain` from its beginning. The first entry that was altered, or that does not follow
/// from the one before it, ends the walk; a tail that was cut off shows against the chain's own
/// head, and against a head that was kept elsewhere.
pub(crate) fn verify(chain: &dyn Chain) -> Result<AuditReport> {
    let mut place = AuditPlace::BEGINNING;
    let broken = loop {
        match walk(chain, &mut place, |_, _| Ok(()))? {
            AuditNext::Further => {}
            AuditNext::End => break false,
            AuditNext::Broken => break true,
        }
    };
    Ok(AuditReport {
        records: place.records,
        broken_at: broken.then_some(place.records),
        head: place.head(),
    })
}

/// What `filter` wants of the entries after `place`: of so many as one verb walks over.
pub(crate) fn list(
    chain: &dyn Chain,
    place: &AuditPlace,
    filter: &AuditFilter,
) -> Result<AuditPage> {
    let (mut records, mut to) = (Vec::new(), place.clone());
    let next = walk(chain, &mut to, |number, entry| {
        let entry: Entry = sealing::decode(entry)?;
        if entry.is_wanted(filter) {
            records.push(entry.told(number));
        }
        Ok(())
    })?;
    Ok(AuditPage { records, to, next })
}

/// Goes on from `place`, over what follows and opens; `see` has the number and the content of each.
fn walk(
    chain: &dyn Chain,
    place: &mut AuditPlace,
    mut see: impl FnMut(u64, &[u8]) -> Result<()>,
) -> Result<AuditNext> {
    let enough = place.bytes.saturating_add(limits::AUDIT_BYTES);
    let mut left = limits::AUDIT_RECORDS;
    while left > 0 && place.bytes < enough {
        let Some(entries) = chain.entries(place, left.min(STEP))? else {
            return Ok(AuditNext::Broken);
        };
        if entries.is_empty() {
            return ended(chain, place);
        }
        left = left.saturating_sub(entries.len());
        for (hash, entry) in entries {
            let after = head(place).after(&entry);
            let opened = sealing::open_entry(chain.key(), &entry);
            let Some(opened) = opened.filter(|_| after.hash == hash) else {
                return Ok(AuditNext::Broken);
            };
            see(place.records, &opened)?;
            *place = AuditPlace {
                records: after.entries,
                bytes: place.bytes.saturating_add(entry.len() as u64),
                hash,
            };
        }
    }
    Ok(AuditNext::Further)
}

/// What is at `place`, after which there are no entries: some may have come since, none may have gone.
fn ended(chain: &dyn Chain, place: &AuditPlace) -> Result<AuditNext> {
    let end = chain.end()?;
    let other = end.entries == place.records && end.hash != place.hash;
    Ok(match end.entries < place.records || other {
        true => AuditNext::Broken,
        false => AuditNext::End,
    })
}

fn head(place: &AuditPlace) -> Head {
    Head {
        entries: place.records,
        hash: place.hash,
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

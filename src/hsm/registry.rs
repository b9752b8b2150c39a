//! The registry of a home: which clusters there are, and which slot is whose. A slot is allotted
//! once and never given to anybody else.

use std::collections::BTreeMap;

use crypto::Secret;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use store::{Batch, CommitId, Condition, Store, Urgency};
use token::{ClusterId, Error, HsmId, Origin, Reason, Result, SlotId};

use crate::{
    audit::archive::Archived,
    epoch::Epoch,
    failure::{damaged, internal, stored},
    sealing::{self, Opened, Records},
};

const CLUSTERS: u8 = b'c';
const SLOTS: u8 = b's';
const ARCHIVES: u8 = b'a';
const MARKS: &[u8] = b"m";

/// What a home knows of a cluster without opening it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ClusterEntry {
    /// Its place among the clusters.
    pub(crate) order: u64,
    /// Which of its folders is the cluster.
    pub(crate) epoch: u64,
    pub(crate) origin: Origin,
    /// Seconds since 1970.
    pub(crate) created: u64,
    /// The cluster key under the cluster wrap key.
    wrapped_key: Vec<u8>,
}

/// Whose a slot is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SlotEntry {
    /// Nobody's yet: an uninitialised token is in it.
    Free,
    /// A cluster's own.
    Cluster(ClusterId),
    /// One HSM's.
    Hsm(ClusterId, HsmId),
    /// Somebody's who is gone.
    Retired,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Marks {
    next_slot: u64,
    next_order: u64,
    boots: u64,
}

/// The open registry.
pub(crate) struct Registry {
    records: Records,
    wrap: Secret,
    contents: Mutex<Contents>,
}

struct Contents {
    clusters: BTreeMap<ClusterId, ClusterEntry>,
    slots: BTreeMap<SlotId, SlotEntry>,
    marks: Marks,
    /// Whether a change failed that may be on the disk all the same: then nobody knows what is there,
    /// and nothing more is changed.
    in_doubt: bool,
}

/// A change of the registry, on a copy: it counts when it is committed.
pub(crate) struct Draft {
    clusters: BTreeMap<ClusterId, Option<ClusterEntry>>,
    slots: BTreeMap<SlotId, SlotEntry>,
    archives: Vec<(ClusterId, Archived)>,
    marks: Marks,
}

impl Registry {
    /// Opens the registry, and counts the start of the engine. One that has never been written is
    /// refused where `clusters_exist`: it would name none of them, and they would be removed.
    pub(crate) fn open(
        store: std::sync::Arc<dyn Store>,
        home_key: &Secret,
        clusters_exist: bool,
    ) -> Result<Self> {
        let records = Records::new(store, sealing::derive(home_key, b"strongroom/1/registry"));
        let wrap = sealing::derive(home_key, b"strongroom/1/cluster-wrap");
        records.check_count(CLUSTERS, "clusters in the registry")?;
        records.check_count(SLOTS, "slots in the registry")?;
        records.check_count(ARCHIVES, "archived audit chains in the registry")?;
        let marks: Marks = match records.read(MARKS)? {
            Some(Opened { record, .. }) => record,
            None if clusters_exist => {
                return Err(damaged(
                    "the registry in home/ is missing, and clusters/ is not",
                ));
            }
            None => Marks::default(),
        };
        let mut clusters = BTreeMap::new();
        for (key, Opened { record, .. }) in records.all(CLUSTERS)? {
            clusters.insert(cluster_of(&key)?, record);
        }
        let mut slots = BTreeMap::new();
        for (key, Opened { record, .. }) in records.all(SLOTS)? {
            slots.insert(slot_of(&key)?, record);
        }
        let registry = Self {
            records,
            wrap,
            contents: Mutex::new(Contents {
                clusters,
                slots,
                marks,
                in_doubt: false,
            }),
        };
        registry.change(None, |draft, _| {
            draft.marks.boots = draft.marks.boots.saturating_add(1);
            Ok(Vec::new())
        })?;
        Ok(registry)
    }

    /// How often an engine has been opened on this home.
    pub(crate) fn boots(&self) -> u64 {
        self.contents.lock().marks.boots
    }

    /// Every cluster, in the order of their making.
    pub(crate) fn clusters(&self) -> Vec<(ClusterId, ClusterEntry)> {
        let contents = self.contents.lock();
        let mut all: Vec<_> = contents
            .clusters
            .iter()
            .map(|(id, entry)| (id.clone(), entry.clone()))
            .collect();
        all.sort_by_key(|(_, entry)| entry.order);
        all
    }

    /// Every slot that was ever allotted.
    pub(crate) fn slots(&self) -> BTreeMap<SlotId, SlotEntry> {
        self.contents.lock().slots.clone()
    }

    /// What was answered to this request, if it was committed before.
    pub(crate) fn answered(&self, id: CommitId) -> Result<Option<Vec<u8>>> {
        self.records.store().answered(id).map_err(stored)
    }

    /// The audit key of a cluster that is to be deleted, for [`Archived`].
    pub(crate) fn wrap_audit_key(&self, id: &ClusterId, key: &Secret) -> Result<Vec<u8>> {
        sealing::seal(&self.wrap, &audit_purpose(id), key.reveal())
    }

    /// The archived chain of the cluster, if it was deleted, and its audit key.
    pub(crate) fn archived(&self, id: &ClusterId) -> Result<Option<(Archived, Secret)>> {
        let Some(found) = self.records.read::<Archived>(&archive_key(id))? else {
            return Ok(None);
        };
        let archived = found.record;
        let key = sealing::open_secret(&self.wrap, &audit_purpose(id), &archived.key);
        let key =
            key.ok_or_else(|| damaged(format_args!("the audit key of {id} does not open")))?;
        Ok(Some((archived, key)))
    }

    /// The registry's records: for what all databases have.
    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// One change: all of what `work` drafts, or nothing. `work` sees the slots as they are, and
    /// says what a repeated request is to be answered.
    pub(crate) fn change(
        &self,
        id: Option<(CommitId, u64)>,
        work: impl FnOnce(&mut Draft, &BTreeMap<SlotId, SlotEntry>) -> Result<Vec<u8>>,
    ) -> Result<()> {
        // The registry is small and changes rarely: one change at a time, its fsync included.
        let mut contents = self.contents.lock();
        if contents.in_doubt {
            return Err(unknown());
        }
        let mut draft = Draft {
            clusters: BTreeMap::new(),
            slots: BTreeMap::new(),
            archives: Vec::new(),
            marks: contents.marks.clone(),
        };
        let answer = work(&mut draft, &contents.slots)?;
        let batch = self.batch(
            &draft,
            &contents,
            answer,
            id.map_or(0, |(_, settled)| settled),
        )?;
        let committed = self.records.store().commit(id.map(|(id, _)| id), batch);
        contents.in_doubt = committed.as_ref().is_err_and(leaves_doubt);
        let committed = committed.map_err(stored)?;
        if committed.repeated {
            return Ok(());
        }
        for (id, entry) in draft.clusters {
            match entry {
                Some(entry) => contents.clusters.insert(id, entry),
                None => contents.clusters.remove(&id),
            };
        }
        contents.slots.extend(draft.slots);
        contents.marks = draft.marks;
        Ok(())
    }

    /// Whether nobody knows, before the next start reads it, what the registry on the disk names.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.contents.lock().in_doubt
    }

    /// The key of a cluster.
    pub(crate) fn cluster_key(&self, id: &ClusterId, entry: &ClusterEntry) -> Result<Secret> {
        sealing::open_secret(
            &self.wrap,
            &wrap_purpose(id, entry.epoch),
            &entry.wrapped_key,
        )
        .ok_or_else(|| {
            damaged(format_args!(
                "the key of {id} does not open with this home.key"
            ))
        })
    }

    /// The entry of a cluster, or of a new epoch of one, with its key wrapped.
    pub(crate) fn entry(
        &self,
        Epoch {
            id,
            number,
            origin,
            created,
            key,
        }: &Epoch,
        order: u64,
    ) -> Result<ClusterEntry> {
        let wrapped_key = sealing::seal(&self.wrap, &wrap_purpose(id, *number), key.reveal())?;
        Ok(ClusterEntry {
            order,
            epoch: *number,
            origin: *origin,
            created: *created,
            wrapped_key,
        })
    }

    fn batch(
        &self,
        draft: &Draft,
        contents: &Contents,
        answer: Vec<u8>,
        settled: u64,
    ) -> Result<Batch> {
        // A full disk must not keep the home from opening, nor from giving things up.
        let adds = !draft.slots.is_empty() || draft.clusters.values().any(Option::is_some);
        let mut batch = Batch {
            answer,
            settled,
            urgency: if adds {
                Urgency::Normal
            } else {
                Urgency::Reserve
            },
            ..Batch::default()
        };
        for (id, entry) in &draft.clusters {
            let key = cluster_key(id);
            let absent = !contents.clusters.contains_key(id);
            let condition = if absent {
                Condition::Absent
            } else {
                Condition::Present
            };
            let value = entry
                .as_ref()
                .map(|entry| self.records.encode(&key, entry))
                .transpose()?;
            batch.expect.push((key.clone(), condition));
            batch.write.push((key, value));
        }
        for (id, archived) in &draft.archives {
            let key = archive_key(id);
            let value = self.records.encode(&key, archived)?;
            batch.expect.push((key.clone(), Condition::Absent));
            batch.write.push((key, Some(value)));
        }
        for (slot, entry) in &draft.slots {
            let key = slot_key(*slot);
            let value = self.records.encode(&key, entry)?;
            batch.write.push((key, Some(value)));
        }
        batch.write.push((
            MARKS.to_vec(),
            Some(self.records.encode(MARKS, &draft.marks)?),
        ));
        Ok(batch)
    }
}

impl Draft {
    /// A slot that nobody ever had.
    pub(crate) fn allot(&mut self, entry: SlotEntry) -> SlotId {
        let slot = SlotId(self.marks.next_slot);
        self.marks.next_slot += 1;
        self.slots.insert(slot, entry);
        slot
    }

    /// The place of a new cluster among the others.
    pub(crate) fn next_order(&mut self) -> u64 {
        self.marks.next_order += 1;
        self.marks.next_order
    }

    pub(crate) fn set_slot(&mut self, slot: SlotId, entry: SlotEntry) {
        self.slots.insert(slot, entry);
    }

    /// The cluster's chain is archived.
    pub(crate) fn archive(&mut self, id: &ClusterId, archived: Archived) {
        self.archives.push((id.clone(), archived));
    }

    pub(crate) fn set_cluster(&mut self, id: &ClusterId, entry: Option<ClusterEntry>) {
        self.clusters.insert(id.clone(), entry);
    }
}

/// Whether a commit that failed with `error` may have been made: what is refused before it is written
/// has not.
fn leaves_doubt(error: &store::Error) -> bool {
    !matches!(
        error,
        store::Error::Conflict | store::Error::TooLarge(_) | store::Error::Full
    )
}

/// What is answered until the next start reads what the registry on the disk says.
pub(crate) fn unknown() -> Error {
    let words = "the disk failed while the registry was changed, and whether it has the change is not \
                 known: restart hsmd (or the program that has the home embedded)";
    Error::new(Reason::StoreFailed, words)
}

fn cluster_key(id: &ClusterId) -> Vec<u8> {
    [&[CLUSTERS], id.as_str().as_bytes()].concat()
}

fn archive_key(id: &ClusterId) -> Vec<u8> {
    [&[ARCHIVES], id.as_str().as_bytes()].concat()
}

fn cluster_of(key: &[u8]) -> Result<ClusterId> {
    let text = key.get(1..).and_then(|text| std::str::from_utf8(text).ok());
    text.and_then(ClusterId::parse)
        .ok_or_else(|| internal("a cluster's key is not its id"))
}

fn slot_key(slot: SlotId) -> Vec<u8> {
    [&[SLOTS][..], &slot.0.to_be_bytes()].concat()
}

fn slot_of(key: &[u8]) -> Result<SlotId> {
    let number = key
        .get(1..)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u64::from_be_bytes);
    number
        .map(SlotId)
        .ok_or_else(|| internal("a slot's key is not its number"))
}

fn audit_purpose(id: &ClusterId) -> Vec<u8> {
    format!("strongroom/1/audit-wrap/{id}").into_bytes()
}

fn wrap_purpose(id: &ClusterId, epoch: u64) -> Vec<u8> {
    format!("strongroom/1/cluster-wrap/{id}/{epoch}").into_bytes()
}

//! A cluster: its database, its keys, its HSMs and its users. Everything that is written goes
//! through [`Cluster::commit`], where the audit chain gets its entries.

mod activation;
mod caller;
mod certificate;
mod hsm;
mod record;
pub(crate) mod users;

use std::{ops::Range, sync::Arc};

use crypto::Secret;
use parking_lot::{Mutex, MutexGuard, RwLock};
use serde::{Serialize, de::DeserializeOwned};
use store::{Batch, Committed, Condition, Store};
use token::{ClusterId, ClusterState, Error, HsmInformation, Origin, Reason, Result};

use crate::{
    audit::Event,
    failure::{damaged, stored},
    object,
    sealing::{self, Opened, Records, Sealing},
};

pub(crate) use activation::{check_label, found};
pub(crate) use caller::{Caller, since_1970};
pub(crate) use hsm::new_id;
use record::{AUDIT_KEY, CLUSTER, ClusterRecord, HSMS, HsmRecord, MARKS, Marks, OBJECTS, USERS};
use users::{Attempts, Keyrings, Resumable};
pub(crate) use users::{Gate, Login};

/// One cluster, open.
pub(crate) struct Cluster {
    pub(crate) id: ClusterId,
    pub(crate) origin: Origin,
    /// Seconds since 1970.
    pub(crate) created: u64,
    /// What the engine keeps of its objects.
    pub(crate) objects: object::Objects,
    pub(crate) built_in: Arc<object::BuiltIn>,
    records: Records,
    sealing: Sealing,
    facts: RwLock<Facts>,
    /// Held while HSMs, users or logins change: those changes depend on one another.
    changes: Mutex<()>,
    marks: Mutex<Opened<Marks>>,
    gate: Arc<Gate>,
    attempts: Attempts,
    keyrings: Keyrings,
    resumable: Resumable,
    /// Threads that have sessions open; none once the cluster is gone.
    sessions: Mutex<Option<u64>>,
}

/// Whether `bytes` are a record of a cluster or of one of its HSMs.
pub(crate) fn decode(bytes: &[u8]) -> bool {
    let cluster = sealing::decode::<ClusterRecord>(bytes).is_ok();
    let hsm = sealing::decode::<HsmRecord>(bytes).is_ok();
    sealing::decode::<Marks>(bytes).is_ok() || cluster || hsm
}

/// What every caller may see; the database's copy is the true one.
struct Facts {
    record: ClusterRecord,
    hsms: Vec<(u32, HsmRecord)>,
}

/// What a cluster needs of the engine around it.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) gate: Arc<Gate>,
    /// How often an engine has been opened on the home.
    pub(crate) boot: u64,
    /// Whether logins outlive the process that gave them.
    pub(crate) resumable: bool,
    /// The objects that every cluster has.
    pub(crate) built_in: Arc<object::BuiltIn>,
}

impl Cluster {
    /// Opens the cluster that is in `store`.
    pub(crate) fn open(
        store: Arc<dyn Store>,
        key: Secret,
        id: &ClusterId,
        origin: Origin,
        created: u64,
        surroundings: Surroundings,
    ) -> Result<Arc<Self>> {
        let sealing = Sealing::new(key);
        let records = Records::new(store, sealing.record_key());
        for (keyspace, what) in [(HSMS, "HSMs"), (USERS, "users"), (OBJECTS, "objects")] {
            records.check_count(keyspace, &format!("{what} in {id}"))?;
        }
        let Some(Opened { record, .. }) = records.read::<ClusterRecord>(CLUSTER)? else {
            return Err(damaged(format_args!("{id} has lost its own record")));
        };
        let Some(marks) = records.read::<Marks>(MARKS)? else {
            return Err(damaged(format_args!("{id} has lost its marks")));
        };
        let sealing = match records.get(AUDIT_KEY)? {
            Some(key) => sealing.with_audit_key(Secret::from(key.record.as_slice())),
            None => sealing,
        };
        let facts = Facts {
            record,
            hsms: hsm::all(&records)?,
        };
        let resumable = Resumable::open(&records, surroundings.resumable)?;
        let [id_prefix, _] = *sealing.tag(&[b"unique-id"]).as_chunks().0 else {
            return Err(Reason::Internal.into());
        };
        Ok(Arc::new(Self {
            id: id.clone(),
            origin,
            created,
            objects: object::Objects::new(
                surroundings.boot,
                marks.record.next_reference,
                id_prefix,
            ),
            built_in: surroundings.built_in,
            records,
            sealing,
            facts: RwLock::new(facts),
            changes: Mutex::new(()),
            marks: Mutex::new(marks),
            gate: surroundings.gate,
            attempts: Attempts::default(),
            keyrings: Keyrings::new(),
            resumable,
            sessions: Mutex::new(Some(0)),
        }))
    }

    /// The label of the cluster slot's token.
    pub(crate) fn label(&self) -> String {
        self.facts.read().record.label.clone()
    }

    /// How far the cluster has come.
    pub(crate) fn state(&self) -> ClusterState {
        self.facts.read().record.state
    }

    /// Its HSMs, in the order of their making.
    pub(crate) fn hsms(&self) -> Vec<HsmInformation> {
        let facts = self.facts.read();
        let information = |(_, HsmRecord { id, zone }): &(u32, HsmRecord)| HsmInformation {
            id: id.clone(),
            zone: zone.clone(),
        };
        facts.hsms.iter().map(information).collect()
    }

    /// The cluster as its operator sees it.
    pub(crate) fn information(&self) -> token::Cluster {
        let record = self.facts.read().record.clone();
        token::Cluster {
            id: self.id.clone(),
            label: record.label,
            state: record.state,
            origin: self.origin,
            created: self.created,
            hsms: self.hsms(),
            certificates: record.certificates,
            backup_history: record.backup_history,
        }
    }

    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    pub(crate) fn sealing(&self) -> &Sealing {
        &self.sealing
    }

    /// Counts a thread with sessions in.
    pub(crate) fn enter(&self) -> Result<()> {
        let mut sessions = self.sessions.lock();
        let open = sessions.as_mut().ok_or(Reason::DeviceRemoved)?;
        *open = open.saturating_add(1);
        Ok(())
    }

    /// Counts a thread with sessions out.
    pub(crate) fn leave(&self) {
        if let Some(open) = self.sessions.lock().as_mut() {
            *open = open.saturating_sub(1);
        }
    }

    /// Whether no session is open.
    pub(crate) fn check_unused(&self) -> Result<()> {
        match *self.sessions.lock() {
            None | Some(0) => Ok(()),
            Some(_) => Err(Error::new(
                Reason::SessionExists,
                format!("sessions are open on {}", self.id),
            )),
        }
    }

    /// Ends the cluster's time unless sessions are open: no more can be opened.
    pub(crate) fn retire(&self) -> Result<()> {
        let mut sessions = self.sessions.lock();
        if let Some(1..) = *sessions {
            return Err(Error::new(
                Reason::SessionExists,
                format!("sessions are open on {}", self.id),
            ));
        }
        *sessions = None;
        Ok(())
    }

    /// While the answer lives, no operator changes anything of the cluster: with its last session closed,
    /// nobody else does.
    pub(crate) fn stand_still(&self) -> MutexGuard<'_, ()> {
        self.changes.lock()
    }

    /// Takes back [`Cluster::retire`], when what should have followed it failed.
    pub(crate) fn restore(&self) {
        self.sessions.lock().get_or_insert(0);
    }
}

/// The records of the cluster, and their changes.
impl Cluster {
    /// The record under `key`, as the type it is.
    pub(crate) fn read<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<Opened<T>>> {
        self.records.read(key)
    }

    /// `plain` sealed to stand under `key`.
    pub(crate) fn seal(&self, key: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        self.records.seal(key, plain)
    }

    /// `record` sealed to stand under `key`.
    pub(crate) fn encode<T: Serialize>(&self, key: &[u8], record: &T) -> Result<Vec<u8>> {
        self.records.encode(key, record)
    }

    /// Keys that start with `prefix` and are greater than `after`.
    pub(crate) fn scan_keys(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>> {
        let found = self
            .records
            .store()
            .scan(prefix, after, limit)
            .map_err(stored)?;
        Ok(found.into_iter().map(|(key, _)| key).collect())
    }

    /// What stands in an index instead of the words themselves.
    pub(crate) fn index_tag(&self, parts: &[&[u8]]) -> [u8; 16] {
        self.sealing.tag(parts)
    }

    /// What this request was answered, if it was committed before: to be asked before the request
    /// is looked at, because what it changed is changed.
    pub(crate) fn answered(&self, caller: &Caller) -> Result<Option<Vec<u8>>> {
        match caller.commit_id() {
            Some(id) => self.records.store().answered(id).map_err(stored),
            None => Ok(None),
        }
    }

    /// Applies `batch` as the caller's request, with `events` in the audit chain, durably.
    pub(crate) fn commit(
        &self,
        caller: &Caller,
        mut batch: Batch,
        events: &[Event],
    ) -> Result<Committed> {
        for event in events {
            let entry = sealing::encode(&caller.entry(event))?;
            batch.append.push(self.sealing.seal_entry(&entry)?);
        }
        batch.settled = caller.settled();
        self.objects.any_public.may_come(self, &batch);
        self.records
            .store()
            .commit(caller.commit_id(), batch)
            .map_err(stored)
    }

    /// Key references that nobody else gets, now or later.
    pub(crate) fn reserve_references(&self, count: u64) -> Result<Range<u64>> {
        let mut marks = self.marks.lock();
        let first = marks.record.next_reference;
        let next = first.checked_add(count).ok_or(Reason::DeviceMemory)?;
        let record = Marks {
            next_reference: next,
            ..marks.record.clone()
        };
        self.move_marks(&mut marks, record, |batch| {
            self.records.store().commit(None, batch).map_err(stored)
        })?;
        Ok(first..next)
    }

    /// Moves the marks to `next` in a batch that `commit` adds to and commits.
    fn move_marks(
        &self,
        marks: &mut Opened<Marks>,
        next: Marks,
        commit: impl FnOnce(Batch) -> Result<Committed>,
    ) -> Result<Committed> {
        let sealed = self.records.encode(MARKS, &next)?;
        let batch = Batch {
            expect: vec![(MARKS.to_vec(), Condition::Equals(marks.sealed.clone()))],
            write: vec![(MARKS.to_vec(), Some(sealed.clone()))],
            ..Batch::default()
        };
        let outcome = commit(batch);
        match &outcome {
            Ok(_) => {
                *marks = Opened {
                    sealed,
                    record: next,
                }
            }
            // Whether it was committed is not known.
            Err(_) => {
                if let Ok(Some(now)) = self.records.read(MARKS) {
                    *marks = now;
                }
            }
        }
        outcome
    }
}

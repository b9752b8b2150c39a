//! What the audit chain says of a change, and the walk over the chain. Records are sealed before
//! they are queued; the store numbers and chains them in the same commit as the change.

use serde::{Deserialize, Serialize};
use store::Head;
use token::{AuditReport, HsmId, Result, Role};

use crate::{cluster::Cluster, failure::stored};

/// Entries that a walk reads at a time.
const PAGE: usize = 256;

/// An entry of the chain. New kinds of event go to the end: the order is on the disk.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Milliseconds since 1970.
    pub(crate) time_ms: u64,
    /// The application that asked.
    pub(crate) application: [u8; 16],
    /// The uid of its process.
    pub(crate) uid: u32,
    /// The user it was logged in as: number and name.
    pub(crate) user: Option<(u64, String)>,
    /// What happened.
    pub(crate) event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event {
    ClusterCreated,
    ClusterInitialized,
    ClusterActivated,
    HsmCreated {
        hsm: HsmId,
        zone: String,
    },
    HsmDeleted {
        hsm: HsmId,
    },
    UserCreated {
        name: String,
        role: Role,
    },
    UserDeleted {
        name: String,
        role: Role,
    },
    PasswordSet {
        name: String,
        role: Role,
    },
    PasswordChanged {
        name: String,
        role: Role,
    },
    LoggedIn {
        name: String,
        role: Role,
    },
    LoginRefused {
        name: String,
        role: Role,
        locked: bool,
    },
    LoginResumed {
        name: String,
        role: Role,
    },
    LoggedOut {
        name: String,
        role: Role,
    },
    ObjectCreated {
        reference: u64,
    },
    ObjectGenerated {
        reference: u64,
        mechanism: u64,
    },
    ObjectChanged {
        reference: u64,
    },
    ObjectDestroyed {
        reference: u64,
    },
    UserUnlocked {
        name: String,
        role: Role,
    },
    ObjectCopied {
        reference: u64,
        original: u64,
    },
    /// Key material has left the HSM, under another key.
    KeyWrapped {
        reference: u64,
        wrapping: u64,
        mechanism: u64,
    },
    KeyUnwrapped {
        reference: u64,
        unwrapping: u64,
        mechanism: u64,
    },
    KeyDerived {
        reference: u64,
        base: u64,
        mechanism: u64,
    },
    KeyEncapsulated {
        reference: u64,
        public: u64,
        mechanism: u64,
    },
    KeyDecapsulated {
        reference: u64,
        private: u64,
        mechanism: u64,
    },
}

/// Walks the chain of `cluster` from its beginning. The first entry that was altered, or that does
/// not follow from the one before it, ends the walk; a tail that was cut off shows against the
/// store's own head, and against a head that was kept elsewhere.
pub(crate) fn verify(cluster: &Cluster) -> Result<AuditReport> {
    let store = cluster.records().store();
    let mut head = Head::EMPTY;
    loop {
        let page = match store.log(head.entries, PAGE) {
            Err(store::Error::Damaged(_)) => return Ok(report(head, true)),
            page => page.map_err(stored)?,
        };
        if page.is_empty() {
            break;
        }
        for (hash, entry) in page {
            let next = head.after(&entry);
            if next.hash != hash || cluster.sealing().open_entry(&entry).is_none() {
                return Ok(report(head, true));
            }
            head = next;
        }
    }
    // Entries may have come while the chain was walked; none may have gone.
    let end = store.log_head().map_err(stored)?;
    let cut = end.entries < head.entries || (end.entries == head.entries && end.hash != head.hash);
    Ok(report(head, cut))
}

fn report(head: Head, broken: bool) -> AuditReport {
    AuditReport {
        records: head.entries,
        broken_at: broken.then_some(head.entries),
        head: head.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

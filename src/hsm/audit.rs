//! What the audit chain says of a change. Records are sealed before they are queued; the store
//! numbers and chains them in the same commit as the change. A chain outlives its cluster: a new
//! epoch goes on with it (`chain`), and a deleted cluster leaves it behind (`archive`).

pub(crate) mod archive;
pub(crate) mod chain;
mod telling;
mod uses;

use serde::{Deserialize, Serialize};
use token::{HsmId, MechanismId, Operation, Role};

/// The mechanism of a use that names none.
pub(crate) const NO_MECHANISM: MechanismId = MechanismId(cryptoki_sys::CK_UNAVAILABLE_INFORMATION);

/// The name of who claimed one that is nobody's: no user has it. What was claimed is no part of the
/// chain, as it may be a part of a PIN that has a colon.
pub(crate) const UNKNOWN: &str = "";

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

/// What happened; `token::AUDIT_EVENTS` has their names.
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
        /// The token keys that went in.
        bases: Vec<u64>,
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
    /// The value of a key that may be read has been read.
    KeyRevealed {
        reference: u64,
    },
    /// `C_InitToken` has made the cluster anew: all users and objects from before are gone.
    ClusterMadeAnew,
    /// The last entry of an archived chain.
    ClusterDeleted,
    /// An operation has begun with the key.
    KeyUsed {
        reference: u64,
        operation: Operation,
        mechanism: u64,
    },
}

#[cfg(test)]
mod tests;

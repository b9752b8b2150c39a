//! What an operator says and hears of the audit chain.

use serde::{Deserialize, Serialize};

use crate::ApplicationId;

/// Which uses of keys are in the audit chain, besides what changes or moves them (`audit.uses`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Uses {
    /// None.
    #[default]
    Off,
    /// One of 256, at random: nobody knows which one it will be.
    Sampled,
    /// All of them: each costs a commit.
    All,
}

/// What a walk over an audit chain found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// Records in the chain.
    pub records: u64,
    /// Number of the first record that does not follow from the one before it.
    pub broken_at: Option<u64>,
    /// The hash at the chain's end, to be kept elsewhere: 64 hexadecimal digits.
    pub head: String,
}

/// A place in a chain: what lies before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPlace {
    /// Records before it.
    pub records: u64,
    /// The bytes that they have, sealed.
    pub bytes: u64,
    /// The chain's hash after them.
    pub hash: [u8; 32],
}

impl AuditPlace {
    /// Before the first record.
    pub const BEGINNING: Self = Self {
        records: 0,
        bytes: 0,
        hash: [0; 32],
    };

    /// The hash as text: 64 hexadecimal digits.
    pub fn head(&self) -> String {
        self.hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Which records of a chain are wanted; all that do not say otherwise.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AuditFilter {
    /// Not before this time: milliseconds since 1970.
    pub since_ms: Option<u64>,
    /// Not after this time.
    pub until_ms: Option<u64>,
    /// What this user did, or what was done to it; capitals and small letters are one.
    pub user: Option<String>,
    /// One of [`AUDIT_EVENTS`].
    pub event: Option<String>,
}

/// What can happen, as records say it, in the order of the numbers on the disk.
pub const AUDIT_EVENTS: &[&str] = &[
    "cluster-created",
    "cluster-initialized",
    "cluster-activated",
    "hsm-created",
    "hsm-deleted",
    "user-created",
    "user-deleted",
    "password-set",
    "password-changed",
    "logged-in",
    "login-refused",
    "login-resumed",
    "logged-out",
    "object-created",
    "object-generated",
    "object-changed",
    "object-destroyed",
    "user-unlocked",
    "object-copied",
    "key-wrapped",
    "key-unwrapped",
    "key-derived",
    "key-encapsulated",
    "key-decapsulated",
    "key-revealed",
    "cluster-made-anew",
    "cluster-deleted",
    "key-used",
];

/// Some of a chain's records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuditPage {
    /// Those between the place that was asked from and `to` that are wanted: in their order, and
    /// there may be none.
    pub records: Vec<AuditRecord>,
    /// How far the chain was walked.
    pub to: AuditPlace,
    /// What comes there.
    pub next: AuditNext,
}

/// What comes at a place in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditNext {
    /// More of it, perhaps.
    Further,
    /// Nothing: this is its end.
    End,
    /// A record that is missing, was altered, or does not follow from the one before it.
    Broken,
}

/// What a record says. It has no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its place in the chain; the first is 0.
    pub number: u64,
    /// Milliseconds since 1970.
    pub time_ms: u64,
    /// The application that asked.
    pub application: ApplicationId,
    /// The uid of its process.
    pub uid: u32,
    /// The user it was logged in as: number and name.
    pub user: Option<(u64, String)>,
    /// What happened: one of [`AUDIT_EVENTS`].
    pub event: String,
    /// What it happened with, by name.
    pub details: Vec<(String, AuditDetail)>,
}

/// What a record says of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditDetail {
    /// A name or an id.
    Text(String),
    /// The reference of a key or another object; 0 is none on the token.
    Number(u64),
    /// Several of them.
    Numbers(Vec<u64>),
    /// Whether it is so.
    Flag(bool),
}

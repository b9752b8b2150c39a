//! What an operator says and hears of the audit chain.

use serde::{Deserialize, Serialize};

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

//! What stands in a cluster's database, and under which keys: the types of docs/storage-format.md.

use serde::{Deserialize, Serialize};
use token::{Certificates, ClusterState, HsmId};

/// The cluster's own record.
pub(crate) const CLUSTER: &[u8] = b"c";
/// The cluster's private key, PKCS#8.
pub(crate) const PRIVATE_KEY: &[u8] = b"k";
/// The audit key, where the chain began in an epoch before.
pub(crate) const AUDIT_KEY: &[u8] = b"a";
/// What is next.
pub(crate) const MARKS: &[u8] = b"m";
/// The keyspace of HSMs.
pub(crate) const HSMS: u8 = b'h';
/// The keyspace of users.
pub(crate) const USERS: u8 = b'u';
/// The keyspace of logins that can be taken up.
pub(crate) const RESUMES: u8 = b'r';
/// The keyspace of token objects.
pub(crate) const OBJECTS: u8 = b'o';

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ClusterRecord {
    pub(crate) label: String,
    pub(crate) state: ClusterState,
    pub(crate) certificates: Certificates,
    /// 32 hexadecimal digits.
    pub(crate) backup_history: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct HsmRecord {
    pub(crate) id: HsmId,
    pub(crate) zone: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Marks {
    /// The smallest key reference that was never reserved; 0 is none.
    pub(crate) next_reference: u64,
    /// The smallest number that no user ever had; 0 is nobody's.
    pub(crate) next_user: u64,
    /// The smallest order that no HSM ever had.
    pub(crate) next_hsm: u32,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            next_reference: 1,
            next_user: 1,
            next_hsm: 0,
        }
    }
}

pub(crate) fn hsm_key(order: u32) -> Vec<u8> {
    [&[HSMS][..], &order.to_be_bytes()].concat()
}

pub(crate) fn hsm_order(key: &[u8]) -> Option<u32> {
    key.get(1..)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u32::from_be_bytes)
}

//! KMS keys: their records, states, names and tags, and the blobs that they make.

pub(crate) mod alias;
mod cache;
pub(crate) mod ciphertext;
pub(crate) mod context;
mod deletion;
mod directory;
mod id;
mod messages;
mod orphans;
pub(crate) mod record;
pub(crate) mod state;
pub(crate) mod tags;
mod using;

pub(crate) use directory::{Directory, Key};
pub(crate) use id::{KeyId, Reference};
pub(crate) use messages::MessageCount;
pub use orphans::Orphan;

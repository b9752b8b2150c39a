//! A key management service with AWS KMS's operations, shapes and errors. Its keys live in custom
//! key stores: clusters of HSMs, reached through PKCS#11 alone. It holds no key itself.
//!
//! The API: <https://docs.aws.amazon.com/kms/latest/APIReference/>. Custom key stores:
//! <https://docs.aws.amazon.com/kms/latest/developerguide/custom-key-store-overview.html>.
#![forbid(unsafe_code)]

mod api;
mod certificate;
mod clusters;
mod errors;
mod faults;
mod key_store;
mod keys;
mod limits;
mod records;
mod service;
#[cfg(test)]
mod tests;

pub use api::SERVICE;
pub use clusters::{Cluster, ClusterHsm, Clusters, Unreachable};
pub use key_store::ModuleSource;
pub use keys::Orphan;
pub use service::{Kms, OpenError, Settings};

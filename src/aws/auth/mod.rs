//! Who calls: SigV4 signatures, checked and made, and the access keys that they are made with.

pub(crate) mod canonical;
pub mod credentials;
mod signer;
mod sigv4;
#[cfg(test)]
mod tests;

pub use signer::Signer;
pub use sigv4::{AccessKeys, SigningKey, Verifier};

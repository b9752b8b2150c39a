//! Who calls: SigV4 signatures, checked and made, and the access keys that they are made with.

pub(crate) mod canonical;
pub mod credentials;
mod sigv4;
mod signer;
#[cfg(test)]
mod tests;

pub use sigv4::{AccessKeys, SigningKey, Verifier};
pub use signer::Signer;

//! Algorithms over published libraries, and memory for secrets. Nothing here knows PKCS#11, storage
//! or HTTP.
//!
//! The mechanisms of the HSM run on AWS-LC, or its FIPS module; sealing at rest runs on `aes-gcm`. No primitive is
//! written here: XAES-256-GCM (C2SP) is composed from AES and AES-GCM, and the key
//! derivations in `kdf` from HMAC, CMAC and digests, each with its public vectors.

#![deny(unsafe_code)]

pub mod aes;
mod argon2id;
pub mod ccm;
pub mod cmac;
pub mod des3;
pub mod ec;
pub mod edwards;
mod error;
pub mod gcm;
pub mod hash;
mod hkdf;
pub mod hmac;
pub mod kdf;
pub mod key_wrap;
#[cfg(test)]
mod known_answers;
pub mod library;
#[allow(unsafe_code)] // System calls for memory, each with its reason.
mod locked;
pub mod ml_dsa;
pub mod ml_kem;
pub mod montgomery;
#[allow(unsafe_code)] // Calls of AWS-LC in C and of an instruction, each with its reason.
mod native;
mod pool;
pub mod random;
pub mod rsa;
pub mod seal;
mod secret;
mod seeded;
pub mod self_test;
pub mod thread;
mod vector;
pub mod xaes;
pub mod xts;

pub use argon2id::{Cost, argon2id};
pub use error::{Error, Result};
pub use hkdf::hkdf_sha256;
pub use hmac::hmac_sha256;
pub use secret::Secret;
pub use zeroize::{Zeroize, Zeroizing};

/// Whether `a` and `b` are the same bytes, in a time that depends on their lengths alone.
pub fn eq(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

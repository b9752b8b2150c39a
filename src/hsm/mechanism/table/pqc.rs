//! ML-DSA and ML-KEM. The lengths of both are those of public keys, in bytes (§6.67, §6.68).

use crypto::{
    hash::Hash,
    ml_dsa::{self, Prehash},
    ml_kem,
};
use cryptoki_sys as sys;
use token::KeyType;

use crate::mechanism::{
    Row,
    ml_dsa::{MlDsa, pair as dsa_pair},
    ml_kem::{MlKem, pair as kem_pair},
    row::{KeyClass, KeyRule, Unit},
};

pub(super) static ROWS: &[Row] = &[
    Row {
        key: Some(DSA),
        generate_pair: Some(dsa_pair),
        ..named!(CKM_ML_DSA_KEY_PAIR_GEN)
    },
    signs(named!(CKM_ML_DSA), &MlDsa::Pure),
    signs(named!(CKM_HASH_ML_DSA), &MlDsa::OfDigest),
    signs(named!(CKM_HASH_ML_DSA_SHA224), &hashing(Hash::Sha224)),
    signs(named!(CKM_HASH_ML_DSA_SHA256), &hashing(Hash::Sha256)),
    signs(named!(CKM_HASH_ML_DSA_SHA384), &hashing(Hash::Sha384)),
    signs(named!(CKM_HASH_ML_DSA_SHA512), &hashing(Hash::Sha512)),
    signs(named!(CKM_HASH_ML_DSA_SHA3_224), &hashing(Hash::Sha3_224)),
    signs(named!(CKM_HASH_ML_DSA_SHA3_256), &hashing(Hash::Sha3_256)),
    signs(named!(CKM_HASH_ML_DSA_SHA3_384), &hashing(Hash::Sha3_384)),
    signs(named!(CKM_HASH_ML_DSA_SHA3_512), &hashing(Hash::Sha3_512)),
    signs(
        named!(CKM_HASH_ML_DSA_SHAKE128),
        &MlDsa::Hashing(Prehash::Shake128),
    ),
    signs(
        named!(CKM_HASH_ML_DSA_SHAKE256),
        &MlDsa::Hashing(Prehash::Shake256),
    ),
    Row {
        key: Some(KEM),
        generate_pair: Some(kem_pair),
        ..named!(CKM_ML_KEM_KEY_PAIR_GEN)
    },
    Row {
        key: Some(KEM),
        encapsulate: Some(&MlKem),
        decapsulate: Some(&MlKem),
        ..named!(CKM_ML_KEM)
    },
];

const DSA: KeyRule = KeyRule {
    class: KeyClass::Pair,
    types: &[KeyType(sys::CKK_ML_DSA)],
    min_bits: ml_dsa::ParameterSet::MlDsa44.public_len() as u64 * 8,
    max_bits: ml_dsa::ParameterSet::MlDsa87.public_len() as u64 * 8,
    unit: Unit::Bytes,
};

const KEM: KeyRule = KeyRule {
    class: KeyClass::Pair,
    types: &[KeyType(sys::CKK_ML_KEM)],
    min_bits: ml_kem::ParameterSet::MlKem512.public_len() as u64 * 8,
    max_bits: ml_kem::ParameterSet::MlKem1024.public_len() as u64 * 8,
    unit: Unit::Bytes,
};

const fn hashing(hash: Hash) -> MlDsa {
    MlDsa::Hashing(Prehash::Hash(hash))
}

const fn signs(row: Row, column: &'static MlDsa) -> Row {
    Row {
        key: Some(DSA),
        sign: Some(column),
        verify: Some(column),
        ..row
    }
}

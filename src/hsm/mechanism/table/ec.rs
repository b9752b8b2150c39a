//! Elliptic curves.

use crypto::hash::Hash;
use cryptoki_sys as sys;
use token::KeyType;

use crate::mechanism::{
    Row,
    ecdh::Ecdh,
    ecdsa::Ecdsa,
    eddsa::Eddsa,
    pairs,
    row::{KeyClass, KeyRule, Unit},
};

pub(super) static ROWS: &[Row] = &[
    Row {
        key: Some(EC),
        generate_pair: Some(pairs::ec),
        ..named!(CKM_EC_KEY_PAIR_GEN)
    },
    Row {
        key: Some(EDWARDS),
        generate_pair: Some(pairs::edwards),
        ..named!(CKM_EC_EDWARDS_KEY_PAIR_GEN)
    },
    Row {
        key: Some(MONTGOMERY),
        generate_pair: Some(pairs::montgomery),
        ..named!(CKM_EC_MONTGOMERY_KEY_PAIR_GEN)
    },
    Row {
        key: Some(AGREEING),
        derive: Some(&Ecdh),
        ..named!(CKM_ECDH1_DERIVE)
    },
    Row {
        key: Some(AGREEING),
        derive: Some(&Ecdh),
        ..named!(CKM_ECDH1_COFACTOR_DERIVE)
    },
    Row {
        key: Some(EDWARDS),
        sign: Some(&Eddsa),
        verify: Some(&Eddsa),
        ..named!(CKM_EDDSA)
    },
    ecdsa(named!(CKM_ECDSA), &Ecdsa(None)),
    ecdsa(named!(CKM_ECDSA_SHA1), &Ecdsa(Some(Hash::Sha1))),
    ecdsa(named!(CKM_ECDSA_SHA224), &Ecdsa(Some(Hash::Sha224))),
    ecdsa(named!(CKM_ECDSA_SHA256), &Ecdsa(Some(Hash::Sha256))),
    ecdsa(named!(CKM_ECDSA_SHA384), &Ecdsa(Some(Hash::Sha384))),
    ecdsa(named!(CKM_ECDSA_SHA512), &Ecdsa(Some(Hash::Sha512))),
    ecdsa(named!(CKM_ECDSA_SHA3_224), &Ecdsa(Some(Hash::Sha3_224))),
    ecdsa(named!(CKM_ECDSA_SHA3_256), &Ecdsa(Some(Hash::Sha3_256))),
    ecdsa(named!(CKM_ECDSA_SHA3_384), &Ecdsa(Some(Hash::Sha3_384))),
    ecdsa(named!(CKM_ECDSA_SHA3_512), &Ecdsa(Some(Hash::Sha3_512))),
];

const fn ecdsa(row: Row, column: &'static Ecdsa) -> Row {
    Row {
        key: Some(EC),
        sign: Some(column),
        verify: Some(column),
        ..row
    }
}

const EC: KeyRule = KeyRule {
    class: KeyClass::Pair,
    types: &[KeyType(sys::CKK_EC)],
    min_bits: 224,
    max_bits: 521,
    unit: Unit::Bits,
};

const EDWARDS: KeyRule = KeyRule {
    class: KeyClass::Pair,
    types: &[KeyType(sys::CKK_EC_EDWARDS)],
    min_bits: 255,
    max_bits: 255,
    unit: Unit::Bits,
};

const MONTGOMERY: KeyRule = KeyRule {
    types: &[KeyType(sys::CKK_EC_MONTGOMERY)],
    ..EDWARDS
};

/// Curves of both kinds.
const AGREEING: KeyRule = KeyRule {
    types: &[KeyType(sys::CKK_EC), KeyType(sys::CKK_EC_MONTGOMERY)],
    ..EC
};

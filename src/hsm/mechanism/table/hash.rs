//! Generic secrets, digests and HMAC.

use crypto::hash::Hash;
use cryptoki_sys as sys;
use token::{KeyType, limits};

use crate::mechanism::{
    Row,
    digest::Digest,
    generate,
    hmac::Hmac,
    row::{KeyClass, KeyRule, Unit},
};

pub(super) static ROWS: &[Row] = &[
    Row {
        key: Some(KeyRule {
            unit: Unit::Bits,
            ..SECRET
        }),
        generate: Some(generate::generic_secret),
        ..named!(CKM_GENERIC_SECRET_KEY_GEN)
    },
    digest(named!(CKM_SHA_1), &Digest(Hash::Sha1)),
    digest(named!(CKM_SHA224), &Digest(Hash::Sha224)),
    digest(named!(CKM_SHA256), &Digest(Hash::Sha256)),
    digest(named!(CKM_SHA384), &Digest(Hash::Sha384)),
    digest(named!(CKM_SHA512), &Digest(Hash::Sha512)),
    hmac(named!(CKM_SHA_1_HMAC), SHA_1_KEY, &whole(Hash::Sha1)),
    hmac(named!(CKM_SHA224_HMAC), SHA224_KEY, &whole(Hash::Sha224)),
    hmac(named!(CKM_SHA256_HMAC), SHA256_KEY, &whole(Hash::Sha256)),
    hmac(named!(CKM_SHA384_HMAC), SHA384_KEY, &whole(Hash::Sha384)),
    hmac(named!(CKM_SHA512_HMAC), SHA512_KEY, &whole(Hash::Sha512)),
    hmac(
        named!(CKM_SHA_1_HMAC_GENERAL),
        SHA_1_KEY,
        &general(Hash::Sha1),
    ),
    hmac(
        named!(CKM_SHA224_HMAC_GENERAL),
        SHA224_KEY,
        &general(Hash::Sha224),
    ),
    hmac(
        named!(CKM_SHA256_HMAC_GENERAL),
        SHA256_KEY,
        &general(Hash::Sha256),
    ),
    hmac(
        named!(CKM_SHA384_HMAC_GENERAL),
        SHA384_KEY,
        &general(Hash::Sha384),
    ),
    hmac(
        named!(CKM_SHA512_HMAC_GENERAL),
        SHA512_KEY,
        &general(Hash::Sha512),
    ),
];

pub(super) const SECRET: KeyRule = KeyRule {
    class: KeyClass::Secret,
    types: &[KeyType(sys::CKK_GENERIC_SECRET)],
    min_bits: 8,
    max_bits: limits::GENERIC_SECRET_BYTES as u64 * 8,
    unit: Unit::Bytes,
};

// §6.20: each HMAC takes generic secrets, and the key type that is reserved for it.
const SHA_1_KEY: KeyRule = hmac_key(&[GENERIC, KeyType(sys::CKK_SHA_1_HMAC)]);
const SHA224_KEY: KeyRule = hmac_key(&[GENERIC, KeyType(sys::CKK_SHA224_HMAC)]);
const SHA256_KEY: KeyRule = hmac_key(&[GENERIC, KeyType(sys::CKK_SHA256_HMAC)]);
const SHA384_KEY: KeyRule = hmac_key(&[GENERIC, KeyType(sys::CKK_SHA384_HMAC)]);
const SHA512_KEY: KeyRule = hmac_key(&[GENERIC, KeyType(sys::CKK_SHA512_HMAC)]);
pub(super) const GENERIC: KeyType = KeyType(sys::CKK_GENERIC_SECRET);

const fn hmac_key(types: &'static [KeyType]) -> KeyRule {
    KeyRule { types, ..SECRET }
}

const fn whole(hash: Hash) -> Hmac {
    Hmac {
        hash,
        general: false,
    }
}

const fn general(hash: Hash) -> Hmac {
    Hmac {
        hash,
        general: true,
    }
}

const fn digest(row: Row, column: &'static Digest) -> Row {
    Row {
        digest: Some(column),
        ..row
    }
}

const fn hmac(row: Row, key: KeyRule, column: &'static Hmac) -> Row {
    Row {
        key: Some(key),
        sign: Some(column),
        verify: Some(column),
        ..row
    }
}

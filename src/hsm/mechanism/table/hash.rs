//! Generic secrets; and for each hash its digest, its HMAC, the keys of that, and its derivation.

use crypto::hash::Hash;
use cryptoki_sys as sys;
use token::{KeyType, limits};

use crate::mechanism::{
    Row,
    derive::Derive,
    digest::Digest,
    generate,
    mac::{Function, Mac},
    row::{KeyClass, KeyRule, Unit},
};

pub(super) static ROWS: &[Row] = &[Row {
    key: Some(KeyRule {
        unit: Unit::Bits,
        ..SECRET
    }),
    generate: Some(generate::generic_secret),
    ..named!(CKM_GENERIC_SECRET_KEY_GEN)
}];

/// The five rows of each hash.
macro_rules! hashes {
    ($($hash:ident($key_type:ident): $digest:ident, $hmac:ident, $general:ident, $generate:ident, $derive:ident;)*) => {
        &[$(
            Row {
                digest: Some(&Digest(Hash::$hash)),
                ..named!($digest)
            },
            Row {
                // §6.22: generic secrets, and the key type that is reserved for the HMAC.
                key: Some(KeyRule {
                    types: &[GENERIC, KeyType(sys::$key_type)],
                    ..SECRET
                }),
                sign: Some(&Mac { function: Function::Hmac(Hash::$hash), general: false }),
                verify: Some(&Mac { function: Function::Hmac(Hash::$hash), general: false }),
                ..named!($hmac)
            },
            Row {
                key: Some(KeyRule {
                    types: &[GENERIC, KeyType(sys::$key_type)],
                    ..SECRET
                }),
                sign: Some(&Mac { function: Function::Hmac(Hash::$hash), general: true }),
                verify: Some(&Mac { function: Function::Hmac(Hash::$hash), general: true }),
                ..named!($general)
            },
            Row {
                key: Some(KeyRule {
                    types: &[KeyType(sys::$key_type)],
                    ..SECRET
                }),
                generate: Some(|parameters, attributes| {
                    generate::hmac_key(Hash::$hash, parameters, attributes)
                }),
                ..named!($generate)
            },
            Row {
                key: Some(ANY_SECRET),
                derive: Some(&Derive::Hash(Hash::$hash)),
                ..named!($derive)
            },
        )*]
    };
}

pub(super) static OF_HASHES: &[Row] = hashes! {
    Sha1(CKK_SHA_1_HMAC): CKM_SHA_1, CKM_SHA_1_HMAC, CKM_SHA_1_HMAC_GENERAL,
        CKM_SHA_1_KEY_GEN, CKM_SHA1_KEY_DERIVATION;
    Sha224(CKK_SHA224_HMAC): CKM_SHA224, CKM_SHA224_HMAC, CKM_SHA224_HMAC_GENERAL,
        CKM_SHA224_KEY_GEN, CKM_SHA224_KEY_DERIVATION;
    Sha256(CKK_SHA256_HMAC): CKM_SHA256, CKM_SHA256_HMAC, CKM_SHA256_HMAC_GENERAL,
        CKM_SHA256_KEY_GEN, CKM_SHA256_KEY_DERIVATION;
    Sha384(CKK_SHA384_HMAC): CKM_SHA384, CKM_SHA384_HMAC, CKM_SHA384_HMAC_GENERAL,
        CKM_SHA384_KEY_GEN, CKM_SHA384_KEY_DERIVATION;
    Sha512(CKK_SHA512_HMAC): CKM_SHA512, CKM_SHA512_HMAC, CKM_SHA512_HMAC_GENERAL,
        CKM_SHA512_KEY_GEN, CKM_SHA512_KEY_DERIVATION;
    Sha512_224(CKK_SHA512_224_HMAC): CKM_SHA512_224, CKM_SHA512_224_HMAC,
        CKM_SHA512_224_HMAC_GENERAL, CKM_SHA512_224_KEY_GEN, CKM_SHA512_224_KEY_DERIVATION;
    Sha512_256(CKK_SHA512_256_HMAC): CKM_SHA512_256, CKM_SHA512_256_HMAC,
        CKM_SHA512_256_HMAC_GENERAL, CKM_SHA512_256_KEY_GEN, CKM_SHA512_256_KEY_DERIVATION;
    Sha3_224(CKK_SHA3_224_HMAC): CKM_SHA3_224, CKM_SHA3_224_HMAC, CKM_SHA3_224_HMAC_GENERAL,
        CKM_SHA3_224_KEY_GEN, CKM_SHA3_224_KEY_DERIVATION;
    Sha3_256(CKK_SHA3_256_HMAC): CKM_SHA3_256, CKM_SHA3_256_HMAC, CKM_SHA3_256_HMAC_GENERAL,
        CKM_SHA3_256_KEY_GEN, CKM_SHA3_256_KEY_DERIVATION;
    Sha3_384(CKK_SHA3_384_HMAC): CKM_SHA3_384, CKM_SHA3_384_HMAC, CKM_SHA3_384_HMAC_GENERAL,
        CKM_SHA3_384_KEY_GEN, CKM_SHA3_384_KEY_DERIVATION;
    Sha3_512(CKK_SHA3_512_HMAC): CKM_SHA3_512, CKM_SHA3_512_HMAC, CKM_SHA3_512_HMAC_GENERAL,
        CKM_SHA3_512_KEY_GEN, CKM_SHA3_512_KEY_DERIVATION;
};

pub(super) const SECRET: KeyRule = KeyRule {
    class: KeyClass::Secret,
    types: &[GENERIC],
    min_bits: 8,
    max_bits: limits::GENERIC_SECRET_BYTES as u64 * 8,
    unit: Unit::Bytes,
};

/// Any secret key: what takes its value, whatever it is meant for.
pub(super) const ANY_SECRET: KeyRule = KeyRule {
    types: &[
        GENERIC,
        KeyType(sys::CKK_AES),
        KeyType(sys::CKK_DES),
        KeyType(sys::CKK_DES2),
        KeyType(sys::CKK_DES3),
        KeyType(sys::CKK_HKDF),
        KeyType(sys::CKK_SHA_1_HMAC),
        KeyType(sys::CKK_SHA224_HMAC),
        KeyType(sys::CKK_SHA256_HMAC),
        KeyType(sys::CKK_SHA384_HMAC),
        KeyType(sys::CKK_SHA512_HMAC),
        KeyType(sys::CKK_SHA512_224_HMAC),
        KeyType(sys::CKK_SHA512_256_HMAC),
        KeyType(sys::CKK_SHA3_224_HMAC),
        KeyType(sys::CKK_SHA3_256_HMAC),
        KeyType(sys::CKK_SHA3_384_HMAC),
        KeyType(sys::CKK_SHA3_512_HMAC),
    ],
    ..SECRET
};

pub(super) const GENERIC: KeyType = KeyType(sys::CKK_GENERIC_SECRET);

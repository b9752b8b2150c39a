//! RSA.

use crypto::{hash::Hash, rsa};
use cryptoki_sys as sys;
use token::KeyType;

use crate::mechanism::{
    Row, pairs,
    row::{KeyClass, KeyRule, Unit},
    rsa_aes_wrap::RsaAesKeyWrap,
    rsa_encryption::{Decrypt, Encrypt, KeyWrap, Padding},
    rsa_signature::{Recover, Scheme, Signature},
};

pub(super) static ROWS: &[Row] = &[
    Row {
        key: Some(RSA_PAIR),
        generate_pair: Some(pairs::rsa),
        ..named!(CKM_RSA_PKCS_KEY_PAIR_GEN)
    },
    Row {
        key: Some(RSA_PAIR),
        generate_pair: Some(pairs::rsa),
        ..named!(CKM_RSA_X9_31_KEY_PAIR_GEN)
    },
    Row {
        encrypt: Some(&Encrypt(Padding::Pkcs1)),
        decrypt: Some(&Decrypt(Padding::Pkcs1)),
        sign_recover: Some(&Signature(Scheme::Pkcs1, None)),
        verify_recover: Some(&Recover(Scheme::Pkcs1)),
        wrap: Some(&KeyWrap(Padding::Pkcs1)),
        unwrap: Some(&KeyWrap(Padding::Pkcs1)),
        ..signs(named!(CKM_RSA_PKCS), &Signature(Scheme::Pkcs1, None))
    },
    Row {
        encrypt: Some(&Encrypt(Padding::None)),
        decrypt: Some(&Decrypt(Padding::None)),
        sign_recover: Some(&Signature(Scheme::Raw, None)),
        verify_recover: Some(&Recover(Scheme::Raw)),
        ..signs(named!(CKM_RSA_X_509), &Signature(Scheme::Raw, None))
    },
    Row {
        key: Some(RSA),
        encrypt: Some(&Encrypt(Padding::Oaep)),
        decrypt: Some(&Decrypt(Padding::Oaep)),
        wrap: Some(&KeyWrap(Padding::Oaep)),
        unwrap: Some(&KeyWrap(Padding::Oaep)),
        ..named!(CKM_RSA_PKCS_OAEP)
    },
    Row {
        key: Some(RSA),
        wrap: Some(&RsaAesKeyWrap),
        unwrap: Some(&RsaAesKeyWrap),
        ..named!(CKM_RSA_AES_KEY_WRAP)
    },
    signs(named!(CKM_RSA_PKCS_PSS), &Signature(Scheme::Pss, None)),
    hashes(
        named!(CKM_SHA1_RSA_PKCS),
        &Signature(Scheme::Pkcs1, Some(Hash::Sha1)),
    ),
    hashes(
        named!(CKM_SHA224_RSA_PKCS),
        &Signature(Scheme::Pkcs1, Some(Hash::Sha224)),
    ),
    hashes(
        named!(CKM_SHA256_RSA_PKCS),
        &Signature(Scheme::Pkcs1, Some(Hash::Sha256)),
    ),
    hashes(
        named!(CKM_SHA384_RSA_PKCS),
        &Signature(Scheme::Pkcs1, Some(Hash::Sha384)),
    ),
    hashes(
        named!(CKM_SHA512_RSA_PKCS),
        &Signature(Scheme::Pkcs1, Some(Hash::Sha512)),
    ),
    hashes(
        named!(CKM_SHA3_224_RSA_PKCS),
        &Signature(Scheme::Pkcs1, Some(Hash::Sha3_224)),
    ),
    hashes(
        named!(CKM_SHA3_256_RSA_PKCS),
        &Signature(Scheme::Pkcs1, Some(Hash::Sha3_256)),
    ),
    hashes(
        named!(CKM_SHA3_384_RSA_PKCS),
        &Signature(Scheme::Pkcs1, Some(Hash::Sha3_384)),
    ),
    hashes(
        named!(CKM_SHA3_512_RSA_PKCS),
        &Signature(Scheme::Pkcs1, Some(Hash::Sha3_512)),
    ),
    signs(
        named!(CKM_SHA1_RSA_PKCS_PSS),
        &Signature(Scheme::Pss, Some(Hash::Sha1)),
    ),
    signs(
        named!(CKM_SHA224_RSA_PKCS_PSS),
        &Signature(Scheme::Pss, Some(Hash::Sha224)),
    ),
    signs(
        named!(CKM_SHA256_RSA_PKCS_PSS),
        &Signature(Scheme::Pss, Some(Hash::Sha256)),
    ),
    signs(
        named!(CKM_SHA384_RSA_PKCS_PSS),
        &Signature(Scheme::Pss, Some(Hash::Sha384)),
    ),
    signs(
        named!(CKM_SHA512_RSA_PKCS_PSS),
        &Signature(Scheme::Pss, Some(Hash::Sha512)),
    ),
    signs(
        named!(CKM_SHA3_224_RSA_PKCS_PSS),
        &Signature(Scheme::Pss, Some(Hash::Sha3_224)),
    ),
    signs(
        named!(CKM_SHA3_256_RSA_PKCS_PSS),
        &Signature(Scheme::Pss, Some(Hash::Sha3_256)),
    ),
    signs(
        named!(CKM_SHA3_384_RSA_PKCS_PSS),
        &Signature(Scheme::Pss, Some(Hash::Sha3_384)),
    ),
    signs(
        named!(CKM_SHA3_512_RSA_PKCS_PSS),
        &Signature(Scheme::Pss, Some(Hash::Sha3_512)),
    ),
];

const fn signs(row: Row, column: &'static Signature) -> Row {
    Row {
        key: Some(RSA),
        sign: Some(column),
        verify: Some(column),
        ..row
    }
}

/// As above, also for the public keys of old certificates.
const fn hashes(row: Row, column: &'static Signature) -> Row {
    Row {
        key: Some(RSA_OLD),
        ..signs(row, column)
    }
}

const RSA: KeyRule = KeyRule {
    class: KeyClass::Pair,
    types: &[KeyType(sys::CKK_RSA)],
    min_bits: rsa::GENERATED_BITS_MIN as u64,
    max_bits: rsa::BITS_MAX as u64,
    unit: Unit::Bits,
};

const RSA_OLD: KeyRule = KeyRule {
    min_bits: rsa::PUBLIC_BITS_MIN as u64,
    ..RSA
};

const RSA_PAIR: KeyRule = KeyRule {
    max_bits: rsa::GENERATED_BITS_MAX as u64,
    ..RSA
};

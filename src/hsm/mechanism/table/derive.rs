//! Keys from keys and passwords.

use crypto::kdf::Xof;
use cryptoki_sys as sys;
use token::{KeyType, MechanismId};

use super::hash::{ANY_SECRET, GENERIC, SECRET};
use crate::mechanism::{
    Row,
    derive::Derive,
    generate,
    kdf::{Hkdf, Sp800108},
    row::KeyRule,
};

pub(super) static ROWS: &[Row] = &[
    derives(named!(CKM_CONCATENATE_BASE_AND_KEY), &Derive::BaseAndKey),
    derives(named!(CKM_CONCATENATE_BASE_AND_DATA), &Derive::BaseAndData),
    derives(named!(CKM_CONCATENATE_DATA_AND_BASE), &Derive::DataAndBase),
    derives(named!(CKM_XOR_BASE_AND_DATA), &Derive::Xor),
    derives(named!(CKM_EXTRACT_KEY_FROM_KEY), &Derive::Extract),
    derives(
        named!(CKM_SHAKE_128_KEY_DERIVATION),
        &Derive::Shake(Xof::Shake128),
    ),
    derives(
        named!(CKM_SHAKE_256_KEY_DERIVATION),
        &Derive::Shake(Xof::Shake256),
    ),
    Row {
        key: Some(HKDF_KEY),
        derive: Some(&Hkdf { data: false }),
        ..named!(CKM_HKDF_DERIVE)
    },
    Row {
        key: Some(HKDF_KEY),
        derive: Some(&Hkdf { data: true }),
        ..named!(CKM_HKDF_DATA)
    },
    Row {
        key: Some(KeyRule {
            types: &[KeyType(sys::CKK_HKDF)],
            ..SECRET
        }),
        generate: Some(generate::generic_secret),
        ..named!(CKM_HKDF_KEY_GEN)
    },
    Row {
        key: Some(ANY_SECRET),
        derive: Some(&Sp800108::Counter),
        ..named!(CKM_SP800_108_COUNTER_KDF)
    },
    Row {
        key: Some(ANY_SECRET),
        derive: Some(&Sp800108::Feedback),
        ..named!(CKM_SP800_108_FEEDBACK_KDF)
    },
    Row {
        key: Some(ANY_SECRET),
        derive: Some(&Sp800108::DoublePipeline),
        ..named!(CKM_SP800_108_DOUBLE_PIPELINE_KDF)
    },
    Row {
        key: Some(ANY_SECRET),
        derive: Some(&Sp800108::Counter),
        ..Row::new(
            MechanismId::CLOUDHSM_COUNTER_KDF.0,
            "CKM_STRONGROOM_CLOUDHSM_COUNTER_KDF",
        )
    },
    Row {
        key: Some(ANY_SECRET),
        generate: Some(generate::pbkdf2),
        ..named!(CKM_PKCS5_PBKD2)
    },
];

const HKDF_KEY: KeyRule = KeyRule {
    types: &[GENERIC, KeyType(sys::CKK_HKDF)],
    ..SECRET
};

const fn derives(row: Row, column: &'static Derive) -> Row {
    Row {
        key: Some(ANY_SECRET),
        derive: Some(column),
        ..row
    }
}

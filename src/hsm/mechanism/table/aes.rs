//! AES.

use cryptoki_sys as sys;
use token::{KeyType, MechanismId};

use crate::mechanism::{
    Row,
    blocks::{Blocks, Direction, Mode},
    counter::Ctr,
    gcm, generate,
    row::{KeyClass, KeyRule, Unit},
    xaes,
};

pub(super) static ROWS: &[Row] = &[
    Row {
        key: Some(AES_KEY),
        generate: Some(generate::aes),
        ..named!(CKM_AES_KEY_GEN)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&Blocks(Mode::Ecb, Direction::Encrypt)),
        decrypt: Some(&Blocks(Mode::Ecb, Direction::Decrypt)),
        ..named!(CKM_AES_ECB)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&Blocks(Mode::Cbc, Direction::Encrypt)),
        decrypt: Some(&Blocks(Mode::Cbc, Direction::Decrypt)),
        ..named!(CKM_AES_CBC)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&Blocks(Mode::CbcPad, Direction::Encrypt)),
        decrypt: Some(&Blocks(Mode::CbcPad, Direction::Decrypt)),
        ..named!(CKM_AES_CBC_PAD)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&Ctr::Encrypt),
        decrypt: Some(&Ctr::Decrypt),
        ..named!(CKM_AES_CTR)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&gcm::Encrypt),
        decrypt: Some(&gcm::Decrypt),
        message: Some(gcm::message),
        ..named!(CKM_AES_GCM)
    },
    Row {
        key: Some(KeyRule {
            min_bits: 256,
            ..AES_KEY
        }),
        encrypt: Some(&xaes::Encrypt),
        decrypt: Some(&xaes::Decrypt),
        ..Row::new(MechanismId::XAES_256_GCM.0, "CKM_STRONGROOM_XAES_256_GCM")
    },
];

pub(super) const AES_KEY: KeyRule = KeyRule {
    class: KeyClass::Secret,
    types: &[KeyType(sys::CKK_AES)],
    min_bits: 128,
    max_bits: 256,
    unit: Unit::Bytes,
};

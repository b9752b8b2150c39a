//! Triple DES and DES: for data that old systems made; not in FIPS mode.

use crypto::des3;
use cryptoki_sys as sys;
use token::KeyType;

use crate::mechanism::{
    Row,
    blocks::{Des3, Direction, Mode},
    derive::Derive,
    generate,
    keying::Encrypting,
    mac::{Function, Mac},
    row::{KeyClass, KeyRule, Unit},
};

pub(super) static ROWS: &[Row] = &[
    Row {
        key: Some(key(&[DES3])),
        generate: Some(generate::des::<{ des3::KEY_LEN }>),
        ..named!(CKM_DES3_KEY_GEN)
    },
    Row {
        key: Some(key(&[DES2])),
        generate: Some(generate::des::<{ des3::TWO_PARTS }>),
        ..named!(CKM_DES2_KEY_GEN)
    },
    Row {
        key: Some(DES_KEY),
        generate: Some(generate::des::<{ des3::ONE_PART }>),
        ..named!(CKM_DES_KEY_GEN)
    },
    Row {
        key: Some(DES3_KEY),
        encrypt: Some(&Des3::new(Mode::Ecb, Direction::Encrypt)),
        decrypt: Some(&Des3::new(Mode::Ecb, Direction::Decrypt)),
        wrap: Some(&ECB),
        unwrap: Some(&ECB),
        ..named!(CKM_DES3_ECB)
    },
    Row {
        key: Some(DES3_KEY),
        encrypt: Some(&Des3::new(Mode::Cbc, Direction::Encrypt)),
        decrypt: Some(&Des3::new(Mode::Cbc, Direction::Decrypt)),
        wrap: Some(&CBC),
        unwrap: Some(&CBC),
        ..named!(CKM_DES3_CBC)
    },
    Row {
        key: Some(DES3_KEY),
        encrypt: Some(&Des3::new(Mode::CbcPad, Direction::Encrypt)),
        decrypt: Some(&Des3::new(Mode::CbcPad, Direction::Decrypt)),
        wrap: Some(&CBC_PAD),
        unwrap: Some(&CBC_PAD),
        ..named!(CKM_DES3_CBC_PAD)
    },
    Row {
        key: Some(DES3_KEY),
        sign: Some(&CMAC),
        verify: Some(&CMAC),
        ..named!(CKM_DES3_CMAC)
    },
    Row {
        key: Some(DES3_KEY),
        sign: Some(&CMAC_GENERAL),
        verify: Some(&CMAC_GENERAL),
        ..named!(CKM_DES3_CMAC_GENERAL)
    },
    Row {
        key: Some(DES3_KEY),
        derive: Some(&Derive::EncryptDes3),
        ..named!(CKM_DES3_ECB_ENCRYPT_DATA)
    },
    Row {
        key: Some(DES3_KEY),
        derive: Some(&Derive::EncryptDes3),
        ..named!(CKM_DES3_CBC_ENCRYPT_DATA)
    },
    Row {
        key: Some(DES_KEY),
        encrypt: Some(&Des3::new(Mode::Ecb, Direction::Encrypt)),
        decrypt: Some(&Des3::new(Mode::Ecb, Direction::Decrypt)),
        wrap: Some(&ECB),
        unwrap: Some(&ECB),
        ..named!(CKM_DES_ECB)
    },
    Row {
        key: Some(DES_KEY),
        encrypt: Some(&Des3::new(Mode::Cbc, Direction::Encrypt)),
        decrypt: Some(&Des3::new(Mode::Cbc, Direction::Decrypt)),
        wrap: Some(&CBC),
        unwrap: Some(&CBC),
        ..named!(CKM_DES_CBC)
    },
    Row {
        key: Some(DES_KEY),
        encrypt: Some(&Des3::new(Mode::CbcPad, Direction::Encrypt)),
        decrypt: Some(&Des3::new(Mode::CbcPad, Direction::Decrypt)),
        wrap: Some(&CBC_PAD),
        unwrap: Some(&CBC_PAD),
        ..named!(CKM_DES_CBC_PAD)
    },
    Row {
        key: Some(DES_KEY),
        derive: Some(&Derive::EncryptDes3),
        ..named!(CKM_DES_ECB_ENCRYPT_DATA)
    },
    Row {
        key: Some(DES_KEY),
        derive: Some(&Derive::EncryptDes3),
        ..named!(CKM_DES_CBC_ENCRYPT_DATA)
    },
];

static ECB: Encrypting = wrapping(
    &Des3::new(Mode::Ecb, Direction::Encrypt),
    &Des3::new(Mode::Ecb, Direction::Decrypt),
    crypto::des3::BLOCK,
);
static CBC: Encrypting = wrapping(
    &Des3::new(Mode::Cbc, Direction::Encrypt),
    &Des3::new(Mode::Cbc, Direction::Decrypt),
    crypto::des3::BLOCK,
);
static CBC_PAD: Encrypting = wrapping(
    &Des3::new(Mode::CbcPad, Direction::Encrypt),
    &Des3::new(Mode::CbcPad, Direction::Decrypt),
    0,
);

static CMAC: Mac = Mac {
    function: Function::CmacDes3,
    general: false,
};
static CMAC_GENERAL: Mac = Mac {
    function: Function::CmacDes3,
    general: true,
};

const fn wrapping(encrypt: &'static Des3, decrypt: &'static Des3, block: usize) -> Encrypting {
    Encrypting {
        encrypt,
        decrypt,
        block,
    }
}

const DES: KeyType = KeyType(sys::CKK_DES);
const DES2: KeyType = KeyType(sys::CKK_DES2);
const DES3: KeyType = KeyType(sys::CKK_DES3);

const DES3_KEY: KeyRule = key(&[DES3, DES2]);
const DES_KEY: KeyRule = key(&[DES]);

/// The keys of these types: the longest first.
const fn key(types: &'static [KeyType]) -> KeyRule {
    KeyRule {
        class: KeyClass::Secret,
        types,
        min_bits: bits(types.last()),
        max_bits: bits(types.first()),
        unit: Unit::Bytes,
    }
}

const fn bits(key_type: Option<&KeyType>) -> u64 {
    match key_type {
        Some(&DES) => 64,
        Some(&DES2) => 128,
        _ => 192,
    }
}

//! AES.

use cryptoki_sys as sys;
use token::{KeyType, MechanismId};

use crate::mechanism::{
    Row, Transformation,
    blocks::{Aes, Direction, Mode},
    ccm, cloudhsm,
    counter::Ctr,
    derive::Derive,
    gcm, generate,
    key_wrap::{KeyWrap, Keys, Padding},
    keying::Encrypting,
    mac::{Function, Mac},
    row::{KeyClass, KeyRule, Unit},
    sealing_wrap::Sealing,
    xaes,
    xts::Xts,
};

pub(super) static ROWS: &[Row] = &[
    Row {
        key: Some(AES_KEY),
        generate: Some(generate::aes),
        ..named!(CKM_AES_KEY_GEN)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&Aes::new(Mode::Ecb, Direction::Encrypt)),
        decrypt: Some(&Aes::new(Mode::Ecb, Direction::Decrypt)),
        wrap: Some(&ECB),
        unwrap: Some(&ECB),
        ..named!(CKM_AES_ECB)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&Aes::new(Mode::Cbc, Direction::Encrypt)),
        decrypt: Some(&Aes::new(Mode::Cbc, Direction::Decrypt)),
        wrap: Some(&CBC),
        unwrap: Some(&CBC),
        ..named!(CKM_AES_CBC)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&Aes::new(Mode::CbcPad, Direction::Encrypt)),
        decrypt: Some(&Aes::new(Mode::CbcPad, Direction::Decrypt)),
        wrap: Some(&CBC_PAD),
        unwrap: Some(&CBC_PAD),
        ..named!(CKM_AES_CBC_PAD)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&Ctr::Encrypt),
        decrypt: Some(&Ctr::Decrypt),
        wrap: Some(&CTR),
        unwrap: Some(&CTR),
        ..named!(CKM_AES_CTR)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&gcm::Encrypt),
        decrypt: Some(&gcm::Decrypt),
        message: Some(gcm::message),
        wrap: Some(&GCM),
        unwrap: Some(&GCM),
        ..named!(CKM_AES_GCM)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&ccm::Encrypt),
        decrypt: Some(&ccm::Decrypt),
        message: Some(ccm::message),
        wrap: Some(&CCM),
        unwrap: Some(&CCM),
        ..named!(CKM_AES_CCM)
    },
    signs(named!(CKM_AES_GMAC), &mac(Function::Gmac, false)),
    signs(named!(CKM_AES_CMAC), &mac(Function::CmacAes, false)),
    signs(named!(CKM_AES_CMAC_GENERAL), &mac(Function::CmacAes, true)),
    Row {
        key: Some(XTS_KEY),
        generate: Some(generate::aes_xts),
        ..named!(CKM_AES_XTS_KEY_GEN)
    },
    Row {
        key: Some(XTS_KEY),
        encrypt: Some(&Xts(Direction::Encrypt)),
        decrypt: Some(&Xts(Direction::Decrypt)),
        ..named!(CKM_AES_XTS)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&KeyWrap(Padding::None, Direction::Encrypt)),
        decrypt: Some(&KeyWrap(Padding::None, Direction::Decrypt)),
        wrap: Some(&Keys(Padding::Zeroes)),
        unwrap: Some(&Keys(Padding::Zeroes)),
        ..named!(CKM_AES_KEY_WRAP)
    },
    wraps(
        named!(CKM_AES_KEY_WRAP_KWP),
        &KeyWrap(Padding::Counted, Direction::Encrypt),
        &KeyWrap(Padding::Counted, Direction::Decrypt),
        &Keys(Padding::Counted),
    ),
    // Deprecated for what 2.40 left open. Without an initial value as in SoftHSM2 and OpenSC.
    wraps(
        named!(CKM_AES_KEY_WRAP_PAD),
        &KeyWrap(Padding::AsInitialValue, Direction::Encrypt),
        &KeyWrap(Padding::AsInitialValue, Direction::Decrypt),
        &Keys(Padding::AsInitialValue),
    ),
    wraps(
        named!(CKM_AES_KEY_WRAP_PKCS7),
        &KeyWrap(Padding::Pkcs7, Direction::Encrypt),
        &KeyWrap(Padding::Pkcs7, Direction::Decrypt),
        &Keys(Padding::Pkcs7),
    ),
    Row {
        key: Some(AES_KEY),
        derive: Some(&Derive::EncryptAes),
        ..named!(CKM_AES_ECB_ENCRYPT_DATA)
    },
    Row {
        key: Some(AES_KEY),
        derive: Some(&Derive::EncryptAes),
        ..named!(CKM_AES_CBC_ENCRYPT_DATA)
    },
    Row {
        key: Some(KeyRule {
            min_bits: 256,
            ..AES_KEY
        }),
        encrypt: Some(&xaes::Encrypt),
        decrypt: Some(&xaes::Decrypt),
        wrap: Some(&XAES),
        unwrap: Some(&XAES),
        ..Row::new(MechanismId::XAES_256_GCM.0, "CKM_STRONGROOM_XAES_256_GCM")
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&cloudhsm::Encrypt),
        decrypt: Some(&cloudhsm::Decrypt),
        wrap: Some(&CLOUDHSM_GCM),
        unwrap: Some(&CLOUDHSM_GCM),
        ..Row::new(MechanismId::CLOUDHSM_AES_GCM.0, "CKM_CLOUDHSM_AES_GCM")
    },
    wraps_keys(
        Row::new(
            MechanismId::CLOUDHSM_KEY_WRAP_NO_PAD.0,
            "CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD",
        ),
        &Keys(Padding::None),
    ),
    wraps_keys(
        Row::new(
            MechanismId::CLOUDHSM_KEY_WRAP_PKCS5_PAD.0,
            "CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD",
        ),
        &Keys(Padding::Pkcs7),
    ),
    wraps_keys(
        Row::new(
            MechanismId::CLOUDHSM_KEY_WRAP_ZERO_PAD.0,
            "CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD",
        ),
        &Keys(Padding::Zeroes),
    ),
];

static ECB: Encrypting = encrypting(
    &Aes::new(Mode::Ecb, Direction::Encrypt),
    &Aes::new(Mode::Ecb, Direction::Decrypt),
    crypto::aes::BLOCK,
);
static CBC: Encrypting = encrypting(
    &Aes::new(Mode::Cbc, Direction::Encrypt),
    &Aes::new(Mode::Cbc, Direction::Decrypt),
    crypto::aes::BLOCK,
);
static CBC_PAD: Encrypting = encrypting(
    &Aes::new(Mode::CbcPad, Direction::Encrypt),
    &Aes::new(Mode::CbcPad, Direction::Decrypt),
    0,
);
static CTR: Encrypting = encrypting(&Ctr::Encrypt, &Ctr::Decrypt, 0);
static XAES: Encrypting = encrypting(&xaes::Encrypt, &xaes::Decrypt, 0);
static CLOUDHSM_GCM: Encrypting = encrypting(&cloudhsm::Encrypt, &cloudhsm::Decrypt, 0);
static GCM: Sealing = Sealing {
    encrypt: &gcm::Encrypt,
    decrypt: &gcm::Decrypt,
    message: gcm::message,
};
static CCM: Sealing = Sealing {
    encrypt: &ccm::Encrypt,
    decrypt: &ccm::Decrypt,
    message: ccm::message,
};

const fn encrypting(
    encrypt: &'static dyn Transformation,
    decrypt: &'static dyn Transformation,
    block: usize,
) -> Encrypting {
    Encrypting {
        encrypt,
        decrypt,
        block,
    }
}

const fn mac(function: Function, general: bool) -> Mac {
    Mac { function, general }
}

const fn signs(row: Row, column: &'static Mac) -> Row {
    Row {
        key: Some(AES_KEY),
        sign: Some(column),
        verify: Some(column),
        ..row
    }
}

const fn wraps(
    row: Row,
    encrypt: &'static KeyWrap,
    decrypt: &'static KeyWrap,
    keys: &'static Keys,
) -> Row {
    Row {
        encrypt: Some(encrypt),
        decrypt: Some(decrypt),
        ..wraps_keys(row, keys)
    }
}

const fn wraps_keys(row: Row, keys: &'static Keys) -> Row {
    Row {
        key: Some(AES_KEY),
        wrap: Some(keys),
        unwrap: Some(keys),
        ..row
    }
}

pub(super) const AES_KEY: KeyRule = KeyRule {
    class: KeyClass::Secret,
    types: &[KeyType(sys::CKK_AES)],
    min_bits: 128,
    max_bits: 256,
    unit: Unit::Bytes,
};

// Two keys of 256 bits: the library has no XTS-AES-128.
const XTS_KEY: KeyRule = KeyRule {
    types: &[KeyType(sys::CKK_AES_XTS)],
    min_bits: 512,
    max_bits: 512,
    ..AES_KEY
};

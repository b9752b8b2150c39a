//! `include/strongroom.h` says the numbers that the engine and the provider know.

use std::collections::BTreeMap;

use cryptoki_sys::CKM_VENDOR_DEFINED;
use token::MechanismId;

use crate::parameters::cloudhsm;

const HEADER: &str = include_str!("../../include/strongroom.h");

/// Every `#define` of a number.
fn defined() -> BTreeMap<&'static str, u64> {
    let lines = HEADER
        .lines()
        .filter_map(|line| line.strip_prefix("#define "));
    let defined = lines.filter_map(|line| line.split_once(' '));
    defined.map(|(name, value)| (name, number(value))).collect()
}

/// A number, or a vendor's.
fn number(text: &str) -> u64 {
    let text = text.split("/*").next().unwrap_or_default().trim();
    let vendor = text.strip_prefix("(CKM_VENDOR_DEFINED | ");
    let digits = vendor
        .unwrap_or(text)
        .trim_end_matches(")")
        .trim_end_matches("UL");
    let number = match digits.strip_prefix("0x") {
        Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16),
        None => digits.parse(),
    };
    let base = vendor.map_or(0, |_| CKM_VENDOR_DEFINED);
    base | number.unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn the_header_and_the_engine_agree() {
    let known = [
        ("CKM_VENDOR_DEFINED", CKM_VENDOR_DEFINED),
        ("CKM_STRONGROOM_XAES_256_GCM", MechanismId::XAES_256_GCM.0),
        ("CK_STRONGROOM_XAES_ADDITIONAL_LEN", 32),
        ("CK_STRONGROOM_XAES_OVERHEAD", 24 + 16),
        ("CKM_CLOUDHSM_AES_GCM", MechanismId::CLOUDHSM_AES_GCM.0),
        (
            "CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD",
            MechanismId::CLOUDHSM_KEY_WRAP_NO_PAD.0,
        ),
        (
            "CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD",
            MechanismId::CLOUDHSM_KEY_WRAP_PKCS5_PAD.0,
        ),
        (
            "CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD",
            MechanismId::CLOUDHSM_KEY_WRAP_ZERO_PAD.0,
        ),
        (
            "CKM_STRONGROOM_CLOUDHSM_COUNTER_KDF",
            MechanismId::CLOUDHSM_COUNTER_KDF.0,
        ),
        (
            "CK_STRONGROOM_CLOUDHSM_COUNTER_FORMAT",
            cloudhsm::COUNTER_FORMAT,
        ),
        ("CK_STRONGROOM_CLOUDHSM_PRF_LABEL", cloudhsm::LABEL),
        ("CK_STRONGROOM_CLOUDHSM_PRF_CONTEXT", cloudhsm::CONTEXT),
        ("CK_STRONGROOM_CLOUDHSM_DKM_FORMAT", cloudhsm::LENGTH_FORMAT),
        ("CK_STRONGROOM_CLOUDHSM_BYTE_ARRAY", cloudhsm::BYTE_ARRAY),
    ];
    assert_eq!(defined(), BTreeMap::from(known));
}

//! The order of the check, and what each step says.

use super::*;
use crate::{
    mechanism::vectors::{secret_key, usable},
    object::Plain,
};

fn aes(len: usize) -> Material {
    secret_key(sys::CKK_AES, &vec![7; len])
}

/// The halves of an XTS key differ.
const XTS_VALUE: [u8; 64] = {
    let mut value = [7; 64];
    value[0] = 8;
    value
};

fn refusal(
    operation: Operation,
    mechanism: sys::CK_MECHANISM_TYPE,
    key: Option<(&Attributes, &Material)>,
) -> Option<Reason> {
    let checked = check_use(operation, MechanismId(mechanism), key);
    checked.err().map(|error| error.reason)
}

#[test]
fn a_key_with_the_right_type_and_usage_may_be_used() {
    let key = (&usable(sys::CKK_AES), &aes(16));
    assert_eq!(
        refusal(Operation::Encrypt, sys::CKM_AES_GCM, Some(key)),
        None
    );
}

#[test]
fn a_digest_has_no_key() {
    assert_eq!(refusal(Operation::Digest, sys::CKM_SHA256, None), None);
    let key = (&usable(sys::CKK_AES), &aes(16));
    let refused = refusal(Operation::Digest, sys::CKM_SHA256, Some(key));
    assert_eq!(refused, Some(Reason::ArgumentsBad));
}

#[test]
fn everything_else_needs_a_key() {
    let refused = refusal(Operation::Sign, sys::CKM_SHA256_HMAC, None);
    assert_eq!(refused, Some(Reason::KeyHandleInvalid));
}

#[test]
fn an_unknown_mechanism_and_an_empty_column_are_the_same_error() {
    let key = (&usable(sys::CKK_AES), &aes(16));
    for mechanism in [sys::CKM_RC4, sys::CKM_SHA256, sys::CKM_AES_KEY_GEN] {
        let refused = refusal(Operation::Encrypt, mechanism, Some(key));
        assert_eq!(refused, Some(Reason::MechanismInvalid));
    }
}

#[test]
fn an_object_that_is_no_key_is_no_key_handle() {
    let mut attributes = usable(sys::CKK_AES);
    attributes.set(AttributeType::CLASS, sys::CKO_DATA.into());
    let refused = refusal(
        Operation::Encrypt,
        sys::CKM_AES_GCM,
        Some((&attributes, &aes(16))),
    );
    assert_eq!(refused, Some(Reason::KeyHandleInvalid));
}

#[test]
fn class_and_type_must_fit_the_mechanism() {
    let mut attributes = usable(sys::CKK_AES);
    attributes.set(AttributeType::CLASS, sys::CKO_PRIVATE_KEY.into());
    let refused = refusal(
        Operation::Encrypt,
        sys::CKM_AES_GCM,
        Some((&attributes, &aes(16))),
    );
    assert_eq!(refused, Some(Reason::KeyTypeInconsistent));
    let key = (&usable(sys::CKK_GENERIC_SECRET), &aes(16));
    let refused = refusal(Operation::Encrypt, sys::CKM_AES_GCM, Some(key));
    assert_eq!(refused, Some(Reason::KeyTypeInconsistent));
    let key = (&usable(sys::CKK_SHA384_HMAC), &aes(16));
    let refused = refusal(Operation::Sign, sys::CKM_SHA256_HMAC, Some(key));
    assert_eq!(refused, Some(Reason::KeyTypeInconsistent));
}

#[test]
fn a_key_that_is_too_short_is_a_key_size_error() {
    let key = (&usable(sys::CKK_AES_XTS), &aes(32));
    let refused = refusal(Operation::Encrypt, sys::CKM_AES_XTS, Some(key));
    assert_eq!(refused, Some(Reason::KeySizeRange));
}

#[test]
fn each_operation_needs_its_own_usage() {
    for (operation, mechanism, usage) in [
        (Operation::Encrypt, sys::CKM_AES_GCM, AttributeType::ENCRYPT),
        (Operation::Decrypt, sys::CKM_AES_GCM, AttributeType::DECRYPT),
        (Operation::Sign, sys::CKM_SHA256_HMAC, AttributeType::SIGN),
        (
            Operation::Verify,
            sys::CKM_SHA256_HMAC,
            AttributeType::VERIFY,
        ),
    ] {
        let key_type = match operation {
            Operation::Encrypt | Operation::Decrypt => sys::CKK_AES,
            _ => sys::CKK_GENERIC_SECRET,
        };
        let mut attributes = usable(key_type);
        attributes.set(usage, false.into());
        let refused = refusal(operation, mechanism, Some((&attributes, &aes(16))));
        assert_eq!(
            refused,
            Some(Reason::KeyFunctionNotPermitted),
            "{operation:?}"
        );
    }
}

#[test]
fn a_key_may_name_the_only_mechanisms_it_is_for() {
    let mut attributes = usable(sys::CKK_AES);
    let only = vec![MechanismId(sys::CKM_AES_GCM)];
    attributes.set(AttributeType::ALLOWED_MECHANISMS, Plain::Mechanisms(only));
    let key = (&attributes, &aes(16));
    assert_eq!(
        refusal(Operation::Encrypt, sys::CKM_AES_GCM, Some(key)),
        None
    );
    let refused = refusal(Operation::Encrypt, sys::CKM_AES_CBC, Some(key));
    assert_eq!(refused, Some(Reason::MechanismInvalid));
}

#[test]
fn an_empty_list_of_mechanisms_allows_all() {
    let mut attributes = usable(sys::CKK_AES);
    attributes.set(
        AttributeType::ALLOWED_MECHANISMS,
        Plain::Mechanisms(Vec::new()),
    );
    let key = (&attributes, &aes(16));
    assert_eq!(
        refusal(Operation::Encrypt, sys::CKM_AES_CBC, Some(key)),
        None
    );
}

#[test]
fn the_first_thing_wrong_is_the_one_that_is_said() {
    // Type, length and usage are all wrong here: the type comes first, then the length.
    let mut attributes = usable(sys::CKK_GENERIC_SECRET);
    attributes.set(AttributeType::ENCRYPT, false.into());
    let (short, long) = (aes(32), secret_key(sys::CKK_AES_XTS, &XTS_VALUE));
    let encrypts = |attributes: &Attributes, material: &Material| {
        refusal(
            Operation::Encrypt,
            sys::CKM_AES_XTS,
            Some((attributes, material)),
        )
    };
    let refused = encrypts(&attributes, &short);
    assert_eq!(refused, Some(Reason::KeyTypeInconsistent));
    attributes.set(AttributeType::KEY_TYPE, sys::CKK_AES_XTS.into());
    let refused = encrypts(&attributes, &short);
    assert_eq!(refused, Some(Reason::KeySizeRange));
    let refused = encrypts(&attributes, &long);
    assert_eq!(refused, Some(Reason::KeyFunctionNotPermitted));
}

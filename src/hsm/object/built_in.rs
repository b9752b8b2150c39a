//! Objects that are a part of the HSM: what it promises (`CKO_PROFILE`) and what it can do
//! (`CKO_MECHANISM`). Everybody finds and reads them, and nobody makes, changes or destroys one.

use std::sync::LazyLock;

use cryptoki_sys as sys;
use token::{AttributeType, ObjectHandle};

use super::Attributes;
use crate::mechanism;

/// The bit of a handle that says that its object is built in; no key reference is ever so large.
const BUILT_IN: u64 = 1 << 61;

/// PKCS#11 profiles 3.2: each asks for functions and objects that are there.
const PROFILES: &[sys::CK_PROFILE_ID] = &[
    sys::CKP_BASELINE_PROVIDER,
    sys::CKP_EXTENDED_PROVIDER,
    sys::CKP_AUTHENTICATION_TOKEN,
    sys::CKP_PUBLIC_CERTIFICATES_TOKEN,
];

static OBJECTS: LazyLock<Vec<Attributes>> = LazyLock::new(|| {
    let profile = |id: &u64| object(sys::CKO_PROFILE, AttributeType::PROFILE_ID, *id);
    let profiles = PROFILES.iter().map(profile);
    let mechanisms = mechanism::list().into_iter().map(|mechanism| {
        let number = mechanism.id.0;
        object(sys::CKO_MECHANISM, AttributeType::MECHANISM_TYPE, number)
    });
    profiles.chain(mechanisms).collect()
});

/// The built-in object of this handle.
pub(crate) fn built_in(handle: ObjectHandle) -> Option<&'static Attributes> {
    if handle.is_session() || handle.0 & BUILT_IN == 0 {
        return None;
    }
    let number = usize::try_from(handle.0 & !BUILT_IN).ok()?;
    OBJECTS.get(number.checked_sub(1)?)
}

/// The built-in objects that have all of `sought`. Who does not ask for their class does not find
/// them (§4.5, §4.12): older applications know nothing of such objects.
pub(super) fn found(sought: &Attributes) -> Vec<ObjectHandle> {
    if sought.class().is_none() {
        return Vec::new();
    }
    let numbered = OBJECTS.iter().zip(1..);
    numbered
        .filter(|(object, _)| object.include(sought))
        .map(|(_, number)| ObjectHandle(BUILT_IN | number))
        .collect()
}

fn object(class: sys::CK_OBJECT_CLASS, kind: AttributeType, number: u64) -> Attributes {
    let mut attributes = Attributes::default();
    attributes.set(AttributeType::CLASS, class.into());
    attributes.set(AttributeType::TOKEN, true.into());
    for no in [
        AttributeType::PRIVATE,
        AttributeType::MODIFIABLE,
        AttributeType::COPYABLE,
        AttributeType::DESTROYABLE,
    ] {
        attributes.set(no, false.into());
    }
    attributes.set(AttributeType::LABEL, Vec::new().into());
    let unique_id = format!("{class:08x}{number:024x}").into_bytes();
    attributes.set(AttributeType::UNIQUE_ID, unique_id.into());
    attributes.set(kind, number.into());
    attributes
}

//! Objects that are a part of the HSM: what it promises (`CKO_PROFILE`), what it can do
//! (`CKO_MECHANISM`), and what its operator has had validated (`CKO_VALIDATION`). Everybody finds
//! and reads them, and nobody makes, changes or destroys one.

use std::sync::Arc;

use cryptoki_sys as sys;
use token::{AttributeType, ObjectHandle, Validation};

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

/// The built-in objects of a home: the same in each of its clusters.
pub(crate) struct BuiltIn {
    /// A handle is a position here, so what differs from home to home comes last.
    objects: Vec<Arc<Attributes>>,
    validation_flags: u64,
}

impl BuiltIn {
    /// With the validations that the configuration declares.
    pub(crate) fn new(validations: &[Validation]) -> Self {
        let profile = |id: &u64| object(sys::CKO_PROFILE, AttributeType::PROFILE_ID, *id);
        let mechanisms = mechanism::list().into_iter().map(|mechanism| {
            let number = mechanism.id.0;
            object(sys::CKO_MECHANISM, AttributeType::MECHANISM_TYPE, number)
        });
        // A validation's flag is the bit of its place in the configuration (§4.15.2: it has no
        // fixed value, an application looks it up).
        let flags = (0..u64::BITS).map(|bit| 1 << bit);
        let flagged = validations.iter().zip(flags.clone());
        let objects = PROFILES.iter().map(profile).chain(mechanisms);
        let objects = objects.chain(flagged.map(|(declared, flag)| validation(declared, flag)));
        Self {
            objects: objects.map(Arc::new).collect(),
            validation_flags: flags.take(validations.len()).sum(),
        }
    }

    /// The built-in object of this handle.
    pub(crate) fn get(&self, handle: ObjectHandle) -> Option<&Arc<Attributes>> {
        if handle.is_session() || handle.0 & BUILT_IN == 0 {
            return None;
        }
        let number = usize::try_from(handle.0 & !BUILT_IN).ok()?;
        self.objects.get(number.checked_sub(1)?)
    }

    /// The flags of all declared validations.
    pub(crate) fn validation_flags(&self) -> u64 {
        self.validation_flags
    }

    /// The built-in objects that have all of `sought`. Who does not ask for their class does not
    /// find them (§4.3.2, §4.13.2): older applications know nothing of such objects.
    pub(super) fn found(&self, sought: &Attributes) -> Vec<ObjectHandle> {
        if sought.class().is_none() {
            return Vec::new();
        }
        let numbered = self.objects.iter().zip(1..);
        numbered
            .filter(|(object, _)| object.include(sought))
            .map(|(_, number)| ObjectHandle(BUILT_IN | number))
            .collect()
    }
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

fn validation(declared: &Validation, flag: u64) -> Attributes {
    use AttributeType as A;
    let mut attributes = object(sys::CKO_VALIDATION, A::VALIDATION_FLAG, flag);
    let version = vec![declared.version.major, declared.version.minor];
    attributes.set(A::VALIDATION_VERSION, version.into());
    for (kind, number) in [
        (A::VALIDATION_TYPE, declared.kind as u64),
        (A::VALIDATION_AUTHORITY_TYPE, declared.authority as u64),
        (A::VALIDATION_LEVEL, declared.level),
    ] {
        attributes.set(kind, number.into());
    }
    for (kind, text) in [
        (A::VALIDATION_MODULE_ID, &declared.module_id),
        (A::VALIDATION_COUNTRY, &declared.country),
        (A::VALIDATION_CERTIFICATE_IDENTIFIER, &declared.certificate),
        (A::VALIDATION_CERTIFICATE_URI, &declared.certificate_uri),
        (A::VALIDATION_VENDOR_URI, &declared.vendor_uri),
        (A::VALIDATION_PROFILE, &declared.profile),
    ] {
        attributes.set(kind, text.as_bytes().to_vec().into());
    }
    attributes
}

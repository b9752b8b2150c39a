//! Attributes by number, and the shape of each one's value. What an attribute means, and when it
//! may be set, is the engine's table.

use cryptoki_sys as sys;
use serde::{Deserialize, Serialize};

/// `CK_ATTRIBUTE_TYPE`, a `CKA_` number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttributeType(pub u64);

/// The C type of an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `CK_BBOOL`.
    Flag,
    /// `CK_ULONG`.
    Number,
    /// Bytes of any length.
    Bytes,
    /// Bytes of any length that are a secret where the object is a key.
    Secret,
    /// `CK_DATE`: eight digits, or empty.
    Date,
    /// An array of `CK_MECHANISM_TYPE`.
    Mechanisms,
    /// An array of `CK_ATTRIBUTE`.
    Template,
}

/// One attribute's name and shape.
#[derive(Clone, Copy, Debug)]
pub struct AttributeRow {
    /// Its number.
    pub kind: AttributeType,
    /// The name that the standard gives it, for messages.
    pub name: &'static str,
    /// The C type of its value.
    pub shape: Shape,
}

macro_rules! attributes {
    ($($name:ident = $number:ident: $shape:ident,)*) => {
        impl AttributeType {
            $(#[doc = concat!("`", stringify!($number), "`.")]
            pub const $name: Self = Self(sys::$number);)*
        }

        /// The row of `kind`, if the attribute is known at all.
        pub fn attribute_row(kind: AttributeType) -> Option<&'static AttributeRow> {
            // A search that the compiler lays out; an attribute that stands here twice is an error.
            match kind.0 {
                $(sys::$number => Some(&AttributeRow {
                    kind: AttributeType::$name,
                    name: stringify!($number),
                    shape: Shape::$shape,
                }),)*
                _ => None,
            }
        }
    };
}

attributes! {
    CLASS = CKA_CLASS: Number,
    TOKEN = CKA_TOKEN: Flag,
    PRIVATE = CKA_PRIVATE: Flag,
    LABEL = CKA_LABEL: Bytes,
    UNIQUE_ID = CKA_UNIQUE_ID: Bytes,
    APPLICATION = CKA_APPLICATION: Bytes,
    VALUE = CKA_VALUE: Secret,
    OBJECT_ID = CKA_OBJECT_ID: Bytes,
    CERTIFICATE_TYPE = CKA_CERTIFICATE_TYPE: Number,
    ISSUER = CKA_ISSUER: Bytes,
    SERIAL_NUMBER = CKA_SERIAL_NUMBER: Bytes,
    AC_ISSUER = CKA_AC_ISSUER: Bytes,
    OWNER = CKA_OWNER: Bytes,
    ATTR_TYPES = CKA_ATTR_TYPES: Bytes,
    TRUSTED = CKA_TRUSTED: Flag,
    CERTIFICATE_CATEGORY = CKA_CERTIFICATE_CATEGORY: Number,
    JAVA_MIDP_SECURITY_DOMAIN = CKA_JAVA_MIDP_SECURITY_DOMAIN: Number,
    URL = CKA_URL: Bytes,
    HASH_OF_SUBJECT_PUBLIC_KEY = CKA_HASH_OF_SUBJECT_PUBLIC_KEY: Bytes,
    HASH_OF_ISSUER_PUBLIC_KEY = CKA_HASH_OF_ISSUER_PUBLIC_KEY: Bytes,
    NAME_HASH_ALGORITHM = CKA_NAME_HASH_ALGORITHM: Number,
    CHECK_VALUE = CKA_CHECK_VALUE: Bytes,
    KEY_TYPE = CKA_KEY_TYPE: Number,
    SUBJECT = CKA_SUBJECT: Bytes,
    ID = CKA_ID: Bytes,
    SENSITIVE = CKA_SENSITIVE: Flag,
    ENCRYPT = CKA_ENCRYPT: Flag,
    DECRYPT = CKA_DECRYPT: Flag,
    WRAP = CKA_WRAP: Flag,
    UNWRAP = CKA_UNWRAP: Flag,
    SIGN = CKA_SIGN: Flag,
    SIGN_RECOVER = CKA_SIGN_RECOVER: Flag,
    VERIFY = CKA_VERIFY: Flag,
    VERIFY_RECOVER = CKA_VERIFY_RECOVER: Flag,
    DERIVE = CKA_DERIVE: Flag,
    START_DATE = CKA_START_DATE: Date,
    END_DATE = CKA_END_DATE: Date,
    MODULUS = CKA_MODULUS: Bytes,
    MODULUS_BITS = CKA_MODULUS_BITS: Number,
    PUBLIC_EXPONENT = CKA_PUBLIC_EXPONENT: Bytes,
    PRIVATE_EXPONENT = CKA_PRIVATE_EXPONENT: Secret,
    PRIME_1 = CKA_PRIME_1: Secret,
    PRIME_2 = CKA_PRIME_2: Secret,
    EXPONENT_1 = CKA_EXPONENT_1: Secret,
    EXPONENT_2 = CKA_EXPONENT_2: Secret,
    COEFFICIENT = CKA_COEFFICIENT: Secret,
    PUBLIC_KEY_INFO = CKA_PUBLIC_KEY_INFO: Bytes,
    VALUE_BITS = CKA_VALUE_BITS: Number,
    VALUE_LEN = CKA_VALUE_LEN: Number,
    EXTRACTABLE = CKA_EXTRACTABLE: Flag,
    LOCAL = CKA_LOCAL: Flag,
    NEVER_EXTRACTABLE = CKA_NEVER_EXTRACTABLE: Flag,
    ALWAYS_SENSITIVE = CKA_ALWAYS_SENSITIVE: Flag,
    KEY_GEN_MECHANISM = CKA_KEY_GEN_MECHANISM: Number,
    MODIFIABLE = CKA_MODIFIABLE: Flag,
    COPYABLE = CKA_COPYABLE: Flag,
    DESTROYABLE = CKA_DESTROYABLE: Flag,
    EC_PARAMS = CKA_EC_PARAMS: Bytes,
    EC_POINT = CKA_EC_POINT: Bytes,
    ALWAYS_AUTHENTICATE = CKA_ALWAYS_AUTHENTICATE: Flag,
    WRAP_WITH_TRUSTED = CKA_WRAP_WITH_TRUSTED: Flag,
    WRAP_TEMPLATE = CKA_WRAP_TEMPLATE: Template,
    UNWRAP_TEMPLATE = CKA_UNWRAP_TEMPLATE: Template,
    DERIVE_TEMPLATE = CKA_DERIVE_TEMPLATE: Template,
    ALLOWED_MECHANISMS = CKA_ALLOWED_MECHANISMS: Mechanisms,
    HW_FEATURE_TYPE = CKA_HW_FEATURE_TYPE: Number,
    MECHANISM_TYPE = CKA_MECHANISM_TYPE: Number,
    PARAMETER_SET = CKA_PARAMETER_SET: Number,
    SEED = CKA_SEED: Secret,
    ENCAPSULATE = CKA_ENCAPSULATE: Flag,
    DECAPSULATE = CKA_DECAPSULATE: Flag,
    ENCAPSULATE_TEMPLATE = CKA_ENCAPSULATE_TEMPLATE: Template,
    DECAPSULATE_TEMPLATE = CKA_DECAPSULATE_TEMPLATE: Template,
    PROFILE_ID = CKA_PROFILE_ID: Number,
    VALIDATION_TYPE = CKA_VALIDATION_TYPE: Number,
    VALIDATION_VERSION = CKA_VALIDATION_VERSION: Bytes,
    VALIDATION_LEVEL = CKA_VALIDATION_LEVEL: Number,
    VALIDATION_MODULE_ID = CKA_VALIDATION_MODULE_ID: Bytes,
    VALIDATION_FLAG = CKA_VALIDATION_FLAG: Number,
    VALIDATION_AUTHORITY_TYPE = CKA_VALIDATION_AUTHORITY_TYPE: Number,
    VALIDATION_COUNTRY = CKA_VALIDATION_COUNTRY: Bytes,
    VALIDATION_CERTIFICATE_IDENTIFIER = CKA_VALIDATION_CERTIFICATE_IDENTIFIER: Bytes,
    VALIDATION_CERTIFICATE_URI = CKA_VALIDATION_CERTIFICATE_URI: Bytes,
    VALIDATION_VENDOR_URI = CKA_VALIDATION_VENDOR_URI: Bytes,
    VALIDATION_PROFILE = CKA_VALIDATION_PROFILE: Bytes,
}

//! Templates: attributes with values of the shape that the attribute table gives them.

use serde::{Deserialize, Serialize};

use crate::{AttributeType, MechanismId, SecretBytes};

/// The value of an attribute, in the shape of its row (`CK_BBOOL`, `CK_ULONG`, bytes…).
#[derive(Debug, Serialize, Deserialize)]
pub enum Value {
    /// `CK_BBOOL`.
    Flag(bool),
    /// `CK_ULONG`, or a type made of it.
    Number(u64),
    /// Bytes that need no protection: labels, ids, certificates, dates as eight digits or empty.
    Bytes(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Bytes that do: the value of a key.
    Secret(SecretBytes),
    /// `CK_MECHANISM_TYPE_PTR`: an array of mechanisms.
    Mechanisms(Vec<MechanismId>),
    /// `CK_ATTRIBUTE_PTR`: a template within a template (`CKA_WRAP_TEMPLATE`…).
    Template(Template),
}

/// One attribute of a template.
#[derive(Debug, Serialize, Deserialize)]
pub struct Attribute {
    /// The `CKA_` number.
    pub kind: AttributeType,
    /// Its value.
    pub value: Value,
}

/// `CK_ATTRIBUTE_PTR` and its count: attributes in the order the caller gave them. That a type
/// stands in it twice is for the engine to refuse.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Template(pub Vec<Attribute>);

/// What `C_GetAttributeValue` may say of one attribute (§5.7.5).
#[derive(Debug, Serialize, Deserialize)]
pub enum Revealed {
    /// Its value.
    Value(Value),
    /// The object has it and does not reveal it: `CKR_ATTRIBUTE_SENSITIVE`.
    Sensitive,
    /// The object has no such attribute: `CKR_ATTRIBUTE_TYPE_INVALID`.
    Unknown,
}

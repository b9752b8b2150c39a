//! What tests ask for: mechanisms, attributes, templates, and keys that are made of them.

use token::{
    Asked, Attribute, AttributeType, Mechanism, MechanismId, ObjectHandle, Parameters, SecretBytes,
    SessionHandle, Template, Value,
};

use super::{
    App, CKK_AES, CKM_AES_KEY_GEN, CKM_AES_KEY_WRAP, CKM_GENERIC_SECRET_KEY_GEN, CKO_SECRET_KEY,
};

pub fn secret(text: &str) -> SecretBytes {
    SecretBytes::copied(text.as_bytes())
}

pub fn mechanism(id: u64) -> Mechanism {
    Mechanism {
        id: MechanismId(id),
        parameters: Parameters::None,
    }
}

pub fn with(id: u64, parameters: Parameters) -> Mechanism {
    Mechanism {
        id: MechanismId(id),
        parameters,
    }
}

/// An attribute, and room for any value.
pub fn asked(kind: AttributeType) -> Asked {
    Asked {
        kind,
        room: u64::MAX,
    }
}

pub fn nested(kind: AttributeType, attributes: Vec<Attribute>) -> Attribute {
    Attribute {
        kind,
        value: Value::Template(Template(attributes)),
    }
}

pub fn flag(kind: AttributeType, flag: bool) -> Attribute {
    Attribute {
        kind,
        value: Value::Flag(flag),
    }
}

pub fn number(kind: AttributeType, number: u64) -> Attribute {
    Attribute {
        kind,
        value: Value::Number(number),
    }
}

pub fn bytes(kind: AttributeType, bytes: &[u8]) -> Attribute {
    Attribute {
        kind,
        value: Value::Bytes(bytes.to_vec()),
    }
}

pub fn value(bytes: &[u8]) -> Attribute {
    Attribute {
        kind: AttributeType::VALUE,
        value: Value::Secret(SecretBytes::copied(bytes)),
    }
}

/// An AES-256 key to generate, on the token, with these attributes too.
pub fn token_key(more: Vec<Attribute>) -> Template {
    let mut attributes = vec![
        flag(AttributeType::TOKEN, true),
        number(AttributeType::VALUE_LEN, 32),
    ];
    attributes.extend(more);
    Template(attributes)
}

/// An AES-128 key to create, with these attributes too.
pub fn known_key(more: Vec<Attribute>) -> Template {
    let mut attributes = vec![
        number(AttributeType::CLASS, CKO_SECRET_KEY),
        number(AttributeType::KEY_TYPE, CKK_AES),
        value(&[7; 16]),
    ];
    attributes.extend(more);
    Template(attributes)
}

/// A mechanism that wraps without a parameter.
pub fn key_wrap() -> Mechanism {
    mechanism(CKM_AES_KEY_WRAP)
}

/// A session's AES-256 key with these attributes too.
pub fn key(app: &App, session: SessionHandle, more: Vec<Attribute>) -> ObjectHandle {
    let mut attributes = vec![number(AttributeType::VALUE_LEN, 32)];
    attributes.extend(more);
    app.make(session, &mechanism(CKM_AES_KEY_GEN), attributes)
        .unwrap()
}

/// A generic secret to derive from.
pub fn base(app: &App, session: SessionHandle, more: Vec<Attribute>) -> ObjectHandle {
    let mut attributes = vec![
        number(AttributeType::VALUE_LEN, 32),
        flag(AttributeType::DERIVE, true),
    ];
    attributes.extend(more);
    app.make(session, &mechanism(CKM_GENERIC_SECRET_KEY_GEN), attributes)
        .unwrap()
}

/// A template for an AES key, with these attributes too.
pub fn aes(more: Vec<Attribute>) -> Vec<Attribute> {
    let mut attributes = vec![
        number(AttributeType::CLASS, CKO_SECRET_KEY),
        number(AttributeType::KEY_TYPE, CKK_AES),
    ];
    attributes.extend(more);
    attributes
}

pub fn label(text: &str) -> Attribute {
    bytes(AttributeType::LABEL, text.as_bytes())
}

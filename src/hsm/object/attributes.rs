//! The attributes of an object: a small sorted map of plain values. A key's value is never in it;
//! that is `Material`.

use serde::{Deserialize, Serialize};
use token::{
    Attribute, AttributeType, KeyType, MechanismId, ObjectClass, SecretBytes, Shape, Template,
    Told, Value, attribute_row,
};

/// The value of an attribute that is no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Plain {
    /// `CK_BBOOL`.
    Flag(bool),
    /// `CK_ULONG`.
    Number(u64),
    /// Bytes, and dates as eight digits or empty.
    Bytes(#[serde(with = "serde_bytes")] Vec<u8>),
    /// An array of mechanisms.
    Mechanisms(Vec<MechanismId>),
    /// A template within a template.
    Template(Attributes),
}

/// A map from attribute to value, each at most once, in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attributes(Vec<(AttributeType, Plain)>);

/// As many attributes as are added to the defaults: room for them is made with the rest.
const COMPUTED: usize = 8;

impl Attributes {
    /// The value of `kind`.
    pub(crate) fn plain(&self, kind: AttributeType) -> Option<&Plain> {
        let position = self.position(kind).ok()?;
        self.0.get(position).map(|(_, value)| value)
    }

    /// Whether the flag `kind` is there and true.
    pub(crate) fn flag(&self, kind: AttributeType) -> bool {
        matches!(self.plain(kind), Some(Plain::Flag(true)))
    }

    /// The number `kind`.
    pub(crate) fn number(&self, kind: AttributeType) -> Option<u64> {
        match self.plain(kind) {
            Some(Plain::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The bytes of `kind`.
    pub(crate) fn bytes(&self, kind: AttributeType) -> Option<&[u8]> {
        match self.plain(kind) {
            Some(Plain::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// The bytes of `kind`, where they need no protection: they are told as they are.
    pub(crate) fn lent(&self, kind: AttributeType) -> Option<&[u8]> {
        match self.plain(kind) {
            Some(Plain::Bytes(bytes)) if !is_secret(kind) => Some(bytes),
            _ => None,
        }
    }

    /// The mechanisms of `kind` (`CKA_ALLOWED_MECHANISMS`), where it is set.
    pub(crate) fn mechanisms(&self, kind: AttributeType) -> Option<&[MechanismId]> {
        match self.plain(kind) {
            Some(Plain::Mechanisms(mechanisms)) => Some(mechanisms),
            _ => None,
        }
    }

    /// `CKA_CLASS`: every object has one.
    pub(crate) fn class(&self) -> Option<ObjectClass> {
        self.number(AttributeType::CLASS).map(ObjectClass)
    }

    /// `CKA_KEY_TYPE`: every key has one.
    pub(crate) fn key_type(&self) -> Option<KeyType> {
        self.number(AttributeType::KEY_TYPE).map(KeyType)
    }

    /// Sets `kind`, whatever it was.
    pub(crate) fn set(&mut self, kind: AttributeType, value: Plain) {
        match self.position(kind) {
            Ok(position) => {
                if let Some(entry) = self.0.get_mut(position) {
                    entry.1 = value;
                }
            }
            Err(position) => self.0.insert(position, (kind, value)),
        }
    }

    /// A copy with room for what is set later.
    pub(crate) fn copied(&self) -> Self {
        let mut copy = Vec::with_capacity(self.0.len() + COMPUTED);
        copy.extend_from_slice(&self.0);
        Self(copy)
    }

    /// Takes `kind` out.
    pub(crate) fn remove(&mut self, kind: AttributeType) -> Option<Plain> {
        let position = self.position(kind).ok()?;
        Some(self.0.remove(position).1)
    }

    /// Whether all of `others` are there, with the same values.
    pub(crate) fn include(&self, others: &Attributes) -> bool {
        others
            .0
            .iter()
            .all(|(kind, value)| self.plain(*kind) == Some(value))
    }

    /// All of them, as a template.
    pub(crate) fn template(&self) -> Template {
        let attribute = |(kind, plain): (AttributeType, &Plain)| Attribute {
            kind,
            value: plain.value(kind),
        };
        Template(self.iter().map(attribute).collect())
    }

    /// The template that `kind` is (`CKA_WRAP_TEMPLATE`…).
    pub(crate) fn nested(&self, kind: AttributeType) -> Option<&Attributes> {
        match self.plain(kind) {
            Some(Plain::Template(attributes)) => Some(attributes),
            _ => None,
        }
    }

    /// About how many bytes they have.
    pub(crate) fn size(&self) -> usize {
        let size = |(_, value): &(_, Plain)| size_of::<(AttributeType, Plain)>() + value.len();
        self.0.iter().map(size).sum()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (AttributeType, &Plain)> {
        self.0.iter().map(|(kind, value)| (*kind, value))
    }

    fn position(&self, kind: AttributeType) -> Result<usize, usize> {
        self.0.binary_search_by_key(&kind, |(kind, _)| *kind)
    }
}

impl Plain {
    /// As `C_GetAttributeValue` tells it of this `kind`.
    pub(crate) fn told(&self, kind: AttributeType) -> Told<'_> {
        match self {
            Plain::Bytes(bytes) if !is_secret(kind) => Told::Bytes(bytes),
            other => Told::Value(other.value(kind)),
        }
    }

    /// As an attribute of this `kind` has it in a template.
    pub(crate) fn value(&self, kind: AttributeType) -> Value {
        match self {
            Plain::Flag(flag) => Value::Flag(*flag),
            Plain::Number(number) => Value::Number(*number),
            Plain::Bytes(bytes) => match attribute_row(kind).map(|row| row.shape) {
                Some(Shape::Secret) => Value::Secret(SecretBytes::copied(bytes)),
                _ => Value::Bytes(bytes.clone()),
            },
            Plain::Mechanisms(mechanisms) => Value::Mechanisms(mechanisms.clone()),
            Plain::Template(attributes) => Value::Template(attributes.template()),
        }
    }

    /// About how many bytes it has.
    pub(crate) fn len(&self) -> usize {
        match self {
            Plain::Flag(_) => 1,
            Plain::Number(_) => 8,
            Plain::Bytes(bytes) => bytes.len(),
            Plain::Mechanisms(mechanisms) => mechanisms.len().saturating_mul(8),
            Plain::Template(attributes) => attributes.iter().map(|(_, value)| value.len()).sum(),
        }
    }
}

/// Whether bytes of this `kind` are handed out as a secret's.
fn is_secret(kind: AttributeType) -> bool {
    attribute_row(kind).is_some_and(|row| row.shape == Shape::Secret)
}

impl From<bool> for Plain {
    fn from(flag: bool) -> Self {
        Plain::Flag(flag)
    }
}

impl From<u64> for Plain {
    fn from(number: u64) -> Self {
        Plain::Number(number)
    }
}

impl From<Vec<u8>> for Plain {
    fn from(bytes: Vec<u8>) -> Self {
        Plain::Bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_set_twice_has_the_second_value() {
        let mut attributes = Attributes::default();
        attributes.set(AttributeType::ENCRYPT, true.into());
        attributes.set(AttributeType::CLASS, 4.into());
        attributes.set(AttributeType::ENCRYPT, false.into());
        assert!(!attributes.flag(AttributeType::ENCRYPT));
        assert_eq!(attributes.iter().count(), 2);
        assert_eq!(attributes.class(), Some(ObjectClass(4)));
    }
}

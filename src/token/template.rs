//! Templates: attributes with values of the shape that the attribute table gives them.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, SeqAccess, Visitor},
};

use crate::{AttributeType, MechanismId, SecretBytes, limits};

/// The value of an attribute, in the shape of its row (`CK_BBOOL`, `CK_ULONG`, bytes…).
#[derive(Debug, Serialize, Deserialize)]
#[serde(from = "Nested")]
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
#[derive(Debug, Default, Serialize)]
pub struct Template(pub Vec<Attribute>);

/// An attribute that is asked for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// Which.
    pub kind: AttributeType,
    /// How many bytes of a value the caller has room for: none, if it wants to know the length.
    pub room: u64,
}

/// What `C_GetAttributeValue` may say of one attribute (§5.7.5).
#[derive(Debug, Serialize, Deserialize)]
pub enum Revealed {
    /// Its value.
    Value(Value),
    /// The object has it and does not reveal it: `CKR_ATTRIBUTE_SENSITIVE`.
    Sensitive,
    /// The object has no such attribute: `CKR_ATTRIBUTE_TYPE_INVALID`.
    Unknown,
    /// How long its value is, which is a secret and longer than the room.
    Length(u64),
}

/// The same, lent for as long as it takes to pass it on: what an HSM keeps need not be copied.
#[derive(Debug)]
pub enum Told<'a> {
    /// A value of [`Value::Bytes`].
    Bytes(&'a [u8]),
    /// Any other value.
    Value(Value),
    /// As [`Revealed::Sensitive`].
    Sensitive,
    /// As [`Revealed::Unknown`].
    Unknown,
    /// As [`Revealed::Length`].
    Length(u64),
}

impl From<Told<'_>> for Revealed {
    fn from(told: Told<'_>) -> Self {
        match told {
            Told::Bytes(bytes) => Revealed::Value(Value::Bytes(bytes.to_vec())),
            Told::Value(value) => Revealed::Value(value),
            Told::Sensitive => Revealed::Sensitive,
            Told::Unknown => Revealed::Unknown,
            Told::Length(length) => Revealed::Length(length),
        }
    }
}

impl From<Revealed> for Told<'_> {
    fn from(revealed: Revealed) -> Self {
        match revealed {
            Revealed::Value(value) => Told::Value(value),
            Revealed::Sensitive => Told::Sensitive,
            Revealed::Unknown => Told::Unknown,
            Revealed::Length(length) => Told::Length(length),
        }
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        template_of(deserializer).map(Self)
    }
}

// What is read may have been written by an attacker: a template may hold templates, but those hold
// none, so that reading one never recurses; and a list ends where its limit is, because in memory an
// element is many times as long as in a message. These types have the serialised form of those above.

/// [`Value`], as it is read.
#[derive(Deserialize)]
enum Nested {
    Flag(bool),
    Number(u64),
    Bytes(#[serde(with = "serde_bytes")] Vec<u8>),
    Secret(SecretBytes),
    Mechanisms(#[serde(deserialize_with = "mechanisms_of")] Vec<MechanismId>),
    Template(#[serde(deserialize_with = "template_of")] Vec<FlatAttribute>),
}

/// A value that is no template.
#[derive(Deserialize)]
enum Flat {
    Flag(bool),
    Number(u64),
    Bytes(#[serde(with = "serde_bytes")] Vec<u8>),
    Secret(SecretBytes),
    Mechanisms(#[serde(deserialize_with = "mechanisms_of")] Vec<MechanismId>),
}

#[derive(Deserialize)]
struct FlatAttribute {
    kind: AttributeType,
    value: Flat,
}

impl From<Nested> for Value {
    fn from(value: Nested) -> Self {
        match value {
            Nested::Flag(flag) => Value::Flag(flag),
            Nested::Number(number) => Value::Number(number),
            Nested::Bytes(bytes) => Value::Bytes(bytes),
            Nested::Secret(secret) => Value::Secret(secret),
            Nested::Mechanisms(mechanisms) => Value::Mechanisms(mechanisms),
            Nested::Template(flat) => {
                Value::Template(Template(flat.into_iter().map(Attribute::from).collect()))
            }
        }
    }
}

impl From<FlatAttribute> for Attribute {
    fn from(FlatAttribute { kind, value }: FlatAttribute) -> Self {
        let value = match value {
            Flat::Flag(flag) => Value::Flag(flag),
            Flat::Number(number) => Value::Number(number),
            Flat::Bytes(bytes) => Value::Bytes(bytes),
            Flat::Secret(secret) => Value::Secret(secret),
            Flat::Mechanisms(mechanisms) => Value::Mechanisms(mechanisms),
        };
        Self { kind, value }
    }
}

fn template_of<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    bounded::<_, _, { limits::TEMPLATE_ATTRIBUTES }>(deserializer)
}

fn mechanisms_of<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<MechanismId>, D::Error> {
    bounded::<_, _, { limits::ATTRIBUTE_BYTES / size_of::<MechanismId>() }>(deserializer)
}

/// Reads a list of at most `MOST` elements: for `serde(deserialize_with = …)`.
pub fn bounded<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MOST: usize>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct Elements<T, const MOST: usize>(Vec<T>);

    impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Elements<T, MOST> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MOST} elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Vec<T>, A::Error> {
            while let Some(element) = seq.next_element()? {
                if self.0.len() == MOST {
                    return Err(A::Error::custom("too many elements"));
                }
                self.0.push(element);
            }
            Ok(self.0)
        }
    }

    deserializer.deserialize_seq(Elements::<T, MOST>(Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<Template> {
        postcard::from_bytes(bytes).ok()
    }

    #[test]
    fn a_template_in_a_template_reads_as_it_was_written() {
        let inner = Template(vec![Attribute {
            kind: AttributeType::LABEL,
            value: Value::Bytes(b"label".to_vec()),
        }]);
        let outer = Template(vec![Attribute {
            kind: AttributeType::WRAP_TEMPLATE,
            value: Value::Template(inner),
        }]);
        let bytes = postcard::to_allocvec(&outer).unwrap();
        let again = read(&bytes).unwrap();
        assert_eq!(format!("{again:?}"), format!("{outer:?}"));
    }

    #[test]
    fn a_template_in_a_template_in_a_template_is_refused() {
        // One attribute (count 1), of type 0, whose value is a template (variant 5): ever deeper.
        assert!(read(&[1, 0, 5, 1, 0, 0, 1]).is_some());
        assert!(read(&[1, 0, 5].repeat(3)).is_none());
        assert!(read(&[1, 0, 5].repeat(1_000_000)).is_none());
    }

    #[test]
    fn a_template_with_too_many_attributes_is_refused() {
        let attributes = |count: u8| {
            let mut bytes = vec![count];
            (0..count).for_each(|_| bytes.extend([0, 0, 1]));
            bytes
        };
        assert!(read(&attributes(100)).is_some());
        assert!(read(&attributes(101)).is_none());
    }

    #[test]
    fn mechanisms_without_end_are_refused() {
        // One attribute of type 0 whose value is mechanisms (variant 4), all of them number 0.
        let mechanisms = |count: usize| {
            let count_bytes = postcard::to_allocvec(&count).unwrap();
            [&[1, 0, 4][..], &count_bytes, &vec![0; count]].concat()
        };
        assert!(read(&mechanisms(4096)).is_some());
        assert!(read(&mechanisms(4097)).is_none());
    }
}

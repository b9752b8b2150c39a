//! The attributes of an object: a small sorted map of plain values, most of which are those that all
//! objects of its sort begin with. A key's value is never in it; that is `Material`.

use std::iter;

use serde::{Deserialize, Serialize, Serializer, ser::SerializeSeq};
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
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Vec<Entry>")]
pub(crate) struct Attributes {
    /// What it says itself.
    own: Vec<Entry>,
    /// What holds where it says nothing.
    defaults: Option<&'static Defaults>,
}

type Entry = (AttributeType, Plain);

/// Attributes that many objects begin with: these have them in one place, and themselves what they
/// have otherwise.
#[derive(Debug)]
pub(crate) struct Defaults {
    entries: Vec<Entry>,
    size: usize,
}

/// As many attributes as the HSM sets beside those of a template: room for them is made with the rest.
const COMPUTED: usize = 8;

impl Defaults {
    fn plain(&self, kind: AttributeType) -> Option<&Plain> {
        let position = position(&self.entries, kind).ok()?;
        self.entries.get(position).map(|(_, value)| value)
    }
}

impl From<Attributes> for Defaults {
    fn from(attributes: Attributes) -> Self {
        Self {
            size: attributes.size(),
            entries: attributes.whole().own,
        }
    }
}

impl Attributes {
    /// Those of an object that begins with `defaults`; with room for `some` and what is set later.
    pub(crate) fn over(defaults: &'static Defaults, some: usize) -> Self {
        Self {
            own: Vec::with_capacity(some.saturating_add(COMPUTED)),
            defaults: Some(defaults),
        }
    }

    /// How many of its own there is room for.
    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
        self.own.capacity()
    }

    /// The value of `kind`.
    pub(crate) fn plain(&self, kind: AttributeType) -> Option<&Plain> {
        match position(&self.own, kind) {
            Ok(position) => self.own.get(position).map(|(_, value)| value),
            Err(_) => self.defaults?.plain(kind),
        }
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
        match position(&self.own, kind) {
            Ok(position) => {
                if let Some(entry) = self.own.get_mut(position) {
                    entry.1 = value;
                }
            }
            Err(position) => self.own.insert(position, (kind, value)),
        }
    }

    /// Takes `kind` out. What it says itself is moved, never copied: it may be a secret.
    pub(crate) fn remove(&mut self, kind: AttributeType) -> Option<Plain> {
        let own = self.remove_own(kind);
        if self.plain(kind).is_none() {
            return own;
        }
        // What it begins with would show where nothing is to be: all of it becomes its own, but this.
        *self = std::mem::take(self).whole();
        let default = self.remove_own(kind);
        own.or(default)
    }

    fn remove_own(&mut self, kind: AttributeType) -> Option<Plain> {
        let position = position(&self.own, kind).ok()?;
        Some(self.own.remove(position).1)
    }

    /// The same, with all of them in one place of its own: what is its own already is moved.
    fn whole(mut self) -> Self {
        let defaults = self.defaults.take();
        for (kind, value) in defaults.map_or(&[][..], |defaults| &defaults.entries) {
            if let Err(position) = position(&self.own, *kind) {
                self.own.insert(position, (*kind, value.clone()));
            }
        }
        self
    }

    /// Whether all of `others` are there, with the same values.
    pub(crate) fn include(&self, others: &Attributes) -> bool {
        others
            .iter()
            .all(|(kind, value)| self.plain(kind) == Some(value))
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
        let own: usize = self.own.iter().map(|(_, value)| size(value)).sum();
        let Some(defaults) = self.defaults else {
            return own;
        };
        let hidden = self
            .own
            .iter()
            .filter_map(|(kind, _)| defaults.plain(*kind));
        let hidden: usize = hidden.map(size).sum();
        (own + defaults.size).saturating_sub(hidden)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// All of them, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (AttributeType, &Plain)> {
        let defaults = self.defaults.map_or(&[][..], |defaults| &defaults.entries);
        let (mut own, mut defaults) = (self.own.iter().peekable(), defaults.iter().peekable());
        let merged = iter::from_fn(move || {
            let Some((kind, _)) = own.peek() else {
                return defaults.next();
            };
            match defaults.next_if(|(default, _)| default <= kind) {
                Some(entry) if entry.0 < *kind => Some(entry),
                _ => own.next(),
            }
        });
        merged.map(|(kind, value)| (*kind, value))
    }
}

/// Where `kind` is, or where it would be. A walk: they are few, and a processor goes ahead on it, where
/// it would wait for each half of a search.
fn position(entries: &[Entry], kind: AttributeType) -> Result<usize, usize> {
    let position = entries.iter().position(|(other, _)| *other >= kind);
    let position = position.unwrap_or(entries.len());
    match entries.get(position) {
        Some((other, _)) if *other == kind => Ok(position),
        _ => Err(position),
    }
}

/// About how many bytes an attribute of this value has.
fn size(value: &Plain) -> usize {
    size_of::<Entry>() + value.len()
}

impl From<Vec<Entry>> for Attributes {
    fn from(own: Vec<Entry>) -> Self {
        Self {
            own,
            defaults: None,
        }
    }
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Attributes {}

/// As an array of all of them: a record says what the object is, whatever the defaults will be.
impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(Some(self.iter().count()))?;
        for attribute in self.iter() {
            array.serialize_element(&attribute)?;
        }
        array.end()
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

    /// Objects that begin as private keys with a label.
    fn defaults() -> &'static Defaults {
        let mut attributes = Attributes::default();
        attributes.set(AttributeType::CLASS, 3.into());
        attributes.set(AttributeType::LABEL, b"default".to_vec().into());
        attributes.set(AttributeType::SIGN, true.into());
        Box::leak(Box::new(Defaults::from(attributes)))
    }

    /// The same attributes as those of `attributes`, all of them its own.
    fn written_out(attributes: &Attributes) -> Attributes {
        let mut written = Attributes::default();
        for (kind, value) in attributes.iter() {
            written.set(kind, value.clone());
        }
        written
    }

    #[test]
    fn what_an_object_says_goes_before_what_it_begins_with() {
        let mut attributes = Attributes::over(defaults(), 0);
        attributes.set(AttributeType::LABEL, b"own".to_vec().into());
        attributes.set(AttributeType::TOKEN, true.into());
        attributes.set(AttributeType::DERIVE, true.into());
        let kinds: Vec<_> = attributes.iter().map(|(kind, _)| kind).collect();
        assert_eq!(
            kinds,
            [
                AttributeType::CLASS,
                AttributeType::TOKEN,
                AttributeType::LABEL,
                AttributeType::SIGN,
                AttributeType::DERIVE,
            ]
        );
        assert_eq!(attributes.bytes(AttributeType::LABEL), Some(&b"own"[..]));
        assert_eq!(attributes.class(), Some(ObjectClass(3)));
        assert!(attributes.flag(AttributeType::SIGN) && !attributes.is_empty());
    }

    #[test]
    fn an_object_is_the_same_whether_it_has_its_defaults_itself_or_not() {
        let mut attributes = Attributes::over(defaults(), 0);
        attributes.set(AttributeType::LABEL, b"own".to_vec().into());
        attributes.set(AttributeType::ID, vec![7].into());
        let written = written_out(&attributes);
        assert_eq!(attributes, written);
        assert_eq!(attributes.size(), written.size());
        let bytes = postcard::to_allocvec(&attributes).unwrap();
        assert_eq!(bytes, postcard::to_allocvec(&written).unwrap());
        assert_eq!(postcard::from_bytes::<Attributes>(&bytes), Ok(attributes));
    }

    #[test]
    fn what_is_taken_out_is_gone_also_where_objects_begin_with_it() {
        let mut attributes = Attributes::over(defaults(), 0);
        attributes.set(AttributeType::LABEL, b"own".to_vec().into());
        assert_eq!(attributes.remove(AttributeType::SIGN), Some(true.into()));
        let label = attributes.remove(AttributeType::LABEL);
        assert_eq!(label, Some(b"own".to_vec().into()));
        assert_eq!(attributes.remove(AttributeType::LABEL), None);
        assert_eq!(attributes.iter().count(), 1);
        assert_eq!(Attributes::over(defaults(), 0).iter().count(), 3);
    }

    /// Where the bytes of `value` are.
    fn place(value: Option<&Plain>) -> *const u8 {
        match value {
            Some(Plain::Bytes(bytes)) => bytes.as_ptr(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_taken_out_and_what_stays_are_moved_and_leave_no_copy() {
        let mut attributes = Attributes::over(defaults(), 0);
        let kinds = [AttributeType::LABEL, AttributeType::ID];
        let places = kinds.map(|kind| {
            attributes.set(kind, b"own".to_vec().into());
            place(attributes.plain(kind))
        });
        let label = attributes.remove(AttributeType::LABEL);
        let id = attributes.plain(AttributeType::ID);
        assert_eq!([place(label.as_ref()), place(id)], places);
    }
}

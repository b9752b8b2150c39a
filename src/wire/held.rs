//! Values of a message that are borrowed when it is written and owned when it was read.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use token::{Reason, bounded, limits};

/// A value that is borrowed when it is written and owned when it was read.
pub(crate) enum Held<'a, T> {
    Lent(&'a T),
    Owned(T),
}

impl<T> Held<'_, T> {
    pub(crate) fn get(&self) -> &T {
        match self {
            Held::Lent(value) => value,
            Held::Owned(value) => value,
        }
    }

    /// The value itself, which was read.
    pub(crate) fn owned(self) -> token::Result<T> {
        match self {
            Held::Owned(value) => Ok(value),
            Held::Lent(_) => Err(Reason::Internal.into()),
        }
    }
}

impl<T: Serialize> Serialize for Held<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Held<'_, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Held::Owned)
    }
}

/// The same for several values: as many as a template may have.
pub(crate) enum Many<'a, T> {
    Lent(&'a [T]),
    Owned(Vec<T>),
}

impl<T> Many<'_, T> {
    pub(crate) fn get(&self) -> &[T] {
        match self {
            Many::Lent(values) => values,
            Many::Owned(values) => values,
        }
    }

    /// The values themselves, which were read.
    pub(crate) fn owned(self) -> token::Result<Vec<T>> {
        match self {
            Many::Owned(values) => Ok(values),
            Many::Lent(_) => Err(Reason::Internal.into()),
        }
    }
}

impl<T: Serialize> Serialize for Many<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<'_, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bounded::<_, _, { limits::TEMPLATE_ATTRIBUTES }>(deserializer).map(Many::Owned)
    }
}

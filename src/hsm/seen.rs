//! An object as one session sees it: on the token, in the session or built in, and with its secret
//! as far as the session's user has it.

use std::sync::Arc;

use token::{AttributeType, Error, ObjectHandle, Reason, Result, SecretBytes};

use crate::{
    cluster::users::Keyring,
    mechanism::Material,
    object::{self, Attributes, Family, Held, ObjectRecord, SessionObject, sort_of},
    seat::Seat,
};

/// An object that the session may know of.
pub(super) enum Seen {
    Session(Arc<SessionObject>),
    Token(u64, Arc<ObjectRecord>),
    BuiltIn(Arc<Attributes>),
}

impl Seen {
    /// The object of this handle, if it exists and the crypto user that is logged in on `seat`, if
    /// one is, sees it.
    pub(super) fn find(
        seat: &Seat,
        keyring: Option<&Keyring>,
        handle: ObjectHandle,
    ) -> Result<Self> {
        let user = keyring.map(|keyring| keyring.user);
        if let Some(attributes) = seat.cluster.built_in.get(handle) {
            return Ok(Seen::BuiltIn(attributes.clone()));
        }
        let seen = if handle.is_session() {
            let object = seat.objects.get(handle.0);
            object
                .filter(|object| object.is_visible_to(user.is_some()))
                .map(Seen::Session)
        } else {
            let object = object::load(&seat.cluster, handle.0)?;
            let object = object.filter(|object| object.is_visible_to(user));
            object.map(|object| Seen::Token(handle.0, object))
        };
        seen.ok_or_else(|| Reason::ObjectHandleInvalid.into())
    }

    /// The same, of a key: `missing` is the reason where there is none.
    pub(super) fn key(
        seat: &Seat,
        keyring: Option<&Keyring>,
        handle: ObjectHandle,
        missing: Reason,
    ) -> Result<Self> {
        let seen = Self::find(seat, keyring, handle).map_err(|error| match error.reason {
            Reason::ObjectHandleInvalid => missing.into(),
            _ => error,
        })?;
        match seen.family() {
            Some(family) if family.is_key() => Ok(seen),
            _ => Err(Error::new(missing, "it is not a key")),
        }
    }

    pub(super) fn attributes(&self) -> &Attributes {
        match self {
            Seen::Session(object) => &object.attributes,
            Seen::Token(_, object) => &object.attributes,
            Seen::BuiltIn(attributes) => attributes,
        }
    }

    pub(super) fn family(&self) -> Option<Family> {
        sort_of(self.attributes()).map(|sort| sort.family)
    }

    /// Its key reference, where it is on the token.
    pub(super) fn reference(&self) -> Option<u64> {
        match self {
            Seen::Token(reference, _) => Some(*reference),
            Seen::Session(_) | Seen::BuiltIn(_) => None,
        }
    }

    /// The token key whose material it has: it is that key, or has come from it in the session.
    pub(super) fn original(&self) -> Option<u64> {
        match self {
            Seen::Session(object) => object.original,
            Seen::Token(..) | Seen::BuiltIn(_) => self.reference(),
        }
    }

    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        let secret = match self {
            Seen::Session(object) => match &object.held {
                Held::Nothing => 0,
                Held::Key(material) => material.size(),
                Held::Data(bytes) => bytes.len(),
            },
            Seen::Token(_, object) => object.sealed.as_ref().map_or(0, Vec::len),
            Seen::BuiltIn(_) => 0,
        };
        self.attributes().size().saturating_add(secret)
    }

    /// Whether it has a secret at all.
    pub(super) fn has_secret(&self) -> bool {
        match self {
            Seen::Session(object) => match object.held {
                Held::Nothing => false,
                Held::Key(_) => self.family().is_some_and(Family::is_secret),
                Held::Data(_) => true,
            },
            Seen::Token(_, object) => object.sealed.is_some(),
            Seen::BuiltIn(_) => false,
        }
    }

    /// The material of the key that it is, for use.
    pub(super) fn material(&self, seat: &Seat, keyring: Option<&Keyring>) -> Result<Arc<Material>> {
        let (reference, record) = match self {
            Seen::Session(object) => match &object.held {
                Held::Key(material) => return Ok(material.clone()),
                Held::Nothing | Held::Data(_) => return Err(Reason::KeyHandleInvalid.into()),
            },
            Seen::Token(reference, record) => (*reference, record),
            Seen::BuiltIn(_) => return Err(Reason::KeyHandleInvalid.into()),
        };
        if let Some(material) = record.public_material()? {
            return Ok(material);
        }
        if record.attributes.key_type().is_none() || record.sealed.is_none() {
            return Err(Reason::KeyHandleInvalid.into());
        }
        let keyring = keyring.ok_or_else(|| {
            Error::new(
                Reason::UserNotLoggedIn,
                "a key on the token is used by its crypto user",
            )
        })?;
        if record.owner != Some(keyring.user) {
            let words = "the key belongs to another crypto user";
            return Err(Error::new(Reason::KeyFunctionNotPermitted, words));
        }
        object::material(&seat.cluster, keyring, reference)?
            .ok_or_else(|| Reason::KeyHandleInvalid.into())
    }

    /// The secret attribute `kind`, where it has one and the session's user has it.
    pub(super) fn secret(
        &self,
        seat: &Seat,
        keyring: Option<&Keyring>,
        kind: AttributeType,
    ) -> Result<Secret> {
        let owned = match self {
            Seen::Session(_) => true,
            Seen::Token(_, record) => {
                record.owner.is_some() && record.owner == keyring.map(|keyring| keyring.user)
            }
            Seen::BuiltIn(_) => false,
        };
        if !owned {
            return Ok(Secret::AnotherUsers);
        }
        let secret = if self.family().is_some_and(Family::is_key) {
            let value = self.material(seat, keyring)?.face().secret(kind)?;
            value.map(|value| SecretBytes::copied(value.reveal()))
        } else {
            self.data(keyring)?
        };
        Ok(secret.map_or(Secret::None, Secret::Value))
    }

    /// The value of private data.
    pub(super) fn data(&self, keyring: Option<&Keyring>) -> Result<Option<SecretBytes>> {
        match self {
            Seen::Session(object) => Ok(match &object.held {
                Held::Data(bytes) => Some(SecretBytes::copied(bytes.reveal())),
                Held::Nothing | Held::Key(_) => None,
            }),
            Seen::Token(reference, record) => {
                let owner = keyring.filter(|keyring| record.owner == Some(keyring.user));
                let Some(owner) = owner else { return Ok(None) };
                let secret = object::secret(owner, *reference, record)?;
                Ok(secret.map(|secret| SecretBytes::copied(secret.reveal())))
            }
            Seen::BuiltIn(_) => Ok(None),
        }
    }
}

/// What there is to say of a secret attribute.
pub(super) enum Secret {
    /// Its value.
    Value(SecretBytes),
    /// The object has no such attribute.
    None,
    /// It is for the object's owner to know.
    AnotherUsers,
}

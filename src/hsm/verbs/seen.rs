//! An object as one session sees it: on the token or in the session, and with its secret as far
//! as the session's user has it.

use std::sync::Arc;

use token::{Error, ObjectHandle, Reason, Result, SecretBytes};

use crate::{
    cluster::users::Keyring,
    mechanism::Material,
    object::{self, Attributes, Held, ObjectRecord, SessionObject},
    seat::Seat,
};

/// An object that the session may know of.
pub(super) enum Seen {
    Session(Arc<SessionObject>),
    Token(u64, Arc<ObjectRecord>),
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

    pub(super) fn attributes(&self) -> &Attributes {
        match self {
            Seen::Session(object) => &object.attributes,
            Seen::Token(_, object) => &object.attributes,
        }
    }

    /// Whether it has a secret at all.
    pub(super) fn has_secret(&self) -> bool {
        match self {
            Seen::Session(object) => !matches!(object.held, Held::Nothing),
            Seen::Token(_, object) => object.sealed.is_some(),
        }
    }

    /// The material of the key that it is, for use.
    pub(super) fn material(&self, keyring: Option<&Keyring>) -> Result<Arc<Material>> {
        let (reference, record) = match self {
            Seen::Session(object) => match &object.held {
                Held::Key(material) => return Ok(material.clone()),
                Held::Nothing | Held::Data(_) => return Err(Reason::KeyHandleInvalid.into()),
            },
            Seen::Token(reference, record) => (*reference, record),
        };
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
        object::material(keyring, reference, record)?.ok_or_else(|| Reason::KeyHandleInvalid.into())
    }

    /// The secret itself, where the session's user has it.
    pub(super) fn secret(&self, keyring: Option<&Keyring>) -> Result<Option<SecretBytes>> {
        match self {
            Seen::Session(object) => Ok(match &object.held {
                Held::Nothing => None,
                Held::Key(material) => material.value().map(SecretBytes::copied),
                Held::Data(bytes) => Some(SecretBytes::copied(bytes.reveal())),
            }),
            Seen::Token(reference, record) => {
                let owner = keyring.filter(|keyring| record.owner == Some(keyring.user));
                let Some(owner) = owner else { return Ok(None) };
                let secret = object::secret(owner, *reference, record)?;
                Ok(secret.map(|secret| SecretBytes::copied(secret.reveal())))
            }
        }
    }
}

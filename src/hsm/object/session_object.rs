//! A session object: in memory only, and gone with its session.

use std::sync::Arc;

use token::{AttributeType, SecretBytes};

use super::Attributes;
use crate::mechanism::Material;

/// An object that is not on the token.
pub(crate) struct SessionObject {
    pub(crate) attributes: Attributes,
    pub(crate) held: Held,
}

/// The secret of a session object.
#[derive(Clone)]
pub(crate) enum Held {
    /// It has none.
    Nothing,
    /// It is a key.
    Key(Arc<Material>),
    /// It is private data.
    Data(Arc<SecretBytes>),
}

impl SessionObject {
    /// Whether a session sees it, in which a crypto user is logged in or not. Whose object it is
    /// need not be asked: the private ones go when their user logs out.
    pub(crate) fn is_visible_to(&self, crypto_user: bool) -> bool {
        crypto_user || !self.attributes.flag(AttributeType::PRIVATE)
    }
}

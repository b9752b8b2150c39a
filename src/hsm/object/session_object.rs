//! A session object: in memory only, and gone with its session.

use std::sync::Arc;

use token::{AttributeType, Result, SecretBytes};

use super::{Attributes, token_object::check_size};
use crate::{
    mechanism::Material,
    memory::{Memory, Share},
};

/// An object that is not on the token.
pub(crate) struct SessionObject {
    pub(crate) attributes: Attributes,
    pub(crate) held: Held,
    /// The token key whose material it has: the audit chain names that one.
    pub(crate) original: Option<u64>,
    _share: Share,
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
    /// The object, if it is not larger than one on the token could be and there is memory for it.
    pub(crate) fn new(memory: &Memory, attributes: Attributes, held: Held) -> Result<Self> {
        let secret = match &held {
            Held::Nothing => 0,
            Held::Key(material) => material.size(),
            Held::Data(bytes) => bytes.len(),
        };
        let bytes = attributes.size().saturating_add(secret);
        check_size(&attributes, bytes)?;
        Ok(Self {
            _share: memory.share(bytes)?,
            attributes,
            held,
            original: None,
        })
    }

    /// The same, with the material of a token key.
    pub(crate) fn with_original(self, original: Option<u64>) -> Self {
        Self { original, ..self }
    }

    /// Whether a session sees it, in which a crypto user is logged in or not. Whose object it is
    /// need not be asked: the private ones go when their user logs out.
    pub(crate) fn is_visible_to(&self, crypto_user: bool) -> bool {
        crypto_user || !self.attributes.flag(AttributeType::PRIVATE)
    }
}

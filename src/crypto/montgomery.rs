//! X25519 (RFC 7748).

use crate::{
    Error, Result, Secret,
    native::edwards::{self, Kind},
};

/// Bytes in a key, private or public, and in a shared secret.
pub const LEN: usize = edwards::LEN;

/// A public key: any 32 bytes.
pub struct PublicKey([u8; LEN]);

/// A private key.
pub struct PrivateKey {
    value: Secret,
    public: [u8; LEN],
}

impl PublicKey {
    /// A key from its bytes.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        Ok(Self(bytes.try_into().map_err(|_| Error::Key)?))
    }

    /// A key from its SubjectPublicKeyInfo.
    pub fn from_info(der: &[u8]) -> Result<Self> {
        Kind::X25519.public(der).map(Self)
    }

    /// The key's SubjectPublicKeyInfo.
    pub fn info(&self) -> Result<Vec<u8>> {
        Kind::X25519.info(&self.0)
    }

    /// The key itself.
    pub fn bytes(&self) -> &[u8; LEN] {
        &self.0
    }
}

impl PrivateKey {
    /// A new key.
    pub fn generate() -> Result<Self> {
        Self::from_secret(Secret::random(LEN)?)
    }

    /// A key from its 32 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        Self::from_secret(Secret::from(bytes))
    }

    /// A key from PKCS #8.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self> {
        Self::from_secret(Kind::X25519.private(der)?)
    }

    /// The key in PKCS #8.
    pub fn pkcs8(&self) -> Result<Secret> {
        Kind::X25519.pkcs8(self.bytes()?)
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.public)
    }

    /// The key itself.
    pub fn value(&self) -> &Secret {
        &self.value
    }

    /// The secret shared with the owner of `public`; an error where every private key would give
    /// zero.
    pub fn agree(&self, public: &[u8]) -> Result<Secret> {
        let public = public.try_into().map_err(|_| Error::Key)?;
        Secret::filled(LEN, |shared| {
            let shared = shared.first_chunk_mut().ok_or(Error::Library)?;
            edwards::x25519(self.bytes()?, public, shared)
        })
    }

    fn from_secret(value: Secret) -> Result<Self> {
        let bytes = value.reveal().try_into().map_err(|_| Error::Key)?;
        let public = edwards::x25519_public(bytes);
        Ok(Self { value, public })
    }

    fn bytes(&self) -> Result<&[u8; LEN]> {
        self.value.reveal().try_into().map_err(|_| Error::Library)
    }
}

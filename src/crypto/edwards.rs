//! Ed25519 (RFC 8032): pure, with context, and prehashed.

use crate::{
    Error, Result, Secret,
    native::edwards::{self, Expanded, Kind},
    random,
};

pub use crate::native::edwards::Variant;

/// Bytes in a signature.
pub const SIGNATURE_LEN: usize = edwards::SIGNATURE;
/// Bytes in a key, private or public.
pub const LEN: usize = edwards::LEN;
/// Bytes in the digest that Ed25519ph signs: SHA-512.
pub const DIGEST_LEN: usize = edwards::DIGEST;
/// Bytes in the longest context.
pub const CONTEXT_MAX: usize = 255;

/// A public key: any 32 bytes; what is no point verifies nothing.
pub struct PublicKey([u8; LEN]);

/// A private key.
pub struct PrivateKey(Expanded);

impl PublicKey {
    /// A key from its bytes.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        Ok(Self(bytes.try_into().map_err(|_| Error::Key)?))
    }

    /// A key from its SubjectPublicKeyInfo.
    pub fn from_info(der: &[u8]) -> Result<Self> {
        Kind::Ed25519.public(der).map(Self)
    }

    /// The key's SubjectPublicKeyInfo.
    pub fn info(&self) -> Result<Vec<u8>> {
        Kind::Ed25519.info(&self.0)
    }

    /// The key itself.
    pub fn bytes(&self) -> &[u8; LEN] {
        &self.0
    }

    /// Whether `signature` is of `message`.
    pub fn verify(&self, variant: Variant<'_>, message: &[u8], signature: &[u8]) -> Result<()> {
        let signature = signature.try_into().map_err(|_| Error::Length)?;
        edwards::verify(&self.0, checked(variant)?, message, signature)
    }

    /// Whether `signature` is Ed25519ph's of the message with this SHA-512.
    pub fn verify_digest(
        &self,
        context: &[u8],
        digest: &[u8; DIGEST_LEN],
        signature: &[u8],
    ) -> Result<()> {
        let signature = signature.try_into().map_err(|_| Error::Length)?;
        checked(Variant::Prehash(context))?;
        edwards::verify_digest(&self.0, context, digest, signature)
    }
}

impl PrivateKey {
    /// A new key.
    pub fn generate() -> Result<Self> {
        let mut seed = zeroize::Zeroizing::new([0; LEN]);
        random::fill(seed.as_mut_slice())?;
        let key = Expanded::from_seed(&seed).map(Self)?;
        if cfg!(feature = "fips") {
            key.check_pair()?;
        }
        Ok(key)
    }

    /// Whether the halves of a new key belong together (FIPS 140-3 IG 10.3.A).
    fn check_pair(&self) -> Result<()> {
        let mut signature = [0; SIGNATURE_LEN];
        self.sign(Variant::Pure, b"pair", &mut signature)?;
        let verified = self.public()?.verify(Variant::Pure, b"pair", &signature);
        verified.map_err(|_| Error::SelfTest("a new Ed25519 pair"))
    }

    /// A key from its 32 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let seed = bytes.try_into().map_err(|_| Error::Key)?;
        Expanded::from_seed(seed).map(Self)
    }

    /// A key from PKCS #8.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self> {
        Self::new(Kind::Ed25519.private(der)?.reveal())
    }

    /// The key in PKCS #8.
    pub fn pkcs8(&self) -> Result<Secret> {
        Kind::Ed25519.pkcs8(self.0.seed()?)
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> Result<PublicKey> {
        self.0.public().copied().map(PublicKey)
    }

    /// The key itself.
    pub fn value(&self) -> Result<Secret> {
        Ok(Secret::from(self.0.seed()?.as_slice()))
    }

    /// Signs `message`.
    pub fn sign(
        &self,
        variant: Variant<'_>,
        message: &[u8],
        signature: &mut [u8; SIGNATURE_LEN],
    ) -> Result<()> {
        self.0.sign(checked(variant)?, message, signature)
    }

    /// Signs the message with this SHA-512 by Ed25519ph.
    pub fn sign_digest(
        &self,
        context: &[u8],
        digest: &[u8; DIGEST_LEN],
        signature: &mut [u8; SIGNATURE_LEN],
    ) -> Result<()> {
        checked(Variant::Prehash(context))?;
        self.0.sign_digest(context, digest, signature)
    }
}

fn checked(variant: Variant<'_>) -> Result<Variant<'_>> {
    let legal = match variant {
        Variant::Pure => true,
        Variant::Context(context) => (1..=CONTEXT_MAX).contains(&context.len()),
        Variant::Prehash(context) => context.len() <= CONTEXT_MAX,
    };
    if legal {
        Ok(variant)
    } else {
        Err(Error::Length)
    }
}

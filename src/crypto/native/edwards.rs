//! Ed25519 and X25519: fixed lengths, so that nothing but a pointer goes to C.

use super::{done, pkey::Pkey, sys};
use crate::{Error, Result, Secret};

/// Bytes in a private and a public key, in a seed and in a shared secret.
pub(crate) const LEN: usize = 32;
/// Bytes in what Ed25519 signs with: the seed and the public key.
const EXPANDED: usize = 64;
/// Bytes in a signature.
pub(crate) const SIGNATURE: usize = 64;

/// Which of RFC 8032's three ways to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant<'a> {
    /// Ed25519.
    Pure,
    /// Ed25519ctx: the context has 1 to 255 bytes.
    Context(&'a [u8]),
    /// Ed25519ph: the context has at most 255 bytes.
    Prehash(&'a [u8]),
}

/// Bytes in the SHA-512 of a message, which Ed25519ph signs.
pub(crate) const DIGEST: usize = 64;

/// Seed and public key, one after the other.
pub(crate) struct Expanded(Secret);

impl Expanded {
    pub(crate) fn from_seed(seed: &[u8; LEN]) -> Result<Self> {
        let mut public = [0; LEN];
        let secret = Secret::filled(EXPANDED, |bytes| {
            // SAFETY: all three have the lengths that the function reads and writes.
            unsafe {
                sys::ED25519_keypair_from_seed(
                    public.as_mut_ptr(),
                    bytes.as_mut_ptr(),
                    seed.as_ptr(),
                );
            }
            Ok::<(), Error>(())
        })?;
        Ok(Self(secret))
    }

    pub(crate) fn seed(&self) -> Result<&[u8; LEN]> {
        self.0.reveal().first_chunk().ok_or(Error::Library)
    }

    pub(crate) fn public(&self) -> Result<&[u8; LEN]> {
        self.0.reveal().last_chunk().ok_or(Error::Library)
    }

    pub(crate) fn sign(
        &self,
        variant: Variant<'_>,
        message: &[u8],
        signature: &mut [u8; SIGNATURE],
    ) -> Result<()> {
        let (out, key) = (signature.as_mut_ptr(), self.0.reveal().as_ptr());
        let (message, len) = (message.as_ptr(), message.len());
        done(match variant {
            // SAFETY: message and context are as long as is said, key and signature have 64 bytes.
            Variant::Pure => unsafe { sys::ED25519_sign(out, message, len, key) },
            // SAFETY: the same.
            Variant::Context(context) => unsafe {
                sys::ED25519ctx_sign(out, message, len, key, context.as_ptr(), context.len())
            },
            // SAFETY: the same.
            Variant::Prehash(context) => unsafe {
                sys::ED25519ph_sign(out, message, len, key, context.as_ptr(), context.len())
            },
        })
    }

    /// Ed25519ph of a message with this SHA-512.
    pub(crate) fn sign_digest(
        &self,
        context: &[u8],
        digest: &[u8; DIGEST],
        signature: &mut [u8; SIGNATURE],
    ) -> Result<()> {
        let (out, key) = (signature.as_mut_ptr(), self.0.reveal().as_ptr());
        let digest = digest.as_ptr();
        // SAFETY: as in `sign`; the digest has 64 bytes.
        done(unsafe {
            sys::ED25519ph_sign_digest(out, digest, key, context.as_ptr(), context.len())
        })
    }
}

pub(crate) fn verify(
    public: &[u8; LEN],
    variant: Variant<'_>,
    message: &[u8],
    signature: &[u8; SIGNATURE],
) -> Result<()> {
    let (signature, key) = (signature.as_ptr(), public.as_ptr());
    let (message, len) = (message.as_ptr(), message.len());
    let verified = done(match variant {
        // SAFETY: message and context are as long as is said, the signature has 64 bytes and the
        // key 32.
        Variant::Pure => unsafe { sys::ED25519_verify(message, len, signature, key) },
        // SAFETY: the same.
        Variant::Context(context) => unsafe {
            sys::ED25519ctx_verify(
                message,
                len,
                signature,
                key,
                context.as_ptr(),
                context.len(),
            )
        },
        // SAFETY: the same.
        Variant::Prehash(context) => unsafe {
            sys::ED25519ph_verify(
                message,
                len,
                signature,
                key,
                context.as_ptr(),
                context.len(),
            )
        },
    });
    verified.map_err(|_| Error::Authentication)
}

/// Ed25519ph of a message with this SHA-512.
pub(crate) fn verify_digest(
    public: &[u8; LEN],
    context: &[u8],
    digest: &[u8; DIGEST],
    signature: &[u8; SIGNATURE],
) -> Result<()> {
    let (signature, key) = (signature.as_ptr(), public.as_ptr());
    let digest = digest.as_ptr();
    // SAFETY: as in `verify`; the digest has 64 bytes.
    let verified = done(unsafe {
        sys::ED25519ph_verify_digest(digest, signature, key, context.as_ptr(), context.len())
    });
    verified.map_err(|_| Error::Authentication)
}

/// X25519: the public value of a private key.
pub(crate) fn x25519_public(private: &[u8; LEN]) -> [u8; LEN] {
    let mut public = [0; LEN];
    // SAFETY: both have 32 bytes.
    unsafe { sys::X25519_public_from_private(public.as_mut_ptr(), private.as_ptr()) };
    public
}

/// X25519: the shared secret; an error where it would be zero, whatever the private key (RFC 7748
/// §6.1).
pub(crate) fn x25519(
    private: &[u8; LEN],
    public: &[u8; LEN],
    shared: &mut [u8; LEN],
) -> Result<()> {
    // SAFETY: all three have 32 bytes.
    done(unsafe { sys::X25519(shared.as_mut_ptr(), private.as_ptr(), public.as_ptr()) })
        .map_err(|_| Error::Key)
}

/// Which of the two a PKCS #8 or a SubjectPublicKeyInfo is of.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Ed25519,
    X25519,
}

impl Kind {
    fn number(self) -> std::ffi::c_int {
        match self {
            Kind::Ed25519 => sys::EVP_PKEY_ED25519,
            Kind::X25519 => sys::EVP_PKEY_X25519,
        }
    }

    /// PKCS #8 of a private key (RFC 8410).
    pub(crate) fn pkcs8(self, private: &[u8; LEN]) -> Result<Secret> {
        // SAFETY: the key has the length that is said; null when it is refused.
        let key = unsafe {
            sys::EVP_PKEY_new_raw_private_key(
                self.number(),
                std::ptr::null_mut(),
                private.as_ptr(),
                private.len(),
            )
        };
        // SAFETY: the key is new, and ours.
        unsafe { Pkey::owned(key) }?.pkcs8()
    }

    /// The SubjectPublicKeyInfo of a public key.
    pub(crate) fn info(self, public: &[u8; LEN]) -> Result<Vec<u8>> {
        // SAFETY: as in `pkcs8`.
        let key = unsafe {
            sys::EVP_PKEY_new_raw_public_key(
                self.number(),
                std::ptr::null_mut(),
                public.as_ptr(),
                public.len(),
            )
        };
        // SAFETY: the key is new, and ours.
        unsafe { Pkey::owned(key) }?.info()
    }

    /// The private key in PKCS #8.
    pub(crate) fn private(self, der: &[u8]) -> Result<Secret> {
        let key = Pkey::from_pkcs8(self.number(), der)?;
        Secret::filled(LEN, |private| {
            let mut written = private.len();
            // SAFETY: the key is alive; the slice is as long as is said.
            done(unsafe {
                sys::EVP_PKEY_get_raw_private_key(key.as_ptr(), private.as_mut_ptr(), &mut written)
            })?;
            if written == LEN {
                Ok(())
            } else {
                Err(Error::Key)
            }
        })
    }

    /// The public key in a SubjectPublicKeyInfo.
    pub(crate) fn public(self, der: &[u8]) -> Result<[u8; LEN]> {
        let key = Pkey::from_info(self.number(), der)?;
        let mut public = [0; LEN];
        let mut written = LEN;
        // SAFETY: the key is alive; the array is as long as is said.
        done(unsafe {
            sys::EVP_PKEY_get_raw_public_key(key.as_ptr(), public.as_mut_ptr(), &mut written)
        })?;
        if written == LEN {
            Ok(public)
        } else {
            Err(Error::Key)
        }
    }
}

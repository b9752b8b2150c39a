//! Keys of ML-DSA and ML-KEM, which the library calls PQDSA and KEM: made of a seed or of raw
//! bytes, and used. What their lengths are, the caller knows; each function takes whole slices.

use std::{
    ffi::c_int,
    ptr::{self, NonNull},
};

use super::{done, pkey::Pkey, sys};
use crate::{Error, Result, Secret};

/// Bytes in ML-DSA's message representative.
pub(crate) const MU: usize = 64;

pub(crate) const ML_DSA_44: c_int = sys::NID_MLDSA44;
pub(crate) const ML_DSA_65: c_int = sys::NID_MLDSA65;
pub(crate) const ML_DSA_87: c_int = sys::NID_MLDSA87;
pub(crate) const ML_KEM_512: c_int = sys::NID_MLKEM512;
pub(crate) const ML_KEM_768: c_int = sys::NID_MLKEM768;
pub(crate) const ML_KEM_1024: c_int = sys::NID_MLKEM1024;

/// A public key of ML-DSA; the library checks its length, and there is nothing else to check.
pub(crate) fn dsa_public(parameters: c_int, bytes: &[u8]) -> Result<Pkey> {
    // SAFETY: the slice is as long as is said; null when it is refused.
    let key =
        unsafe { sys::EVP_PKEY_pqdsa_new_raw_public_key(parameters, bytes.as_ptr(), bytes.len()) };
    // SAFETY: a key that was made for us, or null.
    let key = unsafe { Pkey::owned(key) };
    key.map_err(|_| Error::Key)
}

/// A private key of ML-DSA of its seed or of itself, as the length says; with its public key.
pub(crate) fn dsa_private(parameters: c_int, bytes: &[u8]) -> Result<Pkey> {
    // SAFETY: as in `dsa_public`.
    let key =
        unsafe { sys::EVP_PKEY_pqdsa_new_raw_private_key(parameters, bytes.as_ptr(), bytes.len()) };
    // SAFETY: a key that was made for us, or null.
    let key = unsafe { Pkey::owned(key) };
    key.map_err(|_| Error::Key)
}

/// A hedged signature over a message representative (FIPS 204 §6.2, from step 7).
pub(crate) fn dsa_sign(key: &Pkey, mu: &[u8; MU], signature: &mut [u8]) -> Result<()> {
    let context = Context::new(key)?;
    // SAFETY: the context is alive and has a key.
    done(unsafe { sys::EVP_PKEY_sign_init(context.0.as_ptr()) })?;
    let mut written = signature.len();
    // SAFETY: both slices are as long as is said; a signature that is too short is refused.
    done(unsafe {
        sys::EVP_PKEY_sign(
            context.0.as_ptr(),
            signature.as_mut_ptr(),
            &mut written,
            mu.as_ptr(),
            mu.len(),
        )
    })?;
    exactly(written, signature.len())
}

/// Whether `signature` is over this message representative.
pub(crate) fn dsa_verify(key: &Pkey, mu: &[u8; MU], signature: &[u8]) -> Result<()> {
    let context = Context::new(key)?;
    // SAFETY: the context is alive and has a key.
    done(unsafe { sys::EVP_PKEY_verify_init(context.0.as_ptr()) })?;
    // SAFETY: both slices are as long as is said.
    let verified = done(unsafe {
        sys::EVP_PKEY_verify(
            context.0.as_ptr(),
            signature.as_ptr(),
            signature.len(),
            mu.as_ptr(),
            mu.len(),
        )
    });
    verified.map_err(|_| Error::Authentication)
}

/// A public key of ML-KEM, with the checks of FIPS 203 §7.2.
pub(crate) fn kem_public(parameters: c_int, bytes: &[u8]) -> Result<Pkey> {
    // SAFETY: as in `dsa_public`.
    let key =
        unsafe { sys::EVP_PKEY_kem_new_raw_public_key(parameters, bytes.as_ptr(), bytes.len()) };
    // SAFETY: a key that was made for us, or null.
    let key = unsafe { Pkey::owned(key) };
    kem_checked(key.map_err(|_| Error::Key)?, Halves::Public)
}

/// A key pair of ML-KEM of its raw halves, with the checks of FIPS 203 §7.3 and that they belong
/// together.
pub(crate) fn kem_private(parameters: c_int, public: &[u8], private: &[u8]) -> Result<Pkey> {
    // SAFETY: both slices are as long as is said; null when they are refused.
    let key = unsafe {
        sys::EVP_PKEY_kem_new_raw_key(
            parameters,
            public.as_ptr(),
            public.len(),
            private.as_ptr(),
            private.len(),
        )
    };
    // SAFETY: a key that was made for us, or null.
    let key = unsafe { Pkey::owned(key) };
    kem_checked(key.map_err(|_| Error::Key)?, Halves::Both)
}

/// A key pair of ML-KEM of its seed.
pub(crate) fn kem_of_seed(parameters: c_int, seed: &[u8]) -> Result<Pkey> {
    let context = Context::of_kind(sys::EVP_PKEY_KEM)?;
    // SAFETY: the context is alive.
    done(unsafe { sys::EVP_PKEY_CTX_kem_set_params(context.0.as_ptr(), parameters) })?;
    // SAFETY: the same.
    done(unsafe { sys::EVP_PKEY_keygen_init(context.0.as_ptr()) })?;
    let (mut key, mut seed_len) = (ptr::null_mut(), seed.len());
    // SAFETY: the seed is as long as is said; another length is refused.
    done(unsafe {
        sys::EVP_PKEY_keygen_deterministic(
            context.0.as_ptr(),
            &mut key,
            seed.as_ptr(),
            &mut seed_len,
        )
    })
    .map_err(|_| Error::Key)?;
    // SAFETY: a key that was made for us, or null.
    unsafe { Pkey::owned(key) }
}

/// What there is of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Halves {
    Public,
    Both,
}

/// Whether the key is one, and where both halves are there, whether they belong together: a secret
/// goes there and back (FIPS 140-3's pairwise consistency).
#[cfg(not(feature = "fips"))]
pub(crate) fn kem_consistent(key: &Pkey, _there: Halves) -> Result<bool> {
    let context = Context::new(key)?;
    // SAFETY: the context is alive and has a key.
    Ok(done(unsafe { sys::EVP_PKEY_public_check(context.0.as_ptr()) }).is_ok())
}

/// The same by hand, for the FIPS module does not check keys of a KEM: it encapsulates for no
/// public key that is none (FIPS 203 §7.2), and decapsulates with no private one (§7.3).
#[cfg(feature = "fips")]
pub(crate) fn kem_consistent(key: &Pkey, there: Halves) -> Result<bool> {
    let context = Context::new(key)?;
    let (mut ciphertext_len, mut secret_len) = (0, 0);
    // SAFETY: the context is alive; without places for the outputs it is their lengths that are told.
    done(unsafe {
        sys::EVP_PKEY_encapsulate(
            context.0.as_ptr(),
            ptr::null_mut(),
            &mut ciphertext_len,
            ptr::null_mut(),
            &mut secret_len,
        )
    })?;
    let mut ciphertext = vec![0; ciphertext_len];
    let [mut sent, mut came] = [(); 2].map(|()| zeroize::Zeroizing::new(vec![0; secret_len]));
    if kem_encapsulate(key, &mut ciphertext, &mut sent).is_err() {
        return Ok(false);
    }
    Ok(there == Halves::Public
        || kem_decapsulate(key, &ciphertext, &mut came).is_ok() && crate::eq(&sent, &came))
}

/// A new secret, and what carries it to the owner of the private key.
pub(crate) fn kem_encapsulate(key: &Pkey, ciphertext: &mut [u8], secret: &mut [u8]) -> Result<()> {
    let context = Context::new(key)?;
    let (mut ciphertext_len, mut secret_len) = (ciphertext.len(), secret.len());
    // SAFETY: both slices are as long as is said; what is too short is refused.
    done(unsafe {
        sys::EVP_PKEY_encapsulate(
            context.0.as_ptr(),
            ciphertext.as_mut_ptr(),
            &mut ciphertext_len,
            secret.as_mut_ptr(),
            &mut secret_len,
        )
    })?;
    exactly(ciphertext_len, ciphertext.len())?;
    exactly(secret_len, secret.len())
}

/// The secret that a ciphertext carries; a forged one gives a secret that nobody else knows.
pub(crate) fn kem_decapsulate(key: &Pkey, ciphertext: &[u8], secret: &mut [u8]) -> Result<()> {
    let context = Context::new(key)?;
    let mut secret_len = secret.len();
    // SAFETY: both slices are as long as is said; a ciphertext of another length is refused.
    done(unsafe {
        sys::EVP_PKEY_decapsulate(
            context.0.as_ptr(),
            secret.as_mut_ptr(),
            &mut secret_len,
            ciphertext.as_ptr(),
            ciphertext.len(),
        )
    })?;
    exactly(secret_len, secret.len())
}

/// The public key itself, which has `len` bytes.
pub(crate) fn public_bytes(key: &Pkey, len: usize) -> Result<Vec<u8>> {
    let (mut bytes, mut written) = (vec![0; len], len);
    // SAFETY: the key is alive; the bytes are as many as is said.
    done(unsafe {
        sys::EVP_PKEY_get_raw_public_key(key.as_ptr(), bytes.as_mut_ptr(), &mut written)
    })?;
    exactly(written, len).map(|()| bytes)
}

/// The private key itself, which has `len` bytes.
pub(crate) fn private_bytes(key: &Pkey, len: usize) -> Result<Secret> {
    Secret::filled(len, |bytes| {
        let mut written = bytes.len();
        // SAFETY: as in `public_bytes`.
        done(unsafe {
            sys::EVP_PKEY_get_raw_private_key(key.as_ptr(), bytes.as_mut_ptr(), &mut written)
        })?;
        exactly(written, len)
    })
}

fn kem_checked(key: Pkey, there: Halves) -> Result<Pkey> {
    if kem_consistent(&key, there)? {
        Ok(key)
    } else {
        Err(Error::Key)
    }
}

/// An output that must be whole.
pub(super) fn exactly(written: usize, len: usize) -> Result<()> {
    if written == len {
        Ok(())
    } else {
        Err(Error::Library)
    }
}

/// What the library works with for one call.
struct Context(NonNull<sys::EVP_PKEY_CTX>);

impl Context {
    fn new(key: &Pkey) -> Result<Self> {
        // SAFETY: the key is alive, and the context keeps a reference of its own.
        Self::owned(unsafe { sys::EVP_PKEY_CTX_new(key.as_ptr(), ptr::null_mut()) })
    }

    fn of_kind(kind: c_int) -> Result<Self> {
        // SAFETY: no preconditions; null when the kind is unknown or memory is out.
        Self::owned(unsafe { sys::EVP_PKEY_CTX_new_id(kind, ptr::null_mut()) })
    }

    fn owned(context: *mut sys::EVP_PKEY_CTX) -> Result<Self> {
        NonNull::new(context).map(Self).ok_or(Error::Library)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: it was made by `new` or `of_kind`.
        unsafe { sys::EVP_PKEY_CTX_free(self.0.as_ptr()) }
    }
}

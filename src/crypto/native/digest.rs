//! Message digests: whole inputs without an allocation, and inputs in parts.

mod state;

use std::ptr::{self, NonNull};

use super::{done, sys};
use crate::{Error, Result, hash::Hash};

/// The library's description of a hash: what HMAC and PBKDF2 are built over.
pub(super) fn method(hash: Hash) -> *const sys::EVP_MD {
    let method = match hash {
        Hash::Sha1 => sys::EVP_sha1,
        Hash::Sha224 => sys::EVP_sha224,
        Hash::Sha256 => sys::EVP_sha256,
        Hash::Sha384 => sys::EVP_sha384,
        Hash::Sha512 => sys::EVP_sha512,
        Hash::Sha512_224 => sys::EVP_sha512_224,
        Hash::Sha512_256 => sys::EVP_sha512_256,
        Hash::Sha3_224 => sys::EVP_sha3_224,
        Hash::Sha3_256 => sys::EVP_sha3_256,
        Hash::Sha3_384 => sys::EVP_sha3_384,
        Hash::Sha3_512 => sys::EVP_sha3_512,
    };
    // SAFETY: a static table of the library; there are no preconditions.
    unsafe { method() }
}

/// The hash of `input`; `output` is as long as the hash.
pub(crate) fn of(hash: Hash, input: &[u8], output: &mut [u8]) -> Result<()> {
    if output.len() != hash.len() {
        return Err(Error::Length);
    }
    let at_once = match hash {
        Hash::Sha1 => sys::SHA1,
        Hash::Sha224 => sys::SHA224,
        Hash::Sha256 => sys::SHA256,
        Hash::Sha384 => sys::SHA384,
        Hash::Sha512 => sys::SHA512,
        Hash::Sha512_224 => sys::SHA512_224,
        Hash::Sha512_256 => sys::SHA512_256,
        Hash::Sha3_224 | Hash::Sha3_256 | Hash::Sha3_384 | Hash::Sha3_512 => {
            // SAFETY: the input's length is the slice's, and the output is as long as the hash.
            return done(unsafe {
                sys::EVP_Digest(
                    input.as_ptr().cast(),
                    input.len(),
                    output.as_mut_ptr(),
                    ptr::null_mut(),
                    method(hash),
                    ptr::null_mut(),
                )
            });
        }
    };
    // SAFETY: as above.
    let written = unsafe { at_once(input.as_ptr(), input.len(), output.as_mut_ptr()) };
    if written.is_null() {
        Err(Error::Library)
    } else {
        Ok(())
    }
}

/// A hash whose input is not complete.
pub(crate) struct Stream(NonNull<sys::EVP_MD_CTX>);

impl Stream {
    /// Nothing hashed yet.
    pub(crate) fn new(hash: Hash) -> Result<Self> {
        // SAFETY: no preconditions; null when memory is out.
        let context = unsafe { sys::EVP_MD_CTX_new() };
        let stream = Self(NonNull::new(context).ok_or(Error::Library)?);
        // SAFETY: the context is alive, the method static.
        done(unsafe { sys::EVP_DigestInit_ex(context, method(hash), ptr::null_mut()) })?;
        Ok(stream)
    }

    /// More of the input.
    pub(crate) fn update(&mut self, input: &[u8]) -> Result<()> {
        // SAFETY: the context was initialised, and the length is the slice's.
        done(unsafe { sys::EVP_DigestUpdate(self.0.as_ptr(), input.as_ptr().cast(), input.len()) })
    }

    /// The hash; `output` is as long as it.
    pub(crate) fn finish(self, output: &mut [u8]) -> Result<()> {
        // SAFETY: the context was initialised.
        let len = unsafe { sys::EVP_MD_CTX_size(self.0.as_ptr()) };
        if len != output.len() {
            return Err(Error::Length);
        }
        // SAFETY: the output is as long as the hash.
        done(unsafe {
            sys::EVP_DigestFinal_ex(self.0.as_ptr(), output.as_mut_ptr(), ptr::null_mut())
        })
    }

    /// Another stream that has come as far.
    pub(crate) fn fork(&self) -> Result<Self> {
        // SAFETY: no preconditions; null when memory is out.
        let context = unsafe { sys::EVP_MD_CTX_new() };
        let fork = Self(NonNull::new(context).ok_or(Error::Library)?);
        // SAFETY: both contexts are alive; the other one is only read.
        done(unsafe { sys::EVP_MD_CTX_copy_ex(context, self.0.as_ptr()) })?;
        Ok(fork)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: `new` made it; free erases what was hashed.
        unsafe { sys::EVP_MD_CTX_free(self.0.as_ptr()) }
    }
}

// SAFETY: the context is owned and has no thread of its own.
unsafe impl Send for Stream {}

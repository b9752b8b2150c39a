//! Asymmetric keys of any algorithm: reading and writing PKCS #8 and SubjectPublicKeyInfo.

use std::{
    ffi::c_int,
    mem::MaybeUninit,
    ptr::{self, NonNull},
    slice,
};

use super::{done, sys};
use crate::{Error, Result, Secret};

/// A key; once made it is only read, by any number of threads.
pub(crate) struct Pkey(NonNull<sys::EVP_PKEY>);

// SAFETY: evp.h: a key may be used by several threads as long as none changes it; nothing here does
// after it was made. The count of references and RSA's caches are locked by the library.
unsafe impl Send for Pkey {}
// SAFETY: the same.
unsafe impl Sync for Pkey {}

impl Pkey {
    /// Nothing yet.
    pub(super) fn empty() -> Result<Self> {
        // SAFETY: no preconditions; null when memory is out.
        let key = unsafe { sys::EVP_PKEY_new() };
        // SAFETY: the key is new, and ours.
        unsafe { Self::owned(key) }
    }

    /// A key that the library made for the caller.
    ///
    /// # Safety
    /// `key` is null, or a key of which the caller has one reference to give.
    pub(super) unsafe fn owned(key: *mut sys::EVP_PKEY) -> Result<Self> {
        NonNull::new(key).map(Self).ok_or(Error::Library)
    }

    /// A private key in PKCS #8 (RFC 5958), of the library's algorithm `kind`, and nothing after it.
    pub(crate) fn from_pkcs8(kind: c_int, der: &[u8]) -> Result<Self> {
        Self::parse(kind, der, sys::EVP_parse_private_key)
    }

    /// A public key in a SubjectPublicKeyInfo (RFC 5280), and nothing after it.
    pub(crate) fn from_info(kind: c_int, der: &[u8]) -> Result<Self> {
        Self::parse(kind, der, sys::EVP_parse_public_key)
    }

    /// The private key in PKCS #8.
    pub(crate) fn pkcs8(&self) -> Result<Secret> {
        self.marshal(sys::EVP_marshal_private_key, |der| Secret::from(der))
    }

    /// The public key in a SubjectPublicKeyInfo.
    pub(crate) fn info(&self) -> Result<Vec<u8>> {
        self.marshal(sys::EVP_marshal_public_key, |der| Vec::from(der))
    }

    pub(super) fn as_ptr(&self) -> *mut sys::EVP_PKEY {
        self.0.as_ptr()
    }

    fn parse(
        kind: c_int,
        der: &[u8],
        parse: unsafe extern "C" fn(*mut sys::CBS) -> *mut sys::EVP_PKEY,
    ) -> Result<Self> {
        let mut input = sys::CBS {
            data: der.as_ptr(),
            len: der.len(),
        };
        // SAFETY: the input is a valid slice; the answer is null or a new key.
        let key = unsafe { parse(&mut input) };
        // SAFETY: the key is new, and ours.
        let key = unsafe { Self::owned(key) }.map_err(|_| Error::Key)?;
        // SAFETY: the key is alive.
        let parsed = unsafe { sys::EVP_PKEY_id(key.as_ptr()) };
        if input.len == 0 && parsed == kind {
            Ok(key)
        } else {
            Err(Error::Key)
        }
    }

    fn marshal<T>(
        &self,
        marshal: unsafe extern "C" fn(*mut sys::CBB, *const sys::EVP_PKEY) -> c_int,
        copy: impl FnOnce(&[u8]) -> T,
    ) -> Result<T> {
        let mut builder = Builder::new()?;
        // SAFETY: builder and key are alive.
        done(unsafe { marshal(&mut builder.0, self.as_ptr()) })?;
        builder.finish(copy)
    }
}

impl Drop for Pkey {
    fn drop(&mut self) {
        // SAFETY: this reference is ours; free erases what was private.
        unsafe { sys::EVP_PKEY_free(self.0.as_ptr()) }
    }
}

/// Bytes that the library writes; its own memory is erased when it is given back.
struct Builder(sys::CBB);

impl Builder {
    fn new() -> Result<Self> {
        let mut builder = MaybeUninit::zeroed();
        // SAFETY: init sets every field; it fails only when memory is out.
        done(unsafe { sys::CBB_init(builder.as_mut_ptr(), 256) })?;
        // SAFETY: it was initialised.
        Ok(Self(unsafe { builder.assume_init() }))
    }

    fn finish<T>(mut self, copy: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let (mut bytes, mut len) = (ptr::null_mut(), 0);
        // SAFETY: the builder is alive; its memory becomes ours.
        done(unsafe { sys::CBB_finish(&mut self.0, &mut bytes, &mut len) })?;
        let bytes = NonNull::new(bytes).ok_or(Error::Library)?;
        // SAFETY: finish said where the bytes are and how many.
        let copied = copy(unsafe { slice::from_raw_parts(bytes.as_ptr(), len) });
        // SAFETY: the memory is ours and of the library's allocator, which erases it.
        unsafe { sys::OPENSSL_free(bytes.as_ptr().cast()) };
        Ok(copied)
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        // SAFETY: it was initialised; after finish there is nothing left to give back.
        unsafe { sys::CBB_cleanup(&mut self.0) }
    }
}

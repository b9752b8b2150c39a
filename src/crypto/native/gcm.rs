//! AES-GCM all at once, with a key that is prepared once and used by any number of threads.

use std::ptr;

use super::{done, sys};
use crate::{Error, Result, locked::Region};

/// A prepared key for tags of one length: the expanded key and the tables of GHASH.
pub(crate) struct Context(Region);

impl Context {
    /// Prepares a key of 16, 24 or 32 bytes.
    pub(crate) fn new(key: &[u8], tag_len: usize) -> Result<Self> {
        let aead = match key.len() {
            // SAFETY: a static table of the library; there are no preconditions.
            16 => unsafe { sys::EVP_aead_aes_128_gcm() },
            // SAFETY: the same.
            24 => unsafe { sys::EVP_aead_aes_192_gcm() },
            // SAFETY: the same.
            32 => unsafe { sys::EVP_aead_aes_256_gcm() },
            _ => return Err(Error::Length),
        };
        // Zero would mean the default length.
        if !(1..=16).contains(&tag_len) {
            return Err(Error::Length);
        }
        let mut region = Region::zeroed(size_of::<sys::EVP_AEAD_CTX>());
        let context = region.bytes_mut().as_mut_ptr().cast();
        // SAFETY: the region has the size and alignment of EVP_AEAD_CTX and does not move; the key
        // has the length that `aead` takes.
        done(unsafe {
            sys::EVP_AEAD_CTX_init(
                context,
                aead,
                key.as_ptr(),
                key.len(),
                tag_len,
                ptr::null_mut(),
            )
        })?;
        Ok(Self(region))
    }

    /// Encrypts into `output`, as long as `input`, and `tag`, as long as the context's tags.
    pub(crate) fn seal(
        &self,
        nonce: &[u8],
        additional: &[u8],
        input: &[u8],
        output: &mut [u8],
        tag: &mut [u8],
    ) -> Result<()> {
        if input.len() != output.len() {
            return Err(Error::Length);
        }
        let mut tag_len = 0;
        // SAFETY: all lengths are those of the slices, and input and output are different memory.
        // The context is only read (aead.h: one context may be used by several threads).
        done(unsafe {
            sys::EVP_AEAD_CTX_seal_scatter(
                self.context(),
                output.as_mut_ptr(),
                tag.as_mut_ptr(),
                &mut tag_len,
                tag.len(),
                nonce.as_ptr(),
                nonce.len(),
                input.as_ptr(),
                input.len(),
                ptr::null(),
                0,
                additional.as_ptr(),
                additional.len(),
            )
        })?;
        if tag_len == tag.len() {
            Ok(())
        } else {
            Err(Error::Length)
        }
    }

    /// Checks the tag and decrypts into `output`, as long as `input`; on an error it is zeroed.
    pub(crate) fn open(
        &self,
        nonce: &[u8],
        additional: &[u8],
        input: &[u8],
        tag: &[u8],
        output: &mut [u8],
    ) -> Result<()> {
        if input.len() != output.len() {
            return Err(Error::Length);
        }
        // SAFETY: as in `seal`.
        let opened = done(unsafe {
            sys::EVP_AEAD_CTX_open_gather(
                self.context(),
                output.as_mut_ptr(),
                nonce.as_ptr(),
                nonce.len(),
                input.as_ptr(),
                input.len(),
                tag.as_ptr(),
                tag.len(),
                additional.as_ptr(),
                additional.len(),
            )
        });
        opened.map_err(|_| Error::Authentication)
    }

    fn context(&self) -> *const sys::EVP_AEAD_CTX {
        self.0.bytes().as_ptr().cast()
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: `new` initialised it, and nobody uses it any more.
        unsafe { sys::EVP_AEAD_CTX_cleanup(self.0.bytes_mut().as_mut_ptr().cast()) }
    }
}

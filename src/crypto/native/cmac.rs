//! CMAC over AES and triple DES, in parts.

use std::ptr::{self, NonNull};

use super::{done, sys};
use crate::{Error, Result};

/// A code whose input is not complete.
pub(crate) struct Stream(NonNull<sys::CMAC_CTX>);

impl Stream {
    /// Begins with an AES key of 16, 24 or 32 bytes.
    pub(crate) fn aes(key: &[u8]) -> Result<Self> {
        let cipher = match key.len() {
            // SAFETY: a static table of the library; there are no preconditions.
            16 => unsafe { sys::EVP_aes_128_cbc() },
            // SAFETY: the same.
            24 => unsafe { sys::EVP_aes_192_cbc() },
            // SAFETY: the same.
            32 => unsafe { sys::EVP_aes_256_cbc() },
            _ => return Err(Error::Length),
        };
        Self::new(cipher, key)
    }

    /// Begins with a triple DES key of 24 bytes.
    pub(crate) fn des3(key: &[u8; 24]) -> Result<Self> {
        // SAFETY: as in `aes`.
        Self::new(unsafe { sys::EVP_des_ede3_cbc() }, key)
    }

    fn new(cipher: *const sys::EVP_CIPHER, key: &[u8]) -> Result<Self> {
        // SAFETY: no preconditions; null when memory is out.
        let context = unsafe { sys::CMAC_CTX_new() };
        let stream = Self(NonNull::new(context).ok_or(Error::Library)?);
        // SAFETY: the context is alive, and the length is the slice's (it is checked against the
        // cipher's).
        done(unsafe {
            sys::CMAC_Init(
                context,
                key.as_ptr().cast(),
                key.len(),
                cipher,
                ptr::null_mut(),
            )
        })?;
        Ok(stream)
    }

    /// More of the input.
    pub(crate) fn update(&mut self, input: &[u8]) -> Result<()> {
        // SAFETY: the context was initialised, and the length is the slice's.
        done(unsafe { sys::CMAC_Update(self.0.as_ptr(), input.as_ptr(), input.len()) })
    }

    /// The code: a block of AES, or of DES in its first half.
    pub(crate) fn finish(self) -> Result<[u8; 16]> {
        let mut code = [0; 16];
        let mut len = 0;
        // SAFETY: the context was initialised, and no code is longer than 16 bytes.
        done(unsafe { sys::CMAC_Final(self.0.as_ptr(), code.as_mut_ptr(), &mut len) })?;
        Ok(code)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: `new` made it; free erases the key in it.
        unsafe { sys::CMAC_CTX_free(self.0.as_ptr()) }
    }
}

// SAFETY: the context is owned and has no thread of its own.
unsafe impl Send for Stream {}

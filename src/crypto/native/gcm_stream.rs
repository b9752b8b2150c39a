//! AES-GCM encryption in parts. Decryption in parts does not exist here: plaintext must not be
//! seen before its tag is checked.

use std::{
    ffi::{c_int, c_void},
    ptr::{self, NonNull},
};

use super::{done, sys};
use crate::{Error, Result};

/// An encryption that has begun.
pub(crate) struct Encryption(NonNull<sys::EVP_CIPHER_CTX>);

impl Encryption {
    /// Begins with a key of 16, 24 or 32 bytes, a nonce of any length, and all additional data.
    pub(crate) fn new(key: &[u8], nonce: &[u8], additional: &[u8]) -> Result<Self> {
        let cipher = match key.len() {
            // SAFETY: a static table of the library; there are no preconditions.
            16 => unsafe { sys::EVP_aes_128_gcm() },
            // SAFETY: the same.
            24 => unsafe { sys::EVP_aes_192_gcm() },
            // SAFETY: the same.
            32 => unsafe { sys::EVP_aes_256_gcm() },
            _ => return Err(Error::Length),
        };
        let nonce_len = length(nonce)?;
        // SAFETY: no preconditions; null when memory is out.
        let context = unsafe { sys::EVP_CIPHER_CTX_new() };
        let encryption = Self(NonNull::new(context).ok_or(Error::Library)?);
        // SAFETY: the context is alive; without key and nonce only the cipher is set.
        done(unsafe {
            sys::EVP_EncryptInit_ex(context, cipher, ptr::null_mut(), ptr::null(), ptr::null())
        })?;
        encryption.control(sys::EVP_CTRL_AEAD_SET_IVLEN, nonce_len, ptr::null_mut())?;
        // SAFETY: key and nonce have the lengths that the context was just told.
        done(unsafe {
            sys::EVP_EncryptInit_ex(
                context,
                ptr::null(),
                ptr::null_mut(),
                key.as_ptr(),
                nonce.as_ptr(),
            )
        })?;
        encryption.feed(additional, ptr::null_mut())?;
        Ok(encryption)
    }

    /// Encrypts a part into `output`, which is as long as `input`.
    pub(crate) fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<()> {
        if input.len() != output.len() {
            return Err(Error::Length);
        }
        self.feed(input, output.as_mut_ptr())
    }

    /// More additional data, before any input.
    pub(crate) fn authenticate(&mut self, additional: &[u8]) -> Result<()> {
        self.feed(additional, ptr::null_mut())
    }

    /// The whole tag.
    pub(crate) fn finish(self) -> Result<[u8; 16]> {
        let mut tag = [0; 16];
        let mut written = 0;
        // SAFETY: GCM writes nothing here, and what it could write fits a block.
        done(unsafe { sys::EVP_EncryptFinal_ex(self.0.as_ptr(), tag.as_mut_ptr(), &mut written) })?;
        self.control(sys::EVP_CTRL_AEAD_GET_TAG, 16, tag.as_mut_ptr().cast())?;
        Ok(tag)
    }

    /// `output` is null for additional data, else valid for as many bytes as `input`.
    fn feed(&self, input: &[u8], output: *mut u8) -> Result<()> {
        // A call without input and output would mean the end.
        if input.is_empty() {
            return Ok(());
        }
        let mut written = 0;
        let input_len = length(input)?;
        // SAFETY: GCM writes exactly as many bytes as it reads, and none where output is null.
        done(unsafe {
            sys::EVP_EncryptUpdate(
                self.0.as_ptr(),
                output,
                &mut written,
                input.as_ptr(),
                input_len,
            )
        })
    }

    fn control(&self, command: c_int, argument: c_int, pointer: *mut c_void) -> Result<()> {
        // SAFETY: the context is alive, and the pointer is null or valid for `argument` bytes.
        done(unsafe { sys::EVP_CIPHER_CTX_ctrl(self.0.as_ptr(), command, argument, pointer) })
    }
}

impl Drop for Encryption {
    fn drop(&mut self) {
        // SAFETY: `new` made it; free erases the keys in it.
        unsafe { sys::EVP_CIPHER_CTX_free(self.0.as_ptr()) }
    }
}

// SAFETY: the context is owned and has no thread of its own; `&Encryption` offers nothing.
unsafe impl Send for Encryption {}

fn length(bytes: &[u8]) -> Result<c_int> {
    c_int::try_from(bytes.len()).map_err(|_| Error::Length)
}

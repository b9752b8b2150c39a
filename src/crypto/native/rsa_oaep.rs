//! RSA-OAEP with any hash, mask generation function and label.

use std::{
    ffi::c_int,
    ptr::{self, NonNull},
};

use super::{digest::method, done, pkey::Pkey, sys};
use crate::{Error, Result, hash::Hash};

/// Encrypts into `output`, which is as long as the modulus.
pub(crate) fn encrypt(
    key: &Pkey,
    hashes: [Hash; 2],
    label: &[u8],
    input: &[u8],
    output: &mut [u8],
) -> Result<()> {
    let context = Context::new(key, sys::EVP_PKEY_encrypt_init, hashes, label)?;
    let written = context.run(sys::EVP_PKEY_encrypt, input, output)?;
    if written == output.len() {
        Ok(())
    } else {
        Err(Error::Length)
    }
}

/// Decrypts; answers how much of `output`, which is as long as the modulus, was written. What is
/// wrong with a ciphertext cannot be told from the answer, nor from its time.
pub(crate) fn decrypt(
    key: &Pkey,
    hashes: [Hash; 2],
    label: &[u8],
    input: &[u8],
    output: &mut [u8],
) -> Result<usize> {
    let context = Context::new(key, sys::EVP_PKEY_decrypt_init, hashes, label)?;
    let written = context.run(sys::EVP_PKEY_decrypt, input, output);
    written.map_err(|_| Error::Authentication)
}

type Run =
    unsafe extern "C" fn(*mut sys::EVP_PKEY_CTX, *mut u8, *mut usize, *const u8, usize) -> c_int;

struct Context(NonNull<sys::EVP_PKEY_CTX>);

impl Context {
    fn new(
        key: &Pkey,
        init: unsafe extern "C" fn(*mut sys::EVP_PKEY_CTX) -> c_int,
        [hash, mgf]: [Hash; 2],
        label: &[u8],
    ) -> Result<Self> {
        // SAFETY: the key is alive, and the context keeps a reference of its own.
        let context = unsafe { sys::EVP_PKEY_CTX_new(key.as_ptr(), ptr::null_mut()) };
        let this = Self(NonNull::new(context).ok_or(Error::Library)?);
        // SAFETY: the context is alive.
        done(unsafe { init(context) })?;
        // SAFETY: the same.
        done(unsafe { sys::EVP_PKEY_CTX_set_rsa_padding(context, sys::RSA_PKCS1_OAEP_PADDING) })?;
        // SAFETY: the same; the description of the hash is static.
        done(unsafe { sys::EVP_PKEY_CTX_set_rsa_oaep_md(context, method(hash)) })?;
        // SAFETY: the same.
        done(unsafe { sys::EVP_PKEY_CTX_set_rsa_mgf1_md(context, method(mgf)) })?;
        this.label(label)?;
        Ok(this)
    }

    fn label(&self, label: &[u8]) -> Result<()> {
        if label.is_empty() {
            return Ok(());
        }
        // SAFETY: the slice is as long as is said.
        let copy = unsafe { sys::OPENSSL_memdup(label.as_ptr().cast(), label.len()) };
        if copy.is_null() {
            return Err(Error::Library);
        }
        // SAFETY: the context is alive; on success it owns the copy, which the library allocated.
        let set = done(unsafe {
            sys::EVP_PKEY_CTX_set0_rsa_oaep_label(self.0.as_ptr(), copy.cast(), label.len())
        });
        if set.is_err() {
            // SAFETY: the context has not taken it.
            unsafe { sys::OPENSSL_free(copy) };
        }
        set
    }

    fn run(&self, run: Run, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let mut written = output.len();
        // SAFETY: the context is alive; the slices are as long as is said.
        done(unsafe {
            run(
                self.0.as_ptr(),
                output.as_mut_ptr(),
                &mut written,
                input.as_ptr(),
                input.len(),
            )
        })?;
        Ok(written)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: it is ours, and nobody uses it any more.
        unsafe { sys::EVP_PKEY_CTX_free(self.0.as_ptr()) }
    }
}

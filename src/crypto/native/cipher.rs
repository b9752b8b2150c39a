//! The library's general interface to ciphers, for the two modes that have no other: CCM and XTS.
//! A context lives for one message: it keeps its key outside of locked memory, and erases it.

use std::{
    ffi::{c_int, c_void},
    ptr::{self, NonNull},
};

use super::{done, sys};
use crate::{Error, Result};

/// Which way a message goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

struct Context(NonNull<sys::EVP_CIPHER_CTX>);

impl Context {
    /// A cipher without a key yet.
    fn new(cipher: *const sys::EVP_CIPHER, direction: Direction) -> Result<Self> {
        // SAFETY: no preconditions; null when memory is out.
        let context = unsafe { sys::EVP_CIPHER_CTX_new() };
        let context = Self(NonNull::new(context).ok_or(Error::Library)?);
        // SAFETY: the context is alive; without key and nonce only the cipher is set.
        done(unsafe {
            sys::EVP_CipherInit_ex(
                context.0.as_ptr(),
                cipher,
                ptr::null_mut(),
                ptr::null(),
                ptr::null(),
                c_int::from(direction == Direction::Encrypt),
            )
        })?;
        Ok(context)
    }

    /// Sets key and nonce, which have the lengths that the cipher was told.
    fn start(&self, key: &[u8], nonce: &[u8]) -> Result<()> {
        // SAFETY: both callers have checked the lengths; -1 leaves the direction.
        done(unsafe {
            sys::EVP_CipherInit_ex(
                self.0.as_ptr(),
                ptr::null(),
                ptr::null_mut(),
                key.as_ptr(),
                nonce.as_ptr(),
                -1,
            )
        })
    }

    fn control(&self, command: c_int, argument: usize, pointer: *mut c_void) -> Result<()> {
        let argument = c_int::try_from(argument).map_err(|_| Error::Length)?;
        // SAFETY: the pointer is null or valid for `argument` bytes.
        done(unsafe { sys::EVP_CIPHER_CTX_ctrl(self.0.as_ptr(), command, argument, pointer) })
    }

    /// What the library makes of `input`; its answer is a number of bytes, or below zero.
    fn run(&self, input: *const u8, len: usize, output: *mut u8) -> c_int {
        // SAFETY: input and output are valid for `len` bytes, or null where that says that there
        // is none.
        unsafe { sys::EVP_Cipher(self.0.as_ptr(), output, input, len) }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: `new` made it; free erases the keys in it.
        unsafe { sys::EVP_CIPHER_CTX_free(self.0.as_ptr()) }
    }
}

/// A message in CCM: all lengths are those that SP 800-38C allows, the caller has checked them.
pub(crate) struct Ccm<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) nonce: &'a [u8],
    pub(crate) additional: &'a [u8],
}

impl Ccm<'_> {
    /// Encrypts into `output`, as long as `input`, and `tag`.
    pub(crate) fn seal(&self, input: &[u8], output: &mut [u8], tag: &mut [u8]) -> Result<()> {
        let context = self.context(Direction::Encrypt, tag.len(), ptr::null_mut(), input.len())?;
        run_ccm(&context, input, output)?;
        context.control(
            sys::EVP_CTRL_AEAD_GET_TAG,
            tag.len(),
            tag.as_mut_ptr().cast(),
        )
    }

    /// Checks the tag and decrypts into `output`, as long as `input`; on an error it is zeroed.
    pub(crate) fn open(&self, input: &[u8], tag: &[u8], output: &mut [u8]) -> Result<()> {
        let mut tag_copy = [0; 16];
        let tag_copy = tag_copy.get_mut(..tag.len()).ok_or(Error::Length)?;
        tag_copy.copy_from_slice(tag);
        let pointer = tag_copy.as_mut_ptr().cast();
        let context = self.context(Direction::Decrypt, tag.len(), pointer, input.len())?;
        run_ccm(&context, input, output).map_err(|failure| match failure {
            Error::Library => Error::Authentication,
            other => other,
        })
    }

    fn context(
        &self,
        direction: Direction,
        tag_len: usize,
        tag: *mut c_void,
        len: usize,
    ) -> Result<Context> {
        let cipher = match self.key.len() {
            // SAFETY: a static table of the library; there are no preconditions.
            16 => unsafe { sys::EVP_aes_128_ccm() },
            // SAFETY: the same.
            24 => unsafe { sys::EVP_aes_192_ccm() },
            // SAFETY: the same.
            32 => unsafe { sys::EVP_aes_256_ccm() },
            _ => return Err(Error::Length),
        };
        let context = Context::new(cipher, direction)?;
        context.control(
            sys::EVP_CTRL_AEAD_SET_IVLEN,
            self.nonce.len(),
            ptr::null_mut(),
        )?;
        context.control(sys::EVP_CTRL_AEAD_SET_TAG, tag_len, tag)?;
        context.start(self.key, self.nonce)?;
        // CCM authenticates the message's length first, then the additional data.
        if context.run(ptr::null(), len, ptr::null_mut()) < 0 {
            return Err(Error::Library);
        }
        if !self.additional.is_empty()
            && context.run(
                self.additional.as_ptr(),
                self.additional.len(),
                ptr::null_mut(),
            ) < 0
        {
            return Err(Error::Library);
        }
        Ok(context)
    }
}

fn run_ccm(context: &Context, input: &[u8], output: &mut [u8]) -> Result<()> {
    if input.len() != output.len() {
        return Err(Error::Length);
    }
    if context.run(input.as_ptr(), input.len(), output.as_mut_ptr()) < 0 {
        return Err(Error::Library);
    }
    Ok(())
}

/// Encrypts or decrypts one data unit in XTS-AES-256 into `output`, which is as long.
pub(crate) fn xts(
    direction: Direction,
    key: &[u8; 64],
    tweak: &[u8; 16],
    input: &[u8],
    output: &mut [u8],
) -> Result<()> {
    if input.len() != output.len() {
        return Err(Error::Length);
    }
    // SAFETY: a static table of the library; there are no preconditions.
    let context = Context::new(unsafe { sys::EVP_aes_256_xts() }, direction)?;
    context.start(key, tweak)?;
    done(context.run(input.as_ptr(), input.len(), output.as_mut_ptr()))
}

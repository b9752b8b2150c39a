//! SHAKE (FIPS 202): an output as long as one likes.

use std::ptr::{self, NonNull};

use super::{done, sys};
use crate::{Error, Result};

/// Which of the two: the number is the strength in bits that a long output has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// SHAKE128.
    Shake128,
    /// SHAKE256.
    Shake256,
}

/// An input that is not complete.
pub(crate) struct Shake(NonNull<sys::EVP_MD_CTX>);

impl Shake {
    /// Nothing absorbed yet.
    pub(crate) fn new(function: Function) -> Result<Self> {
        // SAFETY: no preconditions; null when memory is out.
        let context = unsafe { sys::EVP_MD_CTX_new() };
        let shake = Self(NonNull::new(context).ok_or(Error::Library)?);
        let method = match function {
            // SAFETY: a static table of the library; there are no preconditions.
            Function::Shake128 => unsafe { sys::EVP_shake128() },
            // SAFETY: the same.
            Function::Shake256 => unsafe { sys::EVP_shake256() },
        };
        // SAFETY: the context is alive, the method static.
        done(unsafe { sys::EVP_DigestInit_ex(context, method, ptr::null_mut()) })?;
        Ok(shake)
    }

    /// More of the input.
    pub(crate) fn update(&mut self, input: &[u8]) -> Result<()> {
        // SAFETY: the context was initialised, and the length is the slice's.
        done(unsafe { sys::EVP_DigestUpdate(self.0.as_ptr(), input.as_ptr().cast(), input.len()) })
    }

    /// The output: as much of it as there is room for.
    pub(crate) fn finish(self, output: &mut [u8]) -> Result<()> {
        // SAFETY: the context was initialised, and the length is the slice's.
        done(unsafe { sys::EVP_DigestFinalXOF(self.0.as_ptr(), output.as_mut_ptr(), output.len()) })
    }
}

impl Drop for Shake {
    fn drop(&mut self) {
        // SAFETY: `new` made it; free erases what was absorbed.
        unsafe { sys::EVP_MD_CTX_free(self.0.as_ptr()) }
    }
}

// SAFETY: the context is owned and has no thread of its own.
unsafe impl Send for Shake {}

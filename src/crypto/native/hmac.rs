//! HMAC with a key that is prepared once: its inner and outer state are kept in locked memory.

use std::ptr;

use super::{digest::method, done, sys};
use crate::{Error, Result, hash::Hash, locked::Region};

/// A key, ready for any number of codes on any number of threads.
pub(crate) struct Prepared {
    hash: Hash,
    context: Region,
}

impl Prepared {
    /// Prepares a key of any length.
    pub(crate) fn new(hash: Hash, key: &[u8]) -> Result<Self> {
        let mut context = Region::zeroed(size_of::<sys::HMAC_CTX>());
        // SAFETY: zero bytes are an initialised context (HMAC_CTX_init); the region has its size
        // and alignment. A slice's pointer is never null, so an empty key is an empty key.
        done(unsafe {
            sys::HMAC_Init_ex(
                context.bytes_mut().as_mut_ptr().cast(),
                key.as_ptr().cast(),
                key.len(),
                method(hash),
                ptr::null_mut(),
            )
        })?;
        Ok(Self { hash, context })
    }

    /// The code of the parts one after the other; `output` is as long as the hash.
    pub(crate) fn code(&self, parts: &[&[u8]], output: &mut [u8]) -> Result<()> {
        let mut context = self.copy();
        let coded = parts
            .iter()
            .try_for_each(|part| update(&mut context, part))
            .and_then(|()| finish(&mut context, self.hash, output));
        // SAFETY: the context is initialised; contexts are flat and own nothing.
        unsafe { sys::HMAC_CTX_cleanup(&mut context) }
        coded
    }

    /// A code whose input comes in parts.
    pub(crate) fn stream(&self) -> Stream {
        let mut context = Region::zeroed(size_of::<sys::HMAC_CTX>());
        context.bytes_mut().copy_from_slice(self.context.bytes());
        let hash = self.hash;
        Stream { hash, context }
    }

    fn copy(&self) -> sys::HMAC_CTX {
        let context: *const sys::HMAC_CTX = self.context.bytes().as_ptr().cast();
        // SAFETY: `new` initialised it. Contexts are flat, so a copy of the bytes is a copy
        // (HMAC_CTX_copy_ex is the same).
        unsafe { context.read() }
    }
}

/// A code whose input is not complete.
pub(crate) struct Stream {
    hash: Hash,
    context: Region,
}

impl Stream {
    /// More of the input.
    pub(crate) fn update(&mut self, input: &[u8]) -> Result<()> {
        update(self.context.bytes_mut().as_mut_ptr().cast(), input)
    }

    /// The code; `output` is as long as the hash.
    pub(crate) fn finish(mut self, output: &mut [u8]) -> Result<()> {
        finish(
            self.context.bytes_mut().as_mut_ptr().cast(),
            self.hash,
            output,
        )
    }
}

fn update(context: *mut sys::HMAC_CTX, input: &[u8]) -> Result<()> {
    // SAFETY: both callers own an initialised context, and the length is the slice's.
    done(unsafe { sys::HMAC_Update(context, input.as_ptr(), input.len()) })
}

fn finish(context: *mut sys::HMAC_CTX, hash: Hash, output: &mut [u8]) -> Result<()> {
    if output.len() != hash.len() {
        return Err(Error::Length);
    }
    // SAFETY: both callers own an initialised context, and the output is as long as the code.
    done(unsafe { sys::HMAC_Final(context, output.as_mut_ptr(), ptr::null_mut()) })
}

//! AES with an expanded key in locked memory: single blocks, CBC and CTR, and key wraps.

use std::ffi::c_uint;

use zeroize::Zeroize;

use super::{done, sys};
use crate::{Error, Result, locked::Region};

/// Bytes in a block.
pub const BLOCK: usize = 16;

/// Which way a key is expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

/// An expanded key.
pub(crate) struct Schedule {
    key: Region,
    direction: Direction,
}

impl Schedule {
    /// Expands a key of 16, 24 or 32 bytes.
    pub(crate) fn new(direction: Direction, key: &[u8]) -> Result<Self> {
        let bits = match key.len() {
            16 => 128,
            24 => 192,
            32 => 256,
            _ => return Err(Error::Length),
        };
        let mut region = Region::zeroed(size_of::<sys::AES_KEY>());
        let schedule = region.bytes_mut().as_mut_ptr().cast();
        let status = match direction {
            // SAFETY: the key has `bits` bits, and the region the size and alignment of AES_KEY.
            Direction::Encrypt => unsafe { sys::AES_set_encrypt_key(key.as_ptr(), bits, schedule) },
            // SAFETY: the same.
            Direction::Decrypt => unsafe { sys::AES_set_decrypt_key(key.as_ptr(), bits, schedule) },
        };
        if status == 0 {
            Ok(Self {
                key: region,
                direction,
            })
        } else {
            Err(Error::Library)
        }
    }

    /// One block, in the schedule's direction.
    pub(crate) fn block(&self, block: &mut [u8; BLOCK]) {
        let pointer = block.as_mut_ptr();
        // SAFETY: a block may be its own output (aes.h), and both are 16 bytes.
        unsafe { sys::AES_ecb_encrypt(pointer, pointer, self.expanded(), self.flag()) }
    }

    /// CBC over whole blocks, in the schedule's direction; `iv` becomes the next one.
    pub(crate) fn cbc(&self, iv: &mut [u8; BLOCK], input: &[u8], output: &mut [u8]) -> Result<()> {
        if !input.len().is_multiple_of(BLOCK) || input.len() != output.len() {
            return Err(Error::Length);
        }
        // SAFETY: input and output have the same number of whole blocks and are different memory.
        unsafe {
            sys::AES_cbc_encrypt(
                input.as_ptr(),
                output.as_mut_ptr(),
                input.len(),
                self.expanded(),
                iv.as_mut_ptr(),
                self.flag(),
            );
        }
        Ok(())
    }

    /// CTR with a 128-bit counter; `counter`, `keystream` and `used` are where it stands.
    pub(crate) fn ctr(
        &self,
        counter: &mut [u8; BLOCK],
        keystream: &mut [u8; BLOCK],
        used: &mut c_uint,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<()> {
        // `used` indexes `keystream` in C.
        if self.direction != Direction::Encrypt || input.len() != output.len() || *used > 15 {
            return Err(Error::Length);
        }
        // SAFETY: input and output have the same length and are different memory; `used` < 16.
        unsafe {
            sys::AES_ctr128_encrypt(
                input.as_ptr(),
                output.as_mut_ptr(),
                input.len(),
                self.expanded(),
                counter.as_mut_ptr(),
                keystream.as_mut_ptr(),
                used,
            );
        }
        Ok(())
    }

    /// AES key wrap (RFC 3394) of whole half-blocks, at least two; `output` is one longer.
    pub(crate) fn wrap(&self, iv: &[u8; 8], input: &[u8], output: &mut [u8]) -> Result<()> {
        if self.direction != Direction::Encrypt || input.len() + 8 != output.len() {
            return Err(Error::Length);
        }
        // SAFETY: the output is 8 bytes longer than the input, whose length the library checks.
        let written = unsafe {
            sys::AES_wrap_key(
                self.expanded(),
                iv.as_ptr(),
                output.as_mut_ptr(),
                input.as_ptr(),
                input.len(),
            )
        };
        if usize::try_from(written) == Ok(output.len()) {
            Ok(())
        } else {
            Err(Error::Length)
        }
    }

    /// Undoes [`Schedule::wrap`]; `output` is one half-block shorter than `input`.
    pub(crate) fn unwrap(&self, iv: &[u8; 8], input: &[u8], output: &mut [u8]) -> Result<()> {
        let legal = input.len() >= 24 && input.len().is_multiple_of(8);
        if self.direction != Direction::Decrypt || !legal || input.len() != output.len() + 8 {
            return Err(Error::Length);
        }
        // SAFETY: the output is 8 bytes shorter than the input.
        let written = unsafe {
            sys::AES_unwrap_key(
                self.expanded(),
                iv.as_ptr(),
                output.as_mut_ptr(),
                input.as_ptr(),
                input.len(),
            )
        };
        if usize::try_from(written) == Ok(output.len()) {
            Ok(())
        } else {
            output.zeroize();
            Err(Error::Authentication)
        }
    }

    /// AES key wrap with padding (RFC 5649); `output` is as long as [`crate::key_wrap`] says.
    pub(crate) fn wrap_padded(&self, input: &[u8], output: &mut [u8]) -> Result<()> {
        if self.direction != Direction::Encrypt {
            return Err(Error::Length);
        }
        let mut written = 0;
        // SAFETY: the library writes no more than the output's length.
        done(unsafe {
            sys::AES_wrap_key_padded(
                self.expanded(),
                output.as_mut_ptr(),
                &mut written,
                output.len(),
                input.as_ptr(),
                input.len(),
            )
        })?;
        if written == output.len() {
            Ok(())
        } else {
            Err(Error::Length)
        }
    }

    /// Undoes [`Schedule::wrap_padded`], and says how many bytes of `output`, which is one
    /// half-block shorter than `input`, are the value.
    pub(crate) fn unwrap_padded(&self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let legal = input.len() >= 16 && input.len().is_multiple_of(8);
        if self.direction != Direction::Decrypt || !legal || input.len() != output.len() + 8 {
            return Err(Error::Length);
        }
        let mut written = 0;
        // SAFETY: the library writes no more than the output's length.
        let unwrapped = done(unsafe {
            sys::AES_unwrap_key_padded(
                self.expanded(),
                output.as_mut_ptr(),
                &mut written,
                output.len(),
                input.as_ptr(),
                input.len(),
            )
        });
        if unwrapped.is_err() {
            output.zeroize();
            return Err(Error::Authentication);
        }
        Ok(written)
    }

    fn expanded(&self) -> *const sys::AES_KEY {
        self.key.bytes().as_ptr().cast()
    }

    fn flag(&self) -> std::ffi::c_int {
        match self.direction {
            Direction::Encrypt => 1,
            Direction::Decrypt => 0,
        }
    }
}

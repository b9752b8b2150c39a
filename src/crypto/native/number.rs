//! Whole numbers of any size, as RSA's components are. They are erased when they are dropped.

use std::ptr::{self, NonNull};

use super::{done, sys};
use crate::{Error, Result, Secret};

/// A number that is not negative.
pub(crate) struct Number(NonNull<sys::BIGNUM>);

impl Number {
    /// Zero.
    pub(crate) fn zero() -> Result<Self> {
        // SAFETY: no preconditions; null when memory is out.
        let number = unsafe { sys::BN_new() };
        NonNull::new(number).map(Self).ok_or(Error::Library)
    }

    /// The number that big-endian `bytes` write.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        // SAFETY: the slice is valid, and null asks for a new number.
        let number = unsafe { sys::BN_bin2bn(bytes.as_ptr(), bytes.len(), ptr::null_mut()) };
        NonNull::new(number).map(Self).ok_or(Error::Library)
    }

    pub(crate) fn as_ptr(&self) -> *const sys::BIGNUM {
        self.0.as_ptr()
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut sys::BIGNUM {
        self.0.as_ptr()
    }

    /// The number, for a C function that takes it over; it is erased no more here.
    pub(super) fn leak(self) -> *mut sys::BIGNUM {
        let number = self.0.as_ptr();
        std::mem::forget(self);
        number
    }

    /// A number that the library made for the caller.
    ///
    /// # Safety
    /// `number` is null, or a number that nobody else frees or uses.
    pub(super) unsafe fn owned(number: *mut sys::BIGNUM) -> Result<Self> {
        NonNull::new(number).map(Self).ok_or(Error::Library)
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        // SAFETY: it is owned, and nobody uses it any more.
        unsafe { sys::BN_clear_free(self.0.as_ptr()) }
    }
}

/// The bytes in `number` without leading zeroes; none of a component that is not there.
///
/// # Safety
/// `number` is null or a valid number that lives during the call.
pub(super) unsafe fn len(number: *const sys::BIGNUM) -> usize {
    if number.is_null() {
        return 0;
    }
    // SAFETY: it is valid, says the caller.
    let bits = unsafe { sys::BN_num_bits(number) };
    bits.div_ceil(8) as usize
}

/// Writes `number` big-endian over all of `output`, with leading zeroes.
///
/// # Safety
/// As for [`len`].
pub(super) unsafe fn write(number: *const sys::BIGNUM, output: &mut [u8]) -> Result<()> {
    if number.is_null() {
        return Err(Error::Library);
    }
    // SAFETY: the number is valid, says the caller; the slice is as long as is said.
    done(unsafe { sys::BN_bn2bin_padded(output.as_mut_ptr(), output.len(), number) })
}

/// `number` as a secret, without leading zeroes.
///
/// # Safety
/// As for [`len`].
pub(super) unsafe fn secret(number: *const sys::BIGNUM) -> Result<Secret> {
    // SAFETY: the caller's promise.
    let len = unsafe { len(number) };
    // SAFETY: the same.
    Secret::filled(len, |bytes| unsafe { write(number, bytes) })
}

//! PBKDF2.

use super::{digest::method, done, sys};
use crate::{Result, hash::Hash};

/// Fills `output` with what the password gives.
pub(crate) fn derive(
    hash: Hash,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    output: &mut [u8],
) -> Result<()> {
    // SAFETY: all lengths are those of the slices.
    done(unsafe {
        sys::PKCS5_PBKDF2_HMAC(
            password.as_ptr().cast(),
            password.len(),
            salt.as_ptr(),
            salt.len(),
            iterations,
            method(hash),
            output.len(),
            output.as_mut_ptr(),
        )
    })
}

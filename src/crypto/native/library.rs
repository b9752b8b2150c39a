//! What the library in C says of itself.

use std::ffi::CStr;

#[cfg(feature = "fips")]
use super::done;
use super::sys;

/// Name and version; of the FIPS module they say what it is.
pub(crate) fn version() -> &'static CStr {
    // SAFETY: no preconditions; a static string of the library.
    let text = unsafe { sys::OpenSSL_version(sys::OPENSSL_VERSION) };
    // SAFETY: the same: it ends in a zero byte, and nobody changes it.
    unsafe { CStr::from_ptr(text) }
}

/// Whether the code that runs is the module's, and all of its own tests pass now; they have passed
/// once when it was loaded, and it ends the process when one fails.
#[cfg(feature = "fips")]
pub(crate) fn self_test() -> crate::Result<()> {
    // SAFETY: no preconditions.
    done(unsafe { sys::FIPS_mode() })?;
    // SAFETY: the same.
    done(unsafe { sys::BORINGSSL_self_test() })
}

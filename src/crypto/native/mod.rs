//! Safe wrappers over what the Rust API of AWS-LC lacks. Each one checks lengths before it hands a
//! pointer to C, and nothing outside of this folder sees a pointer.

pub(crate) mod aes;
pub(crate) mod gcm;
pub(crate) mod gcm_stream;

use crate::{Error, Result};

/// The library's convention: 1 is success.
fn done(status: std::ffi::c_int) -> Result<()> {
    if status == 1 {
        Ok(())
    } else {
        Err(Error::Library)
    }
}

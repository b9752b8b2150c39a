//! Safe wrappers over what the Rust API of AWS-LC lacks, and over one instruction. Each one checks
//! lengths before it hands a pointer to C, and nothing outside of this folder sees a pointer.

pub(crate) mod aes;
pub(crate) mod cipher;
pub(crate) mod cmac;
pub(crate) mod des3;
pub(crate) mod digest;
pub(crate) mod ec;
pub(crate) mod edwards;
pub(crate) mod gcm;
pub(crate) mod gcm_stream;
pub(crate) mod hmac;
pub(crate) mod library;
#[cfg(not(feature = "fips"))]
pub(crate) mod ml_dsa_deterministic;
pub(crate) mod number;
pub(crate) mod pbkdf2;
pub(crate) mod pkey;
pub(crate) mod pqc;
pub(crate) mod processor;
pub(crate) mod rsa;
pub(crate) mod rsa_oaep;
pub(crate) mod rsa_parts;
pub(crate) mod shake;

// One library in C, the one that aws-lc-rs uses: with the feature `fips` it is the FIPS module.
#[cfg(feature = "fips")]
use aws_lc_fips_sys as sys;
#[cfg(not(feature = "fips"))]
use aws_lc_sys as sys;

use crate::{Error, Result};

/// The library's convention: 1 is success.
fn done(status: std::ffi::c_int) -> Result<()> {
    if status == 1 {
        Ok(())
    } else {
        Err(Error::Library)
    }
}

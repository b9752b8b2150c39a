//! Deterministic signatures of ML-DSA (FIPS 204 §3.4): by functions that the library exports, and
//! tests itself with, but that its public headers and its bindings do not have. So the declarations
//! are here, and the exact version of the library stands in the root's Cargo.toml
//! (docs/decisions/0014).

use std::{ffi::c_int, ptr};

use super::{
    done,
    pqc::{self, MU},
};
use crate::{Error, Result};

macro_rules! exported {
    ($($name:ident = $symbol:literal;)*) => {
        unsafe extern "C" {
            $(
                #[link_name = $symbol]
                fn $name(
                    private: *const u8,
                    signature: *mut u8,
                    signature_len: *mut usize,
                    mu: *const u8,
                    mu_len: usize,
                    prefix: *const u8,
                    prefix_len: usize,
                    randomness: *const u8,
                ) -> c_int;
            )*
        }
    };
}

// As in crypto/fipsmodule/ml_dsa/ml_dsa.h. To a representative there is no prefix; the randomness
// has 32 bytes.
exported! {
    sign_44 = "aws_lc_0_47_0_ml_dsa_extmu_44_sign_internal";
    sign_65 = "aws_lc_0_47_0_ml_dsa_extmu_65_sign_internal";
    sign_87 = "aws_lc_0_47_0_ml_dsa_extmu_87_sign_internal";
}

type Sign = unsafe extern "C" fn(
    *const u8,
    *mut u8,
    *mut usize,
    *const u8,
    usize,
    *const u8,
    usize,
    *const u8,
) -> c_int;

/// FIPS 204 Table 2: bytes in a private key and in a signature.
const FUNCTIONS: [(c_int, Sign, usize, usize); 3] = [
    (pqc::ML_DSA_44, sign_44, 2_560, 2_420),
    (pqc::ML_DSA_65, sign_65, 4_032, 3_309),
    (pqc::ML_DSA_87, sign_87, 4_896, 4_627),
];

/// The one signature that `private` makes over a message representative without randomness.
pub(crate) fn sign(
    parameters: c_int,
    private: &[u8],
    mu: &[u8; MU],
    signature: &mut [u8],
) -> Result<()> {
    let lens = (private.len(), signature.len());
    let (_, sign, ..) = FUNCTIONS
        .iter()
        .find(|(set, _, private, signature)| *set == parameters && (*private, *signature) == lens)
        .ok_or(Error::Length)?;
    let mut written = signature.len();
    let no_randomness = [0; 32];
    // SAFETY: private key and signature are as long as the set says, and the others as is said here.
    done(unsafe {
        sign(
            private.as_ptr(),
            signature.as_mut_ptr(),
            &mut written,
            mu.as_ptr(),
            mu.len(),
            ptr::null(),
            0,
            no_randomness.as_ptr(),
        )
    })?;
    pqc::exactly(written, signature.len())
}

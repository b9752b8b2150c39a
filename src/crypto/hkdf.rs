//! Keys from keys: HKDF-SHA-256 (RFC 5869) without salt, for one block of output.

use zeroize::Zeroizing;

use crate::{Secret, hmac_sha256};

/// The 32-byte key for the purpose `info`, from `key`.
pub fn hkdf_sha256(key: &Secret, info: &[u8]) -> Secret {
    // RFC 5869 §2.2: no salt is a salt of zeroes. §2.3: the first block is all that 32 bytes need.
    let pseudorandom = Zeroizing::new(hmac_sha256(&[0; 32], &[key.reveal()]));
    let output = Zeroizing::new(hmac_sha256(&*pseudorandom, &[info, &[1]]));
    Secret::from(&output[..])
}

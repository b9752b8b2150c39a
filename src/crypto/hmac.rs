//! Message authentication codes: FIPS 198-1.

use aws_lc_rs::hmac;

use crate::{Error, Result, hash::Hash};

/// HMAC over any hash, all at once or in parts.
pub struct Stream(hmac::Context);

impl Stream {
    /// Nothing authenticated yet.
    pub fn new(hash: Hash, key: &[u8]) -> Self {
        Self(hmac::Context::with_key(&hmac::Key::new(
            algorithm(hash),
            key,
        )))
    }

    /// More of the input.
    pub fn update(&mut self, input: &[u8]) {
        self.0.update(input);
    }

    /// The code, at the beginning of `output`.
    pub fn finish(self, output: &mut [u8]) -> Result<()> {
        let tag = self.0.sign();
        let tag = tag.as_ref();
        output
            .get_mut(..tag.len())
            .ok_or(Error::Length)?
            .copy_from_slice(tag);
        Ok(())
    }
}

/// HMAC-SHA-256 of the parts one after the other.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    parts.iter().for_each(|part| context.update(part));
    let mut code = [0; 32];
    code.copy_from_slice(context.sign().as_ref());
    code
}

fn algorithm(hash: Hash) -> hmac::Algorithm {
    match hash {
        Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha224 => hmac::HMAC_SHA224,
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha384 => hmac::HMAC_SHA384,
        Hash::Sha512 => hmac::HMAC_SHA512,
    }
}

//! Message authentication codes: FIPS 198-1.

use std::sync::OnceLock;

use aws_lc_rs::hmac;

use crate::{
    Error, Result, Secret,
    aes::once,
    hash::Hash,
    native::hmac::{self as native, Prepared},
};

/// A secret of any length, with what its codes have prepared from it. Any number of threads may
/// use it.
pub struct Key {
    value: Secret,
    /// One for each hash, made at the first code: most secrets are never used so.
    prepared: OnceLock<Box<[OnceLock<Prepared>; Hash::ALL.len()]>>,
}

impl Key {
    /// A key of these bytes.
    pub fn new(value: Secret) -> Self {
        let prepared = OnceLock::new();
        Self { value, prepared }
    }

    /// The key itself.
    pub fn value(&self) -> &Secret {
        &self.value
    }

    /// The code of the parts one after the other, at the beginning of `output`.
    pub fn code(&self, hash: Hash, parts: &[&[u8]], output: &mut [u8]) -> Result<()> {
        let output = output.get_mut(..hash.len()).ok_or(Error::Length)?;
        self.prepared(hash)?.code(parts, output)
    }

    /// A code whose input comes in parts.
    pub fn stream(&self, hash: Hash) -> Result<Stream> {
        let stream = self.prepared(hash)?.stream();
        Ok(Stream { hash, stream })
    }

    fn prepared(&self, hash: Hash) -> Result<&Prepared> {
        let all = self.prepared.get_or_init(Default::default);
        let cell = all.get(hash as usize).ok_or(Error::Library)?;
        once(cell, || Prepared::new(hash, self.value.reveal()))
    }
}

/// A code whose input comes in parts.
pub struct Stream {
    hash: Hash,
    stream: native::Stream,
}

impl Stream {
    /// More of the input.
    pub fn update(&mut self, input: &[u8]) -> Result<()> {
        self.stream.update(input)
    }

    /// The code, at the beginning of `output`.
    pub fn finish(self, output: &mut [u8]) -> Result<()> {
        let output = output.get_mut(..self.hash.len()).ok_or(Error::Length)?;
        self.stream.finish(output)
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

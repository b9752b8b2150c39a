//! Message digests: SHA-1 and SHA-2 (FIPS 180-4), SHA-3 (FIPS 202).

use zeroize::Zeroizing;

use crate::{Error, Result, native::digest};

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1: for check values and old peers, never for signatures of ours.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// SHA-512/224.
    Sha512_224,
    /// SHA-512/256.
    Sha512_256,
    /// SHA3-224.
    Sha3_224,
    /// SHA3-256.
    Sha3_256,
    /// SHA3-384.
    Sha3_384,
    /// SHA3-512.
    Sha3_512,
}

/// Bytes in the longest hash.
pub const MAX_LEN: usize = 64;

impl Hash {
    /// Every hash function.
    pub const ALL: [Hash; 11] = [
        Hash::Sha1,
        Hash::Sha224,
        Hash::Sha256,
        Hash::Sha384,
        Hash::Sha512,
        Hash::Sha512_224,
        Hash::Sha512_256,
        Hash::Sha3_224,
        Hash::Sha3_256,
        Hash::Sha3_384,
        Hash::Sha3_512,
    ];

    /// Bytes in a hash.
    #[allow(clippy::len_without_is_empty)] // No hash is empty.
    pub const fn len(self) -> usize {
        match self {
            Hash::Sha1 => 20,
            Hash::Sha224 | Hash::Sha512_224 | Hash::Sha3_224 => 28,
            Hash::Sha256 | Hash::Sha512_256 | Hash::Sha3_256 => 32,
            Hash::Sha384 | Hash::Sha3_384 => 48,
            Hash::Sha512 | Hash::Sha3_512 => 64,
        }
    }

    /// The hash of `input`, at the beginning of `output`.
    pub fn of(self, input: &[u8], output: &mut [u8]) -> Result<()> {
        let output = output.get_mut(..self.len()).ok_or(Error::Length)?;
        digest::of(self, input, output)
    }
}

/// A hash that comes in parts.
pub struct Stream {
    hash: Hash,
    /// The library's state; none after it failed.
    state: Result<digest::Stream>,
}

impl Stream {
    /// Nothing hashed yet.
    pub fn new(hash: Hash) -> Self {
        let state = digest::Stream::new(hash);
        Self { hash, state }
    }

    /// More of the input.
    pub fn update(&mut self, input: &[u8]) {
        if let Ok(state) = &mut self.state
            && let Err(failure) = state.update(input)
        {
            self.state = Err(failure);
        }
    }

    /// The hash, at the beginning of `output`.
    pub fn finish(self, output: &mut [u8]) -> Result<()> {
        let output = output.get_mut(..self.hash.len()).ok_or(Error::Length)?;
        self.state?.finish(output)
    }

    /// What the stream has come to, where the library tells it: for SHA-1 and SHA-2.
    pub fn save(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.state.as_ref().ok()?.save(self.hash)
    }

    /// A stream that goes on from what [`Stream::save`] wrote down of one of the same hash.
    pub fn restore(hash: Hash, saved: &[u8]) -> Result<Self> {
        let state = Ok(digest::Stream::restore(hash, saved)?);
        Ok(Self { hash, state })
    }

    /// Another stream that has come as far as this one.
    pub fn fork(&self) -> Result<Self> {
        let state = self.state.as_ref().map_err(|failure| *failure)?.fork();
        let hash = self.hash;
        Ok(Self { hash, state })
    }
}

/// SHA-256 of the parts one after the other.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

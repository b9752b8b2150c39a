//! Message digests: FIPS 180-4.

use aws_lc_rs::digest;

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
}

/// Bytes in the longest hash.
pub const MAX_LEN: usize = 64;

impl Hash {
    /// Bytes in a hash.
    #[allow(clippy::len_without_is_empty)] // No hash is empty.
    pub fn len(self) -> usize {
        self.algorithm().output_len()
    }

    /// The hash of `input`, at the beginning of `output`.
    pub fn of(self, input: &[u8], output: &mut [u8]) -> crate::Result<()> {
        copy(&digest::digest(self.algorithm(), input), output)
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha224 => &digest::SHA224,
            Hash::Sha256 => &digest::SHA256,
            Hash::Sha384 => &digest::SHA384,
            Hash::Sha512 => &digest::SHA512,
        }
    }
}

/// A hash that comes in parts.
pub struct Stream(digest::Context);

impl Stream {
    /// Nothing hashed yet.
    pub fn new(hash: Hash) -> Self {
        Self(digest::Context::new(hash.algorithm()))
    }

    /// More of the input.
    pub fn update(&mut self, input: &[u8]) {
        self.0.update(input);
    }

    /// The hash, at the beginning of `output`.
    pub fn finish(self, output: &mut [u8]) -> crate::Result<()> {
        copy(&self.0.finish(), output)
    }
}

/// SHA-256 of the parts one after the other.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

fn copy(digest: &digest::Digest, output: &mut [u8]) -> crate::Result<()> {
    let digest = digest.as_ref();
    output
        .get_mut(..digest.len())
        .ok_or(crate::Error::Length)?
        .copy_from_slice(digest);
    Ok(())
}

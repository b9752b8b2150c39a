//! Messages that ML-DSA signs, and the hash functions of HashML-DSA.

use super::{CONTEXT_MAX, MU_LEN};
use crate::{
    Error, Result,
    hash::{self, Hash},
    native::shake::{Function, Shake},
};

/// A message on the way to its representative μ (FIPS 204 §6.2).
pub struct Message(Shake);

impl Message {
    /// More of the message.
    pub fn update(&mut self, input: &[u8]) -> Result<()> {
        self.0.update(input)
    }

    pub(super) fn pure(key_hash: &[u8; 64], context: &[u8]) -> Result<Self> {
        Self::new(key_hash, 0, context)
    }

    /// The message is then the hash function's identifier and the hash (§5.4.1).
    pub(super) fn hashed(
        key_hash: &[u8; 64],
        context: &[u8],
        prehash: Prehash,
        digest: &[u8],
    ) -> Result<Self> {
        if digest.len() != prehash.len() {
            return Err(Error::Length);
        }
        let mut message = Self::new(key_hash, 1, context)?;
        message.update(&[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02])?;
        message.update(&[prehash.oid_end()?])?;
        message.update(digest)?;
        Ok(message)
    }

    pub(super) fn representative(self) -> Result<[u8; MU_LEN]> {
        let mut representative = [0; MU_LEN];
        self.0.finish(&mut representative)?;
        Ok(representative)
    }

    fn new(key_hash: &[u8; 64], kind: u8, context: &[u8]) -> Result<Self> {
        let context_len = u8::try_from(context.len()).map_err(|_| Error::Length)?;
        const { assert!(CONTEXT_MAX == u8::MAX as usize) };
        let mut shake = Shake::new(Function::Shake256)?;
        shake.update(key_hash)?;
        shake.update(&[kind, context_len])?;
        shake.update(context)?;
        Ok(Self(shake))
    }
}

/// What HashML-DSA hashes a message with: a hash function of SHA-2 or SHA-3, or SHAKE with twice its
/// strength as the output's length (FIPS 204 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prehash {
    /// Any but SHA-1, which no signature may be of.
    Hash(Hash),
    /// 256 bits of SHAKE128.
    Shake128,
    /// 512 bits of SHAKE256.
    Shake256,
}

impl Prehash {
    /// Bytes in a hash.
    #[allow(clippy::len_without_is_empty)] // No hash is empty.
    pub const fn len(self) -> usize {
        match self {
            Prehash::Hash(hash) => hash.len(),
            Prehash::Shake128 => 32,
            Prehash::Shake256 => 64,
        }
    }

    /// Nothing hashed yet.
    pub fn stream(self) -> Result<PrehashStream> {
        let state = match self {
            Prehash::Hash(hash) => State::Hash(hash::Stream::new(hash)),
            Prehash::Shake128 => State::Shake(Shake::new(Function::Shake128)?),
            Prehash::Shake256 => State::Shake(Shake::new(Function::Shake256)?),
        };
        Ok(PrehashStream {
            prehash: self,
            state,
        })
    }

    /// The last number of its identifier, 2.16.840.1.101.3.4.2.x: SHA-1 has none there.
    fn oid_end(self) -> Result<u8> {
        Ok(match self {
            Prehash::Hash(Hash::Sha1) => return Err(Error::Library),
            Prehash::Hash(Hash::Sha256) => 1,
            Prehash::Hash(Hash::Sha384) => 2,
            Prehash::Hash(Hash::Sha512) => 3,
            Prehash::Hash(Hash::Sha224) => 4,
            Prehash::Hash(Hash::Sha512_224) => 5,
            Prehash::Hash(Hash::Sha512_256) => 6,
            Prehash::Hash(Hash::Sha3_224) => 7,
            Prehash::Hash(Hash::Sha3_256) => 8,
            Prehash::Hash(Hash::Sha3_384) => 9,
            Prehash::Hash(Hash::Sha3_512) => 10,
            Prehash::Shake128 => 11,
            Prehash::Shake256 => 12,
        })
    }
}

/// A hash that comes in parts.
pub struct PrehashStream {
    prehash: Prehash,
    state: State,
}

enum State {
    Hash(hash::Stream),
    Shake(Shake),
}

impl PrehashStream {
    /// More of the input.
    pub fn update(&mut self, input: &[u8]) -> Result<()> {
        match &mut self.state {
            State::Hash(stream) => {
                stream.update(input);
                Ok(())
            }
            State::Shake(shake) => shake.update(input),
        }
    }

    /// The hash, at the beginning of `output`; it has [`Prehash::len`] bytes.
    pub fn finish(self, output: &mut [u8; hash::MAX_LEN]) -> Result<()> {
        match self.state {
            State::Hash(stream) => stream.finish(output),
            State::Shake(shake) => {
                let output = output.get_mut(..self.prehash.len()).ok_or(Error::Length)?;
                shake.finish(output)
            }
        }
    }
}

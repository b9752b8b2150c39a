//! What a hash has come to, written down: the chaining value, the number of bits, and the bytes
//! that do not fill a block yet. SHA-1 and SHA-2 only; the library tells nothing of SHA-3's state.

use zeroize::Zeroizing;

use super::{Stream, sys};
use crate::{Error, Result, hash::Hash};

/// Saves and restores the state of one of the library's structures.
macro_rules! state {
    ($name:ident: $context:ty, $word:ty, $buffer:ident) => {
        mod $name {
            use super::*;

            const WORD: usize = size_of::<$word>();

            /// Hash words, high and low word of the length in bits, and the bytes that wait.
            pub(super) fn save(state: &$context) -> Option<Zeroizing<Vec<u8>>> {
                let waiting = state.$buffer.get(..usize::try_from(state.num).ok()?)?;
                let words = state.h.iter().chain([&state.Nh, &state.Nl]);
                let words = words.flat_map(|word| word.to_be_bytes());
                let mut saved = Zeroizing::new(Vec::with_capacity(256));
                saved.extend(words);
                saved.extend_from_slice(waiting);
                Some(saved)
            }

            pub(super) fn restore(state: &mut $context, saved: &[u8]) -> Result<()> {
                let hash_len = state.h.len() * WORD;
                let (hash, rest) = saved.split_at_checked(hash_len).ok_or(Error::Length)?;
                let (high, rest) = rest.split_first_chunk().ok_or(Error::Length)?;
                let (low, waiting) = rest.split_first_chunk().ok_or(Error::Length)?;
                for (word, bytes) in state.h.iter_mut().zip(hash.as_chunks().0) {
                    *word = <$word>::from_be_bytes(*bytes);
                }
                (state.Nh, state.Nl) =
                    (<$word>::from_be_bytes(*high), <$word>::from_be_bytes(*low));
                // A block that is full would have been hashed.
                if waiting.len() >= state.$buffer.len() {
                    return Err(Error::Length);
                }
                state
                    .$buffer
                    .iter_mut()
                    .zip(waiting)
                    .for_each(|(to, from)| *to = *from);
                state.num = u32::try_from(waiting.len()).map_err(|_| Error::Length)?;
                Ok(())
            }
        }
    };
}

state!(sha1: sys::SHA_CTX, u32, data);
state!(sha256: sys::SHA256_CTX, u32, data);
state!(sha512: sys::SHA512_CTX, u64, p);

impl Stream {
    /// The state, where it can be told.
    pub(crate) fn save(&self, hash: Hash) -> Option<Zeroizing<Vec<u8>>> {
        let state = self.state();
        match hash {
            // SAFETY: the stream hashes with SHA-1, whose state the library keeps in this structure
            // (crypto/fipsmodule/digest/digests.c), and nobody else uses it now.
            Hash::Sha1 => sha1::save(unsafe { &*state.cast() }),
            // SAFETY: the same for SHA-224 and SHA-256.
            Hash::Sha224 | Hash::Sha256 => sha256::save(unsafe { &*state.cast() }),
            Hash::Sha384 | Hash::Sha512 | Hash::Sha512_224 | Hash::Sha512_256 => {
                // SAFETY: the same for the others of SHA-2.
                sha512::save(unsafe { &*state.cast() })
            }
            Hash::Sha3_224 | Hash::Sha3_256 | Hash::Sha3_384 | Hash::Sha3_512 => None,
        }
    }

    /// A stream that goes on from a saved state.
    pub(crate) fn restore(hash: Hash, saved: &[u8]) -> Result<Self> {
        let stream = Self::new(hash)?;
        let state = stream.state();
        match hash {
            // SAFETY: as in `save`.
            Hash::Sha1 => sha1::restore(unsafe { &mut *state.cast() }, saved)?,
            // SAFETY: the same.
            Hash::Sha224 | Hash::Sha256 => sha256::restore(unsafe { &mut *state.cast() }, saved)?,
            Hash::Sha384 | Hash::Sha512 | Hash::Sha512_224 | Hash::Sha512_256 => {
                // SAFETY: the same.
                sha512::restore(unsafe { &mut *state.cast() }, saved)?;
            }
            Hash::Sha3_224 | Hash::Sha3_256 | Hash::Sha3_384 | Hash::Sha3_512 => {
                return Err(Error::Length);
            }
        }
        Ok(stream)
    }

    /// Where the library keeps the state: of the hash that the stream was made for.
    fn state(&self) -> *mut std::ffi::c_void {
        // SAFETY: the context is alive and was initialised.
        unsafe { (*self.0.as_ptr()).md_data }
    }
}

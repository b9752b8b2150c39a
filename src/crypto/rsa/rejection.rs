//! Implicit rejection of PKCS #1 v1.5 ciphertext (draft-irtf-cfrg-rsa-guidance §7, as OpenSSL 3.2
//! and NSS do it): a ciphertext with wrong padding decrypts to a message that a secret function of
//! key and ciphertext gives. An error would let anybody who may decrypt or unwrap, or who watches
//! one that does, decrypt other ciphertexts and make signatures (Bleichenbacher).
//!
//! Nothing here branches on, or indexes by, what was decrypted, until message and stand-in are one.

use ctutils::{Choice, CtAssign, CtEq, CtGt, CtLt};
use zeroize::Zeroizing;

use super::{Component, LEN_MAX, PrivateKey};
use crate::{Error, Result, Secret, hash, hmac_sha256};

/// Lengths that are drawn for the stand-in; the last that is legal counts. One of 128 is with all
/// but certainty.
const DRAWS: usize = 128;
/// Two bytes before the padding, and eight of it at least.
const OVERHEAD: usize = 10;

/// The key of the stand-ins: a hash of d.
pub(super) fn key(private: &PrivateKey) -> Result<Secret> {
    let d = private.component(Component::PrivateExponent)?;
    let zeroes = private.modulus.len().saturating_sub(d.len());
    let digest = Zeroizing::new(hash::sha256(&[&vec![0; zeroes], d.reveal()]));
    Ok(Secret::from(digest.as_slice()))
}

/// The message in `block`, the decrypted `ciphertext`, or what stands in for it.
pub(super) fn message(key: &Secret, ciphertext: &[u8], block: &[u8]) -> Result<Secret> {
    let len = block.len();
    let longest = len.checked_sub(OVERHEAD).ok_or(Error::Length)?;
    let seed = Zeroizing::new(hmac_sha256(key.reveal(), &[ciphertext]));

    let mut chosen = Zeroizing::new([0; LEN_MAX]);
    let chosen = chosen.get_mut(..len).ok_or(Error::Length)?;
    expand(&seed, b"message", chosen)?;
    let mut chosen_len = stand_in_len(&seed, longest)?;

    let (valid, message_len) = unpadded(block);
    chosen_len.ct_assign(&message_len, valid);
    chosen.ct_assign(block, valid);

    // From here on the length is public: it is the answer's.
    let start = len.checked_sub(chosen_len as usize).ok_or(Error::Library)?;
    Ok(Secret::from(chosen.get(start..).ok_or(Error::Library)?))
}

/// Whether the padding is right, and the length of what follows it.
fn unpadded(block: &[u8]) -> (Choice, u32) {
    let (mut valid, mut searching) = (Choice::TRUE, Choice::TRUE);
    let mut message_len = 0;
    let mut padding_len = 0u32;
    for (index, byte) in block.iter().enumerate() {
        match index {
            0 => valid &= byte.ct_eq(&0),
            1 => valid &= byte.ct_eq(&2),
            _ => {
                let ends = searching & byte.ct_eq(&0);
                message_len.ct_assign(&length(block.len() - 1 - index), ends);
                padding_len.ct_assign(&length(index - 2), ends);
                searching &= !ends;
            }
        }
    }
    valid &= !searching;
    valid &= padding_len.ct_gt(&7);
    (valid, message_len)
}

/// A length up to `longest`, evenly distributed enough.
fn stand_in_len(seed: &[u8; 32], longest: usize) -> Result<u32> {
    let longest = length(longest);
    let mask = u32::MAX >> longest.leading_zeros().min(31);
    let mut draws = Zeroizing::new([0; 2 * DRAWS]);
    expand(seed, b"length", draws.as_mut_slice())?;
    let mut len = 0;
    for draw in draws.as_chunks::<2>().0 {
        let candidate = u32::from(u16::from_be_bytes(*draw)) & mask;
        len.ct_assign(&candidate, candidate.ct_lt(&longest));
    }
    Ok(len)
}

/// Fills `output` with HMACs over a counter, a label and the output's length in bits.
fn expand(seed: &[u8; 32], label: &[u8], output: &mut [u8]) -> Result<()> {
    let bits = u16::try_from(output.len() * 8).map_err(|_| Error::Length)?;
    for (counter, block) in (0u16..).zip(output.chunks_mut(32)) {
        let counter = counter.to_be_bytes();
        let code = Zeroizing::new(hmac_sha256(seed, &[&counter, label, &bits.to_be_bytes()]));
        block.copy_from_slice(code.get(..block.len()).ok_or(Error::Library)?);
    }
    Ok(())
}

/// A length within a block.
fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

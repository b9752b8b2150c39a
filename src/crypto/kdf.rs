//! Keys from keys, secrets and passwords: HKDF (RFC 5869), the X9.63 function, PBKDF2 (RFC 8018),
//! SHAKE, SP 800-108 in `kdf/sp800_108`. Composed from HMAC, CMAC and digests.

mod sp800_108;

pub use crate::native::shake::Function as Xof;
pub use sp800_108::{Mode, Number, Part, Prf, derive as sp800_108};

use zeroize::Zeroizing;

use crate::{
    Error, Result, Secret,
    hash::{self, Hash, Stream},
    native::{hmac::Prepared, pbkdf2 as native, shake::Shake},
};

/// HKDF's first step, RFC 5869 §2.2: a key as long as the hash.
pub fn hkdf_extract(hash: Hash, salt: &[u8], secret: &[u8]) -> Result<Secret> {
    // No salt is a salt of zeroes, which is what HMAC makes of an empty key.
    let prepared = Prepared::new(hash, salt)?;
    Secret::filled(hash.len(), |key| prepared.code(&[secret], key))
}

/// HKDF's second step, RFC 5869 §2.3: at most 255 hashes.
pub fn hkdf_expand(hash: Hash, key: &[u8], info: &[u8], len: usize) -> Result<Secret> {
    if len > 255 * hash.len() {
        return Err(Error::Length);
    }
    let prepared = Prepared::new(hash, key)?;
    let mut block = Zeroizing::new([0; hash::MAX_LEN]);
    let block = block.get_mut(..hash.len()).ok_or(Error::Library)?;
    Secret::filled(len, |output| {
        for (number, piece) in (1..=u8::MAX).zip(output.chunks_mut(hash.len())) {
            let before: &[u8] = if number == 1 { &[] } else { block };
            let mut next = Zeroizing::new([0; hash::MAX_LEN]);
            let next = next.get_mut(..hash.len()).ok_or(Error::Library)?;
            prepared.code(&[before, info, &[number]], next)?;
            block.copy_from_slice(next);
            piece.copy_from_slice(block.get(..piece.len()).ok_or(Error::Library)?);
        }
        Ok(())
    })
}

/// The key derivation function of ANSI X9.63 (SEC 1 §3.6.1): hashes of the secret, a counter and
/// what both sides share.
pub fn x963(hash: Hash, secret: &[u8], shared: &[u8], len: usize) -> Result<Secret> {
    counted(hash, secret, &[shared], len)
}

/// The one-step function of SP 800-56C §4 with a hash: hashes of a counter, the secret and what both
/// sides share.
pub fn one_step(hash: Hash, secret: &[u8], shared: &[u8], len: usize) -> Result<Secret> {
    counted(hash, &[], &[secret, shared], len)
}

/// Hashes of what comes `before` a counter, the counter, and what comes `after` it.
fn counted(hash: Hash, before: &[u8], after: &[&[u8]], len: usize) -> Result<Secret> {
    let blocks = u32::try_from(len.div_ceil(hash.len())).map_err(|_| Error::Length)?;
    let mut block = Zeroizing::new([0; hash::MAX_LEN]);
    Secret::filled(len, |output| {
        for (number, piece) in (1..=blocks).zip(output.chunks_mut(hash.len())) {
            let mut stream = Stream::new(hash);
            stream.update(before);
            stream.update(&number.to_be_bytes());
            after.iter().for_each(|part| stream.update(part));
            stream.finish(&mut block[..])?;
            piece.copy_from_slice(block.get(..piece.len()).ok_or(Error::Library)?);
        }
        Ok(())
    })
}

/// SHAKE of a secret.
pub fn shake(function: Xof, secret: &[u8], len: usize) -> Result<Secret> {
    let mut shake = Shake::new(function)?;
    shake.update(secret)?;
    Secret::filled(len, |output| shake.finish(output))
}

/// PBKDF2 with HMAC, RFC 8018 §5.2.
pub fn pbkdf2(
    hash: Hash,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    len: usize,
) -> Result<Secret> {
    if iterations == 0 || len == 0 {
        return Err(Error::Length);
    }
    Secret::filled(len, |output| {
        native::derive(hash, password, salt, iterations, output)
    })
}

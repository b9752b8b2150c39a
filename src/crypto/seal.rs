//! Sealing of records at rest: XAES-256-GCM on the `aes-gcm` crate, its nonce drawn here.
//!
//! A sealed record is `0x01 ‖ nonce (24) ‖ ciphertext ‖ tag (16)`; its purpose is authenticated
//! with it, so that a record moved to another place does not open.

use aes_gcm::{
    AeadInOut, Aes256Gcm, KeyInit,
    aes::{Aes256, cipher::BlockCipherEncrypt},
};
use zeroize::Zeroizing;

use crate::{
    Error, Result, Secret, random,
    xaes::{self, NONCE_LEN},
};

const VERSION: u8 = 1;
const TAG_LEN: usize = 16;
/// Bytes that a sealed record is longer than what is in it.
pub const OVERHEAD: usize = 1 + NONCE_LEN + TAG_LEN;

/// Seals `bytes` for `purpose` under a key of 32 bytes.
pub fn seal(key: &Secret, purpose: &[u8], bytes: &[u8]) -> Result<Vec<u8>> {
    seal_with(key, &random::array()?, purpose, bytes)
}

/// What [`seal`] was given, if `key` and `purpose` are the same.
pub fn open(key: &Secret, purpose: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let parts = Parts::of(sealed)?;
    let mut bytes = Zeroizing::new(parts.ciphertext.to_vec());
    parts.decrypt(key, purpose, &mut bytes)?;
    Ok(bytes)
}

/// As [`open`], for what must only ever be in locked memory: keys.
pub fn open_secret(key: &Secret, purpose: &[u8], sealed: &[u8]) -> Result<Secret> {
    let parts = Parts::of(sealed)?;
    Secret::filled(parts.ciphertext.len(), |bytes| {
        bytes.copy_from_slice(parts.ciphertext);
        parts.decrypt(key, purpose, bytes)
    })
}

/// A sealed record taken apart.
struct Parts<'a> {
    nonce: &'a [u8; NONCE_LEN],
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> Parts<'a> {
    fn of(sealed: &'a [u8]) -> Result<Self> {
        let (version, rest) = sealed.split_first().ok_or(Error::Length)?;
        if *version != VERSION {
            return Err(Error::Authentication);
        }
        let (nonce, rest) = rest.split_first_chunk().ok_or(Error::Length)?;
        let (ciphertext, tag) = rest.split_last_chunk().ok_or(Error::Length)?;
        Ok(Self {
            nonce,
            ciphertext,
            tag,
        })
    }

    /// Turns the ciphertext that is in `bytes` into what was sealed.
    fn decrypt(&self, key: &Secret, purpose: &[u8], bytes: &mut [u8]) -> Result<()> {
        let (cipher, nonce) = cipher(key, self.nonce)?;
        cipher
            .decrypt_inout_detached(&nonce.into(), purpose, bytes.into(), &(*self.tag).into())
            .map_err(|_| Error::Authentication)
    }
}

/// [`seal`] under a given nonce: for the known-answer test.
pub(crate) fn seal_with(
    key: &Secret,
    nonce: &[u8; NONCE_LEN],
    purpose: &[u8],
    bytes: &[u8],
) -> Result<Vec<u8>> {
    let (cipher, message_nonce) = cipher(key, nonce)?;
    let mut sealed = Vec::with_capacity(OVERHEAD + bytes.len());
    sealed.push(VERSION);
    sealed.extend_from_slice(nonce);
    sealed.extend_from_slice(bytes);
    let body = sealed.get_mut(1 + NONCE_LEN..).ok_or(Error::Length)?;
    let tag = cipher
        .encrypt_inout_detached(&message_nonce.into(), purpose, body.into())
        .map_err(|_| Error::Length)?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

fn cipher(key: &Secret, nonce: &[u8; NONCE_LEN]) -> Result<(Aes256Gcm, [u8; 12])> {
    let aes = Aes256::new_from_slice(key.reveal()).map_err(|_| Error::Length)?;
    let encrypt = |block: &mut [u8; 16]| {
        aes.encrypt_block(block.into());
        Ok(())
    };
    let (message_key, message_nonce) = xaes::derive(encrypt, nonce)?;
    Ok((Aes256Gcm::new((&*message_key).into()), message_nonce))
}

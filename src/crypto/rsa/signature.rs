//! RSA signatures: PKCS #1 v1.5 of any data or of a hash, PSS, and the bare operation.

use super::{LEN_MAX, PrivateKey, PublicKey, block};
use crate::{Error, Result, Secret, hash::Hash, native::rsa::Padding};

/// Bytes that the padding of PKCS #1 v1.5 takes at least.
pub(super) const PADDING: usize = 11;

/// The parameters of PSS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pss {
    /// The hash that is signed.
    pub hash: Hash,
    /// The hash of the mask generation function.
    pub mgf: Hash,
    /// Bytes of salt.
    pub salt_len: usize,
}

impl Pss {
    /// Whether a modulus of `bits` has room for hash and salt (RFC 8017 §9.1.1).
    pub fn fits(&self, bits: usize) -> bool {
        let room = (bits - 1).div_ceil(8);
        let needed = self.hash.len().saturating_add(self.salt_len);
        needed.saturating_add(2) <= room
    }
}

impl PrivateKey {
    /// PKCS #1 v1.5 of `data`, which is what the DigestInfo should be, into all of `signature`.
    pub fn sign_pkcs1(&self, data: &[u8], signature: &mut [u8]) -> Result<()> {
        if data.len() + PADDING > self.modulus.len() {
            return Err(Error::Length);
        }
        self.key.sign(Padding::Pkcs1, data, signature)
    }

    /// PKCS #1 v1.5 of a hash.
    pub fn sign_hash(&self, hash: Hash, digest: &[u8], signature: &mut [u8]) -> Result<()> {
        self.key.sign_digest(hash, digest, signature)
    }

    /// PSS of a hash.
    pub fn sign_pss(&self, pss: Pss, digest: &[u8], signature: &mut [u8]) -> Result<()> {
        if digest.len() != pss.hash.len() || !pss.fits(self.bits()) {
            return Err(Error::Length);
        }
        self.key
            .sign_pss([pss.hash, pss.mgf], pss.salt_len, digest, signature)
    }

    /// The private operation on `data`, with zeroes before it as far as it is shorter than the
    /// modulus.
    pub fn sign_raw(&self, data: &[u8], signature: &mut [u8]) -> Result<()> {
        let block = block(data, &self.modulus)?;
        let block = block.get(..self.modulus.len()).ok_or(Error::Length)?;
        let signed = self.key.sign(Padding::None, block, signature);
        signed.map_err(|_| Error::Range)
    }
}

impl PublicKey {
    /// Whether `signature` is PKCS #1 v1.5 of `data`: what it was made of is compared as a whole
    /// (RFC 8017 §8.2.2), and no padding is taken off.
    pub fn verify_pkcs1(&self, data: &[u8], signature: &[u8]) -> Result<()> {
        let mut block = [0; LEN_MAX];
        let whole = block.get_mut(..self.modulus.len()).ok_or(Error::Length)?;
        self.recover_raw(signature, whole)?;
        same(is_padded(whole, data))
    }

    /// What `signature` is PKCS #1 v1.5 of.
    pub fn recover_pkcs1(&self, signature: &[u8]) -> Result<Secret> {
        let mut block = [0; LEN_MAX];
        let whole = block.get_mut(..self.modulus.len()).ok_or(Error::Length)?;
        let recovered = self.key.recover(Padding::Pkcs1, signature, whole);
        let len = recovered.map_err(|_| Error::Authentication)?;
        Ok(Secret::from(whole.get(..len).ok_or(Error::Length)?))
    }

    /// Whether `signature` is PKCS #1 v1.5 of a hash.
    pub fn verify_hash(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> Result<()> {
        self.key.verify_digest(hash, digest, signature)
    }

    /// Whether `signature` is PSS of a hash.
    pub fn verify_pss(&self, pss: Pss, digest: &[u8], signature: &[u8]) -> Result<()> {
        if digest.len() != pss.hash.len() || !pss.fits(self.bits()) {
            return Err(Error::Length);
        }
        self.key
            .verify_pss([pss.hash, pss.mgf], pss.salt_len, digest, signature)
    }

    /// Whether `signature` is the private operation on `data`, with zeroes before it as far as it
    /// is shorter than the modulus.
    pub fn verify_raw(&self, data: &[u8], signature: &[u8]) -> Result<()> {
        let expected = block(data, &self.modulus)?;
        let mut recovered = [0; LEN_MAX];
        let whole = recovered
            .get_mut(..self.modulus.len())
            .ok_or(Error::Length)?;
        self.recover_raw(signature, whole)?;
        same(expected.get(..self.modulus.len()) == Some(&*whole))
    }

    /// What `signature` is the private operation on, into all of `block`.
    pub fn recover_raw(&self, signature: &[u8], block: &mut [u8]) -> Result<()> {
        let recovered = self.key.recover(Padding::None, signature, block);
        recovered.map(drop).map_err(|_| Error::Authentication)
    }
}

/// Whether the block is `data` in the padding of signatures (RFC 8017 §9.2).
fn is_padded(block: &[u8], data: &[u8]) -> bool {
    const ONES: [u8; LEN_MAX] = [0xff; LEN_MAX];
    match block.strip_suffix(data) {
        Some(padding @ [0, 1, ones @ .., 0]) => {
            padding.len() >= PADDING && ONES.get(..ones.len()) == Some(ones)
        }
        _ => false,
    }
}

fn same(same: bool) -> Result<()> {
    if same {
        Ok(())
    } else {
        Err(Error::Authentication)
    }
}

//! RSA encryption: PKCS #1 v1.5, OAEP, and the bare operation.

use zeroize::Zeroizing;

use super::{LEN_MAX, PrivateKey, PublicKey, block, rejection, signature::PADDING};
use crate::{
    Error, Result, Secret,
    hash::Hash,
    native::{rsa::Padding, rsa_oaep},
};

/// The parameters of OAEP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oaep<'a> {
    /// The hash of the label.
    pub hash: Hash,
    /// The hash of the mask generation function.
    pub mgf: Hash,
    /// The label.
    pub label: &'a [u8],
}

impl Oaep<'_> {
    /// The most bytes of data that a modulus of `len` bytes has room for (RFC 8017 §7.1.1); none if
    /// it has none even for the hashes.
    pub fn data_max(&self, len: usize) -> Option<usize> {
        len.checked_sub(2 * self.hash.len() + 2)
    }
}

impl PublicKey {
    /// PKCS #1 v1.5, into all of `output`.
    pub fn encrypt_pkcs1(&self, data: &[u8], output: &mut [u8]) -> Result<()> {
        if data.len() + PADDING > self.modulus.len() {
            return Err(Error::Length);
        }
        self.key.encrypt(Padding::Pkcs1, data, output)
    }

    /// OAEP, into all of `output`.
    pub fn encrypt_oaep(&self, oaep: Oaep<'_>, data: &[u8], output: &mut [u8]) -> Result<()> {
        if oaep.data_max(self.modulus.len()) < Some(data.len()) {
            return Err(Error::Length);
        }
        let hashes = [oaep.hash, oaep.mgf];
        rsa_oaep::encrypt(self.key.pkey(), hashes, oaep.label, data, output)
    }

    /// The public operation on `data`, with zeroes before it as far as it is shorter than the
    /// modulus, into all of `output`.
    pub fn encrypt_raw(&self, data: &[u8], output: &mut [u8]) -> Result<()> {
        let block = block(data, &self.modulus)?;
        let block = block.get(..self.modulus.len()).ok_or(Error::Length)?;
        self.key.encrypt(Padding::None, block, output)
    }
}

impl PrivateKey {
    /// PKCS #1 v1.5. A ciphertext whose padding is wrong gives data all the same, which depends on
    /// key and ciphertext alone: who asks learns nothing (see `rejection`). Only a ciphertext that
    /// is wrong for everybody to see is an error: one of another length, or out of range.
    pub fn decrypt_pkcs1(&self, ciphertext: &[u8]) -> Result<Secret> {
        let mut block = Zeroizing::new([0; LEN_MAX]);
        let whole = block.get_mut(..self.modulus.len()).ok_or(Error::Length)?;
        self.decrypt_raw(ciphertext, whole)?;
        let key = match self.rejection.get() {
            Some(key) => key,
            None => {
                let key = rejection::key(self)?;
                self.rejection.get_or_init(|| key)
            }
        };
        rejection::message(key, ciphertext, whole)
    }

    /// OAEP.
    pub fn decrypt_oaep(&self, oaep: Oaep<'_>, ciphertext: &[u8]) -> Result<Secret> {
        if ciphertext.len() != self.modulus.len() || oaep.data_max(self.modulus.len()).is_none() {
            return Err(Error::Length);
        }
        let mut block = Zeroizing::new([0; LEN_MAX]);
        let whole = block.get_mut(..self.modulus.len()).ok_or(Error::Length)?;
        let hashes = [oaep.hash, oaep.mgf];
        let len = rsa_oaep::decrypt(self.key.pkey(), hashes, oaep.label, ciphertext, whole)?;
        Ok(Secret::from(whole.get(..len).ok_or(Error::Length)?))
    }

    /// The private operation on a ciphertext that is as long as the modulus, into all of `output`.
    pub fn decrypt_raw(&self, ciphertext: &[u8], output: &mut [u8]) -> Result<()> {
        if ciphertext.len() != self.modulus.len() {
            return Err(Error::Length);
        }
        if ciphertext >= self.modulus.as_slice() {
            return Err(Error::Range);
        }
        let decrypted = self.key.decrypt(ciphertext, output);
        decrypted.map_err(|_| Error::Range)
    }
}

//! Triple DES with three keys (SP 800-67): for data that old systems made. Not for new data, and
//! not in FIPS mode.

use crate::{
    Error, Result, Secret,
    native::des3::{Schedules, set_odd_parity},
};

pub use crate::native::des3::BLOCK;

/// Bytes in a key.
pub const KEY_LEN: usize = 24;

/// A triple DES key, expanded. Any number of threads may use it.
pub struct Key {
    value: Secret,
    schedules: Schedules,
}

impl Key {
    /// A key of 24 bytes; their parity bits do not count.
    pub fn new(value: Secret) -> Result<Self> {
        let schedules = Schedules::new(value.reveal().try_into().map_err(|_| Error::Length)?);
        Ok(Self { value, schedules })
    }

    /// A random key with odd parity.
    pub fn random() -> Result<Self> {
        let value = Secret::filled(KEY_LEN, |bytes| {
            crate::random::fill(bytes)?;
            let bytes = bytes.try_into().map_err(|_| Error::Length)?;
            set_odd_parity(bytes);
            Ok::<_, Error>(())
        })?;
        Self::new(value)
    }

    /// The key itself.
    pub fn value(&self) -> &Secret {
        &self.value
    }

    /// Encrypts one block in place.
    pub fn encrypt_block(&self, block: &mut [u8; BLOCK]) {
        self.schedules.block(true, block);
    }

    /// Decrypts one block in place.
    pub fn decrypt_block(&self, block: &mut [u8; BLOCK]) {
        self.schedules.block(false, block);
    }

    /// Encrypts whole blocks into `output`, which is as long; `iv` becomes the next part's.
    pub fn cbc_encrypt(&self, iv: &mut [u8; BLOCK], input: &[u8], output: &mut [u8]) -> Result<()> {
        self.schedules.cbc(true, iv, input, output)
    }

    /// Decrypts whole blocks into `output`, which is as long; `iv` becomes the next part's.
    pub fn cbc_decrypt(&self, iv: &mut [u8; BLOCK], input: &[u8], output: &mut [u8]) -> Result<()> {
        self.schedules.cbc(false, iv, input, output)
    }
}

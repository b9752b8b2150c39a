//! AES-XTS (IEEE 1619, SP 800-38E) with two 256-bit keys: one data unit a call.

use crate::{
    Error, Result, Secret, eq,
    native::cipher::{self, Direction},
};

/// Bytes in a key: both halves.
pub const KEY_LEN: usize = 64;
/// Bytes in a data unit: at least a block.
pub const UNIT_LEN_MIN: usize = 16;
/// Bytes in a data unit: at most 2^20 blocks.
pub const UNIT_LEN_MAX: usize = 16 << 20;

/// A key of two different halves.
pub struct Key(Secret);

impl Key {
    /// A key of 64 bytes whose halves differ.
    pub fn new(value: Secret) -> Result<Self> {
        let (data, tweak) = value
            .reveal()
            .split_at_checked(KEY_LEN / 2)
            .filter(|(data, tweak)| data.len() == tweak.len())
            .ok_or(Error::Length)?;
        // FIPS 140-3 IG C.I: checked before a key is used.
        if eq(data, tweak) {
            return Err(Error::WeakKey);
        }
        Ok(Self(value))
    }

    /// The key itself.
    pub fn value(&self) -> &Secret {
        &self.0
    }

    /// Encrypts one data unit into `output`, which is as long.
    pub fn encrypt(&self, tweak: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<()> {
        self.run(Direction::Encrypt, tweak, input, output)
    }

    /// Decrypts one data unit into `output`, which is as long.
    pub fn decrypt(&self, tweak: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<()> {
        self.run(Direction::Decrypt, tweak, input, output)
    }

    fn run(
        &self,
        direction: Direction,
        tweak: &[u8; 16],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<()> {
        if !(UNIT_LEN_MIN..=UNIT_LEN_MAX).contains(&input.len()) {
            return Err(Error::Length);
        }
        let key = self.0.reveal().try_into().map_err(|_| Error::Length)?;
        cipher::xts(direction, key, tweak, input, output)
    }
}

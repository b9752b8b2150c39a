//! Triple DES with three keys or two (SP 800-67), and DES, which is triple DES with one key three times: for
//! data that old systems made. Not for new data, and not in FIPS mode.

use zeroize::Zeroizing;

use crate::{
    Error, Result, Secret,
    native::des3::{Schedules, set_odd_parity},
};

pub use crate::native::des3::BLOCK;

/// Bytes in a key of three parts.
pub const KEY_LEN: usize = 24;
/// Bytes in a key of two parts: the first is the third, too.
pub const TWO_PARTS: usize = 16;
/// Bytes in a key of DES.
pub const ONE_PART: usize = 8;

/// A key of one, two or three parts, expanded. Any number of threads may use it.
pub struct Key {
    value: Secret,
    schedules: Schedules,
}

impl Key {
    /// A key of 8, 16 or 24 bytes; their parity bits do not count.
    pub fn new(value: Secret) -> Result<Self> {
        let schedules = Schedules::new(&*three_parts(value.reveal())?);
        Ok(Self { value, schedules })
    }

    /// A random key of `len` bytes with odd parity.
    pub fn random(len: usize) -> Result<Self> {
        let value = Secret::filled(len, |bytes| {
            crate::random::fill(bytes)?;
            set_odd_parity(bytes);
            Ok::<_, Error>(())
        })?;
        Self::new(value)
    }

    /// The key itself.
    pub fn value(&self) -> &Secret {
        &self.value
    }

    /// The three keys of triple DES; none of DES alone.
    pub(crate) fn keys(&self) -> Result<Zeroizing<[u8; KEY_LEN]>> {
        match self.value.len() {
            ONE_PART => Err(Error::Length),
            _ => three_parts(self.value.reveal()),
        }
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

/// `value`, whose missing parts are its first one and its last one again (SP 800-67 §3.2).
fn three_parts(value: &[u8]) -> Result<Zeroizing<[u8; KEY_LEN]>> {
    let (second, third) = match value.len() {
        ONE_PART => (0, 0),
        TWO_PARTS => (1, 0),
        KEY_LEN => (1, 2),
        _ => return Err(Error::Length),
    };
    let (parts, _) = value.as_chunks::<BLOCK>();
    let mut keys = Zeroizing::new([0; KEY_LEN]);
    let places = keys.as_chunks_mut::<BLOCK>().0.iter_mut();
    for (place, part) in places.zip([0, second, third]) {
        *place = *parts.get(part).ok_or(Error::Length)?;
    }
    Ok(keys)
}

//! AES keys, expanded once and kept, and the modes that only need single blocks: ECB, CBC, CTR
//! (SP 800-38A). The other modes are in files of their own.

use std::sync::OnceLock;

use zeroize::Zeroizing;

use crate::{
    Error, Result, Secret,
    native::{
        aes::{Direction, Schedule},
        gcm::Context,
    },
};

pub use crate::native::aes::BLOCK;

/// An AES key with what its uses have prepared from it. Any number of threads may use it.
pub struct Key {
    value: Secret,
    encrypting: OnceLock<Schedule>,
    decrypting: OnceLock<Schedule>,
    gcm: OnceLock<Context>,
}

impl Key {
    /// A key of 16, 24 or 32 bytes.
    pub fn new(value: Secret) -> Result<Self> {
        if !matches!(value.len(), 16 | 24 | 32) {
            return Err(Error::Length);
        }
        Ok(Self {
            value,
            encrypting: OnceLock::new(),
            decrypting: OnceLock::new(),
            gcm: OnceLock::new(),
        })
    }

    /// The key itself.
    pub fn value(&self) -> &Secret {
        &self.value
    }

    /// 128, 192 or 256.
    pub fn bits(&self) -> usize {
        self.value.len() * 8
    }

    /// Encrypts one block in place.
    pub fn encrypt_block(&self, block: &mut [u8; BLOCK]) -> Result<()> {
        self.encrypting()?.block(block);
        Ok(())
    }

    /// Decrypts one block in place.
    pub fn decrypt_block(&self, block: &mut [u8; BLOCK]) -> Result<()> {
        self.decrypting()?.block(block);
        Ok(())
    }

    /// Encrypts whole blocks into `output`, which is as long; `iv` becomes the next part's.
    pub fn cbc_encrypt(&self, iv: &mut [u8; BLOCK], input: &[u8], output: &mut [u8]) -> Result<()> {
        self.encrypting()?.cbc(iv, input, output)
    }

    /// Decrypts whole blocks into `output`, which is as long; `iv` becomes the next part's.
    pub fn cbc_decrypt(&self, iv: &mut [u8; BLOCK], input: &[u8], output: &mut [u8]) -> Result<()> {
        self.decrypting()?.cbc(iv, input, output)
    }

    /// The key prepared for GCM with whole tags.
    pub(crate) fn gcm(&self) -> Result<&Context> {
        once(&self.gcm, || Context::new(self.value.reveal(), 16))
    }

    pub(crate) fn encrypting(&self) -> Result<&Schedule> {
        once(&self.encrypting, || {
            Schedule::new(Direction::Encrypt, self.value.reveal())
        })
    }

    pub(crate) fn decrypting(&self) -> Result<&Schedule> {
        once(&self.decrypting, || {
            Schedule::new(Direction::Decrypt, self.value.reveal())
        })
    }
}

/// Where CTR mode stands in its key stream.
pub struct Counter {
    block: [u8; BLOCK],
    keystream: Zeroizing<[u8; BLOCK]>,
    used: u32,
    /// Bytes of key stream until the counter bits come round.
    left: u128,
}

impl Counter {
    /// Starts at `block`, of which the last `bits` bits (1 to 128) count.
    pub fn new(bits: u32, block: [u8; BLOCK]) -> Result<Self> {
        if !(1..=128).contains(&bits) {
            return Err(Error::Length);
        }
        let mask = u128::MAX >> (128 - bits);
        let blocks_after_this = mask - (u128::from_be_bytes(block) & mask);
        let left = blocks_after_this
            .saturating_add(1)
            .saturating_mul(BLOCK as u128);
        Ok(Self {
            block,
            keystream: Zeroizing::new([0; BLOCK]),
            used: 0,
            left,
        })
    }

    /// Encrypts or decrypts, which is the same, into `output`, which is as long as `input`. The
    /// counter never comes round: what would need that is refused whole.
    pub fn apply(&mut self, key: &Key, input: &[u8], output: &mut [u8]) -> Result<()> {
        let left = self
            .left
            .checked_sub(input.len() as u128)
            .ok_or(Error::CounterExhausted)?;
        let schedule = key.encrypting()?;
        schedule.ctr(
            &mut self.block,
            &mut self.keystream,
            &mut self.used,
            input,
            output,
        )?;
        self.left = left;
        Ok(())
    }
}

/// The cell's value, made now if nobody has; of two that make it at once, one's is kept.
pub(crate) fn once<T>(cell: &OnceLock<T>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
    match cell.get() {
        Some(value) => Ok(value),
        None => {
            let value = make()?;
            Ok(cell.get_or_init(|| value))
        }
    }
}

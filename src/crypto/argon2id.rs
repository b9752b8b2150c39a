//! Passwords to keys: Argon2id (RFC 9106).

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use crate::{Error, Result, Secret};

/// What one derivation costs its maker, and an attacker each guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes that could be computed at the same time.
    pub lanes: u32,
}

impl Cost {
    /// 19 MiB, two passes: 20 to 40 ms a login (OWASP's choice for Argon2id).
    pub const LOGIN: Self = Self {
        memory_kib: 19 * 1024,
        passes: 2,
        lanes: 1,
    };
}

/// A 32-byte key from `password`. The salt has at least 8 bytes; a cost that Argon2 does not take
/// is an [`Error::Length`].
pub fn argon2id(password: &[u8], salt: &[u8], cost: Cost) -> Result<Secret> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32))
        .map_err(|_| Error::Length)?;
    // The last block of the memory is one hash away from the key, so all of it is erased.
    let mut memory = Zeroizing::new(vec![Block::default(); params.block_count()]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Secret::filled(32, |key| {
        argon2
            .hash_password_into_with_memory(password, salt, key, memory.as_mut_slice())
            .map_err(|_| Error::Length)
    })
}

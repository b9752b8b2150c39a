//! Passwords to keys: Argon2id (RFC 9106).

use argon2::{Algorithm, Argon2, AssociatedData, Params, ParamsBuilder, Version};

use crate::{Error, Result, Secret, locked::Blocks, vector::hex};

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
    // The last block of the memory is one hash away from the key: `Blocks` are erased.
    let mut memory = Blocks::zeroed(params.block_count()).ok_or(Error::Library)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Secret::filled(32, |key| {
        argon2
            .hash_password_into_with_memory(password, salt, key, &mut memory)
            .map_err(|_| Error::Length)
    })
}

/// Whether the example of RFC 9106 §5.3 comes out. It has a secret and associated data, which
/// passwords here do not.
pub(crate) fn known_answer() -> Result<bool> {
    const ANSWER: [u8; 32] =
        hex("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
    let failed = |_| Error::Library;
    let mut builder = ParamsBuilder::new();
    builder.m_cost(32).t_cost(3).p_cost(4);
    builder.data(AssociatedData::new(&[4; 12]).map_err(failed)?);
    let params = builder.build().map_err(failed)?;
    let argon2 = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params)
        .map_err(failed)?;
    let mut key = [0; 32];
    argon2
        .hash_password_into(&[1; 32], &[2; 16], &mut key)
        .map_err(failed)?;
    Ok(key == ANSWER)
}

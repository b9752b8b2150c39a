//! Passwords: stretched by Argon2id, mixed with the cluster key, and used to wrap a user's key.

use crypto::{Cost, Secret};
use serde::{Deserialize, Serialize};
use token::{Error, Reason, Result, SecretBytes, limits};

use crate::{
    cluster::{Cluster, users::Gate},
    failure::internal,
    sealing::{self, Sealing},
};

/// How a password is stretched, and the user key that it then opens.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::cluster) struct Password {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: [u8; 16],
    #[serde(with = "serde_bytes")]
    wrapped_user_key: Vec<u8>,
}

/// A new password after the slow part.
pub(in crate::cluster) struct Stretched {
    salt: [u8; 16],
    stretched: Secret,
}

impl Password {
    /// The user key, if `password` is the right one.
    pub(super) fn open(
        &self,
        cluster: &Cluster,
        uid: u32,
        number: u64,
        password: &SecretBytes,
    ) -> Result<Option<Secret>> {
        let cost = Cost {
            memory_kib: self.memory_kib,
            passes: self.passes,
            lanes: self.lanes,
        };
        let stretched = stretch(&cluster.gate, uid, password, &self.salt, cost)?;
        let key = cluster.sealing.password_key(&stretched);
        Ok(sealing::open_secret(
            &key,
            &purpose(number),
            &self.wrapped_user_key,
        ))
    }
}

impl Stretched {
    /// Stretches what is to become a password.
    pub(in crate::cluster) fn new(gate: &Gate, uid: u32, password: &SecretBytes) -> Result<Self> {
        if !(limits::PIN_BYTES_MIN..=limits::PIN_BYTES_MAX).contains(&password.len()) {
            let (min, max) = (limits::PIN_BYTES_MIN, limits::PIN_BYTES_MAX);
            return Err(Error::new(
                Reason::PinLenRange,
                format!("{min} to {max} bytes"),
            ));
        }
        let salt = crypto::random::array().map_err(internal)?;
        let stretched = stretch(gate, uid, password, &salt, Cost::LOGIN)?;
        Ok(Self { salt, stretched })
    }

    /// The password's part of the record of user `number`, whose key is `user_key`.
    pub(in crate::cluster) fn wrap(
        &self,
        sealing: &Sealing,
        number: u64,
        user_key: &Secret,
    ) -> Result<Password> {
        let key = sealing.password_key(&self.stretched);
        Ok(Password {
            memory_kib: Cost::LOGIN.memory_kib,
            passes: Cost::LOGIN.passes,
            lanes: Cost::LOGIN.lanes,
            salt: self.salt,
            wrapped_user_key: sealing::seal(&key, &purpose(number), user_key.reveal())?,
        })
    }
}

/// Spends the time that a password of a user that exists would take.
pub(super) fn stretch_for_nothing(gate: &Gate, uid: u32, password: &SecretBytes) -> Result<()> {
    stretch(gate, uid, password, &[0; 16], Cost::LOGIN).map(drop)
}

fn stretch(
    gate: &Gate,
    uid: u32,
    password: &SecretBytes,
    salt: &[u8; 16],
    cost: Cost,
) -> Result<Secret> {
    gate.run(uid, || crypto::argon2id(password.reveal(), salt, cost))
        .map_err(internal)
}

fn purpose(number: u64) -> Vec<u8> {
    [
        b"strongroom/1/user-key/password/".as_slice(),
        &number.to_be_bytes(),
    ]
    .concat()
}

//! The users of a cluster: their records and their list. What a password opens is in `password`,
//! what a login holds in `keyring`.

mod attempts;
mod gate;
mod keyring;
mod login;
mod manage;
mod password;
mod resume;

use serde::{Deserialize, Serialize};
use token::{Error, Reason, Result, Role, UserInformation, limits};

use crate::{
    cluster::{Cluster, record::USERS},
    sealing::{self, Opened},
};

pub(crate) use attempts::Attempts;
pub(crate) use gate::Gate;
pub(crate) use keyring::{Keyring, Keyrings};
pub(crate) use login::Login;
pub(super) use manage::new_user;
use password::Password;
pub(super) use password::Stretched;
pub(crate) use resume::Resumable;

/// The admin that the activation of a cluster makes.
pub(crate) const FIRST_ADMIN: &str = "admin";
/// The crypto user that a PIN without a name means.
pub(crate) const DEFAULT_USER: &str = "user";
/// The crypto user of a key management service.
const SERVICE_USER: &str = "kmsuser";

/// A user, as it stands in the database.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct UserRecord {
    /// Given once, and never again to another user.
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) role: Role,
    /// Rises with every change of the password.
    pub(super) password_version: u64,
    pub(super) password: Password,
    /// A crypto user's user key under the recovery key; or the recovery key under an admin's user
    /// key.
    #[serde(with = "serde_bytes")]
    pub(super) recovery: Vec<u8>,
    /// Wrong passwords since the last right one.
    pub(super) failures: u32,
}

impl UserRecord {
    fn locked(&self) -> bool {
        self.failures >= limits::LOGIN_FAILURES
    }
}

/// Whether `bytes` are a record of a user or of a login.
pub(crate) fn decode(bytes: &[u8]) -> bool {
    let user = sealing::decode::<UserRecord>(bytes).is_ok();
    sealing::decode::<resume::ResumeRecord>(bytes).is_ok() || user
}

impl Cluster {
    /// All users, in the order of their making.
    pub(crate) fn users(&self) -> Result<Vec<UserInformation>> {
        let mut records = self.user_records()?;
        records.sort_by_key(|record| record.number);
        let information = |record: UserRecord| UserInformation {
            locked: record.locked(),
            name: record.name,
            role: record.role,
            failures: record.failures,
        };
        Ok(records.into_iter().map(information).collect())
    }

    /// Whether there is the user that a key management service logs in as.
    pub(crate) fn serves_key_store(&self) -> Result<bool> {
        self.has_user(Role::CryptoUser, SERVICE_USER)
    }

    /// Whether there is such a user.
    fn has_user(&self, role: Role, name: &str) -> Result<bool> {
        Ok(self.user(&self.user_key(role, name))?.is_some())
    }

    /// Under which key a user stands, however its name is written. Names do not show in the
    /// database.
    pub(in crate::cluster) fn user_key(&self, role: Role, name: &str) -> Vec<u8> {
        let role = match role {
            Role::Admin => b"admin".as_slice(),
            Role::CryptoUser => b"crypto-user",
        };
        let name = folded(name);
        let tag = self.sealing.tag(&[b"user", role, name.as_bytes()]);
        [&[USERS][..], &tag].concat()
    }

    fn user(&self, key: &[u8]) -> Result<Option<Opened<UserRecord>>> {
        self.records.read(key)
    }

    fn user_records(&self) -> Result<Vec<UserRecord>> {
        Ok(self
            .records
            .all(USERS)?
            .into_iter()
            .map(|(_, user)| user.record)
            .collect())
    }
}

/// A user's name as it is kept: those of CloudHSM tell no capitals from small letters.
pub(crate) fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// A name can stand before the colon of a PIN and in one line of a list.
fn check_name(name: &str) -> Result<()> {
    let legal = |c: char| !c.is_control() && c != ':';
    if (1..=limits::USER_NAME_BYTES).contains(&name.len()) && name.chars().all(legal) {
        return Ok(());
    }
    Err(Error::new(
        Reason::ArgumentsBad,
        format!(
            "a user's name has 1 to {} bytes, and no colon or control character",
            limits::USER_NAME_BYTES
        ),
    ))
}

/// What a role is called in messages.
fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::CryptoUser => "crypto user",
    }
}

#[cfg(test)]
mod tests;

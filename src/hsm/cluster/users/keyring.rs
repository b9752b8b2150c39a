//! What a logged-in user holds: the key that opens its keys' material. One for all logins of the
//! user; with the last of them it is gone, and so is everything that it opened.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use crypto::Secret;
use parking_lot::Mutex;
use token::{Result, Role};

use crate::{failure::damaged, object, sealing};

/// A logged-in user of a cluster.
pub(crate) struct Keyring {
    /// Its number in the cluster.
    pub(crate) user: u64,
    pub(crate) name: String,
    pub(crate) role: Role,
    /// What it has opened so far.
    pub(crate) materials: object::Materials,
    /// The vectors that were made for its keys.
    pub(crate) counts: object::Counts,
    key: Secret,
    /// Admins have it, to set the passwords of crypto users without losing their keys.
    recovery: Option<Secret>,
}

/// The users that are logged in, by number.
pub(crate) struct Keyrings(Mutex<HashMap<u64, Weak<Keyring>>>);

impl Keyring {
    /// `material` sealed for this user alone.
    pub(crate) fn seal(&self, purpose: &[u8], material: &[u8]) -> Result<Vec<u8>> {
        sealing::seal(&self.key, purpose, material)
    }

    /// Material that [`Keyring::seal`] made for the same purpose.
    pub(crate) fn open(&self, purpose: &[u8], sealed: &[u8]) -> Result<Secret> {
        sealing::open_secret(&self.key, purpose, sealed)
            .ok_or_else(|| damaged("the material of a key was altered or is another user's"))
    }

    pub(super) fn key(&self) -> &Secret {
        &self.key
    }

    pub(super) fn recovery(&self) -> Option<&Secret> {
        self.recovery.as_ref()
    }
}

impl Keyrings {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    /// The user's keyring, if it is logged in.
    pub(super) fn of(&self, user: u64) -> Option<Arc<Keyring>> {
        self.0.lock().get(&user).and_then(Weak::upgrade)
    }

    /// The keyring of a user that has shown its key: the one it has, or a new one.
    pub(super) fn admit(
        &self,
        user: u64,
        name: &str,
        role: Role,
        key: Secret,
        recovery: Option<Secret>,
    ) -> Arc<Keyring> {
        let mut keyrings = self.0.lock();
        keyrings.retain(|_, keyring| keyring.strong_count() > 0);
        if let Some(keyring) = keyrings.get(&user).and_then(Weak::upgrade) {
            return keyring;
        }
        let keyring = Arc::new(Keyring {
            user,
            name: name.to_owned(),
            role,
            materials: object::Materials::default(),
            counts: object::Counts::default(),
            key,
            recovery,
        });
        keyrings.insert(user, Arc::downgrade(&keyring));
        keyring
    }
}

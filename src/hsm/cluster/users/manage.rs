//! What an admin does with users, and what a user does with its own password. Each is one commit,
//! under the lock of changes; the slow part, Argon2, comes before the lock.

use std::sync::Arc;

use crypto::Secret;
use store::{Batch, Condition, Urgency};
use token::{Error, Reason, Result, Role, SecretBytes, limits};

use super::{
    DEFAULT_USER, Keyring, Login, UserRecord, check_name, folded, password::Stretched, role_name,
};
use crate::{
    audit::Event,
    cluster::{
        Caller, Cluster,
        record::{Marks, USERS},
    },
    failure::{damaged, internal, stored},
    object, sealing,
    sealing::Opened,
};

impl Cluster {
    /// Makes a user.
    pub(crate) fn create_user(
        &self,
        caller: &Caller,
        name: &str,
        role: Role,
        password: &SecretBytes,
    ) -> Result<()> {
        let recovery = recovery(caller)?;
        check_name(name)?;
        let name = &folded(name);
        let password = Stretched::new(&self.gate, caller.uid, password)?;
        let _changes = self.changes.lock();
        if self.answered(caller)?.is_some() {
            return Ok(());
        }
        let key = self.user_key(role, name);
        if self.user(&key)?.is_some() {
            return Err(Error::new(Reason::AlreadyExists, called(role, name)));
        }
        let users = self.records.store().count(USERS).map_err(stored)?;
        if users >= limits::USERS as u64 {
            return Err(Error::new(
                Reason::LimitExceeded,
                format!("a cluster has at most {} users", limits::USERS),
            ));
        }
        let mut marks = self.marks.lock();
        let number = marks.record.next_user;
        let record = new_user(self, number, name, role, &password, recovery)?;
        let value = self.encode(&key, &record)?;
        let next = Marks {
            next_user: number.saturating_add(1),
            ..marks.record.clone()
        };
        self.move_marks(&mut marks, next, |mut batch| {
            batch.expect.push((key.clone(), Condition::Absent));
            batch.write.push((key, Some(value)));
            self.commit(
                caller,
                batch,
                &[Event::UserCreated {
                    name: name.clone(),
                    role,
                }],
            )
        })?;
        Ok(())
    }

    /// Deletes a user that owns nothing and is not logged in.
    pub(crate) fn delete_user(&self, caller: &Caller, name: &str, role: Role) -> Result<()> {
        recovery(caller)?;
        let _changes = self.changes.lock();
        if self.answered(caller)?.is_some() {
            return Ok(());
        }
        let key = self.user_key(role, name);
        let Some(Opened { sealed, record }) = self.user(&key)? else {
            return Err(Error::new(Reason::NotFound, called(role, name)));
        };
        let refused = |why: &str| {
            Err(Error::new(
                Reason::ClusterState,
                format!("{} {why}", called(role, name)),
            ))
        };
        if self.keyrings.of(record.number).is_some() {
            return refused("is logged in: it has to log out first");
        }
        if role == Role::Admin && self.admins()? < 2 {
            return refused("is the last admin");
        }
        if object::owns_any(self, record.number)? {
            return refused("owns keys or other objects: they have to be deleted first");
        }
        let batch = Batch {
            expect: vec![(key.clone(), Condition::Equals(sealed))],
            write: vec![(key, None)],
            urgency: Urgency::Reserve,
            ..Batch::default()
        };
        self.commit(
            caller,
            batch,
            &[Event::UserDeleted {
                name: record.name,
                role,
            }],
        )?;
        self.drop_resumes_of(record.number);
        Ok(())
    }

    /// Sets the password of a user that is not logged in, or the admin's own, and unlocks it.
    pub(crate) fn set_password(
        &self,
        caller: &Caller,
        name: &str,
        role: Role,
        password: &SecretBytes,
    ) -> Result<()> {
        let recovery = recovery(caller)?;
        let password = Stretched::new(&self.gate, caller.uid, password)?;
        let _changes = self.changes.lock();
        if self.answered(caller)?.is_some() {
            return Ok(());
        }
        let key = self.user_key(role, name);
        let Some(Opened { sealed, mut record }) = self.user(&key)? else {
            return Err(Error::new(Reason::NotFound, called(role, name)));
        };
        let own = caller
            .user
            .as_ref()
            .filter(|user| user.user == record.number);
        if own.is_none() && self.keyrings.of(record.number).is_some() {
            let text = format!(
                "{} is logged in: it has to log out first",
                called(role, name)
            );
            return Err(Error::new(Reason::ClusterState, text));
        }
        match (role, own) {
            (_, Some(keyring)) => {
                record.password = password.wrap(&self.sealing, record.number, keyring.key())?;
            }
            (Role::CryptoUser, None) => {
                let user_key = sealing::open_secret(
                    recovery,
                    &recovery_purpose(record.number),
                    &record.recovery,
                )
                .ok_or_else(|| damaged("a user's key does not open with the recovery key"))?;
                record.password = password.wrap(&self.sealing, record.number, &user_key)?;
            }
            // Nobody else can open another admin's user key, and it opens nothing but the
            // recovery key: it gets a new one.
            (Role::Admin, None) => {
                let fresh = new_user(self, record.number, name, role, &password, recovery)?;
                record.password = fresh.password;
                record.recovery = fresh.recovery;
            }
        }
        record.password_version = record.password_version.saturating_add(1);
        record.failures = 0;
        let value = self.encode(&key, &record)?;
        let batch = Batch {
            expect: vec![(key.clone(), Condition::Equals(sealed))],
            write: vec![(key, Some(value))],
            ..Batch::default()
        };
        self.commit(
            caller,
            batch,
            &[Event::PasswordSet {
                name: record.name,
                role,
            }],
        )?;
        self.drop_resumes_of(record.number);
        Ok(())
    }

    /// Forgets a user's wrong passwords. It is the operator's, because an admin may be the user.
    pub(crate) fn unlock_user(&self, caller: &Caller, name: &str, role: Role) -> Result<()> {
        let _changes = self.changes.lock();
        if self.answered(caller)?.is_some() {
            return Ok(());
        }
        let key = self.user_key(role, name);
        let Some(Opened { sealed, mut record }) = self.user(&key)? else {
            return Err(Error::new(Reason::NotFound, called(role, name)));
        };
        record.failures = 0;
        let value = self.encode(&key, &record)?;
        let batch = Batch {
            expect: vec![(key.clone(), Condition::Equals(sealed))],
            write: vec![(key, Some(value))],
            urgency: Urgency::Reserve,
            ..Batch::default()
        };
        let name = record.name;
        self.commit(caller, batch, &[Event::UserUnlocked { name, role }])?;
        Ok(())
    }

    /// Changes the password of the user that is logged in. This login goes on; after a restart of
    /// hsmd the user's other ones do not.
    pub(crate) fn change_password(
        &self,
        caller: &Caller,
        login: &Login,
        old: &SecretBytes,
        new: &SecretBytes,
    ) -> Result<()> {
        if self.answered(caller)?.is_some() {
            return Ok(());
        }
        let Keyring {
            user, name, role, ..
        } = login.keyring.as_ref();
        let password = Stretched::new(&self.gate, caller.uid, new)?;
        loop {
            let verified = self.verify(
                &Caller {
                    request: None,
                    ..caller.clone()
                },
                *role,
                name,
                old,
            )?;
            let _changes = self.changes.lock();
            if self.answered(caller)?.is_some() {
                return Ok(());
            }
            let Some(Opened { sealed, mut record }) = self.unchanged(&verified)? else {
                continue;
            };
            record.password = password.wrap(&self.sealing, *user, login.keyring.key())?;
            record.password_version = record.password_version.saturating_add(1);
            record.failures = 0;
            let key = verified.key;
            let value = self.encode(&key, &record)?;
            let mut batch = Batch {
                expect: vec![(key.clone(), Condition::Equals(sealed))],
                write: vec![(key, Some(value))],
                ..Batch::default()
            };
            batch
                .write
                .extend(self.kept_resume(&login.id, record.password_version)?);
            let event = Event::PasswordChanged {
                name: name.clone(),
                role: *role,
            };
            self.commit(caller, batch, &[event])?;
            self.drop_resumes(|id, resume| resume.user == *user && *id != login.id);
            return Ok(());
        }
    }

    /// `C_InitPIN`: makes the default crypto user, or sets its password.
    pub(crate) fn initialize_pin(&self, caller: &Caller, pin: &SecretBytes) -> Result<()> {
        if self.answered(caller)?.is_some() {
            return Ok(());
        }
        if self.has_user(Role::CryptoUser, DEFAULT_USER)? {
            self.set_password(caller, DEFAULT_USER, Role::CryptoUser, pin)
        } else {
            self.create_user(caller, DEFAULT_USER, Role::CryptoUser, pin)
        }
    }

    fn admins(&self) -> Result<usize> {
        Ok(self
            .user_records()?
            .iter()
            .filter(|user| user.role == Role::Admin)
            .count())
    }
}

/// The record of a user that has never been: its key is new.
pub(in crate::cluster) fn new_user(
    cluster: &Cluster,
    number: u64,
    name: &str,
    role: Role,
    password: &Stretched,
    recovery: &Secret,
) -> Result<UserRecord> {
    let user_key = Secret::random(32).map_err(internal)?;
    let recovery = match role {
        Role::CryptoUser => sealing::seal(recovery, &recovery_purpose(number), user_key.reveal())?,
        Role::Admin => sealing::seal(&user_key, &recovery_purpose(number), recovery.reveal())?,
    };
    Ok(UserRecord {
        number,
        name: name.to_owned(),
        role,
        password_version: 1,
        password: password.wrap(&cluster.sealing, number, &user_key)?,
        recovery,
        failures: 0,
    })
}

/// The recovery key, from an admin's record and key.
pub(super) fn open_recovery(user_key: &Secret, admin: &UserRecord) -> Option<Secret> {
    sealing::open_secret(user_key, &recovery_purpose(admin.number), &admin.recovery)
}

/// The recovery key, if the caller is an admin.
fn recovery(caller: &Caller) -> Result<&Secret> {
    let keyring: Option<&Arc<Keyring>> = caller.user.as_ref();
    keyring
        .and_then(|keyring| keyring.recovery())
        .ok_or_else(|| Error::new(Reason::UserNotLoggedIn, "an admin has to be logged in"))
}

fn recovery_purpose(number: u64) -> Vec<u8> {
    [
        b"strongroom/1/user-key/recovery/".as_slice(),
        &number.to_be_bytes(),
    ]
    .concat()
}

fn called(role: Role, name: &str) -> String {
    format!("the {} {}", role_name(role), name.escape_debug())
}

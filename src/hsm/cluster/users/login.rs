//! Logging in and out. A wrong password is counted, durably, before it is answered.

use std::sync::Arc;

use crypto::Secret;
use store::{Batch, Condition, Urgency};
use token::{ClusterState, Error, Reason, Result, Role, SecretBytes, SlotId, Ticket, limits};

use super::{DEFAULT_USER, Keyring, UserRecord, manage, password, resume, role_name};
use crate::{
    audit::{self, Event},
    cluster::{Caller, Cluster},
    failure::{damaged, internal},
    sealing::Opened,
};

/// A login of one application on one slot.
pub(crate) struct Login {
    pub(crate) keyring: Arc<Keyring>,
    /// Names its resume record.
    pub(crate) id: [u8; 16],
}

/// A user that has shown the right password.
pub(super) struct Verified {
    /// Where its record stands.
    pub(super) key: Vec<u8>,
    number: u64,
    password_version: u64,
    user_key: Secret,
}

impl Cluster {
    /// Logs a user in, for one application on one slot.
    pub(crate) fn login(
        &self,
        slot: SlotId,
        caller: &Caller,
        role: Role,
        name: &str,
        password: &SecretBytes,
    ) -> Result<(Login, Ticket)> {
        if self.state() != ClusterState::Active {
            return Err(Reason::TokenNotPresent.into());
        }
        loop {
            let verified = self.verify(caller, role, name, password)?;
            let _changes = self.changes.lock();
            if let Some(user) = self.unchanged(&verified)? {
                return self.admit(slot, caller, user, verified);
            }
        }
    }

    /// Ends a login; the ticket that it gave is worth nothing from now on.
    pub(crate) fn logout(&self, caller: &Caller, login: &Login) -> Result<()> {
        let Keyring { name, role, .. } = login.keyring.as_ref();
        let batch = Batch {
            write: vec![(resume::key(&login.id), None)],
            urgency: Urgency::Reserve,
            ..Batch::default()
        };
        let event = Event::LoggedOut {
            name: name.clone(),
            role: *role,
        };
        self.commit(caller, batch, &[event])?;
        Ok(())
    }

    /// Whether `password` is the user's; a wrong one counts, and a right one ends a row of wrong ones.
    pub(crate) fn check_password(
        &self,
        caller: &Caller,
        role: Role,
        name: &str,
        password: &SecretBytes,
    ) -> Result<()> {
        // The request is not done with this.
        let caller = Caller {
            request: None,
            ..caller.clone()
        };
        loop {
            let verified = self.verify(&caller, role, name, password)?;
            let _changes = self.changes.lock();
            let Some(mut user) = self.unchanged(&verified)? else {
                continue;
            };
            let mut batch = Batch {
                urgency: Urgency::Reserve,
                ..Batch::default()
            };
            if self.pardon(&verified.key, &mut user, &mut batch)? {
                self.commit(&caller, batch, &[])?;
            }
            return Ok(());
        }
    }

    /// The user of this name, if `password` is the right one.
    pub(super) fn verify(
        &self,
        caller: &Caller,
        role: Role,
        name: &str,
        password: &SecretBytes,
    ) -> Result<Verified> {
        // No password is as long, so this tells nothing and costs nothing.
        if password.len() > limits::PIN_BYTES_MAX {
            return Err(Reason::PinIncorrect.into());
        }
        let key = self.user_key(role, name);
        let failures = || Ok(self.user(&key)?.map_or(0, |user| user.record.failures));
        let _attempt = match self.attempts.begin(&key, failures) {
            // It costs and is noted as any wrong password: a locked name is no free question.
            Err(error) if error.reason == Reason::PinLocked => {
                password::stretch_for_nothing(&self.gate, caller.uid, password)?;
                self.refused(caller, role, &key)?;
                return Err(error);
            }
            attempt => attempt?,
        };
        let Some(Opened { record, .. }) = self.user(&key)? else {
            password::stretch_for_nothing(&self.gate, caller.uid, password)?;
            self.refused(caller, role, &key)?;
            // Not the name that was claimed: it may be what a PIN has before a colon.
            let mut words = format!("there is no {} of that name", role_name(role));
            if role == Role::CryptoUser && name == DEFAULT_USER {
                words += ": a PIN without one means `user`, and others log in with name:password";
            }
            return Err(Error::new(Reason::UserPinNotInitialized, words));
        };
        match record
            .password
            .open(self, caller.uid, record.number, password)?
        {
            Some(user_key) => {
                self.gate.succeeded(caller.uid);
                Ok(Verified {
                    key,
                    number: record.number,
                    password_version: record.password_version,
                    user_key,
                })
            }
            None => {
                self.refused(caller, role, &key)?;
                Err(Reason::PinIncorrect.into())
            }
        }
    }

    /// The user's record, if it is still the user and the password that were verified. The caller
    /// holds the lock of changes.
    pub(super) fn unchanged(&self, verified: &Verified) -> Result<Option<Opened<UserRecord>>> {
        // A user that was deleted meanwhile may have been followed by another of its name.
        let same = |record: &UserRecord| {
            record.number == verified.number && record.password_version == verified.password_version
        };
        Ok(self.user(&verified.key)?.filter(|user| same(&user.record)))
    }

    /// The keyring of a user whose key is known.
    pub(super) fn keyring(&self, record: &UserRecord, user_key: Secret) -> Result<Arc<Keyring>> {
        let recovery = match record.role {
            Role::CryptoUser => None,
            Role::Admin => Some(
                manage::open_recovery(&user_key, record)
                    .ok_or_else(|| damaged("an admin's recovery key was altered"))?,
            ),
        };
        Ok(self
            .keyrings
            .admit(record.number, &record.name, record.role, user_key, recovery))
    }

    fn admit(
        &self,
        slot: SlotId,
        caller: &Caller,
        mut user: Opened<UserRecord>,
        verified: Verified,
    ) -> Result<(Login, Ticket)> {
        let Verified { key, user_key, .. } = verified;
        let ticket = Ticket {
            login: crypto::random::array().map_err(internal)?,
            secret: SecretBytes::copied(Secret::random(32).map_err(internal)?.reveal()),
        };
        let mut batch = Batch {
            urgency: Urgency::Reserve,
            ..Batch::default()
        };
        if self.resumable.enabled() {
            batch
                .write
                .push(self.resume_record(slot, caller, &user.record, &user_key, &ticket)?);
        }
        self.pardon(&key, &mut user, &mut batch)?;
        let record = user.record;
        let keyring = self.keyring(&record, user_key)?;
        let event = Event::LoggedIn {
            name: record.name,
            role: record.role,
        };
        self.commit(caller, batch, &[event])?;
        Ok((
            Login {
                keyring,
                id: ticket.login,
            },
            ticket,
        ))
    }

    /// No wrong password stands between a right one and the next: what writes that, if one did.
    fn pardon(&self, key: &[u8], user: &mut Opened<UserRecord>, batch: &mut Batch) -> Result<bool> {
        let Opened { sealed, record } = user;
        if record.failures == 0 {
            return Ok(false);
        }
        record.failures = 0;
        let value = self.encode(key, record)?;
        batch
            .expect
            .push((key.to_vec(), Condition::Equals(sealed.clone())));
        batch.write.push((key.to_vec(), Some(value)));
        Ok(true)
    }

    /// Counts a wrong password against whoever stands under `key`.
    fn refused(&self, caller: &Caller, role: Role, key: &[u8]) -> Result<()> {
        self.gate.failed(caller.uid);
        let _changes = self.changes.lock();
        let mut batch = Batch {
            urgency: Urgency::Reserve,
            ..Batch::default()
        };
        let (mut locked, mut name) = (false, audit::UNKNOWN.to_owned());
        if let Some(Opened { sealed, mut record }) = self.user(key)? {
            // Tries on a locked user are noted, and do not count.
            if !record.locked() {
                record.failures = record.failures.saturating_add(1);
                let value = self.encode(key, &record)?;
                batch.expect.push((key.to_vec(), Condition::Equals(sealed)));
                batch.write.push((key.to_vec(), Some(value)));
            }
            locked = record.locked();
            name = record.name;
        }
        self.commit(caller, batch, &[Event::LoginRefused { name, role, locked }])?;
        Ok(())
    }
}

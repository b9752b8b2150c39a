//! Logins that outlive hsmd: the record that lets an application take its login up again after a
//! crash or an upgrade. Without the ticket that the application alone has, it opens nothing.

use std::collections::HashSet;

use crypto::Secret;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use store::{Batch, Urgency};
use token::{ApplicationId, Error, Reason, Result, Role, SlotId, Ticket};

use super::{Login, UserRecord};
use crate::{
    audit::Event,
    cluster::{Caller, Cluster, record::RESUMES},
    failure::stored,
    sealing::{self, Opened, Records},
};

/// Deletions in one batch.
const BATCH: usize = 64;

/// One write of a batch.
type Write = (Vec<u8>, Option<Vec<u8>>);

/// A login, as it stands in the database.
#[derive(Serialize, Deserialize)]
pub(super) struct ResumeRecord {
    application: [u8; 16],
    uid: u32,
    slot: u64,
    /// The user's number.
    pub(super) user: u64,
    role: Role,
    name: String,
    password_version: u64,
    #[serde(with = "serde_bytes")]
    user_key: Vec<u8>,
}

/// Which logins of the time before the start may still be taken up.
pub(crate) struct Resumable {
    /// Whether logins are written down at all: in embedded mode the application dies with them.
    enabled: bool,
    left: Mutex<HashSet<[u8; 16]>>,
}

impl Resumable {
    pub(crate) fn open(records: &Records, enabled: bool) -> Result<Self> {
        let mut left = HashSet::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = records
                .store()
                .scan(&[RESUMES], after.as_deref(), BATCH)
                .map_err(stored)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            left.extend(page.iter().filter_map(|(key, _)| login_of(key)));
        }
        Ok(Self {
            enabled,
            left: Mutex::new(left),
        })
    }

    pub(super) fn enabled(&self) -> bool {
        self.enabled
    }
}

impl Cluster {
    /// Takes up a login from before the start of the engine.
    pub(crate) fn resume(&self, slot: SlotId, caller: &Caller, ticket: &Ticket) -> Result<Login> {
        let refused = || Error::new(Reason::UserNotLoggedIn, "this login cannot be taken up");
        if !self.resumable.left.lock().contains(&ticket.login) {
            return Err(refused());
        }
        let _changes = self.changes.lock();
        let key = key(&ticket.login);
        let Opened { record, .. } = self.read::<ResumeRecord>(&key)?.ok_or_else(refused)?;
        let same = record.application == caller.application.0
            && record.uid == caller.uid
            && record.slot == slot.0;
        let resume_key = self.sealing.resume_key(ticket.secret.reveal());
        let user_key = sealing::open_secret(&resume_key, &purpose(&ticket.login), &record.user_key);
        let user = self
            .user(&self.user_key(record.role, &record.name))?
            .map(|user| user.record);
        let current = |user: &UserRecord| {
            user.number == record.user && user.password_version == record.password_version
        };
        let (true, Some(user_key), Some(user)) = (same, user_key, user.filter(current)) else {
            return Err(refused());
        };
        let keyring = self.keyring(&user, user_key)?;
        let batch = Batch {
            urgency: Urgency::Reserve,
            ..Batch::default()
        };
        let event = Event::LoginResumed {
            name: user.name,
            role: user.role,
        };
        self.commit(caller, batch, &[event])?;
        self.resumable.left.lock().remove(&ticket.login);
        Ok(Login {
            keyring,
            id: ticket.login,
        })
    }

    /// Whether logins from before the start still wait for their applications.
    pub(crate) fn has_unresumed(&self) -> bool {
        !self.resumable.left.lock().is_empty()
    }

    /// The time for taking logins up is over: what was not taken up is dropped.
    pub(crate) fn drop_unresumed(&self) {
        let left = std::mem::take(&mut *self.resumable.left.lock());
        self.end_unresumed(|id| left.contains(id));
    }

    /// The engine ends as it should: no login outlives it.
    pub(crate) fn drop_all_resumes(&self) {
        self.end_unresumed(|_| true);
    }

    pub(super) fn drop_resumes_of(&self, user: u64) {
        self.drop_resumes(|_, resume| resume.user == user);
    }

    /// Drops the records that `which` picks. What cannot be dropped now (the disk may be full) is
    /// worth nothing any more, and goes at the next start.
    pub(super) fn drop_resumes(&self, which: impl Fn(&[u8; 16], &ResumeRecord) -> bool) {
        if let Err(error) = self.try_drop_resumes(which) {
            log::warn!("{}: old logins are still in the database: {error}", self.id);
        }
    }

    /// The record that lets the ticket's holder take the login up.
    pub(super) fn resume_record(
        &self,
        slot: SlotId,
        caller: &Caller,
        user: &UserRecord,
        user_key: &Secret,
        ticket: &Ticket,
    ) -> Result<Write> {
        let resume_key = self.sealing.resume_key(ticket.secret.reveal());
        let record = ResumeRecord {
            application: caller.application.0,
            uid: caller.uid,
            slot: slot.0,
            user: user.number,
            role: user.role,
            name: user.name.clone(),
            password_version: user.password_version,
            user_key: sealing::seal(&resume_key, &purpose(&ticket.login), user_key.reveal())?,
        };
        let key = key(&ticket.login);
        let value = self.encode(&key, &record)?;
        Ok((key, Some(value)))
    }

    /// The record of a login that goes on under a new password.
    pub(super) fn kept_resume(
        &self,
        login: &[u8; 16],
        password_version: u64,
    ) -> Result<Option<Write>> {
        let key = key(login);
        let Some(Opened { record, .. }) = self.read::<ResumeRecord>(&key)? else {
            return Ok(None);
        };
        let value = self.encode(
            &key,
            &ResumeRecord {
                password_version,
                ..record
            },
        )?;
        Ok(Some((key, Some(value))))
    }

    /// Ends the logins that `which` picks: nobody has taken them up, and the log says that they
    /// are over.
    fn end_unresumed(&self, which: impl Fn(&[u8; 16]) -> bool) {
        if let Err(error) = self.try_end_unresumed(which) {
            log::warn!("{}: old logins are still in the database: {error}", self.id);
        }
    }

    fn try_end_unresumed(&self, which: impl Fn(&[u8; 16]) -> bool) -> Result<()> {
        for (key, Opened { record, .. }) in self.records.all::<ResumeRecord>(RESUMES)? {
            if !login_of(&key).is_some_and(|id| which(&id)) {
                continue;
            }
            let caller = Caller::new(ApplicationId(record.application), record.uid);
            let batch = Batch {
                write: vec![(key, None)],
                urgency: Urgency::Reserve,
                ..Batch::default()
            };
            let event = Event::LoggedOut {
                name: record.name,
                role: record.role,
            };
            self.commit(&caller, batch, &[event])?;
        }
        Ok(())
    }

    fn try_drop_resumes(&self, which: impl Fn(&[u8; 16], &ResumeRecord) -> bool) -> Result<()> {
        let all = self.records.all::<ResumeRecord>(RESUMES)?;
        let dropped: Vec<Vec<u8>> = all
            .into_iter()
            .filter(|(key, opened)| login_of(key).is_some_and(|id| which(&id, &opened.record)))
            .map(|(key, _)| key)
            .collect();
        for keys in dropped.chunks(BATCH) {
            let batch = Batch {
                write: keys.iter().map(|key| (key.clone(), None)).collect(),
                urgency: Urgency::Reserve,
                ..Batch::default()
            };
            self.records.store().commit(None, batch).map_err(stored)?;
        }
        Ok(())
    }
}

/// Where the record of a login stands.
pub(super) fn key(login: &[u8; 16]) -> Vec<u8> {
    [&[RESUMES][..], login].concat()
}

fn login_of(key: &[u8]) -> Option<[u8; 16]> {
    key.get(1..)?.try_into().ok()
}

fn purpose(login: &[u8; 16]) -> Vec<u8> {
    [b"strongroom/1/user-key/resume/".as_slice(), login].concat()
}

//! A session: its access, its seat, and behind one lock everything that only one verb may use at
//! a time.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use token::{Access, Error, ObjectHandle, Reason, Request, Result};

use crate::{
    memory::Memory,
    object::{Answer, Find},
    operation::Operations,
    seat::Seat,
    slots::Presence,
};

/// How many requests of a session are remembered whose answer the application has not settled.
const ANSWERS: usize = 1_024;

/// How many session objects a session collects before it looks which of them are gone.
const SWEEP_AT: usize = 64;

/// An open session.
pub(crate) struct Session {
    pub(crate) access: Access,
    pub(crate) seat: Arc<Seat>,
    active: Mutex<Active>,
}

/// What the verbs on a session wait for one another to use.
pub(crate) struct Active {
    pub(crate) operations: Operations,
    pub(crate) find: Option<Find>,
    /// The session objects that go with the session; some may be gone already.
    objects: Vec<ObjectHandle>,
    /// How many there are when the next look is taken at which are gone.
    sweep_at: usize,
    /// What each request answered that made session objects: these have no commit to remember it.
    answers: Vec<(u64, Answer)>,
    /// Keeps the cluster in its place; none once the session is closed.
    presence: Option<Presence>,
}

impl Session {
    pub(crate) fn new(access: Access, seat: Arc<Seat>, presence: Presence, memory: Memory) -> Self {
        let active = Active {
            operations: Operations::new(memory),
            find: None,
            objects: Vec::new(),
            sweep_at: SWEEP_AT,
            answers: Vec::new(),
            presence: Some(presence),
        };
        Self {
            access,
            seat,
            active: Mutex::new(active),
        }
    }

    /// The session for one verb; closed meanwhile, or its HSM gone: no verb.
    pub(crate) fn active(&self) -> Result<MutexGuard<'_, Active>> {
        let active = self.active.lock();
        let presence = active
            .presence
            .as_ref()
            .ok_or(Reason::SessionHandleInvalid)?;
        presence.check()?;
        Ok(active)
    }

    /// The same, for a verb that changes something on the token.
    pub(crate) fn must_write(&self) -> Result<()> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(Error::new(
                Reason::SessionReadOnly,
                "nothing on the token changes in it",
            )),
        }
    }

    /// Ends operations and searches, with the keys they hold.
    pub(crate) fn cancel(&self) {
        let mut active = self.active.lock();
        active.operations.cancel_all();
        active.find = None;
    }

    /// Ends the session, when the verb that uses it has ended; the session objects that go with it.
    pub(crate) fn close(&self) -> Vec<ObjectHandle> {
        let mut active = self.active.lock();
        active.operations.cancel_all();
        active.find = None;
        active.presence = None;
        std::mem::take(&mut active.objects)
    }
}

impl Active {
    /// Has the session object go with the session.
    pub(crate) fn own(&mut self, handle: ObjectHandle, seat: &Seat) {
        if self.objects.len() >= self.sweep_at {
            self.objects
                .retain(|object| seat.objects.get(object.0).is_some());
            self.sweep_at = SWEEP_AT.max(self.objects.len().saturating_mul(2));
        }
        self.objects.push(handle);
    }

    /// What `request` answered when it was asked the first time.
    pub(crate) fn answer(&self, request: Request) -> Option<&Answer> {
        let answer = self
            .answers
            .iter()
            .find(|(number, _)| *number == request.number);
        answer.map(|(_, answer)| answer)
    }

    /// Remembers what `request` answered, and forgets what is settled.
    pub(crate) fn remember(&mut self, request: Request, answer: Answer) {
        self.answers
            .retain(|(number, _)| *number >= request.settled);
        if self.answers.len() >= ANSWERS {
            self.answers.remove(0);
        }
        self.answers.push((request.number, answer));
    }
}

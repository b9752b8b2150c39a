//! The verbs that open and close sessions and log in and out: the client remembers what an hsmd that
//! has started again has to be told.

use std::sync::atomic::Ordering;

use token::{Access, Error, LoginAs, Reason, Result, SecretBytes, SessionHandle, SlotId, Ticket};

use super::{
    Client,
    connection::{Connection, Exchange},
    reach,
    verbs::bytes,
};
use crate::message::{Proof, Purpose, Verb};

impl Client {
    /// `open_session`.
    pub(super) fn open(&self, slot: SlotId, access: Access) -> Result<SessionHandle> {
        loop {
            let said = self.tell(&Verb::OpenSession(slot, access), &[])?;
            let session = said.answer?;
            if self.ledger.opened(session, slot, access, said.generation) {
                return Ok(session);
            }
        }
    }

    /// `close_session`.
    pub(super) fn close(&self, session: SessionHandle) -> Result<()> {
        self.say_once(&Verb::CloseSession(session), Reason::SessionHandleInvalid)?;
        self.ledger.closed(session);
        Ok(())
    }

    /// `close_sessions`.
    pub(super) fn close_all(&self, slot: SlotId) -> Result<()> {
        self.say::<()>(&Verb::CloseSessions(slot))?;
        self.ledger.closed_all(slot);
        Ok(())
    }

    /// `login`.
    pub(super) fn log_in(
        &self,
        session: SessionHandle,
        user: LoginAs,
        name: Option<&str>,
        pin: &SecretBytes,
    ) -> Result<Ticket> {
        loop {
            let said = self.tell(&Verb::Login(session, user, name, bytes(pin)), &[])?;
            if said.again
                && let Err(error) = &said.answer
                && error.reason == Reason::UserAlreadyLoggedIn
            {
                // The time before, and its ticket was lost with the answer.
                self.say::<()>(&Verb::Logout(session))?;
                continue;
            }
            if user == LoginAs::ContextSpecific
                && let Err(error) = &said.answer
                && (error.reason == Reason::PinLocked
                    || said.again && error.reason == Reason::UserNotLoggedIn)
            {
                // With its last attempt the user was logged out, now or the time before.
                self.ledger.logged_out(session);
            }
            let ticket: Ticket = said.answer?;
            if user == LoginAs::ContextSpecific {
                // It is for the operation that is active, and takes up nothing.
                if let Some(operations) = self.ledger.operations(session) {
                    operations.touch_all();
                }
                return Ok(ticket);
            }
            if self.ledger.logged_in(session, &ticket, said.generation) {
                return Ok(ticket);
            }
        }
    }

    /// `logout`.
    pub(super) fn log_out(&self, session: SessionHandle) -> Result<()> {
        self.say_once(&Verb::Logout(session), Reason::UserNotLoggedIn)?;
        self.ledger.logged_out(session);
        Ok(())
    }

    /// `end`: nobody is waited for, and nobody is started to be told. While other threads are in
    /// the middle of verbs, it goes over a connection of its own and wakes them.
    pub(super) fn end_application(&self) -> Result<()> {
        if self.ended.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let end = |mut connection: Box<Connection>| -> Exchange<()> {
            connection.exchange(&Verb::End, &[])
        };
        // One that waited may have been lost meanwhile, and the others with it.
        if !matches!(self.pool.take().map(end), Some(Ok(_))) {
            let attach = Purpose::Attach {
                secret: Proof::copied(&self.secret),
            };
            let _ = reach::once(&self.home, &self.descriptors, &attach).map(end);
        }
        self.pool.clear();
        Ok(())
    }

    /// Says a verb; one that is said again and answered with `done` has been done the time before.
    fn say_once(&self, verb: &Verb<'_>, done: Reason) -> Result<()> {
        let said = self.tell(verb, &[])?;
        match said.answer {
            Err(Error { reason, .. }) if said.again && reason == done => Ok(()),
            answer => answer,
        }
    }
}

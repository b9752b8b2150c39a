//! Sessions that stay open: a request borrows one and gives it back. None is opened or closed a
//! call.

use std::time::Instant;

use cryptoki::{context::Pkcs11, session::Session, slot::Slot};
use parking_lot::{Condvar, Mutex};

use super::Fault;
use crate::limits;

/// The sessions of one login.
pub(crate) struct Pool {
    pkcs11: Pkcs11,
    slot: Slot,
    most: usize,
    sessions: Mutex<Sessions>,
    returned: Condvar,
}

struct Sessions {
    idle: Vec<Session>,
    open: usize,
    closed: bool,
}

/// A borrowed session.
pub(crate) struct Lease<'a> {
    pool: &'a Pool,
    session: Option<Session>,
}

impl Pool {
    /// A pool with one session, which is logged in. At most `most` will be open.
    pub(crate) fn new(pkcs11: Pkcs11, slot: Slot, first: Session, most: usize) -> Self {
        let sessions = Sessions {
            idle: vec![first],
            open: 1,
            closed: false,
        };
        Self {
            pkcs11,
            slot,
            most: most.clamp(1, limits::SESSIONS),
            sessions: Mutex::new(sessions),
            returned: Condvar::new(),
        }
    }

    /// A session: an idle one, else a new one, else the next that is given back.
    pub(crate) fn lease(&self) -> Result<Lease<'_>, Fault> {
        let deadline = Instant::now() + limits::SESSION_WAIT;
        let mut sessions = self.sessions.lock();
        loop {
            if sessions.closed {
                return Err(Fault::Disconnected);
            }
            if let Some(session) = sessions.idle.pop() {
                return Ok(Lease {
                    pool: self,
                    session: Some(session),
                });
            }
            if sessions.open < self.most {
                sessions.open += 1;
                break;
            }
            if self
                .returned
                .wait_until(&mut sessions, deadline)
                .timed_out()
            {
                return Err(Fault::Busy);
            }
        }
        drop(sessions);
        // The login belongs to the slot: a new session is logged in.
        match self.pkcs11.open_rw_session(self.slot) {
            Ok(session) => Ok(Lease {
                pool: self,
                session: Some(session),
            }),
            Err(error) => {
                self.gone();
                Err(error.into())
            }
        }
    }

    /// Closes every session, and the borrowed ones when they come back. The login ends first.
    pub(crate) fn close(&self) {
        let mut sessions = self.sessions.lock();
        sessions.closed = true;
        let idle = std::mem::take(&mut sessions.idle);
        sessions.open -= idle.len();
        drop(sessions);
        self.returned.notify_all();
        let session = idle.first().map(|session| session.logout());
        match session {
            Some(Ok(())) => {}
            Some(Err(error)) => log::info!("logout: {error}"),
            // Every session is borrowed: any other does as well.
            None => drop(
                self.pkcs11
                    .open_ro_session(self.slot)
                    .and_then(|session| session.logout()),
            ),
        }
    }

    fn gone(&self) {
        self.sessions.lock().open -= 1;
        self.returned.notify_one();
    }
}

impl Lease<'_> {
    /// The session.
    pub(crate) fn session(&self) -> Result<&Session, Fault> {
        self.session.as_ref().ok_or(Fault::Disconnected)
    }

    /// The session is not given back: something is wrong with it.
    pub(crate) fn spoil(mut self) {
        drop(self.session.take());
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else {
            return self.pool.gone();
        };
        let mut sessions = self.pool.sessions.lock();
        if sessions.closed {
            drop(sessions);
            drop(session);
            return self.pool.gone();
        }
        sessions.idle.push(session);
        drop(sessions);
        self.pool.returned.notify_one();
    }
}

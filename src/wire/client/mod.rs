//! The client: an application of an hsmd. It keeps a pool of connections, one for each verb in
//! flight, and takes the application up again when hsmd has died and was started anew.

mod begun;
mod connection;
mod descriptors;
mod ledger;
mod line;
mod messages;
mod operations;
mod operator;
mod pool;
mod reach;
mod retry;
mod searches;
mod sessions;
#[cfg(test)]
mod tests;
mod verbs;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use parking_lot::Mutex;
use token::{Error, Hsm, Mode, Reason, Result};

use self::{
    connection::{Connection, Exchange},
    descriptors::Descriptors,
    ledger::Ledger,
    pool::Pool,
    reach::Unreached,
};
use crate::{
    Home,
    message::{Held, Proof, Purpose, Verb},
};

/// An application of the hsmd that serves a home. Dropping it ends the application.
pub struct Client {
    home: Home,
    shares_memory: bool,
    secret: Proof,
    pool: Pool,
    descriptors: Arc<Descriptors>,
    ledger: Ledger,
    /// Held while a connection is opened, so that one thread takes the application up for all.
    opening: Mutex<()>,
    /// Counts the application's own verbs after which an Init may be answered otherwise.
    changes: AtomicU64,
    ended: AtomicBool,
}

impl Client {
    /// Connects to the hsmd of `home` as a new application. Starts hsmd if nobody answers, this
    /// process's user owns the home and `start` allows it.
    pub fn connect(home: &Home) -> Result<Self> {
        if home.configuration().mode == Mode::Embedded {
            let text = format!(
                "{} is an embedded home (mode = \"embedded\"), which only one process at a time \
                 opens by itself; set mode = \"served\" in its strongroom.toml",
                home.path().display()
            );
            return Err(Error::new(Reason::HomeInvalid, text));
        }
        let descriptors = Arc::new(Descriptors::new());
        let connection = match reach::reach(home, &descriptors, &Purpose::New, Instant::now()) {
            Ok(connection) => connection,
            Err(Unreached::Error(error)) => return Err(error),
            Err(Unreached::Unknown) => return Err(Reason::Protocol.into()),
        };
        let client = Self {
            home: home.clone(),
            shares_memory: connection.has_slot(),
            secret: Proof::copied(&connection.secret),
            pool: Pool::default(),
            descriptors,
            ledger: Ledger::default(),
            opening: Mutex::new(()),
            changes: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        };
        log::info!(
            "hsmd of {} answers; verbs go through {}",
            home.path().display(),
            match client.shares_memory {
                true => "shared memory",
                false => "the socket alone",
            }
        );
        client.pool.put(connection);
        Ok(client)
    }

    /// Whether verbs that use a key go through memory that hsmd shares, or through the socket.
    pub fn shares_memory(&self) -> bool {
        self.shares_memory
    }

    /// Closes the descriptors that came with `fork`, in the child, without taking a lock or
    /// touching the heap. The child must leak the value afterwards (`std::mem::forget`): the
    /// application is still its parent's.
    pub fn abandon(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.descriptors.close_all();
    }

    /// A connection: one that waits, or a new one. If hsmd has started again since the last one
    /// was opened, the application is taken up first.
    fn connection(&self) -> Result<Box<Connection>> {
        if let Some(connection) = self.pool.take() {
            return Ok(connection);
        }
        if self.ended.load(Ordering::SeqCst) {
            return Err(Error::new(Reason::Unreachable, "the application has ended"));
        }
        let begun = Instant::now();
        let _one_at_a_time = self.opening.lock();
        let attach = Purpose::Attach {
            secret: Proof::copied(&self.secret),
        };
        let mut connection = match reach::reach(&self.home, &self.descriptors, &attach, begun) {
            Ok(mut connection) => {
                connection.generation = self.ledger.generation();
                connection
            }
            Err(Unreached::Error(error)) => return Err(error),
            Err(Unreached::Unknown) => self.resume_application()?,
        };
        if self.ended.load(Ordering::SeqCst) {
            // Its end was said before this connection, which may have brought it back to life.
            let _: Exchange<()> = connection.exchange(&Verb::End, &[]);
            return Err(Error::new(Reason::Unreachable, "the application has ended"));
        }
        Ok(connection)
    }

    /// Takes the application up with an hsmd that does not know it. If the connection is lost
    /// meanwhile, all is said again: an hsmd that knows the application may not know all of it.
    fn resume_application(&self) -> Result<Box<Connection>> {
        let resume = Purpose::Resume {
            secret: Proof::copied(&self.secret),
        };
        for _ in 0..ATTEMPTS {
            let begun = Instant::now();
            let mut connection = match reach::reach(&self.home, &self.descriptors, &resume, begun) {
                Ok(connection) => connection,
                Err(Unreached::Error(error)) => return Err(error),
                Err(Unreached::Unknown) => return Err(Reason::Protocol.into()),
            };
            let (generation, resumption) = self.ledger.next_life();
            self.changes.fetch_add(1, Ordering::AcqRel);
            let answer: Exchange<Vec<_>> =
                connection.exchange(&Verb::Resume(Held::Lent(&resumption)), &[]);
            connection.forget();
            match answer {
                Ok(Ok(slots)) => self.ledger.lost_logins(&slots),
                Ok(Err(error)) => {
                    // An application without its sessions would answer nonsense: the next verb
                    // finds it unknown and tries again.
                    let _: Exchange<()> = connection.exchange(&Verb::End, &[]);
                    return Err(error);
                }
                Err(_) => continue,
            }
            log::info!(
                "hsmd has started again; {} sessions taken up",
                resumption.sessions.len()
            );
            connection.generation = generation;
            return Ok(connection);
        }
        Err(Error::new(
            Reason::Unreachable,
            "hsmd dies again and again; its log says why",
        ))
    }
}

/// How often a verb is said before its client gives up.
const ATTEMPTS: usize = 5;

impl Drop for Client {
    fn drop(&mut self) {
        // hsmd would notice the end of the process; this is for hosts that go on.
        let _ = self.end();
    }
}

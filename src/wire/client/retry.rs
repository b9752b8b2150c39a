//! Saying a verb until it is answered: a connection that is lost takes one answer with it, so the
//! verb is said again over the next one, and what it needs is begun again first.

use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use token::{Error, Reason, Result, Started};

use super::{
    ATTEMPTS, Client,
    connection::{Connection, Exchange},
    ledger::Begun,
};
use crate::message::Verb;

/// An answer, and how it came.
pub(super) struct Said<T> {
    pub(super) answer: Result<T>,
    /// The life of hsmd in which it was given.
    pub(super) generation: u64,
    /// Whether the verb was said more than once: it may have been done the time before.
    pub(super) again: bool,
}

impl Client {
    /// Says a verb that may be said again as it is.
    pub(super) fn say<T: DeserializeOwned>(&self, verb: &Verb<'_>) -> Result<T> {
        self.attempt(|connection, _| connection.exchange(verb, &[]))?
            .answer
    }

    /// Says a verb; one that is said again and answered with `done` has been done the time before.
    pub(super) fn say_once(&self, verb: &Verb<'_>, done: Reason) -> Result<()> {
        let said = self.attempt(|connection, _| connection.exchange(verb, &[]))?;
        match said.answer {
            Err(error) if said.again && error.reason == done => Ok(()),
            answer => answer,
        }
    }

    /// Tries until there is an answer. The closure learns whether it is tried again.
    pub(super) fn attempt<T>(
        &self,
        mut exchange: impl FnMut(&mut Connection, bool) -> Exchange<T>,
    ) -> Result<Said<T>> {
        let mut losses = 0;
        loop {
            let again = losses > 0;
            let mut connection = self.connection()?;
            match exchange(&mut connection, again) {
                Ok(answer) => {
                    connection.forget();
                    let generation = connection.generation;
                    self.pool.put(connection);
                    return Ok(Said {
                        answer,
                        generation,
                        again,
                    });
                }
                Err(lost) => {
                    log::debug!("connection to hsmd lost: {}", lost.0);
                    // Those that wait have most likely been lost with it.
                    self.pool.clear();
                    losses += 1;
                    if losses == ATTEMPTS {
                        return Err(Error::new(Reason::Unreachable, lost.0.to_string()));
                    }
                }
            }
        }
    }
}

/// An operation, or a search, that a verb goes on with.
pub(super) struct GoesOn<'a> {
    pub(super) begun: &'a Mutex<Begun>,
    /// What ends it in hsmd.
    pub(super) end: Verb<'a>,
}

impl GoesOn<'_> {
    /// Brings hsmd to where this operation stands, if it may not be there: hsmd has started again
    /// since it began, or the last verb's answer was lost. One that hsmd has worked on is gone.
    pub(super) fn catch_up(&self, connection: &mut Connection, again: bool) -> Exchange<()> {
        let mut begun = self.begun.lock();
        let same_life = begun.generation == connection.generation;
        if !begun.is_active() || (same_life && !again) {
            return Ok(Ok(()));
        }
        if same_life {
            let _: Result<()> = connection.exchange(&self.end, &[])?;
        }
        if begun.touched {
            begun.end();
            let text = "hsmd has started again in the middle of the operation";
            return Ok(Err(Error::new(Reason::OperationNotInitialized, text)));
        }
        let answer: Result<()> = match begun.bound {
            Some(_) => connection
                .exchange_again::<Started>(&begun.said)?
                .map(|_| ()),
            None => connection.exchange_again(&begun.said)?,
        };
        match &answer {
            Ok(()) => begun.generation = connection.generation,
            Err(_) => begun.end(),
        }
        Ok(answer)
    }
}

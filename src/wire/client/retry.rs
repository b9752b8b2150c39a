//! Saying a verb until it is answered: a connection that is lost takes one answer with it, so the
//! verb is said again over the next one, and what it needs is begun again first.

use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use token::{Error, Reason, Result};

use super::{
    ATTEMPTS, Client,
    begun::Begun,
    connection::{Connection, Exchange},
};
use crate::message::{Reach, Verb, WithOutput};

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
        self.say_with(verb, &[])
    }

    /// The same, with data beside it.
    pub(super) fn say_with<T: DeserializeOwned>(&self, verb: &Verb<'_>, data: &[u8]) -> Result<T> {
        self.tell(verb, data)?.answer
    }

    /// The same, for output beside the answer.
    pub(super) fn say_for_output<T: DeserializeOwned + WithOutput>(
        &self,
        verb: &Verb<'_>,
        data: &[u8],
        mut output: Option<&mut [u8]>,
    ) -> Result<T> {
        let exchange = |connection: &mut Connection, _| {
            connection.exchange_output(verb, data, output.as_deref_mut())
        };
        self.attempt(exchange)?.answer
    }

    /// The same, and how the answer came.
    pub(super) fn tell<T: DeserializeOwned>(
        &self,
        verb: &Verb<'_>,
        data: &[u8],
    ) -> Result<Said<T>> {
        let reaches = verb.reach() != Reach::Nothing;
        if reaches {
            // What the verb changes must not change what began before it.
            self.settle();
        }
        let said = self.attempt(|connection, _| connection.exchange(verb, data));
        if reaches {
            self.changes.fetch_add(1, Ordering::AcqRel);
        }
        said
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

/// An operation that a verb goes on with.
pub(super) struct GoesOn<'a> {
    pub(super) begun: &'a Mutex<Begun>,
    /// What ends it in hsmd.
    pub(super) end: Verb<'a>,
}

impl GoesOn<'_> {
    /// Brings hsmd to where this operation stands, if it may not be there: it was not told of it
    /// yet, hsmd has started again since it began, or the last verb's answer was lost. One that
    /// hsmd has worked on is gone. An operation's Start travels with the verb that follows.
    pub(super) fn catch_up(&self, connection: &mut Connection, again: bool) -> Exchange<()> {
        let mut begun = self.begun.lock();
        let same_life = begun.generation == connection.generation;
        let unheard = begun.is_put_off();
        if !begun.is_active() || (same_life && !again && !unheard) {
            return Ok(Ok(()));
        }
        if same_life && !unheard {
            let _: Result<()> = connection.exchange(&self.end, &[])?;
        }
        if begun.touched {
            begun.fail();
            let text = "hsmd has started again in the middle of the operation";
            return Ok(Err(Error::new(Reason::OperationNotInitialized, text)));
        }
        if begun.bound.is_some() {
            connection.take_along(&begun.said);
            begun.tell(connection.generation);
            return Ok(Ok(()));
        }
        let answer: Result<()> = connection.exchange_again(&begun.said)?;
        match &answer {
            Ok(()) => begun.tell(connection.generation),
            Err(_) => begun.fail(),
        }
        Ok(answer)
    }
}

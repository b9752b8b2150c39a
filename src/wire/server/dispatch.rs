//! What a verb is answered: from the message to the engine and back, whatever becomes of either.

mod output;
mod verbs;

use std::{
    io,
    mem::take,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use serde::Serialize;
use token::{Error, Reason, Result, SessionHandle, SlotId};

use self::verbs::begin;
use super::{Tenant, line::Line, tally::Tally};
use crate::{
    buffer::Buffer,
    frame::{self, Fault, Kind},
    message::Verb,
};

/// Bytes of messages and outputs that are not counted: every connection may have them.
pub(super) const UNCOUNTED: usize = 256 * 1024;

/// Where answers are written: kept by a connection from verb to verb.
pub(super) struct Answer {
    frame: Buffer,
    output: Buffer,
    tally: Arc<Tally>,
    uid: u32,
    number: u32,
    /// Why the verb was not done, or not to its end.
    failure: Option<Reason>,
    /// What nobody has until the answer has been sent.
    given: Option<Given>,
    /// Whether there was no memory for an output, so that the engine was not asked for it.
    unasked: bool,
}

/// What an answer gives to the client, and the client loses with it.
enum Given {
    Session(SessionHandle),
    Event(SlotId),
}

impl Answer {
    /// One that may keep `kept` bytes from verb to verb.
    pub(super) fn new(tally: &Arc<Tally>, uid: u32, kept: usize) -> Self {
        let (frame, output) = (Buffer::new(), Buffer::keeping(kept));
        Self {
            frame,
            output,
            tally: Arc::clone(tally),
            uid,
            number: 0,
            failure: None,
            given: None,
            unasked: false,
        }
    }

    /// Sends the answer. What its client never hears of is taken back: it asks for another session,
    /// or for the event.
    pub(super) fn send(&mut self, line: &mut Line<'_>, tenant: &dyn Tenant) -> io::Result<()> {
        let given = self.given.take();
        let sent = line.send(self.frame.filled(), self.output.filled(), given.is_some());
        if let (Err(_), Some(given)) = (&sent, given) {
            let take_back = AssertUnwindSafe(|| match given {
                // It has gone by itself, or goes with its application.
                Given::Session(session) => drop(tenant.close_session(session)),
                Given::Event(slot) => tenant.slot_event_unheard(slot),
            });
            let _ = catch_unwind(take_back);
        }
        sent
    }

    /// Whether the verb may have done what it was asked for.
    pub(super) fn may_be_done(&self) -> bool {
        self.failure.is_none_or(Reason::leaves_doubt)
    }

    /// Forgets the answer.
    pub(super) fn clear(&mut self) {
        self.frame.clear();
        self.output.clear();
    }

    /// Answers a verb, after the Start that it brings along. A panic of the engine becomes an error
    /// of this verb alone.
    pub(super) fn of(
        &mut self,
        tenant: &dyn Tenant,
        number: u32,
        start: Option<Verb<'_>>,
        verb: Verb<'_>,
        data: &[u8],
    ) -> std::result::Result<(), Fault> {
        // Nothing of the verb before, which may have panicked.
        self.number = number;
        self.output.clear();
        self.given = None;
        self.unasked = false;
        let (name, ends, message) = (verb.name(), verb.ends_by_an_error(), verb.message());
        let say = || match start.map_or(Ok(()), |start| begin(tenant, start)) {
            Ok(()) => self.say(tenant, verb, data),
            Err(error) => self.error(error),
        };
        match catch_unwind(AssertUnwindSafe(say)) {
            Ok(written) => {
                // As the engine would have done it, had it been asked.
                match (take(&mut self.unasked), ends, message) {
                    (true, Some((session, operations)), _) => {
                        let _ = operations.map(|operation| tenant.cancel(session, operation));
                    }
                    (true, None, Some((session, operation))) => {
                        let _ = tenant.message_failed(session, operation);
                    }
                    _ => {}
                }
                written
            }
            Err(_) => {
                log::error!("a panic in `{name}` was caught; please report it");
                self.error(Reason::Internal.into())
            }
        }
    }

    /// Answers with an error.
    pub(super) fn error(&mut self, error: Error) -> std::result::Result<(), Fault> {
        self.write::<()>(Err(error))
    }

    fn write<T: Serialize>(&mut self, answer: Result<T>) -> std::result::Result<(), Fault> {
        if answer.is_err() {
            self.output.clear();
        }
        self.failure = answer.as_ref().err().map(|error| error.reason);
        frame::encode(
            &mut self.frame,
            Kind::Answer,
            self.number,
            &answer,
            self.output.len(),
        )
    }
}

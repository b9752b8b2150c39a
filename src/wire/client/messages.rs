//! The verbs that go on with more than one operation, or with one that has several messages: none of
//! them takes a Start along.

use serde::de::DeserializeOwned;
use serde_bytes::Bytes;
use token::{Hsm, Mechanism, ObjectHandle, Operation, Outcome, Produced, Result, SessionHandle};

use super::{
    Client,
    connection::{Connection, Exchange},
    operations::{After, begin_with, must_fit, note},
    verbs::capacity,
};
use crate::message::{Held, Verb};

impl Client {
    /// `start_check`.
    pub(super) fn begin_check(
        &self,
        session: SessionHandle,
        mechanism: &Mechanism,
        key: ObjectHandle,
        signature: &[u8],
    ) -> Result<()> {
        let active = self.active(session, Operation::Verify);
        active.settle();
        let (mechanism, signature) = (Held::Lent(mechanism), Bytes::new(signature));
        let verb = Verb::StartCheck(session, mechanism, key, signature);
        let said = self.attempt(|connection, again| {
            let answer = begin_with(connection, &verb, &active.end(), active.begun(), again)?;
            if let (Ok(()), Some(begun)) = (&answer, active.begun()) {
                let mut begun = begun.lock();
                begun.begin(connection.said(), connection.generation, None);
            }
            Ok(answer)
        })?;
        said.answer
    }

    /// `update_both`.
    pub(super) fn go_on_with_both(
        &self,
        session: SessionHandle,
        kinds: [Operation; 2],
        input: &[u8],
        mut output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let both = kinds.map(|kind| self.active(session, kind));
        // Asked of both before either answer counts: both operations end.
        let fit = both.each_ref().map(|active| active.refuse_too_long(input));
        fit.into_iter().collect::<Result<()>>()?;
        let [cipher, beside] = kinds;
        let verb = Verb::UpdateBoth(session, cipher, beside, capacity(output.as_deref()));
        let said = self.attempt(|connection, again| {
            let mut ready = Ok(());
            for active in &both {
                ready = ready.and(active.catch_up(connection, again)?);
            }
            if let Err(error) = ready {
                // The other one has not had this part either.
                for active in &both {
                    let _: Result<()> = connection.exchange(&active.end(), &[])?;
                }
                return Ok(Err(error));
            }
            connection.exchange_output(&verb, input, output.as_deref_mut())
        })?;
        if !matches!(said.answer, Ok(Produced::Needed(_))) {
            for active in &both {
                note(active.begun(), &said.answer, After::Touched);
            }
        }
        said.answer
    }

    /// `operation_state`.
    pub(super) fn save(
        &self,
        session: SessionHandle,
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        self.active(session, Operation::Digest).settle();
        let verb = Verb::OperationState(session, capacity(output.as_deref()));
        self.say_for_output(&verb, &[], output)
    }

    /// `set_operation_state`: what is active then cannot be begun again, so nothing is remembered.
    pub(super) fn load(
        &self,
        session: SessionHandle,
        state: &[u8],
        encryption: Option<ObjectHandle>,
        authentication: Option<ObjectHandle>,
    ) -> Result<()> {
        self.active(session, Operation::Digest).settle();
        let verb = Verb::SetOperationState(session, encryption, authentication);
        let answer = self.say_with(&verb, state);
        if let Some(operations) = self.ledger.operations(session) {
            operations.end_all_but_the_search();
        }
        answer
    }

    /// `message`, `message_next`.
    pub(super) fn message_with_output(
        &self,
        session: SessionHandle,
        operation: Operation,
        verb: &Verb<'_>,
        input: &[u8],
        mut output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        self.of_messages(session, operation, verb, input, |connection| {
            connection.exchange_output(verb, input, output.as_deref_mut())
        })
    }

    /// `message_begin`, `message_check`, `message_check_next`.
    pub(super) fn message_part<T: DeserializeOwned>(
        &self,
        session: SessionHandle,
        operation: Operation,
        verb: &Verb<'_>,
        input: &[u8],
    ) -> Result<T> {
        self.of_messages(session, operation, verb, input, |connection| {
            connection.exchange(verb, input)
        })
    }

    /// `message_end`.
    pub(super) fn end_messages(&self, session: SessionHandle, operation: Operation) -> Result<()> {
        let active = self.active(session, operation);
        let verb = Verb::MessageEnd(session, operation);
        let answer = self.of_messages(session, operation, &verb, &[], |connection| {
            connection.exchange(&verb, &[])
        });
        note(active.begun(), &answer, After::Ended);
        answer
    }

    /// A verb of an operation that goes on with the next message, whatever becomes of this one. It
    /// counts messages, so it is not begun again once there was one.
    fn of_messages<T>(
        &self,
        session: SessionHandle,
        operation: Operation,
        verb: &Verb<'_>,
        input: &[u8],
        mut exchange: impl FnMut(&mut Connection) -> Exchange<T>,
    ) -> Result<T> {
        if let Err(error) = must_fit(operation, input) {
            if let Some((session, operation)) = verb.message() {
                // Whether there was a message or not: the input's length is what is to tell.
                let _ = self.message_failed(session, operation);
            }
            return Err(error);
        }
        let active = self.active(session, operation);
        let said =
            self.attempt(
                |connection, again| match active.catch_up(connection, again)? {
                    Ok(()) => exchange(connection),
                    Err(error) => Ok(Err(error)),
                },
            )?;
        if let Some(begun) = active.begun() {
            begun.lock().touched = true;
        }
        said.answer
    }
}

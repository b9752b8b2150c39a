//! The verbs that begin, continue and end an operation or a search: the client remembers what
//! began it, so that it can be begun again with an hsmd that has started again.

use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use token::{
    Attribute, Error, Mechanism, ObjectHandle, Operation, Produced, Reason, Result, SessionHandle,
    Started, limits,
};

use super::{
    Client,
    connection::{Connection, Exchange},
    ledger::Begun,
    reach,
    retry::GoesOn,
};
use crate::message::{Held, Many, Purpose, Verb};

impl Client {
    /// `start`.
    pub(super) fn begin(
        &self,
        session: SessionHandle,
        operation: Operation,
        mechanism: &Mechanism,
        key: Option<ObjectHandle>,
    ) -> Result<Started> {
        let operations = self.ledger.operations(session);
        let begun = operations
            .as_ref()
            .map(|operations| operations.of(operation));
        let verb = Verb::Start(session, operation, Held::Lent(mechanism), key);
        let end = Verb::Cancel(session, operation);
        let said = self.attempt(|connection, again| {
            let answer: Result<Started> = begin_with(connection, &verb, &end, begun, again)?;
            if let (Ok(started), Some(begun)) = (&answer, begun) {
                begun.lock().begin(
                    connection.said(),
                    connection.generation,
                    Some(started.bound),
                );
            }
            Ok(answer)
        })?;
        said.answer
    }

    /// `find_start`.
    pub(super) fn begin_find(&self, session: SessionHandle, template: &[Attribute]) -> Result<()> {
        let operations = self.ledger.operations(session);
        let begun = operations.as_ref().map(|operations| operations.find());
        let verb = Verb::FindStart(session, Many::Lent(template));
        let said = self.attempt(|connection, again| {
            let answer = begin_with(connection, &verb, &Verb::FindEnd(session), begun, again)?;
            if let (Ok(()), Some(begun)) = (&answer, begun) {
                begun
                    .lock()
                    .begin(connection.said(), connection.generation, None);
            }
            Ok(answer)
        })?;
        said.answer
    }

    /// `find_next`.
    pub(super) fn go_on_find(
        &self,
        session: SessionHandle,
        limit: usize,
    ) -> Result<Vec<ObjectHandle>> {
        let operations = self.ledger.operations(session);
        let begun = operations.as_ref().map(|operations| operations.find());
        let verb = Verb::FindNext(session, limit as u64);
        let answer = self.continued(
            begun,
            || Verb::FindEnd(session),
            |connection| connection.exchange(&verb, &[]),
        );
        touch(begun, answer.is_ok());
        answer
    }

    /// `find_end`. A search that is gone with an hsmd has ended, too.
    pub(super) fn end_find(&self, session: SessionHandle) -> Result<()> {
        let operations = self.ledger.operations(session);
        let begun = operations.as_ref().map(|operations| operations.find());
        let was_active = begun.is_some_and(|begun| begun.lock().is_active());
        let answer = self.say(&Verb::FindEnd(session));
        finish(begun);
        match answer {
            Err(error) if was_active && error.reason == Reason::OperationNotInitialized => Ok(()),
            answer => answer,
        }
    }

    /// `transform`: a length query needs no round trip while nothing has been done.
    pub(super) fn finish(
        &self,
        session: SessionHandle,
        operation: Operation,
        verb: &Verb<'_>,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let operations = self.ledger.operations(session);
        let begun = operations
            .as_ref()
            .map(|operations| operations.of(operation));
        if output.is_none()
            && let Some(begun) = begun.map(Mutex::lock)
            && let (true, false, Some(bound)) = (begun.is_active(), begun.touched, begun.bound)
        {
            return Ok(Produced::Needed(bound.of(input.len())));
        }
        let answer = self.output_of(session, operation, begun, verb, input, output);
        if !matches!(answer, Ok(Produced::Needed(_))) {
            finish(begun);
        }
        answer
    }

    /// `produce`.
    pub(super) fn finish_without_input(
        &self,
        session: SessionHandle,
        operation: Operation,
        verb: &Verb<'_>,
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let operations = self.ledger.operations(session);
        let begun = operations
            .as_ref()
            .map(|operations| operations.of(operation));
        let answer = self.output_of(session, operation, begun, verb, &[], output);
        if !matches!(answer, Ok(Produced::Needed(_))) {
            finish(begun);
        }
        answer
    }

    /// `update`.
    pub(super) fn go_on(
        &self,
        session: SessionHandle,
        operation: Operation,
        verb: &Verb<'_>,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let operations = self.ledger.operations(session);
        let begun = operations
            .as_ref()
            .map(|operations| operations.of(operation));
        let answer = self.output_of(session, operation, begun, verb, input, output);
        if !matches!(answer, Ok(Produced::Needed(_))) {
            touch(begun, answer.is_ok());
        }
        answer
    }

    /// `absorb`.
    pub(super) fn take_in(
        &self,
        session: SessionHandle,
        operation: Operation,
        verb: &Verb<'_>,
        input: &[u8],
    ) -> Result<()> {
        let operations = self.ledger.operations(session);
        let begun = operations
            .as_ref()
            .map(|operations| operations.of(operation));
        self.refuse_too_long(session, operation, input)?;
        let answer = self.continued(
            begun,
            || Verb::Cancel(session, operation),
            |connection| connection.exchange(verb, input),
        );
        touch(begun, answer.is_ok());
        answer
    }

    /// `check`.
    pub(super) fn judge(
        &self,
        session: SessionHandle,
        operation: Operation,
        verb: &Verb<'_>,
        input: &[u8],
    ) -> Result<()> {
        let operations = self.ledger.operations(session);
        let begun = operations
            .as_ref()
            .map(|operations| operations.of(operation));
        self.refuse_too_long(session, operation, input)?;
        let answer = self.continued(
            begun,
            || Verb::Cancel(session, operation),
            |connection| connection.exchange(verb, input),
        );
        finish(begun);
        answer
    }

    /// Forgets an operation that was cancelled.
    pub(super) fn forget_operation(&self, session: SessionHandle, operation: Operation) {
        if let Some(operations) = self.ledger.operations(session) {
            finish(Some(operations.of(operation)));
        }
    }

    /// `end`: nobody is waited for, and nobody is started to be told. While other threads are in
    /// the middle of verbs, it goes over a connection of its own and wakes them.
    pub(super) fn end_application(&self) -> Result<()> {
        if self.ended.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let attach = Purpose::Attach {
            secret: self.secret,
        };
        let waiting = self.pool.take();
        if let Some(mut connection) =
            waiting.or_else(|| reach::once(&self.home, &self.descriptors, attach))
        {
            let _: Exchange<()> = connection.exchange(&Verb::End, &[]);
        }
        self.pool.clear();
        Ok(())
    }

    fn output_of(
        &self,
        session: SessionHandle,
        operation: Operation,
        begun: Option<&Mutex<Begun>>,
        verb: &Verb<'_>,
        input: &[u8],
        mut output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        self.refuse_too_long(session, operation, input)?;
        self.continued(
            begun,
            || Verb::Cancel(session, operation),
            |connection| connection.exchange_output(verb, input, output.as_deref_mut()),
        )
    }

    /// Says a verb that goes on with what has begun.
    fn continued<'a, T>(
        &self,
        begun: Option<&'a Mutex<Begun>>,
        end: impl FnOnce() -> Verb<'a>,
        mut exchange: impl FnMut(&mut Connection) -> Exchange<T>,
    ) -> Result<T> {
        let goes_on = begun.map(|begun| GoesOn { begun, end: end() });
        let said = self.attempt(|connection, again| {
            if let Some(goes_on) = &goes_on
                && let Err(error) = goes_on.catch_up(connection, again)?
            {
                return Ok(Err(error));
            }
            exchange(connection)
        })?;
        said.answer
    }

    /// Input that no message can carry: the operation ends as it does with every error.
    fn refuse_too_long(
        &self,
        session: SessionHandle,
        operation: Operation,
        input: &[u8],
    ) -> Result<()> {
        if input.len() <= limits::DATA_BYTES {
            return Ok(());
        }
        self.say::<()>(&Verb::Cancel(session, operation))?;
        self.forget_operation(session, operation);
        let text = format!("one call takes {} bytes; use Update", limits::DATA_BYTES);
        Err(Error::new(Reason::DataLenRange, text))
    }
}

/// Says the verb that begins something. Said again, it may find that it has begun the time before.
fn begin_with<T: serde::de::DeserializeOwned>(
    connection: &mut Connection,
    verb: &Verb<'_>,
    end: &Verb<'_>,
    begun: Option<&Mutex<Begun>>,
    again: bool,
) -> Exchange<T> {
    if again && !begun.is_some_and(|begun| begun.lock().is_active()) {
        let _: Result<()> = connection.exchange(end, &[])?;
    }
    connection.exchange(verb, &[])
}

/// Notes that hsmd has worked on the operation, or has ended it with an error.
fn touch(begun: Option<&Mutex<Begun>>, went_well: bool) {
    if let Some(mut begun) = begun.map(Mutex::lock) {
        match went_well {
            true => begun.touched = true,
            false => begun.end(),
        }
    }
}

/// Notes that the operation has ended.
fn finish(begun: Option<&Mutex<Begun>>) {
    if let Some(mut begun) = begun.map(Mutex::lock) {
        begun.end();
    }
}

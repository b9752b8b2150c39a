//! The verbs that begin, continue and end an operation: the client remembers what
//! began it, so that it can be begun again with an hsmd that has started again, and says an Init
//! whose answer it knows together with the verb that follows.

use std::sync::Arc;

use parking_lot::Mutex;
use token::{
    Error, Mechanism, ObjectHandle, Operation, Produced, Reason, Result, SessionHandle, Started,
    limits,
};

use super::{
    Client,
    begun::{Begun, Moment, Operations},
    connection::{Connection, Exchange},
    retry::GoesOn,
};
use crate::message::{Held, Verb};

/// What a good answer makes of an operation; a bad one ends it.
#[derive(Clone, Copy)]
pub(super) enum After {
    /// It can no longer be begun again.
    Touched,
    /// It has ended.
    Ended,
}

impl Client {
    /// `start`. One whose answer is known is put off until the verb that follows.
    pub(super) fn begin(
        &self,
        session: SessionHandle,
        operation: Operation,
        mechanism: &Mechanism,
        key: Option<ObjectHandle>,
    ) -> Result<Started> {
        let operations = self.ledger.operations(session);
        let verb = Verb::Start(session, operation, Held::Lent(mechanism), key);
        if let Some(operations) = &operations {
            // A login of its own is for the youngest of the Inits.
            if operations.has_put_off_another(operation) {
                self.settle_in(session, operations);
            }
            let mut begun = operations.of(operation).lock();
            if begun.is_put_off() {
                drop(begun);
                self.settle_in(session, operations);
            } else if !begun.is_active()
                && is_joined(operation)
                && let Some(started) = begun.recall(mechanism, key, &self.changes)
                && begun.put_off(operations, operation, started.bound, |said| {
                    postcard::to_extend(&verb, said).ok()
                })
            {
                return Ok(started);
            }
        }
        let begun = operations.as_ref().map(|of| of.of(operation));
        let end = Verb::Cancel(session, operation);
        let said = self.attempt(|connection, again| {
            let view = connection.view();
            let moment = view.map(|view| Moment::now(view, &self.changes));
            let answer: Result<Started> = begin_with(connection, &verb, &end, begun, again)?;
            if let (Ok(started), Some(mut begun)) = (&answer, begun.map(Mutex::lock)) {
                begun.begin_operation(connection.said(), connection.generation, started);
                if let Some(moment) = moment {
                    begun.learn(mechanism, key, started, moment);
                }
            }
            Ok(answer)
        })?;
        said.answer
    }

    /// Says every Init that was put off.
    pub(super) fn settle(&self) {
        for (session, operations) in self.ledger.putting_off() {
            self.settle_in(session, &operations);
        }
    }

    /// The same, in one session. What hsmd refuses has ended.
    pub(super) fn settle_in(&self, session: SessionHandle, operations: &Operations) {
        for operation in Operation::ALL {
            // Held all along: the verb that follows must not be faster.
            let mut begun = operations.of(operation).lock();
            if !begun.is_put_off() {
                continue;
            }
            let end = Verb::Cancel(session, operation);
            let said = self.attempt(|connection, again| {
                if again {
                    let _: Result<()> = connection.exchange(&end, &[])?;
                }
                let answer: Result<Started> = connection.exchange_again(&begun.said)?;
                Ok(answer.map(|_| ()))
            });
            match said {
                Ok(said) if said.answer.is_ok() => begun.tell(said.generation),
                _ => begun.fail(),
            }
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
        let active = self.active(session, operation);
        match output.is_none().then(|| active.foretell(input.len())) {
            Some(Some(needed)) => Ok(Produced::Needed(needed)),
            _ => active.output_of(verb, input, output, After::Ended),
        }
    }

    /// `produce`.
    pub(super) fn finish_without_input(
        &self,
        session: SessionHandle,
        operation: Operation,
        verb: &Verb<'_>,
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        self.active(session, operation)
            .output_of(verb, &[], output, After::Ended)
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
        self.active(session, operation)
            .output_of(verb, input, output, After::Touched)
    }

    /// `absorb`.
    pub(super) fn take_in(
        &self,
        session: SessionHandle,
        operation: Operation,
        verb: &Verb<'_>,
        input: &[u8],
    ) -> Result<()> {
        self.active(session, operation)
            .take(verb, input, After::Touched)
    }

    /// `check`.
    pub(super) fn judge(
        &self,
        session: SessionHandle,
        operation: Operation,
        verb: &Verb<'_>,
        input: &[u8],
    ) -> Result<()> {
        self.active(session, operation)
            .take(verb, input, After::Ended)
    }

    /// `cancel`: what hsmd has not been told of is forgotten here.
    pub(super) fn end_operation(&self, session: SessionHandle, operation: Operation) -> Result<()> {
        let active = self.active(session, operation);
        if let Some(mut begun) = active.begun().map(Mutex::lock)
            && begun.is_put_off()
        {
            begun.end();
            return Ok(());
        }
        let answer = self.say(&Verb::Cancel(session, operation));
        if answer.is_ok() {
            note(active.begun(), &answer, After::Ended);
        }
        answer
    }

    pub(super) fn active(&self, session: SessionHandle, operation: Operation) -> Active<'_> {
        Active {
            client: self,
            session,
            operation,
            operations: self.ledger.operations(session),
        }
    }

    /// Says a verb that goes on with what has begun and `end` would end.
    pub(super) fn continued<T>(
        &self,
        begun: Option<&Mutex<Begun>>,
        end: Verb<'_>,
        mut exchange: impl FnMut(&mut Connection) -> Exchange<T>,
    ) -> Result<T> {
        let goes_on = begun.map(|begun| GoesOn { begun, end });
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
}

/// An operation that a verb goes on with.
pub(super) struct Active<'a> {
    pub(super) client: &'a Client,
    session: SessionHandle,
    operation: Operation,
    /// None for a session that this client has not opened.
    operations: Option<Arc<Operations>>,
}

impl Active<'_> {
    pub(super) fn begun(&self) -> Option<&Mutex<Begun>> {
        let operations = self.operations.as_ref()?;
        Some(operations.of(self.operation))
    }

    /// Says what was put off in the session.
    pub(super) fn settle(&self) {
        if let Some(operations) = &self.operations {
            self.client.settle_in(self.session, operations);
        }
    }

    /// Has hsmd know of it, for a verb that takes no Start along.
    pub(super) fn catch_up(&self, connection: &mut Connection, again: bool) -> Exchange<()> {
        let Some(begun) = self.begun() else {
            return Ok(Ok(()));
        };
        let end = self.end();
        match (GoesOn { begun, end }).catch_up(connection, again)? {
            Ok(()) => connection.say_start(),
            Err(error) => Ok(Err(error)),
        }
    }

    /// How long the output can become, as long as hsmd would say the same.
    fn foretell(&self, input_len: usize) -> Option<usize> {
        let begun = self.begun()?.lock();
        let bound = begun.bound.filter(|_| begun.is_active() && !begun.touched);
        bound.map(|bound| bound.of(input_len))
    }

    /// A verb with output.
    fn output_of(
        &self,
        verb: &Verb<'_>,
        input: &[u8],
        mut output: Option<&mut [u8]>,
        after: After,
    ) -> Result<Produced> {
        self.refuse_too_long(input)?;
        let answer = self
            .client
            .continued(self.begun(), self.end(), |connection| {
                connection.exchange_output(verb, input, output.as_deref_mut())
            });
        if !matches!(answer, Ok(Produced::Needed(_))) {
            note(self.begun(), &answer, after);
        }
        answer
    }

    /// A verb without output.
    fn take(&self, verb: &Verb<'_>, input: &[u8], after: After) -> Result<()> {
        self.refuse_too_long(input)?;
        let answer = self
            .client
            .continued(self.begun(), self.end(), |connection| {
                connection.exchange(verb, input)
            });
        note(self.begun(), &answer, after);
        answer
    }

    /// Input that no message can carry: the operation ends as it does with every error.
    pub(super) fn refuse_too_long(&self, input: &[u8]) -> Result<()> {
        let Err(refused) = must_fit(self.operation, input) else {
            return Ok(());
        };
        match self.client.end_operation(self.session, self.operation) {
            Err(error) if error.reason != Reason::OperationNotInitialized => Err(error),
            _ => Err(refused),
        }
    }

    pub(super) fn end(&self) -> Verb<'static> {
        Verb::Cancel(self.session, self.operation)
    }
}

/// Whether a verb of `operation` can carry the input.
pub(super) fn must_fit(operation: Operation, input: &[u8]) -> Result<()> {
    if input.len() <= limits::DATA_BYTES {
        return Ok(());
    }
    let text = format!("one call takes {} bytes; use parts", limits::DATA_BYTES);
    Err(Error::new(operation.too_long(), text))
}

/// Whether a verb that goes on with an operation of this kind takes the Start along.
fn is_joined(operation: Operation) -> bool {
    use Operation::{
        Decrypt, Digest, Encrypt, MessageDecrypt, MessageEncrypt, MessageSign, MessageVerify, Sign,
        SignRecover, Verify, VerifyRecover,
    };
    match operation {
        Encrypt | Decrypt | Digest | Sign | Verify | SignRecover | VerifyRecover => true,
        MessageEncrypt | MessageDecrypt | MessageSign | MessageVerify => false,
    }
}

/// Says the verb that begins something. Said again, it may find that it has begun the time before.
pub(super) fn begin_with<T: serde::de::DeserializeOwned>(
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

/// Notes what an answer has made of an operation.
pub(super) fn note<T>(begun: Option<&Mutex<Begun>>, answer: &Result<T>, after: After) {
    let Some(mut begun) = begun.map(Mutex::lock) else {
        return;
    };
    match (answer, after) {
        (Ok(_), After::Touched) => begun.touched = true,
        (Ok(_), After::Ended) => begun.end(),
        // The verb was one of another beginning: what goes on goes on.
        (Err(error), _) if error.reason == Reason::OperationActive => {}
        (Err(_), _) => begun.fail(),
    }
}

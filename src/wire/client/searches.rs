//! The verbs of a search, which an hsmd that has started again is told of once more as long as
//! nothing has been found.

use token::{Attribute, ObjectHandle, Reason, Result, SessionHandle};

use super::{
    Client,
    operations::{After, begin_with, note},
};
use crate::message::{Many, Verb};

impl Client {
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
        let answer = self.continued(begun, Verb::FindEnd(session), |connection| {
            connection.exchange(&verb, &[])
        });
        note(begun, &answer, After::Touched);
        answer
    }

    /// `find_end`. A search that is gone with an hsmd has ended, too.
    pub(super) fn end_find(&self, session: SessionHandle) -> Result<()> {
        let operations = self.ledger.operations(session);
        let begun = operations.as_ref().map(|operations| operations.find());
        let was_active = begun.is_some_and(|begun| begun.lock().is_active());
        let answer = self.say(&Verb::FindEnd(session));
        note(begun, &answer, After::Ended);
        match answer {
            Err(error) if was_active && error.reason == Reason::OperationNotInitialized => Ok(()),
            answer => answer,
        }
    }
}

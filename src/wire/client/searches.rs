//! The verbs of a search. The first objects come with the answer to its beginning, and with them whether
//! there are more: most searches are one round trip. What is still to come is begun again with an hsmd that
//! has started again, as long as nothing has been given to the caller.

use std::vec;

use token::{Attribute, Error, Hsm, ObjectHandle, Reason, Result, SessionHandle};
use zeroize::Zeroizing;

use super::{
    Client,
    begun::{Moment, Operations},
    connection::{Connection, Exchange},
};
use crate::message::{Found, Many, Verb};

/// Objects that come with the answer to a search's beginning.
const AHEAD: usize = 64;

/// A search of a session, or none.
#[derive(Default)]
pub(super) struct Search {
    is_active: bool,
    /// What came and has not been asked for yet.
    ahead: vec::IntoIter<ObjectHandle>,
    /// The part that hsmd has; none when all of it is here, and it has ended there.
    rest: Option<Rest>,
    /// When it began.
    moment: Option<Moment>,
    /// How many logins its session had lost by then.
    lost_logins: u64,
}

/// A search that hsmd is in the middle of.
struct Rest {
    /// The verb that began it, as it was said.
    said: Zeroizing<Vec<u8>>,
    /// The life of hsmd in which it began.
    generation: u64,
    /// Whether the caller has objects of it, so that it cannot be begun again.
    is_touched: bool,
    /// Whether hsmd has no more objects.
    is_dry: bool,
}

impl Search {
    /// No search.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    /// No search, if its session has lost its login since.
    pub(super) fn end_without_its_login(&mut self, operations: &Operations) {
        if self.lost_logins != operations.lost_logins() {
            self.end();
        }
    }

    /// How many more are wanted than are here, from an hsmd that may have some.
    fn missing(&self, limit: usize) -> usize {
        match &self.rest {
            Some(rest) if !rest.is_dry => limit.saturating_sub(self.ahead.len()),
            _ => 0,
        }
    }

    /// Goes on in hsmd to have `limit` objects in all.
    fn go_on(
        &mut self,
        connection: &mut Connection,
        operations: &Operations,
        session: SessionHandle,
        limit: usize,
        again: bool,
    ) -> Exchange<Vec<ObjectHandle>> {
        // The connection may have been opened to an hsmd that has started again.
        self.end_without_its_login(operations);
        if !self.is_active {
            return Ok(Err(Reason::OperationNotInitialized.into()));
        }
        if let Err(error) = self.catch_up(connection, session, again)? {
            return Ok(Err(error));
        }
        match self.missing(limit) {
            0 => Ok(Ok(Vec::new())),
            missing => connection.exchange(&Verb::FindNext(session, missing as u64), &[]),
        }
    }

    /// Begins again in an hsmd that has started again, or whose last answer was lost.
    fn catch_up(
        &mut self,
        connection: &mut Connection,
        session: SessionHandle,
        again: bool,
    ) -> Exchange<()> {
        let Some(rest) = &mut self.rest else {
            return Ok(Ok(()));
        };
        let same_life = rest.generation == connection.generation;
        if same_life && !again {
            return Ok(Ok(()));
        }
        if same_life {
            let _: Result<()> = connection.exchange(&Verb::FindEnd(session), &[])?;
        }
        if rest.is_touched {
            let text = "hsmd has started again in the middle of the search";
            return Ok(Err(Error::new(Reason::OperationNotInitialized, text)));
        }
        let found: Result<Found> = connection.exchange_again(&rest.said)?;
        let found = match found {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        rest.generation = connection.generation;
        self.ahead = found.objects.into_iter();
        if found.is_over {
            self.rest = None;
        }
        Ok(Ok(()))
    }
}

impl Client {
    /// `find_start`.
    pub(super) fn begin_find(&self, session: SessionHandle, template: &[Attribute]) -> Result<()> {
        let Some(operations) = self.ledger.operations(session) else {
            return self.say(&Verb::FindStart(session, Many::Lent(template)));
        };
        // Held all along, as hsmd holds the session.
        let mut search = operations.search();
        if search.is_active {
            self.session(session)?;
            return Err(Reason::OperationActive.into());
        }
        let verb = Verb::Find(session, Many::Lent(template), AHEAD as u64);
        let (mut moment, mut said, mut lost_logins) = (None, Zeroizing::default(), 0);
        let answered = self.attempt(|connection, again| {
            if again {
                // It may have begun the time before.
                let _: Result<()> = connection.exchange(&Verb::FindEnd(session), &[])?;
            }
            lost_logins = operations.lost_logins();
            let view = connection.view();
            moment = view.map(|view| Moment::now(view, &self.changes));
            let found: Result<Found> = connection.exchange(&verb, &[])?;
            if found.as_ref().is_ok_and(|found| !found.is_over) {
                said = Zeroizing::new(connection.said().to_vec());
            }
            Ok(found)
        })?;
        let found = answered.answer?;
        let rest = (!found.is_over).then_some(Rest {
            said,
            generation: answered.generation,
            is_touched: false,
            is_dry: false,
        });
        *search = Search {
            is_active: true,
            ahead: found.objects.into_iter(),
            rest,
            moment,
            lost_logins,
        };
        Ok(())
    }

    /// `find_next`.
    pub(super) fn go_on_find(
        &self,
        session: SessionHandle,
        limit: usize,
    ) -> Result<Vec<ObjectHandle>> {
        let operations = self.ledger.operations(session);
        let active = operations.as_ref().map(|of| (of, of.search()));
        let Some((operations, mut search)) = active.filter(|(_, search)| search.is_active) else {
            let mut found: Vec<_> = self.say(&Verb::FindNext(session, limit as u64))?;
            found.truncate(limit);
            return Ok(found);
        };
        self.look_after(session, &search)?;
        let missing = search.missing(limit);
        let mut more = match missing {
            0 => Vec::new(),
            _ => {
                let answer = self
                    .attempt(|connection, again| {
                        search.go_on(connection, operations, session, limit, again)
                    })
                    .and_then(|said| said.answer);
                answer.inspect_err(|_| search.end())?
            }
        };
        // Asking may have found a new hsmd that does not know the login any more.
        search.end_without_its_login(operations);
        if !search.is_active {
            return Err(Reason::OperationNotInitialized.into());
        }
        let mut found: Vec<_> = search.ahead.by_ref().take(limit).collect();
        // More than were asked for have no place to go to.
        more.truncate(limit - found.len());
        found.extend(more);
        if let Some(rest) = &mut search.rest {
            rest.is_touched |= !found.is_empty();
            rest.is_dry |= found.len() < limit;
        }
        Ok(found)
    }

    /// `find_end`. A search that is gone with an hsmd has ended, too.
    pub(super) fn end_find(&self, session: SessionHandle) -> Result<()> {
        let operations = self.ledger.operations(session);
        let search = operations.as_ref().map(|of| of.search());
        let Some(mut search) = search.filter(|search| search.is_active) else {
            return self.say(&Verb::FindEnd(session));
        };
        let answer = match search.rest {
            Some(_) => match self.say(&Verb::FindEnd(session)) {
                Err(Error {
                    reason: Reason::OperationNotInitialized,
                    ..
                }) => Ok(()),
                answer => answer,
            },
            None => self.look_after(session, &search),
        };
        search.end();
        answer
    }

    /// What hsmd would say of the session before it looked at a search that is all here: nothing, as
    /// long as nobody has changed anything since it began.
    fn look_after(&self, session: SessionHandle, search: &Search) -> Result<()> {
        let lasts = search.moment.as_ref().is_some_and(Moment::lasts_at_home);
        match search.rest.is_some() || lasts {
            true => Ok(()),
            false => self.session(session).map(drop),
        }
    }
}

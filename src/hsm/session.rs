//! A session: its access, its seat, and what the verbs on it leave for one another. One verb at a
//! time has it (`sessions`).

use std::{collections::VecDeque, sync::Arc};

use token::{Access, Error, ObjectHandle, Reason, Request, Result};

use crate::{
    object::{Answer, Find},
    operation::Operations,
    seat::Seat,
    seats::Share,
    view::View,
};

/// How many requests of a session are remembered whose answer the application has not settled.
const ANSWERS: usize = 1_024;

/// How many session objects a session collects before it looks which of them are gone.
const SWEEP_AT: usize = 64;

/// An open session.
pub(crate) struct Session {
    pub(crate) access: Access,
    /// Its application's seat in the slot; keeps the cluster in its place.
    pub(crate) seat: Arc<Share>,
}

/// What one verb on a session leaves for the next.
pub(crate) struct Active {
    pub(crate) operations: Operations,
    pub(crate) find: Option<Box<Find>>,
    pub(crate) view: View,
    /// The session objects that go with the session; some may be gone already.
    objects: Vec<ObjectHandle>,
    /// How many there are when the next look is taken at which are gone.
    sweep_at: usize,
    /// What each request answered that made session objects, in the order of their numbers: these
    /// have no commit to remember it.
    answers: VecDeque<(u64, Answer)>,
}

impl Session {
    /// For a verb that changes something on the token.
    pub(crate) fn must_write(&self) -> Result<()> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(Error::new(
                Reason::SessionReadOnly,
                "nothing on the token changes in it",
            )),
        }
    }
}

impl Active {
    /// Nothing yet.
    pub(crate) fn new(operations: Operations) -> Self {
        Self {
            operations,
            find: None,
            view: View::default(),
            objects: Vec::new(),
            sweep_at: SWEEP_AT,
            answers: VecDeque::new(),
        }
    }

    /// Ends operations and searches, and lets go of all keys.
    pub(crate) fn cancel(&mut self) {
        self.operations.cancel_all();
        self.find = None;
        self.view = View::default();
    }

    /// The session objects that go with the session.
    pub(crate) fn into_objects(self) -> Vec<ObjectHandle> {
        self.objects
    }

    /// Has the session object go with the session.
    pub(crate) fn own(&mut self, handle: ObjectHandle, seat: &Seat) {
        if self.objects.len() >= self.sweep_at {
            self.objects
                .retain(|object| seat.objects.get(object.0).is_some());
            self.sweep_at = SWEEP_AT.max(self.objects.len().saturating_mul(2));
        }
        self.objects.push(handle);
    }

    /// What `request` answered when it was asked the first time.
    pub(crate) fn answer(&self, request: Request) -> Option<&Answer> {
        let place = self.place_of(request).ok()?;
        self.answers.get(place).map(|(_, answer)| answer)
    }

    /// Remembers what `request` answered, and forgets what is settled.
    pub(crate) fn remember(&mut self, request: Request, answer: Answer) {
        let settled = |(number, _): &(u64, Answer)| *number < request.settled;
        while self.answers.front().is_some_and(settled) || self.answers.len() >= ANSWERS {
            self.answers.pop_front();
        }
        let (Ok(place) | Err(place)) = self.place_of(request);
        self.answers.insert(place, (request.number, answer));
    }

    /// Where the answer to `request` is, or belongs.
    fn place_of(&self, request: Request) -> std::result::Result<usize, usize> {
        // Mostly it is the last: only threads that share a session overtake each other.
        let last = self.answers.back().map(|(number, _)| *number);
        if last.is_none_or(|last| last < request.number) {
            return Err(self.answers.len());
        }
        self.answers
            .binary_search_by_key(&request.number, |(number, _)| *number)
    }
}

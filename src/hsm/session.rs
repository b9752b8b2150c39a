//! A session: its access, its seat, and what the verbs on it leave for one another. One verb at a
//! time has it (`sessions`).

use std::{collections::VecDeque, sync::Arc};

use token::{Access, Error, ObjectHandle, Operation, Reason, Request, Result};

use crate::{
    object::{Answer, Find},
    operation::{Operations, is_of_messages},
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

    /// Lets go of what was destroyed since the last verb; whether of all of it. What the verbs to come
    /// answer is the same as if nobody had asked.
    pub(crate) fn let_go(&mut self, seat: &Seat) -> bool {
        let Self {
            view, operations, ..
        } = self;
        view.refresh(seat);
        let mut all = true;
        for operation in Operation::ALL
            .into_iter()
            .filter(|one| is_of_messages(*one))
        {
            all &= match view.still_sees_key_of(seat, operation) {
                Ok(true) => true,
                Ok(false) => operations.let_go_of_key(operation),
                Err(_) => false,
            };
        }
        all
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

    /// Remembers what `request` answered, unless nobody will ask for it again, and forgets what is settled.
    pub(crate) fn remember(&mut self, request: Request, answer: &Answer) {
        let settled = |(number, _): &(u64, Answer)| *number < request.settled;
        while self.answers.front().is_some_and(settled) {
            self.answers.pop_front();
        }
        if request.is_settled() {
            return;
        }
        if self.answers.len() >= ANSWERS {
            // The oldest request in flight may still be asked again, however late it was answered.
            let oldest =
                (self.answers.front()).is_some_and(|(number, _)| *number == request.settled);
            self.answers.remove(usize::from(oldest));
        }
        let (Ok(place) | Err(place)) = self.place_of(request);
        self.answers.insert(place, (request.number, answer.clone()));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The request `number`, while `settled` is the oldest in flight.
    fn request(number: u64, settled: u64) -> Request {
        Request { number, settled }
    }

    fn answer(number: u64) -> Answer {
        Answer {
            handles: vec![ObjectHandle(number)],
            output: Vec::new(),
        }
    }

    /// A session that has answered these requests, in this order, while `settled` was in flight.
    fn answered(numbers: impl IntoIterator<Item = u64>, settled: u64) -> Active {
        let mut active = Active::new(Operations::default());
        for number in numbers {
            active.remember(request(number, settled), &answer(number));
        }
        active
    }

    #[test]
    fn requests_that_overtake_each_other_have_their_own_answers() {
        let active = answered([3, 1, 5, 2], 1);
        for number in [1, 2, 3, 5] {
            let remembered = active.answer(request(number, 1));
            assert_eq!(remembered, Some(&answer(number)));
        }
        for number in [0, 4, 6] {
            assert_eq!(active.answer(request(number, 1)), None);
        }
    }

    #[test]
    fn what_is_settled_is_forgotten_and_nothing_else() {
        let mut active = answered([3, 1, 5, 2], 1);
        active.remember(request(6, 3), &answer(6));
        let remembered = |number| active.answer(request(number, 3)).is_some();
        assert_eq!(
            [1, 2, 3, 5, 6].map(remembered),
            [false, false, true, true, true]
        );
    }

    #[test]
    fn what_nobody_will_ask_for_again_is_not_remembered() {
        let mut active = answered([1, 2], 1);
        active.remember(request(5, 6), &answer(5));
        assert_eq!(active.answers.len(), 0);
    }

    #[test]
    fn the_oldest_request_in_flight_keeps_its_answer_however_late_it_came() {
        let full = 2..2 + ANSWERS as u64;
        let mut active = answered(full.clone().chain([1]), 1);
        let last = full.end + 1;
        for number in full.end..=last {
            active.remember(request(number, 1), &answer(number));
        }
        assert_eq!(active.answer(request(1, 1)), Some(&answer(1)));
        assert_eq!(active.answer(request(last, 1)), Some(&answer(last)));
        // Those after it had to go, the oldest first.
        let remembered = |number| active.answer(request(number, 1)).is_some();
        assert_eq!([2, 3, 4, 5].map(remembered), [false, false, false, true]);
        assert_eq!(active.answers.len(), ANSWERS);
    }
}

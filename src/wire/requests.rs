//! The numbers of an application's requests: which is next, and which have had their answer.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use token::Request;

/// Threads beyond as many share a place.
const PLACES: usize = 16;
/// Among so many requests one looks at all places; what the others tell is a little older.
const LOOKED_EVERY: u64 = 8;

/// Gives each changing verb its number. One for each application, beside its [`crate::Client`].
/// What is in flight, threads count apart: they share the next number, and nothing else that every
/// request writes. That one is in one order for all, because "all below" is what is told: of numbers
/// by blocks, a thread that asks seldom would keep everybody's from being settled.
#[derive(Default)]
pub struct Requests {
    last: AtomicU64,
    /// All below have had their answer.
    settled: AtomicU64,
    places: [Place; PLACES],
}

/// Numbers in flight, the smallest first; mostly one.
#[derive(Default)]
#[repr(align(128))]
struct Place(Mutex<Vec<u64>>);

impl Requests {
    /// None made yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new request. It is in flight, and its answer is kept, until the value is dropped.
    pub fn begin(&self) -> InFlight<'_> {
        let place = of_thread(&self.places).0;
        let number = {
            let mut in_flight = place.0.lock();
            // With the place locked: who looks at all of them does not miss a number below its own.
            let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
            in_flight.push(number);
            number
        };
        if number.is_multiple_of(LOOKED_EVERY) {
            self.look(number);
        }
        let settled = self.settled.load(Ordering::Relaxed);
        InFlight {
            place,
            request: Request { number, settled },
        }
    }

    /// Finds what is settled before `number`, which is in flight.
    fn look(&self, number: u64) {
        let first = |place: &Place| place.0.lock().first().copied();
        let oldest = self.places.iter().filter_map(first).min();
        let settled = oldest.unwrap_or(number).min(number);
        self.settled.fetch_max(settled, Ordering::Relaxed);
    }
}

/// The same where no answer is ever lost, because the engine is in this process: each request is settled
/// before it is said, so threads count apart and share nothing.
#[derive(Default)]
pub struct Numbers([Count; PLACES]);

/// How many numbers were given out in one place.
#[derive(Default)]
#[repr(align(128))]
struct Count(AtomicU64);

impl Numbers {
    /// A new request, whose answer nobody has to keep.
    pub fn next(&self) -> Request {
        let (Count(count), place) = of_thread(&self.0);
        let turn = count.fetch_add(1, Ordering::Relaxed);
        let number = turn * PLACES as u64 + place as u64;
        Request {
            number,
            settled: number + 1,
        }
    }
}

/// The calling thread's place, and its number.
fn of_thread<T>(places: &[T; PLACES]) -> (&T, usize) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        // Without a destructor, so that it is there for calls at the thread's very end.
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    let [first, ..] = places;
    let mine = MINE.with(|mine| *mine) % PLACES;
    places.get(mine).map_or((first, 0), |place| (place, mine))
}

/// A request whose answer has not come yet.
pub struct InFlight<'a> {
    place: &'a Place,
    request: Request,
}

impl InFlight<'_> {
    /// What the verb is told.
    pub fn request(&self) -> Request {
        self.request
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut in_flight = self.place.0.lock();
        if let Ok(place) = in_flight.binary_search(&self.request.number) {
            in_flight.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The requests from the next one to the next that looks.
    fn until_looked(requests: &Requests) -> Request {
        loop {
            let request = requests.begin().request();
            if request.number.is_multiple_of(LOOKED_EVERY) {
                return request;
            }
        }
    }

    #[test]
    fn what_is_settled_waits_for_the_oldest_in_flight() {
        let requests = Requests::new();
        let first = requests.begin();
        let second = requests.begin();
        assert_eq!((first.request().number, second.request().number), (1, 2));
        drop(second);
        assert_eq!(until_looked(&requests).settled, 1);
        drop(first);
        let next = until_looked(&requests);
        assert_eq!(next.settled, next.number);
    }

    #[test]
    fn it_waits_for_the_oldest_of_another_thread_too() {
        let requests = Requests::new();
        let first = requests.begin();
        let told = std::thread::scope(|scope| {
            let other = scope.spawn(|| until_looked(&requests));
            other.join().unwrap()
        });
        assert_eq!(told.settled, first.request().number);
    }

    #[test]
    fn no_request_is_settled_while_it_is_in_flight() {
        let requests = Requests::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let request = requests.begin();
                        until_looked(&requests);
                        let settled = requests.settled.load(Ordering::Relaxed);
                        assert!(settled <= request.request().number);
                    }
                });
            }
        });
    }

    #[test]
    fn numbers_that_need_no_order_are_each_given_out_once() {
        let numbers = Numbers::default();
        let given: HashSet<_> = std::thread::scope(|scope| {
            let some = || (0..1_000).map(|_| numbers.next()).collect::<Vec<_>>();
            // More threads than places.
            let threads: Vec<_> = (0..2 * PLACES).map(|_| scope.spawn(some)).collect();
            let given = threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap());
            given
                .inspect(|request| assert!(request.is_settled()))
                .map(|request| request.number)
                .collect()
        });
        assert_eq!(given.len(), 2 * PLACES * 1_000);
    }
}

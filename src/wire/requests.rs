//! The numbers of an application's requests: which is next, and which have had their answer.

use parking_lot::Mutex;
use token::Request;

/// Gives each changing verb its number. One for each application, beside its [`crate::Client`] or
/// its engine.
#[derive(Default)]
pub struct Requests(Mutex<Numbers>);

#[derive(Default)]
struct Numbers {
    last: u64,
    /// The smallest first; mostly as many as there are threads.
    in_flight: Vec<u64>,
}

impl Requests {
    /// None made yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new request. It is in flight, and its answer is kept, until the value is dropped.
    pub fn begin(&self) -> InFlight<'_> {
        let mut numbers = self.0.lock();
        numbers.last += 1;
        let number = numbers.last;
        numbers.in_flight.push(number);
        let settled = numbers.in_flight.first().copied().unwrap_or(number);
        InFlight {
            requests: self,
            request: Request { number, settled },
        }
    }
}

/// A request whose answer has not come yet.
pub struct InFlight<'a> {
    requests: &'a Requests,
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
        let in_flight = &mut self.requests.0.lock().in_flight;
        if let Ok(place) = in_flight.binary_search(&self.request.number) {
            in_flight.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_settled_waits_for_the_oldest_in_flight() {
        let requests = Requests::new();
        let first = requests.begin();
        let second = requests.begin();
        assert_eq!((second.request().number, second.request().settled), (2, 1));
        drop(second);
        assert_eq!(requests.begin().request().settled, 1);
        drop(first);
        let next = requests.begin().request();
        assert_eq!((next.number, next.settled), (4, 4));
    }
}

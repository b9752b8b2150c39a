//! A number for each thread, so that threads mostly write to different places.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The calling thread's number; they count up from zero.
pub fn number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        // Without a destructor, so that it is there for calls at the thread's very end.
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

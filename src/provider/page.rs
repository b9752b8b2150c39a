//! The page that a fork wipes: what must be empty in a forked child stands here and nowhere else.
//! The kernel empties it (`MADV_WIPEONFORK`), so no call has to ask for its process id.

use std::{
    io, mem, ptr,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

use token::Reason;

use crate::{boundary::Result, library::Library};

/// So many threads, the first of the process, have a counter to themselves.
const OWNED: usize = 480;
/// All later ones count in so many places that two of them seldom share one.
const SHARED: usize = 31;

/// All zero is its empty state. Of its memory only what is used is there.
pub(crate) struct Page {
    /// The library, or NULL.
    pub(crate) library: AtomicPtr<Library>,
    gates: [Gate; OWNED + SHARED],
}

/// A counter of calls in flight, alone in its cache line and in the one that is fetched with it.
#[repr(align(128))]
struct Gate(AtomicUsize);

const _: () = assert!(mem::size_of::<Page>() <= PAGE_BYTES);
const PAGE_BYTES: usize = 64 * 1024;

static PAGE: AtomicPtr<Page> = AtomicPtr::new(ptr::null_mut());

impl Page {
    /// The page, if `C_Initialize` was ever called in this process or one that it comes from.
    pub(crate) fn current() -> Option<&'static Page> {
        // SAFETY: what stands in `PAGE` was mapped by `map`, is never unmapped, and zero bytes are
        // a value of it.
        unsafe { PAGE.load(Ordering::Acquire).as_ref() }
    }

    /// The page, mapped if it is not there yet.
    pub(crate) fn mapped() -> Result<&'static Page> {
        if Self::current().is_none() {
            let page = map()?;
            let empty = ptr::null_mut();
            if PAGE
                .compare_exchange(empty, page, Ordering::AcqRel, Ordering::Acquire)
                .is_err()
            {
                // SAFETY: another thread was faster, and nobody has seen this mapping.
                unsafe { libc::munmap(page.cast(), PAGE_BYTES) };
            }
        }
        Self::current().ok_or_else(|| Reason::Internal.into())
    }

    /// Counts a call in, before whatever is read next.
    #[inline]
    pub(crate) fn count(&self) -> Counted<'_> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            // Without a destructor, so that it is there for calls at the thread's very end.
            static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed);
        }
        let mine = MINE.with(|mine| *mine);
        let alone = mine < OWNED;
        let place = match alone {
            true => mine,
            false => OWNED + mine % SHARED,
        };
        let gate = self.gates.get(place).unwrap_or(&self.gates[0]);
        let Gate(calls) = gate;
        match alone {
            true => calls.swap(
                calls.load(Ordering::Relaxed).wrapping_add(1),
                Ordering::SeqCst,
            ),
            false => calls.fetch_add(1, Ordering::SeqCst),
        };
        Counted { calls, alone }
    }

    /// Whether no call is in flight.
    pub(crate) fn is_quiet(&self) -> bool {
        self.gates
            .iter()
            .all(|gate| gate.0.load(Ordering::SeqCst) == 0)
    }
}

/// A call in flight.
pub(crate) struct Counted<'a> {
    calls: &'a AtomicUsize,
    /// Whether no other thread writes there: then leaving is no more than a store.
    alone: bool,
}

impl Drop for Counted<'_> {
    #[inline]
    fn drop(&mut self) {
        let Self { calls, alone } = self;
        match alone {
            true => {
                let left = calls.load(Ordering::Relaxed).wrapping_sub(1);
                calls.store(left, Ordering::Release);
            }
            false => {
                calls.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }
}

fn map() -> Result<*mut Page> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping where the kernel likes touches nothing that exists.
    let page = unsafe { libc::mmap(ptr::null_mut(), PAGE_BYTES, protection, flags, -1, 0) };
    if page == libc::MAP_FAILED {
        let error = io::Error::last_os_error();
        return Err(token::Error::new(Reason::DeviceMemory, format!("mmap: {error}")).into());
    }
    // SAFETY: the mapping above, whole.
    if unsafe { libc::madvise(page, PAGE_BYTES, libc::MADV_WIPEONFORK) } != 0 {
        // A kernel before 4.14, or a sandbox that has no such advice.
        // SAFETY: `wipe` only stores to memory that is never unmapped; the library is linked
        // `nodelete`, so the handler stays where it is.
        unsafe { libc::pthread_atfork(None, None, Some(wipe)) };
    }
    Ok(page.cast())
}

extern "C" fn wipe() {
    if let Some(page) = Page::current() {
        page.library.store(ptr::null_mut(), Ordering::SeqCst);
        page.gates
            .iter()
            .for_each(|gate| gate.0.store(0, Ordering::SeqCst));
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn calls_are_counted_in_and_out_of_however_many_threads_there_were() {
        // SAFETY: a mapping that nobody unmaps.
        let page: &Page = unsafe { &*map().unwrap() };
        let call = || {
            let call = page.count();
            let nested = page.count();
            assert!(!page.is_quiet());
            drop(nested);
            assert!(!page.is_quiet());
            drop(call);
        };
        thread::scope(|scope| {
            for _ in 0..OWNED + 2 * SHARED {
                scope.spawn(call).join().unwrap();
                assert!(page.is_quiet());
            }
        });
    }
}

//! The page that a fork wipes: what must be empty in a forked child stands here and nowhere else.
//! The kernel empties it (`MADV_WIPEONFORK`), so no call has to ask for its process id.

use std::{
    io, mem, ptr,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

use token::Reason;

use crate::{boundary::Result, library::Library};

/// Calls in flight are counted in so many places that two threads seldom share one.
const GATES: usize = 31;

/// All zero is its empty state.
pub(crate) struct Page {
    /// The library, or NULL.
    pub(crate) library: AtomicPtr<Library>,
    gates: [Gate; GATES],
}

/// A counter of calls in flight, alone in its cache line and in the one that is fetched with it.
#[repr(align(128))]
struct Gate(AtomicUsize);

const _: () = assert!(mem::size_of::<Page>() <= PAGE_BYTES);
const PAGE_BYTES: usize = 4096;

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

    /// The counter of the calling thread; others may count in it, too.
    pub(crate) fn gate(&self) -> &AtomicUsize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            // Without a destructor, so that it is there for calls at the thread's very end.
            static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed);
        }
        let mine = MINE.with(|mine| *mine) % GATES;
        self.gates
            .get(mine)
            .map_or(&self.gates[0].0, |gate| &gate.0)
    }

    /// Whether no call is in flight.
    pub(crate) fn is_quiet(&self) -> bool {
        self.gates
            .iter()
            .all(|gate| gate.0.load(Ordering::SeqCst) == 0)
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

//! The one library between `C_Initialize` and `C_Finalize`, and how a call reaches it: without a
//! lock, without a system call, and never in a forked child that has not initialised itself.
//!
//! What a fork has to undo, the pointer to the library and the counters of calls in flight, stands
//! in a page that the kernel wipes in the child. A child therefore finds no library, and nothing
//! that a thread it does not have might have locked.

use std::{
    mem,
    ops::Deref,
    ptr,
    sync::atomic::{
        AtomicPtr,
        Ordering::{Relaxed, SeqCst},
    },
    thread,
    time::Duration,
};

use token::{Hsm, Request, Slot, SlotId};

use crate::{
    backend::Backend,
    boundary::{Error, Result},
    page::{Counted, Page},
};

/// What the calls of an application share.
pub(crate) struct Library {
    backend: Backend,
}

impl Library {
    /// The HSMs.
    pub(crate) fn hsm(&self) -> &dyn Hsm {
        self.backend.hsm()
    }

    /// The slots that this application shows.
    pub(crate) fn slots(&self) -> Result<Vec<Slot>> {
        self.backend.slots()
    }

    /// Whether this application is told of changes of a slot.
    pub(crate) fn tells_of(&self, slot: SlotId) -> bool {
        self.backend.tells_of(slot)
    }

    /// Says a verb that changes the store, under an id of its own.
    pub(crate) fn change<T>(
        &self,
        verb: impl FnOnce(&dyn Hsm, Request) -> token::Result<T>,
    ) -> Result<T> {
        Ok(self.backend.change(verb)?)
    }
}

/// A call in flight: as long as it lives, the library does.
pub(crate) struct Entered {
    library: &'static Library,
    _counted: Counted<'static>,
}

impl Deref for Entered {
    type Target = Library;

    fn deref(&self) -> &Library {
        self.library
    }
}

/// The library, for one call.
pub(crate) fn enter() -> Result<Entered> {
    let page = Page::current().ok_or(Error::NotInitialized)?;
    // Counted before the pointer is read, while `close` takes the pointer before it reads the
    // counters: one of the two sees the other (`page`).
    let _counted = page.count();
    let library = page.library.load(SeqCst);
    if library.is_null() || library == BUSY {
        return Err(Error::NotInitialized);
    }
    // SAFETY: `close` frees the library only when no call is counted, and this one is.
    let library = unsafe { &*library };
    Ok(Entered { library, _counted })
}

/// `C_Initialize`: makes the library of `backend`, unless there is one. It is given the backend
/// that a forked child inherits from its parent.
pub(crate) fn open(backend: impl FnOnce(Option<&Backend>) -> Result<Backend>) -> Result<()> {
    let page = Page::mapped()?;
    let mut turn = Turn::take(page, |library| match library.is_null() {
        true => Ok(()),
        false => Err(Error::AlreadyInitialized),
    })?;
    page.expedite();
    // SAFETY: what stands in `LIVE` was not freed by this process, and a child that inherits it
    // never frees it.
    let inherited = unsafe { LIVE.load(Relaxed).as_ref() };
    let backend = backend(inherited.map(|library| &library.backend))?;
    turn.library = Box::into_raw(Box::new(Library { backend }));
    LIVE.store(turn.library, Relaxed);
    Ok(())
}

/// `C_Finalize`: ends the application, lets the calls in flight come back, frees the library.
pub(crate) fn close() -> Result<()> {
    let page = Page::current().ok_or(Error::NotInitialized)?;
    let mut turn = Turn::take(page, |library| match library.is_null() {
        true => Err(Error::NotInitialized),
        false => Ok(()),
    })?;
    let passed = page.passed_by_all();
    let library = mem::replace(&mut turn.library, ptr::null_mut());
    // SAFETY: it was in the page, so it has not been freed, and only this turn may free it.
    let ended = unsafe { &*library }.hsm().end();
    // Whoever waits in a verb has been woken by the end of the application.
    while !page.is_quiet() {
        thread::sleep(Duration::from_micros(50));
    }
    LIVE.store(ptr::null_mut(), Relaxed);
    // A call that has not passed the barrier may have found the library and not be counted yet: then
    // it stays where it is.
    if passed {
        // SAFETY: made by `open`; no call is in flight, and none finds it any more.
        drop(unsafe { Box::from_raw(library) });
    }
    Ok(ended?)
}

/// Whether the application is ending, or has ended: for who was woken by that.
pub(crate) fn is_closing() -> bool {
    Page::current().is_none_or(|page| {
        let library = page.library.load(SeqCst);
        library.is_null() || library == BUSY
    })
}

/// In the place of a library that is being opened or closed.
const BUSY: *mut Library = ptr::without_provenance_mut(1);

/// The library that this process, or the one that it was forked from, has open. Unlike the page,
/// this stays: a child has to let go of what it inherits.
static LIVE: AtomicPtr<Library> = AtomicPtr::new(ptr::null_mut());

/// The turn to open or close: until it ends, no other one begins.
struct Turn {
    page: &'static Page,
    /// What will be there when the turn ends, also by an error or a panic.
    library: *mut Library,
}

impl Turn {
    /// Waits for its turn, if what is there is `right`.
    fn take(page: &'static Page, right: impl Fn(*mut Library) -> Result<()>) -> Result<Self> {
        loop {
            let library = page.library.load(SeqCst);
            if library == BUSY {
                thread::sleep(Duration::from_micros(200));
                continue;
            }
            right(library)?;
            if page
                .library
                .compare_exchange(library, BUSY, SeqCst, SeqCst)
                .is_ok()
            {
                return Ok(Self { page, library });
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.page.library.store(self.library, SeqCst);
    }
}

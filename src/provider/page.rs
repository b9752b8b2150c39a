//! The page that a fork wipes: what must be empty in a forked child stands here and nowhere else.
//! The kernel empties it (`MADV_WIPEONFORK`), so no call has to ask for its process id.
//!
//! A call counts itself in and then reads the library, while `C_Finalize` takes the library and then
//! reads the counts: each side needs a barrier between the two. Calls are many and `C_Finalize` is
//! rare, so it has the kernel put the barrier into every thread (`membarrier(2)`), where there is one.

use std::{
    io,
    marker::PhantomData,
    mem, ptr,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, compiler_fence},
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
    /// Whether the kernel puts barriers into this process's threads, so that calls need none.
    expedited: AtomicBool,
    owned: [Gate; OWNED],
    shared: [Gate; SHARED],
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

    /// Has calls leave their barrier to [`Page::passed_by_all`], if the kernel can do that. To be asked
    /// before there are many threads: the kernel takes its time then.
    pub(crate) fn expedite(&self) {
        if membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED).is_ok() {
            self.expedited.store(true, Ordering::SeqCst);
        }
    }

    /// A barrier between what was written before and the counters that are read next, which every
    /// call that is not counted yet passes as well. Without it, such a call may find what was there.
    pub(crate) fn passed_by_all(&self) -> bool {
        if !self.expedited.load(Ordering::SeqCst) {
            return true;
        }
        let passed = membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED);
        // The kernel said that it can: a sandbox came later.
        let failed = passed.inspect_err(|error| log::error!("membarrier: {error}"));
        failed.is_ok()
    }

    /// Counts a call in, before whatever is read next.
    #[inline]
    pub(crate) fn count(&self) -> Counted<'_> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            // Without a destructor, so that it is there for calls at the thread's very end.
            static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed);
        }
        self.count_for(MINE.with(|mine| *mine))
    }

    /// The same, for the thread of this number.
    #[inline]
    fn count_for(&self, thread: usize) -> Counted<'_> {
        let calls = match self.owned.get(thread) {
            Some(Gate(calls)) => {
                let more = calls.load(Ordering::Relaxed).wrapping_add(1);
                if self.expedited.load(Ordering::Relaxed) {
                    calls.store(more, Ordering::Relaxed);
                    compiler_fence(Ordering::SeqCst);
                } else {
                    calls.swap(more, Ordering::SeqCst);
                }
                calls
            }
            None => {
                // In bounds: it is a remainder.
                #[allow(clippy::indexing_slicing)]
                let Gate(calls) = &self.shared[thread % SHARED];
                calls.fetch_add(1, Ordering::SeqCst);
                calls
            }
        };
        Counted {
            calls,
            alone: thread < OWNED,
            stays: PhantomData,
        }
    }

    /// Whether no call is in flight.
    pub(crate) fn is_quiet(&self) -> bool {
        self.gates()
            .all(|Gate(calls)| calls.load(Ordering::SeqCst) == 0)
    }

    fn gates(&self) -> impl Iterator<Item = &Gate> {
        self.owned.iter().chain(&self.shared)
    }
}

/// A call in flight.
pub(crate) struct Counted<'a> {
    calls: &'a AtomicUsize,
    /// Whether no other thread writes there: then leaving is no more than a store.
    alone: bool,
    /// It is counted out by the thread that it was counted in by: not `Send`.
    stays: PhantomData<*const ()>,
}

impl Drop for Counted<'_> {
    #[inline]
    fn drop(&mut self) {
        let calls = self.calls;
        // A child that was forked in the midst of this call leaves it as well, and its page has been
        // wiped since: there the call is counted out already.
        match self.alone {
            true => {
                let left = calls.load(Ordering::Relaxed).saturating_sub(1);
                calls.store(left, Ordering::Release);
            }
            false => {
                let left = |calls: usize| calls.checked_sub(1);
                let _ = calls.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left);
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

/// One command of membarrier(2), which libc has no function for.
fn membarrier(command: libc::c_int) -> io::Result<()> {
    // SAFETY: it touches no memory of the process; a kernel that does not know it says so.
    match unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

extern "C" fn wipe() {
    if let Some(page) = Page::current() {
        page.expedited.store(false, Ordering::SeqCst);
        page.library.store(ptr::null_mut(), Ordering::SeqCst);
        page.gates()
            .for_each(|Gate(calls)| calls.store(0, Ordering::SeqCst));
    }
}

#[cfg(test)]
mod tests {
    use std::{hint::spin_loop, sync::Barrier, thread};

    use super::*;

    fn page() -> &'static Page {
        // SAFETY: a mapping that nobody unmaps.
        unsafe { &*map().unwrap() }
    }

    #[test]
    fn calls_are_counted_in_and_out_of_however_many_threads_there_are() {
        const THREADS: usize = OWNED + 2 * SHARED;
        let (page, together) = (page(), Barrier::new(THREADS + 1));
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let together = &together;
                let call = move || {
                    together.wait();
                    for _ in 0..200 {
                        let call = page.count_for(thread);
                        drop(page.count_for(thread));
                        assert!(!page.is_quiet());
                        drop(call);
                    }
                    let call = page.count_for(thread);
                    together.wait();
                    together.wait();
                    drop(call);
                };
                let small = thread::Builder::new().stack_size(64 * 1024);
                small.spawn_scoped(scope, call).unwrap();
            }
            together.wait();
            together.wait();
            let in_flight = page.gates().map(|Gate(calls)| calls.load(Ordering::SeqCst));
            assert_eq!(in_flight.sum::<usize>(), THREADS);
            together.wait();
        });
        assert!(page.is_quiet());
    }

    #[test]
    fn each_thread_counts_in_a_place_of_its_own() {
        let page = page();
        let _mine = page.count();
        let theirs = || {
            let _theirs = page.count();
            let used = page.gates().map(|Gate(calls)| calls.load(Ordering::SeqCst));
            assert_eq!(used.filter(|calls| *calls == 1).count(), 2);
        };
        thread::scope(|scope| scope.spawn(theirs).join().unwrap());
        assert!(!page.is_quiet());
    }

    #[test]
    fn who_is_not_counted_when_the_counters_are_read_finds_no_library() {
        let library = ptr::without_provenance_mut(16);
        for expedited in [false, true] {
            let (page, freed, done) = (page(), AtomicBool::new(false), AtomicBool::new(false));
            if expedited {
                page.expedite();
                if !page.expedited.load(Ordering::SeqCst) {
                    // This machine has no membarrier(2).
                    continue;
                }
            }
            let calls = || {
                while !done.load(Ordering::SeqCst) {
                    let call = page.count_for(0);
                    if !page.library.load(Ordering::SeqCst).is_null() {
                        // Long enough for who did not see the call to go on.
                        (0..100).for_each(|_| spin_loop());
                        assert!(!freed.load(Ordering::SeqCst), "{expedited}");
                    }
                    drop(call);
                }
            };
            thread::scope(|scope| {
                let calls = scope.spawn(calls);
                for round in 0..50_000 {
                    freed.store(false, Ordering::SeqCst);
                    page.library.store(library, Ordering::SeqCst);
                    (0..round % 64).for_each(|_| spin_loop());
                    page.library.store(ptr::null_mut(), Ordering::SeqCst);
                    assert!(page.passed_by_all());
                    while !page.is_quiet() && !calls.is_finished() {
                        // On a machine with one core to spare the other thread has to have it.
                        thread::yield_now();
                    }
                    freed.store(true, Ordering::SeqCst);
                }
                done.store(true, Ordering::SeqCst);
            });
        }
    }

    /// What luck alone shows otherwise: calls that no barrier was put into are seldom seen to need one.
    #[test]
    fn the_barrier_of_all_threads_is_asked_of_the_kernel() {
        let page = page();
        page.expedite();
        if !page.expedited.load(Ordering::SeqCst) {
            // This machine has no membarrier(2).
            return;
        }
        assert!(page.passed_by_all());
        // The sandbox is that thread's alone, and ends with it.
        let forbidden = || forbid_membarrier().then(|| page.passed_by_all());
        let passed = thread::scope(|scope| scope.spawn(forbidden).join().unwrap());
        assert_ne!(passed, Some(true));
    }

    /// Has the kernel refuse it to this thread, if that can be had here.
    fn forbid_membarrier() -> bool {
        let step = |code, otherwise, k| libc::sock_filter {
            code: u16::try_from(code).unwrap(),
            jt: 0,
            jf: otherwise,
            k,
        };
        let number = u32::try_from(libc::SYS_membarrier).unwrap();
        let refusal = libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs();
        let mut steps = [
            step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
            step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, number),
            step(libc::BPF_RET | libc::BPF_K, 0, refusal),
            step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
        ];
        let program = libc::sock_fprog {
            len: 4,
            filter: steps.as_mut_ptr(),
        };
        let mode = libc::SECCOMP_MODE_FILTER;
        // SAFETY: binds this thread alone.
        let bound = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        // SAFETY: the same; the kernel copies the program's four steps.
        let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) };
        (bound, set) == (0, 0)
    }

    #[test]
    fn a_forked_child_leaves_a_call_that_its_page_does_not_count() {
        for thread in [0, OWNED] {
            let page = page();
            let call = page.count_for(thread);
            // SAFETY: the child does no more than to count, and ends.
            let child = unsafe { libc::fork() };
            if child == 0 {
                let wiped = page.is_quiet();
                drop(call);
                let code = i32::from(!(wiped && page.is_quiet()));
                // SAFETY: it ends the child, as it stands.
                unsafe { libc::_exit(code) };
            }
            let mut status = -1;
            // SAFETY: the child is ours, and there is a place for its status.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0);
            drop(call);
            assert!(page.is_quiet());
        }
    }
}

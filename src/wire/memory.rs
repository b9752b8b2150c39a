//! Memory that hsmd shares with its clients, the only place that touches it: sealed files without a
//! name, which hsmd makes and passes over the socket. What a peer writes is a claim like any other.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    ptr::{self, NonNull},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{MemfdFlags, SealFlags},
    mm::{Advice, MapFlags, ProtFlags},
};

/// Bytes of the board.
const BOARD_BYTES: usize = 4_096;
/// Where on the board the count of changes stands.
const CHANGES: usize = 0;
/// What no peer can do to a file: change its length, so that no access ever faults.
const FIXED: SealFlags = SealFlags::SHRINK
    .union(SealFlags::GROW)
    .union(SealFlags::SEAL);

/// What hsmd shows to all its clients, which can read it and never write.
pub(crate) struct Board {
    mapping: Mapping,
    file: OwnedFd,
}

impl Board {
    /// A new one, in a file that nobody else can write to.
    pub(crate) fn new() -> io::Result<Self> {
        let file = make("strongroom-board", BOARD_BYTES)?;
        let mapping = Mapping::new(&file, BOARD_BYTES, ProtFlags::READ | ProtFlags::WRITE)?;
        rustix::fs::fcntl_add_seals(&file, FIXED | SealFlags::FUTURE_WRITE)?;
        Ok(Self { mapping, file })
    }

    /// What clients are given.
    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Something has changed that the answer to an Init may depend on.
    pub(crate) fn change(&self) {
        self.mapping.word(CHANGES).fetch_add(1, Ordering::SeqCst);
    }
}

/// A client's view of the board.
pub(crate) struct View(Mapping);

impl View {
    /// The board in a file that hsmd has passed.
    pub(crate) fn open(file: &OwnedFd) -> io::Result<Self> {
        check(file, BOARD_BYTES)?;
        Ok(Self(Mapping::new(file, BOARD_BYTES, ProtFlags::READ)?))
    }

    /// How much has changed.
    pub(crate) fn changes(&self) -> u64 {
        self.0.word(CHANGES).load(Ordering::SeqCst)
    }
}

/// A file of memory, `len` bytes of zeros.
fn make(name: &str, len: usize) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = rustix::fs::memfd_create(name, flags)?;
    rustix::fs::ftruncate(&file, len as u64)?;
    Ok(file)
}

/// That a passed file has `len` bytes for ever: a shorter one would end the process that reads it.
fn check(file: &OwnedFd, len: usize) -> io::Result<()> {
    let sealed = rustix::fs::fcntl_get_seals(file)?.contains(FIXED);
    let size = rustix::fs::fstat(file)?.st_size;
    match sealed && usize::try_from(size).is_ok_and(|size| size == len) {
        true => Ok(()),
        false => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// A shared mapping of all of a file, until it is dropped.
struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory is the mapping's own until it is dropped, and it is only reached by atomic
// words and by copies whose callers take turns.
unsafe impl Send for Mapping {}
// SAFETY: the same.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps a file whose `len` bytes cannot be cut. A forked child does not have it: there would be
    /// two processes in the place of one.
    fn new(file: &OwnedFd, len: usize, protection: ProtFlags) -> io::Result<Self> {
        // SAFETY: a new mapping where the kernel likes touches nothing that exists.
        let base = unsafe {
            rustix::mm::mmap(ptr::null_mut(), len, protection, MapFlags::SHARED, file, 0)
        }?;
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let mapping = Self { base, len };
        for advice in [Advice::LinuxDontFork, Advice::LinuxDontDump] {
            // SAFETY: the whole mapping, which neither advice takes away from this process.
            unsafe { rustix::mm::madvise(mapping.base.as_ptr().cast(), len, advice) }?;
        }
        Ok(mapping)
    }

    /// The word at `offset`, one of this file's constants.
    fn word(&self, offset: usize) -> &AtomicU64 {
        debug_assert!(offset.is_multiple_of(8) && offset + 8 <= self.len);
        // SAFETY: every offset that this file has is inside of the mapping.
        let place = unsafe { self.base.add(offset) };
        // SAFETY: it is aligned, as the mapping begins at a page; every process that has it reaches
        // it by atomic operations alone, and what they store is a legal value.
        unsafe { AtomicU64::from_ptr(place.as_ptr().cast()) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`, whole; no borrow of it outlives the value.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_sees_what_changes_and_cannot_be_written() {
        let board = Board::new().unwrap();
        let file = board.file().try_clone_to_owned().unwrap();
        let view = View::open(&file).unwrap();
        let before = view.changes();
        board.change();
        assert_eq!(view.changes(), before + 1);
        assert!(Mapping::new(&file, BOARD_BYTES, ProtFlags::READ | ProtFlags::WRITE).is_err());
        assert!(rustix::io::pwrite(&file, &[1], 0).is_err());
        assert!(rustix::fs::ftruncate(&file, 0).is_err());
    }

    #[test]
    fn a_file_that_could_be_cut_is_not_mapped() {
        let file = make("test", BOARD_BYTES).unwrap();
        assert!(View::open(&file).is_err());
        let short = make("test", BOARD_BYTES / 2).unwrap();
        rustix::fs::fcntl_add_seals(&short, FIXED).unwrap();
        assert!(View::open(&short).is_err());
    }
}

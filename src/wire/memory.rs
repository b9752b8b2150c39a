//! Memory that hsmd shares with its clients, the only place that touches it: sealed files without a
//! name, which hsmd makes and passes over the socket. What a peer writes is a claim like any other.

use std::{
    hint, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    ptr::{self, NonNull},
    slice,
    sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    thread,
};

use rustix::{
    fs::{MemfdFlags, SealFlags},
    mm::{Advice, MapFlags, ProtFlags},
};

/// Bytes of the board.
const BOARD_BYTES: usize = 4_096;
/// Where on the board the count of changes stands.
const CHANGES: usize = 0;
/// Where the word stands that says whether anybody may spin.
const CALM: usize = 128;
/// What no peer can do to a file: change its length, so that no access ever faults.
const FIXED: SealFlags = SealFlags::SHRINK
    .union(SealFlags::GROW)
    .union(SealFlags::SEAL);

/// What hsmd shows to all its clients, which can read it and never write.
pub(crate) struct Board {
    mapping: Mapping,
    file: OwnedFd,
    /// Slots whose two sides are busy with one another.
    busy: AtomicUsize,
    /// How many such pairs the machine's cores can run at once.
    pairs: usize,
}

impl Board {
    /// A new one, in a file that nobody else can write to.
    pub(crate) fn new() -> io::Result<Self> {
        let file = make("strongroom-board", BOARD_BYTES)?;
        let mapping = Mapping::new(&file, BOARD_BYTES, ProtFlags::READ | ProtFlags::WRITE)?;
        rustix::fs::fcntl_add_seals(&file, FIXED | SealFlags::FUTURE_WRITE)?;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let board = Self {
            mapping,
            file,
            busy: AtomicUsize::new(0),
            pairs: cores / 2,
        };
        board.show();
        Ok(board)
    }

    /// What clients are given.
    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// One more slot is busy.
    pub(crate) fn begin(&self) {
        self.busy.fetch_add(1, Ordering::SeqCst);
        self.show();
    }

    /// One slot less is busy.
    pub(crate) fn end(&self) {
        self.busy.fetch_sub(1, Ordering::SeqCst);
        self.show();
    }

    /// Whether there is a core for everybody who would spin.
    pub(crate) fn is_calm(&self) -> bool {
        self.busy.load(Ordering::Relaxed) <= self.pairs
    }

    /// Shows what is so now. Whoever has shown it looks again: another may have come in between, and
    /// the last one to look leaves what is true.
    fn show(&self) {
        let calm = self.mapping.word(CALM);
        loop {
            let is_calm = self.busy.load(Ordering::SeqCst) <= self.pairs;
            // Written seldom, because every client reads it all the time.
            if calm.load(Ordering::SeqCst) != u64::from(is_calm) {
                calm.store(is_calm.into(), Ordering::SeqCst);
            }
            if is_calm == (self.busy.load(Ordering::SeqCst) <= self.pairs) {
                return;
            }
        }
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

    /// Whether hsmd says that there is a core for everybody who would spin.
    pub(crate) fn is_calm(&self) -> bool {
        self.0.word(CALM).load(Ordering::Relaxed) == 1
    }
}

/// Memory that two processes write in turns: a few words, and behind them bytes.
pub(crate) struct Shared(Mapping);

impl Shared {
    /// Where the bytes begin.
    const BYTES: usize = 4_096;

    /// New memory with room for `room` bytes, and the file to pass it in.
    pub(crate) fn new(room: usize) -> io::Result<(Self, OwnedFd)> {
        let len = Self::BYTES + room;
        let file = make("strongroom-slot", len)?;
        rustix::fs::fcntl_add_seals(&file, FIXED)?;
        let mapping = Mapping::new(&file, len, ProtFlags::READ | ProtFlags::WRITE)?;
        Ok((Self(mapping), file))
    }

    /// The memory in a file that hsmd has passed.
    pub(crate) fn open(file: &OwnedFd, room: usize) -> io::Result<Self> {
        let len = Self::BYTES + room;
        check(file, len)?;
        let mapping = Mapping::new(file, len, ProtFlags::READ | ProtFlags::WRITE)?;
        Ok(Self(mapping))
    }

    /// The word `number`; each has cache lines of its own.
    pub(crate) fn word(&self, number: usize) -> &AtomicU32 {
        self.0.half_word(Self::line(number))
    }

    /// A second word in the cache lines of the word `number`.
    pub(crate) fn beside(&self, number: usize) -> &AtomicU32 {
        self.0.half_word(Self::line(number) + 4)
    }

    fn line(number: usize) -> usize {
        number % (Self::BYTES / 128) * 128
    }

    /// Copies `from` to the bytes from `offset` on. Answers false if they are not there.
    pub(crate) fn write(&self, offset: usize, from: &[u8]) -> bool {
        let place = self.place(offset, from.len());
        place.is_some_and(|place| {
            copy::write(place, from);
            true
        })
    }

    /// Copies the bytes from `offset` on to `to`. Answers false if they are not there. What the peer
    /// writes there at the same time makes other bytes, and only the copy is looked at.
    pub(crate) fn read(&self, offset: usize, to: &mut [u8]) -> bool {
        let place = self.place(offset, to.len());
        place.is_some_and(|place| {
            copy::read(place, to);
            true
        })
    }

    /// Asks for the first bytes at once, which another core has written: the lines of a frame come
    /// together then, and not one after the other as they are needed.
    pub(crate) fn fetch(&self) {
        const LINE: usize = 64;
        const LINES: usize = 20;
        for byte in self
            .place(0, LINE * LINES)
            .iter()
            .copied()
            .flatten()
            .step_by(LINE)
        {
            hint::black_box(byte.load(Ordering::Relaxed));
        }
    }

    /// Overwrites the first `len` bytes.
    pub(crate) fn erase(&self, len: usize) {
        if let Some(place) = self.place(0, len) {
            copy::erase(place);
        }
    }

    /// Gives the memory back, words and bytes: all of it is zero from here on, also for a peer that
    /// keeps its mapping, and what such a peer then writes there is the peer's own memory.
    pub(crate) fn give_back(&self) {
        // SAFETY: the whole mapping of a shared file, which is reached by words and copies alone;
        // zero bytes are legal ones.
        let given = unsafe {
            rustix::mm::madvise(self.0.base.as_ptr().cast(), self.0.len, Advice::LinuxRemove)
        };
        if let Err(error) = given {
            log::warn!("memory that was shared with a client is not given back: {error}");
        }
    }

    fn place(&self, offset: usize, len: usize) -> Option<&[AtomicU8]> {
        let begin = Self::BYTES.checked_add(offset)?;
        begin.checked_add(len).filter(|end| *end <= self.0.len)?;
        // SAFETY: just checked to be in the mapping.
        let begin = unsafe { self.0.base.add(begin) };
        // SAFETY: the same, for as long as the mapping is borrowed. Any byte is a legal one, and this
        // process reaches them by atomic operations alone. The peer is another process: what it does
        // to them is, seen from here, a store to each by another thread.
        Some(unsafe { slice::from_raw_parts(begin.as_ptr().cast::<AtomicU8>(), len) })
    }
}

/// Copies of bytes that a peer may write meanwhile, which a plain copy must not touch: each load and
/// store is atomic and relaxed. On x86-64, one instruction does so for many.
mod copy {
    use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

    /// From how many bytes on the one instruction is faster than words.
    #[cfg(target_arch = "x86_64")]
    const MANY: usize = 256;

    /// Bytes as words, and what is not a whole one before and behind them.
    fn words(place: &[AtomicU8]) -> (&[AtomicU8], &[AtomicU64], &[AtomicU8]) {
        // SAFETY: eight atomic bytes that lie as a word does may be used as one: every value is a
        // legal one. Two sizes for the same bytes are not in use at the same time, as this process
        // has one side of the memory and that side one user.
        unsafe { place.align_to() }
    }

    /// `len` bytes by the one instruction, which loads and stores whole bytes or more at once, as atomic
    /// operations would. `from` and `to` have as many, which do not overlap.
    #[cfg(target_arch = "x86_64")]
    unsafe fn many(from: *const u8, to: *mut u8, len: usize) {
        // SAFETY: as the caller says.
        unsafe {
            std::arch::asm!(
                "rep movsb",
                inout("rcx") len => _,
                inout("rsi") from => _,
                inout("rdi") to => _,
                options(nostack, preserves_flags),
            );
        }
    }

    /// `from` to `place`, which is as long.
    pub(super) fn write(place: &[AtomicU8], from: &[u8]) {
        #[cfg(target_arch = "x86_64")]
        if from.len() >= MANY && from.len() == place.len() {
            // SAFETY: both are as long as that, and `place` is borrowed as atomics, so it may be written.
            unsafe { many(from.as_ptr(), place.as_ptr().cast_mut().cast(), from.len()) };
            return;
        }
        let (first, whole, last) = words(place);
        let (from_first, rest) = from.split_at(first.len().min(from.len()));
        let (from_whole, from_last) = rest.as_chunks();
        for (place, word) in whole.iter().zip(from_whole) {
            place.store(u64::from_ne_bytes(*word), Relaxed);
        }
        for (places, bytes) in [(first, from_first), (last, from_last)] {
            let pairs = places.iter().zip(bytes);
            pairs.for_each(|(place, byte)| place.store(*byte, Relaxed));
        }
    }

    /// `place` to `to`, which is as long.
    pub(super) fn read(place: &[AtomicU8], to: &mut [u8]) {
        #[cfg(target_arch = "x86_64")]
        if to.len() >= MANY && to.len() == place.len() {
            // SAFETY: both are as long as that, and `to` is ours alone.
            unsafe { many(place.as_ptr().cast(), to.as_mut_ptr(), to.len()) };
            return;
        }
        let (first, whole, last) = words(place);
        let (to_first, rest) = to.split_at_mut(first.len().min(to.len()));
        let (to_whole, to_last) = rest.as_chunks_mut();
        for (place, word) in whole.iter().zip(to_whole) {
            *word = place.load(Relaxed).to_ne_bytes();
        }
        for (places, bytes) in [(first, to_first), (last, to_last)] {
            let pairs = places.iter().zip(bytes);
            pairs.for_each(|(place, byte)| *byte = place.load(Relaxed));
        }
    }

    /// Zeros to `place`.
    pub(super) fn erase(place: &[AtomicU8]) {
        const ZEROS: [u8; 4_096] = [0; 4_096];
        for place in place.chunks(ZEROS.len()) {
            write(place, ZEROS.split_at(place.len()).0);
        }
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
// operations.
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

    /// The word of four bytes at `offset`, which this file computes.
    fn half_word(&self, offset: usize) -> &AtomicU32 {
        debug_assert!(offset.is_multiple_of(4) && offset + 4 <= self.len);
        // SAFETY: as in `word`.
        let place = unsafe { self.base.add(offset) };
        // SAFETY: as in `word`.
        unsafe { AtomicU32::from_ptr(place.as_ptr().cast()) }
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
mod tests;

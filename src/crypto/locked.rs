//! Memory for secrets: locked against swapping as far as the system allows, left out of core
//! dumps, and erased when it is given back. No lock is taken, so a forked child can use it too.
//! The memory of a password hash is here for the same reasons; it alone is too much to be locked.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    ptr::{self, NonNull},
    slice,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering},
};

use argon2::Block;
use rustix::{
    io::Errno,
    mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munmap},
};
use zeroize::Zeroize;

use crate::{pool::Pools, thread};

/// Bytes in a granule: the unit of allocation, and the alignment of every region.
const GRANULE: usize = 64;
/// Words in a chunk's map; each has a bit for each of 64 granules.
const WORDS: usize = 16;
/// Bytes in a chunk.
const CHUNK: usize = WORDS * 64 * GRANULE;
/// Regions up to this size share chunks; larger ones have pages of their own.
const SHARED: usize = 32 * GRANULE;

/// Zeroed bytes of a fixed address, aligned to 64.
pub(crate) struct Region {
    start: NonNull<u8>,
    len: usize,
    place: Place,
}

/// Where a region's bytes are, and so how they are given back.
enum Place {
    Granules {
        chunk: &'static Chunk,
        word: usize,
        mask: u64,
    },
    Pages(usize),
    Heap(Layout),
}

impl Region {
    /// A region of zero bytes.
    pub(crate) fn zeroed(len: usize) -> Self {
        let (start, place) = if len <= SHARED {
            shared(len.div_ceil(GRANULE).max(1))
        } else {
            let pages = len.next_multiple_of(4096);
            map(pages).map(|start| (start, Place::Pages(pages)))
        }
        // Without a mapping the secret is still erased, only not locked: better than no key.
        .unwrap_or_else(|| heap(len));
        Self { start, len, place }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: start is valid for len initialised bytes until drop, and `&self` forbids writes.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `&mut self` is the only access.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: any eight bytes are a number, and any number is eight bytes.
        let (head, words, tail) = unsafe { self.bytes_mut().align_to_mut::<u64>() };
        // A word at a time: bytes take eight times as long, because none of the writes may be left out.
        head.zeroize();
        words.zeroize();
        tail.zeroize();
        match self.place {
            Place::Granules { chunk, word, mask } => chunk.release(word, mask),
            Place::Pages(len) => {
                // SAFETY: `map` made the mapping of this size, and nobody else gives it back.
                let _ = unsafe { munmap(self.start.as_ptr().cast(), len) };
            }
            // SAFETY: `heap` allocated it with this layout.
            Place::Heap(layout) => unsafe { dealloc(self.start.as_ptr(), layout) },
        }
    }
}

/// The zeroed memory of one password hash, in pages that go back to the system with it. A heap would
/// keep tens of MiB for each thread that ever hashed.
pub(crate) struct Blocks {
    start: NonNull<Block>,
    count: usize,
}

impl Blocks {
    /// None where memory is out.
    pub(crate) fn zeroed(count: usize) -> Option<Self> {
        let len = count.checked_mul(Block::SIZE)?;
        let start = pages(len)?;
        // Best effort: fewer faults, and addresses that are all over it cost less.
        // SAFETY: the range is the mapping just made; the advice does not change what the bytes are.
        let _ = unsafe { madvise(start.as_ptr().cast(), len, Advice::LinuxHugepage) };
        Some(Self {
            start: start.cast(),
            count,
        })
    }
}

impl AsMut<[Block]> for Blocks {
    fn as_mut(&mut self) -> &mut [Block] {
        // SAFETY: so many blocks from start on are mapped until drop, at a page, and zeroes are a value of
        // a block, which is an array of numbers; `&mut self` is the only access.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.count) }
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        self.as_mut().iter_mut().for_each(Zeroize::zeroize);
        // SAFETY: `pages` made the mapping of this size, and nobody else gives it back.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.count * Block::SIZE) };
    }
}

// SAFETY: a region owns its bytes, as a box does; the chunks' maps are atomic.
unsafe impl Send for Region {}
// SAFETY: through `&Region` the bytes can only be read.
unsafe impl Sync for Region {}

/// Locked memory that is handed out in granules. Chunks are never unmapped: they are a list that
/// only grows, so that it can be walked without a lock.
struct Chunk {
    start: NonNull<u8>,
    used: [Used; WORDS],
    next: AtomicPtr<Chunk>,
}

/// Which of 64 granules are taken. Each thread looks at another one first, alone in two lines of the cache.
#[repr(align(128))]
struct Used(AtomicU64);

// SAFETY: `start` never changes, and whose bytes are whose is decided by the atomic maps.
unsafe impl Sync for Chunk {}

/// The newest chunk: the head of the list.
static NEWEST: AtomicPtr<Chunk> = AtomicPtr::new(ptr::null_mut());
/// Where a search is likely to succeed: the chunk that gave or took a region last.
static LIKELY: AtomicPtr<Chunk> = AtomicPtr::new(ptr::null_mut());

impl Chunk {
    /// Takes `count` granules in a row.
    fn take(&'static self, count: usize) -> Option<(NonNull<u8>, Place)> {
        let run = u64::MAX >> (64 - count);
        let first = thread::number() % WORDS;
        (first..WORDS).chain(0..first).find_map(|word| {
            let Used(map) = self.used.get(word)?;
            let mut used = map.load(Ordering::Relaxed);
            loop {
                let bit = (0..=64 - count).find(|bit| used & (run << bit) == 0)?;
                let mask = run << bit;
                // Acquire: what the last owner wrote (zeroes) happened before.
                match map.compare_exchange_weak(
                    used,
                    used | mask,
                    Ordering::Acquire,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => {
                        // SAFETY: word < WORDS and bit < 64, so the sum stays inside the chunk.
                        let start = unsafe { self.start.add((word * 64 + bit) * GRANULE) };
                        return Some((
                            start,
                            Place::Granules {
                                chunk: self,
                                word,
                                mask,
                            },
                        ));
                    }
                    Err(now) => used = now,
                }
            }
        })
    }

    fn release(&'static self, word: usize, mask: u64) {
        if let Some(Used(map)) = self.used.get(word) {
            map.fetch_and(!mask, Ordering::Release);
        }
        self.is_likely();
    }

    /// Has the next search begin here. What all threads read is only written when it changes.
    fn is_likely(&'static self) {
        let chunk = ptr::from_ref(self).cast_mut();
        if LIKELY.load(Ordering::Relaxed) != chunk {
            LIKELY.store(chunk, Ordering::Release);
        }
    }
}

/// `count` granules of some chunk: the likely one, any other, or a new one.
fn shared(count: usize) -> Option<(NonNull<u8>, Place)> {
    let all = std::iter::successors(chunk_at(&NEWEST), |chunk| chunk_at(&chunk.next));
    let found = chunk_at(&LIKELY).into_iter().chain(all).find_map(|chunk| {
        let taken = chunk.take(count)?;
        chunk.is_likely();
        Some(taken)
    });
    found.or_else(|| grow()?.take(count))
}

/// A new chunk at the head of the list.
fn grow() -> Option<&'static Chunk> {
    let chunk: &'static Chunk = Box::leak(Box::new(Chunk {
        start: map(CHUNK)?,
        used: [const { Used(AtomicU64::new(0)) }; WORDS],
        next: AtomicPtr::new(ptr::null_mut()),
    }));
    let address = ptr::from_ref(chunk).cast_mut();
    let mut newest = NEWEST.load(Ordering::Acquire);
    loop {
        chunk.next.store(newest, Ordering::Relaxed);
        match NEWEST.compare_exchange_weak(newest, address, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => break,
            Err(now) => newest = now,
        }
    }
    LIKELY.store(address, Ordering::Release);
    Some(chunk)
}

fn chunk_at(pointer: &AtomicPtr<Chunk>) -> Option<&'static Chunk> {
    // SAFETY: null, or a chunk that `grow` leaked: valid for ever and never written but by atomics.
    unsafe { pointer.load(Ordering::Acquire).as_ref() }
}

/// Zeroed pages, locked and kept out of dumps as far as the system allows.
fn map(len: usize) -> Option<NonNull<u8>> {
    let start = pages(len)?;
    // Best effort: RLIMIT_MEMLOCK may be small, and then a secret may be swapped.
    // SAFETY: the range is the mapping just made.
    let _ = unsafe { mlock(start.as_ptr().cast(), len) };
    Some(start)
}

/// Zeroed pages, kept out of dumps as far as the system allows.
fn pages(len: usize) -> Option<NonNull<u8>> {
    // SAFETY: a new anonymous mapping at an address of the kernel's choice aliases nothing.
    let start = unsafe {
        mmap_anonymous(
            ptr::null_mut(),
            len,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE,
        )
    }
    .ok()?;
    // SAFETY: the range is the mapping just made; the advice does not change what the bytes are.
    let _ = unsafe { madvise(start, len, Advice::LinuxDontDump) };
    NonNull::new(start.cast())
}

/// The pools of random bytes, the same for all threads; none where `are_wanted` says so the first time,
/// or the kernel has none.
pub(crate) fn pools(are_wanted: impl FnOnce() -> bool) -> Option<&'static Pools> {
    static POOLS: PoolsOnce = PoolsOnce::new();
    POOLS.made(|| match are_wanted() {
        true => NewPools::map(),
        false => Err(Missing::ForGood),
    })
}

/// Pools that are made when they are first asked for.
///
/// Without a lock: a child that is forked as another thread makes them would wait for that thread for
/// ever. Two threads may make them at once, and those of the second one are given back.
struct PoolsOnce {
    made: AtomicPtr<Pools>,
    never: AtomicBool,
}

/// Why there are no pools.
enum Missing {
    /// Memory is out: who asks next may have them.
    ForNow,
    /// There will be none.
    ForGood,
}

impl PoolsOnce {
    const fn new() -> Self {
        Self {
            made: AtomicPtr::new(ptr::null_mut()),
            never: AtomicBool::new(false),
        }
    }

    /// The pools, that `new` makes where there are none yet.
    fn made(
        &'static self,
        new: impl FnOnce() -> Result<NewPools, Missing>,
    ) -> Option<&'static Pools> {
        // SAFETY: null, or what were new pools, never unmapped once they are here; they are made of atomics
        // alone, for which zeroes are a value, also when the kernel puts them there.
        let made = || unsafe { self.made.load(Ordering::Acquire).as_ref() };
        if let Some(pools) = made() {
            return Some(pools);
        }
        if self.never.load(Ordering::Relaxed) {
            return None;
        }
        let pools = new().inspect_err(|missing| {
            let for_good = matches!(missing, Missing::ForGood);
            self.never.fetch_or(for_good, Ordering::Relaxed);
        });
        let pools = pools.ok()?;
        let (null, first) = (ptr::null_mut(), pools.0.as_ptr());
        let set = (self.made).compare_exchange(null, first, Ordering::AcqRel, Ordering::Acquire);
        if set.is_ok() {
            std::mem::forget(pools);
        }
        made()
    }
}

/// Bytes that are mapped for the pools.
const POOLS_LEN: usize = size_of::<Pools>().next_multiple_of(4096);

/// Pools that nobody knows of yet, in zeroed pages that [`NewPools::map`] alone makes.
struct NewPools(NonNull<Pools>);

impl NewPools {
    /// In memory that the kernel zeroes in a forked child. Where it does not know how, there are none.
    fn map() -> Result<Self, Missing> {
        let new = Self(map(POOLS_LEN).ok_or(Missing::ForNow)?.cast());
        // SAFETY: the range is the mapping just made, and nobody uses it yet.
        let wiped = unsafe { madvise(new.0.as_ptr().cast(), POOLS_LEN, Advice::LinuxWipeOnFork) };
        wiped.map(|()| new).map_err(|error| match error {
            Errno::NOMEM | Errno::AGAIN => Missing::ForNow,
            _ => Missing::ForGood,
        })
    }
}

impl Drop for NewPools {
    fn drop(&mut self) {
        // SAFETY: the mapping that `map` made, and nobody else knows of it.
        let _ = unsafe { munmap(self.0.as_ptr().cast(), POOLS_LEN) };
    }
}

fn heap(len: usize) -> (NonNull<u8>, Place) {
    let Ok(layout) = Layout::from_size_align(len.max(1), GRANULE) else {
        handle_alloc_error(Layout::new::<u8>())
    };
    // SAFETY: the layout's size is not zero.
    let start = unsafe { alloc_zeroed(layout) };
    match NonNull::new(start) {
        Some(start) => (start, Place::Heap(layout)),
        None => handle_alloc_error(layout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_zero_also_where_a_secret_was_before() {
        for len in [1, 64, 65, 2048, 2049, 70_000] {
            let mut region = Region::zeroed(len);
            region.bytes_mut().fill(0xAA);
            drop(region);
            let region = Region::zeroed(len);
            assert!(region.bytes().iter().all(|byte| *byte == 0), "{len}");
        }
    }

    #[test]
    fn secrets_are_locked_and_left_out_of_dumps() {
        let may_lock = rustix::process::getrlimit(rustix::process::Resource::Memlock)
            .current
            // The tests of this process share it.
            .is_none_or(|limit| limit >= 128 * CHUNK as u64);
        for len in [32, 5000] {
            let region = Region::zeroed(len);
            let flags = flags_of_mapping(region.start.as_ptr().addr());
            assert!(flags.contains("dd"), "{flags}");
            assert!(flags.contains("lo") || !may_lock, "{flags}");
        }
    }

    #[test]
    fn the_memory_of_a_password_hash_is_zero_and_left_out_of_dumps() {
        for _ in 0..2 {
            let mut blocks = Blocks::zeroed(64).unwrap();
            let flags = flags_of_mapping(blocks.start.as_ptr().addr());
            assert!(flags.contains("dd"), "{flags}");
            let mut words = blocks.as_mut().iter().flat_map(AsRef::as_ref);
            assert!(words.all(|word| *word == 0));
            for block in blocks.as_mut() {
                block.as_mut().fill(u64::MAX);
            }
        }
        assert!(Blocks::zeroed(usize::MAX).is_none());
    }

    /// What the kernel says of the mapping at `address` (proc(5), `VmFlags`).
    fn flags_of_mapping(address: usize) -> String {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        for line in maps.lines() {
            let range = line
                .split_once(' ')
                .and_then(|(range, _)| range.split_once('-'));
            if let Some((from, to)) = range {
                let bound = |text| usize::from_str_radix(text, 16).unwrap();
                inside = (bound(from)..bound(to)).contains(&address);
            } else if let Some(flags) = line.strip_prefix("VmFlags: ").filter(|_| inside) {
                return flags.to_owned();
            }
        }
        String::new()
    }

    #[test]
    fn all_threads_have_the_same_pools() {
        static POOLS: PoolsOnce = PoolsOnce::new();
        let addresses = std::thread::scope(|scope| {
            let address = || ptr::from_ref(POOLS.made(NewPools::map).unwrap()).addr();
            let threads = [(); 8].map(|()| scope.spawn(address));
            threads.map(|thread| thread.join().unwrap())
        });
        assert_eq!(addresses, [addresses[0]; 8]);
    }

    #[test]
    fn pools_that_there_was_no_memory_for_are_made_later_and_those_that_nobody_wants_are_not() {
        static SHORT: PoolsOnce = PoolsOnce::new();
        assert!(SHORT.made(|| Err(Missing::ForNow)).is_none());
        assert!(SHORT.made(NewPools::map).is_some());
        static UNWANTED: PoolsOnce = PoolsOnce::new();
        assert!(UNWANTED.made(|| Err(Missing::ForGood)).is_none());
        assert!(UNWANTED.made(NewPools::map).is_none());
    }

    #[test]
    fn a_forked_child_finds_the_pools_empty_and_its_parent_does_not() {
        static POOLS: PoolsOnce = PoolsOnce::new();
        let pools = POOLS.made(NewPools::map).unwrap();
        let flags = flags_of_mapping(ptr::from_ref(pools).addr());
        assert!(flags.contains("dd"), "{flags}");
        pools.fill().unwrap();
        // SAFETY: the child has one thread, reads memory and exits at once.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let code = i32::from(!pools.are_new());
            // SAFETY: without destructors, as after a fork it has to be.
            unsafe { libc::_exit(code) };
        }
        let mut status = -1;
        // SAFETY: waits for that child, and writes its status.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!((waited, status), (child, 0));
        assert!(!pools.are_new());
    }

    #[test]
    fn no_two_regions_share_a_byte() {
        let mut regions: Vec<Region> = (0..3000).map(|n| Region::zeroed(1 + n % 700)).collect();
        for (mark, region) in (0..=255).cycle().zip(&mut regions) {
            region.bytes_mut().fill(mark);
        }
        for (mark, region) in (0..=255).cycle().zip(&regions) {
            assert!(region.bytes().iter().all(|byte| *byte == mark));
        }
    }

    #[test]
    fn threads_allocate_and_free_without_a_lock() {
        std::thread::scope(|scope| {
            for thread in 0..4u8 {
                scope.spawn(move || {
                    for round in 0..2000usize {
                        let mut region = Region::zeroed(1 + round % 300);
                        region.bytes_mut().fill(thread);
                        assert!(region.bytes().iter().all(|byte| *byte == thread));
                    }
                });
            }
        });
    }
}

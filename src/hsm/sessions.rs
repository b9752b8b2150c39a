//! The sessions of an application, by handle: a slab. A verb finds its session by the handle's
//! position and takes that session's own lock; there is nothing that two sessions share.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use parking_lot::{Mutex, MutexGuard};
use token::{Reason, Result, SessionHandle, SlotId, limits};

use crate::{
    session::{Active, Session},
    stripe::{STRIPES, Stripes},
};

/// Entries that are made at once.
const CHUNK: usize = 16;
const CHUNKS: usize = limits::SESSIONS / CHUNK;
/// Positions as a part of a handle; above it is the round, which makes handles unique.
const POSITIONS: u64 = limits::SESSIONS as u64;

/// The open sessions.
pub(crate) struct Sessions {
    chunks: [OnceLock<Box<[Entry; CHUNK]>>; CHUNKS],
    /// Where each thread looks for a free position first: it opened or closed the one before.
    next: Stripes<AtomicUsize>,
    /// No session gets a handle of an earlier round.
    first_round: AtomicU64,
}

/// One position. It has cache lines of its own: neighbours are other threads' sessions.
#[derive(Default)]
#[repr(align(128))]
struct Entry {
    /// Whose session it is, and in which slot: for who looks without the lock, and looks again
    /// when it has it. No session has the handle 0.
    handle: AtomicU64,
    slot: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How often the position has been used.
    round: u64,
    open: Option<(Session, Active)>,
}

/// A session that nobody else uses as long as this lives.
pub(crate) struct Held<'a>(MutexGuard<'a, State>);

impl Held<'_> {
    /// The session for one verb, unless its HSM is gone; what it keeps is true as of now.
    pub(crate) fn active(&mut self) -> Result<(&Session, &mut Active)> {
        let (session, active) = self.0.open.as_mut().ok_or(Reason::SessionHandleInvalid)?;
        session.seat.check()?;
        active.view.refresh(&session.seat);
        Ok((session, active))
    }

    /// The same, whether its HSM is gone or not.
    pub(crate) fn parts(&mut self) -> Option<(&Session, &mut Active)> {
        let (session, active) = self.0.open.as_mut()?;
        Some((session, active))
    }
}

impl Sessions {
    /// The session of this handle, when the verb that uses it has ended.
    pub(crate) fn get(&self, handle: SessionHandle) -> Option<Held<'_>> {
        let entry = self.entry(position(handle))?;
        entry.lock(handle).map(Held)
    }

    /// Puts a session in a free position: its handle, if there is one left.
    pub(crate) fn insert(&self, open: (Session, Active)) -> Option<SessionHandle> {
        let next = self.next.mine();
        let first = next.load(Ordering::Relaxed);
        let positions = (first..limits::SESSIONS).chain(0..first);
        for position in positions {
            let entry = self.made(position)?;
            if entry.handle.load(Ordering::Relaxed) != 0 {
                continue;
            }
            // Who asks for a handle of the past may hold it for a moment: then it is not free.
            let Some(mut state) = entry.state.try_lock() else {
                continue;
            };
            if state.open.is_some() {
                continue;
            }
            let first_round = self.first_round.load(Ordering::Relaxed);
            let round = state.round.saturating_add(1).max(first_round).max(1);
            // Handles do not come again: a position whose handles are used up stays empty.
            let Some(first_of_round) = round.checked_mul(POSITIONS) else {
                continue;
            };
            let handle = SessionHandle(first_of_round.saturating_add(position as u64));
            next.store((position + 1) % limits::SESSIONS, Ordering::Relaxed);
            entry.fill(&mut state, handle, open);
            return Some(handle);
        }
        None
    }

    /// Puts a session where its `handle` from before says, if nobody is there.
    pub(crate) fn insert_at(&self, handle: SessionHandle, open: (Session, Active)) -> bool {
        let Some(entry) = self.made(position(handle)) else {
            return false;
        };
        let mut state = entry.state.lock();
        let free = state.open.is_none();
        if free {
            entry.fill(&mut state, handle, open);
        }
        free
    }

    /// Takes the session of this handle out, when the verb that uses it has ended.
    pub(crate) fn remove(&self, handle: SessionHandle) -> Option<(Session, Active)> {
        let position = position(handle);
        let entry = self.entry(position)?;
        let mut state = entry.lock(handle)?;
        let open = state.open.take()?;
        entry.handle.store(0, Ordering::Release);
        self.next.mine().store(position, Ordering::Relaxed);
        Some(open)
    }

    /// Visits every session that no verb has at the moment; whether those are all, and each was done
    /// with.
    pub(crate) fn visit_idle(&self, mut visit: impl FnMut(&Session, &mut Active) -> bool) -> bool {
        let mut all = true;
        for entry in self.entries() {
            match entry.state.try_lock() {
                Some(mut state) => {
                    if let Some((session, active)) = state.open.as_mut() {
                        all &= visit(session, active);
                    }
                }
                None => all = false,
            }
        }
        all
    }

    /// No session gets a handle below `next` any more.
    pub(crate) fn skip(&self, next: u64) {
        let round = (next / POSITIONS).saturating_add(1);
        self.first_round.fetch_max(round, Ordering::Relaxed);
    }

    /// The handles of the sessions in `slot`, or of all, in the order of their positions.
    pub(crate) fn handles(&self, slot: Option<SlotId>) -> Vec<SessionHandle> {
        let handles = self
            .entries()
            .map(|entry| (entry, entry.handle.load(Ordering::Acquire)));
        let wanted = handles.filter(|(entry, handle)| {
            *handle != 0 && slot.is_none_or(|slot| entry.is_in(slot, *handle))
        });
        wanted.map(|(_, handle)| SessionHandle(handle)).collect()
    }

    /// Every position that was ever used.
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        let chunks = self.chunks.iter().filter_map(OnceLock::get);
        chunks.flat_map(|chunk| chunk.iter())
    }

    fn entry(&self, position: usize) -> Option<&Entry> {
        self.chunks
            .get(position / CHUNK)?
            .get()?
            .get(position % CHUNK)
    }

    /// The same, made if it is not there yet.
    fn made(&self, position: usize) -> Option<&Entry> {
        let chunk = self.chunks.get(position / CHUNK)?;
        chunk.get_or_init(Box::default).get(position % CHUNK)
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            chunks: [const { OnceLock::new() }; CHUNKS],
            next: Stripes::new(|stripe| AtomicUsize::new(stripe * (limits::SESSIONS / STRIPES))),
            first_round: AtomicU64::new(1),
        }
    }
}

impl Entry {
    /// Whether `handle`, which was read from here, is of a session in `slot`.
    fn is_in(&self, slot: SlotId, handle: u64) -> bool {
        // No handle comes twice: if it is here still, the slot is that of its session.
        self.slot.load(Ordering::Acquire) == slot.0 && self.handle.load(Ordering::Acquire) == handle
    }

    /// The state, if it is still that of `handle` once nobody else uses it.
    fn lock(&self, handle: SessionHandle) -> Option<MutexGuard<'_, State>> {
        // Without a session it is not waited for: a new one in the same place may be busy.
        if self.handle.load(Ordering::Acquire) != handle.0 {
            return None;
        }
        let state = self.state.lock();
        (self.handle.load(Ordering::Relaxed) == handle.0).then_some(state)
    }

    fn fill(&self, state: &mut State, handle: SessionHandle, open: (Session, Active)) {
        self.slot.store(open.0.seat.slot.0, Ordering::Release);
        self.handle.store(handle.0, Ordering::Release);
        state.round = handle.0 / POSITIONS;
        state.open = Some(open);
    }
}

fn position(handle: SessionHandle) -> usize {
    usize::try_from(handle.0 % POSITIONS).unwrap_or_default()
}

//! One application: its sessions by handle, and its seats by slot. What it asks is in `verbs`.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use crypto::random::Seeds;
use parking_lot::Mutex;
use token::{Access, ApplicationId, Error, Reason, Result, SessionHandle, SlotId, limits};

use crate::{
    cluster::{Caller, Login},
    engine::{Engine, Peer},
    failure::internal,
    memory::Memory,
    object::Maker,
    operation::Operations,
    seat::Seat,
    session::Session,
    slot_events::SlotEvents,
    table::Table,
};

/// An application, from `C_Initialize` to `C_Finalize`: answers the verbs of [`token::Hsm`].
pub struct Application {
    engine: Arc<Engine>,
    id: ApplicationId,
    peer: Peer,
    /// Shared with all applications of the uid.
    memory: Memory,
    sessions: Table<Session>,
    next_session: AtomicU64,
    seats: Mutex<Seats>,
    slot_events: SlotEvents,
    /// What it has added to the randomness; most applications add nothing.
    seeds: OnceLock<Mutex<Seeds>>,
}

/// Where the application has sessions; none, and never again, once it has ended.
type Seats = Option<BTreeMap<SlotId, Arc<Seat>>>;

impl Application {
    /// A new application without sessions.
    pub(crate) fn new(
        engine: Arc<Engine>,
        id: ApplicationId,
        peer: Peer,
        memory: Memory,
    ) -> Arc<Self> {
        Arc::new(Self {
            engine,
            id,
            peer,
            memory,
            sessions: Table::default(),
            next_session: AtomicU64::new(1),
            seats: Mutex::new(Some(BTreeMap::new())),
            slot_events: SlotEvents::default(),
            seeds: OnceLock::new(),
        })
    }

    /// Its id.
    pub fn id(&self) -> ApplicationId {
        self.id
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(crate) fn slot_events(&self) -> &SlotEvents {
        &self.slot_events
    }

    /// Adds `seed` to the randomness that this application draws.
    pub(crate) fn seed_random(&self, seed: &[u8]) -> Result<()> {
        if self.seeds.get().is_none() {
            // Another thread may be first; then this value is not used.
            let _ = self.seeds.set(Mutex::new(Seeds::new().map_err(internal)?));
        }
        if let Some(seeds) = self.seeds.get() {
            seeds.lock().add(seed);
        }
        Ok(())
    }

    /// Fills `bytes` with random bytes for the application.
    pub(crate) fn fill_random(&self, bytes: &mut [u8]) -> Result<()> {
        let filled = match self.seeds.get() {
            None => crypto::random::fill(bytes),
            Some(seeds) => seeds.lock().fill(bytes),
        };
        filled.map_err(internal)
    }

    /// Who asks, without a login.
    pub(crate) fn caller(&self) -> Caller {
        Caller::new(self.id, self.peer.uid)
    }

    /// Who asks in `seat`.
    pub(crate) fn caller_in(&self, seat: &Seat) -> Caller {
        match seat.keyring() {
            Some(keyring) => self.caller().with_user(&keyring),
            None => self.caller(),
        }
    }

    /// Who makes objects in `seat`, as far as the attribute table asks.
    pub(crate) fn maker_in(&self, seat: &Seat) -> Maker {
        Maker {
            profile: self.engine.profile(),
            security_officer: seat.login_state() == token::LoginState::SecurityOfficer,
        }
    }

    /// Does `work` that takes a processor for long when it is the uid's turn, unless the application
    /// has ended meanwhile.
    pub(crate) fn in_turn<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.engine.turns.run(self.peer.uid, || {
            self.seats.lock().as_ref().ok_or_else(ended)?;
            work()
        })
    }

    /// The session of this handle.
    pub(crate) fn session_of(&self, handle: SessionHandle) -> Result<Arc<Session>> {
        self.sessions
            .get(handle.0)
            .ok_or_else(|| Reason::SessionHandleInvalid.into())
    }

    /// The seat in `slot`, if a session is open there.
    pub(crate) fn seat_in(&self, slot: SlotId) -> Option<Arc<Seat>> {
        self.seats.lock().as_ref()?.get(&slot).cloned()
    }

    /// All sessions that share `seat`.
    pub(crate) fn sessions_of(&self, seat: &Arc<Seat>) -> Vec<Arc<Session>> {
        let found = self
            .sessions
            .all(|session| Arc::ptr_eq(&session.seat, seat));
        found.into_iter().map(|(_, session)| session).collect()
    }

    /// Session objects in all slots.
    pub(crate) fn session_objects(&self) -> usize {
        let seats = self.seats.lock();
        seats
            .iter()
            .flat_map(BTreeMap::values)
            .map(|seat| seat.objects.len())
            .sum()
    }

    /// Opens a session: under `handle`, when it is one that is taken up again.
    pub(crate) fn open(
        &self,
        slot: SlotId,
        access: Access,
        handle: Option<SessionHandle>,
    ) -> Result<SessionHandle> {
        let place = self.engine.slot(slot)?;
        let cluster = place.cluster()?;
        let presence = place.presence()?;
        let mut seats = self.seats.lock();
        let seats = seats.as_mut().ok_or_else(ended)?;
        if self.sessions.len() >= limits::SESSIONS {
            let words = format!("an application has at most {}", limits::SESSIONS);
            return Err(Error::new(Reason::SessionCount, words));
        }
        let seat = match seats.get(&slot) {
            Some(seat) => {
                seat.enter(access)?;
                seat.clone()
            }
            None => {
                let seat = Arc::new(Seat::new(slot, cluster.clone()));
                seat.enter(access)?;
                seats.insert(slot, seat.clone());
                seat
            }
        };
        let handle = handle
            .unwrap_or_else(|| SessionHandle(self.next_session.fetch_add(1, Ordering::Relaxed)));
        let operations = Operations::new(self.memory.clone(), self.engine.profile());
        self.sessions
            .insert(handle.0, Session::new(access, seat, presence, operations));
        Ok(handle)
    }

    /// No session gets a handle below `next` any more.
    pub(crate) fn skip_sessions(&self, next: u64) {
        self.next_session.fetch_max(next, Ordering::Relaxed);
    }

    /// Closes a session, with its objects; with the last one in a slot goes the login.
    pub(crate) fn close(&self, handle: SessionHandle) -> Result<()> {
        let session = self
            .sessions
            .remove(handle.0)
            .ok_or(Reason::SessionHandleInvalid)?;
        let seat = &session.seat;
        for object in session.close() {
            seat.objects.remove(object.0);
        }
        let login = {
            let mut seats = self.seats.lock();
            let (last, login) = seat.leave(session.access);
            if last && let Some(seats) = seats.as_mut() {
                seats.remove(&seat.slot);
            }
            login
        };
        login.map_or(Ok(()), |login| self.end_login(seat, &login))
    }

    /// Closes every session that is open in `slot`, or anywhere.
    pub(crate) fn close_all(&self, slot: Option<SlotId>) -> Result<()> {
        let wanted = |session: &Session| slot.is_none_or(|slot| session.seat.slot == slot);
        let mut done = Ok(());
        for (handle, _) in self.sessions.all(wanted) {
            match self.close(SessionHandle(handle)) {
                // Another thread closed it first.
                Err(error) if error.reason == Reason::SessionHandleInvalid => {}
                Err(error) => done = Err(error),
                Ok(()) => {}
            }
        }
        done
    }

    /// Lets no session be opened any more, and closes those that are.
    pub(crate) fn finish(&self) -> Result<()> {
        self.slot_events.end();
        let seats = self.seats.lock().take();
        drop(seats);
        self.close_all(None)
    }

    /// Tells the cluster that a login has ended; its keys are gone from here already.
    pub(crate) fn end_login(&self, seat: &Seat, login: &Login) -> Result<()> {
        let caller = self.caller().with_user(&login.keyring);
        seat.cluster.logout(&caller, login)
    }
}

fn ended() -> Error {
    Error::new(Reason::NotFound, "the application has ended")
}

//! One application: its sessions by handle, and its seats by slot. What it asks is in `verbs`.

use std::{
    sync::{Arc, OnceLock},
    thread,
    time::{Duration, Instant},
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
    seats::{Seats, Share},
    session::{Active, Session},
    sessions::{Held, Sessions},
    slot_events::SlotEvents,
};

/// How long the end of an application waits for sessions that are being opened.
const PATIENCE: Duration = Duration::from_secs(5);

/// An application, from `C_Initialize` to `C_Finalize`: answers the verbs of [`token::Hsm`].
pub struct Application {
    engine: Arc<Engine>,
    id: ApplicationId,
    peer: Peer,
    /// Shared with all applications of the uid.
    memory: Memory,
    sessions: Sessions,
    seats: Seats,
    slot_events: SlotEvents,
    /// What it has added to the randomness; most applications add nothing.
    seeds: OnceLock<Mutex<Seeds>>,
}

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
            sessions: Sessions::default(),
            seats: Seats::new(),
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
            login: seat.login_state(),
        }
    }

    /// Does `work` that takes a processor for long when it is the uid's turn, unless the application
    /// has ended meanwhile.
    pub(crate) fn in_turn<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.engine.turns.run(self.peer.uid, || {
            self.seats.check()?;
            work()
        })
    }

    /// The session of this handle, for one verb: when the one before it has ended.
    pub(crate) fn session_of(&self, handle: SessionHandle) -> Result<Held<'_>> {
        let held = self.sessions.get(handle);
        held.ok_or_else(|| Reason::SessionHandleInvalid.into())
    }

    /// The seat of a session, for a verb that does not keep the session's other verbs waiting.
    pub(crate) fn seat_of(&self, handle: SessionHandle) -> Result<Arc<Share>> {
        let mut session = self.session_of(handle)?;
        let (session, _) = session.active()?;
        Ok(session.seat.clone())
    }

    /// Where it has sessions.
    pub(crate) fn seats(&self) -> &Seats {
        &self.seats
    }

    /// Ends operations and searches of all sessions that share `seat`: a verb that found the login
    /// before is waited for.
    pub(crate) fn cancel_all(&self, seat: &Seat) {
        for handle in self.sessions.handles(Some(seat.slot)) {
            if let Some(mut session) = self.sessions.get(handle)
                && let Some((session, active)) = session.parts()
                && session.seat.is_of(seat)
            {
                active.cancel();
            }
        }
    }

    /// Has every session that no verb uses let go of what is there no more; whether that was all.
    pub(crate) fn let_go(&self) -> bool {
        self.sessions
            .visit_idle(|session, active| active.let_go(&session.seat))
    }

    /// Opens a session: under `handle`, when it is one that is taken up again.
    pub(crate) fn open(
        &self,
        slot: SlotId,
        access: Access,
        handle: Option<SessionHandle>,
    ) -> Result<SessionHandle> {
        let seat = self.seats.enter(&self.engine, &self.memory, slot, access)?;
        let active = Active::new(Operations::new(seat.memory.clone(), self.engine.profile()));
        let session = Session {
            access,
            seat: seat.clone(),
        };
        let open = (session, active);
        let opened = match handle {
            None => self.sessions.insert(open),
            Some(handle) => self.sessions.insert_at(handle, open).then_some(handle),
        };
        if let Some(handle) = opened {
            return Ok(handle);
        }
        if let Some(login) = self.seats.leave(&seat, access) {
            self.end_login(&seat, &login)?;
        }
        let words = format!("an application has at most {}", limits::SESSIONS);
        Err(Error::new(Reason::SessionCount, words))
    }

    /// No session gets a handle below `next` any more.
    pub(crate) fn skip_sessions(&self, next: u64) {
        self.sessions.skip(next);
    }

    /// Closes a session, with its objects; with the last one in a slot goes the login.
    pub(crate) fn close(&self, handle: SessionHandle) -> Result<()> {
        let closed = self.sessions.remove(handle);
        let (Session { access, seat }, active) = closed.ok_or(Reason::SessionHandleInvalid)?;
        let mut left_over = false;
        for object in active.into_objects() {
            left_over |= seat.objects.remove(object.0).is_some();
        }
        if left_over {
            self.engine.leftovers.say();
        }
        let login = self.seats.leave(&seat, access);
        login.map_or(Ok(()), |login| self.end_login(&seat, &login))
    }

    /// Closes every session that is open in `slot`, or anywhere.
    pub(crate) fn close_all(&self, slot: Option<SlotId>) -> Result<()> {
        let mut done = Ok(());
        for handle in self.sessions.handles(slot) {
            match self.close(handle) {
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
        self.seats.end();
        let mut done = self.close_all(None);
        let begun = Instant::now();
        // One that was being opened meanwhile is counted, and found at once.
        while self.seats.are_taken() {
            if begun.elapsed() > PATIENCE {
                let uid = self.peer.uid;
                log::error!("uid {uid}: sessions are counted that are not there");
                return done.and(Err(Reason::Internal.into()));
            }
            thread::yield_now();
            done = done.and(self.close_all(None));
        }
        done
    }

    /// Tells the cluster that a login has ended; its keys are gone from here already.
    pub(crate) fn end_login(&self, seat: &Seat, login: &Login) -> Result<()> {
        let caller = self.caller().with_user(&login.keyring);
        seat.cluster.logout(&caller, login)
    }
}

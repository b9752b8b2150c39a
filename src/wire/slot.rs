//! A slot: memory in which one client thread and its thread in hsmd pass frames to and fro. Who waits
//! spins for a moment where there is a core for it, then sleeps at a futex, and at last at the
//! socket, where the end of the other side is noticed and an idle hsmd costs nothing.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use rustix::{
    event::Timespec,
    thread::futex::{self, Flags},
};

use crate::{
    frame::{self, Fault, Header, Kind, Reader},
    memory::Shared,
    pace,
};

/// Bytes of one frame: 1 MiB of data and what is around it.
pub(crate) const ROOM: usize = (1 << 20) + 64 * 1024;

/// Which words of the memory mean what.
const STATE: usize = 0;
const SERVER: usize = 1;
const CLIENT: usize = 2;

/// What a side is doing, in its own word.
const AWAKE: u32 = 0;
const AT_FUTEX: u32 = 1;
const AT_SOCKET: u32 = 2;

/// What the state says. (A peer can write what it likes: it only ever misleads itself.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing is asked.
    Idle = 0,
    /// There is a request in the memory.
    Asked = 1,
    /// There is a request in the socket, or will be at once.
    AskedAtSocket = 2,
    /// There is an answer in the memory.
    Answered = 3,
    /// There is an answer in the socket, or will be at once.
    AnsweredAtSocket = 4,
    /// One side has gone.
    Closed = 5,
}

impl State {
    fn of(word: u32) -> Self {
        match word {
            1 => Self::Asked,
            2 => Self::AskedAtSocket,
            3 => Self::Answered,
            4 => Self::AnsweredAtSocket,
            5 => Self::Closed,
            _ => Self::Idle,
        }
    }

    /// Whether it is the turn of `side`.
    fn calls(self, side: Side) -> bool {
        match side {
            Side::Server => matches!(self, Self::Asked | Self::AskedAtSocket | Self::Closed),
            Side::Client => matches!(self, Self::Answered | Self::AnsweredAtSocket | Self::Closed),
        }
    }
}

/// One of the two that use a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

/// What the other side did when it was given the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Awake,
    /// It has been woken.
    Slept,
    /// It has to be woken there.
    SleepsAtSocket,
}

impl Peer {
    /// Wakes it at the socket, if that is where it sleeps.
    pub(crate) fn call(self, socket: BorrowedFd<'_>) -> io::Result<()> {
        match self {
            Self::SleepsAtSocket => frame::send(socket, &frame::LOOK, &[]),
            Self::Awake | Self::Slept => Ok(()),
        }
    }
}

/// What a side has found at the socket.
pub(crate) enum Found {
    /// Its turn.
    Turn(State),
    /// A frame, which the peer sent there.
    Frame(Header),
}

/// One side's end of a slot.
pub(crate) struct Slot {
    memory: Shared,
    side: Side,
}

impl Slot {
    /// hsmd's end of a new slot, and the file that the other end is opened from.
    pub(crate) fn new() -> io::Result<(Self, OwnedFd)> {
        let (memory, file) = Shared::new(ROOM)?;
        Ok((Self::of(memory, Side::Server), file))
    }

    /// The client's end.
    pub(crate) fn open(file: &OwnedFd) -> io::Result<Self> {
        Ok(Self::of(Shared::open(file, ROOM)?, Side::Client))
    }

    fn of(memory: Shared, side: Side) -> Self {
        Self { memory, side }
    }

    /// The bytes.
    pub(crate) fn memory(&self) -> &Shared {
        &self.memory
    }

    /// Whose turn it is.
    pub(crate) fn state(&self) -> State {
        State::of(self.word(STATE).load(Ordering::SeqCst))
    }

    /// Takes note of a request that comes over the socket.
    pub(crate) fn take(&self) {
        self.word(STATE).store(State::Idle as u32, Ordering::SeqCst);
    }

    /// Gives the turn with an answer that was worked for so long.
    #[must_use]
    pub(crate) fn answer(&self, state: State, worked: Duration) -> Peer {
        let worked = u32::try_from(worked.as_nanos()).unwrap_or(u32::MAX);
        self.worked_for().store(worked, Ordering::Relaxed);
        self.turn(state)
    }

    /// How long hsmd has worked for the answer that is there, up to four seconds.
    pub(crate) fn worked(&self) -> Duration {
        Duration::from_nanos(self.worked_for().load(Ordering::Relaxed).into())
    }

    /// Gives the turn to the other side, and wakes it where that can be done from here.
    #[must_use]
    pub(crate) fn turn(&self, state: State) -> Peer {
        self.word(STATE).swap(state as u32, Ordering::SeqCst);
        let peer = self.word(match self.side {
            Side::Server => CLIENT,
            Side::Client => SERVER,
        });
        if peer.load(Ordering::SeqCst) == AWAKE {
            return Peer::Awake;
        }
        match peer.swap(AWAKE, Ordering::SeqCst) {
            AT_SOCKET => Peer::SleepsAtSocket,
            AT_FUTEX => {
                let _ = futex::wake(self.word(STATE), Flags::empty(), 1);
                Peer::Slept
            }
            _ => Peer::Awake,
        }
    }

    /// Looks for its turn for as long as `time`.
    pub(crate) fn look(&self, time: Duration) -> Option<State> {
        pace::look(time, || self.called())
    }

    /// Sleeps until it is its turn, without the socket; none if that would take too long.
    pub(crate) fn sleep(&self, patience: Duration) -> Option<State> {
        let called = self.called();
        if called.is_some() {
            return called;
        }
        let begun = Instant::now();
        while let Some(left) = patience.checked_sub(begun.elapsed()) {
            self.own().store(AT_FUTEX, Ordering::SeqCst);
            let word = self.word(STATE).load(Ordering::SeqCst);
            let state = self.called_by(State::of(word));
            if state.is_none() {
                let left = Timespec {
                    tv_sec: left.as_secs().cast_signed(),
                    tv_nsec: left.subsec_nanos().into(),
                };
                // A time that is over, a signal, a state that has changed: each has us look again.
                let _ = futex::wait(self.word(STATE), Flags::empty(), word, Some(&left));
            }
            self.own().store(AWAKE, Ordering::SeqCst);
            if let Some(state) = state.or_else(|| self.called()) {
                return Some(state);
            }
        }
        None
    }

    /// The state, if it is its turn.
    pub(crate) fn called(&self) -> Option<State> {
        self.called_by(self.state())
    }

    fn called_by(&self, state: State) -> Option<State> {
        state.calls(self.side).then_some(state)
    }

    /// Waits at the socket, for its turn or for a frame.
    ///
    /// A peer that stood still between giving a turn and calling calls late: the turn has been
    /// found without it, and given back. What it sees then is our word of the next wait, so its Look
    /// is read in that wait and in no other, and there is at most one: it gives no further turn
    /// before it has called.
    pub(crate) fn wait_at_socket(
        &self,
        reader: &mut Reader,
        socket: BorrowedFd<'_>,
    ) -> Result<Found, Fault> {
        let mut was_late = false;
        loop {
            if let Some(state) = self.go_to_socket() {
                return Ok(Found::Turn(state));
            }
            let header = reader.header(socket)?;
            self.own().store(AWAKE, Ordering::SeqCst);
            if header.kind != Kind::Look {
                return Ok(Found::Frame(header));
            }
            reader.done(&header);
            match self.state() {
                state if state.calls(self.side) => return Ok(Found::Turn(state)),
                // No turn has been given that could have been taken.
                State::Idle => return Err(NOTHING_THERE),
                _ if was_late => return Err(NOTHING_THERE),
                _ => was_late = true,
            }
        }
    }

    /// From here on the other side wakes us at the socket, unless it is our turn already.
    fn go_to_socket(&self) -> Option<State> {
        self.own().store(AT_SOCKET, Ordering::SeqCst);
        let state = self.state();
        // Who finds our word changed will find something in the socket, too, and must read it.
        (state.calls(self.side) && self.own().swap(AWAKE, Ordering::SeqCst) == AT_SOCKET)
            .then_some(state)
    }

    fn own(&self) -> &AtomicU32 {
        self.word(match self.side {
            Side::Server => SERVER,
            Side::Client => CLIENT,
        })
    }

    /// For how many nanoseconds: beside the state, which comes with it from the other core.
    fn worked_for(&self) -> &AtomicU32 {
        self.memory.beside(STATE)
    }

    fn word(&self, number: usize) -> &AtomicU32 {
        self.memory.word(number)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Who sleeps at the socket notices the end there.
        let _ = self.turn(State::Closed);
        if self.side == Side::Server {
            // A client that keeps its descriptor would keep memory of hsmd's that nobody counts any
            // more. One that has not seen the state notices the end at the socket.
            self.memory.give_back();
        }
    }
}

const NOTHING_THERE: Fault = Fault::Broken("a call to look where nothing is");

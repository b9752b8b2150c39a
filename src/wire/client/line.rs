//! The line to one thread of hsmd: a slot of shared memory where there is one and the frame fits,
//! and the socket for everything else.

use std::{
    io,
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
    time::Duration,
};

use crate::{
    buffer::Buffer,
    frame::{self, Fault, HEADER, Header, Reader},
    memory::View,
    message::Work,
    pace::Answers,
    slot::{Found, Peer, ROOM, Slot, State},
};

/// How long an answer is waited for at the slot. Then at the socket, where the end of hsmd is
/// noticed, too.
const PATIENCE: Duration = Duration::from_millis(10);

/// What carries frames to and fro.
pub(super) struct Line {
    pub(super) socket: UnixStream,
    reader: Reader,
    slot: Option<Slot>,
    /// What hsmd shows to all its clients.
    pub(super) view: Option<Arc<View>>,
    /// Whether this process has a core for itself and one for hsmd.
    has_cores: bool,
    pace: Answers,
    /// What hsmd has been asked for.
    work: Work,
    /// Whether hsmd's thread slept when it was asked.
    was_asleep: bool,
    /// Where the frame is that is being dealt with.
    in_slot: bool,
    /// Bytes of the slot that have been written.
    used: usize,
    /// The body of an answer, copied from the slot.
    body: Buffer,
}

impl Line {
    pub(super) fn new(socket: UnixStream) -> Self {
        let mut reader = Reader::new();
        reader.take_descriptors();
        Self {
            socket,
            reader,
            slot: None,
            view: None,
            has_cores: rustix::thread::sched_getaffinity(None).is_ok_and(|set| set.count() > 1),
            pace: Answers::new(),
            work: Work::OTHER,
            was_asleep: false,
            in_slot: false,
            used: 0,
            body: Buffer::new(),
        }
    }

    /// Maps what hsmd has passed with its Welcome. Without it, everything goes over the socket.
    pub(super) fn share(&mut self) {
        let mut passed = self.reader.descriptors().into_iter();
        let complain = |error: &io::Error| log::warn!("memory of hsmd cannot be used: {error}");
        let view = passed
            .next()
            .and_then(|file| View::open(&file).inspect_err(complain).ok());
        self.view = view.map(Arc::new);
        if self.view.is_some() {
            self.slot = passed
                .next()
                .and_then(|file| Slot::open(&file).inspect_err(complain).ok());
        }
    }

    /// Whether frames go through memory.
    pub(super) fn has_slot(&self) -> bool {
        self.slot.is_some()
    }

    /// Sends a frame and its data: what hsmd is asked for, if it will not take its time. What will
    /// goes over the socket.
    pub(super) fn send(&mut self, frame: &[u8], data: &[u8], work: Option<Work>) -> io::Result<()> {
        let len = frame.len() + data.len();
        self.in_slot = false;
        self.work = work.unwrap_or(Work::OTHER);
        if let Some(slot) = &self.slot {
            self.in_slot = work.is_some()
                && len <= ROOM
                && slot.memory().write(0, frame)
                && slot.memory().write(frame.len(), data);
            if self.in_slot {
                self.used = len;
                let peer = slot.turn(State::Asked);
                self.was_asleep = peer != Peer::Awake;
                return peer.call(self.socket.as_fd());
            }
            // The frame itself wakes hsmd.
            let _ = slot.turn(State::AskedAtSocket);
        }
        frame::send(self.socket.as_fd(), frame, data)
    }

    /// Waits for the next frame and reads its header.
    pub(super) fn header(&mut self) -> Result<Header, Fault> {
        let in_slot = std::mem::take(&mut self.in_slot);
        let Some(slot) = self.slot.as_ref().filter(|_| in_slot) else {
            return self.reader.header(self.socket.as_fd());
        };
        let is_calm = self.has_cores && self.view.as_ref().is_some_and(|view| view.is_calm());
        let looked_for = match is_calm {
            true => self.pace.time(self.work, self.was_asleep),
            false => None,
        };
        let looked = looked_for.and_then(|time| {
            let state = slot.look(time);
            self.pace.looked(state.is_some());
            state
        });
        let found = match looked.or_else(|| slot.sleep(PATIENCE)) {
            Some(state) => Found::Turn(state),
            None => slot.wait_at_socket(&mut self.reader, self.socket.as_fd())?,
        };
        if matches!(found, Found::Turn(State::Answered)) {
            self.pace.learn(self.work, slot.worked());
        }
        match found {
            Found::Turn(State::Answered) => self.header_in_slot(),
            Found::Turn(State::AnsweredAtSocket) => self.reader.header(self.socket.as_fd()),
            Found::Turn(_) => Err(Fault::Closed),
            Found::Frame(header) => Ok(header),
        }
    }

    /// The frame's body.
    pub(super) fn body(&mut self, header: &Header) -> Result<&[u8], Fault> {
        let Some(slot) = self.slot.as_ref().filter(|_| self.in_slot) else {
            return self.reader.body(self.socket.as_fd(), header);
        };
        match slot
            .memory()
            .read(HEADER, self.body.of_len(header.body_len))
        {
            true => Ok(self.body.filled()),
            false => Err(NOT_THERE),
        }
    }

    /// The frame's data, to where it belongs.
    pub(super) fn data_into(&mut self, header: &Header, output: &mut [u8]) -> Result<(), Fault> {
        let Some(slot) = self.slot.as_ref().filter(|_| self.in_slot) else {
            return self.reader.data_into(self.socket.as_fd(), header, output);
        };
        let output = output.get_mut(..header.data_len).ok_or(NOT_THERE)?;
        match slot.memory().read(HEADER + header.body_len, output) {
            true => Ok(()),
            false => Err(NOT_THERE),
        }
    }

    /// Forgets the frame, and the request that it answers. An answer of an hsmd that has left while
    /// it was read is none: it gives the memory back, and what was read may not have been there.
    pub(super) fn done(&mut self, header: &Header) -> Result<(), Fault> {
        let in_slot = self.slot.as_ref().filter(|_| self.in_slot);
        // What was copied was copied before this.
        fence(Ordering::Acquire);
        let is_there = in_slot.is_none_or(|slot| slot.state() == State::Answered);
        match in_slot {
            Some(_) => self.body.clear(),
            None => self.reader.done(header),
        }
        if let Some(slot) = &self.slot {
            slot.memory().erase(self.used);
            self.used = 0;
        }
        is_there.then_some(()).ok_or(Fault::Closed)
    }

    fn header_in_slot(&mut self) -> Result<Header, Fault> {
        let mut bytes = [0; HEADER];
        let slot = self.slot.as_ref().ok_or(NOT_THERE)?;
        slot.memory().fetch();
        if !slot.memory().read(0, &mut bytes) {
            return Err(NOT_THERE);
        }
        let header = Header::decode(&bytes)?;
        self.used = self
            .used
            .max(HEADER + header.body_len + header.data_len)
            .min(ROOM);
        self.in_slot = true;
        Ok(header)
    }
}

const NOT_THERE: Fault = Fault::Broken("a frame that is longer than its memory");

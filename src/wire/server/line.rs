//! The line to one client: where its requests come from and where their answers go. What comes
//! through memory is copied before anybody looks at it.

use std::{
    io,
    os::{fd::AsFd, unix::net::UnixStream},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::tally::Held;
use crate::{
    buffer::Buffer,
    frame::{self, Fault, HEADER, Header, Reader},
    memory::Board,
    pace::Requests,
    slot::{Found, ROOM, Slot, State},
};

/// How long a request is waited for at the slot; a client that says nothing for longer wakes us at
/// the socket.
const PATIENCE: Duration = Duration::from_millis(2);

/// How long a client may take to read its last answer, when its connection is ended in the middle.
const LAST_ANSWER: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// What carries frames to and fro.
pub(super) struct Line<'a> {
    socket: &'a UnixStream,
    reader: Reader,
    shared: Option<Busy<'a>>,
    /// Where the request is that is being answered.
    in_slot: bool,
    taken: Buffer,
}

/// A slot, counted for its user, and whether it is counted as busy.
struct Busy<'a> {
    slot: Slot,
    board: &'a Board,
    is_busy: bool,
    pace: Requests,
    /// When the request was found.
    asked: Instant,
    /// Whether the client has ever taken notice of the slot. One that has not speaks over the
    /// socket alone, and is listened to there.
    is_used: bool,
    _counted: Held,
}

impl Busy<'_> {
    fn is_busy(&mut self, is_busy: bool) {
        match (self.is_busy, is_busy) {
            (false, true) => self.board.begin(),
            (true, false) => self.board.end(),
            _ => {}
        }
        self.is_busy = is_busy;
    }

    /// Waits for a request at the slot, but not for long. Looks for it first where there is a core for
    /// that.
    fn wait(&mut self) -> Option<State> {
        let called = self.slot.called();
        if called.is_some() {
            return called;
        }
        if self.board.is_calm()
            && let Some(time) = self.pace.time()
        {
            let called = self.slot.look(time);
            self.pace.looked(called.is_some());
            if called.is_some() {
                return called;
            }
        }
        self.slot.sleep(PATIENCE)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.is_busy(false);
    }
}

impl Drop for Line<'_> {
    /// The memory goes with the slot, and with it an answer that the client may just be reading: one
    /// that has hung up reads no more.
    fn drop(&mut self) {
        let shared = self.shared.as_ref();
        if shared.is_some_and(|shared| shared.slot.state() == State::Answered) {
            let mut client = [PollFd::new(self.socket, PollFlags::empty())];
            let _ = rustix::event::poll(&mut client, Some(&LAST_ANSWER));
        }
    }
}

impl<'a> Line<'a> {
    pub(super) fn new(
        socket: &'a UnixStream,
        reader: Reader,
        slot: Option<(Slot, Held, &'a Board)>,
        kept: usize,
    ) -> Self {
        let shared = slot.map(|(slot, _counted, board)| Busy {
            slot,
            board,
            is_busy: false,
            pace: Requests::default(),
            asked: Instant::now(),
            is_used: false,
            _counted,
        });
        Self {
            socket,
            reader,
            shared,
            in_slot: false,
            taken: Buffer::keeping(kept),
        }
    }

    /// Waits for the next request and reads its header; none when the client has gone.
    pub(super) fn header(&mut self) -> Result<Option<Header>, Fault> {
        self.in_slot = false;
        let found = match &mut self.shared {
            None => self.reader.header(self.socket.as_fd()).map(Some),
            Some(_) => self.header_of_either(),
        };
        match found {
            Err(Fault::Closed) => Ok(None),
            found => found,
        }
    }

    fn header_of_either(&mut self) -> Result<Option<Header>, Fault> {
        let Some(shared) = &mut self.shared else {
            return Ok(None);
        };
        let state = match shared.is_used {
            true => shared.wait(),
            false => None,
        };
        let found = match state {
            Some(state) => Found::Turn(state),
            None => {
                shared.is_busy(false);
                shared
                    .slot
                    .wait_at_socket(&mut self.reader, self.socket.as_fd())?
            }
        };
        shared.is_used |= shared.slot.state() != State::Idle;
        match found {
            Found::Turn(State::Asked) => self.header_in_slot().map(Some),
            Found::Turn(State::AskedAtSocket) => {
                shared.is_busy(false);
                shared.slot.take();
                self.reader.header(self.socket.as_fd()).map(Some)
            }
            Found::Turn(_) => Ok(None),
            Found::Frame(header) => {
                shared.slot.take();
                Ok(Some(header))
            }
        }
    }

    /// The request's body and data.
    pub(super) fn whole(&mut self, header: &Header) -> Result<(&[u8], &[u8]), Fault> {
        let Some(shared) = self.shared.as_ref().filter(|_| self.in_slot) else {
            return self.reader.whole(self.socket.as_fd(), header);
        };
        // From here on the client may write what it likes: only the copy counts.
        let taken = self.taken.of_len(header.body_len + header.data_len);
        if !shared.slot.memory().read(HEADER, taken) {
            return Err(Fault::Broken("a frame that is longer than its memory"));
        }
        self.taken
            .filled()
            .split_at_checked(header.body_len)
            .ok_or(Fault::Broken("short frame"))
    }

    /// Forgets a request that has been dealt with.
    pub(super) fn done(&mut self, header: &Header) {
        match self.in_slot {
            true => self.taken.clear(),
            false => self.reader.done(header),
        }
    }

    /// Answers the request, where it came from if the answer fits. Memory takes an answer whether anybody
    /// is there to read it or not: where its loss has to be `noticed`, the socket is asked first.
    pub(super) fn send(&mut self, frame: &[u8], data: &[u8], noticed: bool) -> io::Result<()> {
        let Some(shared) = self.shared.as_ref().filter(|_| self.in_slot) else {
            return frame::send(self.socket.as_fd(), frame, data);
        };
        let worked = shared.asked.elapsed();
        let memory = shared.slot.memory();
        if noticed && self.has_hung_up()? {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let fits = frame.len() + data.len() <= ROOM
            && memory.write(0, frame)
            && memory.write(frame.len(), data);
        if !fits {
            // The frame itself wakes the client.
            let _ = shared.slot.answer(State::AnsweredAtSocket, worked);
            return frame::send(self.socket.as_fd(), frame, data);
        }
        let peer = shared.slot.answer(State::Answered, worked);
        peer.call(self.socket.as_fd())
    }

    /// Whether the client has closed the connection, or it is broken.
    fn has_hung_up(&self) -> io::Result<bool> {
        let mut client = [PollFd::new(self.socket, PollFlags::RDHUP)];
        let events = rustix::event::poll(&mut client, Some(&Timespec::default()))?;
        Ok(events > 0)
    }

    fn header_in_slot(&mut self) -> Result<Header, Fault> {
        let mut bytes = [0; HEADER];
        if let Some(shared) = &mut self.shared {
            shared.is_busy(true);
            shared.asked = Instant::now();
            shared.slot.memory().fetch();
            shared.slot.memory().read(0, &mut bytes);
        }
        self.in_slot = true;
        Header::decode(&bytes)
    }
}

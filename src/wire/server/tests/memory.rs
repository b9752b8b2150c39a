//! The same through shared memory: what a client writes there hurts itself alone.

use std::{
    os::fd::{BorrowedFd, OwnedFd},
    sync::atomic::Ordering,
    time::Instant,
};

use super::*;
use crate::{
    frame::HEADER,
    memory::{Shared, View},
    passing,
    slot::ROOM,
};

/// The words of a slot, as the page says.
const STATE: usize = 0;
const SERVER: usize = 1;
const IDLE: u32 = 0;
const ASKED: u32 = 1;
const ASKED_AT_SOCKET: u32 = 2;
const ANSWERED: u32 = 3;
const ANSWERED_AT_SOCKET: u32 = 4;
const AT_SOCKET: u32 = 2;

/// A client that does what it likes.
struct Raw {
    socket: UnixStream,
    view: View,
    slot: Shared,
    file: OwnedFd,
}

/// What a new application's Welcome passes.
fn passed(socket: &UnixStream) -> Vec<OwnedFd> {
    let mut buffer = Buffer::new();
    let hello = Hello {
        oldest: OLDEST,
        newest: NEWEST,
        purpose: Held::Lent(&Purpose::New),
        software: SOFTWARE,
    };
    frame::encode(&mut buffer, Kind::Hello, 0, &hello, 0).unwrap();
    frame::send(socket.as_fd(), buffer.filled(), &[]).unwrap();
    let mut reader = Reader::new();
    reader.take_descriptors();
    let header = reader.header(socket.as_fd()).unwrap();
    assert_eq!(header.kind, Kind::Welcome);
    reader.whole(socket.as_fd(), &header).unwrap();
    reader.descriptors()
}

impl Raw {
    fn new(machine: &Machine) -> Self {
        let socket = machine.socket();
        let [board, file] = <[OwnedFd; 2]>::try_from(passed(&socket)).unwrap();
        Self {
            socket,
            view: View::open(&board).unwrap(),
            slot: Shared::open(&file, ROOM).unwrap(),
            file,
        }
    }

    /// Puts bytes into the memory and calls hsmd, wherever it sleeps.
    fn ask(&mut self, frame: &[u8]) {
        self.slot.write(0, frame);
        self.call();
    }

    fn call(&mut self) {
        self.slot.word(STATE).store(ASKED, Ordering::SeqCst);
        let _ = rustix::thread::futex::wake(
            self.slot.word(STATE),
            rustix::thread::futex::Flags::empty(),
            1,
        );
        if self.slot.word(SERVER).swap(0, Ordering::SeqCst) == AT_SOCKET {
            let _ = self.socket.write_all(&frame::LOOK);
        }
    }

    /// Takes hsmd's word as one that calls does, once hsmd sleeps at the socket.
    fn take_its_word(&self) {
        let word = self.slot.word(SERVER);
        eventually("hsmd sleeps at the socket", || {
            word.load(Ordering::SeqCst) == AT_SOCKET
        });
        assert_eq!(word.swap(0, Ordering::SeqCst), AT_SOCKET);
    }

    fn look(&mut self) {
        self.socket.write_all(&frame::LOOK).unwrap();
    }

    /// Calls for a turn that hsmd has taken by itself: the last one.
    fn call_late(&mut self) {
        self.take_its_word();
        self.look();
    }

    fn is_answered(&self) -> bool {
        self.slot.word(STATE).load(Ordering::SeqCst) == ANSWERED
    }
}

fn slots_frame() -> Vec<u8> {
    let mut buffer = Buffer::new();
    frame::encode(&mut buffer, Kind::Request, 1, &Verb::Slots, 0).unwrap();
    buffer.filled().to_vec()
}

#[test]
fn a_verb_in_memory_is_answered_there() {
    let machine = Machine::new();
    let mut raw = Raw::new(&machine);
    for _ in 0..3 {
        raw.ask(&slots_frame());
        eventually("it is answered", || raw.is_answered());
        let mut header = [0; HEADER];
        assert!(raw.slot.read(0, &mut header));
        let header = frame::Header::decode(&header).unwrap();
        assert_eq!((header.kind, header.number), (Kind::Answer, 1));
        // It sleeps at the futex by now, and then at the socket.
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_length_that_lies_closes_its_own_connection() {
    let machine = Machine::new();
    for (body, data) in [
        (0xFFFF_FFFF_u32, 0),
        (1, u32::try_from(ROOM).unwrap()),
        (u32::try_from(limits::BODY_BYTES).unwrap(), 0),
        (0, 7),
    ] {
        let mut raw = Raw::new(&machine);
        let frame = [
            &[b'S', 4, 0, 0, 0, 0, 0, 1][..],
            &body.to_be_bytes(),
            &data.to_be_bytes(),
        ];
        raw.ask(&frame.concat());
        assert!(is_closed(&mut raw.socket), "{body} {data}");
    }
    others_are_served(&machine);
}

#[test]
fn memory_that_changes_all_the_time_ends_nothing_but_itself() {
    let machine = Machine::new();
    for _ in 0..5 {
        let mut raw = Raw::new(&machine);
        let verb = Verb::Transform(token::SessionHandle(1), token::Operation::Encrypt, Some(9));
        let mut buffer = Buffer::new();
        frame::encode(&mut buffer, Kind::Request, 1, &verb, 8).unwrap();
        let begun = Instant::now();
        let mut noise = [0; 64];
        while begun.elapsed() < Duration::from_millis(30) {
            crypto::random::fill(&mut noise).unwrap();
            raw.slot.write(0, buffer.filled());
            raw.slot
                .word(STATE)
                .store(u32::from(noise[0] % 8), Ordering::SeqCst);
            raw.slot
                .word(SERVER)
                .store(u32::from(noise[1] % 4), Ordering::SeqCst);
            raw.slot.write(usize::from(noise[2] % 40), &noise);
            raw.call();
        }
    }
    others_are_served(&machine);
}

#[test]
fn a_client_that_calls_and_goes_leaves_nothing() {
    let machine = Machine::new();
    for _ in 0..20 {
        let mut raw = Raw::new(&machine);
        raw.ask(&slots_frame());
    }
    // In this process there is one client more than it seems: the process itself, which lives.
    others_are_served(&machine);
    eventually("no slot is busy", || Raw::new(&machine).view.is_calm());
}

#[test]
fn a_late_call_to_look_calls_for_nothing() {
    let machine = Machine::new();
    let mut raw = Raw::new(&machine);
    for state in [ANSWERED, ANSWERED_AT_SOCKET] {
        raw.ask(&slots_frame());
        eventually("it is answered", || raw.is_answered());
        raw.slot.word(STATE).store(state, Ordering::SeqCst);
        raw.call_late();
        // It has skipped the call as soon as it sleeps again, and is called as ever.
        eventually("hsmd sleeps again", || {
            raw.slot.word(SERVER).load(Ordering::SeqCst) == AT_SOCKET
        });
        raw.ask(&slots_frame());
        eventually("it is answered", || raw.is_answered());
    }
}

#[test]
fn a_late_call_to_look_that_the_next_request_overtakes_is_the_requests() {
    let machine = Machine::new();
    let mut raw = Raw::new(&machine);
    for _ in 0..3 {
        raw.ask(&slots_frame());
        eventually("it is answered", || raw.is_answered());
        raw.take_its_word();
        // hsmd's word says that it is awake: the request itself calls nobody.
        raw.slot.write(0, &slots_frame());
        raw.slot.word(STATE).store(ASKED, Ordering::SeqCst);
        raw.look();
        eventually("it is answered", || raw.is_answered());
    }
}

#[test]
fn a_late_call_to_look_before_a_request_over_the_socket_is_none_of_it() {
    let machine = Machine::new();
    let mut raw = Raw::new(&machine);
    let mut reader = Reader::new();
    for _ in 0..3 {
        raw.ask(&slots_frame());
        eventually("it is answered", || raw.is_answered());
        raw.take_its_word();
        let state = raw.slot.word(STATE);
        state.store(ASKED_AT_SOCKET, Ordering::SeqCst);
        let both = [&frame::LOOK[..], &slots_frame()].concat();
        raw.socket.write_all(&both).unwrap();
        let header = reader.header(raw.socket.as_fd()).unwrap();
        assert_eq!(header.kind, Kind::Answer);
        reader.whole(raw.socket.as_fd(), &header).unwrap();
        reader.done(&header);
        assert_eq!(state.load(Ordering::SeqCst), IDLE);
    }
}

#[test]
fn a_call_to_look_where_nothing_is_closes_the_connection() {
    let machine = Machine::new();
    for state in [IDLE, 6, 77, u32::MAX] {
        let mut raw = Raw::new(&machine);
        raw.slot.word(STATE).store(state, Ordering::SeqCst);
        raw.look();
        assert!(is_closed(&mut raw.socket), "{state}");
    }
    others_are_served(&machine);
}

#[test]
fn a_second_call_to_look_where_nothing_is_closes_the_connection() {
    let machine = Machine::new();
    for state in [ANSWERED, ANSWERED_AT_SOCKET] {
        let mut raw = Raw::new(&machine);
        raw.slot.word(STATE).store(state, Ordering::SeqCst);
        raw.call_late();
        raw.call_late();
        assert!(is_closed(&mut raw.socket), "{state}");
    }
    others_are_served(&machine);
}

#[test]
fn memory_that_a_client_keeps_is_not_hsmds_any_more() {
    let machine = Machine::new();
    let mut raw = Raw::new(&machine);
    raw.slot.write(0, &vec![7; ROOM]);
    raw.socket.write_all(&frame::LOOK).unwrap();
    assert!(is_closed(&mut raw.socket));
    eventually("it is given back", || {
        rustix::fs::fstat(&raw.file).unwrap().st_blocks == 0
    });
}

#[test]
fn what_is_refused_is_no_change() {
    let machine = Machine::new();
    let mut raw = Raw::new(&machine);
    let before = raw.view.changes();
    let gone = token::ObjectHandle(404);
    machine.world.gone.lock().push(gone);
    let request = crate::Requests::new().begin().request();
    for (object, changes) in [(gone, 0), (token::ObjectHandle(5), 1)] {
        let verb = Verb::Destroy(request, token::SessionHandle(1), object);
        let mut buffer = Buffer::new();
        frame::encode(&mut buffer, Kind::Request, 1, &verb, 0).unwrap();
        raw.ask(buffer.filled());
        eventually("it is answered", || raw.is_answered());
        assert_eq!(raw.view.changes(), before + changes);
    }
}

#[test]
fn the_memory_cannot_be_cut_and_the_board_cannot_be_written() {
    let machine = Machine::new();
    let raw = Raw::new(&machine);
    assert!(rustix::fs::ftruncate(&raw.file, 0).is_err());
    assert!(rustix::fs::ftruncate(&raw.file, 1 << 30).is_err());
    let [board, _] = <[OwnedFd; 2]>::try_from(passed(&machine.socket())).unwrap();
    assert!(rustix::io::pwrite(&board, &[1], 0).is_err());
}

#[test]
fn a_descriptor_that_a_client_passes_is_not_taken() {
    let machine = Machine::new();
    let raw = Raw::new(&machine);
    let bad: [BorrowedFd<'_>; 1] = [raw.file.as_fd()];
    let frame = slots_frame();
    assert_eq!(
        passing::send(raw.socket.as_fd(), &frame, &bad).unwrap(),
        frame.len()
    );
    let header = Reader::new().header(raw.socket.as_fd()).unwrap();
    assert_eq!(header.kind, Kind::Answer);
}

#[test]
fn who_does_not_know_the_slot_is_served_over_the_socket() {
    let machine = Machine::new();
    let raw = Raw::new(&machine);
    let mut reader = Reader::new();
    for _ in 0..200 {
        frame::send(raw.socket.as_fd(), &slots_frame(), &[]).unwrap();
        let header = reader.header(raw.socket.as_fd()).unwrap();
        reader.whole(raw.socket.as_fd(), &header).unwrap();
        reader.done(&header);
        assert_eq!(raw.slot.word(STATE).load(Ordering::SeqCst), 0);
    }
    // At the futex it would be awake in between, and call for its turn.
    eventually("hsmd sleeps at the socket", || {
        raw.slot.word(SERVER).load(Ordering::SeqCst) == AT_SOCKET
    });
}

#[test]
fn who_says_nothing_costs_no_time() {
    let machine = Machine::new();
    let mut raw = Raw::new(&machine);
    raw.ask(&slots_frame());
    eventually("hsmd sleeps at the socket", || {
        raw.slot.word(SERVER).load(Ordering::SeqCst) == AT_SOCKET
    });
}

#[test]
fn where_memory_cannot_be_shared_everything_goes_over_the_socket() {
    let machine = Machine::new();
    let before = machine.client();
    machine.restart_without_memory();
    let client = machine.client();
    assert!(!client.shares_memory() && passed(&machine.socket()).is_empty());
    for client in [&client, &before] {
        assert!(client.slots().is_ok());
    }
}

#[test]
fn without_a_slot_for_it_a_client_uses_the_socket() {
    let machine = Machine::new();
    let sockets: Vec<_> = (0..limits::MEMORY_SLOTS)
        .map(|_| machine.socket())
        .collect();
    for socket in &sockets {
        assert_eq!(passed(socket).len(), 2);
    }
    assert_eq!(passed(&machine.socket()).len(), 1);
    let client = machine.client();
    assert!(!client.shares_memory());
    assert!(client.slots().is_ok());
    drop(sockets);
    eventually("there is a slot again", || machine.client().shares_memory());
}

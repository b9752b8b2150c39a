//! Turns at the slot, whose other side is moved by hand: an hsmd that calls late, because it stood
//! still between giving the turn and calling.

use std::{
    os::{fd::AsFd, unix::net::UnixStream},
    sync::atomic::Ordering,
    thread::{self, JoinHandle},
};

use token::Slot as TokenSlot;

use crate::{
    buffer::Buffer,
    client::{
        connection::{Connection, Exchange},
        descriptors::Descriptors,
    },
    frame::{self, Kind, Reader},
    memory::Board,
    message::{NEWEST, Proof, Purpose, SOFTWARE, Verb, Welcome},
    passing,
    slot::{Peer, Slot, State},
    testing::eventually,
};

/// The client's word of a slot, as the page says.
const CLIENT: usize = 2;
const AT_SOCKET: u32 = 2;

/// An hsmd that does what a test tells it.
struct Hand {
    socket: UnixStream,
    slot: Slot,
    /// The client, in a thread of its own.
    client: JoinHandle<Connection>,
}

impl Hand {
    /// Welcomes a client, which goes on with `verbs`.
    fn new(verbs: impl FnOnce(&mut Connection) + Send + 'static) -> Self {
        let (socket, far) = UnixStream::pair().unwrap();
        let client = thread::spawn(move || {
            let descriptors = Descriptors::new().into();
            let Ok(mut connection) = Connection::greet(far, &descriptors, &Purpose::New) else {
                panic!("not welcome");
            };
            verbs(&mut connection);
            connection
        });
        Reader::new().header(socket.as_fd()).unwrap();
        let (board, (slot, file)) = (Board::new().unwrap(), Slot::new().unwrap());
        let welcome = Welcome {
            version: NEWEST,
            secret: Proof::copied(&[7; 32]),
            software: SOFTWARE,
        };
        let mut frame = Buffer::new();
        frame::encode(&mut frame, Kind::Welcome, 0, &welcome, 0).unwrap();
        let beside = [board.file(), file.as_fd()];
        let sent = passing::send(socket.as_fd(), frame.filled(), &beside).unwrap();
        assert_eq!(sent, frame.filled().len());
        Self {
            socket,
            slot,
            client,
        }
    }

    /// Waits for a request in the memory.
    fn is_asked(&self) {
        eventually("it is asked", || self.slot.called() == Some(State::Asked));
    }

    /// Takes the client's word as one that calls does, once the client sleeps at the socket.
    fn takes_its_word(&self) {
        let word = self.slot.memory().word(CLIENT);
        eventually("it sleeps at the socket", || {
            word.load(Ordering::SeqCst) == AT_SOCKET
        });
        assert_eq!(word.swap(0, Ordering::SeqCst), AT_SOCKET);
    }

    fn looks(&self) {
        frame::send(self.socket.as_fd(), &frame::LOOK, &[]).unwrap();
    }

    /// Calls for a turn that the client has taken by itself: the last one.
    fn calls_late(&self) {
        self.takes_its_word();
        self.looks();
    }

    /// Answers the request `number`, and calls where that has to be.
    fn answers(&self, number: u32, state: State) {
        let answer: token::Result<Vec<TokenSlot>> = Ok(Vec::new());
        let mut frame = Buffer::new();
        frame::encode(&mut frame, Kind::Answer, number, &answer, 0).unwrap();
        let in_memory = state == State::Answered;
        if in_memory {
            assert!(self.slot.memory().write(0, frame.filled()));
        }
        let calls = self.slot.turn(state) == Peer::SleepsAtSocket;
        match in_memory {
            false => frame::send(self.socket.as_fd(), frame.filled(), &[]).unwrap(),
            true if calls => self.looks(),
            true => {}
        }
    }

    fn ends(self) {
        let connection = self.client.join().unwrap();
        drop((connection, self.slot));
    }
}

fn ask(connection: &mut Connection) -> Exchange<Vec<TokenSlot>> {
    connection.exchange(&Verb::Slots, &[])
}

fn is_answered(connection: &mut Connection) {
    assert_eq!(ask(connection).unwrap().unwrap().len(), 0);
}

/// Where an answer may be.
const WAYS: [State; 2] = [State::Answered, State::AnsweredAtSocket];

#[test]
fn a_late_call_is_no_answer() {
    for way in WAYS {
        let hand = Hand::new(|connection| (0..3).for_each(|_| is_answered(connection)));
        for number in 1..=3 {
            hand.is_asked();
            hand.calls_late();
            // It has skipped the call as soon as it sleeps again.
            hand.takes_its_word();
            hand.slot
                .memory()
                .word(CLIENT)
                .store(AT_SOCKET, Ordering::SeqCst);
            hand.answers(number, way);
        }
        hand.ends();
    }
}

#[test]
fn a_late_call_that_the_answer_overtakes_is_the_answers() {
    for way in WAYS {
        let hand = Hand::new(|connection| (0..3).for_each(|_| is_answered(connection)));
        for number in 1..=3 {
            hand.is_asked();
            hand.takes_its_word();
            hand.looks();
            hand.answers(number, way);
        }
        hand.ends();
    }
}

#[test]
fn a_late_call_before_a_verb_over_the_socket_is_none_of_its_answer() {
    let hand = Hand::new(|connection| {
        is_answered(connection);
        let answer: Exchange<Vec<TokenSlot>> = connection.exchange(&Verb::SlotEvent(true), &[]);
        assert_eq!(answer.unwrap().unwrap().len(), 0);
        is_answered(connection);
    });
    hand.is_asked();
    hand.calls_late();
    hand.answers(1, State::Answered);
    eventually("it is asked over the socket", || {
        hand.slot.called() == Some(State::AskedAtSocket)
    });
    hand.slot.take();
    // A client that waits for an answer over the socket lets nobody call.
    assert_ne!(hand.slot.turn(State::Idle), Peer::SleepsAtSocket);
    hand.answers(2, State::AnsweredAtSocket);
    hand.is_asked();
    hand.answers(3, State::Answered);
    hand.ends();
}

#[test]
fn an_hsmd_that_calls_for_nothing_again_is_none() {
    let hand = Hand::new(|connection| assert!(ask(connection).is_err()));
    hand.is_asked();
    hand.calls_late();
    hand.calls_late();
    hand.ends();
}

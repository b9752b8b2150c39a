//! What hostile clients can do to hsmd: nothing.

use std::{
    io::{Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    thread,
    time::Duration,
};

use token::{Hsm, OutputBound, Reason, Started, limits};

use crate::{
    Client,
    buffer::Buffer,
    frame::{self, Kind, Reader},
    message::{
        self, Held, Hello, NEWEST, OLDEST, Proof, Purpose, Refusal, Refused, SOFTWARE, Verb,
        Welcome,
    },
    testing::{BROKEN_SLOT, Machine, eventually},
};

mod memory;

/// Whether the other side closes; a reset is how it does when it has left something unread.
fn is_closed(socket: &mut UnixStream) -> bool {
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    loop {
        match socket.read(&mut [0; 64]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

fn greet(socket: &UnixStream, purpose: Purpose, newest: u16) -> Result<Proof, Refusal> {
    let mut buffer = Buffer::new();
    let hello = Hello {
        oldest: newest.min(OLDEST),
        newest,
        purpose: Held::Lent(&purpose),
        software: SOFTWARE,
    };
    let hello = match newest > NEWEST {
        true => Hello {
            oldest: newest,
            ..hello
        },
        false => hello,
    };
    frame::encode(&mut buffer, Kind::Hello, 0, &hello, 0).unwrap();
    frame::send(socket.as_fd(), buffer.filled(), &[]).unwrap();
    let mut reader = Reader::new();
    let header = reader.header(socket.as_fd()).unwrap();
    let (body, _) = reader.whole(socket.as_fd(), &header).unwrap();
    match header.kind {
        Kind::Welcome => Ok(message::read::<Welcome<'_>>(body).unwrap().secret),
        Kind::Refusal => Err(message::read(body).unwrap()),
        other => panic!("{other:?}"),
    }
}

/// A connection of a new application.
fn greeted(machine: &Machine) -> UnixStream {
    let socket = machine.socket();
    greet(&socket, Purpose::New, NEWEST).unwrap();
    socket
}

/// That others are served while something nasty goes on.
fn others_are_served(machine: &Machine) {
    assert!(machine.client().slots().is_ok());
}

#[test]
fn garbage_closes_its_own_connection() {
    let machine = Machine::new();
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0; 64],
        &[b'S'; 64],
        &[0xFF; 64],
    ] {
        let mut early = machine.socket();
        early.write_all(garbage).unwrap();
        assert!(is_closed(&mut early));
        let mut late = greeted(&machine);
        late.write_all(garbage).unwrap();
        assert!(is_closed(&mut late));
    }
    others_are_served(&machine);
}

#[test]
fn a_promise_of_four_gigabytes_is_refused_before_it_is_kept() {
    let machine = Machine::new();
    let mut socket = greeted(&machine);
    socket
        .write_all(&[
            b'S', 4, 0, 0, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0,
        ])
        .unwrap();
    assert!(is_closed(&mut socket));
    others_are_served(&machine);
}

#[test]
fn half_a_frame_holds_nobody_up() {
    let machine = Machine::new();
    let mut halves: Vec<_> = (0..20).map(|_| greeted(&machine)).collect();
    for socket in &mut halves {
        socket.write_all(&[b'S', 4, 0, 0, 0, 0]).unwrap();
    }
    let silent: Vec<_> = (0..20).map(|_| machine.socket()).collect();
    others_are_served(&machine);
    drop((halves, silent));
}

#[test]
fn a_verb_that_comes_in_single_bytes_is_answered() {
    let machine = Machine::new();
    let mut socket = greeted(&machine);
    let mut buffer = Buffer::new();
    frame::encode(&mut buffer, Kind::Request, 1, &Verb::Slots, 0).unwrap();
    for byte in buffer.filled() {
        socket.write_all(&[*byte]).unwrap();
        thread::sleep(Duration::from_micros(200));
    }
    let mut reader = Reader::new();
    assert_eq!(reader.header(socket.as_fd()).unwrap().number, 1);
}

#[test]
fn a_body_with_something_behind_it_is_no_verb() {
    let machine = Machine::new();
    for (body, data) in [
        (&[0_u8, 0][..], &[][..]),
        (&[0], &[1, 2]),
        (&[200, 1], &[]),
        (&[], &[]),
    ] {
        let mut socket = greeted(&machine);
        let mut buffer = Buffer::new();
        frame::encode_again(&mut buffer, 1, body, data.len()).unwrap();
        socket.write_all(&[buffer.filled(), data].concat()).unwrap();
        assert!(is_closed(&mut socket), "{body:?} {data:?}");
    }
}

#[test]
fn a_template_without_end_does_not_overflow_the_stack() {
    let machine = Machine::new();
    let mut socket = greeted(&machine);
    // Verb 13, request (1, 1), session 1, and one attribute in another, a million times.
    let body = [&[13, 1, 1, 1][..], &[1, 0, 5].repeat(1_000_000)].concat();
    let mut buffer = Buffer::new();
    frame::encode_again(&mut buffer, 1, &body, 0).unwrap();
    socket.write_all(buffer.filled()).unwrap();
    assert!(is_closed(&mut socket));
    others_are_served(&machine);
}

#[test]
fn no_flipped_bit_of_a_verb_ends_hsmd() {
    let machine = Machine::new();
    let mut buffer = Buffer::new();
    let verb = Verb::Transform(token::SessionHandle(1), token::Operation::Encrypt, Some(9));
    frame::encode(&mut buffer, Kind::Request, 1, &verb, 8).unwrap();
    let good = [buffer.filled(), b"12345678"].concat();
    for bit in 0..8 * good.len() {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let mut socket = greeted(&machine);
        socket.write_all(&bad).unwrap();
    }
    others_are_served(&machine);
}

#[test]
fn a_secret_that_is_wrong_finds_no_application() {
    let machine = Machine::new();
    let right = greet(&machine.socket(), Purpose::New, NEWEST).unwrap();
    let attach = |secret: &[u8; 32]| {
        let secret = Proof::copied(secret);
        greet(&machine.socket(), Purpose::Attach { secret }, NEWEST)
    };
    assert_eq!(*attach(&right).ok().unwrap(), *right);
    let mut wrong = *right;
    wrong[31] ^= 1;
    let refusal = attach(&wrong).err().unwrap();
    assert_eq!(refusal.reason, Refused::Unknown);
}

#[test]
fn a_protocol_of_the_future_is_refused_with_the_versions_that_are_spoken() {
    let machine = Machine::new();
    let refusal = greet(&machine.socket(), Purpose::New, NEWEST + 1)
        .err()
        .unwrap();
    assert_eq!(
        (refusal.reason, refusal.error.reason),
        (Refused::Version, Reason::Protocol)
    );
}

#[test]
fn a_protocol_of_the_past_is_refused_as_well() {
    let machine = Machine::new();
    let greeted = greet(&machine.socket(), Purpose::New, OLDEST - 1);
    assert_eq!(greeted.err().unwrap().reason, Refused::Version);
}

#[test]
fn the_page_is_of_the_version_that_is_spoken_and_a_bound_is_as_it_says() {
    let page = include_str!("../../../docs/wire-format.md");
    let title = format!("# Wire format, protocol version {NEWEST}\n");
    assert!(page.starts_with(&title));
    let started = Started {
        bound: OutputBound::fixed(32),
        parameters_out: None,
    };
    let all_ones = [[0xFF; 9].as_slice(), &[1]].concat();
    let said = [all_ones.as_slice(), &[32, 0, 0]].concat();
    assert_eq!(postcard::to_allocvec(&started).unwrap(), said);
}

#[test]
fn connections_end_at_the_users_limit_and_come_back() {
    let machine = Machine::new();
    let sockets: Vec<_> = (0..limits::CONNECTIONS).map(|_| machine.socket()).collect();
    eventually("one more is told why not", || {
        let refusal = Client::connect(&machine.home()).err();
        refusal.is_some_and(|error| error.reason == Reason::LimitExceeded)
    });
    drop(sockets);
    eventually("there is room again", || {
        Client::connect(&machine.home()).is_ok()
    });
}

#[test]
fn applications_end_at_the_users_limit() {
    let machine = Machine::new();
    let _sockets: Vec<_> = (0..limits::APPLICATIONS)
        .map(|_| greeted(&machine))
        .collect();
    let refusal = greet(&machine.socket(), Purpose::New, NEWEST)
        .err()
        .unwrap();
    assert_eq!(refusal.error.reason, Reason::LimitExceeded);
}

#[test]
fn a_panic_of_the_engine_is_the_error_of_one_verb() {
    let machine = Machine::new();
    let client = machine.client();
    assert_eq!(
        client.token(BROKEN_SLOT).unwrap_err().reason,
        Reason::Internal
    );
    assert!(client.slots().is_ok());
}

#[test]
fn a_length_that_a_client_claims_is_not_allocated() {
    let machine = Machine::new();
    let client = machine.client();
    let session = client
        .open_session(token::SlotId(1), token::Access::ReadOnly)
        .unwrap();
    let socket = greeted(&machine);
    let mut buffer = Buffer::new();
    let verb = Verb::Random(session, u64::MAX);
    frame::encode(&mut buffer, Kind::Request, 1, &verb, 0).unwrap();
    frame::send(socket.as_fd(), buffer.filled(), &[]).unwrap();
    let mut reader = Reader::new();
    let header = reader.header(socket.as_fd()).unwrap();
    let (body, _) = reader.whole(socket.as_fd(), &header).unwrap();
    let answer: token::Result<()> = message::read(body).unwrap();
    assert_eq!(answer.unwrap_err().reason, Reason::ArgumentsBad);
}

#[test]
fn an_application_that_is_told_to_end_is_forgotten() {
    let machine = Machine::new();
    let secret = {
        let socket = machine.socket();
        let secret = greet(&socket, Purpose::New, NEWEST).unwrap();
        let mut buffer = Buffer::new();
        frame::encode(&mut buffer, Kind::Request, 1, &Verb::End, 0).unwrap();
        frame::send(socket.as_fd(), buffer.filled(), &[]).unwrap();
        Reader::new().header(socket.as_fd()).unwrap();
        secret
    };
    let refusal = greet(&machine.socket(), Purpose::Attach { secret }, NEWEST)
        .err()
        .unwrap();
    assert_eq!(refusal.reason, Refused::Unknown);
}

//! An hsmd of another release.

use std::{
    os::{fd::AsFd, unix::net::UnixListener},
    thread,
};

use token::Error;

use super::*;
use crate::{
    SOCKET,
    buffer::Buffer,
    frame::{self, Kind, Reader},
    message::{NEWEST, OLDEST, Refusal, Refused},
};

#[test]
fn who_meets_another_version_is_told_what_both_speak_and_which_side_to_renew() {
    let machine = Machine::new();
    machine.kill();
    let listener = UnixListener::bind(machine.runtime().join(SOCKET)).unwrap();
    let hsmd = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let mut reader = Reader::new();
        let header = reader.header(socket.as_fd()).unwrap();
        reader.whole(socket.as_fd(), &header).unwrap();
        let words = "hsmd speaks the versions 7 to 8 of the protocol";
        let refusal = Refusal {
            reason: Refused::Version,
            error: Error::new(Reason::Protocol, words),
        };
        let mut buffer = Buffer::new();
        frame::encode(&mut buffer, Kind::Refusal, 0, &refusal, 0).unwrap();
        frame::send(socket.as_fd(), buffer.filled(), &[]).unwrap();
    });
    let error = Client::connect(&machine.home()).err().unwrap();
    assert_eq!(error.reason, Reason::Protocol);
    let ours = format!("{OLDEST} to {NEWEST}");
    for words in ["7 to 8", &ours, "started again", "renewed"] {
        assert!(error.to_string().contains(words), "{error}");
    }
    hsmd.join().unwrap();
}

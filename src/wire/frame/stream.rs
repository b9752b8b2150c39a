//! Frames over a socket: sent whole, and read piece by piece, whatever a peer sends and however
//! slowly.

use std::{
    io::{self, IoSlice},
    os::fd::{BorrowedFd, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    io::{Errno, retry_on_intr},
    net::{RecvFlags, SendAncillaryBuffer, SendFlags},
};
use token::limits;

use super::{Fault, HEADER, Header};
use crate::{buffer::Buffer, passing};

/// Sends an encoded frame and its data, with one system call where the socket has room. A peer that
/// is gone is an error here and never a SIGPIPE in a host that did not ask for it.
pub(crate) fn send(socket: BorrowedFd<'_>, frame: &[u8], data: &[u8]) -> io::Result<()> {
    let mut sent = 0;
    while sent < frame.len() + data.len() {
        let rest = frame.get(sent..).unwrap_or_default();
        sent += match data.get(sent.saturating_sub(frame.len())..) {
            // One part is cheaper to send than two of which one is empty.
            None | Some([]) => {
                retry_on_intr(|| rustix::net::send(socket, rest, SendFlags::NOSIGNAL))?
            }
            Some(data) => retry_on_intr(|| {
                let mut nothing = SendAncillaryBuffer::default();
                let parts = [IoSlice::new(rest), IoSlice::new(data)];
                rustix::net::sendmsg(socket, &parts, &mut nothing, SendFlags::NOSIGNAL)
            })?,
        };
    }
    Ok(())
}

/// Reads frames. What was read and not yet asked for stays for the next one.
pub(crate) struct Reader {
    buffer: Buffer,
    /// Descriptors that came beside what was read, where they are asked for.
    passed: Option<Vec<OwnedFd>>,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self {
            buffer: Buffer::new(),
            passed: None,
        }
    }

    /// Keeps the descriptors that come from now on; without this, they are closed unseen.
    pub(crate) fn take_descriptors(&mut self) {
        self.passed = Some(Vec::new());
    }

    /// The descriptors that have come; no more are kept.
    pub(crate) fn descriptors(&mut self) -> Vec<OwnedFd> {
        self.passed.take().unwrap_or_default()
    }

    /// Reads the next frame's header.
    pub(crate) fn header(&mut self, socket: BorrowedFd<'_>) -> Result<Header, Fault> {
        self.fill(socket, HEADER)?;
        Header::decode(self.buffer.filled().get(..HEADER).unwrap_or_default())
    }

    /// Reads the frame's body; its data stays in the socket.
    pub(crate) fn body(&mut self, socket: BorrowedFd<'_>, header: &Header) -> Result<&[u8], Fault> {
        self.fill(socket, HEADER + header.body_len)?;
        Ok(self
            .buffer
            .filled()
            .get(HEADER..HEADER + header.body_len)
            .unwrap_or_default())
    }

    /// Reads the frame's body and data.
    pub(crate) fn whole(
        &mut self,
        socket: BorrowedFd<'_>,
        header: &Header,
    ) -> Result<(&[u8], &[u8]), Fault> {
        let end = HEADER + header.body_len + header.data_len;
        self.fill(socket, end)?;
        let parts = self.buffer.filled().get(HEADER..end).unwrap_or_default();
        parts
            .split_at_checked(header.body_len)
            .ok_or(Fault::Broken("short frame"))
    }

    /// Reads the frame's data to where it belongs, after its body.
    pub(crate) fn data_into(
        &mut self,
        socket: BorrowedFd<'_>,
        header: &Header,
        output: &mut [u8],
    ) -> Result<(), Fault> {
        let here = self
            .buffer
            .filled()
            .get(HEADER + header.body_len..)
            .unwrap_or_default();
        let here = here.get(..header.data_len).unwrap_or(here);
        let output = output
            .get_mut(..header.data_len)
            .ok_or(Fault::Broken("too much data"))?;
        let (front, mut rest) = output.split_at_mut(here.len());
        front.copy_from_slice(here);
        while !rest.is_empty() {
            wait_for_more(socket)?;
            let count = receive(socket, rest).map_err(stalled)?;
            rest = rest.get_mut(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Forgets a frame that has been dealt with, and overwrites it.
    pub(crate) fn done(&mut self, header: &Header) {
        self.buffer
            .consume(HEADER + header.body_len + header.data_len);
        self.buffer.erase();
    }

    /// Reads until `wanted` bytes are there. Memory grows with what has come, never with what was
    /// promised.
    fn fill(&mut self, socket: BorrowedFd<'_>, wanted: usize) -> Result<(), Fault> {
        while self.buffer.len() < wanted {
            let begun = self.buffer.len() > 0;
            if begun {
                wait_for_more(socket)?;
            }
            let place = self.buffer.room_of(wanted);
            let received = match &mut self.passed {
                None => receive(socket, place),
                Some(passed) => receive_with(socket, place, passed),
            };
            let count = match received {
                Ok(count) => count,
                Err(fault) if begun => return Err(stalled(fault)),
                Err(fault) => return Err(fault),
            };
            self.buffer.advance(count);
        }
        Ok(())
    }
}

/// Waits for the rest of a frame, but not for ever. (A time limit on the socket itself would cost every
/// verb a timer, and the usual frame comes in one piece.)
fn wait_for_more(socket: BorrowedFd<'_>) -> Result<(), Fault> {
    let patience = Timespec {
        tv_sec: limits::STALLED_SECONDS.cast_signed(),
        tv_nsec: 0,
    };
    let mut waiting = [PollFd::from_borrowed_fd(socket, PollFlags::IN)];
    match retry_on_intr(|| rustix::event::poll(&mut waiting, Some(&patience))) {
        Ok(0) => Err(Fault::Io(io::ErrorKind::TimedOut.into())),
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::Io(error.into())),
    }
}

/// Some bytes of the socket.
fn receive(socket: BorrowedFd<'_>, room: &mut [u8]) -> Result<usize, Fault> {
    let received = retry_on_intr(|| rustix::net::recv(socket, &mut *room, RecvFlags::empty()));
    received_as(received.map(|(_, count)| count))
}

/// The same, with what comes beside them.
fn receive_with(
    socket: BorrowedFd<'_>,
    room: &mut [u8],
    passed: &mut Vec<OwnedFd>,
) -> Result<usize, Fault> {
    let received = passing::receive(socket, room);
    received_as(received.map(|(count, descriptors)| {
        passed.extend(descriptors);
        count
    }))
}

fn received_as(received: rustix::io::Result<usize>) -> Result<usize, Fault> {
    match received {
        Ok(0) => Err(Fault::Closed),
        Ok(count) => Ok(count),
        Err(Errno::AGAIN) => Err(Fault::Idle),
        Err(error) => Err(Fault::Io(error.into())),
    }
}

/// What the end of the stream or of patience means in the middle of a frame.
fn stalled(fault: Fault) -> Fault {
    match fault {
        Fault::Closed => Fault::Io(io::ErrorKind::UnexpectedEof.into()),
        Fault::Idle => Fault::Io(io::ErrorKind::TimedOut.into()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        os::{fd::AsFd, unix::net::UnixStream},
        thread,
    };

    use super::*;
    use crate::frame::{Kind, encode};

    #[test]
    fn a_frame_in_single_bytes_is_a_frame() {
        let (near, far) = UnixStream::pair().unwrap();
        let mut frame = Buffer::new();
        encode(&mut frame, Kind::Request, 3, &"body", 4).unwrap();
        let writer = thread::spawn(move || {
            for byte in frame.filled().iter().chain(b"data") {
                send(far.as_fd(), &[*byte], &[]).unwrap();
            }
        });
        let mut reader = Reader::new();
        let header = reader.header(near.as_fd()).unwrap();
        let (body, data) = reader.whole(near.as_fd(), &header).unwrap();
        assert_eq!(
            (postcard::from_bytes(body), data),
            (Ok("body"), b"data".as_slice())
        );
        writer.join().unwrap();
    }

    #[test]
    fn data_larger_than_the_buffer_goes_straight_to_its_place() {
        let (near, far) = UnixStream::pair().unwrap();
        let data: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let sent = data.clone();
        let writer = thread::spawn(move || {
            let mut frame = Buffer::new();
            encode(&mut frame, Kind::Answer, 0, &(), sent.len()).unwrap();
            send(far.as_fd(), frame.filled(), &sent).unwrap();
        });
        let mut reader = Reader::new();
        let header = reader.header(near.as_fd()).unwrap();
        reader.body(near.as_fd(), &header).unwrap();
        let mut output = vec![0; data.len()];
        reader
            .data_into(near.as_fd(), &header, &mut output)
            .unwrap();
        assert_eq!(output, data);
        writer.join().unwrap();
    }

    #[test]
    fn a_peer_that_is_gone_is_an_error_and_no_signal() {
        let (near, far) = UnixStream::pair().unwrap();
        drop(far);
        assert!(send(near.as_fd(), b"x", &[]).is_err());
    }
}

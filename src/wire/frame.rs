//! Frames: a header of 16 bytes, a body, and data that travels beside it without a copy. See
//! `docs/wire-format.md`, which this file follows byte by byte.

mod stream;

use std::io;

use serde::Serialize;
use token::limits;

use crate::buffer::Buffer;

pub(crate) use stream::{Reader, send};

/// Bytes of a header.
pub(crate) const HEADER: usize = 16;
/// The letter that every frame begins with.
const LETTER: u8 = b'S';

/// A whole frame that says: look into the memory.
pub(crate) const LOOK: [u8; HEADER] = *b"S\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Hello = 1,
    Welcome = 2,
    Refusal = 3,
    Request = 4,
    Answer = 5,
    Joined = 6,
    Look = 7,
}

/// The header of a frame, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) number: u32,
    pub(crate) body_len: usize,
    pub(crate) data_len: usize,
}

/// Why no frame could be read.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The peer closed between two frames.
    Closed,
    /// Nothing came within the socket's time, and no frame has begun.
    Idle,
    /// A frame began and did not go on, or the connection broke.
    Io(io::Error),
    /// What came is not a frame.
    Broken(&'static str),
}

impl Header {
    fn encode(self) -> [u8; HEADER] {
        let number = self.number.to_be_bytes();
        // Both lengths were checked against limits far below 4 GiB before.
        let body = u32::try_from(self.body_len)
            .unwrap_or(u32::MAX)
            .to_be_bytes();
        let data = u32::try_from(self.data_len)
            .unwrap_or(u32::MAX)
            .to_be_bytes();
        let mut bytes = [0; HEADER];
        let head = [LETTER, self.kind as u8, 0, 0];
        let all = head.iter().chain(&number).chain(&body).chain(&data);
        for (place, byte) in bytes.iter_mut().zip(all) {
            *place = *byte;
        }
        bytes
    }

    /// The header in these bytes, if it is one and promises no more than is allowed.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let (head, numbers) = bytes
            .split_at_checked(4)
            .ok_or(Fault::Broken("short header"))?;
        let [LETTER, kind, 0, 0] = *head else {
            return Err(Fault::Broken("not a frame"));
        };
        let kind = match kind {
            1 => Kind::Hello,
            2 => Kind::Welcome,
            3 => Kind::Refusal,
            4 => Kind::Request,
            5 => Kind::Answer,
            6 => Kind::Joined,
            7 => Kind::Look,
            _ => return Err(Fault::Broken("unknown kind of frame")),
        };
        let mut numbers = numbers
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| u32::from_be_bytes(*bytes));
        let mut number = || numbers.next().ok_or(Fault::Broken("short header"));
        let (number, body_len, data_len) = (number()?, len(number()?), len(number()?));
        check_lengths(body_len, data_len)?;
        Ok(Self {
            kind,
            number,
            body_len,
            data_len,
        })
    }
}

fn check_lengths(body_len: usize, data_len: usize) -> Result<(), Fault> {
    let carried = body_len <= limits::BODY_BYTES
        && data_len <= limits::DATA_BYTES
        && body_len.saturating_add(data_len) <= limits::MESSAGE_BYTES;
    match carried {
        true => Ok(()),
        false => Err(Fault::Broken("a frame that is too long")),
    }
}

fn len(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Writes a frame's header and body into `buffer`; its data goes beside it to [`send`].
pub(crate) fn encode<T: Serialize>(
    buffer: &mut Buffer,
    kind: Kind,
    number: u32,
    body: &T,
    data_len: usize,
) -> Result<(), Fault> {
    encode_with(buffer, kind, number, data_len, |buffer| write(body, buffer))
}

fn write<T: Serialize>(body: &T, buffer: &mut Buffer) -> Result<(), Fault> {
    postcard::serialize_with_flavor(body, Body(buffer))
        .map_err(|_| Fault::Broken("a body that cannot be written"))
}

/// Writes a frame with two bodies: a Start that is encoded already, and the verb that follows it.
pub(crate) fn encode_joined<T: Serialize>(
    buffer: &mut Buffer,
    number: u32,
    start: &[u8],
    body: &T,
    data_len: usize,
) -> Result<(), Fault> {
    encode_with(buffer, Kind::Joined, number, data_len, |buffer| {
        buffer.extend(start);
        write(body, buffer)
    })
}

/// Writes a frame's header and the body that is encoded already.
pub(crate) fn encode_again(
    buffer: &mut Buffer,
    number: u32,
    body: &[u8],
    data_len: usize,
) -> Result<(), Fault> {
    encode_with(buffer, Kind::Request, number, data_len, |buffer| {
        buffer.extend(body);
        Ok(())
    })
}

fn encode_with(
    buffer: &mut Buffer,
    kind: Kind,
    number: u32,
    data_len: usize,
    body: impl FnOnce(&mut Buffer) -> Result<(), Fault>,
) -> Result<(), Fault> {
    buffer.clear();
    buffer.extend(&[0; HEADER]);
    body(buffer)?;
    let body_len = buffer.len() - HEADER;
    check_lengths(body_len, data_len)?;
    buffer.put(
        0,
        &Header {
            kind,
            number,
            body_len,
            data_len,
        }
        .encode(),
    );
    Ok(())
}

/// The body at the end of a buffer, as postcard writes it.
struct Body<'a>(&'a mut Buffer);

impl postcard::ser_flavors::Flavor for Body<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.extend(&[byte]);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_as_it_was_written() {
        let header = Header {
            kind: Kind::Answer,
            number: 7,
            body_len: 300,
            data_len: 1 << 20,
        };
        assert_eq!(Header::decode(&header.encode()).unwrap(), header);
    }

    #[test]
    fn a_look_is_a_frame() {
        let header = Header::decode(&LOOK).unwrap();
        assert_eq!(
            (header.kind, header.body_len, header.data_len),
            (Kind::Look, 0, 0)
        );
    }

    #[test]
    fn a_promise_beyond_the_limit_is_no_frame() {
        for (body_len, data_len) in [
            (0, limits::DATA_BYTES + 1),
            (limits::BODY_BYTES + 1, 0),
            (4_000_000_000, 0),
        ] {
            let header = Header {
                kind: Kind::Request,
                number: 0,
                body_len,
                data_len,
            };
            assert!(Header::decode(&header.encode()).is_err());
        }
    }
}

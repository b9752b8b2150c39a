//! One connection of the server: the greeting, and then one verb after the other, in a thread of its
//! own.

use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::Arc,
    time::Duration,
};

use token::{Error, Reason, limits};

use super::{
    Shared,
    applications::Attached,
    dispatch::{Answer, UNCOUNTED},
    line::Line,
    tally::{Held, What},
};
use crate::{
    buffer::Buffer,
    frame::{self, Fault, Header, Kind, Reader},
    memory::Board,
    message::{Hello, NEWEST, OLDEST, Reach, Refusal, Refused, SOFTWARE, Verb, Welcome},
    passing,
    slot::{ROOM, Slot},
    system::Credentials,
};

/// Serves a connection until it ends. Whatever comes over it, nothing but it can suffer.
pub(super) fn serve(shared: &Shared, socket: &Arc<UnixStream>, peer: Credentials) {
    let mut reader = Reader::new();
    let patience = |seconds| Some(Duration::from_secs(seconds));
    let set = socket
        .set_read_timeout(patience(limits::HANDSHAKE_SECONDS))
        .and_then(|()| socket.set_write_timeout(patience(limits::STALLED_SECONDS)));
    if set.is_err() {
        return;
    }
    let (attached, slot) = match greet(shared, socket, peer, &mut reader) {
        Ok(Some(greeted)) => greeted,
        Ok(None) => return,
        Err(fault) => return note(peer, &fault),
    };
    // Between two verbs there is no hurry; in the middle of one, the reader sees to it.
    if socket.set_read_timeout(None).is_err() {
        return;
    }
    // Who may have a slot may have the memory to work on what comes through it.
    let kept = slot.as_ref().map_or(UNCOUNTED, |_| ROOM);
    let mut line = Line::new(socket, reader, slot, kept);
    let mut answer = Answer::new(&shared.tally, peer.uid, kept);
    loop {
        match verb(shared, &mut line, peer, &attached, &mut answer) {
            Ok(Next::GoOn) => {}
            Ok(Next::Close) => return,
            Err(fault) => return note(peer, &fault),
        }
    }
}

/// Reads the greeting and answers it.
fn greet<'a>(
    shared: &'a Shared,
    socket: &Arc<UnixStream>,
    peer: Credentials,
    reader: &mut Reader,
) -> Result<Option<(Attached, Option<Given<'a>>)>, Fault> {
    let header = reader.header(socket.as_fd())?;
    if header.kind != Kind::Hello || header.body_len > UNCOUNTED || header.data_len != 0 {
        return Err(Fault::Broken("no greeting"));
    }
    let (body, _) = reader.whole(socket.as_fd(), &header)?;
    let hello = Hello::decode(body).ok_or(Fault::Broken("no greeting"))?;
    if !shared.applications.host_is_there() {
        return Ok(None);
    }
    let mut frame = Buffer::new();
    let greeted = match (hello.oldest.max(OLDEST), hello.newest.min(NEWEST)) {
        (oldest, newest) if oldest > newest => {
            let text = format!("hsmd speaks the versions {OLDEST} to {NEWEST} of the protocol");
            let error = Error::new(Reason::Protocol, text);
            Err(Refusal {
                reason: Refused::Version,
                error,
            })
        }
        (_, version) => shared
            .applications
            .greet(hello.purpose.get(), socket, peer)
            .map(|greeted| (version, greeted)),
    };
    reader.done(&header);
    let (version, (attached, secret)) = match greeted {
        Ok(greeted) => greeted,
        Err(refusal) => {
            frame::encode(&mut frame, Kind::Refusal, header.number, &refusal, 0)?;
            frame::send(socket.as_fd(), frame.filled(), &[]).map_err(Fault::Io)?;
            return Ok(None);
        }
    };
    let welcome = Welcome {
        version,
        secret,
        software: SOFTWARE,
    };
    frame::encode(&mut frame, Kind::Welcome, header.number, &welcome, 0)?;
    let board = shared.board.as_ref();
    let (given, file) = board.and_then(|board| slot(shared, board, peer)).unzip();
    let beside: Vec<_> = board
        .map(Board::file)
        .into_iter()
        .chain(file.as_ref().map(OwnedFd::as_fd))
        .collect();
    send_with(socket, frame.filled(), &beside).map_err(Fault::Io)?;
    Ok(Some((attached, given)))
}

/// A slot that a connection has been given.
type Given<'a> = (Slot, Held, &'a Board);

/// A slot of shared memory, if there is one more for the user.
fn slot<'a>(shared: &Shared, board: &'a Board, peer: Credentials) -> Option<(Given<'a>, OwnedFd)> {
    let held = shared.tally.take(peer.uid, What::Slots, 1).ok()?;
    match Slot::new() {
        Ok((slot, file)) => Some(((slot, held, board), file)),
        Err(error) => {
            log::warn!("no shared memory for a client: {error}");
            None
        }
    }
}

/// Sends a frame with descriptors beside its first byte.
fn send_with(socket: &UnixStream, frame: &[u8], beside: &[BorrowedFd<'_>]) -> io::Result<()> {
    let sent = passing::send(socket.as_fd(), frame, beside)?;
    frame::send(socket.as_fd(), frame.get(sent..).unwrap_or_default(), &[])
}

/// Tells a client why there is no room for it. It is not waited for: what does not fit into its
/// socket is not sent.
pub(super) fn refuse(socket: &UnixStream, error: Error) {
    let refusal = Refusal {
        reason: Refused::Denied,
        error,
    };
    let mut frame = Buffer::new();
    if frame::encode(&mut frame, Kind::Refusal, 0, &refusal, 0).is_ok()
        && socket.set_nonblocking(true).is_ok()
    {
        let _ = frame::send(socket.as_fd(), frame.filled(), &[]);
    }
}

/// What happens after a verb.
enum Next {
    GoOn,
    Close,
}

/// Reads one verb and answers it.
fn verb(
    shared: &Shared,
    line: &mut Line<'_>,
    peer: Credentials,
    attached: &Attached,
    answer: &mut Answer,
) -> Result<Next, Fault> {
    let Some(header) = line.header()? else {
        return Ok(Next::Close);
    };
    if !matches!(header.kind, Kind::Request | Kind::Joined) {
        return Err(Fault::Broken("not a request"));
    }
    let Ok(_counted) = count(shared, peer, &header) else {
        return Err(Fault::Broken("more memory than its user may have"));
    };
    let (body, data) = line.whole(&header)?;
    let decoded = match header.kind {
        Kind::Joined => Verb::decode_joined(body, data).map(|(start, verb)| (Some(start), verb)),
        _ => Verb::decode(body, data).map(|verb| (None, verb)),
    };
    let Some((start, verb)) = decoded else {
        return Err(Fault::Broken("not a verb"));
    };
    // Who waits for something to happen does not keep hsmd from leaving.
    let _working = (!matches!(verb, Verb::SlotEvent(true))).then(|| shared.working());
    if attached.application.has_ended() || shared.is_leaving() {
        return Ok(Next::Close);
    }
    let (ends, reach) = (matches!(verb, Verb::End), verb.reach());
    let tenant = attached.application.tenant.as_ref();
    answer.of(tenant, header.number, start, verb, data)?;
    if reach == Reach::Home && answer.may_be_done() {
        // After the change, and before anybody hears of it. (What is refused costs nobody his Inits.)
        shared.changed();
    }
    if ends {
        shared.applications.remove(&attached.application);
    }
    answer.send(line, tenant).map_err(Fault::Io)?;
    // The client works by now: what is tidied up here costs no time of anybody's.
    answer.clear();
    line.done(&header);
    Ok(if ends { Next::Close } else { Next::GoOn })
}

/// Counts a large message for its user for as long as it is here.
fn count(shared: &Shared, peer: Credentials, header: &Header) -> token::Result<Option<Held>> {
    // What a body says is copied out of it.
    let promised = 2 * header.body_len + header.data_len;
    match promised > UNCOUNTED {
        true => shared.tally.take(peer.uid, What::Bytes, promised).map(Some),
        false => Ok(None),
    }
}

fn note(peer: Credentials, fault: &Fault) {
    match fault {
        Fault::Closed => {}
        Fault::Broken(what) => log::warn!("uid {} sent {what}; its connection is closed", peer.uid),
        Fault::Idle => log::info!("uid {} connected and said nothing", peer.uid),
        Fault::Io(error) => log::debug!("connection of uid {}: {error}", peer.uid),
    }
}

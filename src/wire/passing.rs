//! Descriptors that travel beside the first bytes of a message (`SCM_RIGHTS`): hsmd passes some with
//! its Welcome, and takes none from anybody.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{BorrowedFd, OwnedFd},
};

use rustix::{
    io::retry_on_intr,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags,
    },
};

/// Descriptors that one message may bring.
const COUNT: usize = 2;

/// Sends some bytes with descriptors beside them. Answers how many bytes were sent.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(COUNT))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let part = [IoSlice::new(bytes)];
    let send = || rustix::net::sendmsg(socket, &part, &mut beside, SendFlags::NOSIGNAL);
    Ok(retry_on_intr(send)?)
}

/// Receives some bytes, and the descriptors beside them.
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    room: &mut [u8],
) -> rustix::io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(COUNT))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut part = [IoSliceMut::new(room)];
    let receive = || rustix::net::recvmsg(socket, &mut part, &mut beside, RecvFlags::CMSG_CLOEXEC);
    let count = retry_on_intr(receive)?.bytes;
    let mut descriptors = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(passed) = message {
            descriptors.extend(passed);
        }
    }
    Ok((count, descriptors))
}

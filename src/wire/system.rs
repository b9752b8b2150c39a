//! The few system calls that `rustix` has not, or not soundly, each behind a safe function:
//! peer credentials, the auxiliary vector, descriptors that came with `exec` or with `fork`.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    sync::atomic::{AtomicU64, Ordering},
};

/// Who is at the other end of a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// Its process, as seen from here; none if it is in another process namespace.
    pub(crate) pid: Option<i32>,
    /// Its effective user when it connected or listened.
    pub(crate) uid: u32,
}

/// `SO_PEERCRED`. (`rustix` has it, but takes the process id for non-zero.)
pub(crate) fn peer_credentials(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let mut found = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    };
    socket_option(socket, libc::SO_PEERCRED, &mut found)?;
    Ok(Credentials {
        pid: (found.pid > 0).then_some(found.pid),
        uid: found.uid,
    })
}

/// `SO_PEERPIDFD` (Linux 6.5): a descriptor of the peer's process, without the race that looking
/// it up by its number has.
pub(crate) fn peer_process(socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    const SO_PEERPIDFD: i32 = 77;
    let mut found: RawFd = -1;
    socket_option(socket, SO_PEERPIDFD, &mut found)?;
    if found < 0 {
        return Err(io::ErrorKind::Unsupported.into());
    }
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(found) })
}

/// `getsockopt` at the socket level, for the plain C types above.
fn socket_option<T: Copy>(socket: BorrowedFd<'_>, option: i32, value: &mut T) -> io::Result<()> {
    let expected = size_of::<T>();
    let mut len = libc::socklen_t::try_from(expected).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: `value` is writable for `len` bytes, and every bit pattern of the two types that this
    // file uses is legal.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            std::ptr::from_mut(value).cast(),
            &mut len,
        )
    };
    match status {
        0 if usize::try_from(len).is_ok_and(|len| len == expected) => Ok(()),
        0 => Err(io::ErrorKind::Unsupported.into()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether the process runs with more rights than its caller has (`AT_SECURE`): then neither its
/// environment nor the caller's own configuration is to be believed.
pub(crate) fn is_privileged_execution() -> bool {
    // SAFETY: `getauxval` only reads the vector that the kernel gave the process.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// The descriptor `number` that this process was given at its start, as systemd and
/// [`crate::start`] pass them; none if there is no such descriptor or it has been taken already.
pub fn inherited_descriptor(number: RawFd) -> Option<OwnedFd> {
    /// One bit for each descriptor that has an owner.
    static TAKEN: AtomicU64 = AtomicU64::new(0);
    let bit = 1_u64
        .checked_shl(u32::try_from(number).ok()?)
        .filter(|_| number > 2)?;
    // SAFETY: asks whether the number is open, and changes nothing.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    if flags < 0 || TAKEN.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
        return None;
    }
    // SAFETY: sets the close-on-exec flag of a descriptor that is open, by the test above.
    unsafe { libc::fcntl(number, libc::F_SETFD, flags | libc::FD_CLOEXEC) };
    // SAFETY: it is open, came with `exec`, and the bit gives it to this caller alone.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Closes a descriptor that came with `fork`, in the child, where its owner is never dropped.
pub(crate) fn close_inherited(descriptor: RawFd) {
    // SAFETY: the caller's table says that the descriptor belongs to a connection of the parent;
    // in the child nobody uses or drops that connection.
    unsafe { libc::close(descriptor) };
}

//! The server: a thread for each connection, an application for each id, limits for each user. A
//! client can say whatever it likes; it only ever hurts itself.

mod applications;
mod connection;
mod dispatch;
mod line;
mod tally;
#[cfg(test)]
mod tests;

use std::{
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustix::event::{EventfdFlags, PollFd, PollFlags};
use token::{ApplicationId, Hsm, Operator, Result};

use self::{
    applications::Applications,
    tally::{Tally, What},
};
use crate::{memory::Board, system};

/// What answers the verbs of one application.
pub trait Tenant: Hsm + Operator {}

impl<T: Hsm + Operator> Tenant for T {}

/// What makes applications: the engine.
pub trait Host: Send + Sync {
    /// Whether it still is what a client looks for. If not, a client that greets is sent away
    /// without an answer, and knocks until the next hsmd opens.
    fn is_there(&self) -> bool {
        true
    }

    /// The application `id` of the user `uid`, who has proven to be it.
    fn application(&self, id: ApplicationId, uid: u32) -> Result<Arc<dyn Tenant>>;
}

/// Serves applications over listening sockets, until it is told to leave.
pub struct Server {
    shared: Arc<Shared>,
    /// Wakes the threads that wait for connections.
    wake: Arc<OwnedFd>,
}

/// What all threads of the server know.
struct Shared {
    applications: Applications,
    tally: Arc<Tally>,
    /// What all clients see; none where the system has no memory to share.
    board: Option<Board>,
    leaving: AtomicBool,
    /// Verbs being answered. (A number and not a lock: every verb passes here.)
    working: AtomicUsize,
    /// When a client last came or went.
    last_seen: Mutex<Instant>,
}

/// The stack of a connection's thread: verbs decode, compute and commit on it.
const STACK_BYTES: usize = 2 * 1024 * 1024;
/// How long the server pauses when it can take no connection.
const PAUSE: Duration = Duration::from_millis(100);

impl Server {
    /// A server of `host`, without listeners yet.
    pub fn new(host: Arc<dyn Host>) -> io::Result<Self> {
        Self::with(host, board())
    }

    fn with(host: Arc<dyn Host>, board: Option<Board>) -> io::Result<Self> {
        let tally = Arc::new(Tally::default());
        let shared = Arc::new(Shared {
            applications: Applications::new(host, Arc::clone(&tally))?,
            tally,
            board,
            leaving: AtomicBool::new(false),
            working: AtomicUsize::new(0),
            last_seen: Mutex::new(Instant::now()),
        });
        let watching = Arc::clone(&shared);
        thread::Builder::new()
            .name("watcher".to_owned())
            .spawn(move || watching.applications.watch(&watching.leaving))?;
        let wake = Arc::new(rustix::event::eventfd(0, EventfdFlags::CLOEXEC)?);
        Ok(Self { shared, wake })
    }

    /// Takes connections from `listener`, in a thread of its own.
    pub fn serve(&self, listener: UnixListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let (shared, wake) = (Arc::clone(&self.shared), Arc::clone(&self.wake));
        let listen = move || accept(&shared, &listener, &wake);
        thread::Builder::new()
            .name("listener".to_owned())
            .spawn(listen)?;
        Ok(())
    }

    /// Since when there has been no client; none while there is one.
    pub fn idle_since(&self) -> Option<Instant> {
        let quiet = self.shared.applications.count() == 0 && self.shared.tally.connections() == 0;
        quiet.then(|| *self.shared.last_seen.lock())
    }

    /// How many applications there are.
    pub fn applications(&self) -> usize {
        self.shared.applications.count()
    }

    /// Takes no more connections and no more verbs, and waits, not longer than `patience`, until
    /// those being answered are. Answers whether they all were.
    pub fn leave(&self, patience: Duration) -> bool {
        self.shared.leaving.store(true, Ordering::SeqCst);
        // Whoever comes next has another board.
        self.shared.changed();
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        self.shared.applications.wake_watcher();
        let deadline = Instant::now() + patience;
        while self.shared.working.load(Ordering::SeqCst) > 0 {
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
    }
}

#[cfg(test)]
impl Server {
    /// One where the system has no memory to share.
    pub(crate) fn without_memory(host: Arc<dyn Host>) -> io::Result<Self> {
        Self::with(host, None)
    }

    /// Takes all memory for messages of this process's user but `left` bytes, until the answer is
    /// dropped.
    pub(crate) fn starve(&self, left: usize) -> impl Sized + use<> {
        let uid = rustix::process::geteuid().as_raw();
        let taken = token::limits::MEMORY_BYTES - left;
        self.shared.tally.take(uid, What::Bytes, taken).ok()
    }

    /// Ends as by `kill -9`: no answer is given any more, every connection breaks.
    pub(crate) fn vanish(&self) {
        self.leave(Duration::ZERO);
        self.break_all();
    }

    /// Breaks every connection from within a verb, whose client has noticed it when this returns.
    pub(crate) fn break_under_a_verb(&self) {
        self.shared.applications.break_under_a_verb();
    }

    /// Breaks every connection and lives on.
    pub(crate) fn break_all(&self) {
        self.shared.applications.break_all();
    }
}

impl Shared {
    fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::SeqCst)
    }

    /// Something has changed that an Init of anybody may be answered by.
    fn changed(&self) {
        if let Some(board) = &self.board {
            board.change();
        }
    }

    fn seen(&self) {
        *self.last_seen.lock() = Instant::now();
    }

    /// A verb is being answered, until the value is dropped.
    fn working(&self) -> Working<'_> {
        self.working.fetch_add(1, Ordering::SeqCst);
        Working(self)
    }
}

struct Working<'a>(&'a Shared);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.working.fetch_sub(1, Ordering::SeqCst);
    }
}

fn board() -> Option<Board> {
    Board::new()
        .inspect_err(|error| log::info!("no shared memory ({error}): the socket carries all"))
        .ok()
}

/// Takes connections until the server leaves.
fn accept(shared: &Arc<Shared>, listener: &UnixListener, wake: &OwnedFd) {
    let mut is_refused = false;
    while !shared.is_leaving() {
        let mut waiting = [
            PollFd::new(listener, PollFlags::IN),
            PollFd::new(wake, PollFlags::IN),
        ];
        if let Err(error) = rustix::event::poll(&mut waiting, None)
            && error != rustix::io::Errno::INTR
        {
            log::error!("waiting for connections: {error}");
            thread::sleep(PAUSE);
        }
        if shared.is_leaving() {
            return;
        }
        match listener.accept() {
            Ok((socket, _)) => {
                is_refused = false;
                admit(shared, socket);
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                io::ErrorKind::ConnectionAborted => {}
                _ => {
                    // Most likely no descriptor is left: those who wait, wait.
                    if !std::mem::replace(&mut is_refused, true) {
                        log::error!("connections cannot be taken: {error}");
                    }
                    thread::sleep(PAUSE);
                }
            },
        }
    }
}

/// Gives a connection its thread, if its user may have one more.
fn admit(shared: &Arc<Shared>, socket: UnixStream) {
    let admitted = socket
        .set_nonblocking(false)
        .and_then(|()| system::peer_credentials(socket.as_fd()));
    let Ok(peer) = admitted else { return };
    let held = match shared.tally.take(peer.uid, What::Connections, 1) {
        Ok(held) => held,
        Err(error) => {
            log::warn!("{error}; one more is refused");
            return connection::refuse(&socket, error);
        }
    };
    shared.seen();
    let thread = Arc::clone(shared);
    let serve = move || {
        let socket = Arc::new(socket);
        connection::serve(&thread, &socket, peer);
        thread.seen();
        drop(held);
    };
    let spawned = thread::Builder::new()
        .name("connection".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(serve);
    if let Err(error) = spawned {
        log::error!("no thread for a connection: {error}");
    }
}

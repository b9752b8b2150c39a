//! The applications that a server knows, and the ends of their processes.

use std::{
    collections::HashMap,
    net::Shutdown,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec},
    process::PidfdFlags,
};
use token::{ApplicationId, Error, Reason, Result};

use super::{
    Host, Tenant,
    tally::{Held, Tally, What},
};
use crate::{
    message::{Proof, Purpose, Refusal, Refused},
    system::{self, Credentials},
};

/// How long an application without a known process may be without a connection.
const GRACE: Duration = Duration::from_secs(10);

/// An application: who proved to be it, and what answers its verbs.
pub(super) struct Application {
    id: ApplicationId,
    hash: [u8; 32],
    pub(super) tenant: Arc<dyn Tenant>,
    /// Ready to read when the process has ended; none if it cannot be seen from here.
    process: Option<OwnedFd>,
    ended: AtomicBool,
    connections: Mutex<Connections>,
    _counted: Held,
}

struct Connections {
    sockets: HashMap<u64, Weak<UnixStream>>,
    /// Since when there is none.
    none_since: Instant,
}

/// All of them.
pub(super) struct Applications {
    host: Arc<dyn Host>,
    tally: Arc<Tally>,
    known: Mutex<HashMap<ApplicationId, Arc<Application>>>,
    next_connection: AtomicU64,
    /// Wakes the watcher when there is another process to watch.
    wake: OwnedFd,
}

/// A connection's place in its application.
pub(super) struct Attached {
    pub(super) application: Arc<Application>,
    number: u64,
}

impl Drop for Attached {
    fn drop(&mut self) {
        let mut connections = self.application.connections.lock();
        connections.sockets.remove(&self.number);
        connections.none_since = Instant::now();
    }
}

impl Application {
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

impl Applications {
    pub(super) fn new(host: Arc<dyn Host>, tally: Arc<Tally>) -> std::io::Result<Self> {
        let wake = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            host,
            tally,
            known: Mutex::default(),
            next_connection: AtomicU64::new(0),
            wake,
        })
    }

    pub(super) fn host_is_there(&self) -> bool {
        self.host.is_there()
    }

    pub(super) fn count(&self) -> usize {
        self.known.lock().len()
    }

    /// The application that a greeting asks for, and its secret.
    pub(super) fn greet(
        &self,
        purpose: &Purpose,
        socket: &Arc<UnixStream>,
        peer: Credentials,
    ) -> std::result::Result<(Attached, Proof), Refusal> {
        let denied = |error| Refusal {
            reason: Refused::Denied,
            error,
        };
        let secret = match purpose {
            Purpose::New => Proof::draw()
                .map_err(|_| denied(Error::new(Reason::Internal, "no random bytes")))?,
            Purpose::Attach { secret } | Purpose::Resume { secret } => Proof::copied(secret),
        };
        let hash = crypto::hash::sha256(&[b"strongroom/1/application", &*secret]);
        let id = ApplicationId(first_half(&hash));
        let known = self.known.lock().get(&id).cloned();
        let application = match known {
            Some(application) if crypto::eq(&application.hash, &hash) => application,
            Some(_) => return Err(denied(Reason::NotPermitted.into())),
            None if matches!(purpose, Purpose::Attach { .. }) => {
                let text = "hsmd does not know the application";
                return Err(Refusal {
                    reason: Refused::Unknown,
                    error: Error::new(Reason::NotFound, text),
                });
            }
            None => self.add(id, hash, socket, peer).map_err(denied)?,
        };
        let number = self.next_connection.fetch_add(1, Ordering::Relaxed);
        application
            .connections
            .lock()
            .sockets
            .insert(number, Arc::downgrade(socket));
        Ok((
            Attached {
                application,
                number,
            },
            secret,
        ))
    }

    fn add(
        &self,
        id: ApplicationId,
        hash: [u8; 32],
        socket: &Arc<UnixStream>,
        peer: Credentials,
    ) -> Result<Arc<Application>> {
        let counted = self.tally.take(peer.uid, What::Applications, 1)?;
        let process = process_of(socket, peer);
        let tenant = self.host.application(id, peer.uid)?;
        let connections = Connections {
            sockets: HashMap::new(),
            none_since: Instant::now(),
        };
        let application = Arc::new(Application {
            id,
            hash,
            tenant,
            process,
            ended: AtomicBool::new(false),
            connections: Mutex::new(connections),
            _counted: counted,
        });
        self.known.lock().insert(id, Arc::clone(&application));
        self.wake_watcher();
        Ok(application)
    }

    /// Forgets an application whose tenant has ended, and closes its connections.
    pub(super) fn remove(&self, application: &Application) {
        application.ended.store(true, Ordering::Relaxed);
        self.known.lock().remove(&application.id);
        for socket in application
            .connections
            .lock()
            .sockets
            .values()
            .filter_map(Weak::upgrade)
        {
            let _ = socket.shutdown(Shutdown::Read);
        }
        // The watcher holds it, and what is counted for it, until it looks again.
        self.wake_watcher();
    }

    #[cfg(test)]
    pub(super) fn break_all(&self) {
        for socket in self.sockets() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// The same from within a verb: its client has noticed it, and takes no answer any more, when this
    /// returns.
    #[cfg(test)]
    pub(super) fn break_under_a_verb(&self) {
        let sockets = self.sockets();
        for socket in &sockets {
            let _ = socket.shutdown(Shutdown::Write);
        }
        let gone = |socket| PollFd::new(socket, PollFlags::RDHUP);
        let mut clients: Vec<_> = sockets.iter().map(gone).collect();
        let patience = Timespec {
            tv_sec: 120,
            tv_nsec: 0,
        };
        assert!(rustix::event::poll(&mut clients, Some(&patience)).unwrap() > 0);
        // Those and no others: the client may have come back already.
        for socket in &sockets {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    #[cfg(test)]
    fn sockets(&self) -> Vec<Arc<UnixStream>> {
        let known = self.known.lock();
        let of = |application: &Arc<Application>| {
            let connections = application.connections.lock();
            let sockets = connections.sockets.values();
            sockets.filter_map(Weak::upgrade).collect::<Vec<_>>()
        };
        known.values().flat_map(of).collect()
    }

    pub(super) fn wake_watcher(&self) {
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// Waits for the ends of processes, for ever. One thread does this for all.
    pub(super) fn watch(&self, leaving: &AtomicBool) {
        while !leaving.load(Ordering::Relaxed) {
            let known: Vec<_> = self.known.lock().values().cloned().collect();
            for application in self.wait_for_ends(&known) {
                self.remove(&application);
                end(application);
            }
        }
    }

    /// Those of `known` that have ended, when some have or something has changed.
    fn wait_for_ends(&self, known: &[Arc<Application>]) -> Vec<Arc<Application>> {
        let watched: Vec<_> = known
            .iter()
            .filter(|application| application.process.is_some())
            .collect();
        let mut waiting = vec![PollFd::new(&self.wake, PollFlags::IN)];
        waiting.extend(watched.iter().filter_map(|application| {
            application
                .process
                .as_ref()
                .map(|process| PollFd::new(process, PollFlags::IN))
        }));
        let unseen = watched.len() < known.len();
        let timeout = Timespec {
            tv_sec: GRACE.as_secs().cast_signed() / 2,
            tv_nsec: 0,
        };
        if let Err(error) = rustix::event::poll(&mut waiting, unseen.then_some(&timeout)) {
            if error != rustix::io::Errno::INTR {
                log::error!("waiting for processes: {error}");
                std::thread::sleep(Duration::from_secs(1));
            }
            return Vec::new();
        }
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.wake, &mut count);
        let ended = watched.iter().zip(waiting.iter().skip(1));
        let ended = ended.filter(|(_, process)| !process.revents().is_empty());
        let abandoned = known.iter().filter(|application| {
            let connections = application.connections.lock();
            application.process.is_none()
                && connections.sockets.is_empty()
                && connections.none_since.elapsed() > GRACE
        });
        ended
            .map(|(application, _)| Arc::clone(application))
            .chain(abandoned.cloned())
            .collect()
    }
}

/// Ends an application that has been removed, in a thread of its own: it waits for verbs that are in
/// the middle of their work, and nobody else's end waits with it.
fn end(application: Arc<Application>) {
    let also = Arc::clone(&application);
    let thread = std::thread::Builder::new().name("end".to_owned());
    if let Err(error) = thread.spawn(move || end_tenant(&also)) {
        log::error!("no thread for the end of an application: {error}");
        end_tenant(&application);
    }
}

fn end_tenant(application: &Application) {
    let tenant = std::panic::AssertUnwindSafe(&application.tenant);
    match std::panic::catch_unwind(|| tenant.end()) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => log::warn!("an application whose process ended: {error}"),
        Err(_) => log::error!("a panic at the end of an application was caught"),
    }
}

/// The process at the other end of a socket, by which its end is noticed.
fn process_of(socket: &UnixStream, peer: Credentials) -> Option<OwnedFd> {
    if let Ok(process) = system::peer_process(socket.as_fd()) {
        return Some(process);
    }
    // Linux before 6.5. The number may have been given to another process in the meantime: then
    // the application lives as long as that one, and what it holds is still counted for its user.
    let pid = rustix::process::Pid::from_raw(peer.pid?)?;
    rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()
}

fn first_half(hash: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut()
        .zip(hash)
        .for_each(|(place, byte)| *place = *byte);
    half
}

#[cfg(test)]
mod tests {
    use std::{process::Command, sync::mpsc, thread};

    use super::*;
    use crate::testing::{self, World, eventually};

    /// A process that does nothing, and an application that is its own.
    fn process(applications: &Applications, number: u8) -> std::process::Child {
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        let id = ApplicationId([number; 16]);
        let application = Application {
            id,
            hash: [number; 32],
            tenant: applications.host.application(id, 0).unwrap(),
            process: Some(rustix::process::pidfd_open(pid, PidfdFlags::empty()).unwrap()),
            ended: AtomicBool::new(false),
            connections: Mutex::new(Connections {
                sockets: HashMap::new(),
                none_since: Instant::now(),
            }),
            _counted: applications.tally.take(0, What::Applications, 1).unwrap(),
        };
        applications.known.lock().insert(id, Arc::new(application));
        child
    }

    #[test]
    fn an_end_that_waits_for_a_busy_session_keeps_no_other_end_waiting() {
        let world = Arc::new(World::default());
        let host = testing::host(&world);
        let applications = Applications::new(host, Arc::default()).unwrap();
        let mut children = [1, 2].map(|number| process(&applications, number));
        let (done, busy) = mpsc::channel::<()>();
        world.in_the_middle_of("end", move || busy.recv().unwrap());
        let leaving = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| applications.watch(&leaving));
            for child in &mut children {
                child.kill().unwrap();
                child.wait().unwrap();
            }
            eventually("the other one ends", || {
                world.ended.load(Ordering::Relaxed) == 1
            });
            done.send(()).unwrap();
            eventually("both end", || world.ended.load(Ordering::Relaxed) == 2);
            leaving.store(true, Ordering::Relaxed);
            applications.wake_watcher();
        });
    }
}

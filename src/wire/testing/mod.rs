//! For the tests of this crate: an HSM that computes nothing, on a machine whose hsmd can die and be
//! started again, all in one process.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize},
    },
    time::Duration,
};

use parking_lot::Mutex;
use token::{ApplicationId, ObjectHandle, Operation, SlotId};

mod fake;

use crate::{
    Client, Configuration, Home, SOCKET, Start,
    server::{Host, Server},
};

use self::fake::FakeHost;

/// The bytes that the fake's transformation puts before its input.
pub(crate) const PREFIX: &[u8] = b"fake";
/// A slot whose token makes the engine panic.
pub(crate) const BROKEN_SLOT: SlotId = SlotId(99);
/// A mechanism that needs a session object as key.
pub(crate) const SESSION_KEY: ObjectHandle = ObjectHandle(ObjectHandle::SESSION | 7);

/// A home with its runtime directory, and the hsmd that serves it now.
pub(crate) struct Machine {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) world: Arc<World>,
    server: Mutex<Option<Server>>,
}

/// What outlives an hsmd.
#[derive(Default)]
pub(crate) struct World {
    /// Answers of changing verbs, as the store keeps them.
    pub(crate) answers: Mutex<HashMap<(ApplicationId, u64), ObjectHandle>>,
    pub(crate) created: AtomicUsize,
    /// How many objects a search finds.
    pub(crate) objects: AtomicU64,
    /// How many more objects than it is asked for an hsmd tells.
    pub(crate) excess: AtomicU64,
    /// Whether no login can be taken up.
    pub(crate) forgets_logins: AtomicBool,
    /// Whether all sessions are lost, as those of an HSM that is gone.
    pub(crate) is_lost: AtomicBool,
    pub(crate) ended: AtomicUsize,
    /// Keys that are gone.
    pub(crate) gone: Mutex<Vec<ObjectHandle>>,
    /// The operations that were started.
    pub(crate) started: Mutex<Vec<Operation>>,
    /// Slots that have changed.
    pub(crate) events: Mutex<Vec<SlotId>>,
    /// Verbs that reached an engine, by name.
    pub(crate) said: Mutex<BTreeMap<&'static str, usize>>,
    /// What is done in the middle of the next verb of this name, before it is answered: once all is done
    /// that it changes, as a client that loses its connection then says it again at once.
    trap: Mutex<Option<Trap>>,
}

type Trap = (&'static str, Box<dyn FnOnce() + Send>);

impl World {
    pub(crate) fn count(&self, verb: &str) -> usize {
        self.said.lock().get(verb).copied().unwrap_or(0)
    }

    pub(crate) fn in_the_middle_of(
        &self,
        verb: &'static str,
        deed: impl FnOnce() + Send + 'static,
    ) {
        *self.trap.lock() = Some((verb, Box::new(deed)));
    }

    fn say(&self, verb: &'static str) {
        *self.said.lock().entry(verb).or_default() += 1;
        let sprung = {
            let mut trap = self.trap.lock();
            match &*trap {
                Some((name, _)) if *name == verb => trap.take(),
                _ => None,
            }
        };
        if let Some((_, deed)) = sprung {
            deed();
        }
    }
}

impl Machine {
    /// A machine with an hsmd.
    pub(crate) fn new() -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let machine = Arc::new(Self {
            folder,
            world: Arc::default(),
            server: Mutex::new(None),
        });
        std::fs::create_dir_all(machine.runtime()).unwrap();
        machine.start();
        machine
    }

    pub(crate) fn runtime(&self) -> PathBuf {
        self.folder.path().join("strongroom/home")
    }

    pub(crate) fn home(&self) -> Home {
        let configuration = Configuration {
            start: Start::Never,
            ..Configuration::default()
        };
        Home::in_test(self.folder.path(), &self.runtime(), configuration)
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.home()).unwrap()
    }

    /// A connection that speaks for itself.
    pub(crate) fn socket(&self) -> std::os::unix::net::UnixStream {
        std::os::unix::net::UnixStream::connect(self.runtime().join(SOCKET)).unwrap()
    }

    /// Starts an hsmd.
    pub(crate) fn start(&self) {
        self.run(Server::new(host(&self.world)).unwrap());
    }

    /// Goes on with one that has no memory to share.
    pub(crate) fn restart_without_memory(&self) {
        self.kill();
        self.run(Server::without_memory(host(&self.world)).unwrap());
    }

    fn run(&self, server: Server) {
        let socket = self.runtime().join(SOCKET);
        let _ = std::fs::remove_file(&socket);
        server
            .serve(std::os::unix::net::UnixListener::bind(socket).unwrap())
            .unwrap();
        *self.server.lock() = Some(server);
    }

    /// The hsmd dies as by `kill -9`.
    pub(crate) fn kill(&self) {
        let _ = std::fs::remove_file(self.runtime().join(SOCKET));
        if let Some(server) = self.server.lock().take() {
            server.vanish();
        }
    }

    pub(crate) fn restart(&self) {
        self.kill();
        self.start();
    }

    /// What restarts hsmd from within one of its verbs.
    pub(crate) fn restarter(self: &Arc<Self>) -> impl FnOnce() + Send + 'static {
        let machine: Weak<Self> = Arc::downgrade(self);
        move || {
            let machine = machine.upgrade().unwrap();
            let dying = machine.server.lock().take().unwrap();
            dying.leave(Duration::ZERO);
            // Whoever notices the end of one finds the other.
            machine.start();
            dying.break_under_a_verb();
        }
    }

    /// Breaks all connections to an hsmd that lives on.
    pub(crate) fn break_all(&self) {
        self.server.lock().as_ref().unwrap().break_all();
    }

    /// What breaks all connections from within a verb of an hsmd that lives on.
    pub(crate) fn breaker(self: &Arc<Self>) -> impl FnOnce() + Send + 'static {
        let machine: Weak<Self> = Arc::downgrade(self);
        move || {
            let machine = machine.upgrade().unwrap();
            let server = machine.server.lock();
            server.as_ref().unwrap().break_under_a_verb();
        }
    }

    /// Leaves the user of this process so many bytes for messages, until the answer is dropped.
    pub(crate) fn starve(&self, left: usize) -> impl Sized + use<> {
        self.server
            .lock()
            .as_ref()
            .map(|server| server.starve(left))
    }

    pub(crate) fn applications(&self) -> usize {
        self.server.lock().as_ref().map_or(0, Server::applications)
    }
}

/// What makes the applications of a world.
pub(crate) fn host(world: &Arc<World>) -> Arc<dyn Host> {
    Arc::new(FakeHost::new(world))
}

/// Waits until something is so, and fails if it never is: after a time that no loaded machine needs.
pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..12_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never: {what}");
}

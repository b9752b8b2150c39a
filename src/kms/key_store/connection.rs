//! The connection of one key store: the only file that writes its state. Commands answer at once;
//! the work is done by a thread that a later command makes obsolete.
//!
//! DISCONNECTED → CONNECTING → CONNECTED | FAILED(code); CONNECTED → DISCONNECTING → DISCONNECTED.
//! A store that lost its HSMs is CONNECTING until they are back; so is one after a restart.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use aws::{Error, Result};
use parking_lot::{Condvar, Mutex, RwLock};

use super::{
    Credentials, Fault, KeyStore, Opener,
    state::{ConnectionErrorCode as Code, Intent, Phase},
};
use crate::{
    errors::STORE_INVALID_STATE,
    limits::{RECONNECT_PAUSE, RECONNECT_WAIT},
    records::{Records, at, keyspace},
};

/// The connection of one key store.
pub(crate) struct Connection {
    store: String,
    records: Arc<Records>,
    opener: Arc<dyn Opener>,
    state: RwLock<State>,
    /// Commands, one after the other.
    commands: Mutex<()>,
    /// Logging in and out, one after the other: a slot has one login.
    work: Mutex<()>,
    changed: (Mutex<()>, Condvar),
}

struct State {
    phase: Phase,
    /// Counts the commands: work for an older one is obsolete.
    command: u64,
}

/// What to do about an attempt that fails.
#[derive(Clone, Copy, PartialEq)]
enum Patience {
    /// Somebody waits for the answer: say so.
    Once,
    /// The store was connected before: wait for what can go away by itself.
    Always,
}

impl Connection {
    /// The connection of a store as the records say it shall be.
    pub(crate) fn new(store: &str, records: Arc<Records>, opener: Arc<dyn Opener>) -> Arc<Self> {
        let state = State {
            phase: Phase::Disconnected,
            command: 0,
        };
        Arc::new(Self {
            store: store.to_owned(),
            records,
            opener,
            state: RwLock::new(state),
            commands: Mutex::default(),
            work: Mutex::default(),
            changed: <(Mutex<()>, Condvar)>::default(),
        })
    }

    /// After a restart: connects again if that was the last word.
    pub(crate) fn resume(self: &Arc<Self>) -> Result<()> {
        let _commands = self.commands.lock();
        match self.records.read(&key(&self.store))? {
            None | Some(Intent::Disconnected) => {}
            Some(Intent::Failed(code)) => drop(self.command(Phase::Failed(code))),
            Some(Intent::Connected) => {
                let command = self.command(Phase::Connecting);
                self.work(move |connection| connection.connect_now(command, Patience::Always));
            }
        }
        Ok(())
    }

    /// ConnectCustomKeyStore.
    pub(crate) fn connect(self: &Arc<Self>) -> Result<()> {
        let _commands = self.commands.lock();
        match self.phase() {
            Phase::Connected(_) | Phase::Connecting => return Ok(()),
            Phase::Disconnecting | Phase::Failed(_) => return Err(self.invalid_state()),
            Phase::Disconnected => {}
        }
        let credentials = Credentials::read(&self.records, &self.store)?;
        // Also a password that is ours already is changed by each Connect, as AWS does.
        let credentials = Credentials {
            due: true,
            ..credentials
        };
        let change = self
            .records
            .change()
            .put(key(&self.store), &Intent::Connected);
        credentials.put(change, &self.store).commit()?;
        let command = self.command(Phase::Connecting);
        self.work(move |connection| connection.connect_now(command, Patience::Once));
        Ok(())
    }

    /// DisconnectCustomKeyStore.
    pub(crate) fn disconnect(self: &Arc<Self>) -> Result<()> {
        let _commands = self.commands.lock();
        let live = match self.phase() {
            Phase::Disconnected | Phase::Disconnecting => return Err(self.invalid_state()),
            Phase::Connected(live) => Some(live),
            Phase::Connecting | Phase::Failed(_) => None,
        };
        self.intend(Intent::Disconnected)?;
        let command = self.command(Phase::Disconnecting);
        self.work(move |connection| {
            let _work = connection.work.lock();
            live.iter().for_each(|live| live.close());
            connection.set(command, Phase::Disconnected);
        });
        Ok(())
    }

    /// Logs out because the process ends; the store will be connected again when it starts.
    pub(crate) fn close(&self) {
        let _commands = self.commands.lock();
        let phase = self.phase();
        self.command(Phase::Disconnecting);
        let _work = self.work.lock();
        if let Phase::Connected(live) = phase {
            live.close();
        }
    }

    /// How it is.
    pub(crate) fn phase(&self) -> Phase {
        self.state.read().phase.clone()
    }

    /// Whether its keys can be used.
    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.state.read().phase, Phase::Connected(_))
    }

    /// Does `task` with the store. When the HSMs are lost while it is done, connects again and does
    /// it again, once.
    pub(crate) fn run<T>(
        self: &Arc<Self>,
        task: impl Fn(&dyn KeyStore) -> std::result::Result<T, Fault>,
    ) -> std::result::Result<T, Fault> {
        let Phase::Connected(live) = self.phase() else {
            return Err(Fault::Disconnected);
        };
        match task(&*live) {
            Err(Fault::Lost(why)) => {
                self.lost(&live, &why);
                match self.wait_connected(RECONNECT_WAIT) {
                    Some(live) => task(&*live),
                    None => Err(Fault::Lost(why)),
                }
            }
            answer => answer,
        }
    }

    /// That the store's state does not allow something.
    pub(crate) fn invalid_state(&self) -> Error {
        let (store, state) = (&self.store, self.phase().text());
        Error::new(
            STORE_INVALID_STATE,
            format!("Custom key store '{store}' is {state}."),
        )
    }

    /// `live` does not answer as it should: connects again, unless somebody has done so.
    fn lost(self: &Arc<Self>, live: &Arc<dyn KeyStore>, why: &str) {
        let _commands = self.commands.lock();
        match self.phase() {
            Phase::Connected(current) if Arc::ptr_eq(&current, live) => {}
            _ => return,
        }
        log::warn!("{}: lost its HSMs ({why}); connects again", self.store);
        let command = self.command(Phase::Connecting);
        let live = Arc::clone(live);
        self.work(move |connection| {
            {
                let _work = connection.work.lock();
                live.close();
            }
            connection.connect_now(command, Patience::Always);
        });
    }

    /// Connects, as long as `command` is the last one.
    fn connect_now(&self, command: u64, patience: Patience) {
        let mut pause = Duration::from_millis(200);
        loop {
            let work = self.work.lock();
            if self.state.read().command != command {
                return;
            }
            match self.opener.open(&self.store) {
                Ok(live) => {
                    if self.set(command, Phase::Connected(Arc::clone(&live))) {
                        log::info!("{}: connected", self.store);
                        drop(work);
                        self.opener.opened(&self.store);
                    } else {
                        live.close();
                    }
                    return;
                }
                Err(code) if patience == Patience::Always && code.is_transient() => {
                    log::warn!(
                        "{}: not connected ({}); tries again",
                        self.store,
                        code.text()
                    );
                }
                Err(code) => {
                    drop(work);
                    return self.fail(command, code);
                }
            }
            drop(work);
            if !self.wait_obsolete(command, pause) {
                return;
            }
            pause = (pause * 2).min(RECONNECT_PAUSE);
        }
    }

    fn fail(&self, command: u64, code: Code) {
        // No command comes between the phase and the record of it.
        let _commands = self.commands.lock();
        log::error!("{}: could not be connected: {}", self.store, code.text());
        if self.set(command, Phase::Failed(code))
            && let Err(error) = self.intend(Intent::Failed(code))
        {
            // After a restart it is tried again, and fails again or not.
            log::error!("{}: its state cannot be stored: {error}", self.store);
        }
    }

    fn intend(&self, intent: Intent) -> Result<()> {
        self.records
            .change()
            .put(key(&self.store), &intent)
            .commit()
    }

    /// A new phase by a command: older work is obsolete.
    fn command(&self, phase: Phase) -> u64 {
        let mut state = self.state.write();
        state.phase = phase;
        state.command += 1;
        let command = state.command;
        drop(state);
        self.announce();
        command
    }

    /// A new phase by the work for `command`, unless that is obsolete.
    fn set(&self, command: u64, phase: Phase) -> bool {
        let mut state = self.state.write();
        let current = state.command == command;
        if current {
            state.phase = phase;
        }
        drop(state);
        self.announce();
        current
    }

    fn announce(&self) {
        drop(self.changed.0.lock());
        self.changed.1.notify_all();
    }

    /// Waits until the store is no longer being connected.
    fn wait_connected(&self, most: Duration) -> Option<Arc<dyn KeyStore>> {
        let deadline = Instant::now() + most;
        let mut guard = self.changed.0.lock();
        loop {
            match self.phase() {
                Phase::Connected(live) => return Some(live),
                Phase::Connecting => {}
                _ => return None,
            }
            if self.changed.1.wait_until(&mut guard, deadline).timed_out() {
                return None;
            }
        }
    }

    /// Waits for `pause`, or until `command` is obsolete: then `false`.
    fn wait_obsolete(&self, command: u64, pause: Duration) -> bool {
        let deadline = Instant::now() + pause;
        let mut guard = self.changed.0.lock();
        while self.state.read().command == command {
            if self.changed.1.wait_until(&mut guard, deadline).timed_out() {
                return true;
            }
        }
        false
    }

    fn work(self: &Arc<Self>, work: impl FnOnce(&Arc<Self>) + Send + 'static) {
        let connection = Arc::clone(self);
        let thread = thread::Builder::new().name(format!("kms {}", self.store));
        if let Err(error) = thread.spawn(move || work(&connection)) {
            log::error!("{}: no thread to connect it: {error}", self.store);
            self.command(Phase::Failed(Code::InternalError));
        }
    }
}

/// Where the connection of a store stands.
pub(crate) fn key(store: &str) -> Vec<u8> {
    at(keyspace::CONNECTION, &[store.as_bytes()])
}

//! How long hsmd lives: until a signal, until nobody has needed it for a while, or until its home is
//! gone.

use std::{
    fmt, fs, io,
    os::unix::{fs::MetadataExt, net::UnixStream},
    path::Path,
    time::{Duration, Instant},
};

use hsm::Engine;
use rustix::event::{PollFd, PollFlags, Timespec};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use token::{Error, Reason, Result};
use wire::{Home, server::Server};

use crate::listeners::Listeners;

/// How long verbs that are being answered may take when hsmd leaves.
pub(crate) const LAST_VERBS: Duration = Duration::from_secs(10);
/// How often the home, the socket, and keys that were destroyed are looked after.
const ROUND: Duration = Duration::from_secs(5);

/// Why hsmd leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// SIGTERM, SIGINT or SIGHUP.
    Signal,
    /// Nobody needs it.
    Idle,
    /// The home was removed or moved.
    HomeGone,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ending::Signal => "a signal",
            Ending::Idle => "there was no client for a while",
            Ending::HomeGone => "its home is gone",
        })
    }
}

/// What ends hsmd.
pub(crate) struct Lifetime {
    home: Home,
    signals: UnixStream,
    /// How long it stays without a client; none for a service.
    idle: Option<Duration>,
    identity: Identity,
}

/// Which file the lock in a home is: with another one, or none, it is not the home that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity(Option<(u64, u64)>);

impl Identity {
    /// That of the home at `path` now.
    pub(crate) fn of(path: &Path) -> Self {
        let found = fs::metadata(path.join("lock"));
        Self(found.ok().map(|found| (found.dev(), found.ino())))
    }
}

impl Lifetime {
    /// From now on signals do not end the process by themselves.
    pub(crate) fn begin(home: &Home, is_service: bool) -> Result<Self> {
        let signals = watch_signals().map_err(|error| {
            Error::new(
                Reason::Internal,
                format!("signals cannot be watched: {error}"),
            )
        })?;
        let idle = Duration::from_secs(home.configuration().idle_seconds);
        Ok(Self {
            home: home.clone(),
            signals,
            idle: (!is_service).then_some(idle),
            identity: Identity(None),
        })
    }

    /// Notes which home it is, once it is there.
    pub(crate) fn of_existing(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// Waits for the end.
    pub(crate) fn wait(
        &self,
        engine: &Engine,
        server: &Server,
        listeners: &mut Listeners,
    ) -> Ending {
        loop {
            let left = self.left(engine, server);
            if left == Some(Duration::ZERO) {
                return Ending::Idle;
            }
            if self.signal_within(left.unwrap_or(ROUND).min(ROUND)) {
                return Ending::Signal;
            }
            if Identity::of(self.home.path()) != self.identity {
                return Ending::HomeGone;
            }
            listeners.keep(server, &self.home);
            engine.let_go();
        }
    }

    /// How long hsmd stays if no client comes; none while it is needed.
    fn left(&self, engine: &Engine, server: &Server) -> Option<Duration> {
        let since = server.idle_since()?;
        // Applications of an hsmd that died may still come to take up their logins.
        let idle = self.idle.filter(|_| !engine.awaits_resumption())?;
        Some((since + idle).saturating_duration_since(Instant::now()))
    }

    fn signal_within(&self, time: Duration) -> bool {
        let time = Timespec {
            tv_sec: time.as_secs().cast_signed(),
            tv_nsec: time.subsec_nanos().into(),
        };
        let mut waiting = [PollFd::new(&self.signals, PollFlags::IN)];
        matches!(rustix::event::poll(&mut waiting, Some(&time)), Ok(1..))
    }
}

/// A stream that can be read once one of the signals has come.
fn watch_signals() -> io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
    }
    Ok(read)
}

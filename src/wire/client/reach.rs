//! Reaching the hsmd of a home: knock at each place where its socket may be, check who answers,
//! start it if nobody does and this process may, and say what helps where it may not.

use std::{
    io,
    os::{fd::AsFd, unix::net::UnixStream},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use token::{Error, Mode, Owner, Reason};

use super::{
    connection::{Connection, Unwelcome},
    descriptors::Descriptors,
};
use crate::{
    Home, SOCKET, Start,
    message::{NEWEST, OLDEST, Purpose, Refusal, Refused},
    start::{self, Birth, PATIENCE},
    system,
};

/// How long it waits for an hsmd that somebody else has to start, when one was there before: a service that is
/// started again takes less, also on a machine that has much to do.
pub(super) const PATIENCE_WITH_OTHERS: Duration = Duration::from_secs(10);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How often it starts an hsmd that ends without a word, before it gives up: one may be killed
/// while it starts, but one that always crashes is not started for ever.
const BIRTHS: u32 = 4;

/// Why there is no connection.
pub(super) enum Unreached {
    /// hsmd does not know the application: it has started again.
    Unknown,
    /// Anything else.
    Error(Error),
}

impl From<Error> for Unreached {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// What came of one round over the places.
enum Knock {
    Open(Box<Connection>),
    Refused(Refusal),
    Again,
    /// Nobody is there; if somebody was but could not be spoken to, why.
    Nobody(Option<String>),
}

/// A connection to the home's hsmd, which is started if need be. `begun` is when the caller began to wait
/// for one, be it only for its turn: who stood in a queue has been patient for as long.
pub(super) fn reach(
    home: &Home,
    descriptors: &Arc<Descriptors>,
    purpose: &Purpose,
    begun: Instant,
) -> Result<Box<Connection>, Unreached> {
    // As long as a birth may take: the one that is waited for may be the hsmd of another client.
    reach_within(PATIENCE, home, descriptors, purpose, begun)
}

fn reach_within(
    patience: Duration,
    home: &Home,
    descriptors: &Arc<Descriptors>,
    purpose: &Purpose,
    begun: Instant,
) -> Result<Box<Connection>, Unreached> {
    let mut pause = Duration::from_millis(1);
    let mut vanished = 0;
    let mut is_late = false;
    loop {
        match knock(home, descriptors, purpose) {
            Knock::Open(connection) => return Ok(connection),
            Knock::Refused(Refusal {
                reason: Refused::Unknown,
                ..
            }) => {
                return Err(Unreached::Unknown);
            }
            Knock::Refused(Refusal {
                reason: Refused::Version,
                error,
            }) => {
                let theirs = error.context().unwrap_or("hsmd speaks another version");
                let words = format!(
                    "{theirs}, this library {OLDEST} to {NEWEST}: an hsmd that is older has to be started again (one that is no \
                     service ends by itself when nobody has used it for a while), a library that is older has to be renewed"
                );
                return Err(Error::new(Reason::Protocol, words).into());
            }
            Knock::Refused(refusal) => return Err(refusal.error.into()),
            Knock::Again if is_late => return Err(unreachable(home, None).into()),
            Knock::Nobody(problem) if is_late => return Err(unreachable(home, problem).into()),
            Knock::Again => {}
            Knock::Nobody(_) if may_start(home) => match start::start(home)? {
                Birth::Ready | Birth::AnotherWon => {}
                Birth::Vanished(problem) => {
                    vanished += 1;
                    if vanished == BIRTHS {
                        return Err(Error::new(Reason::Unreachable, problem).into());
                    }
                }
            },
            Knock::Nobody(problem) => {
                let patient =
                    !matches!(purpose, Purpose::New) && begun.elapsed() < PATIENCE_WITH_OTHERS;
                if !patient {
                    return Err(nobody(home, problem).into());
                }
            }
        }
        // Nothing is given up before one more knock: an hsmd that was long in coming answers it.
        is_late = begun.elapsed() > patience;
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A connection to the home's hsmd if it answers now; nobody is started or waited for.
pub(super) fn once(
    home: &Home,
    descriptors: &Arc<Descriptors>,
    purpose: &Purpose,
) -> Option<Box<Connection>> {
    match knock(home, descriptors, purpose) {
        Knock::Open(connection) => Some(connection),
        _ => None,
    }
}

fn may_start(home: &Home) -> bool {
    home.configuration().start == Start::Auto && home.is_own()
}

fn knock(home: &Home, descriptors: &Arc<Descriptors>, purpose: &Purpose) -> Knock {
    let mut problem = None;
    for folder in home.runtime().places() {
        match connect(home, &folder) {
            Ok(socket) => match Connection::greet(socket, descriptors, purpose) {
                Ok(connection) => return Knock::Open(Box::new(connection)),
                Err(Unwelcome::Again) => return Knock::Again,
                Err(Unwelcome::Refused(refusal)) => return Knock::Refused(refusal),
                Err(Unwelcome::Fault(error)) => {
                    problem = Some(format!("{}: {error}", folder.display()));
                }
            },
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {}
                // The way through a folder of another user is closed: the socket is not there
                // for us, unless nothing else is.
                io::ErrorKind::PermissionDenied => problem = Some(closed(home, &folder)),
                _ => problem = Some(format!("{}: {error}", folder.display())),
            },
        }
    }
    Knock::Nobody(problem)
}

/// A socket whose other end is an hsmd that may be trusted with a PIN. Nothing has been sent.
fn connect(home: &Home, folder: &Path) -> io::Result<UnixStream> {
    let runtime = home.runtime();
    if !runtime.verify(folder)? {
        return Err(io::ErrorKind::NotFound.into());
    }
    let socket = UnixStream::connect(folder.join(SOCKET))?;
    let peer = system::peer_credentials(socket.as_fd())?;
    if !runtime.trusts(peer.uid) {
        let text = format!(
            "uid {} serves the socket, which is neither root nor the home's owner; if that is \
             meant, name it in hsmd_uids",
            peer.uid
        );
        return Err(io::Error::other(text));
    }
    Ok(socket)
}

fn closed(home: &Home, folder: &Path) -> String {
    let uid = rustix::process::geteuid().as_raw();
    format!(
        "uid {uid} may not connect to {}: set socket_group or socket_access in {} (for a \
         service: SocketGroup and SocketMode in its socket unit)",
        folder.join(SOCKET).display(),
        home.path().join(crate::Configuration::FILE).display()
    )
}

/// Nobody answers, and this process may not start anybody: what would help.
fn nobody(home: &Home, problem: Option<String>) -> Error {
    let embedded = |owner: &Owner| owner.mode == Mode::Embedded;
    if let Some(owner) = home.holder().filter(embedded) {
        let text = format!(
            "process {} uses {} in embedded mode; stop it, or let it use mode = \"served\"",
            owner.pid,
            home.path().display()
        );
        return Error::new(Reason::HomeInUse, text);
    }
    if let Some(problem) = problem {
        return Error::new(Reason::Unreachable, problem);
    }
    let path = home.path().display();
    let text = match home.is_own() {
        true => format!("nobody serves {path}, and start = \"never\" forbids to start hsmd"),
        false => format!(
            "nobody serves {path}; it belongs to uid {}, who must start hsmd or its service \
             (systemctl start strongroom.socket)",
            home.owner()
        ),
    };
    Error::new(Reason::Unreachable, text)
}

fn unreachable(home: &Home, problem: Option<String>) -> Error {
    let path = home.path().display();
    let mut text = match home.holder() {
        Some(owner) => format!("process {} holds {path} ({})", owner.pid, owner.mode),
        None => format!("hsmd for {path} does not answer"),
    };
    if let Some(problem) = problem {
        text = format!("{text}; {problem}");
    }
    Error::new(Reason::Unreachable, text)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::testing::{Machine, eventually};

    /// A home that nobody serves, whose hsmd is a script that ends with `word` in the readiness pipe
    /// once there is a file `go`.
    fn unserved(word: &str) -> (Arc<Machine>, Home) {
        let machine = Machine::new();
        machine.kill();
        let program = machine.folder.path().join("hsmd");
        let script = format!(
            "#!/bin/sh\n: > \"$2/born\"\nuntil [ -e \"$2/go\" ]; do sleep 0.01; done\nprintf {word} >&3\n"
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut home = machine.home();
        home.configuration_mut().start = Start::Auto;
        home.configuration_mut().hsmd = Some(program);
        (machine, home)
    }

    fn reach_without_patience(home: &Home) -> Result<Box<Connection>, Unreached> {
        let descriptors = Arc::new(Descriptors::new());
        reach_within(
            Duration::ZERO,
            home,
            &descriptors,
            &Purpose::New,
            Instant::now(),
        )
    }

    #[test]
    fn an_hsmd_whose_birth_takes_longer_than_a_clients_patience_is_reached() {
        for word in ["R", "W"] {
            let (machine, home) = unserved(word);
            thread::scope(|scope| {
                let reached = scope.spawn(|| reach_without_patience(&home).is_ok());
                eventually("it is born", || home.path().join("born").exists());
                machine.start();
                fs::write(home.path().join("go"), "").unwrap();
                assert!(reached.join().unwrap(), "it had said {word}");
            });
        }
    }

    #[test]
    fn an_hsmd_that_says_it_serves_and_cannot_be_reached_is_given_up() {
        let (_machine, home) = unserved("R");
        fs::write(home.path().join("go"), "").unwrap();
        let Err(Unreached::Error(error)) = reach_without_patience(&home) else {
            panic!("nobody is there");
        };
        assert_eq!(error.reason, Reason::Unreachable);
    }
}

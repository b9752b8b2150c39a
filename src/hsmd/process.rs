//! What this process must not do: be looked into, leave its memory on a disk, make files that others
//! can read, or say in a panic what it knows.

use std::panic;

use rustix::{
    fs::Mode,
    io::Errno,
    process::{DumpableBehavior, Resource, Rlimit},
};
use token::{Error, Reason};

/// Files that hsmd has open for a home with a cluster, and some for connections.
const DESCRIPTORS: u64 = 64;

/// Refuses to begin with fewer descriptors than it takes: it would fail half-way.
pub(crate) fn require_descriptors() -> Result<(), Error> {
    match rustix::process::getrlimit(Resource::Nofile).current {
        Some(files) if files < DESCRIPTORS => {
            let text = format!(
                "this process may open {files} files, and hsmd needs {DESCRIPTORS}: raise the limit \
                 (ulimit -n, or LimitNOFILE= in its unit)"
            );
            Err(Error::new(Reason::LimitExceeded, text))
        }
        _ => Ok(()),
    }
}

/// Closes what can be closed, before there is a log. A system that refuses has reasons of its own:
/// what it refused is answered, to be logged.
pub(crate) fn harden() -> Vec<Errno> {
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let closed = [
        rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable),
        rustix::process::setrlimit(Resource::Core, none),
        // One connection is one descriptor, and the usual 1,024 are soon used up.
        rustix::process::setrlimit(Resource::Nofile, {
            let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
            Rlimit {
                current: maximum,
                maximum,
            }
        }),
    ];
    panic::set_hook(Box::new(|panic| {
        // Its text may hold anything, so only the place is told.
        let place = panic
            .location()
            .map_or_else(|| "?".to_owned(), ToString::to_string);
        log::error!("panic at {place}");
    }));
    closed.into_iter().filter_map(Result::err).collect()
}

//! What this process must not do: be looked into, leave its memory on a disk, make files that others
//! can read, or say in a panic what it knows.

use std::panic;

use rustix::{
    fs::Mode,
    io::Errno,
    process::{DumpableBehavior, Resource, Rlimit},
};

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

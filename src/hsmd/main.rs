//! hsmd, the process that is the HSMs of a home: it owns the home, answers the verbs of applications
//! over a socket, and leaves when nobody needs it.
#![forbid(unsafe_code)]

mod arguments;
mod host;
mod lifetime;
mod listeners;
mod log_sink;
mod process;

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use hsm::Engine;
use token::{Error, Mode, Owner, Reason, Result};
use wire::{Home, server::Server, start::Readiness};

use crate::{
    arguments::Arguments,
    host::Hosted,
    lifetime::{Ending, Identity, Lifetime},
    listeners::Listeners,
};

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(arguments) => arguments,
        Err(text) => {
            let _ = writeln!(io::stderr(), "hsmd: {text}");
            return ExitCode::from(2);
        }
    };
    if let Some(answer) = arguments.answer {
        let _ = write!(io::stdout(), "{answer}");
        return ExitCode::SUCCESS;
    }
    let mut readiness = match arguments.ready {
        true => Readiness::inherited(),
        false => Readiness::none(),
    };
    match run(&arguments, &mut readiness) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if is_served(&arguments.home, &error) {
                // Clients that come together start one each, and one of those is enough.
                log::info!("{error}");
                readiness.another_won();
            } else {
                log::error!("{error}");
                readiness.failed(&error);
            }
            // Who types the command, or runs a service, does not look for a log file first.
            let _ = writeln!(io::stderr(), "hsmd: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves the home until it is time to leave.
fn run(arguments: &Arguments, readiness: &mut Readiness) -> Result<()> {
    let refused = process::harden();
    process::require_descriptors()?;
    let home = Home::at(&arguments.home)?;
    refuse_foreign(&home)?;
    refuse_embedded(&home)?;
    let mut listeners = Listeners::prepare(&home, arguments.runtime.as_deref())?;
    log_sink::install(
        home.configuration().log,
        listeners.folder(),
        listeners.is_service(),
    );
    for error in refused {
        log::warn!("the system refuses to harden this process: {error}");
    }
    let lifetime = Lifetime::begin(&home, listeners.is_service())?;
    let engine = Engine::open(
        home.path(),
        Mode::Served,
        host::settings(home.configuration()),
    )
    .map_err(|error| named(&home, error))?;
    let identity = Identity::of(home.path());
    let lifetime = lifetime.of_existing(identity);
    let hosted = Hosted::new(Arc::clone(&engine), &home, identity);
    let server = Server::new(Arc::new(hosted)).map_err(|error| failed("the server", &error))?;
    listeners.open(&server, &home)?;
    log::info!(
        "hsmd {} serves {} at {}",
        env!("CARGO_PKG_VERSION"),
        home.path().display(),
        listeners.folder().display()
    );
    readiness.ready();
    let ending = lifetime.wait(&engine, &server, &mut listeners);
    end(ending, &engine, &server, &listeners)
}

/// Takes no more work and gives the home back.
fn end(ending: Ending, engine: &Engine, server: &Server, listeners: &Listeners) -> Result<()> {
    log::info!("hsmd leaves: {ending}");
    // First the socket: who comes now finds nobody and starts the next hsmd, which waits for us.
    let was_ours = listeners.close();
    if !server.leave(lifetime::LAST_VERBS) {
        log::warn!("some verbs were still being answered");
    }
    match ending {
        // Applications are still there, or one has come while hsmd was leaving: they take up their
        // logins with the next hsmd.
        Ending::Signal | Ending::Idle if server.applications() > 0 => Ok(()),
        // There is nothing left to put in order but our own.
        Ending::HomeGone => {
            if was_ours {
                listeners.clean_up();
            }
            Ok(())
        }
        Ending::Signal | Ending::Idle => engine.close(),
    }
}

/// Before anything is made in a folder of somebody else's.
fn refuse_foreign(home: &Home) -> Result<()> {
    let uid = rustix::process::geteuid().as_raw();
    if home.owner() == uid {
        return Ok(());
    }
    let text = format!(
        "{} belongs to uid {}, and hsmd runs as uid {uid}: start it as that user",
        home.path().display(),
        home.owner()
    );
    Err(Error::new(Reason::HomeInvalid, text))
}

/// An error that does not say of what it speaks is one of the home.
fn named(home: &Home, error: Error) -> Error {
    match error.context() {
        Some(_) => error,
        None => Error::new(error.reason, home.path().display().to_string()),
    }
}

fn refuse_embedded(home: &Home) -> Result<()> {
    match home.configuration().mode {
        Mode::Served => Ok(()),
        Mode::Embedded => {
            let text = format!(
                "{} is an embedded home, which no hsmd serves; set mode = \"served\" in its \
                 strongroom.toml",
                home.path().display()
            );
            Err(Error::new(Reason::HomeInvalid, text))
        }
    }
}

/// Whether the home could not be taken because another hsmd serves it.
fn is_served(home: &Path, error: &Error) -> bool {
    let owner = || {
        fs::read_to_string(home.join("lock"))
            .ok()?
            .parse::<Owner>()
            .ok()
    };
    error.reason == Reason::HomeInUse && owner().is_none_or(|owner| owner.mode == Mode::Served)
}

fn failed(what: &str, error: &std::io::Error) -> Error {
    Error::new(Reason::HomeInvalid, format!("{what}: {error}"))
}

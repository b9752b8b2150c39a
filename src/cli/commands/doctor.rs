//! `doctor`: what stands between an application and its HSM, and what went wrong lately.

use std::{env, fs, io, path::Path};

use serde::Serialize;
use token::{Mode, Operator, Owner, limits::FREE_BYTES};

use crate::{
    arguments::Arguments,
    output::{Answer, Result},
    shell::Shell,
};

/// Lines of hsmd's log that are shown.
const LOG_LINES: usize = 5;

pub(super) fn doctor(shell: &mut Shell, _: &Arguments<'_>) -> Result<Answer> {
    let way = way(shell);
    let home = &shell.home;
    let free = free_bytes(home.path());
    let has_room = free.is_none_or(|free| free >= FREE_BYTES);
    let findings = Findings {
        home: home.path().display().to_string(),
        home_exists: home.is_made(),
        owner_uid: home.owner(),
        own_uid: rustix::process::geteuid().as_raw(),
        mode: home.configuration().mode.to_string(),
        lock: home.holder().map(|holder| holder.to_string()),
        hsmd: way.hsmd,
        path_in_use: way.path,
        clusters: way.clusters,
        disk: free.map(|free| match has_room {
            true => format!("{} MiB free", free >> 20),
            false => format!(
                "{} MiB free: free some space; reading goes on, and new keys are refused",
                free >> 20
            ),
        }),
        version: env!("CARGO_PKG_VERSION"),
        complaints: complaints(&hsmd_log(shell).unwrap_or_default()),
        library_complaints: complaints(&library_log().unwrap_or_default()),
    };
    match way.is_open && has_room {
        true => Answer::data(findings),
        false => Answer::bad_news(findings),
    }
}

/// What this user may still write where the home is, or will be.
fn free_bytes(home: &Path) -> Option<u64> {
    let there = home.ancestors().find(|path| path.exists())?;
    let disk = rustix::fs::statvfs(there).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// What lies between a program and the HSMs.
struct Way {
    is_open: bool,
    hsmd: String,
    path: &'static str,
    clusters: Option<usize>,
}

fn way(shell: &mut Shell) -> Way {
    if shell.home.configuration().mode == Mode::Embedded {
        return embedded(shell.home.holder());
    }
    let asked = shell
        .client()
        .and_then(|client| Ok((client.shares_memory(), client.clusters()?.len())));
    match asked {
        Ok((shares_memory, clusters)) => Way {
            is_open: true,
            hsmd: "reachable".to_owned(),
            path: if shares_memory {
                "shared memory"
            } else {
                "socket"
            },
            clusters: Some(clusters),
        },
        Err(error) => Way {
            is_open: false,
            hsmd: error.to_string(),
            path: "none",
            clusters: None,
        },
    }
}

/// Without hsmd: whether a process has the home, and another could.
fn embedded(holder: Option<Owner>) -> Way {
    let served = |holder: &Owner| holder.mode == Mode::Served;
    let is_open = !holder.as_ref().is_some_and(served);
    let hsmd = match holder {
        Some(Owner { pid, .. }) if !is_open => format!(
            "process {pid} is an hsmd that serves the home: what opens it in mode \"embedded\" is \
             refused until that process has ended (kill {pid})"
        ),
        Some(Owner { pid, .. }) => format!(
            "not used: process {pid} has the home in mode \"embedded\", and another is refused"
        ),
        None => "not used: in mode \"embedded\" the one process that loads the module opens the \
                 home itself"
            .to_owned(),
    };
    Way {
        is_open,
        hsmd,
        path: "within the process",
        clusters: None,
    }
}

/// hsmd's own log.
fn hsmd_log(shell: &Shell) -> io::Result<String> {
    let folder = shell.home.runtime().signposted();
    let folder = folder.ok_or(io::ErrorKind::NotFound)?;
    fs::read_to_string(folder.join("hsmd.log"))
}

/// What the library writes in the processes that load it, where that is a file; else it is in the
/// system's log.
fn library_log() -> Option<String> {
    let setting = env::var("STRONGROOM_LOG").ok()?;
    fs::read_to_string(setting.strip_prefix("file:")?).ok()
}

/// The last lines of a log that are no good news.
fn complaints(log: &str) -> Vec<String> {
    let bad = |line: &&str| line.contains("WARN") || line.contains("ERROR");
    let mut lines: Vec<_> = log.lines().rev().filter(bad).take(LOG_LINES).collect();
    lines.reverse();
    lines.into_iter().map(str::to_owned).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Findings {
    home: String,
    home_exists: bool,
    owner_uid: u32,
    own_uid: u32,
    mode: String,
    /// Mode, process and version of whoever holds the home; none if that process has ended.
    lock: Option<String>,
    hsmd: String,
    path_in_use: &'static str,
    clusters: Option<usize>,
    /// How much room there is for what is made.
    disk: Option<String>,
    version: &'static str,
    complaints: Vec<String>,
    library_complaints: Vec<String>,
}

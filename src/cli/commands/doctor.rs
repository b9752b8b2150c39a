//! `doctor`: what stands between an application and its HSM, and what went wrong lately.

use std::{env, fs, io};

use serde::Serialize;
use token::{Mode, Operator};

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
    let findings = Findings {
        home: home.path().display().to_string(),
        home_exists: home.is_made(),
        owner_uid: home.owner(),
        own_uid: rustix::process::geteuid().as_raw(),
        mode: home.configuration().mode.to_string(),
        lock: fs::read_to_string(home.path().join("lock"))
            .ok()
            .map(|text| text.trim().to_owned()),
        hsmd: way.hsmd,
        path_in_use: way.path,
        clusters: way.clusters,
        version: env!("CARGO_PKG_VERSION"),
        complaints: complaints(&hsmd_log(shell).unwrap_or_default()),
        library_complaints: complaints(&library_log().unwrap_or_default()),
    };
    match way.is_open {
        true => Answer::data(findings),
        false => Answer::bad_news(findings),
    }
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
        return Way {
            is_open: true,
            hsmd: "not used: in mode \"embedded\" the one process that loads the module opens the \
                   home itself"
                .to_owned(),
            path: "none",
            clusters: None,
        };
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

/// hsmd's own log.
fn hsmd_log(shell: &Shell) -> io::Result<String> {
    let folder = fs::read_to_string(shell.home.path().join("runtime"))?;
    fs::read_to_string(format!("{}/hsmd.log", folder.trim()))
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
    /// Mode, process and version of whoever holds the home.
    lock: Option<String>,
    hsmd: String,
    path_in_use: &'static str,
    clusters: Option<usize>,
    version: &'static str,
    complaints: Vec<String>,
    library_complaints: Vec<String>,
}

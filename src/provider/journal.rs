//! The library's own log: nobody can read a remedy from a `CK_RV`. Errors go to syslog, unless
//! `STRONGROOM_LOG` says `stderr`, `syslog` or `file:/a/path`, which then get more than errors;
//! never to the host's stderr unasked.

use std::{
    env,
    ffi::OsStr,
    fs::OpenOptions,
    io::{self, Write},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt, net::UnixDatagram},
    panic,
    path::PathBuf,
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use log::{Level, LevelFilter, Log, Metadata, Record};
use once_cell::sync::OnceCell;

static JOURNAL: OnceCell<Journal> = OnceCell::new();

/// Starts the log of this copy of the library, once; a host that links the library as a crate and
/// has a logger of its own keeps it.
pub(crate) fn open() {
    let setting = setting();
    let is_unknown = matches!(setting, Some(None));
    let (journal, level) = match setting.flatten() {
        None => (Journal::Syslog, LevelFilter::Error),
        Some(journal) => (journal, LevelFilter::Info),
    };
    let first = JOURNAL.set(journal).is_ok();
    if !first
        || JOURNAL
            .get()
            .is_none_or(|journal| log::set_logger(journal).is_err())
    {
        return;
    }
    log::set_max_level(level);
    if is_unknown {
        log::error!("STRONGROOM_LOG must be stderr, syslog or file:/a/path; errors go to syslog");
    }
    // Rust's own hook would write to the host's stderr. What the panic says may hold data; where
    // it happened does not.
    panic::set_hook(Box::new(|panic| match panic.location() {
        Some(place) => log::error!("panic at {place}"),
        None => log::error!("panic"),
    }));
}

/// Where the lines go. Nothing is kept open between two of them: a descriptor would be inherited
/// by children, and closed by hosts that close all they do not know.
enum Journal {
    Syslog,
    Stderr,
    File(PathBuf),
}

/// What `STRONGROOM_LOG` says, unless the process has more rights than who started it: nothing, or
/// a journal, or what is none.
fn setting() -> Option<Option<Journal>> {
    // SAFETY: reads a number from what the kernel gave the process.
    if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
        return None;
    }
    let value = env::var_os("STRONGROOM_LOG")?;
    Some(match value.as_bytes() {
        b"stderr" => Some(Journal::Stderr),
        b"syslog" => Some(Journal::Syslog),
        other => other
            .strip_prefix(b"file:")
            .map(|path| Journal::File(PathBuf::from(OsStr::from_bytes(path)))),
    })
}

impl Journal {
    fn write(&self, level: Level, text: &str) -> io::Result<()> {
        let pid = process::id();
        let line = || {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            let (seconds, ms) = (now.as_secs(), now.subsec_millis());
            format!("{seconds}.{ms:03} strongroom[{pid}] {level}: {text}\n")
        };
        match self {
            Journal::Stderr => {
                // Not through `io::stderr`: its lock may be another thread's at a fork, and the
                // child would wait for ever.
                let line = line();
                // SAFETY: reads the bytes of `line`, which lives on.
                let written =
                    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
                match written {
                    0.. => Ok(()),
                    _ => Err(io::Error::last_os_error()),
                }
            }
            Journal::File(path) => OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
                .open(path)?
                .write_all(line().as_bytes()),
            Journal::Syslog => {
                // RFC 3164: facility 1 (user) times 8, and the severity.
                let priority = 8 + match level {
                    Level::Error => 3,
                    Level::Warn => 4,
                    Level::Info => 6,
                    Level::Debug | Level::Trace => 7,
                };
                let socket = UnixDatagram::unbound()?;
                socket.set_nonblocking(true)?;
                let message = format!("<{priority}>strongroom[{pid}]: {text}");
                socket.send_to(message.as_bytes(), "/dev/log").map(drop)
            }
        }
    }
}

impl Log for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = record.args().to_string().replace(char::is_control, " ");
            // A log that cannot be written has nobody to tell.
            let _ = self.write(record.level(), &text);
        }
    }

    fn flush(&self) {}
}

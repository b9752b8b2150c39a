//! Where hsmd's log goes: a file beside the socket that cannot grow without end, the supervisor's
//! standard error, or the machine's syslog. No line ever holds a secret: verbs do not log data.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::{fs::OpenOptionsExt, net::UnixDatagram},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use log::{Level, LevelFilter, Metadata, Record};
use wire::{Log, LogLevel, LogTarget};

/// The file's name.
pub(crate) const FILE: &str = "hsmd.log";
/// The name of the one that was full.
pub(crate) const FILE_BEFORE: &str = "hsmd.log.1";
/// When it is put aside, and a new one begun.
const FILE_BYTES: u64 = 1024 * 1024;

/// Sends the log where the configuration says. A service that is told nothing logs to its
/// supervisor.
pub(crate) fn install(log: Log, folder: &Path, is_service: bool) {
    let target = match (log.to, is_service) {
        (LogTarget::File, true) | (LogTarget::Stderr, _) => Target::Stderr,
        (LogTarget::File, false) => Target::File(Mutex::new(LogFile::at(folder.join(FILE)))),
        (LogTarget::Syslog, _) => Target::Syslog(UnixDatagram::unbound().ok()),
    };
    log::set_max_level(match log.level {
        LogLevel::Error => LevelFilter::Error,
        LogLevel::Warn => LevelFilter::Warn,
        LogLevel::Info => LevelFilter::Info,
        LogLevel::Debug => LevelFilter::Debug,
    });
    // There is no other logger: this is the only call, and the sink lives as long as the process.
    let _ = log::set_logger(Box::leak(Box::new(Sink(target))));
}

struct Sink(Target);

enum Target {
    File(Mutex<LogFile>),
    Stderr,
    Syslog(Option<UnixDatagram>),
}

impl log::Log for Sink {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // sled tells every step of its own at `debug`.
        metadata.level() <= Level::Warn || !metadata.target().starts_with("sled")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // One line is one line, whatever a client may have had put into it.
        let text = record.args().to_string().replace(char::is_control, " ");
        let level = record.level();
        // Nobody can be told that the log does not work.
        let _ = match &self.0 {
            Target::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.write(&format!("{} {level:5} {text}\n", now()))
            }
            Target::Stderr => writeln!(io::stderr(), "{level:5} {text}"),
            Target::Syslog(socket) => to_syslog(socket.as_ref(), level, &text),
        };
    }

    fn flush(&self) {}
}

/// A log file that is put aside when it is full.
struct LogFile {
    path: PathBuf,
    file: Option<File>,
    len: u64,
}

impl LogFile {
    fn at(path: PathBuf) -> Self {
        let file = Self::open(&path).ok();
        let len = file
            .as_ref()
            .and_then(|file| file.metadata().ok())
            .map_or(0, |found| found.len());
        Self { path, file, len }
    }

    fn open(path: &Path) -> io::Result<File> {
        let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(no_follow)
            .open(path)
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        if self.len + line.len() as u64 > FILE_BYTES {
            fs::rename(&self.path, self.path.with_file_name(FILE_BEFORE))?;
            self.file = None;
        }
        if self.file.is_none() {
            self.file = Some(Self::open(&self.path)?);
            self.len = 0;
        }
        if let Some(file) = &mut self.file {
            file.write_all(line.as_bytes())?;
            self.len += line.len() as u64;
        }
        Ok(())
    }
}

/// RFC 3164, as every `/dev/log` reads it; facility `authpriv`.
fn to_syslog(socket: Option<&UnixDatagram>, level: Level, text: &str) -> io::Result<()> {
    const AUTHPRIV: u8 = 10 << 3;
    let severity = match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    let socket = socket.ok_or(io::ErrorKind::NotConnected)?;
    let line = format!(
        "<{}>hsmd[{}]: {text}",
        AUTHPRIV | severity,
        std::process::id()
    );
    socket.send_to(line.as_bytes(), "/dev/log").map(drop)
}

/// The time, as `2026-11-22T05:40:00Z`.
fn now() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    timestamp(since.as_secs())
}

fn timestamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The day of the calendar, `days` after 1970-01-01. Counted in years that begin with March, so
/// that the leap day is the last of its year.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // from 0000-03-01
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_time_is_written_as_people_read_it() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(timestamp(1_795_325_999), "2026-11-22T05:39:59Z");
    }

    #[test]
    fn the_file_is_its_owners_and_does_not_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let mut file = LogFile::at(path.clone());
        for _ in 0..3 * FILE_BYTES / 1000 {
            file.write(&"x".repeat(1000)).unwrap();
        }
        let found = fs::metadata(&path).unwrap();
        assert!(found.len() <= FILE_BYTES);
        assert_eq!(found.permissions().mode() & 0o777, 0o600);
        assert!(folder.path().join(FILE_BEFORE).exists());
    }
}

//! The log of calls: one JSON line for each, in CloudTrail's shape, in files of bounded size.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;

use crate::{
    Call,
    event::{self, Subject},
    private,
};

/// Bytes in one file: the next line goes to a new one.
pub const FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Files that are kept, the current one among them.
pub const FILES: u32 = 8;

/// The log, in a folder: `events.jsonl`, and older ones with a number.
pub struct EventLog {
    folder: PathBuf,
    current: Mutex<Current>,
}

struct Current {
    file: File,
    bytes: u64,
    failing: bool,
}

impl EventLog {
    /// The log in `folder`, which is made if it is not there.
    pub fn open(folder: &Path) -> io::Result<Self> {
        private::folder(folder)?;
        let file = open_current(folder)?;
        let bytes = file.metadata()?.len();
        let current = Mutex::new(Current {
            file,
            bytes,
            failing: false,
        });
        Ok(Self {
            folder: folder.to_owned(),
            current,
        })
    }

    /// Appends the event of a call. A full disk stops the log, not the service.
    pub(crate) fn append(&self, subject: Subject<'_>, call: &Call) {
        let line = event::line(subject, call, call.take_notes());
        let mut current = self.current.lock();
        let written = line
            .map_err(io::Error::from)
            .and_then(|line| self.write(&mut current, &line));
        match written {
            Ok(()) if current.failing => {
                current.failing = false;
                log::warn!("calls are logged again");
            }
            Err(error) if !current.failing => {
                current.failing = true;
                log::error!("calls are not logged in {}: {error}", self.folder.display());
            }
            _ => {}
        }
    }

    fn write(&self, current: &mut Current, line: &[u8]) -> io::Result<()> {
        let len = line.len() as u64;
        if current.failing {
            // A full disk took the beginning of a line: the next one must not be joined to it.
            current.file.set_len(current.bytes)?;
        }
        if current.bytes > 0 && current.bytes.saturating_add(len) > FILE_BYTES {
            for number in (1..FILES).rev() {
                let older = self.path(number);
                match fs::rename(self.path(number - 1), older) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            current.file = open_current(&self.folder)?;
            current.bytes = 0;
        }
        // One write a line: a kill leaves whole lines.
        current.file.write_all(line)?;
        current.bytes = current.bytes.saturating_add(len);
        Ok(())
    }

    fn path(&self, number: u32) -> PathBuf {
        match number {
            0 => self.folder.join("events.jsonl"),
            number => self.folder.join(format!("events.{number}.jsonl")),
        }
    }
}

fn open_current(folder: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(folder.join("events.jsonl"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::tests::{call, subject};
    use serde_json::{Map, Value};

    #[test]
    fn a_full_file_makes_room_for_a_new_one_and_the_oldest_goes() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("events");
        let log = EventLog::open(&folder).unwrap();
        for _ in 0..FILES + 3 {
            log.append(subject(Map::new()), &call());
            log.current.lock().bytes = FILE_BYTES;
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), FILES as usize);
    }

    #[test]
    fn the_half_line_that_a_full_disk_took_does_not_spoil_the_next() {
        let home = tempfile::tempdir().unwrap();
        let log = EventLog::open(&home.path().join("events")).unwrap();
        log.append(subject(Map::new()), &call());
        {
            let mut current = log.current.lock();
            current.file.write_all(b"{\"eventVers").unwrap();
            current.failing = true;
        }
        log.append(subject(Map::new()), &call());
        let text = fs::read_to_string(log.path(0)).unwrap();
        let whole = |line| serde_json::from_str::<Value>(line).is_ok();
        assert!(
            text.lines().count() == 2 && text.lines().all(whole),
            "{text}"
        );
    }

    #[test]
    fn events_are_lines_of_a_private_file() {
        use std::os::unix::fs::MetadataExt as _;
        let home = tempfile::tempdir().unwrap();
        let log = EventLog::open(home.path().join("events").as_path()).unwrap();
        log.append(subject(Map::new()), &call());
        log.append(subject(Map::new()), &call());
        let path = log.path(0);
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.lines()
                .all(|line| serde_json::from_str::<Value>(line).is_ok())
        );
        assert_eq!(text.lines().count(), 2);
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o600);
    }
}

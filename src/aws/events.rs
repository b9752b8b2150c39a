//! The log of calls: one JSON line for each, in CloudTrail's shape, in files of bounded size. Lines
//! are written in batches by a thread of the log's own.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

use crate::{
    Call,
    event::{self, Subject},
    private,
};

/// Bytes in one file: the next line goes to a new one.
pub const FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Files that are kept, the current one among them.
pub const FILES: u32 = 8;
/// How long a line waits for others, at most: what a kill costs.
const GATHERING: Duration = Duration::from_millis(5);
/// Bytes that may wait. Who adds more writes them himself, and so waits for a disk that is slow.
const WAITING_BYTES: usize = 1024 * 1024;

/// The log, in a folder: `events.jsonl`, and older ones with a number.
pub struct EventLog {
    lines: Arc<Lines>,
    writer: Option<JoinHandle<()>>,
}

struct Lines {
    folder: PathBuf,
    waiting: Mutex<Waiting>,
    changed: Condvar,
    current: Mutex<Current>,
}

/// Lines that no file has yet.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    ended: bool,
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
        let lines = Arc::new(Lines {
            folder: folder.to_owned(),
            waiting: Mutex::default(),
            changed: Condvar::new(),
            current,
        });
        let thread = thread::Builder::new().name("events".to_owned());
        let work = lines.clone();
        let writer = thread.spawn(move || while work.gather() {})?;
        Ok(Self {
            lines,
            writer: Some(writer),
        })
    }

    /// Appends the event of a call, which will be written soon. A full disk stops the log, not the
    /// service.
    pub(crate) fn append(&self, subject: Subject<'_>, call: &Call) {
        match event::line(subject, call, call.take_notes()) {
            Ok(line) => self.lines.add(&line),
            Err(error) => log::error!("a call cannot be logged: {error}"),
        }
    }

    /// Returns when all events that were appended are written.
    pub(crate) fn flush(&self) {
        self.lines.write();
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        self.lines.waiting.lock().ended = true;
        self.lines.changed.notify_one();
        // It does not panic.
        drop(self.writer.take().map(JoinHandle::join));
    }
}

impl Lines {
    fn add(&self, line: &[u8]) {
        let mut waiting = self.waiting.lock();
        let len = waiting.bytes.len();
        waiting.bytes.extend_from_slice(line);
        drop(waiting);
        match len {
            0 => drop(self.changed.notify_one()),
            WAITING_BYTES.. => self.write(),
            _ => {}
        }
    }

    /// Writes what comes together in a while; answers whether there will be more.
    fn gather(&self) -> bool {
        let mut waiting = self.waiting.lock();
        while waiting.bytes.is_empty() && !waiting.ended {
            self.changed.wait(&mut waiting);
        }
        if !waiting.ended {
            self.changed.wait_for(&mut waiting, GATHERING);
        }
        let ended = waiting.ended;
        drop(waiting);
        self.write();
        !ended
    }

    /// Writes what waits.
    fn write(&self) {
        let mut current = self.current.lock();
        // Taken under the lock of the file: lines stay in order.
        let lines = std::mem::take(&mut self.waiting.lock().bytes);
        if lines.is_empty() {
            return;
        }
        match self.write_to(&mut current, &lines) {
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

    fn write_to(&self, current: &mut Current, lines: &[u8]) -> io::Result<()> {
        let len = lines.len() as u64;
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
        // One write: a kill leaves whole lines.
        current.file.write_all(lines)?;
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
            log.flush();
            log.lines.current.lock().bytes = FILE_BYTES;
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), FILES as usize);
    }

    #[test]
    fn an_event_is_written_soon_though_nobody_asks() {
        let home = tempfile::tempdir().unwrap();
        let log = EventLog::open(&home.path().join("events")).unwrap();
        log.append(subject(Map::new()), &call());
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while fs::read(log.lines.path(0)).unwrap().is_empty() {
            assert!(std::time::Instant::now() < deadline);
            thread::yield_now();
        }
    }

    #[test]
    fn the_half_line_that_a_full_disk_took_does_not_spoil_the_next() {
        let home = tempfile::tempdir().unwrap();
        let log = EventLog::open(&home.path().join("events")).unwrap();
        log.append(subject(Map::new()), &call());
        log.flush();
        {
            let mut current = log.lines.current.lock();
            current.file.write_all(b"{\"eventVers").unwrap();
            current.failing = true;
        }
        log.append(subject(Map::new()), &call());
        log.flush();
        let text = fs::read_to_string(log.lines.path(0)).unwrap();
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
        let path = log.lines.path(0);
        drop(log);
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.lines()
                .all(|line| serde_json::from_str::<Value>(line).is_ok())
        );
        assert_eq!(text.lines().count(), 2);
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o600);
    }
}

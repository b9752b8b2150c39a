//! The log of calls: one JSON line for each, in CloudTrail's shape, in files of bounded size. Lines
//! are written in batches by a thread of the log's own.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
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
/// Bytes that are kept while they cannot be written, those of an attempt to write among them. With
/// more no call is done.
const KEPT_BYTES: usize = 16 * 1024 * 1024;
/// How long the log waits until it tries again to write what it could not.
const RETRY: Duration = Duration::from_secs(1);

/// The log, in a folder: `events.jsonl`, and older ones with a number.
pub struct EventLog {
    lines: Arc<Lines>,
    writer: Option<JoinHandle<()>>,
}

struct Lines {
    folder: PathBuf,
    waiting: Mutex<Waiting>,
    /// Bytes that no file has: those that wait, and those that are being written.
    kept: AtomicUsize,
    changed: Condvar,
    current: Mutex<Current>,
    /// What waits could not be written; it waits on. Changed under the lock of the file.
    failing: AtomicBool,
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
}

impl EventLog {
    /// The log in `folder`, which is made if it is not there.
    pub fn open(folder: &Path) -> io::Result<Self> {
        private::folder(folder)?;
        let file = open_current(folder)?;
        let bytes = file.metadata()?.len();
        let mut waiting = Waiting::default();
        if !is_whole(&file, bytes)? {
            // A kill or a full disk took the end of a line: the next must not be joined to it.
            waiting.bytes.push(b'\n');
        }
        let lines = Arc::new(Lines {
            folder: folder.to_owned(),
            kept: AtomicUsize::new(waiting.bytes.len()),
            waiting: Mutex::new(waiting),
            changed: Condvar::new(),
            current: Mutex::new(Current { file, bytes }),
            failing: AtomicBool::new(false),
        });
        let thread = thread::Builder::new().name("events".to_owned());
        let work = lines.clone();
        let writer = thread.spawn(move || while work.gather() {})?;
        Ok(Self {
            lines,
            writer: Some(writer),
        })
    }

    /// Whether the event of one more call can be kept; if not, the call must not be done. While the
    /// disk takes nothing, what changes something is not done at all: only changes that are under way
    /// when that begins are done without their event in the file.
    pub(crate) fn has_room(&self, changes: bool) -> bool {
        if !self.lines.failing.load(Ordering::Relaxed) {
            return true;
        }
        match changes {
            true => self.lines.write(),
            false => self.lines.kept.load(Ordering::Relaxed) < KEPT_BYTES,
        }
    }

    /// Appends the event of a call, which will be written soon.
    pub(crate) fn append(&self, subject: Subject<'_>, call: &Call) {
        match event::line(subject, call, call.take_notes()) {
            Ok(line) => self.lines.add(&line),
            Err(error) => log::error!("a call cannot be logged: {error}"),
        }
    }

    /// Writes all events that were appended; answers whether they are in the file now. Those that
    /// are not wait on.
    pub(crate) fn flush(&self) -> bool {
        self.lines.write()
    }
}

#[cfg(test)]
impl EventLog {
    /// From here on no more can be written.
    pub(crate) fn fill_disk(&self) {
        let full = OpenOptions::new().write(true).open("/dev/full");
        self.lines.current.lock().file = full.unwrap();
    }

    /// There is room again.
    pub(crate) fn empty_disk(&self) {
        self.lines.current.lock().file = open_current(&self.lines.folder).unwrap();
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
        self.kept.fetch_add(line.len(), Ordering::Relaxed);
        drop(waiting);
        match len {
            0 => drop(self.changed.notify_one()),
            WAITING_BYTES.. if !self.failing.load(Ordering::Relaxed) => drop(self.write()),
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
            let time = match self.failing.load(Ordering::Relaxed) {
                true => RETRY,
                false => GATHERING,
            };
            self.changed.wait_for(&mut waiting, time);
        }
        let ended = waiting.ended;
        drop(waiting);
        if !self.write() && ended {
            let bytes = self.waiting.lock().bytes.len();
            log::error!("{bytes} bytes of the log of calls are lost: they could not be written");
        }
        !ended
    }

    /// Writes what waits; answers whether nothing waits any more.
    fn write(&self) -> bool {
        let mut current = self.current.lock();
        // Taken under the lock of the file: lines stay in order.
        let mut lines = std::mem::take(&mut self.waiting.lock().bytes);
        let failing = self.failing.load(Ordering::Relaxed);
        if lines.is_empty() {
            return true;
        }
        match self.write_to(&mut current, &lines) {
            Ok(()) => {
                self.kept.fetch_sub(lines.len(), Ordering::Relaxed);
                self.failing.store(false, Ordering::Relaxed);
                if failing {
                    log::warn!("calls are logged again, and nothing is missing");
                }
                true
            }
            Err(error) => {
                // A full disk took the beginning of them, which would be there twice.
                let _ = current.file.set_len(current.bytes);
                let mut waiting = self.waiting.lock();
                lines.append(&mut waiting.bytes);
                waiting.bytes = lines;
                self.failing.store(true, Ordering::Relaxed);
                if !failing {
                    log::error!(
                        "calls cannot be logged in {}: {error}; nothing is changed until they can",
                        self.folder.display()
                    );
                }
                false
            }
        }
    }

    fn write_to(&self, current: &mut Current, lines: &[u8]) -> io::Result<()> {
        let len = lines.len() as u64;
        if current.bytes > 0 && current.bytes.saturating_add(len) > FILE_BYTES {
            self.make_room()?;
            current.file = open_current(&self.folder)?;
            current.bytes = 0;
        }
        // One write: a kill leaves whole lines.
        current.file.write_all(lines)?;
        current.bytes = current.bytes.saturating_add(len);
        Ok(())
    }

    /// Gives each file the next number, up to the first number that is free: what was interrupted
    /// goes on where it stopped, and pushes no file out.
    fn make_room(&self) -> io::Result<()> {
        let mut free = 0;
        while free < FILES - 1 && self.path(free).try_exists()? {
            free += 1;
        }
        for number in (0..free).rev() {
            fs::rename(self.path(number), self.path(number + 1))?;
        }
        Ok(())
    }

    fn path(&self, number: u32) -> PathBuf {
        match number {
            0 => self.folder.join("events.jsonl"),
            number => self.folder.join(format!("events.{number}.jsonl")),
        }
    }
}

/// Whether a file of `bytes` bytes ends with a whole line.
fn is_whole(file: &File, bytes: u64) -> io::Result<bool> {
    let mut last = [b'\n'];
    if let Some(place) = bytes.checked_sub(1) {
        file.read_exact_at(&mut last, place)?;
    }
    Ok(last == *b"\n")
}

fn open_current(folder: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
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
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        while fs::read(log.lines.path(0)).unwrap().is_empty() {
            assert!(std::time::Instant::now() < deadline);
            thread::yield_now();
        }
    }

    fn event_ids(log: &EventLog) -> Vec<String> {
        let text = fs::read_to_string(log.lines.path(0)).unwrap();
        let id = |line| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["eventID"].as_str().unwrap().to_owned()
        };
        text.lines().map(id).collect()
    }

    #[test]
    fn what_a_full_disk_does_not_take_is_written_once_it_does() {
        let home = tempfile::tempdir().unwrap();
        let log = EventLog::open(&home.path().join("events")).unwrap();
        log.append(subject(Map::new()), &call());
        log.flush();
        log.fill_disk();
        for _ in 0..10 {
            log.append(subject(Map::new()), &call());
            assert!(!log.flush());
        }
        log.empty_disk();
        log.append(subject(Map::new()), &call());
        assert!(log.flush());
        let ids = event_ids(&log);
        let different: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!((ids.len(), different.len()), (12, 12));
    }

    #[test]
    fn what_an_attempt_is_writing_counts_as_kept() {
        let home = tempfile::tempdir().unwrap();
        let log = EventLog::open(&home.path().join("events")).unwrap();
        // A disk that hangs: a pipe takes a little, and then waits for its reader.
        let (mut reader, writer) = io::pipe().unwrap();
        log.lines.current.lock().file = File::from(std::os::fd::OwnedFd::from(writer));
        log.lines.failing.store(true, Ordering::Relaxed);
        log.lines.add(&vec![b'\n'; KEPT_BYTES]);
        let attempt = log.lines.clone();
        let attempt = thread::spawn(move || attempt.write());
        io::Read::read_exact(&mut reader, &mut [0]).unwrap();
        assert!(!log.has_room(false));
        drop(reader);
        assert!(!attempt.join().unwrap());
        assert!(!log.has_room(false));
        log.empty_disk();
        assert!(log.flush());
        assert!(log.has_room(false));
        assert_eq!(log.lines.kept.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_disk_that_takes_nothing_takes_no_older_file_with_it() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("events");
        let log = EventLog::open(&folder).unwrap();
        for number in 1..FILES {
            fs::write(log.lines.path(number), number.to_string()).unwrap();
        }
        // The newest was put aside, and a new one could not be made.
        fs::rename(log.lines.path(0), log.lines.path(1)).unwrap();
        log.lines.current.lock().bytes = FILE_BYTES;
        log.append(subject(Map::new()), &call());
        log.flush();
        let kept = (2..FILES).map(|number| fs::read_to_string(log.lines.path(number)).unwrap());
        assert!(kept.eq((2..FILES).map(|number| number.to_string())));
        assert_eq!(event_ids(&log).len(), 1);
    }

    #[test]
    fn the_half_line_that_a_kill_left_does_not_spoil_the_next() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("events");
        drop(EventLog::open(&folder).unwrap());
        fs::write(folder.join("events.jsonl"), b"{\"eventVers").unwrap();
        let log = EventLog::open(&folder).unwrap();
        log.append(subject(Map::new()), &call());
        log.flush();
        let text = fs::read_to_string(log.lines.path(0)).unwrap();
        let last = text.lines().last().unwrap();
        assert!(serde_json::from_str::<Value>(last).is_ok(), "{text}");
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

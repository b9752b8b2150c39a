//! A store on the local disk: one tree of one sled 0.34 database, and a journal before it. What sled
//! does not promise is added here: an fsync, a free disk to open on, errors instead of panics.

use std::{
    cmp::Ordering,
    fs::{self, File},
    io,
    ops::Bound::{Excluded, Included, Unbounded},
    os::unix::fs::DirBuilderExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ::sled::IVec;
use parking_lot::{Mutex, RwLock};
use rustix::fs::{FlockOperation, flock};

use crate::{
    Error, Record, Result, Store, Urgency,
    backend::{Backend, Changes},
    commit_queue::CommitQueue,
    journal::Journal,
    keyspace, reserve,
    reserve::Reserve,
    staging,
};

/// Bytes that sled may keep in memory; a small database takes no more than it has. The index of
/// 100,000 objects does not fit into 64 MiB, and each find would read, check and take apart pages.
const CACHE_BYTES: u64 = 512 << 20;
/// What is larger than a quarter of a segment sled writes beside its file, where nothing syncs it.
/// A leaf has at most 17 records, so with this a leaf never does.
pub(crate) const SEGMENT_BYTES: usize = 4 << 20;
/// sled cleans its file up from a thread that wakes this often. What was answered is synced long
/// before.
const CLEANING_MS: u64 = 5_000;
/// How often, and how long apart, an open is tried while the threads of the database that was just
/// closed in this process let its file go, and a child that another thread is just starting its lock.
const OPEN_TRIES: usize = 100;
const OPEN_PAUSE: Duration = Duration::from_millis(20);

/// A store in a folder of its own.
pub struct SledStore;

impl SledStore {
    /// Opens the database in `folder`, or makes it there.
    pub fn open(folder: &Path) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(CommitQueue::start(Disk::open(folder)?)))
    }
}

/// The database, and what this process knows of its files.
struct Disk {
    /// None only after it could not be opened again.
    database: RwLock<Option<Database>>,
    writing: Mutex<Writing>,
    reserve: Reserve,
    folder: PathBuf,
    /// Locked for as long as the database is open; sled's own lock comes with an error that
    /// cannot be told from others.
    _lock: File,
}

/// What only who writes needs.
struct Writing {
    journal: Journal,
    /// Why nothing can be written until the database is opened again.
    broken: Option<Error>,
}

/// An open database. Fields are dropped in this order.
struct Database {
    /// What the journal has and the tree has not: a batch costs sled several writes, a large one no more
    /// than a small one.
    pending: RwLock<Changes>,
    tree: ::sled::Tree,
    db: ::sled::Db,
    /// The file that sled writes to, for syncing it.
    file: File,
}

impl Disk {
    fn open(folder: &Path) -> Result<Self> {
        make_folder(folder).map_err(reserve::system_error)?;
        let lock = File::open(folder).map_err(reserve::system_error)?;
        let mut tries = 1;
        while flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            if tries == OPEN_TRIES {
                return Err(Error::InUse(folder.display().to_string()));
            }
            tries += 1;
            std::thread::sleep(OPEN_PAUSE);
        }
        let reserve = Reserve::new(folder);
        reserve.make_room()?;
        let (database, journal) = Database::open(folder)?;
        // Also an open database has its reserve from the beginning.
        let _ = reserve.room(Urgency::Normal);
        let broken = None;
        Ok(Self {
            database: RwLock::new(Some(database)),
            writing: Mutex::new(Writing { journal, broken }),
            reserve,
            folder: folder.to_owned(),
            _lock: lock,
        })
    }

    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        match &*self.database.read() {
            Some(database) => work(database),
            None => Err(Error::Full),
        }
    }

    /// After a full disk, and only then, sled's memory and its file are brought together again by
    /// opening it once more. After any other error nobody knows what the disk holds (a failed
    /// fsync is not repeatable), and a restart has to read it.
    fn reopen(&self) -> Result<Journal> {
        self.reserve.room(Urgency::Normal)?;
        let mut database = self.database.write();
        drop(database.take());
        let (opened, journal) = Database::open(&self.folder)?;
        *database = Some(opened);
        log::info!("{} takes changes again", self.folder.display());
        Ok(journal)
    }

    /// After an error nothing more is written.
    fn breaks(&self, writing: &mut Writing, outcome: Result<()>) -> Result<()> {
        if let Err(error) = &outcome {
            log::error!(
                "{}: {error}; nothing more is written",
                self.folder.display()
            );
            writing.broken = Some(error.clone());
        }
        outcome
    }
}

impl Backend for Disk {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.with(|database| database.get(key))
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Record>> {
        self.with(|database| database.scan(prefix, after, limit))
    }

    fn found(&self, prefix: &[u8]) -> Result<u64> {
        self.with(|database| database.found(prefix))
    }

    fn room(&self, urgency: Urgency) -> Result<()> {
        self.reserve.room(urgency)
    }

    fn write(&self, changes: &Changes) -> Result<()> {
        let mut writing = self.writing.lock();
        match &writing.broken {
            None => {}
            Some(Error::Full) => {
                writing.journal = self.reopen()?;
                writing.broken = None;
            }
            Some(error) => return Err(error.clone()),
        }
        if changes.is_empty() {
            // What was written before is durable, or the database is broken.
            return Ok(());
        }
        let written = self.with(|database| database.write(&mut writing.journal, changes));
        self.breaks(&mut writing, written)
    }

    fn settle(&self) {
        let mut writing = self.writing.lock();
        // On a full disk the journal is where there is room still.
        if writing.broken.is_none() && self.reserve.room(Urgency::Normal).is_ok() {
            let settled = self.with(|database| database.settle(&mut writing.journal));
            // The next one who writes is told.
            let _ = self.breaks(&mut writing, settled);
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.settle();
    }
}

impl Database {
    fn open(folder: &Path) -> Result<(Self, Journal)> {
        if !folder.join("db").exists() {
            // Before the database: one without its journal has lost something.
            let made = Journal::make(folder).and_then(|()| sync_folder(folder));
            made.map_err(reserve::system_error)?;
        }
        let config = ::sled::Config::new()
            .path(folder)
            .cache_capacity(CACHE_BYTES)
            .segment_size(SEGMENT_BYTES)
            .flush_every_ms(Some(CLEANING_MS));
        let database = guarded(|| {
            let db = open_patiently(&config)?;
            let tree = db.open_tree("strongroom")?;
            Ok((db, tree))
        });
        let (db, tree) = database?;
        let file = File::options().write(true).open(folder.join("db"));
        let file = file.map_err(reserve::system_error)?;
        let database = Self {
            pending: RwLock::default(),
            tree,
            db,
            file,
        };
        database.check_version()?;
        let written = staging::count_from(database.get(keyspace::WRITTEN)?)?;
        let (mut journal, rest) = Journal::open(folder, written)?;
        *database.pending.write() = rest;
        database.check_log()?;
        // What a process that was killed had written but not synced is read like the rest, and
        // may be answered: it has to be as durable.
        database.settle(&mut journal)?;
        sync_folder(folder).map_err(reserve::system_error)?;
        Ok((database, journal))
    }

    /// Whether this is a database of ours.
    fn check_version(&self) -> Result<()> {
        match self.get(keyspace::VERSION)?.as_deref() {
            Some([keyspace::FORMAT]) => Ok(()),
            Some(other) => {
                let known = keyspace::FORMAT;
                Err(Error::Damaged(format!(
                    "version {other:?}, known is {known}"
                )))
            }
            None if guarded(|| Ok(self.tree.first()?.is_none()))? => {
                let version = Some(vec![keyspace::FORMAT]);
                self.apply(&Changes::from([(keyspace::VERSION.to_vec(), version)]), 0)?;
                self.sync()
            }
            None => Err(Error::Damaged("there are records but no version".into())),
        }
    }

    /// Whether what the database says of its log is true.
    fn check_log(&self) -> Result<()> {
        let head = staging::head_from(self.get(keyspace::HEAD)?)?;
        if let Some(last) = head.entries.checked_sub(1) {
            let entry = self.get(&keyspace::entry(last))?;
            if entry.is_none_or(|entry| !entry.starts_with(&head.hash)) {
                return Err(Error::Damaged(
                    "the log does not end where it should".into(),
                ));
            }
        }
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.pending.read().get(key) {
            Some(change) => Ok(change.clone()),
            None => guarded(|| Ok(self.tree.get(key)?.map(|value| value.to_vec()))),
        }
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Record>> {
        let from = match after {
            Some(after) if after >= prefix => Excluded(after),
            _ => Included(prefix),
        };
        // Held to the end: what is pending goes into the tree meanwhile, and does not go from here.
        let pending = self.pending.read();
        let pending = pending.range::<[u8], _>((from, Unbounded));
        let mut pending = pending
            .take_while(|(key, _)| key.starts_with(prefix))
            .peekable();
        guarded(|| {
            let stored = self.tree.range::<&[u8], _>((from, Unbounded));
            let of_prefix = |record: &::sled::Result<(IVec, IVec)>| {
                record
                    .as_ref()
                    .map_or(true, |(key, _)| key.starts_with(prefix))
            };
            let mut stored = stored.take_while(of_prefix).peekable();
            let mut found = Vec::new();
            while found.len() < limit {
                let first = match (pending.peek(), stored.peek()) {
                    (None, None) => break,
                    (Some(_), None) => Ordering::Less,
                    (Some((key, _)), Some(Ok((other, _)))) => key.as_slice().cmp(other),
                    (_, Some(_)) => Ordering::Greater,
                };
                let pending = pending.next_if(|_| first.is_le());
                let stored = stored.next_if(|_| first.is_ge()).transpose()?;
                match (pending, stored) {
                    (Some((key, Some(value))), _) => found.push((key.clone(), value.clone())),
                    (None, Some((key, value))) => found.push((key.to_vec(), value.to_vec())),
                    _ => {}
                }
            }
            Ok(found)
        })
    }

    /// Counts the records: by two threads if their keys are numbers, each from one half of them.
    fn found(&self, prefix: &[u8]) -> Result<u64> {
        if !self.pending.read().is_empty() {
            return Ok(self.scan(prefix, None, usize::MAX)?.len() as u64);
        }
        let count = |from: &[u8], to: Option<&[u8]>| {
            guarded(|| {
                let mut found = 0;
                for record in self.tree.range(from..) {
                    let (key, _) = record?;
                    if !key.starts_with(prefix) || to.is_some_and(|to| *key >= *to) {
                        break;
                    }
                    found += 1;
                }
                Ok(found)
            })
        };
        let last = guarded(|| self.tree.scan_prefix(prefix).next_back().transpose())?;
        let number = last.and_then(|(key, _)| keyspace::number_from(key.get(prefix.len()..)?));
        let Some(last) = number else {
            return count(prefix, None);
        };
        let middle = [prefix, &(last / 2).to_be_bytes()].concat();
        std::thread::scope(|scope| {
            let lower = std::thread::Builder::new();
            let lower = lower.spawn_scoped(scope, || count(prefix, Some(&middle)));
            let upper = count(&middle, None)?;
            let lower = match lower {
                Ok(lower) => lower
                    .join()
                    .unwrap_or_else(|_| count(prefix, Some(&middle))),
                Err(_) => count(prefix, Some(&middle)),
            };
            Ok(upper.saturating_add(lower?))
        })
    }

    /// Makes a group durable: in the journal, or in the database's own file if it is too large.
    fn write(&self, journal: &mut Journal, changes: &Changes) -> Result<()> {
        let entry = journal.entry(changes);
        if !journal.has_room(&entry) {
            self.settle(journal)?;
        }
        if journal.has_room(&entry) {
            let passing = self.passing(changes)?;
            journal.append(&entry)?;
            let mut pending = self.pending.write();
            pending.extend(changes.clone());
            for key in passing {
                pending.remove(key);
            }
            return Ok(());
        }
        let applied = self.apply(changes, entry.number);
        let durable = applied.and_then(|()| self.sync());
        // Full says that nothing was written, and of this one does not know it.
        durable.map_err(|error| match error {
            Error::Full => Error::Failed("the disk became full".into()),
            error => error,
        })?;
        journal.begin_anew(entry.number);
        Ok(())
    }

    /// What `changes` delete that the tree never had: most answers come and go before it has any.
    fn passing<'a>(&self, changes: &'a Changes) -> Result<Vec<&'a Vec<u8>>> {
        guarded(|| {
            let mut passing = Vec::new();
            for (key, change) in changes {
                if change.is_none() && !self.tree.contains_key(key)? {
                    passing.push(key);
                }
            }
            Ok(passing)
        })
    }

    /// Brings the database to where the journal is, so that this can begin anew.
    fn settle(&self, journal: &mut Journal) -> Result<()> {
        let pending = self.pending.read();
        if !pending.is_empty() {
            self.apply(&pending, journal.number())?;
        }
        self.sync()?;
        drop(pending);
        self.pending.write().clear();
        journal.begin_anew(journal.number());
        Ok(())
    }

    /// Changes the tree, all at once, to have the groups up to `number`.
    fn apply(&self, changes: &Changes, number: u64) -> Result<()> {
        guarded(|| {
            let mut batch = ::sled::Batch::default();
            for (key, change) in changes {
                match change {
                    Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                    None => batch.remove(key.as_slice()),
                }
            }
            batch.insert(keyspace::WRITTEN, &number.to_be_bytes());
            self.tree.apply_batch(batch)
        })
    }

    /// All of the tree reaches the file, and the disk: sled's flush is no fsync.
    fn sync(&self) -> Result<()> {
        guarded(|| self.db.flush().map(drop))?;
        self.file.sync_data().map_err(reserve::system_error)
    }
}

/// sled panics on some damage, and its threads must not take ours with them.
fn guarded<T>(work: impl FnOnce() -> std::result::Result<T, ::sled::Error>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(database_error),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(Error::Damaged(
                text.unwrap_or("the database stopped").into(),
            ))
        }
    }
}

fn database_error(error: ::sled::Error) -> Error {
    match error {
        ::sled::Error::Io(error) => reserve::system_error(error),
        other => Error::Damaged(other.to_string()),
    }
}

/// The folder's lock is ours, so a locked file is one that this process is still letting go.
fn open_patiently(config: &::sled::Config) -> std::result::Result<::sled::Db, ::sled::Error> {
    let mut tries = 1;
    loop {
        match config.open() {
            Err(::sled::Error::Io(error))
                if error.kind() == io::ErrorKind::Other && tries < OPEN_TRIES =>
            {
                tries += 1;
                std::thread::sleep(OPEN_PAUSE);
            }
            opened => return opened,
        }
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    folder.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    File::open(folder)?.sync_all()
}

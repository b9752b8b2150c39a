//! A store on the local disk: one tree of one sled 0.34 database. What sled does not promise is
//! added here: an fsync, a free disk to open on, errors instead of panics.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::{Mutex, RwLock};
use rustix::fs::{FlockOperation, flock};

use crate::{
    Error, Record, Result, Store, Urgency,
    backend::{Backend, Changes},
    commit_queue::CommitQueue,
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

/// The database, and what this process knows of its file.
struct Disk {
    /// None only after it could not be opened again.
    database: RwLock<Option<Database>>,
    /// Why nothing can be written until the database is opened again.
    broken: Mutex<Option<Error>>,
    reserve: Reserve,
    folder: PathBuf,
    /// Locked for as long as the database is open; sled's own lock comes with an error that
    /// cannot be told from others.
    _lock: File,
}

/// An open database. Fields are dropped in this order.
struct Database {
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
        let database = Database::open(folder)?;
        // Also an open database has its reserve from the beginning.
        let _ = reserve.room(Urgency::Normal);
        Ok(Self {
            database: RwLock::new(Some(database)),
            broken: Mutex::new(None),
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
    fn reopen(&self) -> Result<()> {
        self.reserve.room(Urgency::Normal)?;
        let mut database = self.database.write();
        drop(database.take());
        *database = Some(Database::open(&self.folder)?);
        log::info!("{} takes changes again", self.folder.display());
        Ok(())
    }
}

impl Backend for Disk {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.with(|database| database.get(key))
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Record>> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let from = match after {
            Some(after) if after >= prefix => Excluded(after),
            _ => Included(prefix),
        };
        self.with(|database| {
            guarded(|| {
                let mut found = Vec::new();
                for record in database
                    .tree
                    .range::<&[u8], _>((from, Unbounded))
                    .take(limit)
                {
                    let (key, value) = record?;
                    if !key.starts_with(prefix) {
                        break;
                    }
                    found.push((key.to_vec(), value.to_vec()));
                }
                Ok(found)
            })
        })
    }

    fn room(&self, urgency: Urgency) -> Result<()> {
        self.reserve.room(urgency)
    }

    fn write(&self, changes: &Changes) -> Result<()> {
        let mut broken = self.broken.lock();
        match &*broken {
            None => {}
            Some(Error::Full) => {
                self.reopen()?;
                *broken = None;
            }
            Some(error) => return Err(error.clone()),
        }
        let written = self.with(|database| database.write(changes));
        if let Err(error) = &written {
            log::error!(
                "{}: {error}; nothing more is written",
                self.folder.display()
            );
            *broken = Some(error.clone());
        }
        written
    }
}

impl Database {
    fn open(folder: &Path) -> Result<Self> {
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
        let database = Self { tree, db, file };
        database.check()?;
        sync_folder(folder).map_err(reserve::system_error)?;
        Ok(database)
    }

    /// Whether this is a database of ours, and what it says of itself is true.
    fn check(&self) -> Result<()> {
        match self.get(keyspace::VERSION)?.as_deref() {
            Some([keyspace::FORMAT]) => {}
            Some(other) => {
                let known = keyspace::FORMAT;
                return Err(Error::Damaged(format!(
                    "version {other:?}, known is {known}"
                )));
            }
            None if guarded(|| Ok(self.tree.first()?.is_none()))? => {
                let version = Some(vec![keyspace::FORMAT]);
                self.write(&Changes::from([(keyspace::VERSION.to_vec(), version)]))?;
            }
            None => return Err(Error::Damaged("there are records but no version".into())),
        }
        let head = staging::head_from(self.get(keyspace::HEAD)?)?;
        if let Some(last) = head.entries.checked_sub(1) {
            let entry = self.get(&keyspace::entry(last))?;
            if entry.is_none_or(|entry| !entry.starts_with(&head.hash)) {
                return Err(Error::Damaged(
                    "the log does not end where it should".into(),
                ));
            }
        }
        // What a process that was killed had written but not synced is read like the rest, and
        // may be answered: it has to be as durable.
        self.file.sync_data().map_err(reserve::system_error)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        guarded(|| Ok(self.tree.get(key)?.map(|value| value.to_vec())))
    }

    fn write(&self, changes: &Changes) -> Result<()> {
        guarded(|| {
            let mut batch = ::sled::Batch::default();
            for (key, change) in changes {
                match change {
                    Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                    None => batch.remove(key.as_slice()),
                }
            }
            self.tree.apply_batch(batch)?;
            // All of it reaches the file here, and the disk below: sled's flush is no fsync.
            self.db.flush()?;
            Ok(())
        })?;
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

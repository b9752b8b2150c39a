//! A store on the local disk: a folder that one process has, and what sled does not promise: a free
//! disk to open on, and no writing after an error.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::{Mutex, RwLock};
use rustix::fs::{FlockOperation, flock};

use crate::{
    Error, Record, Result, Store, Urgency,
    backend::{Backend, Changes},
    commit_queue::CommitQueue,
    database::{Database, OPEN_PAUSE, sync_folder},
    journal::{self, Journal},
    reserve,
    reserve::Reserve,
};

/// How often the folder's lock is tried, while a child that another thread is just starting has it still.
/// Whoever else has it keeps it, and there is no use in waiting.
const LOCK_TRIES: usize = 100;

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

impl Disk {
    fn open(folder: &Path) -> Result<Self> {
        make_folder(folder).map_err(reserve::system_error)?;
        let lock = File::open(folder).map_err(reserve::system_error)?;
        let mut tries = 1;
        while flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            if tries == LOCK_TRIES {
                return Err(Error::InUse(folder.display().to_string()));
            }
            tries += 1;
            std::thread::sleep(OPEN_PAUSE);
        }
        let reserve = Reserve::new(folder);
        reserve.make_room()?;
        let (database, journal) = Database::open(folder)?;
        reserve.opened();
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

    /// After an error nothing more is written, unless it came before anything was.
    fn breaks(&self, writing: &mut Writing, outcome: Result<()>) -> Result<()> {
        if let Err(error) = &outcome
            && !matches!(error, Error::TooLarge(_))
        {
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

    fn most(&self) -> usize {
        journal::GROUP_BYTES
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_is_refused_and_what_comes_after_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path()).unwrap();
        let change = |len| Changes::from([(b"dx".to_vec(), Some(vec![1; len]))]);
        let refused = disk.write(&change(disk.most()));
        assert!(matches!(refused, Err(Error::TooLarge(_))), "{refused:?}");
        disk.write(&change(1)).unwrap();
        assert_eq!(disk.get(b"dx").unwrap(), Some(vec![1]));
    }
}

//! One tree of one sled 0.34 database with the journal before it: what commits changed is read from
//! memory until the tree has it.

use std::{
    cmp::Ordering,
    fs::File,
    io,
    ops::Bound::{Excluded, Included, Unbounded},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::Duration,
};

use ::sled::IVec;
use parking_lot::RwLock;

use crate::{
    Error, Record, Result, backend::Changes, journal::Journal, keyspace, reserve, staging,
};

/// Bytes that sled may keep in memory; a small database takes no more than it has. The index of
/// 100,000 objects does not fit into 64 MiB, and each find would read, check and take apart pages.
const CACHE_BYTES: u64 = 512 << 20;
/// What is larger than a quarter of a segment sled writes beside its file, where nothing syncs it.
/// A leaf has at most 17 records, so with this a leaf never does.
pub(crate) const SEGMENT_BYTES: usize = 4 << 20;
/// sled cleans its file up from a thread that wakes this often, and syncs the file each time, whether
/// anything has changed or not: seldom, for an idle process. What was answered is synced long before.
/// In one go it cleans for at most half of this time, and writers clean a page with each that they replace:
/// under eight that never stop, the file grows as much, and takes as many commits, as with five seconds.
const CLEANING_MS: u64 = 30_000;
/// How often an open is tried while the threads of the database that was just closed in this process let
/// its file go.
const OPEN_TRIES: usize = 300;
/// How long apart.
pub(crate) const OPEN_PAUSE: Duration = Duration::from_millis(20);

/// An open database. Fields are dropped in this order.
pub(crate) struct Database {
    /// What the journal has and the tree has not: a batch costs sled several writes, a large one no more
    /// than a small one.
    pending: RwLock<Changes>,
    tree: ::sled::Tree,
    db: ::sled::Db,
    /// The file that sled writes to, for syncing it.
    file: File,
}

impl Database {
    pub(crate) fn open(folder: &Path) -> Result<(Self, Journal)> {
        let there = folder.join("db").try_exists();
        if !there.map_err(reserve::system_error)? {
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
        let (mut journal, rest) = Journal::open(folder, database.written()?)?;
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
                self.apply(&Changes::from([(keyspace::VERSION.to_vec(), version)]))?;
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

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.pending.read().get(key) {
            Some(change) => Ok(change.clone()),
            None => guarded(|| Ok(self.tree.get(key)?.map(|value| value.to_vec()))),
        }
    }

    pub(crate) fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Record>> {
        let from = match after {
            Some(after) if after >= prefix => Excluded(after),
            _ => Included(prefix),
        };
        // A copy, as commits wait for who looks at it, and made first: what goes from here meanwhile is
        // in the tree. What comes after `limit` records of these cannot be asked for.
        let pending: Changes = {
            let mut present = 0;
            let pending = self.pending.read();
            let pending = pending.range::<[u8], _>((from, Unbounded));
            let of_prefix = pending.take_while(|(key, _)| key.starts_with(prefix));
            let wanted = of_prefix.take_while(|(_, change)| {
                let wanted = present < limit;
                present += usize::from(change.is_some());
                wanted
            });
            wanted
                .map(|(key, change)| (key.clone(), change.clone()))
                .collect()
        };
        let mut pending = pending.into_iter().peekable();
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
                    (Some((key, Some(value))), _) => found.push((key, value)),
                    (None, Some((key, value))) => found.push((key.to_vec(), value.to_vec())),
                    _ => {}
                }
            }
            Ok(found)
        })
    }

    /// Counts the records: by two threads if their keys are numbers, each from one half of them.
    pub(crate) fn found(&self, prefix: &[u8]) -> Result<u64> {
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

    /// Makes a group durable, in the journal.
    pub(crate) fn write(&self, journal: &mut Journal, changes: &Changes) -> Result<()> {
        let entry = journal.entry(changes);
        if !journal.has_room(&entry) {
            self.settle(journal)?;
        }
        if !journal.has_room(&entry) {
            // The tree would take it, but not all of it at once.
            return Err(Error::TooLarge("more than the journal has room for".into()));
        }
        let passing = self.passing(changes)?;
        journal.append(&entry)?;
        let mut pending = self.pending.write();
        pending.extend(changes.clone());
        for key in passing {
            pending.remove(key);
        }
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
    pub(crate) fn settle(&self, journal: &mut Journal) -> Result<()> {
        let pending = self.pending.read();
        self.advance(&pending, journal.number())?;
        drop(pending);
        self.pending.write().clear();
        journal.begin_anew(journal.number());
        Ok(())
    }

    /// Brings the tree to where it has the groups up to `number`, durably, and then says so in it: what
    /// sled has written of a batch that fails may be on the disk afterwards, any part of it.
    fn advance(&self, changes: &Changes, number: u64) -> Result<()> {
        self.apply(changes)?;
        self.sync()?;
        if self.written()? == number {
            return Ok(());
        }
        let number = number.to_be_bytes();
        guarded(|| self.tree.insert(keyspace::WRITTEN, &number).map(drop))?;
        self.sync()
    }

    /// The number of the last group that the tree says it has.
    fn written(&self) -> Result<u64> {
        let written = guarded(|| self.tree.get(keyspace::WRITTEN))?;
        staging::count_from(written.map(|number| number.to_vec()))
    }

    /// Changes the tree, all at once unless it fails.
    fn apply(&self, changes: &Changes) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        guarded(|| {
            let mut batch = ::sled::Batch::default();
            for (key, change) in changes {
                match change {
                    Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                    None => batch.remove(key.as_slice()),
                }
            }
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

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(key: u8, value: Option<&[u8]>) -> Changes {
        Changes::from([(vec![b'd', key], value.map(<[u8]>::to_vec))])
    }

    /// The values of the keys 0 to 3, by a process that comes after one that was killed.
    fn after_a_kill(folder: &Path, database: Database) -> Vec<Option<Vec<u8>>> {
        drop(database);
        let (database, _) = Database::open(folder).unwrap();
        (0..4)
            .map(|key| database.get(&[b'd', key]).unwrap())
            .collect()
    }

    #[test]
    fn what_a_settling_that_failed_left_in_the_tree_loses_nothing() {
        let all = [
            None,
            Some(b"one".to_vec()),
            Some(b"two".to_vec()),
            Some(vec![]),
        ];
        for left in 0..=all.len() {
            let folder = tempfile::tempdir().unwrap();
            let (database, mut journal) = Database::open(folder.path()).unwrap();
            database
                .write(&mut journal, &change(0, Some(b"old")))
                .unwrap();
            database.settle(&mut journal).unwrap();
            for (key, value) in (0..).zip(&all) {
                let group = change(key, value.as_deref());
                database.write(&mut journal, &group).unwrap();
            }
            // sled writes the changes of a batch in any order: the last ones first.
            let pending = database.pending.read().clone();
            let part = pending.into_iter().rev().take(left).collect();
            database.apply(&part).unwrap();
            database.sync().unwrap();
            assert_eq!(after_a_kill(folder.path(), database), all, "{left}");
        }
    }

    #[test]
    fn a_scan_finds_the_same_wherever_changes_are() {
        let folder = tempfile::tempdir().unwrap();
        let (database, mut journal) = Database::open(folder.path()).unwrap();
        let mut all = Changes::new();
        let old = (0..12).map(|key| change(key, Some(b"old")));
        let changed = (0..12).step_by(3).map(|key| change(key, None));
        let new = (0..20).step_by(5).map(|key| change(key, Some(b"new")));
        for (group, is_settled) in old
            .map(|group| (group, true))
            .chain(changed.chain(new).map(|group| (group, false)))
        {
            database.write(&mut journal, &group).unwrap();
            if is_settled {
                database.settle(&mut journal).unwrap();
            }
            all.extend(group);
        }
        let all = all
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        let all: Vec<_> = all.collect();
        for limit in 0..=all.len() + 1 {
            let found = database.scan(b"d", None, limit).unwrap();
            assert_eq!(found, all[..limit.min(all.len())], "{limit}");
        }
    }

    #[test]
    fn a_group_that_the_journal_has_no_room_for_is_refused_before_any_of_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (database, mut journal) = Database::open(folder.path()).unwrap();
        let value = vec![0; crate::journal::GROUP_BYTES / 2];
        let group = (0..2).flat_map(|key| change(key, Some(&value))).collect();
        let refused = database.write(&mut journal, &group);
        assert!(matches!(refused, Err(Error::TooLarge(_))), "{refused:?}");
        assert_eq!(after_a_kill(folder.path(), database), [const { None }; 4]);
    }

    #[test]
    fn groups_that_leave_nothing_for_the_tree_are_counted_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (database, mut journal) = Database::open(folder.path()).unwrap();
        database
            .write(&mut journal, &change(0, Some(b"come")))
            .unwrap();
        database.write(&mut journal, &change(0, None)).unwrap();
        assert!(database.pending.read().is_empty());
        database.settle(&mut journal).unwrap();
        database
            .write(&mut journal, &change(1, Some(b"next")))
            .unwrap();
        let found = after_a_kill(folder.path(), database);
        assert_eq!(found, [None, Some(b"next".to_vec()), None, None]);
    }
}

//! A store that fails when it is told to, around one that does not: what happens then is tested
//! on purpose.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{Batch, CommitId, Committed, Error, Head, Record, Result, Store};

/// What goes wrong with a commit.
#[derive(Clone, Debug)]
pub enum CommitFault {
    /// Nothing is written, and this is the answer.
    Refused(Error),
    /// All is written, and the answer is lost.
    AnswerLost(Error),
}

/// The decorator. Each fault happens once.
pub struct FaultStore {
    inner: Arc<dyn Store>,
    commits: Mutex<Plan<CommitFault>>,
    reads: Mutex<Plan<Error>>,
}

impl FaultStore {
    /// Behaves as `inner` until a fault is planned.
    pub fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        let commits = Mutex::new(Plan::default());
        Arc::new(Self {
            inner,
            commits,
            reads: Mutex::new(Plan::default()),
        })
    }

    /// The `nth` commit from now on, counted from 0, goes wrong.
    pub fn fail_commit(&self, nth: usize, fault: CommitFault) {
        self.commits.lock().add(nth, fault);
    }

    /// The `nth` read from now on, counted from 0, goes wrong.
    pub fn fail_read(&self, nth: usize, error: Error) {
        self.reads.lock().add(nth, error);
    }

    fn read<T>(&self, read: impl FnOnce(&dyn Store) -> Result<T>) -> Result<T> {
        match self.reads.lock().next() {
            Some(error) => Err(error),
            None => read(&*self.inner),
        }
    }
}

impl Store for FaultStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.read(|inner| inner.get(key))
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Record>> {
        self.read(|inner| inner.scan(prefix, after, limit))
    }

    fn count(&self, keyspace: u8) -> Result<u64> {
        self.read(|inner| inner.count(keyspace))
    }

    fn found(&self, keyspace: u8) -> Result<u64> {
        self.read(|inner| inner.found(keyspace))
    }

    fn commit(&self, id: Option<CommitId>, batch: Batch) -> Result<Committed> {
        let fault = self.commits.lock().next();
        match fault {
            None => self.inner.commit(id, batch),
            Some(CommitFault::Refused(error)) => Err(error),
            Some(CommitFault::AnswerLost(error)) => {
                self.inner.commit(id, batch)?;
                Err(error)
            }
        }
    }

    fn answered(&self, id: CommitId) -> Result<Option<Vec<u8>>> {
        self.read(|inner| inner.answered(id))
    }

    fn applications(&self) -> Result<Vec<[u8; 16]>> {
        self.read(|inner| inner.applications())
    }

    fn log_head(&self) -> Result<Head> {
        self.read(|inner| inner.log_head())
    }

    fn log(&self, first: u64, limit: usize) -> Result<Vec<([u8; 32], Vec<u8>)>> {
        self.read(|inner| inner.log(first, limit))
    }
}

/// Which of the coming calls fail.
struct Plan<T> {
    done: usize,
    faults: Vec<(usize, T)>,
}

impl<T> Default for Plan<T> {
    fn default() -> Self {
        Self {
            done: 0,
            faults: Vec::new(),
        }
    }
}

impl<T> Plan<T> {
    fn add(&mut self, nth: usize, fault: T) {
        self.faults.push((self.done.saturating_add(nth), fault));
    }

    fn next(&mut self) -> Option<T> {
        let now = self.done;
        self.done += 1;
        let position = self.faults.iter().position(|(nth, _)| *nth == now)?;
        Some(self.faults.swap_remove(position).1)
    }
}

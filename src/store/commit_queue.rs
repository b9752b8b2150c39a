//! Commits wait in a queue; one thread takes all that wait, stages them one after the other,
//! writes them as one and answers all: the price of durability is paid once a group.

use std::{
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use crate::{
    Batch, CommitId, Committed, Error, Head, Record, Result, Store, Urgency,
    backend::{self, Backend, Changes},
    keyspace, staging,
};

/// The most commits that are taken from the queue at once.
const TAKEN_COMMITS: usize = 256;
/// Bytes of batches from which on no more are. How many groups they become, [`Backend::most`] says.
const TAKEN_BYTES: usize = 2 * crate::BATCH_BYTES;

/// How long nobody commits before the backend does what it has left for later.
const SETTLED_AFTER: Duration = Duration::from_millis(200);

/// A store: a backend, and the thread that alone writes to it.
pub(crate) struct CommitQueue<B: Backend> {
    queue: Option<mpsc::Sender<Waiting>>,
    /// The thread, or why there is none.
    thread: Result<JoinHandle<()>>,
    backend: Arc<B>,
}

/// A commit that waits, and where its answer goes.
struct Waiting {
    id: Option<CommitId>,
    batch: Batch,
    answer: mpsc::SyncSender<Result<Committed>>,
}

impl<B: Backend> CommitQueue<B> {
    /// Starts the thread. Where the system gives none, reads work and commits fail.
    pub(crate) fn start(backend: B) -> Self {
        let backend = Arc::new(backend);
        let (queue, waiting) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("strongroom-store".into())
            .spawn({
                let backend = Arc::clone(&backend);
                move || drain(&*backend, &waiting)
            });
        let refused = |error| {
            Error::Failed(format!(
                "no thread for its commits ({error}): raise the limit of threads (ulimit -u, or TasksMax= \
                 in the unit)"
            ))
        };
        Self {
            queue: Some(queue),
            thread: thread.map_err(refused),
            backend,
        }
    }
}

impl<B: Backend> Store for CommitQueue<B> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.backend.get(&keyspace::data(key))
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Record>> {
        let after = after.map(keyspace::data);
        let records = self
            .backend
            .scan(&keyspace::data(prefix), after.as_deref(), limit)?;
        Ok(staging::callers(records))
    }

    fn count(&self, keyspace: u8) -> Result<u64> {
        staging::count_from(self.backend.get(&keyspace::count(keyspace))?)
    }

    fn found(&self, keyspace: u8) -> Result<u64> {
        self.backend.found(&keyspace::data(&[keyspace]))
    }

    fn commit(&self, id: Option<CommitId>, batch: Batch) -> Result<Committed> {
        staging::check_limits(&batch)?;
        let stopped = || match &self.thread {
            Err(refused) => refused.clone(),
            Ok(_) => Error::Failed("the thread that commits has ended".into()),
        };
        let (answer, answered) = mpsc::sync_channel(1);
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue
            .send(Waiting { id, batch, answer })
            .map_err(|_| stopped())?;
        answered.recv().map_err(|_| stopped())?
    }

    fn answered(&self, id: CommitId) -> Result<Option<Vec<u8>>> {
        if self.backend.get(&keyspace::answer(id))?.is_none() {
            return Ok(None);
        }
        // It may be of a commit that is being written: what stands after the queue has been
        // through is on the disk.
        let nothing = Batch {
            urgency: Urgency::Reserve,
            ..Batch::default()
        };
        self.commit(None, nothing)?;
        self.backend.get(&keyspace::answer(id))
    }

    fn applications(&self) -> Result<Vec<[u8; 16]>> {
        let mut applications = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        while let Some((key, _)) = self
            .backend
            .scan(keyspace::ANSWERS, after.as_deref(), 1)?
            .into_iter()
            .next()
        {
            let application = keyspace::commit_id(&key)?.application;
            applications.push(application);
            after = Some(keyspace::answer(CommitId {
                application,
                number: u64::MAX,
            }));
        }
        Ok(applications)
    }

    fn log_head(&self) -> Result<Head> {
        staging::head_from(self.backend.get(keyspace::HEAD)?)
    }

    fn log(&self, first: u64, limit: usize) -> Result<Vec<([u8; 32], Vec<u8>)>> {
        let entries = self.log_head()?.entries;
        let after = first.checked_sub(1).map(keyspace::entry);
        let records = self.backend.scan(keyspace::LOG, after.as_deref(), limit)?;
        let mut found = Vec::with_capacity(records.len());
        for ((key, value), number) in records.into_iter().zip(first..) {
            let Some((hash, entry)) = value.split_first_chunk::<32>() else {
                break;
            };
            if key != keyspace::entry(number) {
                break;
            }
            found.push((*hash, entry.to_vec()));
        }
        if found.is_empty() && first < entries && limit > 0 {
            return Err(Error::Damaged(format!(
                "entry {first} of the log is missing"
            )));
        }
        Ok(found)
    }
}

impl<B: Backend> Drop for CommitQueue<B> {
    fn drop(&mut self) {
        drop(self.queue.take());
        let closed = Err(Error::Failed("the store is closed".into()));
        if let Ok(thread) = std::mem::replace(&mut self.thread, closed) {
            // What it could not write it has told to those who asked for it.
            let _ = thread.join();
        }
    }
}

fn drain<B: Backend>(backend: &B, waiting: &mpsc::Receiver<Waiting>) {
    while let Some(first) = next(backend, waiting) {
        let mut bytes = first.batch.len();
        let mut taken = vec![first];
        while taken.len() < TAKEN_COMMITS && bytes < TAKEN_BYTES {
            let Ok(next) = waiting.try_recv() else { break };
            bytes += next.batch.len();
            taken.push(next);
        }
        commit_all(backend, taken);
    }
}

/// The next commit; none when the store is closed.
fn next<B: Backend>(backend: &B, waiting: &mpsc::Receiver<Waiting>) -> Option<Waiting> {
    match waiting.recv_timeout(SETTLED_AFTER) {
        Err(mpsc::RecvTimeoutError::Timeout) => {
            backend.settle();
            waiting.recv().ok()
        }
        next => next.ok(),
    }
}

fn commit_all<B: Backend>(backend: &B, waiting: Vec<Waiting>) {
    let room = [Urgency::Normal, Urgency::Reserve];
    let room = room.map(|urgency| {
        let asked = waiting
            .iter()
            .any(|waiting| waiting.batch.urgency == urgency);
        if asked { backend.room(urgency) } else { Ok(()) }
    });
    let [normal, reserve] = &room;
    let mut group = Group::default();
    for Waiting { id, batch, answer } in waiting {
        let room = match batch.urgency {
            Urgency::Normal => normal,
            Urgency::Reserve => reserve,
        };
        let staged = room
            .clone()
            .and_then(|()| staging::stage(backend, &group.changes, id, batch));
        let outcome = staged.and_then(|(own, committed)| {
            group.take(backend, own)?;
            Ok(committed)
        });
        group.answers.push((answer, outcome));
    }
    // Also if there is nothing: a repeated commit may be answered only where the first one is durable.
    let _ = group.write(backend);
}

/// Commits that are written as one.
#[derive(Default)]
struct Group {
    changes: Changes,
    bytes: usize,
    answers: Vec<(mpsc::SyncSender<Result<Committed>>, Result<Committed>)>,
}

impl Group {
    /// Takes the changes of one more commit, which was staged on those that are here. Where both are more
    /// than can be written at once, those go first: half of a commit is never written.
    fn take<B: Backend>(&mut self, backend: &B, own: Changes) -> Result<()> {
        let (len, most) = (backend::bytes(&own), backend.most());
        if len > most {
            let words = format!("{len} bytes with what goes with it; a commit has at most {most}");
            return Err(Error::TooLarge(words));
        }
        if self.bytes.saturating_add(len) > most {
            self.write(backend)?;
        }
        self.bytes = self.bytes.saturating_add(len);
        self.changes.extend(own);
        Ok(())
    }

    /// Writes what is here and answers those who wait for it.
    fn write<B: Backend>(&mut self, backend: &B) -> Result<()> {
        let Self {
            changes, answers, ..
        } = std::mem::take(self);
        let written = backend.write(&changes);
        for (answer, outcome) in answers {
            // Also a conflict may have been with a commit of this group that is now undone.
            let outcome = written.clone().and(outcome);
            // Whoever asked may be gone; the commit stands all the same.
            let _ = answer.send(outcome);
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    /// Takes 100 bytes at once, and fails as often as it is told to.
    #[derive(Default)]
    struct Small {
        groups: Mutex<Vec<Changes>>,
        failures: Mutex<usize>,
    }

    impl Backend for Small {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
            let groups = self.groups.lock();
            Ok(groups
                .iter()
                .rev()
                .find_map(|group| group.get(key).cloned())
                .flatten())
        }

        fn scan(&self, _: &[u8], _: Option<&[u8]>, _: usize) -> Result<Vec<Record>> {
            Ok(Vec::new())
        }

        fn room(&self, _: Urgency) -> Result<()> {
            Ok(())
        }

        fn most(&self) -> usize {
            100
        }

        fn write(&self, changes: &Changes) -> Result<()> {
            let mut failures = self.failures.lock();
            if let Some(left) = failures.checked_sub(1) {
                *failures = left;
                return Err(Error::Full);
            }
            self.groups.lock().push(changes.clone());
            Ok(())
        }

        fn settle(&self) {}
    }

    /// What commits of one record each are answered, whose values have these lengths.
    fn commit(backend: &Small, values: &[usize]) -> Vec<Result<Committed>> {
        let (waiting, answers): (Vec<_>, Vec<_>) = (0..)
            .zip(values)
            .map(|(key, len)| {
                let (answer, answered) = mpsc::sync_channel(1);
                let batch = Batch {
                    index: vec![(vec![key; *len], true)],
                    ..Batch::default()
                };
                let id = None;
                (Waiting { id, batch, answer }, answered)
            })
            .unzip();
        commit_all(backend, waiting);
        answers
            .iter()
            .map(|answer| answer.recv().unwrap())
            .collect()
    }

    #[test]
    fn what_is_too_much_for_one_group_becomes_two() {
        let backend = Small::default();
        let answers = commit(&backend, &[30, 30, 30, 80, 30]);
        assert!(answers.iter().all(Result::is_ok));
        let groups = backend.groups.lock();
        let commits: Vec<_> = groups.iter().map(Changes::len).collect();
        assert_eq!(commits, [2, 1, 1, 1]);
        assert!(groups.iter().all(|group| backend::bytes(group) <= 100));
    }

    #[test]
    fn a_commit_that_no_group_has_room_for_is_refused_alone() {
        let backend = Small::default();
        let answers = commit(&backend, &[30, 200, 30]);
        assert!(matches!(answers[1], Err(Error::TooLarge(_))), "{answers:?}");
        assert!(answers[0].is_ok() && answers[2].is_ok());
        assert_eq!(backend.groups.lock().len(), 1);
    }

    #[test]
    fn what_was_staged_on_a_group_that_failed_is_not_written_either() {
        let backend = Small {
            failures: Mutex::new(1),
            ..Small::default()
        };
        // The second was staged when the first could not be written; the third is as if neither were.
        let answers = commit(&backend, &[60, 60, 61]);
        let answers: Vec<_> = answers.iter().map(Result::is_ok).collect();
        assert_eq!(answers, [false, false, true]);
        let groups = backend.groups.lock();
        let written: Vec<_> = groups.iter().flat_map(Changes::keys).collect();
        assert_eq!(written, [&keyspace::data(&[2; 61])]);
    }
}

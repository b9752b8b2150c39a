//! One commit as changes of records: what it checks, what it writes. Nothing is on the medium yet.

use std::collections::HashMap;

use crate::{
    ANSWERS_KEPT, BATCH_BYTES, BATCH_FORGETS, BATCH_WRITES, Batch, CommitId, Committed, Condition,
    Error, RECORD_BYTES, Record, Result,
    backend::{Backend, Changes},
    keyspace::{self, Head},
};

/// Refuses a batch that is larger than the store takes, before it is queued.
pub(crate) fn check_limits(batch: &Batch) -> Result<()> {
    let writes = batch.write.len() + batch.index.len() + batch.append.len();
    if writes > BATCH_WRITES || batch.expect.len() > BATCH_WRITES {
        return Err(Error::TooLarge(format!(
            "{writes} writes; a batch has {BATCH_WRITES}"
        )));
    }
    let forgotten = batch.forget.len();
    if forgotten > BATCH_FORGETS {
        return Err(Error::TooLarge(format!(
            "{forgotten} applications to forget; a batch has {BATCH_FORGETS}"
        )));
    }
    let keys = batch
        .write
        .iter()
        .map(|(key, _)| key)
        .chain(batch.index.iter().map(|(key, _)| key))
        .chain(batch.expect.iter().map(|(key, _)| key));
    if keys.clone().any(|key| key.is_empty()) {
        return Err(Error::Failed("a record without a key".into()));
    }
    let records = batch
        .write
        .iter()
        .map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len));
    let sizes = records
        .chain(batch.index.iter().map(|(key, _)| key.len()))
        .chain(batch.append.iter().map(Vec::len))
        .chain([batch.answer.len()]);
    let mut total = 0;
    for size in sizes {
        if size > RECORD_BYTES {
            return Err(Error::TooLarge(format!(
                "{size} bytes; a record has {RECORD_BYTES}"
            )));
        }
        total += size;
    }
    if total > BATCH_BYTES {
        return Err(Error::TooLarge(format!(
            "{total} bytes; a batch has {BATCH_BYTES}"
        )));
    }
    Ok(())
}

/// What `batch` would write, and what it would answer, on top of the changes that are staged
/// already.
pub(crate) fn stage<B: Backend>(
    backend: &B,
    staged: &Changes,
    id: Option<CommitId>,
    batch: Batch,
) -> Result<(Changes, Committed)> {
    let mut view = View {
        backend,
        staged,
        own: Changes::new(),
        known: HashMap::new(),
    };
    if let Some(answer) = id
        .map(|id| view.get(&keyspace::answer(id)))
        .transpose()?
        .flatten()
    {
        return Ok((
            Changes::new(),
            Committed {
                answer,
                repeated: true,
            },
        ));
    }
    for (key, condition) in &batch.expect {
        let there = keyspace::data(key);
        let value = view.get(&there)?;
        if !holds(condition, value.as_deref()) {
            return Err(Error::Conflict);
        }
        view.known.insert(there, value.is_some());
    }
    for (key, value) in batch.write {
        view.write_record(&key, value)?;
    }
    for (key, there) in batch.index {
        view.own.insert(keyspace::data(&key), there.then(Vec::new));
    }
    view.append(&batch.append)?;
    for application in &batch.forget {
        view.forget_all(application)?;
    }
    if let Some(id) = id {
        view.forget(&id.application, batch.settled, ANSWERS_KEPT - 1)?;
        if id.number >= batch.settled {
            let answer = Some(batch.answer.clone());
            view.own.insert(keyspace::answer(id), answer);
        }
    }
    Ok((
        view.own,
        Committed {
            answer: batch.answer,
            repeated: false,
        },
    ))
}

fn holds(condition: &Condition, value: Option<&[u8]>) -> bool {
    match condition {
        Condition::Absent => value.is_none(),
        Condition::Present => value.is_some(),
        Condition::Equals(expected) => value == Some(expected),
    }
}

/// The database as it will be: this commit's changes over the group's over the medium.
struct View<'a, B> {
    backend: &'a B,
    staged: &'a Changes,
    own: Changes,
    /// Whether records were there before this commit, as far as that has been asked.
    known: HashMap<Vec<u8>, bool>,
}

impl<B: Backend> View<'_, B> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.own.get(key).or_else(|| self.staged.get(key)) {
            Some(change) => Ok(change.clone()),
            None => self.backend.get(key),
        }
    }

    /// Every key that starts with `prefix`, in order.
    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>> {
        let on_medium = self.backend.scan(prefix, None, usize::MAX)?.into_iter();
        let mut merged: Changes = on_medium.map(|(key, value)| (key, Some(value))).collect();
        for layer in [self.staged, &self.own] {
            let changes = layer
                .range(prefix.to_vec()..)
                .take_while(|(k, _)| k.starts_with(prefix));
            merged.extend(changes.map(|(key, change)| (key.clone(), change.clone())));
        }
        Ok(merged
            .into_iter()
            .filter(|(_, value)| value.is_some())
            .map(|(key, _)| key)
            .collect())
    }

    fn write_record(&mut self, key: &[u8], value: Option<Vec<u8>>) -> Result<()> {
        let Some(keyspace) = key.first() else {
            return Ok(());
        };
        let there = keyspace::data(key);
        let known = self.known.get(&there).copied();
        let before = match known.filter(|_| !self.own.contains_key(&there)) {
            Some(before) => u64::from(before),
            None => u64::from(self.get(&there)?.is_some()),
        };
        let after = u64::from(value.is_some());
        if before != after {
            let counter = keyspace::count(*keyspace);
            let count = count_from(self.get(&counter)?)?;
            let count = (count + after).checked_sub(before).ok_or_else(|| {
                Error::Damaged(format!(
                    "keyspace {keyspace} has more records than were counted"
                ))
            })?;
            self.own.insert(counter, Some(count.to_be_bytes().to_vec()));
        }
        self.own.insert(there, value);
        Ok(())
    }

    fn append(&mut self, entries: &[Vec<u8>]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut head = head_from(self.get(keyspace::HEAD)?)?;
        for entry in entries {
            let number = head.entries;
            head = head.after(entry);
            let value = [&head.hash[..], entry].concat();
            self.own.insert(keyspace::entry(number), Some(value));
        }
        self.own
            .insert(keyspace::HEAD.to_vec(), Some(head.to_bytes()));
        Ok(())
    }

    /// Forgets every answer of an application.
    fn forget_all(&mut self, application: &[u8; 16]) -> Result<()> {
        let keys = self.keys(&keyspace::answers(application))?;
        self.own.extend(keys.into_iter().map(|key| (key, None)));
        Ok(())
    }

    /// Forgets the answers of an application with numbers below `settled`, and all but `kept`: a client
    /// that never settles anything must not fill the disk. The one of `settled` itself, the oldest
    /// request in flight, stays, and the newest do.
    fn forget(&mut self, application: &[u8; 16], settled: u64, kept: usize) -> Result<()> {
        let keys = self.keys(&keyspace::answers(application))?;
        let mut too_many = keys.len().saturating_sub(kept);
        for key in keys {
            let number = keyspace::commit_id(&key)?.number;
            if number < settled || too_many > 0 && number > settled {
                self.own.insert(key, None);
                too_many = too_many.saturating_sub(1);
            }
        }
        Ok(())
    }
}

/// The number of a keyspace's records, from what stands under [`keyspace::count`].
pub(crate) fn count_from(value: Option<Vec<u8>>) -> Result<u64> {
    let Some(bytes) = value else { return Ok(0) };
    let count = keyspace::number_from(&bytes);
    count.ok_or_else(|| Error::Damaged("a count has a wrong length".into()))
}

/// The log's head, from what stands under [`keyspace::HEAD`].
pub(crate) fn head_from(value: Option<Vec<u8>>) -> Result<Head> {
    value.map_or(Ok(Head::EMPTY), |bytes| Head::from_bytes(&bytes))
}

/// The records of a scan, without the byte that marks them as callers'.
pub(crate) fn callers(records: Vec<Record>) -> Vec<Record> {
    records
        .into_iter()
        .map(|(mut key, value)| (key.split_off(keyspace::DATA.len()), value))
        .collect()
}

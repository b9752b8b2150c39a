//! The chain of a deleted cluster: a file of its own in the home, and in the registry its head and the
//! key that its entries are sealed under. What else the cluster had is gone.

use std::{
    fs::File,
    io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write},
    iter,
    path::Path,
};

use crypto::Secret;
use serde::{Deserialize, Serialize};
use store::{Head, RECORD_BYTES};
use token::{AuditPlace, Result};

use super::{
    Event,
    chain::{Chain, Entries},
};
use crate::{
    cluster::{Caller, Cluster},
    failure::{damaged, stored},
    home, sealing,
};

/// Before the entries.
const MAGIC: &[u8; 8] = b"SRCHAIN\x01";
/// Bytes in front of each entry: its length, and the chain's hash after it.
const FRAME: u64 = 4 + 32;
/// Entries that are copied at a time.
const PAGE: usize = 256;

/// What the registry knows of an archived chain.
#[derive(Serialize, Deserialize)]
pub(crate) struct Archived {
    /// How many entries it has.
    entries: u64,
    /// Its hash after the last.
    hash: [u8; 32],
    /// The audit key, wrapped.
    pub(crate) key: Vec<u8>,
}

/// Writes the chain of `cluster`, which `caller` deletes, to the file at `path`. The entry that says so
/// is the last.
pub(crate) fn write(
    cluster: &Cluster,
    caller: &Caller,
    path: &Path,
    wrapped_key: Vec<u8>,
) -> Result<Archived> {
    let store = cluster.records().store();
    let entry = sealing::encode(&caller.entry(&Event::ClusterDeleted))?;
    let last = cluster.sealing().seal_entry(&entry)?;
    let mut head = Head::EMPTY;
    let mut unread = None;
    let written = home::write_whole(path, |file| {
        file.write_all(MAGIC)?;
        loop {
            let page = match store.log(head.entries, PAGE) {
                Ok(page) => page,
                // Of a chain that is broken, what is there is kept: its head will not fit.
                Err(store::Error::Damaged(_)) => break,
                Err(error) => {
                    unread = Some(error);
                    return Err(ErrorKind::Other.into());
                }
            };
            if page.is_empty() {
                break;
            }
            for (hash, entry) in page {
                write_entry(file, &hash, &entry)?;
                head = Head {
                    entries: head.entries.saturating_add(1),
                    hash,
                };
            }
        }
        head = head.after(&last);
        write_entry(file, &head.hash, &last)
    });
    if let Some(error) = unread {
        return Err(stored(error));
    }
    written.map_err(|error| home::unusable(path, &error))?;
    let whole = store.log_head().map_err(stored)?;
    Ok(Archived {
        entries: whole.entries.saturating_add(1),
        hash: head.hash,
        key: wrapped_key,
    })
}

/// The chain that [`write()`] has written: its file, what the registry knows of it, and its key.
pub(crate) struct Archive<'a> {
    pub(crate) path: &'a Path,
    pub(crate) archived: &'a Archived,
    pub(crate) key: &'a Secret,
}

impl Chain for Archive<'_> {
    fn key(&self) -> &Secret {
        self.key
    }

    fn entries(&self, place: &AuditPlace, limit: usize) -> Result<Option<Entries>> {
        let more = self.archived.entries.saturating_sub(place.records);
        let wanted = usize::try_from(more).map_or(limit, |more| more.min(limit));
        let failed = |error: io::Error| home::unusable(self.path, &error);
        let mut file = match File::open(self.path) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut magic = [0; MAGIC.len()];
        if file.read_exact(&mut magic).is_err() || magic != *MAGIC {
            return Err(damaged(format_args!(
                "{} is no audit chain",
                self.path.display()
            )));
        }
        file.seek(SeekFrom::Start(offset(place))).map_err(failed)?;
        // What cannot be read ends them; that there should be more, who asks for it next will see.
        let read = iter::from_fn(|| read_entry(&mut file).ok());
        let entries: Entries = read.take(wanted).collect();
        Ok((wanted == 0 || !entries.is_empty()).then_some(entries))
    }

    fn end(&self) -> Result<Head> {
        Ok(Head {
            entries: self.archived.entries,
            hash: self.archived.hash,
        })
    }
}

/// Where the entry after `place` begins in the file. That of a place that is none is somewhere
/// else, where no entry begins that follows.
fn offset(place: &AuditPlace) -> u64 {
    let framed = place.records.saturating_mul(FRAME);
    let before = (MAGIC.len() as u64).saturating_add(framed);
    // What is more, no system takes as an offset.
    before.saturating_add(place.bytes).min(i64::MAX as u64)
}

fn write_entry(file: &mut dyn Write, hash: &[u8; 32], entry: &[u8]) -> io::Result<()> {
    let len = u32::try_from(entry.len()).map_err(io::Error::other)?;
    file.write_all(&len.to_be_bytes())?;
    file.write_all(hash)?;
    file.write_all(entry)
}

fn read_entry(file: &mut dyn Read) -> io::Result<([u8; 32], Vec<u8>)> {
    let (mut len, mut hash) = ([0; 4], [0; 32]);
    file.read_exact(&mut len)?;
    file.read_exact(&mut hash)?;
    let len = usize::try_from(u32::from_be_bytes(len)).map_err(io::Error::other)?;
    if len > RECORD_BYTES {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut entry = vec![0; len];
    file.read_exact(&mut entry)?;
    Ok((hash, entry))
}

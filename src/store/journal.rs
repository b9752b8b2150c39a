//! The journal beside a database: what commits changed since the database's own file was last synced.
//! One write in place and one `fdatasync` make a group durable; sled's file follows later.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::Path,
};

use crate::{
    ANSWERS_KEPT, BATCH_BYTES, BATCH_FORGETS, BATCH_WRITES, Error, Result,
    backend::{self, Changes},
    reserve::system_error,
};

/// Bytes of the file, all of them written when it is made: a write in place changes no metadata, so
/// syncing it costs one write and no journal of the file system.
const FILE_BYTES: usize = 2 << 20;
/// Bytes from which on the database's own file is synced and the journal begins anew. Little, because
/// sled may write again where it has moved things away from before anybody syncs either place: that
/// takes it a new segment at least ([`crate::database::SEGMENT_BYTES`]).
const FULL_BYTES: usize = 1 << 20;
/// The most bytes of a group's changes.
pub(crate) const GROUP_BYTES: usize = FILE_BYTES - HEADER_BYTES;
/// Bytes of an answer that is forgotten: its key after its length.
const FORGOTTEN_BYTES: usize = 8 + 1 + 16 + 8;
/// The most bytes that a record of a batch comes with: lengths, a number in the log and a hash, a count.
const BESIDE_BYTES: usize = 64;
/// A batch that keeps to its limits, with all that it may forget, can be written.
const _: () = assert!(
    BATCH_BYTES
        + (BATCH_WRITES + 2) * BESIDE_BYTES
        + (BATCH_FORGETS + 1) * ANSWERS_KEPT * FORGOTTEN_BYTES
        <= GROUP_BYTES
);
/// Before the changes of a group: hash (32) ‖ number (u64) ‖ length of the changes (u32).
const HEADER_BYTES: usize = 32 + 8 + 4;
/// The most groups that the file has room for.
const FILE_GROUPS: u64 = (FILE_BYTES / HEADER_BYTES) as u64;
/// Stands for the length of a value that is deleted.
const DELETED: u32 = u32::MAX;

/// An open journal. Groups have numbers, without gaps; the database says which it has.
pub(crate) struct Journal {
    file: File,
    /// The group that was written last, here or into the database.
    number: u64,
    /// Where the next one goes.
    end: usize,
}

/// A group, as it stands in the journal.
pub(crate) struct Entry {
    /// Its number.
    pub(crate) number: u64,
    bytes: Vec<u8>,
}

/// What a journal has that the database has not.
struct Rest {
    /// The number of the last group.
    number: u64,
    /// The changes of all of them; none if there is nothing.
    changes: Changes,
}

impl Journal {
    /// Makes the file in `folder` if it is not there. Its name is as durable as the folder.
    pub(crate) fn make(folder: &Path) -> io::Result<()> {
        let path = folder.join("journal");
        if path.try_exists()? {
            return Ok(());
        }
        let new = folder.join("journal.new");
        let file = File::create(&new)?;
        file.write_all_at(&vec![0; FILE_BYTES], 0)?;
        file.sync_all()?;
        fs::rename(new, path)
    }

    /// Opens the journal in `folder` of a database that has all groups up to `number`, and answers what
    /// it has beyond them. [`Journal::begin_anew`] comes before the first entry.
    pub(crate) fn open(folder: &Path, number: u64) -> Result<(Self, Changes)> {
        let file = File::options()
            .read(true)
            .write(true)
            .open(folder.join("journal"));
        let file = match file {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Damaged("the journal is missing".into()));
            }
            file => file.map_err(system_error)?,
        };
        let mut bytes = vec![0; FILE_BYTES];
        file.read_exact_at(&mut bytes, 0).map_err(system_error)?;
        let Rest { number, changes } = rest(&bytes, number)?;
        let journal = Self {
            file,
            number,
            end: FILE_BYTES,
        };
        Ok((journal, changes))
    }

    /// The group that was written last.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The next group.
    pub(crate) fn entry(&self, changes: &Changes) -> Entry {
        let number = self.number.saturating_add(1);
        let body = backend::bytes(changes);
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body);
        bytes.extend_from_slice(&[0; 32]);
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(&length(body).to_be_bytes());
        for (key, value) in changes {
            let value_len = value.as_ref().map_or(DELETED, |value| length(value.len()));
            bytes.extend_from_slice(&length(key.len()).to_be_bytes());
            bytes.extend_from_slice(&value_len.to_be_bytes());
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(value.as_deref().unwrap_or_default());
        }
        if let Some((hash, hashed)) = bytes.split_first_chunk_mut::<32>() {
            *hash = crypto::hash::sha256(&[hashed]);
        }
        Entry { number, bytes }
    }

    /// Whether the journal takes `entry` before it begins anew.
    pub(crate) fn has_room(&self, entry: &Entry) -> bool {
        self.end < FULL_BYTES && entry.bytes.len() <= FILE_BYTES - self.end
    }

    /// Makes the next group durable. After an error nobody knows whether it is.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<()> {
        let written = self.file.write_all_at(&entry.bytes, self.end as u64);
        written
            .and_then(|()| self.file.sync_data())
            .map_err(|error| Error::Failed(format!("the journal: {error}")))?;
        self.end += entry.bytes.len();
        self.number = entry.number;
        Ok(())
    }

    /// The database has all groups up to `number`, durably: what stands here is not needed any more.
    pub(crate) fn begin_anew(&mut self, number: u64) {
        self.number = number;
        self.end = 0;
    }
}

/// What stands in `bytes` beyond the groups up to `number`. What does not follow from the group before
/// is older, or was being written when the process ended.
fn rest(mut bytes: &[u8], number: u64) -> Result<Rest> {
    let mut rest = Rest {
        number,
        changes: Changes::new(),
    };
    let mut before: Option<u64> = None;
    while let Some((group, body, after)) = split(bytes) {
        if before.is_some_and(|before| before.checked_add(1) != Some(group)) {
            break;
        }
        before = Some(group);
        bytes = after;
        if group <= rest.number {
            continue;
        }
        if rest.number.checked_add(1) != Some(group) {
            let words = format!(
                "the journal begins with group {group}, and the database ends with {number}"
            );
            return Err(Error::Damaged(words));
        }
        let parsed = parse(body, &mut rest.changes);
        parsed.ok_or_else(|| Error::Damaged(format!("group {group} does not parse")))?;
        rest.number = group;
    }
    // Each group is synced before the next is written: only the last can be torn.
    match later(bytes, rest.number) {
        Some(group) => Err(Error::Damaged(format!(
            "what the journal has before group {group} is altered"
        ))),
        None => Ok(rest),
    }
}

/// A group after the one of this `number`, wherever it stands in `bytes`. What is left of an earlier
/// time has smaller numbers.
fn later(bytes: &[u8], number: u64) -> Option<u64> {
    let first = number.checked_add(1)?;
    let places = bytes.windows(HEADER_BYTES).enumerate();
    let mut groups = places.filter_map(|(place, header)| {
        let claimed = u64::from_be_bytes(*header.get(32..)?.first_chunk()?);
        let plausible = claimed.checked_sub(first)? < FILE_GROUPS;
        let (group, _, _) = split(bytes.get(place..).filter(|_| plausible)?)?;
        Some(group)
    });
    groups.next()
}

/// The first group in `bytes`: its number, its changes, and what comes after it.
fn split(bytes: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let (hash, hashed) = bytes.split_first_chunk::<32>()?;
    let (number, sized) = hashed.split_first_chunk::<8>()?;
    let (body_len, body) = sized.split_first_chunk::<4>()?;
    let body_len = usize::try_from(u32::from_be_bytes(*body_len)).ok()?;
    let (body, after) = body.split_at_checked(body_len)?;
    let hashed = hashed.get(..hashed.len() - after.len())?;
    let number = u64::from_be_bytes(*number);
    (crypto::hash::sha256(&[hashed]) == *hash).then_some((number, body, after))
}

/// Adds the changes in `body` to `changes`.
fn parse(mut body: &[u8], changes: &mut Changes) -> Option<()> {
    while !body.is_empty() {
        let (key_len, more) = body.split_first_chunk::<4>()?;
        let (value_len, more) = more.split_first_chunk::<4>()?;
        let key_len = usize::try_from(u32::from_be_bytes(*key_len)).ok()?;
        let (key, more) = more.split_at_checked(key_len)?;
        let value_len = Some(u32::from_be_bytes(*value_len)).filter(|len| *len != DELETED);
        let value_bytes = usize::try_from(value_len.unwrap_or(0)).ok()?;
        let (value, more) = more.split_at_checked(value_bytes)?;
        changes.insert(key.to_vec(), value_len.map(|_| value.to_vec()));
        body = more;
    }
    Some(())
}

/// A group has a few megabytes.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(DELETED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(key: u8, value: Option<&[u8]>) -> Changes {
        Changes::from([(vec![key], value.map(<[u8]>::to_vec))])
    }

    /// A journal with the groups 1 to 3, and its folder.
    fn journal() -> (tempfile::TempDir, Journal) {
        let folder = tempfile::tempdir().unwrap();
        Journal::make(folder.path()).unwrap();
        let (mut journal, rest) = Journal::open(folder.path(), 0).unwrap();
        assert!(rest.is_empty());
        journal.begin_anew(0);
        for (key, value) in [(1, Some(&b"one"[..])), (2, Some(b"")), (1, None)] {
            let entry = journal.entry(&changes(key, value));
            assert!(journal.has_room(&entry));
            journal.append(&entry).unwrap();
        }
        (folder, journal)
    }

    /// The number of the last group, and the changes that a database up to `number` has not.
    fn reopened(folder: &Path, number: u64) -> Result<(u64, Changes)> {
        Journal::open(folder, number).map(|(journal, rest)| (journal.number(), rest))
    }

    #[test]
    fn what_the_database_has_not_is_answered_in_order() {
        let (folder, _) = journal();
        let rest = reopened(folder.path(), 0).unwrap();
        let expected = [(vec![1], None), (vec![2], Some(vec![]))];
        assert_eq!(rest, (3, Changes::from(expected)));
        let rest = reopened(folder.path(), 2).unwrap();
        assert_eq!(rest, (3, changes(1, None)));
        for number in [3, 4] {
            let rest = reopened(folder.path(), number).unwrap();
            assert_eq!(rest, (number, Changes::new()));
        }
    }

    #[test]
    fn a_group_that_was_not_written_whole_ends_the_journal() {
        let (folder, journal) = journal();
        let last = journal.end as u64 - 1;
        journal.file.write_all_at(&[0xff], last).unwrap();
        assert_eq!(reopened(folder.path(), 0).unwrap().0, 2);
    }

    #[test]
    fn a_bit_that_flipped_before_the_last_group_is_noticed() {
        let (folder, journal) = journal();
        let at = HEADER_BYTES as u64;
        // In the hash, the number, the length and the changes of the first group.
        for place in [0, 39, 43, at] {
            let mut byte = [0];
            journal.file.read_exact_at(&mut byte, place).unwrap();
            journal.file.write_all_at(&[byte[0] ^ 1], place).unwrap();
            let damaged = reopened(folder.path(), 0);
            assert!(matches!(damaged, Err(Error::Damaged(_))), "{place}");
            // What the database has is not asked of the journal.
            assert_eq!(reopened(folder.path(), 3).unwrap().0, 3);
            journal.file.write_all_at(&byte, place).unwrap();
        }
        assert_eq!(reopened(folder.path(), 0).unwrap().0, 3);
    }

    #[test]
    fn what_is_left_of_an_older_journal_does_not_follow() {
        let (folder, mut journal) = journal();
        journal.begin_anew(3);
        journal
            .append(&journal.entry(&changes(1, Some(b"new"))))
            .unwrap();
        // As long as the one that it stands over: the second and third group stand behind it still.
        let rest = reopened(folder.path(), 3).unwrap();
        assert_eq!(rest, (4, changes(1, Some(b"new"))));
    }

    #[test]
    fn groups_that_neither_the_journal_nor_the_database_has_are_missed() {
        let (folder, mut journal) = journal();
        journal.begin_anew(3);
        journal.append(&journal.entry(&changes(9, None))).unwrap();
        let missed = reopened(folder.path(), 2).map(drop);
        assert!(matches!(missed, Err(Error::Damaged(_))));
        fs::remove_file(folder.path().join("journal")).unwrap();
        let missed = reopened(folder.path(), 3).map(drop);
        assert!(matches!(missed, Err(Error::Damaged(_))));
    }

    #[test]
    fn a_full_journal_and_one_that_has_just_been_opened_have_no_room() {
        let (folder, mut journal) = journal();
        let large = Changes::from([(vec![1], Some(vec![0; FILE_BYTES]))]);
        assert!(!journal.has_room(&journal.entry(&large)));
        journal.end = FULL_BYTES;
        assert!(!journal.has_room(&journal.entry(&Changes::new())));
        let (journal, _) = Journal::open(folder.path(), 3).unwrap();
        assert!(!journal.has_room(&journal.entry(&Changes::new())));
    }
}

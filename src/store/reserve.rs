//! Room on the disk: who may use how much of it, and two files that keep some back, so that a full
//! disk still takes logins and lets the database open again.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FallocateFlags, fallocate, statvfs},
    io::Errno,
};

use crate::{Error, NORMAL_BYTES, Result, Urgency};

/// Free bytes below which nothing goes on.
const URGENT_BYTES: u64 = 2 << 20;
/// Free bytes that sled may need to open: it fills the segment that it was in and the next one, and
/// writes its page table anew; what the journal has takes another.
const OPENING_BYTES: u64 = 3 * crate::database::SEGMENT_BYTES as u64 + (4 << 20);

/// What is kept back beside one database.
pub(crate) struct Reserve {
    folder: PathBuf,
    /// Given up for changes that are urgent.
    changes: Hoard,
    /// Given up for opening, and only for that.
    opening: Hoard,
}

impl Reserve {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            changes: Hoard {
                file: folder.join("reserve.changes"),
                bytes: 2 * URGENT_BYTES,
            },
            opening: Hoard {
                file: folder.join("reserve.opening"),
                bytes: OPENING_BYTES,
            },
        }
    }

    /// Makes room for opening the database, as far as there is any.
    pub(crate) fn make_room(&self) -> Result<()> {
        for hoard in [&self.opening, &self.changes] {
            if self.free()? < OPENING_BYTES {
                hoard.spend()?;
            }
        }
        Ok(())
    }

    /// The database is open: what was given up for that and is there still is kept back again, before
    /// changes see it as room.
    pub(crate) fn opened(&self) {
        let free = self.free().unwrap_or(0);
        if free >= self.opening.bytes {
            self.opening.keep();
        }
        // Also an open database has all of its reserve from the beginning.
        let _ = self.room(Urgency::Normal);
    }

    /// Whether a change may be written.
    pub(crate) fn room(&self, urgency: Urgency) -> Result<()> {
        let free = self.free()?;
        let needed = match urgency {
            Urgency::Normal => NORMAL_BYTES,
            Urgency::Reserve => URGENT_BYTES,
        };
        if free >= needed {
            self.restock(free);
            return Ok(());
        }
        if urgency == Urgency::Reserve {
            self.changes.spend()?;
            if self.free()? >= needed {
                return Ok(());
            }
        }
        Err(Error::Full)
    }

    /// Keeps back again what was spent, once there is room for it.
    fn restock(&self, mut free: u64) {
        for hoard in [&self.opening, &self.changes] {
            if free >= NORMAL_BYTES + hoard.bytes && hoard.keep() {
                free -= hoard.bytes;
            }
        }
    }

    fn free(&self) -> Result<u64> {
        let system = statvfs(&self.folder).map_err(|error| system_error(error.into()))?;
        Ok(system.f_bavail.saturating_mul(system.f_frsize))
    }
}

/// A file whose blocks can be given back.
struct Hoard {
    file: PathBuf,
    bytes: u64,
}

impl Hoard {
    fn spend(&self) -> Result<()> {
        match fs::remove_file(&self.file) {
            Ok(()) => {
                log::warn!("the disk is full: {} is spent", self.file.display());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(system_error(error)),
        }
    }

    /// Has its bytes, if it has not got them already: whether they were taken just now.
    fn keep(&self) -> bool {
        if self.file.exists() {
            return false;
        }
        let filled = self.fill();
        if let Err(error) = &filled {
            log::warn!("no reserve at {}: {error}", self.file.display());
        }
        filled.is_ok()
    }

    fn fill(&self) -> io::Result<()> {
        let mut file = fs::File::create_new(&self.file)?;
        let filled = match fallocate(&file, FallocateFlags::empty(), 0, self.bytes) {
            Err(Errno::OPNOTSUPP) => {
                io::copy(&mut io::repeat(0).take(self.bytes), &mut file).map(drop)
            }
            filled => filled.map_err(io::Error::from),
        };
        if filled.is_err() {
            // A file without blocks keeps nothing back.
            fs::remove_file(&self.file)?;
        }
        filled
    }
}

/// What an error of the system means to whoever keeps records.
pub(crate) fn system_error(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Error::ReadOnly(error.to_string())
        }
        _ => Error::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_is_made_again_when_there_is_room_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(folder.path());
        reserve.restock(NORMAL_BYTES);
        assert!(!reserve.opening.file.exists() && !reserve.changes.file.exists());
        reserve.restock(NORMAL_BYTES + OPENING_BYTES);
        assert!(reserve.opening.file.exists() && !reserve.changes.file.exists());
        reserve.restock(NORMAL_BYTES + reserve.changes.bytes);
        assert_eq!(
            fs::metadata(&reserve.changes.file).unwrap().len(),
            reserve.changes.bytes
        );
    }

    #[test]
    fn a_reserve_is_spent_once_and_then_gone() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(folder.path());
        reserve.changes.fill().unwrap();
        reserve.changes.spend().unwrap();
        assert!(!reserve.changes.file.exists());
        reserve.changes.spend().unwrap();
    }
}

//! Room on the disk: when a change may use it, and a file that keeps some back, so that a full
//! disk still takes logins and lets the database open again.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::{Error, Result, Urgency};

/// Free bytes below which only [`Urgency::Reserve`] goes on.
const NORMAL_BYTES: u64 = 16 << 20;
/// Free bytes below which the reserve is spent, and without it nothing goes on.
const URGENT_BYTES: u64 = 2 << 20;
/// Bytes of the reserve.
const RESERVE_BYTES: u64 = 4 << 20;

/// The reserve of one database.
pub(crate) struct Reserve {
    folder: PathBuf,
    file: PathBuf,
}

impl Reserve {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            file: folder.join("reserve"),
        }
    }

    /// Makes room for opening the database.
    pub(crate) fn make_room(&self) -> Result<()> {
        match decide(self.free()?, self.file.exists(), Urgency::Reserve) {
            Decision::Spend | Decision::Refuse => self.spend(),
            Decision::Allow | Decision::Restock => Ok(()),
        }
    }

    /// Whether a change may be written.
    pub(crate) fn room(&self, urgency: Urgency) -> Result<()> {
        match decide(self.free()?, self.file.exists(), urgency) {
            Decision::Allow => Ok(()),
            Decision::Restock => {
                if let Err(error) = self.restock() {
                    log::warn!("no reserve beside {}: {error}", self.folder.display());
                }
                Ok(())
            }
            Decision::Spend => {
                self.spend()?;
                match decide(self.free()?, false, urgency) {
                    Decision::Refuse => Err(Error::Full),
                    _ => Ok(()),
                }
            }
            Decision::Refuse => Err(Error::Full),
        }
    }

    fn free(&self) -> Result<u64> {
        let system = statvfs(&self.folder).map_err(|error| system_error(error.into()))?;
        Ok(system.f_bavail.saturating_mul(system.f_frsize))
    }

    fn spend(&self) -> Result<()> {
        match fs::remove_file(&self.file) {
            Ok(()) => {
                log::warn!(
                    "the disk of {} is full: its reserve is spent",
                    self.folder.display()
                );
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(system_error(error)),
        }
    }

    fn restock(&self) -> io::Result<()> {
        let file = fs::File::create_new(&self.file)?;
        let filled = fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES);
        if filled.is_err() {
            // A file without blocks keeps nothing back.
            fs::remove_file(&self.file)?;
        }
        Ok(filled?)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Allow,
    /// Allow, and make the reserve.
    Restock,
    /// Delete the reserve and look again.
    Spend,
    Refuse,
}

fn decide(free: u64, reserve: bool, urgency: Urgency) -> Decision {
    match (free, urgency) {
        (NORMAL_BYTES.., _) if !reserve && free >= NORMAL_BYTES + RESERVE_BYTES => {
            Decision::Restock
        }
        (NORMAL_BYTES.., _) | (URGENT_BYTES.., Urgency::Reserve) => Decision::Allow,
        (_, Urgency::Normal) => Decision::Refuse,
        (_, Urgency::Reserve) if reserve => Decision::Spend,
        (_, Urgency::Reserve) => Decision::Refuse,
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
    fn an_almost_full_disk_takes_only_what_is_urgent() {
        let free = NORMAL_BYTES - 1;
        assert_eq!(decide(free, true, Urgency::Normal), Decision::Refuse);
        assert_eq!(decide(free, true, Urgency::Reserve), Decision::Allow);
    }

    #[test]
    fn a_full_disk_spends_the_reserve_and_then_refuses() {
        assert_eq!(decide(0, true, Urgency::Reserve), Decision::Spend);
        assert_eq!(decide(0, false, Urgency::Reserve), Decision::Refuse);
        assert_eq!(decide(0, true, Urgency::Normal), Decision::Refuse);
    }

    #[test]
    fn the_reserve_is_made_again_when_there_is_room_for_it() {
        let free = NORMAL_BYTES + RESERVE_BYTES;
        assert_eq!(decide(free, false, Urgency::Normal), Decision::Restock);
        assert_eq!(decide(free - 1, false, Urgency::Normal), Decision::Allow);
        assert_eq!(decide(free, true, Urgency::Normal), Decision::Allow);
    }

    #[test]
    fn spending_the_reserve_gives_its_bytes_back() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(folder.path());
        reserve.restock().unwrap();
        assert_eq!(fs::metadata(&reserve.file).unwrap().len(), RESERVE_BYTES);
        reserve.spend().unwrap();
        assert!(!reserve.file.exists());
    }
}

//! kmsd's own folder in the home: the master key, the lock, the identity, and what lies beside.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use aws::{Scope, auth::credentials::Credentials, private};
use crypto::Secret;
use rustix::fs::{FlockOperation, flock};
use store::{Store, sled::SledStore};
use token::Mode;
use wire::Home;

use crate::{Failure, config::Place, identity};

/// Bytes of the master key.
const MASTER_BYTES: usize = 32;

/// kmsd's folder, opened.
pub(crate) struct Records {
    pub(crate) home: Home,
    pub(crate) folder: PathBuf,
    pub(crate) master: Secret,
    pub(crate) scope: Scope,
}

/// Held as long as this process serves the home.
pub(crate) struct Ownership {
    _lock: File,
}

impl Records {
    /// The records of the home that `place` names, made if they are not there.
    pub(crate) fn open(place: &Place) -> Result<Self, Failure> {
        if let Some(home) = &place.home {
            wire::home::preset(home);
        }
        Self::of(Home::resolve()?, place)
    }

    fn of(home: Home, place: &Place) -> Result<Self, Failure> {
        if home.configuration().mode == Mode::Embedded {
            return Err(format!(
                "{} is an embedded home: its HSMs live in the one process that loads the module. Set \
                 mode = \"served\" in its strongroom.toml",
                home.path().display()
            )
            .into());
        }
        refuse_anothers(&home)?;
        home.refuse_foreign()?;
        let folder = home.path().join("kmsd");
        private::folder(&folder)?;
        let _alone = first_start(&folder)?;
        let master = master_key(&folder)?;
        let scope = identity::resolve(&folder, place)?;
        Ok(Self {
            home,
            folder,
            master,
            scope,
        })
    }

    /// Makes this process the one that serves the home.
    pub(crate) fn own(&self) -> Result<Ownership, Failure> {
        let mut lock = lock_file(&self.folder)?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut owner = String::new();
            (&mut lock).take(32).read_to_string(&mut owner)?;
            return Err(format!(
                "{} is served already, by the kmsd with process id {}; stop that one, or use its address",
                self.home.path().display(),
                owner.trim()
            )
            .into());
        }
        lock.set_len(0)?;
        writeln!(lock, "{}", std::process::id())?;
        Ok(Ownership { _lock: lock })
    }

    /// The store of KMS and CloudHSM records; only for the owner.
    pub(crate) fn store(&self, _: &Ownership) -> Result<Arc<dyn Store>, Failure> {
        let path = self.folder.join("store");
        let opened = SledStore::open(&path);
        Ok(opened.map_err(|error| format!("{}: {error}", path.display()))?)
    }

    /// The account's access keys.
    pub(crate) fn credentials(&self) -> Result<Credentials, Failure> {
        Ok(Credentials::open(
            &self.folder.join("credentials"),
            &self.master,
        )?)
    }
}

/// A folder of root's in a home of somebody else's would be in its owner's way.
fn refuse_anothers(home: &Home) -> Result<(), Failure> {
    let uid = rustix::process::geteuid().as_raw();
    if home.owner() == uid {
        return Ok(());
    }
    Err(format!(
        "{} belongs to uid {}, and kmsd runs as uid {uid}: start it as that user, or give it a home of \
         its own with --home",
        home.path().display(),
        home.owner()
    )
    .into())
}

/// Held while what is drawn once is looked for: two processes at the first start must not draw two
/// master keys, or two account ids.
fn first_start(folder: &Path) -> Result<File, Failure> {
    let credentials = folder.join("credentials");
    private::folder(&credentials)?;
    let alone = lock_file(&credentials)?;
    flock(&alone, FlockOperation::LockExclusive)?;
    Ok(alone)
}

/// The master key: drawn once, and never again where there is something that it sealed.
fn master_key(folder: &Path) -> Result<Secret, Failure> {
    let path = folder.join("master.key");
    if let Some(bytes) = private::read(&path, MASTER_BYTES)? {
        if bytes.len() != MASTER_BYTES {
            return Err(format!(
                "{} is not {MASTER_BYTES} bytes long; restore it",
                path.display()
            )
            .into());
        }
        return Ok(Secret::from(&bytes[..]));
    }
    if folder.join("store").exists() {
        return Err(format!(
            "{} is missing, and the records beside it are sealed under it; restore it from a backup",
            path.display()
        )
        .into());
    }
    let master = Secret::random(MASTER_BYTES)?;
    private::write(&path, master.reveal())?;
    Ok(master)
}

fn lock_file(folder: &Path) -> Result<File, Failure> {
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path);
    Ok(file.map_err(|error| format!("{}: {error}", path.display()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_master_key_is_drawn_once() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("kmsd");
        private::folder(&folder).unwrap();
        let first = master_key(&folder).unwrap();
        assert_eq!(master_key(&folder).unwrap().reveal(), first.reveal());
    }

    #[test]
    fn a_lost_master_key_is_not_replaced_under_records() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("kmsd");
        private::folder(&folder.join("store")).unwrap();
        assert!(
            master_key(&folder)
                .err()
                .unwrap()
                .to_string()
                .contains("restore")
        );
    }

    #[test]
    fn a_folder_of_other_things_is_left_as_it_was() {
        let site = tempfile::tempdir().unwrap();
        std::fs::write(site.path().join("index.html"), "a page").unwrap();
        let home = Home::at(site.path()).unwrap();
        let place = Place {
            home: None,
            region: None,
            account_id: None,
        };
        let refused = Records::of(home, &place).err().unwrap();
        assert!(refused.to_string().contains("index.html"), "{refused}");
        let left: Vec<_> = std::fs::read_dir(site.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
    }

    #[test]
    fn processes_that_start_first_together_agree_on_the_account_and_the_key() {
        let home = tempfile::tempdir().unwrap();
        let place = Place {
            home: Some(home.path().to_owned()),
            region: None,
            account_id: None,
        };
        let start = std::sync::Barrier::new(8);
        let opened: Vec<_> = std::thread::scope(|scope| {
            let open = || {
                start.wait();
                let records = Records::open(&place).map_err(|error| error.to_string())?;
                Ok((records.scope.account, records.master.reveal().to_vec()))
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            let ended = threads.into_iter().map(|thread| thread.join().unwrap());
            ended.collect::<Result<_, String>>().unwrap()
        });
        assert!(opened.iter().all(|one| *one == opened[0]));
    }
}

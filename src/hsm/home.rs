//! The folder that everything is in: made, checked, locked, and its key. The bytes of its files are
//! in docs/storage-format.md.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, BufWriter, ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crypto::Secret;
use rustix::{
    fs::{FlockOperation, OFlags, flock},
    process::{geteuid, getpid},
};
use token::{
    ClusterId, Error, HOME_KEY, Mode, Owner, Reason, Result, may_be_before_home,
    network_file_system, refuse_foreign,
};
use zeroize::Zeroizing;

use crate::failure::internal;

/// The mode of a folder like `/tmp`.
const STICKY: u32 = 0o1000;
/// Bytes in the home key.
const KEY_BYTES: usize = 32;
/// The longest line that a lock file can have.
const LOCK_BYTES: u64 = 256;

/// A home that this process owns until the value is dropped.
pub(crate) struct Home {
    path: PathBuf,
    _lock: File,
}

impl Home {
    /// Takes the home at `path`; makes it if there is none.
    pub(crate) fn take(path: &Path, mode: Mode) -> Result<Self> {
        make(path)?;
        // The real path: the current folder may change under an embedded engine.
        let path = fs::canonicalize(path).map_err(|error| unusable(path, &error))?;
        check(&path)?;
        let lock = lock(&path, mode)?;
        Ok(Self { path, _lock: lock })
    }

    /// The home key; made if the home has no database that another key sealed.
    pub(crate) fn key(&self) -> Result<Secret> {
        let file = self.path.join(HOME_KEY);
        match OpenOptions::new()
            .read(true)
            .custom_flags(no_follow())
            .open(&file)
        {
            Ok(key) => read_key(&file, key),
            Err(error) if error.kind() == ErrorKind::NotFound => self.make_key(&file),
            Err(error) => Err(unusable(&file, &error)),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the registry's database.
    pub(crate) fn registry(&self) -> PathBuf {
        self.path.join("home")
    }

    /// The folder of one epoch of a cluster.
    pub(crate) fn epoch(&self, cluster: &ClusterId, epoch: u64) -> PathBuf {
        self.cluster(cluster).join(epoch.to_string())
    }

    /// The folder of a cluster.
    pub(crate) fn cluster(&self, cluster: &ClusterId) -> PathBuf {
        self.clusters().join(cluster.as_str())
    }

    /// The folder of all clusters.
    pub(crate) fn clusters(&self) -> PathBuf {
        self.path.join("clusters")
    }

    /// The file of a deleted cluster's audit chain.
    pub(crate) fn archive(&self, cluster: &ClusterId) -> PathBuf {
        self.archives().join(cluster.as_str())
    }

    /// The folder of such files.
    pub(crate) fn archives(&self) -> PathBuf {
        self.path.join("audit")
    }

    fn make_key(&self, file: &Path) -> Result<Secret> {
        if self.registry().exists() || self.clusters().exists() {
            return Err(Error::new(
                Reason::HomeInvalid,
                format!(
                    "{} is missing, and without it nothing in the home can be read: put back a copy",
                    file.display()
                ),
            ));
        }
        let key = Secret::random(KEY_BYTES).map_err(internal)?;
        write_whole(file, |file| file.write_all(key.reveal()))
            .map_err(|error| unusable(file, &error))?;
        Ok(key)
    }
}

/// Makes a private folder, and the folders above it, unless it is there.
pub(crate) fn make(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| unusable(path, &error))
}

/// Makes the names in `folder` durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| unusable(folder, &error))
}

/// What the system said about a path, and what helps.
pub(crate) fn unusable(path: &Path, error: &io::Error) -> Error {
    let path = path.display();
    match error.kind() {
        ErrorKind::ReadOnlyFilesystem => Error::new(
            Reason::StoreReadOnly,
            format!("{path} is on a file system that is mounted read-only"),
        ),
        ErrorKind::PermissionDenied => Error::new(
            Reason::HomeInvalid,
            format!(
                "{path}: {error} (uid {}): set STRONGROOM_HOME to a folder of your own, or use the service",
                geteuid().as_raw()
            ),
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Error::new(Reason::StoreFull, path.to_string())
        }
        _ => Error::new(Reason::HomeInvalid, format!("{path}: {error}")),
    }
}

fn check(path: &Path) -> Result<()> {
    let facts = fs::symlink_metadata(path).map_err(|error| unusable(path, &error))?;
    let invalid = |text: String| Err(Error::new(Reason::HomeInvalid, text));
    let shown = path.display();
    if !facts.is_dir() {
        return invalid(format!("{shown} is not a folder"));
    }
    let uid = geteuid().as_raw();
    if facts.uid() != uid {
        return invalid(format!(
            "{shown} belongs to uid {}, and this process runs as uid {uid}: connect to its hsmd \
             (run it as a service), or set STRONGROOM_HOME to a folder of your own",
            facts.uid()
        ));
    }
    // Before the mode: somebody else who makes this home now closes it first and fills it then.
    let names = names(path)?;
    let made = names.iter().any(|name| name == HOME_KEY);
    let is_new = !made && names.iter().all(|name| may_be_before_home(name));
    if !made {
        refuse_foreign(path, names)?;
    }
    let mode = fs::symlink_metadata(path)
        .map_err(|error| unusable(path, &error))?
        .mode();
    if mode & 0o077 != 0 {
        close(path, mode, is_new)?;
    }
    network(path)
}

/// A new home may be a folder that somebody made for it with the usual mode; one with a key or
/// records in it had the right mode once, and whoever changed it must know. What is sticky is
/// meant for all.
fn close(path: &Path, mode: u32, is_new: bool) -> Result<()> {
    if !is_new || mode & STICKY != 0 {
        return Err(Error::new(
            Reason::HomeInvalid,
            format!(
                "{0} can be entered by others (mode {1:o}): chmod 700 {0}, if it is to be a home",
                path.display(),
                mode & 0o7777
            ),
        ));
    }
    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(|error| unusable(path, &error))
}

/// The names of all that is in the folder.
fn names(folder: &Path) -> Result<Vec<OsString>> {
    let found =
        fs::read_dir(folder).and_then(|found| found.map(|entry| Ok(entry?.file_name())).collect());
    found.map_err(|error| unusable(folder, &error))
}

fn network(path: &Path) -> Result<()> {
    let facts = rustix::fs::statfs(path).map_err(|error| unusable(path, &error.into()))?;
    match network_file_system(facts.f_type as i128) {
        None => Ok(()),
        Some(name) => Err(Error::new(
            Reason::HomeInvalid,
            format!(
                "{} is on a network file system ({name}), whose locks cannot be relied on: use a local disk",
                path.display()
            ),
        )),
    }
}

fn lock(home: &Path, mode: Mode) -> Result<File> {
    let path = home.join("lock");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(no_follow())
        .open(&path)
        .map_err(|error| unusable(&path, &error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Err(in_use(home, &file)),
        Err(error) => return Err(unusable(&path, &error.into())),
    }
    let owner = Owner {
        mode,
        pid: getpid().as_raw_nonzero().get().unsigned_abs(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let line = format!("{owner}\n");
    // Written over what stands there: a full disk has no other block for it.
    file.write_all_at(line.as_bytes(), 0)
        .and_then(|()| file.set_len(line.len() as u64))
        .map_err(|error| unusable(&path, &error))?;
    Ok(file)
}

fn in_use(home: &Path, lock: &File) -> Error {
    let mut line = String::new();
    // Between another's flock and its line there is a moment without words.
    let _ = lock.take(LOCK_BYTES).read_to_string(&mut line);
    let home = home.display();
    let text = match line.parse::<Owner>() {
        Ok(Owner {
            mode: Mode::Embedded,
            pid,
            ..
        }) => format!(
            "process {pid} owns {home} in embedded mode: end it, or set mode = \"served\" in \
             {home}/strongroom.toml and let hsmd share it"
        ),
        Ok(Owner {
            mode: Mode::Served,
            pid,
            version,
        }) => format!(
            "hsmd {version} (process {pid}) serves {home}: connect to it, or stop it to use the \
             home in embedded mode"
        ),
        Err(()) => format!("another hsmd or embedded process is just taking {home}: try again"),
    };
    Error::new(Reason::HomeInUse, text)
}

fn read_key(path: &Path, mut file: File) -> Result<Secret> {
    let facts = file.metadata().map_err(|error| unusable(path, &error))?;
    let invalid = |text: &str| {
        Err(Error::new(
            Reason::HomeInvalid,
            format!("{} {text}", path.display()),
        ))
    };
    if facts.uid() != geteuid().as_raw() || facts.mode() & 0o077 != 0 {
        return invalid("must belong to the home's owner alone: chown it, and chmod 600");
    }
    if facts.len() != KEY_BYTES as u64 {
        return invalid("is not a home key of 32 bytes: put back a copy");
    }
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    file.read_exact(bytes.as_mut_slice())
        .map_err(|error| unusable(path, &error))?;
    Ok(Secret::from(bytes.as_slice()))
}

/// The file is there with all of its bytes, or not at all, whenever the power fails.
pub(crate) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    let unfinished = path.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)?;
    let mut file = BufWriter::new(file);
    write(&mut file)?;
    file.into_inner()?.sync_all()?;
    fs::rename(&unfinished, path)?;
    File::open(folder)?.sync_all()
}

fn no_follow() -> i32 {
    i32::try_from((OFlags::NOFOLLOW | OFlags::CLOEXEC).bits()).unwrap_or(0)
}

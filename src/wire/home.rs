//! The home: which one is meant, whose it is, what its configuration says, and whether it lies
//! where a database can live.

use std::{
    env, fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
    sync::OnceLock,
};

use token::{Error, HOME_KEY, Owner, Reason, Result, network_file_system};

use crate::{Configuration, runtime::Runtime, system};

/// Where a machine's home is, if it has one.
const MACHINE_HOME: &str = "/var/lib/strongroom";
/// Where a machine's configuration is.
const MACHINE_CONFIGURATION: &str = "/etc/strongroom";

/// A home that was found: its path, its owner and its configuration. It is found once in a
/// process and kept across fork, because a child that gave up its rights could not find it again.
#[derive(Clone, Debug)]
pub struct Home {
    path: PathBuf,
    owner: u32,
    configuration: Configuration,
    runtime: Runtime,
}

/// The home that this process is told to use by its own command line.
static PRESET: OnceLock<PathBuf> = OnceLock::new();

/// Says which home this process means, before anything resolves it: for programs with `--home`
/// that have the provider inside. Answers whether nobody said otherwise before.
pub fn preset(path: &Path) -> bool {
    PRESET.get_or_init(|| path.to_owned()) == path
}

impl Home {
    /// The home that is meant: [`preset`], else `STRONGROOM_HOME`, else the configuration of the
    /// user or the machine, else `/var/lib/strongroom` where that can be used, else
    /// `$XDG_DATA_HOME/strongroom`. In a process that runs with more rights than its caller,
    /// neither the environment nor the user's configuration counts.
    pub fn resolve() -> Result<Self> {
        let environment = Environment::read();
        let general = general_configuration(&environment)?;
        let path = PRESET
            .get()
            .cloned()
            .or_else(|| environment.home.clone())
            .or_else(|| general.home.clone())
            .or_else(|| machine_home(&environment))
            .or_else(|| {
                environment
                    .data
                    .as_ref()
                    .map(|data| data.join("strongroom"))
            })
            .ok_or_else(|| invalid("set STRONGROOM_HOME: this user has no home folder"))?;
        Self::with(&path, general, &environment)
    }

    /// The home at `path`, with its own configuration.
    pub fn at(path: &Path) -> Result<Self> {
        let environment = Environment::read();
        let general = general_configuration(&environment)?;
        Self::with(path, general, &environment)
    }

    fn with(path: &Path, general: Configuration, environment: &Environment) -> Result<Self> {
        let path = canonical(path)?;
        refuse_network(&path)?;
        let own = rustix::process::geteuid().as_raw();
        let owner = match fs::metadata(&path) {
            Ok(found) if found.is_dir() => found.uid(),
            Ok(_) => return Err(invalid(format!("{} is not a folder", path.display()))),
            // What is not there yet will be made by us; what we may not look at is not ours.
            Err(_) => nearest_owner(&path).unwrap_or(own),
        };
        let mut configuration =
            Configuration::read(&path.join(Configuration::FILE))?.unwrap_or(general);
        if let Some(mode) = &environment.mode {
            configuration.mode = mode.parse().map_err(|()| {
                invalid(format!(
                    "STRONGROOM_MODE is {mode:?}: it is \"served\" or \"embedded\", or not set"
                ))
            })?;
        }
        let runtime = Runtime::of(&path, owner, &configuration, environment.runtime.as_deref());
        Ok(Self {
            path,
            owner,
            configuration,
            runtime,
        })
    }

    /// Its path, absolute and without links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The user that owns it, or will when it is made.
    pub fn owner(&self) -> u32 {
        self.owner
    }

    /// Its own configuration, or the user's or machine's where it has none.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Its configuration, to be changed for this process only.
    pub fn configuration_mut(&mut self) -> &mut Configuration {
        &mut self.configuration
    }

    /// Where its socket is.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Whether there is a home, or one that has lost its key.
    pub fn is_made(&self) -> bool {
        [HOME_KEY, "clusters"]
            .iter()
            .any(|mark| may_be_there(&self.path.join(mark)))
    }

    /// The process that holds the home, as its lock file and the kernel say. It may end at any
    /// moment, so this is good for words and for nothing else.
    pub fn holder(&self) -> Option<Owner> {
        let path = self.path.join("lock");
        let owner: Owner = fs::read_to_string(&path).ok()?.parse().ok()?;
        let file = fs::metadata(&path).ok()?.ino();
        // The file outlives its writer, whose id another process may have by now. To try the lock
        // would tell, and would refuse the home to whoever opens it meanwhile.
        let locks = fs::read_to_string("/proc/locks").ok()?;
        is_locked(&locks, owner.pid, file).then_some(owner)
    }

    /// Refuses a folder of other things: what is put there before the engine looks at it would
    /// stay.
    pub fn refuse_foreign(&self) -> Result<()> {
        let names = match fs::read_dir(&self.path) {
            Ok(_) if self.path.join(HOME_KEY).exists() => return Ok(()),
            Ok(names) => names,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(invalid(format!("{}: {error}", self.path.display()))),
        };
        let names = names.filter_map(|entry| Some(entry.ok()?.file_name()));
        token::refuse_foreign(&self.path, names)
    }

    /// Whether this process may start its hsmd.
    pub(crate) fn is_own(&self) -> bool {
        rustix::process::geteuid().as_raw() == self.owner
    }

    /// The home at `path` as a test needs it: its socket is in `runtime`.
    #[cfg(test)]
    pub(crate) fn in_test(path: &Path, runtime: &Path, configuration: Configuration) -> Self {
        let owner = rustix::process::geteuid().as_raw();
        let runtime = Runtime::only(runtime, owner);
        Self {
            path: path.to_owned(),
            owner,
            configuration,
            runtime,
        }
    }
}

/// Whether there is something at `path`: who may not look there is told so by who opens it.
fn may_be_there(path: &Path) -> bool {
    !matches!(fs::symlink_metadata(path), Err(error) if error.kind() == ErrorKind::NotFound)
}

/// Whether `/proc/locks` has a flock of process `pid` on the file `inode`. The device is not asked:
/// on some file systems, as btrfs, stat names another than the kernel does.
fn is_locked(locks: &str, pid: u32, inode: u64) -> bool {
    let (pid, inode) = (pid.to_string(), inode.to_string());
    locks.lines().any(|line| {
        // `<number>: FLOCK ADVISORY WRITE <pid> <major>:<minor>:<inode> 0 EOF`; who waits for a lock
        // has an arrow in front of its kind.
        let words: Vec<_> = line.split_whitespace().collect();
        let is_file = |file: &&str| file.rsplit(':').next() == Some(&inode);
        words.get(1) == Some(&"FLOCK")
            && words.get(4) == Some(&pid.as_str())
            && words.get(5).is_some_and(is_file)
    })
}

/// What the environment says, where it may say anything.
#[derive(Default)]
struct Environment {
    home: Option<PathBuf>,
    mode: Option<String>,
    data: Option<PathBuf>,
    configuration: Option<PathBuf>,
    runtime: Option<PathBuf>,
}

impl Environment {
    fn read() -> Self {
        let folder = user_folder();
        let below = |name: &str| folder.as_ref().map(|folder| folder.join(name));
        if system::is_privileged_execution() {
            return Self {
                data: below(".local/share"),
                ..Self::default()
            };
        }
        let path = |name: &str| {
            env::var_os(name)
                .filter(|text| !text.is_empty())
                .map(PathBuf::from)
        };
        // The XDG base directory specification ignores relative paths.
        let absolute = |name: &str| path(name).filter(|path| path.is_absolute());
        Self {
            home: path("STRONGROOM_HOME"),
            mode: env::var_os("STRONGROOM_MODE")
                .filter(|text| !text.is_empty())
                .map(|text| text.to_string_lossy().into_owned()),
            data: absolute("XDG_DATA_HOME").or_else(|| below(".local/share")),
            configuration: absolute("XDG_CONFIG_HOME").or_else(|| below(".config")),
            runtime: absolute("XDG_RUNTIME_DIR"),
        }
    }
}

/// The folder of this process's user: `HOME` if it may be believed, else what `/etc/passwd` says.
fn user_folder() -> Option<PathBuf> {
    let told = env::var_os("HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    if let (Some(told), false) = (told, system::is_privileged_execution()) {
        return Some(told);
    }
    let uid = rustix::process::geteuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let mut lines = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let line = lines.find(|fields| fields.get(2) == Some(&uid.as_str()))?;
    line.get(5)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

/// The user's configuration, else the machine's, else the defaults.
fn general_configuration(environment: &Environment) -> Result<Configuration> {
    let user = environment
        .configuration
        .as_ref()
        .map(|folder| folder.join("strongroom"));
    for folder in user
        .into_iter()
        .chain([PathBuf::from(MACHINE_CONFIGURATION)])
    {
        if let Some(found) = Configuration::read(&folder.join(Configuration::FILE))? {
            return Ok(found);
        }
    }
    Ok(Configuration::default())
}

/// The machine's home, if it exists and this user owns it or may go to its socket. Whether hsmd
/// answers there does not matter: a home must not change because a service is down.
fn machine_home(environment: &Environment) -> Option<PathBuf> {
    let path = PathBuf::from(MACHINE_HOME);
    let owner = fs::metadata(&path).ok()?.uid();
    let runtime = Runtime::of(
        &path,
        owner,
        &Configuration::default(),
        environment.runtime.as_deref(),
    );
    let usable = owner == rustix::process::geteuid().as_raw() || runtime.can_be_searched();
    usable.then_some(path)
}

/// `path` made absolute and free of links, as far as it exists.
fn canonical(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(|error| invalid(error.to_string()))?;
    if absolute
        .components()
        .any(|part| part == Component::ParentDir)
        && !absolute.exists()
    {
        return Err(invalid(format!(
            "{}: name the home without `..`",
            path.display()
        )));
    }
    for (depth, existing) in absolute.ancestors().enumerate() {
        if let Ok(real) = fs::canonicalize(existing) {
            let parts: Vec<_> = absolute.components().rev().take(depth).collect();
            return Ok(parts
                .into_iter()
                .rev()
                .fold(real, |path, part| path.join(part)));
        }
    }
    Ok(absolute)
}

/// The owner of the first folder above `path` that can be looked at and that closes the way to
/// it; none if nothing is in the way, so that the home simply is not there yet.
fn nearest_owner(path: &Path) -> Option<u32> {
    let error = fs::metadata(path).err()?;
    if error.kind() != std::io::ErrorKind::PermissionDenied {
        return None;
    }
    path.ancestors()
        .skip(1)
        .find_map(|above| fs::metadata(above).ok())
        .map(|found| found.uid())
}

/// Refuses a home on a network file system, by its name.
fn refuse_network(path: &Path) -> Result<()> {
    let found = path
        .ancestors()
        .find_map(|above| rustix::fs::statfs(above).ok());
    let Some(found) = found else { return Ok(()) };
    match network_file_system(found.f_type as i128) {
        Some(name) => Err(invalid(format!(
            "{} lies on a network file system ({name}), where the database cannot lock or \
             flush; put the home on a local disk",
            path.display()
        ))),
        None => Ok(()),
    }
}

fn invalid(text: impl Into<String>) -> Error {
    Error::new(Reason::HomeInvalid, text)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use rustix::fs::{FlockOperation, flock};

    use super::*;

    #[test]
    fn a_home_that_is_not_there_yet_belongs_to_its_maker() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("a/b")).unwrap();
        assert_eq!(home.owner(), rustix::process::geteuid().as_raw());
        assert!(home.is_own());
    }

    #[test]
    fn a_link_to_a_home_is_the_same_home() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        fs::create_dir(&real).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let (one, other) = (Home::at(&real).unwrap(), Home::at(&link).unwrap());
        assert_eq!(one.path(), other.path());
        assert_eq!(one.runtime().candidates(), other.runtime().candidates());
    }

    #[test]
    fn a_file_is_no_home() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Home::at(file.path()).unwrap_err();
        assert!(error.to_string().contains("not a folder"), "{error}");
    }

    #[test]
    fn a_home_has_the_configuration_that_lies_in_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(Configuration::FILE), "idle_seconds = 7").unwrap();
        assert_eq!(
            Home::at(folder.path())
                .unwrap()
                .configuration()
                .idle_seconds,
            7
        );
    }

    #[test]
    fn a_lock_file_whose_writer_has_let_go_names_no_holder() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let mut lock = fs::File::create(folder.path().join("lock")).unwrap();
        writeln!(lock, "served {} 0.1.0", std::process::id()).unwrap();
        // Its process id is alive, and is somebody else's: ours.
        assert_eq!(home.holder(), None);
        flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert_eq!(home.holder().unwrap().pid, std::process::id());
        // Not by closing it: a child that another test forks has it, too, for a moment.
        flock(&lock, FlockOperation::Unlock).unwrap();
        assert_eq!(home.holder(), None);
    }

    #[test]
    fn who_waits_for_a_lock_or_has_another_does_not_hold_it() {
        let locks = "1: FLOCK  ADVISORY  WRITE 40 fe:00:7 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 41 fe:00:7 0 EOF\n\
                     2: POSIX  ADVISORY  WRITE 42 fe:00:7 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 43 fe:00:17 0 EOF\n";
        assert!(is_locked(locks, 40, 7));
        for pid in [4, 41, 42, 43] {
            assert!(!is_locked(locks, pid, 7), "{pid}");
        }
    }
}

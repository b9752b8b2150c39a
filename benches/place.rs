//! The folder that a module's tokens lie in, and the environment that makes it look there.

use std::{
    env,
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use tempfile::TempDir;

/// Environment variables.
pub(crate) type Environment = Vec<(&'static str, String)>;

/// An empty folder that vanishes.
pub(crate) struct Place(TempDir);

impl Place {
    /// A new one on a disk.
    pub(crate) fn new() -> Self {
        Self::in_folder(&on_disk())
    }

    /// A new one in memory, if the machine has a file system for that: where what is written need
    /// not be durable, only there.
    pub(crate) fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        match memory.is_dir() {
            true => Self::in_folder(memory),
            false => Self::new(),
        }
    }

    fn in_folder(folder: &Path) -> Self {
        let mut builder = tempfile::Builder::new();
        let made = builder.prefix("strongroom-bench-").tempdir_in(folder);
        Self(made.unwrap())
    }

    /// For our module, in this mode.
    pub(crate) fn ours(&self, mode: &str) -> Environment {
        let home = self.home();
        fs::create_dir_all(&home).unwrap();
        fs::set_permissions(&home, Permissions::from_mode(0o700)).unwrap();
        vec![
            ("STRONGROOM_HOME", home.display().to_string()),
            ("STRONGROOM_MODE", mode.to_owned()),
        ]
    }

    /// For SoftHSM2.
    pub(crate) fn softhsm(&self) -> Environment {
        let (tokens, file) = (self.path("tokens"), self.path("softhsm2.conf"));
        fs::create_dir(&tokens).unwrap();
        let tokens = tokens.display();
        let text = format!("directories.tokendir = {tokens}\nlog.level = ERROR\n");
        fs::write(&file, text).unwrap();
        vec![("SOFTHSM2_CONF", file.display().to_string())]
    }

    /// For Kryoptic.
    pub(crate) fn kryoptic(&self) -> Environment {
        let (database, file) = (self.path("token.sql"), self.path("kryoptic.conf"));
        let database = database.display();
        let text = format!("[[slots]]\nslot = 1\ndbtype = \"sqlite\"\ndbargs = \"{database}\"\n");
        fs::write(&file, text).unwrap();
        vec![("KRYOPTIC_CONF", file.display().to_string())]
    }

    /// The process that serves our module's home.
    pub(crate) fn hsmd(&self) -> Option<i32> {
        hsmd_of(&self.home())
    }

    /// Ends that process as one ends a service.
    pub(crate) fn stop(&self) {
        self.signal(libc::SIGTERM);
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&self) {
        self.signal(libc::SIGKILL);
    }

    /// Bytes on the disk.
    pub(crate) fn bytes(&self) -> u64 {
        bytes_in(self.0.path())
    }

    fn signal(&self, signal: i32) {
        let Some(hsmd) = self.hsmd() else { return };
        // SAFETY: the process is an hsmd, of a home that is ours.
        unsafe { libc::kill(hsmd, signal) };
        while self.hsmd().is_some() {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn home(&self) -> PathBuf {
        self.path("home")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A folder on a disk: the temporary one or, where that is in memory, the one that this program
/// lies in. What is durable in memory costs nothing, and would say nothing.
pub(crate) fn on_disk() -> PathBuf {
    let beside = env::current_exe().unwrap().parent().unwrap().to_owned();
    let found = [env::temp_dir(), beside]
        .into_iter()
        .find(|folder| !matches!(file_system(folder).as_str(), "tmpfs" | "ramfs"));
    found.expect("TMPDIR or CARGO_TARGET_DIR on a disk")
}

/// The kind of file system that a folder is on, as the kernel calls it.
pub(crate) fn file_system(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap();
    let text = fs::read_to_string("/proc/self/mounts").unwrap();
    let mounts = text.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (point, kind) = (words.nth(1)?, words.next()?);
        folder.starts_with(point).then_some((point.len(), kind))
    });
    // Of two at one point, the later one is seen.
    let nearest = mounts.max_by_key(|(length, _)| *length);
    nearest.map_or("unknown", |(_, kind)| kind).to_owned()
}

/// The hsmd that serves a home, as its lock file says, if it lives.
pub(crate) fn hsmd_of(home: &Path) -> Option<i32> {
    let text = fs::read_to_string(home.join("lock")).ok()?;
    let process = text.split_whitespace().find_map(|word| word.parse().ok())?;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    (stat.contains("(hsmd)") && !stat.contains(") Z ")).then_some(process)
}

/// This program again, for another command, where the environment decides what it measures.
pub(crate) fn again(environment: &[(&'static str, String)]) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.envs(environment.iter().cloned());
    command
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}

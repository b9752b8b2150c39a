//! The runtime directory of a home: where its socket is, and why the one found there can be
//! trusted.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read},
    os::{
        fd::OwnedFd,
        unix::{
            fs::{DirBuilderExt, FileExt, MetadataExt, PermissionsExt},
            net::SocketAddr,
        },
    },
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};
use token::{Error, Reason, Result};

use crate::Configuration;

/// The socket's name in the runtime directory.
pub const SOCKET: &str = "socket";
/// The file in the home that says which runtime directory its hsmd took, for processes that would
/// look elsewhere (one with `XDG_RUNTIME_DIR`, one without).
pub const SIGNPOST: &str = "runtime";
/// More than a signpost has: a path, and three numbers.
const SIGNPOST_BYTES: u64 = 8 * 1024;

/// Where the socket of a home may be.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// The folders in which it may be, likeliest first; each a base and two names below it.
    candidates: Vec<PathBuf>,
    /// The home's own note of the folder.
    signpost: PathBuf,
    /// Whose folders and whose hsmd are trusted.
    trusted: Vec<u32>,
    /// The home's owner.
    owner: u32,
}

impl Runtime {
    /// The runtime directories of the home at `path`. They follow from the home's owner, not from
    /// who asks, because both sides have to come to the same one.
    pub(crate) fn of(
        path: &Path,
        owner: u32,
        configuration: &Configuration,
        told: Option<&Path>,
    ) -> Self {
        let told = told.filter(|_| rustix::process::geteuid().as_raw() == owner);
        let candidates = candidates(path, owner, configuration.opens_the_socket(), told);
        let mut trusted = vec![0, owner];
        trusted.extend(&configuration.hsmd_uids);
        Self {
            candidates,
            signpost: path.join(SIGNPOST),
            trusted,
            owner,
        }
    }

    /// One folder and no other.
    #[cfg(test)]
    pub(crate) fn only(folder: &Path, owner: u32) -> Self {
        let signpost = folder.join(SIGNPOST);
        Self {
            candidates: vec![folder.to_owned()],
            signpost,
            trusted: vec![0, owner],
            owner,
        }
    }

    /// The folders in which the socket may be.
    pub fn candidates(&self) -> &[PathBuf] {
        &self.candidates
    }

    /// The folders in which the socket may be, the one that hsmd itself names first.
    pub(crate) fn places(&self) -> Vec<PathBuf> {
        let named = self.signposted();
        let named = named.filter(|path| path.is_absolute() && !self.candidates.contains(path));
        named
            .into_iter()
            .chain(self.candidates.iter().cloned())
            .collect()
    }

    /// The folder that the home's hsmd took, as it says in the home. A copy of a home has a copy of
    /// the words, too: those are of another home's hsmd, which must not be asked for this one's keys.
    pub fn signposted(&self) -> Option<PathBuf> {
        let text = fs::read_to_string(&self.signpost).ok()?;
        let (folder, identity) = text.strip_suffix('\n')?.rsplit_once('\n')?;
        (identity == self.identity()?).then(|| PathBuf::from(folder))
    }

    /// Says in the home which folder its hsmd has taken. One that says so is not touched.
    pub fn put_up_signpost(&self, folder: &Path) -> io::Result<()> {
        let identity = self.identity().ok_or(io::ErrorKind::NotFound)?;
        let text = [
            folder.as_os_str().as_encoded_bytes(),
            b"\n",
            identity.as_bytes(),
            b"\n",
        ]
        .concat();
        let mut file = OpenOptions::new();
        let file = file.read(true).write(true).create(true).truncate(false);
        let mut file = file.open(&self.signpost)?;
        let mut there = Vec::new();
        (&mut file).take(SIGNPOST_BYTES).read_to_end(&mut there)?;
        if there == text {
            return Ok(());
        }
        // Written over what stands there: a full disk has no other block for it.
        file.write_all_at(&text, 0)?;
        file.set_len(text.len() as u64)
    }

    /// Which folder the home is, and which file its lock: the same by whatever way one comes to the
    /// home, and in no copy of it. A copy may share the files (hard links), and never the folder.
    fn identity(&self) -> Option<String> {
        let home = fs::metadata(self.signpost.parent()?).ok()?;
        let lock = fs::metadata(self.signpost.with_file_name("lock")).ok()?;
        Some(format!("{} {} {}", home.dev(), home.ino(), lock.ino()))
    }

    /// Whether hsmd may run as `uid`.
    pub(crate) fn trusts(&self, uid: u32) -> bool {
        self.trusted.contains(&uid)
    }

    /// Whether this user may go to one of the folders.
    pub(crate) fn can_be_searched(&self) -> bool {
        let searchable =
            |path: &PathBuf| rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
        self.candidates.iter().any(searchable)
    }

    /// Whether `folder` and the one above it can only be changed by who is trusted: then the socket
    /// in it is hsmd's. `Ok(false)`: there is no such folder.
    pub fn verify(&self, folder: &Path) -> io::Result<bool> {
        match open_below(folder) {
            Ok((above, folder_itself)) => {
                self.verify_one(&above, folder)?;
                self.verify_one(&folder_itself, folder)?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn verify_one(&self, opened: &OwnedFd, folder: &Path) -> io::Result<()> {
        let found = rustix::fs::fstat(opened)?;
        if !self.trusts(found.st_uid) {
            let text = format!("{} belongs to uid {}", folder.display(), found.st_uid);
            return Err(io::Error::other(text));
        }
        if found.st_mode & 0o022 != 0 {
            return Err(io::Error::other(format!(
                "{} can be written by others",
                folder.display()
            )));
        }
        Ok(())
    }

    /// Makes the runtime directory, as the home's owner, and answers it: the first whose base is
    /// there and can be written.
    pub fn make(&self) -> Result<PathBuf> {
        let mut problem = None;
        for folder in &self.candidates {
            match make_below(folder, self.owner).and_then(|()| self.verify(folder)) {
                Ok(true) => return Ok(folder.clone()),
                Ok(false) => {}
                Err(error) => {
                    // A folder that somebody else laid in our way is an attack worth naming; one
                    // that we cannot make is the normal case of /run for everybody but root.
                    let made_by_others = error.kind() == io::ErrorKind::Other;
                    if made_by_others || problem.is_none() {
                        problem = Some(format!("{}: {error}", folder.display()));
                    }
                }
            }
        }
        let text = problem.unwrap_or_else(|| "no folder for the socket".to_owned());
        Err(Error::new(
            Reason::HomeInvalid,
            format!("no runtime directory can be made: {text}"),
        ))
    }
}

/// The folders in which the socket of the home at `path` may be, likeliest first; `told` is where its
/// owner's runtime directories are, as the owner's environment says.
fn candidates(path: &Path, owner: u32, open_to_others: bool, told: Option<&Path>) -> Vec<PathBuf> {
    let name = hash(path);
    let mut candidates = vec![Path::new("/run/strongroom").join(&name)];
    let mut add = |base: PathBuf| {
        let folder = base.join(&name);
        if !candidates.contains(&folder) && has_room(&folder) {
            candidates.push(folder);
        }
    };
    let everywhere = PathBuf::from(format!("/tmp/strongroom-{owner}"));
    if open_to_others {
        // First, because nobody but its user gets to a folder below the next two.
        add(everywhere.clone());
    }
    if owner != 0 {
        if let Some(told) = told {
            add(told.join("strongroom"));
        }
        add(PathBuf::from(format!("/run/user/{owner}/strongroom")));
    }
    add(everywhere);
    candidates
}

/// Whether a socket in `folder` has an address: a path and its end of 108 bytes at most (`unix(7)`).
fn has_room(folder: &Path) -> bool {
    SocketAddr::from_pathname(folder.join(SOCKET)).is_ok()
}

/// Opens the folder and the one above it, following no link in either name.
fn open_below(folder: &Path) -> io::Result<(OwnedFd, OwnedFd)> {
    let above_path = folder.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let base = above_path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let name = |path: &Path| {
        path.file_name()
            .map(ToOwned::to_owned)
            .ok_or(io::ErrorKind::InvalidInput)
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let base = rustix::fs::open(base, flags, Mode::empty())?;
    let strict = flags | OFlags::NOFOLLOW;
    let above = rustix::fs::openat(&base, name(above_path)?, strict, Mode::empty())?;
    let folder = rustix::fs::openat(&above, name(folder)?, strict, Mode::empty())?;
    Ok((above, folder))
}

/// Makes the folder and the one above it, where they are missing. Below `/run` the upper one is
/// open to be passed through, because other users' homes lie beside ours.
fn make_below(folder: &Path, owner: u32) -> io::Result<()> {
    let above = folder.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let shared = above == Path::new("/run/strongroom");
    if shared && owner != 0 && !folder.exists() {
        // Only root makes it, or systemd for a service: an empty folder would mislead the others.
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    for (path, mode) in [(above, if shared { 0o755 } else { 0o700 }), (folder, 0o700)] {
        match DirBuilder::new().mode(mode).create(path) {
            // The mode that `create` gives is cut by the umask of a host that we do not know.
            Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(mode))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    if fs::symlink_metadata(folder)?.uid() != owner {
        return Err(io::Error::other("it belongs to somebody else"));
    }
    Ok(())
}

/// The name of a home below a runtime directory: 32 hexadecimal digits of its path's hash.
pub fn hash(home: &Path) -> String {
    let digest = crypto::hash::sha256(&[home.as_os_str().as_encoded_bytes()]);
    let mut text = hex::encode(digest);
    text.truncate(32);
    text
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn own() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    /// A runtime directory in a temporary folder, made.
    fn made() -> (tempfile::TempDir, PathBuf, Runtime) {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("strongroom/abc");
        let runtime = Runtime::only(&folder, own());
        runtime.make().unwrap();
        (base, folder, runtime)
    }

    /// A home with a lock and nothing else.
    fn home_in(folder: &Path, name: &str) -> PathBuf {
        let home = folder.join(name);
        fs::create_dir(&home).unwrap();
        fs::write(home.join("lock"), "").unwrap();
        home
    }

    /// Where the hsmd of a home may be.
    fn of(home: &Path) -> Runtime {
        Runtime::of(home, own(), &Configuration::default(), None)
    }

    #[test]
    fn the_folder_is_made_for_its_owner_alone() {
        let (_base, folder, runtime) = made();
        assert!(runtime.verify(&folder).unwrap());
        assert_eq!(
            fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused() {
        for depth in [0, 1] {
            let (_base, folder, runtime) = made();
            let changed = folder.ancestors().nth(depth).unwrap();
            fs::set_permissions(changed, fs::Permissions::from_mode(0o777)).unwrap();
            let error = runtime.verify(&folder).unwrap_err();
            assert!(error.to_string().contains("written by others"), "{error}");
        }
    }

    #[test]
    fn a_link_in_place_of_the_folder_is_refused() {
        let (base, folder, runtime) = made();
        let elsewhere = base.path().join("elsewhere");
        fs::rename(&folder, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &folder).unwrap();
        assert!(runtime.verify(&folder).is_err());
        assert!(runtime.make().is_err());
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused() {
        let (_base, folder, _) = made();
        let stranger = Runtime {
            candidates: vec![folder.clone()],
            signpost: PathBuf::new(),
            trusted: vec![own() + 1],
            owner: own() + 1,
        };
        let error = stranger.verify(&folder).unwrap_err();
        assert!(error.to_string().contains("belongs to uid"), "{error}");
    }

    #[test]
    fn the_same_owner_means_the_same_folders_for_everybody() {
        let configuration = Configuration::default();
        let root = Runtime::of(
            Path::new("/srv/x"),
            0,
            &configuration,
            Some(Path::new("/run/user/0")),
        );
        assert!(root.candidates()[0].starts_with("/run/strongroom"));
        assert!(
            root.candidates()
                .iter()
                .all(|path| !path.starts_with("/run/user"))
        );
        let other = Runtime::of(Path::new("/srv/x"), 4711, &configuration, None);
        assert_eq!(
            other.candidates()[1],
            Path::new("/run/user/4711/strongroom").join(hash(Path::new("/srv/x")))
        );
    }

    #[test]
    fn a_socket_that_others_may_use_is_not_put_where_they_cannot_go() {
        let open = Configuration {
            socket_access: crate::SocketAccess::All,
            ..Configuration::default()
        };
        let runtime = Runtime::of(Path::new("/srv/x"), 4711, &open, None);
        assert!(runtime.candidates()[1].starts_with("/tmp/strongroom-4711"));
    }

    #[test]
    fn a_folder_in_which_a_socket_has_no_address_is_passed_over() {
        let name = hash(Path::new("/srv/x"));
        let below = |base: &str| Path::new(base).join("strongroom").join(&name);
        assert!(has_room(&below("/run/user/4294967294")));
        assert!(!has_room(&below(&"/long".repeat(20))));
    }

    #[test]
    fn a_folder_that_is_told_is_where_it_has_room_and_only_once() {
        let [long, short] = ["/long".repeat(20), "/short".to_owned()].map(PathBuf::from);
        let of = |told| candidates(Path::new("/srv/x"), 4711, false, told);
        assert_eq!(of(Some(&long)), of(None));
        let below = short.join("strongroom").join(hash(Path::new("/srv/x")));
        assert_eq!(of(Some(&short))[1], below);
        assert_eq!(of(Some(&short)).len(), of(None).len() + 1);
        assert_eq!(of(Some(Path::new("/run/user/4711"))), of(None));
    }

    #[test]
    fn the_folder_that_hsmd_took_is_looked_at_first() {
        let (base, folder, _) = made();
        let home = home_in(base.path(), "home");
        // Longer or shorter than what stood there.
        for folder in [folder.join("longer"), folder] {
            of(&home).put_up_signpost(&folder).unwrap();
            assert_eq!(of(&home).places()[0], folder);
        }
    }

    #[test]
    fn a_signpost_that_is_right_is_not_written_again() {
        let (base, folder, _) = made();
        let home = home_in(base.path(), "home");
        of(&home).put_up_signpost(&folder).unwrap();
        let signpost = OpenOptions::new().write(true).open(home.join(SIGNPOST));
        let before = SystemTime::UNIX_EPOCH;
        signpost.unwrap().set_modified(before).unwrap();
        of(&home).put_up_signpost(&folder).unwrap();
        let written = fs::metadata(home.join(SIGNPOST)).unwrap().modified();
        assert_eq!(written.unwrap(), before);
    }

    #[test]
    fn a_copy_of_a_home_is_not_led_to_the_hsmd_of_the_original() {
        let (base, folder, _) = made();
        let original = home_in(base.path(), "original");
        of(&original).put_up_signpost(&folder).unwrap();
        let copy = home_in(base.path(), "copy");
        fs::copy(original.join(SIGNPOST), copy.join(SIGNPOST)).unwrap();
        let linked = base.path().join("linked");
        fs::create_dir(&linked).unwrap();
        for name in ["lock", SIGNPOST] {
            fs::hard_link(original.join(name), linked.join(name)).unwrap();
        }
        for copy in [copy, linked] {
            assert_eq!(of(&copy).signposted(), None);
            assert!(!of(&copy).places().contains(&folder));
        }
        let moved = base.path().join("moved");
        fs::rename(&original, &moved).unwrap();
        assert_eq!(of(&moved).signposted(), Some(folder));
    }

    #[test]
    fn the_packaged_socket_is_where_the_machines_home_has_it() {
        let unit = include_str!("../../packaging/systemd/strongroom.socket");
        let name = hash(Path::new("/var/lib/strongroom"));
        assert!(unit.contains(&format!("ListenStream=/run/strongroom/{name}/{SOCKET}\n")));
    }
}

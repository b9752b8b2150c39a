//! The sockets that hsmd listens on: its own in the runtime directory, or those that systemd hands
//! over.

use std::{
    env,
    ffi::OsStr,
    fs, io,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

use rustix::fs::{Gid, Mode};
use token::{Error, Reason, Result};
use wire::{Configuration, Group, Home, SIGNPOST, SOCKET, SocketAccess, server::Server};

use crate::log_sink;

/// The first descriptor that systemd hands over (`sd_listen_fds(3)`).
const FIRST_HANDED_OVER: i32 = 3;
/// How many are looked at.
const MOST_HANDED_OVER: i32 = 8;

/// Where hsmd listens.
pub(crate) struct Listeners {
    folder: PathBuf,
    handed_over: Vec<UnixListener>,
    is_service: bool,
    admission: Admission,
    /// Which file the socket is, when it is hsmd's own.
    own: Option<(u64, u64)>,
}

/// Who may connect, in the words of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Admission {
    group: Option<u32>,
    all: bool,
}

impl Listeners {
    /// Finds the runtime directory, and the sockets that were handed over.
    pub(crate) fn prepare(home: &Home, chosen: Option<&Path>) -> Result<Self> {
        let handed_over = handed_over();
        let folder = match (chosen, handed_over.iter().find_map(folder_of)) {
            (Some(folder), _) => own_folder(home, folder)?,
            (None, Some(folder)) => folder,
            (None, None) => home.runtime().make()?,
        };
        Ok(Self {
            folder,
            is_service: !handed_over.is_empty(),
            handed_over,
            admission: Admission::of(home.configuration())?,
            own: None,
        })
    }

    /// The runtime directory.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether a supervisor decides when hsmd runs.
    pub(crate) fn is_service(&self) -> bool {
        self.is_service
    }

    /// Begins to listen, and says where. The home's lock is held, so a socket that is there is nobody's.
    pub(crate) fn open(&mut self, server: &Server, home: &Home) -> Result<()> {
        let opened = match self.is_service {
            true => std::mem::take(&mut self.handed_over)
                .into_iter()
                .try_for_each(|listener| server.serve(listener)),
            false => self.bind(server),
        };
        opened.map_err(|error| self.unusable(&error))?;
        // Who cannot read where the socket is looks where it would be by itself.
        if let Err(error) = home.runtime().put_up_signpost(&self.folder) {
            log::warn!("{}: {error}", home.path().join(SIGNPOST).display());
        }
        Ok(())
    }

    /// Listens anew if somebody has cleaned the socket away: an hsmd that holds the home and cannot
    /// be reached would be in everybody's way.
    pub(crate) fn keep(&mut self, server: &Server, home: &Home) {
        if self.own.is_none() || identity(&self.socket()) == self.own {
            return;
        }
        log::warn!("{} is gone; listening anew", self.socket().display());
        let again = home.runtime().make().map(|folder| self.folder = folder);
        if let Err(error) = again.and_then(|()| self.open(server, home)) {
            log::error!("{error}");
        }
    }

    /// Takes the socket away, unless it is somebody else's by now. Answers whether it was ours.
    pub(crate) fn close(&self) -> bool {
        let is_ours = self.own.is_some() && identity(&self.socket()) == self.own;
        is_ours && fs::remove_file(self.socket()).is_ok()
    }

    /// Takes the folder away with the log in it: the home that it belonged to is gone. If there is
    /// another home of that name already, whose hsmd listens there, the folder stays.
    pub(crate) fn clean_up(&self) {
        for name in [log_sink::FILE, log_sink::FILE_BEFORE] {
            let _ = fs::remove_file(self.folder.join(name));
        }
        let _ = fs::remove_dir(&self.folder);
    }

    fn socket(&self) -> PathBuf {
        self.folder.join(SOCKET)
    }

    fn bind(&mut self, server: &Server) -> io::Result<()> {
        let socket = self.socket();
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Under the umask 077 nobody but the owner can connect until `admit` has said who may.
        let listener = UnixListener::bind(&socket)?;
        self.own = identity(&socket);
        self.admission.admit(&self.folder, &socket)?;
        server.serve(listener)
    }

    fn unusable(&self, error: &io::Error) -> Error {
        let text = format!("{} cannot be listened on: {error}", self.socket().display());
        Error::new(Reason::HomeInvalid, text)
    }
}

impl Admission {
    fn of(configuration: &Configuration) -> Result<Self> {
        let group = configuration
            .socket_group
            .as_ref()
            .map(group_number)
            .transpose()?;
        Ok(Self {
            group,
            all: configuration.socket_access == SocketAccess::All,
        })
    }

    /// Opens the socket, and the way to it, to who may connect.
    fn admit(self, folder: &Path, socket: &Path) -> io::Result<()> {
        let (folder_mode, socket_mode) = match (self.all, self.group) {
            (true, _) => (0o711, 0o666),
            (false, Some(_)) => (0o710, 0o660),
            (false, None) => (0o700, 0o600),
        };
        if let (true, Some(above)) = (socket_mode != 0o600, folder.parent()) {
            // What lies beside the folder is closed, or open, by itself. Where the way is somebody
            // else's, it is open already (/run/strongroom) or cannot be opened.
            let mode = fs::metadata(above)?.permissions().mode() | 0o011;
            let _ = rustix::fs::chmod(above, Mode::from_raw_mode(mode & 0o7777));
        }
        for (path, mode) in [(folder, folder_mode), (socket, socket_mode)] {
            if let Some(group) = self.group {
                rustix::fs::chown(path, None, Some(Gid::from_raw(group)))?;
            }
            rustix::fs::chmod(path, Mode::from_raw_mode(mode))?;
        }
        Ok(())
    }
}

/// A folder that was chosen for hsmd: it changes the folder's mode, and takes it away with the home,
/// so it must be one for this home and no other purpose.
fn own_folder(home: &Home, folder: &Path) -> Result<PathBuf> {
    let refused = |text: String| Err(Error::new(Reason::HomeInvalid, text));
    let name = wire::runtime_name(home.path());
    if folder.file_name() != Some(OsStr::new(&name)) {
        return refused(format!(
            "--runtime must name a folder {name}, which is the home's"
        ));
    }
    match home.runtime().verify(folder) {
        Ok(true) => Ok(folder.to_owned()),
        Ok(false) => refused(format!("{} is no folder", folder.display())),
        Err(error) => refused(error.to_string()),
    }
}

/// The number of a group.
fn group_number(group: &Group) -> Result<u32> {
    let name = match group {
        Group::Number(number) => return Ok(*number),
        Group::Name(name) => name,
    };
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    find_group(&groups, name).ok_or_else(|| {
        let text = format!("socket_group = \"{name}\" is not in /etc/group; write its number");
        Error::new(Reason::HomeInvalid, text)
    })
}

fn find_group(groups: &str, name: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    })
}

/// The listening sockets that systemd hands over to this very process.
fn handed_over() -> Vec<UnixListener> {
    let number = |name: &str| {
        env::var(name)
            .ok()
            .and_then(|text| text.parse::<i32>().ok())
    };
    let own = i32::try_from(std::process::id()).ok();
    if own.is_none() || number("LISTEN_PID") != own {
        return Vec::new();
    }
    let count = number("LISTEN_FDS").unwrap_or(0).clamp(0, MOST_HANDED_OVER);
    let descriptors = FIRST_HANDED_OVER..FIRST_HANDED_OVER + count;
    descriptors
        .filter_map(wire::inherited_descriptor)
        .map(UnixListener::from)
        .collect()
}

/// The folder that a socket was bound in.
fn folder_of(listener: &UnixListener) -> Option<PathBuf> {
    let address = listener.local_addr().ok()?;
    address.as_pathname()?.parent().map(Path::to_owned)
}

/// Which file is at `path`.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = fs::symlink_metadata(path).ok()?;
    (found.permissions().mode() & 0o170_000 == 0o140_000).then(|| (found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_by_its_whole_name() {
        let groups = "root:x:0:\nwww-data:x:33:\nwww:x:44:a,b\n";
        assert_eq!(find_group(groups, "www"), Some(44));
        assert_eq!(find_group(groups, "ww"), None);
    }

    #[test]
    fn a_group_gets_in_and_nobody_else() {
        let above = tempfile::tempdir().unwrap();
        fs::set_permissions(above.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let folder = above.path().join("home");
        fs::create_dir(&folder).unwrap();
        let socket = folder.join(SOCKET);
        let _listener = UnixListener::bind(&socket).unwrap();
        let group = rustix::process::getegid().as_raw();
        let admission = |group| Admission { group, all: false };
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        admission(None).admit(&folder, &socket).unwrap();
        assert_eq!((mode(&folder), mode(&socket)), (0o700, 0o600));
        assert_eq!(mode(above.path()), 0o700);
        admission(Some(group)).admit(&folder, &socket).unwrap();
        assert_eq!((mode(&folder), mode(&socket)), (0o710, 0o660));
        assert_eq!(mode(above.path()), 0o711, "the way to the folder is open");
    }
}

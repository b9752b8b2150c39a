//! Files that only their owner may read: written whole or not at all, refused when others could
//! have read them.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{
        DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
    },
    path::Path,
};

use crypto::Zeroizing;

/// Makes the folder, of mode 0700, if it is not there; refuses one that others may enter or own.
pub fn folder(path: &Path) -> io::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| named(path, &error))?;
    let metadata = fs::symlink_metadata(path).map_err(|error| named(path, &error))?;
    if !metadata.is_dir() {
        return Err(refused(path, "is not a folder; move it away"));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused(path, "belongs to another user; start as that user"));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(refused(path, "can be entered by others; chmod 700 it"));
    }
    Ok(())
}

/// Replaces the file, of mode 0600: after a crash it is the old one or the new one.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes).map_err(|error| named(path, &error))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (parent, name) = match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => (parent, name),
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    // One name for all attempts: what a killed one left is overwritten, and swept by nobody else.
    let mut next = name.to_owned();
    next.push(".next");
    let next = parent.join(next);
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&next)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&next, path)?;
    File::open(parent)?.sync_all()
}

/// The file, if it is there: at most `limit` bytes, and readable by its owner alone.
pub fn read(path: &Path, limit: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| named(path, &error))?,
    };
    let metadata = file.metadata()?;
    if metadata.mode() & 0o077 != 0 {
        return Err(refused(
            path,
            "can be read by others; chmod 600 it, and replace what is in it",
        ));
    }
    if metadata.len() > limit as u64 {
        return Err(refused(path, "is too large to be ours"));
    }
    // The whole capacity at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
    (&mut file).take(limit as u64).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// What the system said, with what it said it of.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn refused(path: &Path, why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{} {why}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_written_is_read_and_is_the_owners_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("secret");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(&**read(&path, 10).unwrap().unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_error_names_its_file() {
        let home = tempfile::tempdir().unwrap();
        let (file, below) = (home.path().join("file"), home.path().join("file/secret"));
        write(&file, b"one").unwrap();
        let errors = [
            folder(&below).unwrap_err(),
            write(&below, b"two").unwrap_err(),
            read(&below, 10).unwrap_err(),
        ];
        let name = below.display().to_string();
        assert!(errors.iter().all(|error| error.to_string().contains(&name)));
    }

    #[test]
    fn a_file_that_others_could_read_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("secret");
        write(&path, b"one").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(
            read(&path, 10)
                .unwrap_err()
                .to_string()
                .contains("chmod 600")
        );
    }

    #[test]
    fn what_a_killed_writer_left_is_not_in_the_way() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("secret.next"), b"half").unwrap();
        write(&home.path().join("secret"), b"whole").unwrap();
        assert_eq!(fs::read(home.path().join("secret")).unwrap(), b"whole");
    }

    #[test]
    fn a_folder_that_others_may_enter_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("kmsd");
        folder(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        assert!(folder(&path).unwrap_err().to_string().contains("chmod 700"));
    }
}

//! Access keys: one file each, sealed under the server's master key. A running server sees a key
//! that was made with the next request, and that one is gone before its deletion is answered.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crypto::{Secret, Zeroizing, hkdf_sha256, seal};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use super::sigv4::{AccessKeys, SigningKey};
use crate::{Blob, Error, Result, Timestamp, error::INTERNAL_FAILURE, private};

/// The most access keys of an account.
pub const ACCESS_KEYS: usize = 1_000;
/// Bytes in one file: more than any of ours has.
const FILE_BYTES: usize = 4 * 1024;
/// How long an access key is good after its file was seen.
const TRUSTED: Duration = Duration::from_millis(100);
/// The ending of a file's name, after the access key's id.
const ENDING: &str = ".key";

/// The access keys of the account, in a folder.
pub struct Credentials {
    folder: PathBuf,
    key: Secret,
    opened: RwLock<HashMap<String, Opened>>,
}

/// A new access key. Its secret is told once.
pub struct NewAccessKey {
    /// `AKIA…`
    pub id: String,
    /// 40 characters.
    pub secret: Zeroizing<String>,
}

/// An access key, as a list shows it.
pub struct ListedAccessKey {
    /// `AKIA…`
    pub id: String,
    /// Whose it is.
    pub user_name: String,
    /// When it was made.
    pub created: Timestamp,
}

/// What a file holds, sealed.
#[derive(Serialize, Deserialize)]
struct Stored {
    user_name: String,
    created: i64,
    secret: Blob,
}

/// An access key that was read, and when its file was last seen.
struct Opened {
    key: Arc<SigningKey>,
    stamp: Stamp,
    seen: Instant,
}

/// Tells one file from the one that replaced it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Credentials {
    /// The access keys in `folder`, which is made if it is not there.
    pub fn open(folder: &Path, master: &Secret) -> io::Result<Self> {
        private::folder(folder)?;
        let key = hkdf_sha256(master, b"strongroom/1/credentials");
        Ok(Self {
            folder: folder.to_owned(),
            key,
            opened: RwLock::default(),
        })
    }

    /// Makes an access key for a user.
    pub fn create(&self, user_name: &str, now: Timestamp) -> io::Result<NewAccessKey> {
        if !is_user_name(user_name) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a user name has 1 to 64 letters, digits or any of +=,.@_-",
            ));
        }
        if self.ids()?.len() >= ACCESS_KEYS {
            return Err(io::Error::other(format!(
                "there are {ACCESS_KEYS} access keys already: delete some"
            )));
        }
        let id = format!(
            "AKIA{}",
            *random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)?
        );
        let secret = random_text(
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
            40,
        )?;
        let stored = Stored {
            user_name: user_name.to_owned(),
            created: now.ms(),
            secret: Blob::from(secret.as_bytes().to_vec()),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&stored)?);
        let sealed = seal::seal(&self.key, &purpose(&id), &plain).map_err(io::Error::other)?;
        private::write(&self.path(&id), &sealed)?;
        Ok(NewAccessKey { id, secret })
    }

    /// Every access key, in the order of their making.
    pub fn list(&self) -> io::Result<Vec<ListedAccessKey>> {
        let mut keys = Vec::new();
        for id in self.ids()? {
            if let Some(stored) = self.read(&id)? {
                let created = Timestamp(stored.created);
                keys.push(ListedAccessKey {
                    id,
                    user_name: stored.user_name,
                    created,
                });
            }
        }
        keys.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        Ok(keys)
    }

    /// Deletes an access key; answers whether there was one, and no earlier than the last server
    /// has noticed.
    pub fn delete(&self, id: &str) -> io::Result<bool> {
        if !is_access_key_id(id) {
            return Ok(false);
        }
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            other => {
                other?;
                fs::File::open(&self.folder)?.sync_all()?;
                thread::sleep(TRUSTED);
                Ok(true)
            }
        }
    }

    fn ids(&self) -> io::Result<Vec<String>> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(ENDING));
            ids.extend(id.filter(|id| is_access_key_id(id)).map(str::to_owned));
        }
        Ok(ids)
    }

    fn read(&self, id: &str) -> io::Result<Option<Stored>> {
        let path = self.path(id);
        let Some(sealed) = private::read(&path, FILE_BYTES)? else {
            return Ok(None);
        };
        let altered = || {
            io::Error::other(format!(
                "{} was not made with this home's master.key, or was altered; delete it",
                path.display()
            ))
        };
        let plain = seal::open(&self.key, &purpose(id), &sealed).map_err(|_| altered())?;
        serde_json::from_slice(&plain)
            .map(Some)
            .map_err(|_| altered())
    }

    fn open_key(&self, id: &str) -> io::Result<Option<Arc<SigningKey>>> {
        if let Some(opened) = self.opened.read().get(id)
            && opened.seen.elapsed() < TRUSTED
        {
            return Ok(Some(opened.key.clone()));
        }
        let seen = Instant::now();
        let metadata = match fs::metadata(self.path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Deleted: what was derived from it goes too.
                self.opened.write().remove(id);
                return Ok(None);
            }
            other => other?,
        };
        let stamp = Stamp {
            inode: metadata.ino(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        };
        let known = self
            .opened
            .read()
            .get(id)
            .map(|of| (of.stamp, of.key.clone()));
        let key = match known {
            Some((of, key)) if of == stamp => key,
            _ => {
                let Some(stored) = self.read(id)? else {
                    return Ok(None);
                };
                let secret = Secret::from(stored.secret.reveal());
                Arc::new(SigningKey::new(id, &stored.user_name, &secret))
            }
        };
        let opened = Opened {
            key: key.clone(),
            stamp,
            seen,
        };
        self.opened.write().insert(id.to_owned(), opened);
        Ok(Some(key))
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}{ENDING}"))
    }
}

impl AccessKeys for Credentials {
    fn find(&self, access_key_id: &str) -> Result<Option<Arc<SigningKey>>> {
        if !is_access_key_id(access_key_id) {
            return Ok(None);
        }
        self.open_key(access_key_id).map_err(|error| {
            log::error!("access key {access_key_id}: {error}");
            Error::new(
                INTERNAL_FAILURE,
                "The access key cannot be read; the server's log says why.",
            )
        })
    }
}

/// Letters drawn evenly from an alphabet whose length divides 256.
fn random_text(alphabet: &[u8], len: usize) -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(vec![0; len]);
    crypto::random::fill(&mut bytes).map_err(io::Error::other)?;
    let letter = |byte: &u8| alphabet.get(usize::from(*byte) % alphabet.len()).copied();
    Ok(Zeroizing::new(
        bytes.iter().filter_map(letter).map(char::from).collect(),
    ))
}

fn purpose(id: &str) -> Vec<u8> {
    format!("strongroom/1/credentials/{id}").into_bytes()
}

/// Also what keeps a name from the outside from being a path.
fn is_access_key_id(text: &str) -> bool {
    (16..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

fn is_user_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(home: &Path) -> Credentials {
        Credentials::open(&home.join("credentials"), &Secret::from(&[7; 32][..])).unwrap()
    }

    #[test]
    fn a_running_server_sees_what_another_process_makes_and_deletes() {
        let home = tempfile::tempdir().unwrap();
        let (server, command) = (credentials(home.path()), credentials(home.path()));
        let key = command.create("alice", Timestamp(0)).unwrap();
        assert_eq!(server.find(&key.id).unwrap().unwrap().user_name, "alice");
        assert!(command.delete(&key.id).unwrap());
        assert!(server.find(&key.id).unwrap().is_none());
    }

    #[test]
    fn a_key_looks_like_one_of_aws() {
        let home = tempfile::tempdir().unwrap();
        let key = credentials(home.path())
            .create("alice", Timestamp(0))
            .unwrap();
        assert_eq!((key.id.len(), key.secret.len()), (20, 40));
        assert!(key.id.starts_with("AKIA") && is_access_key_id(&key.id));
    }

    #[test]
    fn a_file_does_not_show_the_secret() {
        let home = tempfile::tempdir().unwrap();
        let credentials = credentials(home.path());
        let key = credentials.create("alice", Timestamp(0)).unwrap();
        let bytes = fs::read(credentials.path(&key.id)).unwrap();
        let secret = key.secret.as_bytes();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }

    #[test]
    fn a_file_renamed_to_another_id_does_not_open() {
        let home = tempfile::tempdir().unwrap();
        let credentials = credentials(home.path());
        let key = credentials.create("alice", Timestamp(0)).unwrap();
        let other = "AKIAABCDEFGHIJKLMNOP";
        fs::rename(credentials.path(&key.id), credentials.path(other)).unwrap();
        assert!(credentials.find(other).is_err());
    }

    #[test]
    fn an_id_is_never_a_path() {
        let home = tempfile::tempdir().unwrap();
        let credentials = credentials(home.path());
        for id in [
            "../../../etc/passwd",
            "AKIA/../../../../../x",
            "",
            "akiaabcdefghijklmnop",
        ] {
            assert!(credentials.find(id).unwrap().is_none(), "{id}");
        }
    }

    #[test]
    fn keys_are_listed_in_the_order_of_their_making() {
        let home = tempfile::tempdir().unwrap();
        let credentials = credentials(home.path());
        for (user, time) in [("second", 2), ("first", 1)] {
            credentials.create(user, Timestamp(time)).unwrap();
        }
        let listed = credentials.list().unwrap();
        let users: Vec<&str> = listed.iter().map(|key| key.user_name.as_str()).collect();
        assert_eq!(users, ["first", "second"]);
    }
}

//! What quickstart draws: passwords and an access key, kept before anything is made with them.

use aws::{Timestamp, private};
use crypto::{Zeroizing, hkdf_sha256, seal};
use serde::{Deserialize, Serialize};

use crate::{Failure, records::Records};

const FILE: &str = "quickstart.sealed";
const FILE_BYTES: usize = 16 * 1024;
const PURPOSE: &[u8] = b"strongroom/1/quickstart";
/// 24 of 32 letters: 120 bits.
const PASSWORD_LEN: usize = 24;
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Passwords and the access key of a quickstart.
pub(super) struct Secrets {
    pub(super) admin_password: Zeroizing<String>,
    pub(super) kmsuser_password: Zeroizing<String>,
    pub(super) example_password: Zeroizing<String>,
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Zeroizing<String>,
}

/// The form in which they are sealed.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    admin_password: &'a str,
    kmsuser_password: &'a str,
    example_password: &'a str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
}

/// The secrets of the quickstart that was begun, or new ones; and whether they are new. An access
/// key that was deleted meanwhile is replaced.
pub(super) fn open(records: &Records) -> Result<(Secrets, bool), Failure> {
    let path = records.folder.join(FILE);
    let key = hkdf_sha256(&records.master, PURPOSE);
    let credentials = records.credentials()?;
    let (mut secrets, first) = match private::read(&path, FILE_BYTES)? {
        Some(sealed) => {
            let plain = seal::open(&key, PURPOSE, &sealed).map_err(|_| {
                format!(
                    "{} was not made with this home's master.key, or was altered",
                    path.display()
                )
            })?;
            (read(&plain)?, false)
        }
        None => (drawn()?, true),
    };
    let listed = credentials.list()?;
    if listed.iter().any(|key| key.id == secrets.access_key_id) {
        return Ok((secrets, first));
    }
    // Killed after this line, the next run makes another one: an access key too many, told by
    // `kmsd credentials list`, is better than one too few.
    let made = credentials.create(super::NAME, Timestamp::now())?;
    secrets.access_key_id = made.id;
    secrets.secret_access_key = made.secret;
    let plain = Zeroizing::new(serde_json::to_vec(&secrets.stored())?);
    private::write(&path, &seal::seal(&key, PURPOSE, &plain)?)?;
    Ok((secrets, first))
}

impl Secrets {
    fn stored(&self) -> Stored<'_> {
        Stored {
            admin_password: &self.admin_password,
            kmsuser_password: &self.kmsuser_password,
            example_password: &self.example_password,
            access_key_id: &self.access_key_id,
            secret_access_key: &self.secret_access_key,
        }
    }
}

fn read(plain: &[u8]) -> Result<Secrets, Failure> {
    let stored: Stored<'_> = serde_json::from_slice(plain)?;
    let own = |text: &str| Zeroizing::new(text.to_owned());
    Ok(Secrets {
        admin_password: own(stored.admin_password),
        kmsuser_password: own(stored.kmsuser_password),
        example_password: own(stored.example_password),
        access_key_id: stored.access_key_id.to_owned(),
        secret_access_key: own(stored.secret_access_key),
    })
}

fn drawn() -> Result<Secrets, Failure> {
    Ok(Secrets {
        admin_password: password()?,
        kmsuser_password: password()?,
        example_password: password()?,
        access_key_id: String::new(),
        secret_access_key: Zeroizing::default(),
    })
}

fn password() -> Result<Zeroizing<String>, Failure> {
    let bytes = Zeroizing::new(crypto::random::array::<PASSWORD_LEN>()?);
    let letter = |byte: &u8| LETTERS.get(usize::from(*byte) % LETTERS.len()).copied();
    Ok(Zeroizing::new(
        bytes.iter().filter_map(letter).map(char::from).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_alphanumeric_and_of_a_legal_length() {
        let password = password().unwrap();
        assert_eq!(password.len(), PASSWORD_LEN);
        assert!(password.bytes().all(|b| b.is_ascii_alphanumeric()));
    }

    #[test]
    fn what_is_stored_is_read() {
        let secrets = drawn().unwrap();
        let plain = serde_json::to_vec(&secrets.stored()).unwrap();
        assert_eq!(read(&plain).unwrap().admin_password, secrets.admin_password);
    }
}

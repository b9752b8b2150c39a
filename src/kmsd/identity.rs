//! The account and region that a home is to AWS's tools: chosen once, since every ARN has them.

use std::path::Path;

use aws::{Scope, private};
use serde::{Deserialize, Serialize};

use crate::{Failure, config::Place};

const FILE: &str = "identity.json";
const FILE_BYTES: usize = 4 * 1024;
const DEFAULT_REGION: &str = "us-east-1";

#[derive(Serialize, Deserialize)]
struct Identity {
    account: String,
    region: String,
}

/// The scope of the home whose records are in `folder`.
pub(crate) fn resolve(folder: &Path, place: &Place) -> Result<Scope, Failure> {
    let path = folder.join(FILE);
    let identity = match private::read(&path, FILE_BYTES)? {
        Some(text) => serde_json::from_slice::<Identity>(&text)
            .map_err(|error| format!("{}: {error}", path.display()))?,
        None => {
            let identity = first(place)?;
            Scope::new(&identity.region, &identity.account)?;
            private::write(&path, &serde_json::to_vec_pretty(&identity)?)?;
            identity
        }
    };
    agrees("region", place.region.as_deref(), &identity.region)?;
    agrees("account id", place.account_id.as_deref(), &identity.account)?;
    Ok(Scope::new(&identity.region, &identity.account)?)
}

fn first(place: &Place) -> Result<Identity, Failure> {
    let account = match &place.account_id {
        Some(account) => account.clone(),
        None => drawn()?,
    };
    let region = place.region.as_deref().unwrap_or(DEFAULT_REGION).to_owned();
    Ok(Identity { account, region })
}

fn agrees(what: &str, asked: Option<&str>, kept: &str) -> Result<(), Failure> {
    match asked {
        Some(asked) if asked != kept => Err(format!(
            "this home's {what} is {kept}, and its keys have it in their ARNs; start without the \
             option, or with another --home"
        )
        .into()),
        _ => Ok(()),
    }
}

/// Twelve random digits, the first one not zero.
fn drawn() -> Result<String, Failure> {
    let number = u64::from_be_bytes(crypto::random::array()?);
    Ok((100_000_000_000 + number % 900_000_000_000).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(region: Option<&str>, account: Option<&str>) -> Place {
        Place {
            home: None,
            region: region.map(str::to_owned),
            account_id: account.map(str::to_owned),
        }
    }

    #[test]
    fn what_was_chosen_at_the_first_start_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let first = resolve(home.path(), &place(Some("eu-west-1"), None)).unwrap();
        assert_eq!(resolve(home.path(), &place(None, None)).unwrap(), first);
        assert_eq!(first.account.len(), 12);
    }

    #[test]
    fn another_region_or_account_is_refused_later() {
        let home = tempfile::tempdir().unwrap();
        resolve(home.path(), &place(None, Some("111122223333"))).unwrap();
        assert!(resolve(home.path(), &place(Some("eu-west-1"), None)).is_err());
        assert!(resolve(home.path(), &place(None, Some("444455556666"))).is_err());
    }

    #[test]
    fn what_is_no_region_is_refused_and_not_kept() {
        let home = tempfile::tempdir().unwrap();
        assert!(resolve(home.path(), &place(Some("nowhere"), None)).is_err());
        assert!(resolve(home.path(), &place(None, None)).is_ok());
    }
}

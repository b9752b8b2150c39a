//! The names of what lies in a home: by them it is told from other folders.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use crate::{Error, Reason};

/// The file of the home key, which makes a folder a home.
pub const HOME_KEY: &str = "home.key";

/// What a folder may hold that becomes a home: what its owner put there, what kmsd did, what an
/// hsmd left that did not come as far as the key, and what a new file system has.
const BEFORE_KEY: &[&str] = &[
    "strongroom.toml",
    "lock",
    "runtime",
    "home.new",
    "kmsd",
    "quickstart",
    "quickstart.env",
    "lost+found",
];
/// What else a home holds.
const AFTER_KEY: &[&str] = &["home", "clusters", "audit"];

/// Whether a folder that is to become a home may hold something of this name.
pub fn may_be_before_home(name: &OsStr) -> bool {
    BEFORE_KEY.iter().any(|own| name == *own)
}

/// Refuses a folder without a home key among whose `names` is one that no home has. Such a folder is
/// new, or has lost its key: in both it holds nothing but what is a home's. What others keep their
/// things in is left as it is. A key among the names was made since it was looked for.
pub fn refuse_foreign(
    folder: &Path,
    names: impl IntoIterator<Item = OsString>,
) -> Result<(), Error> {
    let of_homes = || BEFORE_KEY.iter().chain(AFTER_KEY).chain([&HOME_KEY]);
    let known = |name: &OsStr| of_homes().any(|own| name == *own);
    let Some(foreign) = names.into_iter().find(|name| !known(name)) else {
        return Ok(());
    };
    Err(Error::new(
        Reason::HomeInvalid,
        format!(
            "{0} is no home, since it has no {HOME_KEY}, and other things are in it ({1}): name a \
             folder of its own, which is made if it is not there",
            folder.display(),
            Path::new(&foreign).display()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_made_since_it_was_looked_for_is_nothing_foreign() {
        let names = [HOME_KEY, "lock", "home"].map(OsString::from);
        assert!(refuse_foreign(Path::new("/home"), names).is_ok());
        let names = [HOME_KEY, "index.html"].map(OsString::from);
        assert!(refuse_foreign(Path::new("/home"), names).is_err());
    }
}

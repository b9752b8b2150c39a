//! What can go wrong with bytes on a disk.

use std::fmt;

/// What the store answers.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the store could not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A condition of the batch does not hold.
    Conflict,
    /// The disk is full (or almost: a reserve is kept for logins and for opening again). Nothing was
    /// written.
    Full,
    /// The folder cannot be written.
    ReadOnly(String),
    /// Another process has the folder.
    InUse(String),
    /// The database is damaged: what was noticed.
    Damaged(String),
    /// A batch or record is larger than the store takes.
    TooLarge(String),
    /// Anything else that the system said.
    Failed(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Conflict => f.write_str("a record was changed by another commit"),
            Error::Full => f.write_str("the disk is full; free some space"),
            Error::ReadOnly(context) => write!(f, "the folder cannot be written: {context}"),
            Error::InUse(context) => write!(f, "another process has the folder: {context}"),
            Error::Damaged(context) => write!(f, "the database is damaged: {context}"),
            Error::TooLarge(context) => write!(f, "too large: {context}"),
            Error::Failed(context) => write!(f, "the database failed: {context}"),
        }
    }
}

impl std::error::Error for Error {}

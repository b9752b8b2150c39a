//! The store's errors in the words of an HSM, with what helps.

use token::{Error, Reason};

/// What a damaged home needs, said once.
const REMEDY: &str = "stop the owner and put back a backup copy of the home's folder";

/// The store's error as an error of a verb.
pub(crate) fn stored(error: store::Error) -> Error {
    match error {
        store::Error::Conflict => Reason::Conflict.into(),
        store::Error::Full => Reason::StoreFull.into(),
        store::Error::ReadOnly(context) => Error::new(Reason::StoreReadOnly, context),
        store::Error::InUse(context) => Error::new(Reason::HomeInUse, context),
        store::Error::Damaged(context) => damaged(context),
        store::Error::TooLarge(context) => Error::new(Reason::LimitExceeded, context),
        store::Error::Failed(context) => Error::new(Reason::StoreFailed, context),
    }
}

/// Damage that was noticed: `what`, and the remedy.
pub(crate) fn damaged(what: impl std::fmt::Display) -> Error {
    Error::new(Reason::StoreDamaged, format!("{what}; {REMEDY}"))
}

/// Something that cannot happen, unless there is a fault in the program.
pub(crate) fn internal(what: impl std::fmt::Display) -> Error {
    Error::new(Reason::Internal, what.to_string())
}

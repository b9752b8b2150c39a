//! The errors of `crypto` in the words of an HSM.

use crypto::Error as Failure;
use token::{Error, Reason};

/// What a failure means where data becomes something that is not data any more.
pub(super) fn encrypting(failure: Failure) -> Error {
    match failure {
        Failure::CounterExhausted => Error::new(Reason::DataLenRange, failure.to_string()),
        other => internal(other),
    }
}

/// What a failure means where ciphertext should become data.
pub(super) fn decrypting(failure: Failure) -> Error {
    match failure {
        Failure::Authentication => Reason::EncryptedDataInvalid.into(),
        Failure::CounterExhausted => Error::new(Reason::EncryptedDataLenRange, failure.to_string()),
        other => internal(other),
    }
}

/// What a failure means where bytes should become a key.
pub(super) fn no_key(failure: Failure) -> Error {
    match failure {
        Failure::Key | Failure::Length | Failure::Range => {
            Error::new(Reason::AttributeValueInvalid, failure.to_string())
        }
        other => internal(other),
    }
}

/// What a failure means that no caller can cause.
pub(super) fn internal(failure: Failure) -> Error {
    Error::new(Reason::Internal, failure.to_string())
}

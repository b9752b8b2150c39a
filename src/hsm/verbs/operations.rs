//! The beginning of an operation: its key, seen and used by the session's user. The rest is the
//! operation machine's.

use token::{
    Error, Mechanism, ObjectHandle, Operation, Reason, Result, SessionHandle, Started, limits,
};

use crate::{Application, verbs::seen::Seen};

/// `C_EncryptInit`, `C_DecryptInit`, `C_DigestInit`, `C_SignInit`, `C_VerifyInit`.
pub(super) fn start(
    application: &Application,
    session: SessionHandle,
    operation: Operation,
    mechanism: &Mechanism,
    key: Option<ObjectHandle>,
) -> Result<Started> {
    let session = application.session_of(session)?;
    let mut active = session.active()?;
    let Some(handle) = key else {
        return active.operations.start(operation, mechanism, None);
    };
    let keyring = session.seat.crypto_user();
    let seen =
        Seen::find(&session.seat, keyring.as_deref(), handle).map_err(|error| {
            match error.reason {
                Reason::ObjectHandleInvalid => Reason::KeyHandleInvalid.into(),
                _ => error,
            }
        })?;
    let material = seen.material(keyring.as_deref())?;
    active
        .operations
        .start(operation, mechanism, Some((seen.attributes(), material)))
}

/// `C_GenerateRandom`.
pub(super) fn random(
    application: &Application,
    session: SessionHandle,
    output: &mut [u8],
) -> Result<()> {
    if output.len() > limits::RANDOM_BYTES {
        let words = format!("at most {} random bytes at once", limits::RANDOM_BYTES);
        return Err(Error::new(Reason::LimitExceeded, words));
    }
    let session = application.session_of(session)?;
    let _active = session.active()?;
    crypto::random::fill(output).map_err(|_| Reason::Internal.into())
}

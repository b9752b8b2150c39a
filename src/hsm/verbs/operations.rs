//! Operations: their keys, seen and used by the session's user, and what the engine adds to them.
//! The rest is the operation machine's.

use token::{
    Error, Mechanism, MechanismId, ObjectHandle, Operation, Produced, Reason, Result, SecretBytes,
    SessionHandle, Started, Ticket, limits,
};

use crate::{
    Application,
    audit::{Event, NO_MECHANISM},
    operation::{Operations, is_of_messages},
    sealing,
    seat::Seat,
    seen::Seen,
    session::Session,
};

impl Application {
    /// Does `verb` with the operations of a session, which nobody else uses meanwhile.
    pub(super) fn operations<T>(
        &self,
        session: SessionHandle,
        verb: impl FnOnce(&mut Operations) -> Result<T>,
    ) -> Result<T> {
        let mut session = self.session_of(session)?;
        let (_, active) = session.active()?;
        verb(&mut active.operations)
    }

    /// Does a message of `operation`. Such an operation does not end by itself, so it ends when its key
    /// is destroyed: a message that has begun goes on, the next one does not begin.
    pub(super) fn message_of<T>(
        &self,
        session: SessionHandle,
        operation: Operation,
        verb: impl FnOnce(&mut Operations) -> Result<T>,
    ) -> Result<T> {
        let mut session = self.session_of(session)?;
        let (session, active) = session.active()?;
        if !active.view.still_sees_key_of(&session.seat, operation)? {
            active.operations.cancel(operation)?;
            let words = "the key of the operation is not there any more, so it has ended";
            return Err(Error::new(Reason::OperationNotInitialized, words));
        }
        verb(&mut active.operations)
    }
}

/// `C_EncryptInit` and every other Init but `C_VerifySignatureInit`.
pub(super) fn start(
    application: &Application,
    session: SessionHandle,
    operation: Operation,
    mechanism: Mechanism,
    key: Option<ObjectHandle>,
) -> Result<Started> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    let Some(handle) = key else {
        return active.operations.start(operation, mechanism, None);
    };
    let (seen, key) = active.view.key(&session.seat, handle)?;
    let id = mechanism.id;
    let started = active.operations.start(operation, mechanism, Some(key))?;
    let operations = &mut active.operations;
    note(application, session, operations, seen, operation, id)?;
    if is_of_messages(operation) {
        active.view.watch(operation, handle);
    }
    Ok(started)
}

/// `C_VerifySignatureInit`.
pub(super) fn start_check(
    application: &Application,
    session: SessionHandle,
    mechanism: Mechanism,
    key: ObjectHandle,
    signature: &[u8],
) -> Result<()> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    let (seen, key) = active.view.key(&session.seat, key)?;
    let id = mechanism.id;
    active.operations.start_check(mechanism, key, signature)?;
    let (operations, operation) = (&mut active.operations, Operation::Verify);
    note(application, session, operations, seen, operation, id)
}

/// Puts the Init of `operation` into the audit chain, if uses of keys are to be there: one that could
/// not be written down is none.
fn note(
    application: &Application,
    session: &Session,
    operations: &mut Operations,
    key: &Seen,
    operation: Operation,
    mechanism: MechanismId,
) -> Result<()> {
    let event = || Event::KeyUsed {
        reference: key.original().unwrap_or_default(),
        operation,
        mechanism: mechanism.0,
    };
    let noted = application.audit_use(&session.seat, event);
    noted.inspect_err(|_| {
        // Whether it was begun or not: what could not be noted is the error.
        let _ = operations.cancel(operation);
    })
}

/// `C_DigestKey`.
pub(super) fn absorb_key(
    application: &Application,
    session: SessionHandle,
    key: ObjectHandle,
) -> Result<()> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    match active.view.key(&session.seat, key) {
        Ok((seen, key)) => {
            active.operations.absorb_key(key)?;
            let (operation, none) = (Operation::Digest, NO_MECHANISM);
            let operations = &mut active.operations;
            note(application, session, operations, seen, operation, none)
        }
        Err(error) => {
            // Whether there was one or not: the key is what is wrong.
            let _ = active.operations.cancel(Operation::Digest);
            Err(error)
        }
    }
}

/// `C_Login` with `CKU_CONTEXT_SPECIFIC`: who is logged in shows the password again, for one use of
/// a key that wants it (§5.6.8).
pub(super) fn log_in_for_one_use(
    application: &Application,
    session: SessionHandle,
    seat: &Seat,
    pin: impl FnOnce(&str) -> SecretBytes,
) -> Result<Ticket> {
    let login = seat.login().ok_or(Reason::UserNotLoggedIn)?;
    let keyring = &login.keyring;
    let caller = application.caller_in(seat);
    let mut session = application.session_of(session)?;
    let (_, active) = session.active()?;
    active.operations.authenticate(|| {
        let password = pin(&keyring.name);
        let cluster = &seat.cluster;
        cluster.check_password(&caller, keyring.role, &keyring.name, &password)
    })?;
    // Nothing can be taken up with it: the operation that it is for would be gone.
    Ok(Ticket {
        login: [0; 16],
        secret: SecretBytes::copied(&[]),
    })
}

/// `C_GetOperationState`: sealed for this application in this cluster.
pub(super) fn state(
    application: &Application,
    session: SessionHandle,
    output: Option<&mut [u8]>,
) -> Result<Produced> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    let state = active.operations.save()?;
    let needed = state.len().saturating_add(crypto::seal::OVERHEAD);
    let Some(output) = output.and_then(|output| output.get_mut(..needed)) else {
        return Ok(Produced::Needed(needed));
    };
    let seat = &session.seat;
    let key = seat.cluster.sealing().operation_key();
    let sealed = sealing::seal(&key, &purpose(application, seat), &state)?;
    output.copy_from_slice(&sealed);
    Ok(Produced::Written(needed))
}

/// `C_SetOperationState`. What can be saved has no key.
pub(super) fn set_state(
    application: &Application,
    session: SessionHandle,
    state: &[u8],
    encryption: Option<ObjectHandle>,
    authentication: Option<ObjectHandle>,
) -> Result<()> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    let seat = &session.seat;
    let key = seat.cluster.sealing().operation_key();
    let opened = sealing::open(&key, &purpose(application, seat), state);
    let opened = opened.ok_or(Reason::SavedStateInvalid)?;
    if encryption.is_some() || authentication.is_some() {
        return Err(Reason::KeyNotNeeded.into());
    }
    active.operations.restore(&opened)
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
    let mut session = application.session_of(session)?;
    session.active()?;
    application.fill_random(output)
}

/// `C_SeedRandom`.
pub(super) fn seed_random(
    application: &Application,
    session: SessionHandle,
    seed: &[u8],
) -> Result<()> {
    if seed.len() > limits::RANDOM_BYTES {
        let words = format!("at most {} bytes of seed at once", limits::RANDOM_BYTES);
        return Err(Error::new(Reason::LimitExceeded, words));
    }
    let mut session = application.session_of(session)?;
    session.active()?;
    application.seed_random(seed)
}

/// What a saved state is sealed for: another application could make it tell what was digested.
fn purpose(application: &Application, seat: &Seat) -> Vec<u8> {
    let slot = seat.slot.0.to_be_bytes();
    let application = application.id().0;
    [
        b"strongroom/1/operation-state/".as_slice(),
        &application,
        &slot,
    ]
    .concat()
}

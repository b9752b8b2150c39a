//! Session management (§5.6): sessions, logins, cancelling.

use cryptoki_sys::*;
use token::{Access, LoginAs, Operation, Reason, SessionHandle, SlotId, limits};

use crate::{
    boundary::{Error, Result},
    information,
    library::Library,
    memory::{Input, Pointer},
    slots::pin,
};

/// `C_OpenSession`. We never notify, so what would be told to the callback is not looked at.
pub(crate) fn open(
    library: &Library,
    slot: SlotId,
    flags: CK_FLAGS,
    _application: CK_VOID_PTR,
    _notify: CK_NOTIFY,
    session: Pointer<CK_SESSION_HANDLE>,
) -> Result<()> {
    session.required()?;
    if flags & CKF_SERIAL_SESSION == 0 {
        return Err(Reason::SessionParallelNotSupported.into());
    }
    if flags & CKF_ASYNC_SESSION != 0 {
        return Err(Error::SessionAsyncNotSupported);
    }
    let access = if flags & CKF_RW_SESSION == 0 {
        Access::ReadOnly
    } else {
        Access::ReadWrite
    };
    session.write(library.hsm().open_session(slot, access)?.0)
}

/// `C_CloseSession`.
pub(crate) fn close(library: &Library, session: SessionHandle) -> Result<()> {
    Ok(library.hsm().close_session(session)?)
}

/// `C_CloseAllSessions`.
pub(crate) fn close_all(library: &Library, slot: SlotId) -> Result<()> {
    Ok(library.hsm().close_sessions(slot)?)
}

/// `C_GetSessionInfo`.
pub(crate) fn session(
    library: &Library,
    session: SessionHandle,
    information: Pointer<CK_SESSION_INFO>,
) -> Result<()> {
    information.required()?;
    information.write(information::session(&library.hsm().session(session)?))
}

/// `C_Login`.
pub(crate) fn login(
    library: &Library,
    session: SessionHandle,
    user: CK_USER_TYPE,
    pin: Input,
) -> Result<()> {
    login_as(library, session, user, None, &pin)
}

/// `C_LoginUser`.
pub(crate) fn login_user(
    library: &Library,
    session: SessionHandle,
    user: CK_USER_TYPE,
    pin: Input,
    name: Input,
) -> Result<()> {
    // A name that is too long is nobody's.
    let name = name.bytes(limits::USER_NAME_BYTES, Reason::PinIncorrect)?;
    let name = str::from_utf8(name).map_err(|_| Reason::ArgumentsBad)?;
    // §5.6.10: without a name it is `C_Login`.
    login_as(
        library,
        session,
        user,
        Some(name).filter(|name| !name.is_empty()),
        &pin,
    )
}

/// `C_Logout`.
pub(crate) fn logout(library: &Library, session: SessionHandle) -> Result<()> {
    Ok(library.hsm().logout(session)?)
}

/// `C_GetSessionValidationFlags`.
pub(crate) fn validation_flags(
    library: &Library,
    session: SessionHandle,
    kind: CK_SESSION_VALIDATION_FLAGS_TYPE,
    flags: Pointer<CK_FLAGS>,
) -> Result<()> {
    flags.required()?;
    if kind != CKS_LAST_VALIDATION_OK {
        library.hsm().session(session)?;
        return Err(Reason::ArgumentsBad.into());
    }
    flags.write(library.hsm().validation_flags(session)?)
}

/// `C_SessionCancel`: ends the operations that the flags name, as far as they are active. Those
/// that are over when their function returns (generate, wrap, derive…) are never active.
pub(crate) fn cancel(library: &Library, session: SessionHandle, flags: CK_FLAGS) -> Result<()> {
    const OPERATIONS: [(CK_FLAGS, Operation); 11] = [
        (CKF_ENCRYPT, Operation::Encrypt),
        (CKF_DECRYPT, Operation::Decrypt),
        (CKF_DIGEST, Operation::Digest),
        (CKF_SIGN, Operation::Sign),
        (CKF_VERIFY, Operation::Verify),
        (CKF_SIGN_RECOVER, Operation::SignRecover),
        (CKF_VERIFY_RECOVER, Operation::VerifyRecover),
        (CKF_MESSAGE_ENCRYPT, Operation::MessageEncrypt),
        (CKF_MESSAGE_DECRYPT, Operation::MessageDecrypt),
        (CKF_MESSAGE_SIGN, Operation::MessageSign),
        (CKF_MESSAGE_VERIFY, Operation::MessageVerify),
    ];
    library.hsm().session(session)?;
    for (flag, operation) in OPERATIONS {
        if flags & flag != 0 {
            if_active(library.hsm().cancel(session, operation))?;
        }
    }
    if flags & CKF_FIND_OBJECTS != 0 {
        if_active(library.hsm().find_end(session))?;
    }
    Ok(())
}

/// What is not active need not be ended.
fn if_active(ended: token::Result<()>) -> Result<()> {
    match ended {
        Err(error) if error.reason == Reason::OperationNotInitialized => Ok(()),
        ended => Ok(ended?),
    }
}

fn login_as(
    library: &Library,
    session: SessionHandle,
    user: CK_USER_TYPE,
    name: Option<&str>,
    pin: &Input,
) -> Result<()> {
    let user = match user {
        CKU_SO => LoginAs::SecurityOfficer,
        CKU_USER => LoginAs::User,
        CKU_CONTEXT_SPECIFIC => LoginAs::ContextSpecific,
        _ => return Err(Reason::UserTypeInvalid.into()),
    };
    // The ticket is the client's, which resumes by itself.
    library.hsm().login(session, user, name, &self::pin(pin)?)?;
    Ok(())
}

//! Around every call: no panic crosses the ABI, an error becomes a `CKR_` code by one table, and
//! what failed is logged once, without data.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use cryptoki_sys::*;
use log::Level;
use token::Reason;

use crate::library::{self, Library};

/// What a `C_` function answers before the boundary has translated it.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a `C_` function failed: a reason of the HSM's, or one that only a C library can have.
#[derive(Debug)]
pub(crate) enum Error {
    /// The HSM refused, or the claim about the caller's memory did not hold.
    Hsm(token::Error),
    /// Between no `C_Initialize` and `C_Finalize`, or in a forked child before its own.
    NotInitialized,
    /// A second `C_Initialize`.
    AlreadyInitialized,
    /// Only the caller's own mutexes are allowed.
    CantLock,
    /// The output does not fit; its length has been told.
    BufferTooSmall,
    /// `CKF_ASYNC_SESSION`.
    SessionAsyncNotSupported,
    /// No slot has changed.
    NoEvent,
    /// No interface has this name, version and flags.
    NoSuchInterface,
}

impl From<token::Error> for Error {
    fn from(error: token::Error) -> Self {
        Self::Hsm(error)
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        Self::Hsm(reason.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::Hsm(error) => return error.fmt(f),
            Error::NotInitialized => "C_Initialize has not been called in this process",
            Error::AlreadyInitialized => "C_Initialize has been called already",
            Error::CantLock => "the library locks with the system's primitives only",
            Error::BufferTooSmall => "the buffer is too small",
            Error::SessionAsyncNotSupported => "there are no asynchronous sessions",
            Error::NoEvent => "no slot has changed",
            Error::NoSuchInterface => "there is no such interface",
        })
    }
}

/// Runs a function that needs the library, and answers its code.
pub(crate) fn call(function: &'static str, verb: impl FnOnce(&Library) -> Result<()>) -> CK_RV {
    alone(function, || verb(&*library::enter()?))
}

/// Runs a function that does without the library, and answers its code.
pub(crate) fn alone(function: &'static str, verb: impl FnOnce() -> Result<()>) -> CK_RV {
    // What a verb has borrowed is gone when it panics; the engine's locks do not poison.
    let (code, level, error) = match catch_unwind(AssertUnwindSafe(verb)) {
        Ok(Ok(())) => return CKR_OK,
        Ok(Err(error)) => {
            let (code, level) = answer(&error);
            (code, level, Some(error))
        }
        Err(_) => (CKR_GENERAL_ERROR, Level::Error, None),
    };
    match error {
        Some(error) => log::log!(level, "{function}: {error} (0x{code:x})"),
        None => log::log!(
            level,
            "{function}: {} (0x{code:x})",
            Reason::Internal.text()
        ),
    }
    code
}

/// The code of an error, and how loud it is logged: a fault that an administrator has to remedy is
/// an error, what a program may do every day is not.
fn answer(error: &Error) -> (CK_RV, Level) {
    match error {
        Error::Hsm(error) => of_reason(error.reason),
        Error::NotInitialized => (CKR_CRYPTOKI_NOT_INITIALIZED, Level::Debug),
        Error::AlreadyInitialized => (CKR_CRYPTOKI_ALREADY_INITIALIZED, Level::Debug),
        Error::CantLock => (CKR_CANT_LOCK, Level::Error),
        Error::BufferTooSmall => (CKR_BUFFER_TOO_SMALL, Level::Trace),
        Error::SessionAsyncNotSupported => (CKR_SESSION_ASYNC_NOT_SUPPORTED, Level::Debug),
        Error::NoEvent => (CKR_NO_EVENT, Level::Trace),
        Error::NoSuchInterface => (CKR_ARGUMENTS_BAD, Level::Debug),
    }
}

macro_rules! codes {
    ($($reason:ident = $code:ident $level:ident,)*) => {
        // A reason without a row does not compile.
        fn of_reason(reason: Reason) -> (CK_RV, Level) {
            match reason { $(Reason::$reason => ($code, Level::$level),)* }
        }
    };
}

codes! {
    ArgumentsBad = CKR_ARGUMENTS_BAD Info,
    AttributeReadOnly = CKR_ATTRIBUTE_READ_ONLY Info,
    AttributeSensitive = CKR_ATTRIBUTE_SENSITIVE Debug,
    AttributeTypeInvalid = CKR_ATTRIBUTE_TYPE_INVALID Debug,
    AttributeValueInvalid = CKR_ATTRIBUTE_VALUE_INVALID Info,
    ActionProhibited = CKR_ACTION_PROHIBITED Info,
    DataInvalid = CKR_DATA_INVALID Info,
    DataLenRange = CKR_DATA_LEN_RANGE Info,
    EncryptedDataInvalid = CKR_ENCRYPTED_DATA_INVALID Info,
    EncryptedDataLenRange = CKR_ENCRYPTED_DATA_LEN_RANGE Info,
    DeviceRemoved = CKR_DEVICE_REMOVED Error,
    DeviceMemory = CKR_DEVICE_MEMORY Error,
    FunctionNotSupported = CKR_FUNCTION_NOT_SUPPORTED Info,
    KeyFunctionNotPermitted = CKR_KEY_FUNCTION_NOT_PERMITTED Info,
    KeyHandleInvalid = CKR_KEY_HANDLE_INVALID Info,
    KeySizeRange = CKR_KEY_SIZE_RANGE Info,
    KeyTypeInconsistent = CKR_KEY_TYPE_INCONSISTENT Info,
    MechanismInvalid = CKR_MECHANISM_INVALID Info,
    MechanismParamInvalid = CKR_MECHANISM_PARAM_INVALID Info,
    ObjectHandleInvalid = CKR_OBJECT_HANDLE_INVALID Info,
    OperationActive = CKR_OPERATION_ACTIVE Info,
    OperationNotInitialized = CKR_OPERATION_NOT_INITIALIZED Info,
    OperationCancelFailed = CKR_OPERATION_CANCEL_FAILED Info,
    PinIncorrect = CKR_PIN_INCORRECT Warn,
    PinInvalid = CKR_PIN_INVALID Info,
    PinLenRange = CKR_PIN_LEN_RANGE Info,
    PinLocked = CKR_PIN_LOCKED Warn,
    SessionCount = CKR_SESSION_COUNT Warn,
    SessionExists = CKR_SESSION_EXISTS Info,
    SessionHandleInvalid = CKR_SESSION_HANDLE_INVALID Info,
    SessionParallelNotSupported = CKR_SESSION_PARALLEL_NOT_SUPPORTED Info,
    SessionReadOnly = CKR_SESSION_READ_ONLY Info,
    SessionReadOnlyExists = CKR_SESSION_READ_ONLY_EXISTS Info,
    SessionReadWriteSoExists = CKR_SESSION_READ_WRITE_SO_EXISTS Info,
    SignatureInvalid = CKR_SIGNATURE_INVALID Info,
    SignatureLenRange = CKR_SIGNATURE_LEN_RANGE Info,
    SlotIdInvalid = CKR_SLOT_ID_INVALID Info,
    TemplateIncomplete = CKR_TEMPLATE_INCOMPLETE Info,
    TemplateInconsistent = CKR_TEMPLATE_INCONSISTENT Info,
    TokenNotPresent = CKR_TOKEN_NOT_PRESENT Info,
    TokenNotRecognized = CKR_TOKEN_NOT_RECOGNIZED Info,
    TokenWriteProtected = CKR_TOKEN_WRITE_PROTECTED Warn,
    UserAlreadyLoggedIn = CKR_USER_ALREADY_LOGGED_IN Info,
    UserAnotherAlreadyLoggedIn = CKR_USER_ANOTHER_ALREADY_LOGGED_IN Info,
    UserNotLoggedIn = CKR_USER_NOT_LOGGED_IN Info,
    UserPinNotInitialized = CKR_USER_PIN_NOT_INITIALIZED Info,
    UserTypeInvalid = CKR_USER_TYPE_INVALID Info,
    RandomSeedNotSupported = CKR_RANDOM_SEED_NOT_SUPPORTED Info,
    // The next five come from verbs on users and clusters, which no `C_` function speaks.
    NotFound = CKR_FUNCTION_FAILED Info,
    AlreadyExists = CKR_FUNCTION_FAILED Info,
    ClusterState = CKR_FUNCTION_FAILED Warn,
    Certificate = CKR_FUNCTION_FAILED Warn,
    NotPermitted = CKR_FUNCTION_FAILED Warn,
    LimitExceeded = CKR_TOKEN_RESOURCE_EXCEEDED Warn,
    Conflict = CKR_FUNCTION_FAILED Warn,
    StoreFull = CKR_DEVICE_MEMORY Error,
    StoreReadOnly = CKR_TOKEN_WRITE_PROTECTED Error,
    StoreDamaged = CKR_DEVICE_ERROR Error,
    StoreFailed = CKR_DEVICE_ERROR Error,
    HomeInUse = CKR_FUNCTION_FAILED Error,
    HomeInvalid = CKR_FUNCTION_FAILED Error,
    Unreachable = CKR_DEVICE_ERROR Error,
    Protocol = CKR_DEVICE_ERROR Error,
    Internal = CKR_GENERAL_ERROR Error,
    KeyUnextractable = CKR_KEY_UNEXTRACTABLE Info,
    KeyNotWrappable = CKR_KEY_NOT_WRAPPABLE Info,
    WrappedKeyInvalid = CKR_WRAPPED_KEY_INVALID Info,
    WrappedKeyLenRange = CKR_WRAPPED_KEY_LEN_RANGE Info,
    WrappingKeyHandleInvalid = CKR_WRAPPING_KEY_HANDLE_INVALID Info,
    WrappingKeySizeRange = CKR_WRAPPING_KEY_SIZE_RANGE Info,
    WrappingKeyTypeInconsistent = CKR_WRAPPING_KEY_TYPE_INCONSISTENT Info,
    UnwrappingKeyHandleInvalid = CKR_UNWRAPPING_KEY_HANDLE_INVALID Info,
    UnwrappingKeySizeRange = CKR_UNWRAPPING_KEY_SIZE_RANGE Info,
    UnwrappingKeyTypeInconsistent = CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT Info,
    KeyIndigestible = CKR_KEY_INDIGESTIBLE Info,
    KeyNeeded = CKR_KEY_NEEDED Info,
    KeyNotNeeded = CKR_KEY_NOT_NEEDED Info,
    KeyChanged = CKR_KEY_CHANGED Info,
    StateUnsaveable = CKR_STATE_UNSAVEABLE Info,
    SavedStateInvalid = CKR_SAVED_STATE_INVALID Info,
    DomainParamsInvalid = CKR_DOMAIN_PARAMS_INVALID Info,
    CurveNotSupported = CKR_CURVE_NOT_SUPPORTED Info,
    ParameterSetNotSupported = CKR_PARAMETER_SET_NOT_SUPPORTED Info,
    PublicKeyInvalid = CKR_PUBLIC_KEY_INVALID Info,
    FunctionCanceled = CKR_FUNCTION_CANCELED Debug,
    AeadDecryptFailed = CKR_AEAD_DECRYPT_FAILED Info,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_general_error_and_no_more() {
        assert_eq!(alone("C_Test", || panic!("on purpose")), CKR_GENERAL_ERROR);
    }

    #[test]
    fn no_reason_is_success() {
        for reason in Reason::ALL {
            assert_ne!(of_reason(*reason).0, CKR_OK, "{reason:?}");
        }
    }
}

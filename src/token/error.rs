//! Why a verb failed: a reason of the standard's or ours, and what helps.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a verb answers.
pub type Result<T> = std::result::Result<T, Error>;

/// A reason, with the context and remedy that belong in a log line or a response. Never a secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Error {
    /// Why.
    pub reason: Reason,
    context: Option<Box<str>>,
}

impl Error {
    /// An error that needs more words than its reason has.
    pub fn new(reason: Reason, context: impl Into<String>) -> Self {
        Self {
            reason,
            context: Some(context.into().into_boxed_str()),
        }
    }

    /// The words that were given with it.
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            context: None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.text())?;
        match &self.context {
            Some(context) => write!(f, ": {context}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// The table of reasons: one line makes the variant and its words. The order is part of the wire
/// format: new ones go to the end.
macro_rules! reasons {
    ($($name:ident = $text:literal,)*) => {
        /// Why a verb failed. The provider translates a reason to its `CKR_` code by a table.
        // A word, as the other half of an error is: every call hands a `Result` through the layers,
        // and a processor waits where a byte was written and a word is read.
        #[repr(u64)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $(#[doc = $text] $name,)*
        }

        impl Reason {
            /// Every reason, in the order of the wire format.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];

            /// The reason in words.
            pub fn text(self) -> &'static str {
                match self { $(Reason::$name => $text,)* }
            }
        }
    };
}

reasons! {
    ArgumentsBad = "an argument is not legal",
    AttributeReadOnly = "the attribute cannot be set or changed",
    AttributeSensitive = "the attribute is not revealed",
    AttributeTypeInvalid = "the object cannot have this attribute",
    AttributeValueInvalid = "the attribute cannot have this value",
    ActionProhibited = "the object's attributes forbid this",
    DataInvalid = "the data is not legal for the mechanism",
    DataLenRange = "the data has the wrong length for the mechanism",
    EncryptedDataInvalid = "the ciphertext was altered or was made with another key",
    EncryptedDataLenRange = "the ciphertext has the wrong length for the mechanism",
    DeviceRemoved = "the HSM has been removed or has failed",
    DeviceMemory = "there is no more room for this in the HSM",
    FunctionNotSupported = "the function is not supported",
    KeyFunctionNotPermitted = "the key's attributes do not allow this use",
    KeyHandleInvalid = "there is no such key, or it cannot be seen by this session",
    KeySizeRange = "the key's length is outside the mechanism's range",
    KeyTypeInconsistent = "the key's type does not fit the mechanism",
    MechanismInvalid = "the mechanism does not exist or does not do this",
    MechanismParamInvalid = "the mechanism's parameter is not legal",
    ObjectHandleInvalid = "there is no such object, or it cannot be seen by this session",
    OperationActive = "an operation of this kind is active already",
    OperationNotInitialized = "no operation of this kind is active",
    OperationCancelFailed = "the operation cannot be cancelled",
    PinIncorrect = "the password is wrong",
    PinInvalid = "the password has characters that are not allowed",
    PinLenRange = "the password is too short or too long",
    PinLocked = "too many wrong passwords: an admin sets a new one, or the operator says `strongroom user unlock`",
    SessionCount = "too many sessions: close some",
    SessionExists = "sessions are open on the token: close them first",
    SessionHandleInvalid = "there is no such session",
    SessionParallelNotSupported = "CKF_SERIAL_SESSION must be set",
    SessionReadOnly = "the session is read-only",
    SessionReadOnlyExists = "a read-only session is open: close it before the SO logs in",
    SessionReadWriteSoExists = "the SO is logged in: a read-only session cannot be opened",
    SignatureInvalid = "the signature is wrong",
    SignatureLenRange = "the signature has the wrong length",
    SlotIdInvalid = "there is no such slot",
    TemplateIncomplete = "an attribute that is required is missing from the template",
    TemplateInconsistent = "the template contradicts itself or the mechanism",
    TokenNotPresent = "there is no token in the slot",
    TokenNotRecognized = "the token has not been initialised",
    TokenWriteProtected = "the token cannot be initialised again",
    UserAlreadyLoggedIn = "the user is logged in already",
    UserAnotherAlreadyLoggedIn = "another user is logged in",
    UserNotLoggedIn = "a user must be logged in for this",
    UserPinNotInitialized = "the user does not exist or has no password yet",
    UserTypeInvalid = "there is no such kind of user",
    RandomSeedNotSupported = "the random generator takes no seed",
    NotFound = "it does not exist",
    AlreadyExists = "it exists already",
    ClusterState = "the cluster's state does not allow this",
    Certificate = "the certificate is not the one that is needed",
    NotPermitted = "this is not permitted to the caller",
    LimitExceeded = "a limit is reached",
    Conflict = "somebody else changed the same thing at the same time: try again",
    StoreFull = "the disk is full: free some space; reading goes on",
    StoreReadOnly = "the home cannot be written",
    StoreDamaged = "the database is damaged",
    StoreFailed = "the database failed",
    HomeInUse = "another process owns the home",
    HomeInvalid = "the home cannot be used",
    Unreachable = "hsmd cannot be reached",
    Protocol = "the peer does not speak the protocol",
    Internal = "an internal error, please report it",
    KeyUnextractable = "the key's CKA_EXTRACTABLE is false",
    KeyNotWrappable = "the key only leaves under a wrapping key that the security officer trusts",
    WrappedKeyInvalid = "the wrapped key was altered, was wrapped with another key, or is no such key",
    WrappedKeyLenRange = "the wrapped key has the wrong length",
    WrappingKeyHandleInvalid = "there is no such wrapping key, or it cannot be seen by this session",
    WrappingKeySizeRange = "the wrapping key's length is outside the mechanism's range",
    WrappingKeyTypeInconsistent = "the wrapping key's type does not fit the mechanism",
    UnwrappingKeyHandleInvalid = "there is no such unwrapping key, or it cannot be seen by this session",
    UnwrappingKeySizeRange = "the unwrapping key's length is outside the mechanism's range",
    UnwrappingKeyTypeInconsistent = "the unwrapping key's type does not fit the mechanism",
    KeyIndigestible = "the value of this key cannot be digested",
    KeyNeeded = "the state needs the key that its operation had",
    KeyNotNeeded = "the state's operation has no key",
    KeyChanged = "the key is not the one that the state's operation had",
    StateUnsaveable = "the state of the operation cannot be saved",
    SavedStateInvalid = "the state was altered, or is not from this token",
    DomainParamsInvalid = "the domain parameters are not legal",
    CurveNotSupported = "the curve is not supported",
    ParameterSetNotSupported = "the parameter set is not supported",
    PublicKeyInvalid = "the public key is not legal",
    FunctionCanceled = "the function was cancelled",
    AeadDecryptFailed = "the message was altered, or was made with another key or parameter",
}

impl Reason {
    /// Whether the failure is the HSM's own, so that what was asked for may have been done
    /// all the same. All others refuse, and nothing has been done.
    pub fn leaves_doubt(self) -> bool {
        matches!(
            self,
            Self::Internal
                | Self::DeviceMemory
                | Self::DeviceRemoved
                | Self::StoreFull
                | Self::StoreReadOnly
                | Self::StoreDamaged
                | Self::StoreFailed
                | Self::Conflict
                | Self::Unreachable
                | Self::Protocol
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_its_reason_and_then_its_context() {
        let error = Error::new(Reason::StoreFull, "commit of 3 records");
        assert!(
            error
                .to_string()
                .ends_with("reading goes on: commit of 3 records")
        );
    }
}

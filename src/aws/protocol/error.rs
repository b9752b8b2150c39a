//! Errors as a caller gets them: AWS's name, the HTTP status, and a message that tells the remedy.

use std::fmt;

/// What an operation answers.
pub type Result<T> = std::result::Result<T, Error>;

/// A name and a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// AWS's name: the `__type` of the response.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
}

/// A table of error kinds: one line makes a constant.
#[macro_export]
macro_rules! kinds {
    ($($constant:ident = $name:literal $status:literal,)*) => {
        $(#[doc = concat!("`", $name, "`.")]
        pub const $constant: $crate::Kind = $crate::Kind { name: $name, status: $status };)*
    };
}

kinds! {
    ACCESS_DENIED = "AccessDeniedException" 400,
    INCOMPLETE_SIGNATURE = "IncompleteSignatureException" 400,
    INVALID_SIGNATURE = "InvalidSignatureException" 400,
    MISSING_AUTHENTICATION_TOKEN = "MissingAuthenticationTokenException" 400,
    UNRECOGNIZED_CLIENT = "UnrecognizedClientException" 400,
    UNKNOWN_OPERATION = "UnknownOperationException" 400,
    SERIALIZATION = "SerializationException" 400,
    VALIDATION = "ValidationException" 400,
    THROTTLING = "ThrottlingException" 400,
    REQUEST_TOO_LARGE = "RequestEntityTooLargeException" 413,
    INTERNAL_FAILURE = "InternalFailure" 500,
    SERVICE_UNAVAILABLE = "ServiceUnavailableException" 503,
}

/// An error on its way to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Its name and status.
    pub kind: Kind,
    /// What went wrong and what helps; never a secret. AWS leaves it empty for some kinds.
    pub message: String,
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name, self.message)
    }
}

impl std::error::Error for Error {}

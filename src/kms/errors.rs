//! The exceptions of the KMS API, and the ones that several operations answer in AWS's words.

use aws::Error;

aws::kinds! {
    ALREADY_EXISTS = "AlreadyExistsException" 400,
    CLUSTER_IN_USE = "CloudHsmClusterInUseException" 400,
    CLUSTER_INVALID_CONFIGURATION = "CloudHsmClusterInvalidConfigurationException" 400,
    CLUSTER_NOT_ACTIVE = "CloudHsmClusterNotActiveException" 400,
    CLUSTER_NOT_FOUND = "CloudHsmClusterNotFoundException" 400,
    CLUSTER_NOT_RELATED = "CloudHsmClusterNotRelatedException" 400,
    STORE_HAS_KEYS = "CustomKeyStoreHasCMKsException" 400,
    STORE_INVALID_STATE = "CustomKeyStoreInvalidStateException" 400,
    STORE_NAME_IN_USE = "CustomKeyStoreNameInUseException" 400,
    STORE_NOT_FOUND = "CustomKeyStoreNotFoundException" 400,
    DISABLED = "DisabledException" 400,
    DRY_RUN = "DryRunOperationException" 400,
    INCORRECT_KEY = "IncorrectKeyException" 400,
    INCORRECT_TRUST_ANCHOR = "IncorrectTrustAnchorException" 400,
    INVALID_ALIAS_NAME = "InvalidAliasNameException" 400,
    INVALID_ARN = "InvalidArnException" 400,
    INVALID_CIPHERTEXT = "InvalidCiphertextException" 400,
    INVALID_GRANT_TOKEN = "InvalidGrantTokenException" 400,
    INVALID_KEY_USAGE = "InvalidKeyUsageException" 400,
    INVALID_MARKER = "InvalidMarkerException" 400,
    INVALID_STATE = "KMSInvalidStateException" 400,
    KMS_INTERNAL = "KMSInternalException" 500,
    LIMIT_EXCEEDED = "LimitExceededException" 400,
    NOT_AUTHORIZED = "NotAuthorizedException" 400,
    NOT_FOUND = "NotFoundException" 400,
    TAG = "TagException" 400,
    UNSUPPORTED = "UnsupportedOperationException" 400,
}

/// A ValidationException that is not about one member's own constraint.
pub(crate) fn validation(message: impl Into<String>) -> Error {
    Error::new(aws::error::VALIDATION, message)
}

pub(crate) fn internal(message: impl Into<String>) -> Error {
    Error::new(KMS_INTERNAL, message)
}

pub(crate) fn unsupported(message: impl Into<String>) -> Error {
    Error::new(UNSUPPORTED, message)
}

/// AWS says nothing about a ciphertext that it cannot decrypt: not even whether the context or
/// the bytes were wrong.
pub(crate) fn invalid_ciphertext() -> Error {
    Error::new(INVALID_CIPHERTEXT, "")
}

pub(crate) fn dry_run() -> Error {
    Error::new(
        DRY_RUN,
        "The request would have succeeded, but the DryRun option is set.",
    )
}

pub(crate) fn unavailable(arn: &str) -> Error {
    Error::new(INVALID_STATE, format!("{arn} is unavailable."))
}

pub(crate) fn no_such_store(id: &str) -> Error {
    Error::new(
        STORE_NOT_FOUND,
        format!("Custom key store '{id}' does not exist."),
    )
}

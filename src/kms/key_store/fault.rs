//! Why a key store did not do what it was asked, and what a caller of the API is told.

use aws::Error;
use cryptoki::error::{Error as Pkcs11Error, RvError};

use crate::errors::{self, INVALID_STATE, KMS_INTERNAL, STORE_INVALID_STATE};

/// Why a key store did not do it.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It is not connected.
    Disconnected,
    /// The HSMs, the session or the login are gone: connecting again may help.
    Lost(String),
    /// There is no material for the key.
    Missing,
    /// There is more than one object with the key's label and id.
    Ambiguous,
    /// The ciphertext or what was authenticated with it is not what it was.
    Altered,
    /// No session was free in time.
    Busy,
    /// The key has encrypted as many messages as it may.
    Exhausted,
    /// The ciphertext was made in a way that this module does not have.
    ForeignScheme,
    /// The HSMs have no room: their disk is full.
    Full,
    /// The module refused.
    Refused(String),
    /// Something of our own failed.
    Internal(Error),
}

impl Fault {
    /// What the user of a key is told.
    pub(crate) fn of_key(self, arn: &str) -> Error {
        match self {
            Fault::Disconnected => errors::unavailable(arn),
            Fault::Missing => {
                log::error!("{arn}: no object with this label is in the cluster");
                let text = format!(
                    "{arn} has no key material in its CloudHSM cluster: it was deleted there. \
                     Restore the cluster from a backup that has it."
                );
                Error::new(INVALID_STATE, text)
            }
            Fault::Ambiguous => {
                log::error!("{arn}: several objects with this label are in the cluster");
                let text = format!(
                    "{arn} has more than one key in its CloudHSM cluster: delete the ones that \
                     kmsuser did not get from KMS."
                );
                Error::new(INVALID_STATE, text)
            }
            Fault::Altered | Fault::ForeignScheme => errors::invalid_ciphertext(),
            Fault::Exhausted => {
                let text = format!(
                    "{arn} has encrypted as many messages as AES-GCM with random nonces allows; \
                     it still decrypts. Create another key."
                );
                Error::new(INVALID_STATE, text)
            }
            other => other.of_any(),
        }
    }

    /// What somebody is told who asked for something that is of no key: of the store `id`.
    pub(crate) fn of_store(self, id: &str) -> Error {
        match self {
            Fault::Disconnected => not_connected(id),
            other => other.of_any(),
        }
    }

    fn of_any(self) -> Error {
        match self {
            Fault::Lost(why) => {
                log::warn!("a key store cannot reach its HSMs: {why}");
                Error::new(
                    INVALID_STATE,
                    "KMS cannot communicate with your CloudHSM cluster",
                )
            }
            Fault::Busy => Error::new(
                KMS_INTERNAL,
                "The CloudHSM cluster has no PKCS #11 session available: try again.",
            ),
            Fault::Full => {
                log::error!("a key store's HSMs have no room: {NO_ROOM}");
                errors::internal(format!("The CloudHSM cluster has no room: {NO_ROOM}."))
            }
            Fault::Internal(error) => error,
            Fault::Refused(why) => {
                log::error!("a key store's module refused: {why}");
                errors::internal("The CloudHSM cluster refused the request.")
            }
            other => errors::internal(format!("The key store failed: {other:?}.")),
        }
    }
}

/// What helps against `CKR_DEVICE_MEMORY`.
pub(super) const NO_ROOM: &str =
    "free some space on the disk of its home, or delete keys, then try again";

/// That a store is not connected.
pub(crate) fn not_connected(id: &str) -> Error {
    Error::new(
        STORE_INVALID_STATE,
        format!("Custom key store '{id}' is not connected."),
    )
}

/// Codes after which the sessions, the login or the HSMs are gone.
const LOST: &[RvError] = &[
    RvError::CryptokiNotInitialized,
    RvError::DeviceError,
    RvError::DeviceRemoved,
    RvError::FunctionFailed,
    RvError::SessionClosed,
    RvError::SessionHandleInvalid,
    RvError::SlotIdInvalid,
    RvError::TokenNotPresent,
    RvError::TokenNotRecognized,
    RvError::UserNotLoggedIn,
];

impl From<Pkcs11Error> for Fault {
    fn from(error: Pkcs11Error) -> Self {
        match &error {
            Pkcs11Error::Pkcs11(RvError::SessionCount, _) => Fault::Busy,
            Pkcs11Error::Pkcs11(RvError::DeviceMemory, _) => Fault::Full,
            Pkcs11Error::Pkcs11(code, _) if LOST.contains(code) => Fault::Lost(error.to_string()),
            _ => Fault::Refused(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    #[test]
    fn a_full_disk_is_told_with_its_remedy() {
        let full = Pkcs11Error::Pkcs11(RvError::DeviceMemory, Function::GenerateKey);
        let error = Fault::from(full).of_store("cks-1");
        assert_eq!(error.kind, KMS_INTERNAL);
        assert!(error.message.contains("free some space"), "{error}");
    }
}

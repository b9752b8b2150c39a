//! kmsuser's login on a token, and what the module's codes mean for a store that is to be connected.

use cryptoki::{
    context::Pkcs11,
    error::{Error as Pkcs11Error, RvError},
    session::{Session, UserType},
    slot::Slot,
};

use super::{
    ConnectionErrorCode as Code, Module, Password, credentials::Account, fault::NO_ROOM,
    quirks::Quirks,
};

/// Why a store could not be opened.
#[derive(Debug)]
pub(crate) enum OpeningError {
    /// No slot has the token.
    NoToken,
    /// The module said so.
    Module(Pkcs11Error),
}

impl OpeningError {
    pub(crate) fn code(&self) -> Code {
        match self {
            OpeningError::NoToken => Code::NetworkErrors,
            OpeningError::Module(error) => code_of(error),
        }
    }
}

impl std::fmt::Display for OpeningError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OpeningError::NoToken => f.write_str("no slot has it"),
            OpeningError::Module(error) => error.fmt(f),
        }
    }
}

impl From<Pkcs11Error> for OpeningError {
    fn from(error: Pkcs11Error) -> Self {
        OpeningError::Module(error)
    }
}

/// A session in which kmsuser logs in.
pub(crate) struct LogIn {
    pub(super) pkcs11: Pkcs11,
    pub(super) quirks: &'static Quirks,
    pub(super) slot: Slot,
    pub(super) session: Session,
}

impl LogIn {
    /// A session with the token that has this serial number.
    pub(crate) fn at(module: &Module, serial: &str) -> Result<Self, OpeningError> {
        module.initialize()?;
        let pkcs11 = module.pkcs11.clone();
        let quirks = Quirks::of(pkcs11.get_library_info()?.manufacturer_id());
        let slot = module.slot(serial)?.ok_or(OpeningError::NoToken)?;
        let session = pkcs11.open_rw_session(slot)?;
        Ok(Self {
            pkcs11,
            quirks,
            slot,
            session,
        })
    }
}

impl Account for LogIn {
    fn log_in(&self, password: &Password) -> Result<(), Code> {
        let pin = self.quirks.pin(password);
        let first = self.session.login(UserType::User, Some(&pin));
        let answer = match first {
            // Left over by a connection of ours that was lost: nobody else logs in through us.
            Err(Pkcs11Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => self
                .session
                .logout()
                .and_then(|()| self.session.login(UserType::User, Some(&pin))),
            answer => answer,
        };
        answer.map_err(|error| told("kmsuser cannot log in", &error))
    }

    fn change(&self, old: &Password, new: &Password) -> Result<(), Code> {
        let (old, new) = (self.quirks.pin(old), self.quirks.pin(new));
        self.session
            .set_pin(&old, &new)
            .map_err(|error| told("kmsuser's password cannot be changed", &error))
    }
}

/// What each code of the module means for a store that is to be connected.
const CODES: &[(&[RvError], Code)] = &[
    (
        &[
            RvError::PinIncorrect,
            RvError::PinInvalid,
            RvError::PinLenRange,
            RvError::PinExpired,
        ],
        Code::InvalidCredentials,
    ),
    (&[RvError::PinLocked], Code::UserLockedOut),
    (&[RvError::UserPinNotInitialized], Code::UserNotFound),
    (
        &[RvError::UserAnotherAlreadyLoggedIn, RvError::SessionExists],
        Code::UserLoggedIn,
    ),
    (&[RvError::DeviceRemoved], Code::InsufficientCloudhsmHsms),
    (
        &[
            RvError::DeviceError,
            RvError::FunctionFailed,
            RvError::SessionClosed,
            RvError::SessionHandleInvalid,
            RvError::SlotIdInvalid,
            RvError::TokenNotPresent,
            RvError::TokenNotRecognized,
        ],
        Code::NetworkErrors,
    ),
];

/// The code of an error that is told in the log, with the remedy where the code says too little.
fn told(what: &str, error: &Pkcs11Error) -> Code {
    match error {
        Pkcs11Error::Pkcs11(RvError::DeviceMemory, _) => log::error!("{what}: {NO_ROOM}"),
        error => log::warn!("{what}: {error}"),
    }
    code_of(error)
}

fn code_of(error: &Pkcs11Error) -> Code {
    let Pkcs11Error::Pkcs11(code, _) = error else {
        return Code::InternalError;
    };
    let row = CODES.iter().find(|(codes, _)| codes.contains(code));
    row.map_or(Code::InternalError, |(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    #[test]
    fn what_a_module_says_of_a_login_is_told_in_awss_words() {
        for (said, code) in [
            (RvError::PinIncorrect, Code::InvalidCredentials),
            (RvError::PinLocked, Code::UserLockedOut),
            (RvError::UserPinNotInitialized, Code::UserNotFound),
            (RvError::UserAnotherAlreadyLoggedIn, Code::UserLoggedIn),
            (RvError::DeviceRemoved, Code::InsufficientCloudhsmHsms),
            (RvError::DeviceError, Code::NetworkErrors),
            (RvError::DeviceMemory, Code::InternalError),
            (RvError::GeneralError, Code::InternalError),
        ] {
            let error = Pkcs11Error::Pkcs11(said, Function::Login);
            assert_eq!(code_of(&error), code, "{error}");
        }
    }
}

//! What the library says about itself, slots and tokens, in the C structures: texts padded with
//! blanks, versions, flags.

use cryptoki_sys::*;
use token::{Access, LoginState, MechanismInformation, Session, Slot, Token, limits};

use crate::template::UNAVAILABLE;

/// The version of PKCS#11 that the library speaks.
pub(crate) const CRYPTOKI: CK_VERSION = CK_VERSION { major: 3, minor: 2 };

const MANUFACTURER: &str = "Strongroom";
const DESCRIPTION: &str = if cfg!(feature = "fips") {
    "HSM cluster in software, FIPS"
} else {
    "HSM cluster in software"
};

/// `CK_INFO`.
pub(crate) fn library() -> CK_INFO {
    CK_INFO {
        cryptokiVersion: CRYPTOKI,
        manufacturerID: padded(MANUFACTURER),
        flags: 0,
        libraryDescription: padded(DESCRIPTION),
        libraryVersion: version(env!("CARGO_PKG_VERSION")),
    }
}

/// `CK_SLOT_INFO`.
pub(crate) fn slot(slot: &Slot) -> CK_SLOT_INFO {
    let present = if slot.token_present {
        CKF_TOKEN_PRESENT
    } else {
        0
    };
    CK_SLOT_INFO {
        slotDescription: padded(&slot.description),
        manufacturerID: padded(MANUFACTURER),
        flags: present,
        hardwareVersion: version(env!("CARGO_PKG_VERSION")),
        firmwareVersion: version(env!("CARGO_PKG_VERSION")),
    }
}

/// `CK_TOKEN_INFO`.
pub(crate) fn token(token: &Token) -> CK_TOKEN_INFO {
    CK_TOKEN_INFO {
        label: padded(&token.label),
        manufacturerID: padded(MANUFACTURER),
        model: padded(&token.model),
        serialNumber: padded(&token.serial_number),
        flags: token.flags,
        ulMaxSessionCount: limits::SESSIONS as CK_ULONG,
        ulSessionCount: token.sessions,
        ulMaxRwSessionCount: limits::SESSIONS as CK_ULONG,
        ulRwSessionCount: token.read_write_sessions,
        ulMaxPinLen: limits::PIN_BYTES_MAX as CK_ULONG,
        ulMinPinLen: limits::PIN_BYTES_MIN as CK_ULONG,
        ulTotalPublicMemory: UNAVAILABLE,
        ulFreePublicMemory: UNAVAILABLE,
        ulTotalPrivateMemory: UNAVAILABLE,
        ulFreePrivateMemory: UNAVAILABLE,
        hardwareVersion: pair(token.hardware_version),
        firmwareVersion: pair(token.firmware_version),
        utcTime: padded(""),
    }
}

/// `CK_SESSION_INFO`.
pub(crate) fn session(session: &Session) -> CK_SESSION_INFO {
    let state = match (session.login, session.access) {
        (LoginState::Public, Access::ReadOnly) => CKS_RO_PUBLIC_SESSION,
        (LoginState::Public, Access::ReadWrite) => CKS_RW_PUBLIC_SESSION,
        (LoginState::User, Access::ReadOnly) => CKS_RO_USER_FUNCTIONS,
        (LoginState::User, Access::ReadWrite) => CKS_RW_USER_FUNCTIONS,
        (LoginState::SecurityOfficer, _) => CKS_RW_SO_FUNCTIONS,
    };
    let access = match session.access {
        Access::ReadOnly => 0,
        Access::ReadWrite => CKF_RW_SESSION,
    };
    CK_SESSION_INFO {
        slotID: session.slot.0,
        state,
        flags: CKF_SERIAL_SESSION | access,
        ulDeviceError: 0,
    }
}

/// `CK_MECHANISM_INFO`.
pub(crate) fn mechanism(mechanism: &MechanismInformation) -> CK_MECHANISM_INFO {
    CK_MECHANISM_INFO {
        ulMinKeySize: mechanism.min_key,
        ulMaxKeySize: mechanism.max_key,
        flags: mechanism.flags,
    }
}

/// The longest PIN that is looked at: a user's name, a colon, a password. What every user may have is
/// `ulMaxPinLen`.
pub(crate) const PIN_BYTES: usize = limits::USER_NAME_BYTES + 1 + limits::PIN_BYTES_MAX;

/// `text`, cut at a character's end and filled with blanks (§3.2: not terminated).
fn padded<const LENGTH: usize>(text: &str) -> [CK_UTF8CHAR; LENGTH] {
    let mut field = [b' '; LENGTH];
    let end = (0..=LENGTH)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    for (place, byte) in field.iter_mut().zip(text.bytes().take(end)) {
        *place = byte;
    }
    field
}

/// The first two numbers of a version.
fn version(text: &str) -> CK_VERSION {
    let mut numbers = text.split('.').map(|number| number.parse().unwrap_or(0));
    pair((numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)))
}

fn pair((major, minor): (u8, u8)) -> CK_VERSION {
    CK_VERSION { major, minor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_padded_with_blanks_and_cut_between_characters() {
        assert_eq!(&padded::<6>("abc"), b"abc   ");
        assert_eq!(&padded::<4>("abcé"), b"abc ");
    }
}

//! What slots, tokens and mechanisms say of themselves.

use cryptoki_sys as sys;
use token::{
    MechanismInformation, Reason, Result, Role, Slot, SlotId, Token, UserInformation, limits,
};

use crate::{
    Application,
    cluster::{
        Cluster,
        users::{DEFAULT_USER, FIRST_ADMIN},
    },
    mechanism,
    slots::{Content, Place},
};

/// What every token says it is.
const MODEL: &str = match crypto::library::IS_FIPS {
    true => "Strongroom FIPS",
    false => "Strongroom",
};
/// Bytes in a token's label.
const LABEL_BYTES: usize = 32;
/// Flags of every token. An operation whose state can be saved has no key.
const FLAGS: u64 = sys::CKF_RNG
    | sys::CKF_LOGIN_REQUIRED
    | sys::CKF_DUAL_CRYPTO_OPERATIONS
    | sys::CKF_RESTORE_KEY_NOT_NEEDED;

/// `C_GetSlotList`, `C_GetSlotInfo`.
pub(super) fn slots(application: &Application) -> Result<Vec<Slot>> {
    Ok(application
        .engine()
        .slots()
        .iter()
        .map(|place| described(place))
        .collect())
}

/// `C_GetTokenInfo`.
pub(super) fn token(application: &Application, slot: SlotId) -> Result<Token> {
    let place = application.engine().slot(slot)?;
    let version = (
        version(env!("CARGO_PKG_VERSION_MAJOR")),
        version(env!("CARGO_PKG_VERSION_MINOR")),
    );
    let (sessions, read_write_sessions) = application.seats().sessions(slot);
    let (label, serial_number, flags) = match place.cluster() {
        Ok(cluster) => {
            let users = cluster.users()?;
            (
                label(&place, cluster),
                serial_number(&place, cluster),
                FLAGS | sys::CKF_TOKEN_INITIALIZED | of_pins(&users),
            )
        }
        // Nothing is initialised in the slot: C_InitToken may do it.
        Err(error) if error.reason == Reason::TokenNotRecognized => {
            (String::new(), format!("{:016}", slot.0), FLAGS)
        }
        Err(error) => return Err(error),
    };
    Ok(Token {
        label,
        serial_number,
        model: MODEL.to_owned(),
        flags,
        sessions,
        read_write_sessions,
        hardware_version: version,
        firmware_version: version,
    })
}

/// `C_GetMechanismList`, `C_GetMechanismInfo`.
pub(super) fn mechanisms(
    application: &Application,
    slot: SlotId,
) -> Result<Vec<MechanismInformation>> {
    application.engine().slot(slot)?;
    Ok(mechanism::list())
}

/// What there is to know of PINs before they are asked for (§3.2, `CK_TOKEN_INFO`): of those of the two users whom
/// programs know without a name.
fn of_pins(users: &[UserInformation]) -> u64 {
    let of = |user: &UserInformation| match (user.role, user.name.as_str()) {
        (Role::CryptoUser, DEFAULT_USER) => [
            sys::CKF_USER_PIN_COUNT_LOW,
            sys::CKF_USER_PIN_FINAL_TRY,
            sys::CKF_USER_PIN_LOCKED,
        ],
        (Role::Admin, FIRST_ADMIN) => [
            sys::CKF_SO_PIN_COUNT_LOW,
            sys::CKF_SO_PIN_FINAL_TRY,
            sys::CKF_SO_PIN_LOCKED,
        ],
        _ => [0; 3],
    };
    users.iter().fold(0, |flags, user| {
        let [tried, final_try, locked] = of(user);
        let initialized = match user.role {
            Role::CryptoUser => sys::CKF_USER_PIN_INITIALIZED,
            Role::Admin => 0,
        };
        let tries = match limits::LOGIN_FAILURES.saturating_sub(user.failures) {
            limits::LOGIN_FAILURES => 0,
            0 => tried | locked,
            1 => tried | final_try,
            _ => tried,
        };
        flags | initialized | tries
    })
}

fn described(place: &Place) -> Slot {
    let description = match (&place.cluster, &place.hsm) {
        (Some(cluster), Some(hsm)) => format!("Strongroom {} {}", cluster.id, hsm.id),
        (Some(cluster), None) => format!("Strongroom {}", cluster.id),
        (None, _) => "Strongroom".to_owned(),
    };
    let token_present = matches!(place.content(), Content::Blank | Content::Token);
    Slot {
        id: place.id,
        description,
        token_present,
        of_hsm: place.hsm.is_some(),
    }
}

/// The cluster's label, and for one HSM its id behind it: at most 32 bytes.
fn label(place: &Place, cluster: &Cluster) -> String {
    let mut label = cluster.label();
    if let Some(hsm) = &place.hsm {
        label = format!("{label}/{}", hsm.id);
    }
    let end = (0..=LABEL_BYTES)
        .rev()
        .find(|end| label.is_char_boundary(*end));
    label.truncate(end.unwrap_or_default());
    label
}

fn serial_number(place: &Place, cluster: &Cluster) -> String {
    let tail = place
        .hsm
        .as_ref()
        .map_or_else(|| cluster.id.tail(), |hsm| hsm.id.tail());
    tail.to_owned()
}

fn version(part: &str) -> u8 {
    part.parse().unwrap_or_default()
}

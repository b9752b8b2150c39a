//! What an HSM says about itself: slots, tokens, sessions, mechanisms, users.

use serde::{Deserialize, Serialize};

use crate::{Access, MechanismId, SlotId};

/// `CK_SLOT_INFO` in our words.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Slot {
    /// Its number.
    pub id: SlotId,
    /// What it is, in at most 64 bytes.
    pub description: String,
    /// Whether a token is in it: a failed or removed HSM's slot is empty.
    pub token_present: bool,
    /// Whether it is the slot of one HSM, and not of a whole cluster.
    pub of_hsm: bool,
}

/// `CK_TOKEN_INFO` in our words.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Token {
    /// At most 32 bytes.
    pub label: String,
    /// At most 16 bytes: the cluster's or HSM's id without prefix.
    pub serial_number: String,
    /// At most 16 bytes.
    pub model: String,
    /// The `CKF_` flags of Table 5 (§3.2), `CKF_TOKEN_INITIALIZED` among them.
    pub flags: u64,
    /// Sessions that this application has open in the slot.
    pub sessions: u64,
    /// Read-write sessions among them.
    pub read_write_sessions: u64,
    /// The HSM's version: major, minor.
    pub hardware_version: (u8, u8),
    /// The engine's version: major, minor.
    pub firmware_version: (u8, u8),
}

/// Who is logged in on a slot, of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoginState {
    /// Nobody.
    Public,
    /// A crypto user.
    User,
    /// An admin.
    SecurityOfficer,
}

/// `CK_SESSION_INFO` in our words.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Its slot.
    pub slot: SlotId,
    /// Read-only or read-write.
    pub access: Access,
    /// Who is logged in.
    pub login: LoginState,
}

/// `CK_MECHANISM_INFO` in our words: derived from the mechanism's row.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MechanismInformation {
    /// The mechanism.
    pub id: MechanismId,
    /// Smallest key, in the unit the standard gives for the mechanism.
    pub min_key: u64,
    /// Largest key, in the same unit.
    pub max_key: u64,
    /// `CKF_ENCRYPT`, `CKF_GENERATE`…: one for each filled column.
    pub flags: u64,
}

/// What a user of a cluster may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Manages users, never uses keys (CO; `CKU_SO`).
    Admin,
    /// Owns and uses keys (CU; `CKU_USER`).
    CryptoUser,
}

/// A user, as a list of users shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserInformation {
    /// At most [`crate::limits::USER_NAME_BYTES`] bytes.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether too many wrong passwords have locked it.
    pub locked: bool,
    /// Wrong passwords since the last right one.
    pub failures: u32,
}

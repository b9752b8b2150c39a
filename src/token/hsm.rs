//! The verbs of an application: everything that PKCS#11 asks of a module, without its C.

use serde::{Deserialize, Serialize};

use crate::{
    Attribute, AttributeType, Mechanism, MechanismInformation, ObjectHandle, Request, Result,
    Revealed, Role, SecretBytes, Session, SessionHandle, Slot, SlotId, Template, Token,
    UserInformation, bounded, limits,
};

/// What one application may ask of the HSMs: the value that answers is that application.
///
/// The engine answers in the same process (embedded) or through `wire` (served), and to the caller
/// there is no difference. Every verb may be called from any thread; verbs on one session wait for
/// one another, verbs on two never do. A verb that changes the store takes a [`Request`] and is
/// durable when it answers.
pub trait Hsm: Send + Sync {
    /// `C_GetSlotList`, `C_GetSlotInfo`: all slots, in a fixed order.
    fn slots(&self) -> Result<Vec<Slot>>;
    /// `C_GetTokenInfo`.
    fn token(&self, slot: SlotId) -> Result<Token>;
    /// `C_GetMechanismList`, `C_GetMechanismInfo`.
    fn mechanisms(&self, slot: SlotId) -> Result<Vec<MechanismInformation>>;
    /// `C_InitToken` (§5.5.8). The label is padded with blanks in the standard, not here.
    fn initialize_token(
        &self,
        request: Request,
        slot: SlotId,
        pin: &SecretBytes,
        label: &str,
    ) -> Result<()>;
    /// `C_InitPIN` (§5.5.9).
    fn initialize_pin(
        &self,
        request: Request,
        session: SessionHandle,
        pin: &SecretBytes,
    ) -> Result<()>;
    /// `C_SetPIN` (§5.5.10).
    fn set_pin(
        &self,
        request: Request,
        session: SessionHandle,
        old: &SecretBytes,
        new: &SecretBytes,
    ) -> Result<()>;

    /// `C_OpenSession`.
    fn open_session(&self, slot: SlotId, access: Access) -> Result<SessionHandle>;
    /// `C_CloseSession`.
    fn close_session(&self, session: SessionHandle) -> Result<()>;
    /// `C_CloseAllSessions`.
    fn close_sessions(&self, slot: SlotId) -> Result<()>;
    /// `C_GetSessionInfo`.
    fn session(&self, session: SessionHandle) -> Result<Session>;
    /// `C_Login`, `C_LoginUser`. Without a name, a PIN `name:password` names its user itself, and
    /// one without a colon means `user` (or `admin`, for the security officer).
    fn login(
        &self,
        session: SessionHandle,
        user: LoginAs,
        name: Option<&str>,
        pin: &SecretBytes,
    ) -> Result<Ticket>;
    /// `C_Logout`.
    fn logout(&self, session: SessionHandle) -> Result<()>;
    /// After hsmd has started again: the application takes up its sessions, with their handles,
    /// and its logins. Answers the slots whose login could not be taken up. Operations and session
    /// objects are gone.
    fn resume(&self, resumption: &Resumption) -> Result<Vec<SlotId>>;

    /// `C_CreateObject`.
    fn create(
        &self,
        request: Request,
        session: SessionHandle,
        template: Template,
    ) -> Result<ObjectHandle>;
    /// `C_DestroyObject`.
    fn destroy(&self, request: Request, session: SessionHandle, object: ObjectHandle)
    -> Result<()>;
    /// `C_GetAttributeValue`: one answer for each attribute asked, in the same order.
    fn attributes(
        &self,
        session: SessionHandle,
        object: ObjectHandle,
        kinds: &[AttributeType],
    ) -> Result<Vec<Revealed>>;
    /// `C_SetAttributeValue`: all of the template, or nothing.
    fn set_attributes(
        &self,
        request: Request,
        session: SessionHandle,
        object: ObjectHandle,
        template: Template,
    ) -> Result<()>;
    /// `C_FindObjectsInit`.
    fn find_start(&self, session: SessionHandle, template: &[Attribute]) -> Result<()>;
    /// `C_FindObjects`: the next handles, at most `limit`.
    fn find_next(&self, session: SessionHandle, limit: usize) -> Result<Vec<ObjectHandle>>;
    /// `C_FindObjectsFinal`.
    fn find_end(&self, session: SessionHandle) -> Result<()>;

    /// `C_GenerateKey`.
    fn generate(
        &self,
        request: Request,
        session: SessionHandle,
        mechanism: &Mechanism,
        template: Template,
    ) -> Result<ObjectHandle>;

    /// `C_EncryptInit`, `C_DecryptInit`, `C_DigestInit`, `C_SignInit`, `C_VerifyInit`. Only a
    /// digest has no key.
    fn start(
        &self,
        session: SessionHandle,
        operation: Operation,
        mechanism: &Mechanism,
        key: Option<ObjectHandle>,
    ) -> Result<Started>;
    /// `C_Encrypt`, `C_Decrypt`, `C_Digest`, `C_Sign`: all of the input, and the end of the
    /// operation.
    fn transform(
        &self,
        session: SessionHandle,
        operation: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced>;
    /// `C_EncryptUpdate`, `C_DecryptUpdate`: a part of the input, for a part of the output.
    fn update(
        &self,
        session: SessionHandle,
        operation: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced>;
    /// `C_DigestUpdate`, `C_SignUpdate`, `C_VerifyUpdate`: a part of the input.
    fn absorb(&self, session: SessionHandle, operation: Operation, input: &[u8]) -> Result<()>;
    /// `C_EncryptFinal`, `C_DecryptFinal`, `C_DigestFinal`, `C_SignFinal`: the rest of the output.
    fn produce(
        &self,
        session: SessionHandle,
        operation: Operation,
        output: Option<&mut [u8]>,
    ) -> Result<Produced>;
    /// `C_Verify` (with all of the input) and `C_VerifyFinal` (without).
    fn check(
        &self,
        session: SessionHandle,
        operation: Operation,
        input: Option<&[u8]>,
        signature: &[u8],
    ) -> Result<()>;
    /// `C_SessionCancel`, and an Init without a mechanism: ends the operation if it is active.
    fn cancel(&self, session: SessionHandle, operation: Operation) -> Result<()>;

    /// `C_GenerateRandom`.
    fn random(&self, session: SessionHandle, output: &mut [u8]) -> Result<()>;

    /// Makes a user; an admin must be logged in, as for the other verbs on users.
    fn create_user(
        &self,
        request: Request,
        session: SessionHandle,
        name: &str,
        role: Role,
        password: &SecretBytes,
    ) -> Result<()>;
    /// All users; whoever is logged in may ask.
    fn users(&self, session: SessionHandle) -> Result<Vec<UserInformation>>;
    /// Deletes a user that owns no key and is not logged in.
    fn delete_user(
        &self,
        request: Request,
        session: SessionHandle,
        name: &str,
        role: Role,
    ) -> Result<()>;
    /// Sets a user's password without knowing the old one, and unlocks it.
    fn set_password(
        &self,
        request: Request,
        session: SessionHandle,
        name: &str,
        role: Role,
        password: &SecretBytes,
    ) -> Result<()>;

    /// `C_Finalize`: the end of the application, its sessions, logins and session objects.
    fn end(&self) -> Result<()>;
}

/// Read-only or read-write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Without `CKF_RW_SESSION`.
    ReadOnly,
    /// With `CKF_RW_SESSION`.
    ReadWrite,
}

/// `CK_USER_TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoginAs {
    /// `CKU_SO`.
    SecurityOfficer,
    /// `CKU_USER`.
    User,
    /// `CKU_CONTEXT_SPECIFIC`.
    ContextSpecific,
}

/// Kinds of operation; a session has at most one of each (§5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// `C_Encrypt…`
    Encrypt,
    /// `C_Decrypt…`
    Decrypt,
    /// `C_Digest…`
    Digest,
    /// `C_Sign…`
    Sign,
    /// `C_Verify…`
    Verify,
}

impl Operation {
    /// Every kind.
    pub const ALL: [Operation; 5] = [
        Operation::Encrypt,
        Operation::Decrypt,
        Operation::Digest,
        Operation::Sign,
        Operation::Verify,
    ];
}

/// What `start` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// How long the output of [`Hsm::transform`] can become: a length query needs no verb.
    pub bound: OutputBound,
}

/// How long an output can become, from the input's length: never too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputBound {
    /// Whether the input's length counts at all (it does not for digests and MACs).
    pub per_input: bool,
    /// Bytes that the input has and the output has not (a tag, a nonce).
    pub removed: u64,
    /// Bytes that the output has on top of the input (a tag, a nonce, a digest).
    pub added: u64,
    /// CBC-PAD: the output fills whole blocks of this many bytes and is longer than the input; 0
    /// where nothing is padded.
    pub padded_to: u64,
}

impl OutputBound {
    /// The most bytes that `input_len` bytes of input can become.
    pub fn of(&self, input_len: usize) -> usize {
        let input = if self.per_input { input_len as u64 } else { 0 };
        let kept = input.saturating_sub(self.removed);
        let padded = match self.padded_to {
            0 => kept,
            block => (kept / block + 1).saturating_mul(block),
        };
        usize::try_from(padded.saturating_add(self.added)).unwrap_or(usize::MAX)
    }
}

/// What a verb with output answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Produced {
    /// This many bytes were written.
    Written(usize),
    /// Nothing was written and the operation is as it was: the output needs this many bytes. The
    /// answer to a length query (no output buffer) and to a buffer that is too small.
    Needed(usize),
}

/// What a client needs to take up a login after hsmd has started again.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ticket {
    /// Names the login's record.
    pub login: [u8; 16],
    /// Opens it; hsmd keeps no copy.
    pub secret: SecretBytes,
}

/// What an application had before hsmd started again.
#[derive(Debug, Serialize, Deserialize)]
pub struct Resumption {
    /// Its sessions.
    #[serde(deserialize_with = "bounded::<_, _, { limits::SESSIONS }>")]
    pub sessions: Vec<(SessionHandle, SlotId, Access)>,
    /// The smallest session handle that it was never given.
    pub next_session: u64,
    /// Its logins, by slot.
    #[serde(deserialize_with = "bounded::<_, _, { limits::SESSIONS }>")]
    pub logins: Vec<(SlotId, Ticket)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_of_cbc_pad_is_the_next_whole_block() {
        let bound = OutputBound {
            per_input: true,
            removed: 0,
            added: 0,
            padded_to: 16,
        };
        assert_eq!([bound.of(0), bound.of(15), bound.of(16)], [16, 16, 32]);
    }

    #[test]
    fn a_digest_is_as_long_for_every_input() {
        let bound = OutputBound {
            per_input: false,
            removed: 0,
            added: 32,
            padded_to: 0,
        };
        assert_eq!([bound.of(0), bound.of(1 << 20)], [32, 32]);
    }
}

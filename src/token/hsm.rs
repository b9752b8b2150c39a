//! The verbs of an application: everything that PKCS#11 asks of a module, without its C.

use serde::{Deserialize, Serialize};

use crate::{
    Asked, Attribute, Encapsulated, Mechanism, MechanismInformation, ObjectHandle, Operation,
    Outcome, Parameters, ParametersOut, Produced, Reason, Request, Result, Role, SecretBytes,
    Session, SessionHandle, Slot, SlotId, Started, Template, Token, Told, UserInformation, bounded,
    limits,
};

/// What one application may ask of the HSMs: the value that answers is that application.
///
/// The engine answers in the same process (embedded) or through `wire` (served), and to the caller
/// there is no difference. Every verb may be called from any thread; verbs on one session wait for
/// one another, verbs on two never do. A verb that changes the store takes a [`Request`] and is
/// durable when it answers. Verbs that an HSM may lack answer `FunctionNotSupported` by themselves.
#[allow(
    unused_variables,
    reason = "a verb that answers by default looks at none of its arguments"
)]
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
    /// `C_GetAttributeValue`: one answer for each attribute asked, in the same order; of a secret
    /// that there is no room for, its length. The session is busy while `tell` runs, which says no
    /// verb.
    fn attributes(
        &self,
        session: SessionHandle,
        object: ObjectHandle,
        asked: &[Asked],
        tell: &mut dyn FnMut(Told<'_>),
    ) -> Result<()>;
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
    /// `C_FindObjectsInit` together with the first `C_FindObjects` of at most `limit` objects, and, if
    /// there are fewer, `C_FindObjectsFinal`. An engine lets no other verb of the session in between.
    fn find(
        &self,
        session: SessionHandle,
        template: &[Attribute],
        limit: usize,
    ) -> Result<Vec<ObjectHandle>> {
        self.find_start(session, template)?;
        let found = self.find_next(session, limit);
        if found.as_ref().map_or(true, |found| found.len() < limit) {
            let ended = self.find_end(session);
            // What went wrong first is what is told.
            return found.and_then(|found| ended.map(|()| found));
        }
        found
    }

    /// `C_GenerateKey`.
    fn generate(
        &self,
        request: Request,
        session: SessionHandle,
        mechanism: &Mechanism,
        template: Template,
    ) -> Result<ObjectHandle>;

    /// `C_EncryptInit`, `C_DecryptInit`, `C_DigestInit`, `C_SignInit`, `C_VerifyInit`,
    /// `C_SignRecoverInit`, `C_VerifyRecoverInit`, `C_Message…Init`. Only a digest has no key.
    fn start(
        &self,
        session: SessionHandle,
        operation: Operation,
        mechanism: Mechanism,
        key: Option<ObjectHandle>,
    ) -> Result<Started>;
    /// `C_Encrypt`, `C_Decrypt`, `C_Digest`, `C_Sign`, `C_SignRecover`, `C_VerifyRecover`: all of
    /// the input, and the end of the operation.
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
    /// `C_SessionCancel`, and an Init without a mechanism: ends the operation, which has to be
    /// active.
    fn cancel(&self, session: SessionHandle, operation: Operation) -> Result<()>;

    /// `C_GenerateRandom`.
    fn random(&self, session: SessionHandle, output: &mut [u8]) -> Result<()>;

    /// `C_SeedRandom`: mixes `seed` into the generator.
    fn seed_random(&self, session: SessionHandle, seed: &[u8]) -> Result<()> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_WaitForSlotEvent`: a slot whose HSM was added, has failed or was removed since the
    /// application asked last; `wait` until there is one, or answer none at once.
    fn slot_event(&self, wait: bool) -> Result<Option<SlotId>> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// The application never heard of `slot`, which `slot_event` answered: it is told again.
    fn slot_event_unheard(&self, slot: SlotId) {}

    /// `C_GenerateKeyPair`: the handles of the public and of the private key.
    fn generate_pair(
        &self,
        request: Request,
        session: SessionHandle,
        mechanism: &Mechanism,
        public: Template,
        private: Template,
    ) -> Result<(ObjectHandle, ObjectHandle)> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_CopyObject`.
    fn copy(
        &self,
        request: Request,
        session: SessionHandle,
        object: ObjectHandle,
        template: Template,
    ) -> Result<ObjectHandle> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_GetObjectSize`, in bytes.
    fn object_size(&self, session: SessionHandle, object: ObjectHandle) -> Result<u64> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_WrapKey`, and with additional data `C_WrapKeyAuthenticated`.
    fn wrap(
        &self,
        session: SessionHandle,
        mechanism: &Mechanism,
        wrapping: ObjectHandle,
        key: ObjectHandle,
        additional: Option<&[u8]>,
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_UnwrapKey`, and with additional data `C_UnwrapKeyAuthenticated`.
    #[expect(
        clippy::too_many_arguments,
        reason = "the standard's function has as many"
    )]
    fn unwrap(
        &self,
        request: Request,
        session: SessionHandle,
        mechanism: &Mechanism,
        unwrapping: ObjectHandle,
        wrapped: &[u8],
        additional: Option<&[u8]>,
        template: Template,
    ) -> Result<ObjectHandle> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_DeriveKey`: the handle of the key, and those of the further keys that a key derivation
    /// function makes at once (`CK_DERIVED_KEY`), one for each of their templates.
    fn derive(
        &self,
        request: Request,
        session: SessionHandle,
        mechanism: &Mechanism,
        base: ObjectHandle,
        template: Template,
        further: Vec<Template>,
    ) -> Result<(ObjectHandle, Vec<ObjectHandle>)> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_EncapsulateKey`.
    fn encapsulate(
        &self,
        request: Request,
        session: SessionHandle,
        mechanism: &Mechanism,
        public: ObjectHandle,
        template: Template,
        output: Option<&mut [u8]>,
    ) -> Result<Encapsulated> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_DecapsulateKey`.
    fn decapsulate(
        &self,
        request: Request,
        session: SessionHandle,
        mechanism: &Mechanism,
        private: ObjectHandle,
        ciphertext: &[u8],
        template: Template,
    ) -> Result<ObjectHandle> {
        Err(Reason::FunctionNotSupported.into())
    }

    /// `C_VerifySignatureInit`: a verification whose signature is known before its data;
    /// [`Hsm::absorb`] and [`Hsm::check_started`] go on with it.
    fn start_check(
        &self,
        session: SessionHandle,
        mechanism: Mechanism,
        key: ObjectHandle,
        signature: &[u8],
    ) -> Result<()> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_VerifySignature` (with all of the input) and `C_VerifySignatureFinal` (without).
    fn check_started(&self, session: SessionHandle, input: Option<&[u8]>) -> Result<()> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_DigestKey`: the value of a key is a part of the input.
    fn absorb_key(&self, session: SessionHandle, key: ObjectHandle) -> Result<()> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_DigestEncryptUpdate`, `C_SignEncryptUpdate`: `input` is a part for both operations.
    /// `C_DecryptDigestUpdate`, `C_DecryptVerifyUpdate`: the part of the output is one for `beside`.
    fn update_both(
        &self,
        session: SessionHandle,
        cipher: Operation,
        beside: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_GetOperationState`: sealed, so that nobody but this engine can read or make one.
    fn operation_state(
        &self,
        session: SessionHandle,
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_SetOperationState`.
    fn set_operation_state(
        &self,
        session: SessionHandle,
        state: &[u8],
        encryption: Option<ObjectHandle>,
        authentication: Option<ObjectHandle>,
    ) -> Result<()> {
        Err(Reason::FunctionNotSupported.into())
    }

    /// `C_EncryptMessage`, `C_DecryptMessage`, `C_SignMessage`: one message.
    fn message(
        &self,
        session: SessionHandle,
        operation: Operation,
        parameters: &Parameters,
        additional: &[u8],
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_EncryptMessageBegin`, `C_DecryptMessageBegin`, `C_SignMessageBegin`,
    /// `C_VerifyMessageBegin`.
    fn message_begin(
        &self,
        session: SessionHandle,
        operation: Operation,
        parameters: &Parameters,
        additional: &[u8],
    ) -> Result<Option<ParametersOut>> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_EncryptMessageNext`, `C_DecryptMessageNext`, `C_SignMessageNext`: a part of a message, the
    /// last one with `end`. A part to sign that is not the last has no output.
    fn message_next(
        &self,
        session: SessionHandle,
        operation: Operation,
        parameters: &Parameters,
        input: &[u8],
        end: bool,
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_VerifyMessage`: one message.
    fn message_check(
        &self,
        session: SessionHandle,
        parameters: &Parameters,
        input: &[u8],
        signature: &[u8],
    ) -> Result<()> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_VerifyMessageNext`: a part of a message, the last one with its signature.
    fn message_check_next(
        &self,
        session: SessionHandle,
        parameters: &Parameters,
        input: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<()> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// A part of a message could not be brought to `message_next`: the message ends, as by any error.
    fn message_failed(&self, session: SessionHandle, operation: Operation) -> Result<()> {
        Err(Reason::FunctionNotSupported.into())
    }
    /// `C_MessageEncryptFinal`, `C_MessageDecryptFinal`, `C_MessageSignFinal`,
    /// `C_MessageVerifyFinal`: no further message.
    fn message_end(&self, session: SessionHandle, operation: Operation) -> Result<()> {
        Err(Reason::FunctionNotSupported.into())
    }

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

    /// `C_GetSessionValidationFlags` with `CKS_LAST_VALIDATION_OK` (§5.6.14): the flags of the
    /// validations that the session's last operation which has come to its end was within.
    fn validation_flags(&self, session: SessionHandle) -> Result<u64> {
        Err(Reason::FunctionNotSupported.into())
    }

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

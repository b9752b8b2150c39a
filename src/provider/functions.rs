//! FUNCTION TABLE: one line for each `C_` function makes the exported function, its entries in the
//! function lists of 2.40, 3.0 and 3.2, and its row in `docs/supported.md`.
//!
//! A line is the function, its parameters in claims (`Input` is a pointer and a length, `Output` a
//! pointer and a pointer to a length, …; see `memory`), and what answers it: `call` a function that
//! gets the library, `alone` one that does without, or a fixed code.

use cryptoki_sys::*;
use token::{MechanismId, ObjectHandle, Operation::*, SessionHandle, SlotId};

use crate::{
    boundary, general,
    interfaces::{self, Writable},
    keys, memory, messages, objects, operations, random, sessions, slots, wrapping,
};

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// The version of PKCS#11 that it came with: major, minor.
    pub version: (u8, u8),
    /// How it answers.
    pub answer: Answer,
}

/// How a function answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It does what the standard says.
    Supported,
    /// `CKR_FUNCTION_NOT_SUPPORTED`.
    NotSupported,
    /// `CKR_FUNCTION_NOT_PARALLEL`, which is all that the standard lets it say.
    NotParallel,
}

functions! {
    LIST_2_40: CK_FUNCTION_LIST = (2, 40) {
        C_Initialize(arguments: Any(CK_C_INITIALIZE_ARGS)) { alone general::initialize() }
        C_Finalize(reserved: Any(CK_BYTE)) { alone general::finalize() }
        C_GetInfo(information: To(CK_INFO)) { call general::information() }
        C_GetFunctionList(list: To(*mut CK_FUNCTION_LIST)) { alone interfaces::function_list() }

        C_GetSlotList(with_token: As(CK_BBOOL), slots: List(CK_SLOT_ID)) { call slots::list() }
        C_GetSlotInfo(slot: Slot, information: To(CK_SLOT_INFO)) { call slots::slot() }
        C_GetTokenInfo(slot: Slot, information: To(CK_TOKEN_INFO)) { call slots::token() }
        C_GetMechanismList(slot: Slot, list: List(CK_MECHANISM_TYPE)) { call slots::mechanisms() }
        C_GetMechanismInfo(slot: Slot, id: MechanismId, information: To(CK_MECHANISM_INFO))
            { call slots::mechanism() }
        C_InitToken(slot: Slot, pin: Input, label: Label) { call slots::initialize_token() }
        C_InitPIN(session: Session, pin: Input) { call slots::initialize_pin() }
        C_SetPIN(session: Session, old: Input, new: Input) { call slots::set_pin() }

        C_OpenSession(slot: Slot, flags: As(CK_FLAGS), application: As(CK_VOID_PTR),
            notify: As(CK_NOTIFY), session: To(CK_SESSION_HANDLE)) { call sessions::open() }
        C_CloseSession(session: Session) { call sessions::close() }
        C_CloseAllSessions(slot: Slot) { call sessions::close_all() }
        C_GetSessionInfo(session: Session, information: To(CK_SESSION_INFO))
            { call sessions::session() }
        C_GetOperationState(session: Session, state: Output) { call operations::state() }
        C_SetOperationState(session: Session, state: Input, encryption: Object,
            authentication: Object) { call operations::set_state() }
        C_Login(session: Session, user: As(CK_USER_TYPE), pin: Input) { call sessions::login() }
        C_Logout(session: Session) { call sessions::logout() }

        C_CreateObject(session: Session, template: Template, object: To(CK_OBJECT_HANDLE))
            { call objects::create() }
        C_CopyObject(session: Session, object: Object, template: Template,
            copy: To(CK_OBJECT_HANDLE)) { call objects::copy() }
        C_DestroyObject(session: Session, object: Object) { call objects::destroy() }
        C_GetObjectSize(session: Session, object: Object, size: To(CK_ULONG)) { call objects::size() }
        C_GetAttributeValue(session: Session, object: Object, template: Template)
            { call objects::attributes() }
        C_SetAttributeValue(session: Session, object: Object, template: Template)
            { call objects::set_attributes() }
        C_FindObjectsInit(session: Session, template: Template) { call objects::find_start() }
        C_FindObjects(session: Session, found: Objects, count: To(CK_ULONG))
            { call objects::find_next() }
        C_FindObjectsFinal(session: Session) { call objects::find_end() }

        C_EncryptInit(session: Session, mechanism: To(CK_MECHANISM), key: Object)
            { call operations::start(Encrypt) }
        C_Encrypt(session: Session, data: Input, encrypted: Output)
            { call operations::transform(Encrypt) }
        C_EncryptUpdate(session: Session, part: Input, encrypted: Output)
            { call operations::update(Encrypt) }
        C_EncryptFinal(session: Session, encrypted: Output) { call operations::produce(Encrypt) }
        C_DecryptInit(session: Session, mechanism: To(CK_MECHANISM), key: Object)
            { call operations::start(Decrypt) }
        C_Decrypt(session: Session, encrypted: Input, data: Output)
            { call operations::transform(Decrypt) }
        C_DecryptUpdate(session: Session, encrypted: Input, part: Output)
            { call operations::update(Decrypt) }
        C_DecryptFinal(session: Session, part: Output) { call operations::produce(Decrypt) }
        C_DigestInit(session: Session, mechanism: To(CK_MECHANISM))
            { call operations::start_keyless(Digest) }
        C_Digest(session: Session, data: Input, digest: Output)
            { call operations::transform(Digest) }
        C_DigestUpdate(session: Session, part: Input) { call operations::absorb(Digest) }
        C_DigestKey(session: Session, key: Object) { call operations::absorb_key() }
        C_DigestFinal(session: Session, digest: Output) { call operations::produce(Digest) }
        C_SignInit(session: Session, mechanism: To(CK_MECHANISM), key: Object)
            { call operations::start(Sign) }
        C_Sign(session: Session, data: Input, signature: Output)
            { call operations::transform(Sign) }
        C_SignUpdate(session: Session, part: Input) { call operations::absorb(Sign) }
        C_SignFinal(session: Session, signature: Output) { call operations::produce(Sign) }
        C_SignRecoverInit(session: Session, mechanism: To(CK_MECHANISM), key: Object)
            { call operations::start(SignRecover) }
        C_SignRecover(session: Session, data: Input, signature: Output) { call operations::transform(SignRecover) }
        C_VerifyInit(session: Session, mechanism: To(CK_MECHANISM), key: Object)
            { call operations::start(Verify) }
        C_Verify(session: Session, data: Input, signature: Input)
            { call operations::check(Verify) }
        C_VerifyUpdate(session: Session, part: Input) { call operations::absorb(Verify) }
        C_VerifyFinal(session: Session, signature: Input)
            { call operations::check_absorbed(Verify) }
        C_VerifyRecoverInit(session: Session, mechanism: To(CK_MECHANISM), key: Object)
            { call operations::start(VerifyRecover) }
        C_VerifyRecover(session: Session, signature: Input, data: Output) { call operations::transform(VerifyRecover) }
        C_DigestEncryptUpdate(session: Session, part: Input, encrypted: Output) { call operations::update_both(Encrypt, Digest) }
        C_DecryptDigestUpdate(session: Session, encrypted: Input, part: Output) { call operations::update_both(Decrypt, Digest) }
        C_SignEncryptUpdate(session: Session, part: Input, encrypted: Output) { call operations::update_both(Encrypt, Sign) }
        C_DecryptVerifyUpdate(session: Session, encrypted: Input, part: Output) { call operations::update_both(Decrypt, Verify) }

        C_GenerateKey(session: Session, mechanism: To(CK_MECHANISM), template: Template,
            key: To(CK_OBJECT_HANDLE)) { call keys::generate() }
        C_GenerateKeyPair(session: Session, mechanism: To(CK_MECHANISM), public: Template,
            private: Template, public_key: To(CK_OBJECT_HANDLE),
            private_key: To(CK_OBJECT_HANDLE)) { call keys::generate_pair() }
        C_WrapKey(session: Session, mechanism: To(CK_MECHANISM), wrapping: Object, key: Object,
            wrapped: Output) { call wrapping::wrap() }
        C_UnwrapKey(session: Session, mechanism: To(CK_MECHANISM), unwrapping: Object,
            wrapped: Input, template: Template, key: To(CK_OBJECT_HANDLE)) { call wrapping::unwrap() }
        C_DeriveKey(session: Session, mechanism: To(CK_MECHANISM), base: Object,
            template: Template, key: To(CK_OBJECT_HANDLE)) { call keys::derive() }

        C_SeedRandom(session: Session, seed: Input) { call random::seed() }
        C_GenerateRandom(session: Session, random: Room) { call random::generate() }
        C_GetFunctionStatus(session: Session) { not_parallel }
        C_CancelFunction(session: Session) { not_parallel }
        C_WaitForSlotEvent(flags: As(CK_FLAGS), slot: To(CK_SLOT_ID), reserved: As(CK_VOID_PTR))
            { call slots::wait() }
    }
    LIST_3_0: CK_FUNCTION_LIST_3_0 = (3, 0) {
        C_GetInterfaceList(interfaces: List(CK_INTERFACE)) { alone interfaces::list() }
        C_GetInterface(name: Text, version: To(CK_VERSION), interface: To(CK_INTERFACE_PTR),
            flags: As(CK_FLAGS)) { alone interfaces::find() }
        C_LoginUser(session: Session, user: As(CK_USER_TYPE), pin: Input, name: Input)
            { call sessions::login_user() }
        C_SessionCancel(session: Session, flags: As(CK_FLAGS)) { call sessions::cancel() }

        C_MessageEncryptInit(session: Session, mechanism: To(CK_MECHANISM), key: Object)
            { call messages::start(MessageEncrypt) }
        C_EncryptMessage(session: Session, parameter: Parameter, additional: Input, data: Input,
            encrypted: Output) { call messages::transform(MessageEncrypt) }
        C_EncryptMessageBegin(session: Session, parameter: Parameter, additional: Input)
            { call messages::begin(MessageEncrypt) }
        C_EncryptMessageNext(session: Session, parameter: Parameter, part: Input,
            encrypted: Output, flags: As(CK_FLAGS)) { call messages::next(MessageEncrypt) }
        C_MessageEncryptFinal(session: Session) { call messages::end(MessageEncrypt) }
        C_MessageDecryptInit(session: Session, mechanism: To(CK_MECHANISM), key: Object)
            { call messages::start(MessageDecrypt) }
        C_DecryptMessage(session: Session, parameter: Parameter, additional: Input,
            encrypted: Input, data: Output) { call messages::transform(MessageDecrypt) }
        C_DecryptMessageBegin(session: Session, parameter: Parameter, additional: Input)
            { call messages::begin(MessageDecrypt) }
        C_DecryptMessageNext(session: Session, parameter: Parameter, encrypted: Input,
            part: Output, flags: As(CK_FLAGS)) { call messages::next(MessageDecrypt) }
        C_MessageDecryptFinal(session: Session) { call messages::end(MessageDecrypt) }
        C_MessageSignInit(session: Session, mechanism: To(CK_MECHANISM), key: Object)
            { call operations::start(MessageSign) }
        C_SignMessage(session: Session, parameter: Parameter, data: Input, signature: Output)
            { call messages::sign() }
        C_SignMessageBegin(session: Session, parameter: Parameter) { call messages::begin_plain(MessageSign) }
        C_SignMessageNext(session: Session, parameter: Parameter, data: Input, signature: Output)
            { call messages::sign_next() }
        C_MessageSignFinal(session: Session) { call messages::end(MessageSign) }
        C_MessageVerifyInit(session: Session, mechanism: To(CK_MECHANISM), key: Object)
            { call operations::start(MessageVerify) }
        C_VerifyMessage(session: Session, parameter: Parameter, data: Input, signature: Input)
            { call messages::check() }
        C_VerifyMessageBegin(session: Session, parameter: Parameter) { call messages::begin_plain(MessageVerify) }
        C_VerifyMessageNext(session: Session, parameter: Parameter, data: Input, signature: Input)
            { call messages::check_next() }
        C_MessageVerifyFinal(session: Session) { call messages::end(MessageVerify) }
    }
    LIST_3_2: CK_FUNCTION_LIST_3_2 = (3, 2) {
        C_EncapsulateKey(session: Session, mechanism: To(CK_MECHANISM), public: Object,
            template: Template, encapsulated: Output, key: To(CK_OBJECT_HANDLE)) { call wrapping::encapsulate() }
        C_DecapsulateKey(session: Session, mechanism: To(CK_MECHANISM), private: Object,
            template: Template, encapsulated: Input, key: To(CK_OBJECT_HANDLE)) { call wrapping::decapsulate() }
        C_VerifySignatureInit(session: Session, mechanism: To(CK_MECHANISM), key: Object,
            signature: Input) { call operations::start_check() }
        C_VerifySignature(session: Session, data: Input) { call operations::check_started() }
        C_VerifySignatureUpdate(session: Session, part: Input) { call operations::absorb(Verify) }
        C_VerifySignatureFinal(session: Session) { call operations::check_started_absorbed() }
        C_GetSessionValidationFlags(session: Session,
            kind: As(CK_SESSION_VALIDATION_FLAGS_TYPE), flags: To(CK_FLAGS)) { call sessions::validation_flags() }
        C_AsyncComplete(session: Session, function: Text, result: To(CK_ASYNC_DATA))
            { unsupported }
        C_AsyncGetID(session: Session, function: Text, id: To(CK_ULONG)) { unsupported }
        C_AsyncJoin(session: Session, function: Text, id: As(CK_ULONG), data: Room)
            { unsupported }
        C_WrapKeyAuthenticated(session: Session, mechanism: To(CK_MECHANISM), wrapping: Object,
            key: Object, additional: Input, wrapped: Output) { call wrapping::wrap_authenticated() }
        C_UnwrapKeyAuthenticated(session: Session, mechanism: To(CK_MECHANISM),
            unwrapping: Object, wrapped: Input, template: Template, additional: Input,
            key: To(CK_OBJECT_HANDLE)) { call wrapping::unwrap_authenticated() }
    }
}

//! The verbs of an application, one line each.

use token::{
    Access, Asked, Attribute, Encapsulated, Hsm, LoginAs, Mechanism, MechanismInformation,
    ObjectHandle, Operation, Outcome, Parameters, ParametersOut, Produced, Request, Result,
    Resumption, Role, SecretBytes, Session, SessionHandle, Slot, SlotId, Started, Template, Ticket,
    Token, Told, UserInformation,
};

use super::{
    derivation, general, keys, logins, objects, operations, searches, sessions, users,
    wrapping::{self, Unwrapping},
};
use crate::Application;

impl Hsm for Application {
    fn slots(&self) -> Result<Vec<Slot>> {
        general::slots(self)
    }

    fn token(&self, slot: SlotId) -> Result<Token> {
        general::token(self, slot)
    }

    fn mechanisms(&self, slot: SlotId) -> Result<Vec<MechanismInformation>> {
        general::mechanisms(self, slot)
    }

    fn initialize_token(
        &self,
        request: Request,
        slot: SlotId,
        pin: &SecretBytes,
        label: &str,
    ) -> Result<()> {
        logins::initialize_token(self, request, slot, pin, label)
    }

    fn initialize_pin(
        &self,
        request: Request,
        session: SessionHandle,
        pin: &SecretBytes,
    ) -> Result<()> {
        logins::initialize_pin(self, request, session, pin)
    }

    fn set_pin(
        &self,
        request: Request,
        session: SessionHandle,
        old: &SecretBytes,
        new: &SecretBytes,
    ) -> Result<()> {
        logins::set_pin(self, request, session, old, new)
    }

    fn open_session(&self, slot: SlotId, access: Access) -> Result<SessionHandle> {
        self.open(slot, access, None)
    }

    fn close_session(&self, session: SessionHandle) -> Result<()> {
        self.close(session)
    }

    fn close_sessions(&self, slot: SlotId) -> Result<()> {
        sessions::close_all(self, slot)
    }

    fn session(&self, session: SessionHandle) -> Result<Session> {
        sessions::session(self, session)
    }

    fn validation_flags(&self, session: SessionHandle) -> Result<u64> {
        sessions::validation_flags(self, session)
    }

    fn login(
        &self,
        session: SessionHandle,
        user: LoginAs,
        name: Option<&str>,
        pin: &SecretBytes,
    ) -> Result<Ticket> {
        logins::login(self, session, user, name, pin)
    }

    fn logout(&self, session: SessionHandle) -> Result<()> {
        logins::logout(self, session)
    }

    fn resume(&self, resumption: &Resumption) -> Result<Vec<SlotId>> {
        sessions::resume(self, resumption)
    }

    fn create(
        &self,
        request: Request,
        session: SessionHandle,
        template: Template,
    ) -> Result<ObjectHandle> {
        objects::create(self, request, session, &template)
    }

    fn destroy(
        &self,
        request: Request,
        session: SessionHandle,
        object: ObjectHandle,
    ) -> Result<()> {
        objects::destroy(self, request, session, object)
    }

    fn attributes(
        &self,
        session: SessionHandle,
        object: ObjectHandle,
        asked: &[Asked],
        tell: &mut dyn FnMut(Told<'_>),
    ) -> Result<()> {
        objects::attributes(self, session, object, asked, tell)
    }

    fn set_attributes(
        &self,
        request: Request,
        session: SessionHandle,
        object: ObjectHandle,
        template: Template,
    ) -> Result<()> {
        objects::set_attributes(self, request, session, object, &template)
    }

    fn find_start(&self, session: SessionHandle, template: &[Attribute]) -> Result<()> {
        searches::find_start(self, session, template)
    }

    fn find_next(&self, session: SessionHandle, limit: usize) -> Result<Vec<ObjectHandle>> {
        searches::find_next(self, session, limit)
    }

    fn find_end(&self, session: SessionHandle) -> Result<()> {
        searches::find_end(self, session)
    }

    fn find(
        &self,
        session: SessionHandle,
        template: &[Attribute],
        limit: usize,
    ) -> Result<Vec<ObjectHandle>> {
        searches::find(self, session, template, limit)
    }

    fn generate(
        &self,
        request: Request,
        session: SessionHandle,
        mechanism: &Mechanism,
        template: Template,
    ) -> Result<ObjectHandle> {
        keys::generate(self, request, session, mechanism, &template)
    }

    fn generate_pair(
        &self,
        request: Request,
        session: SessionHandle,
        mechanism: &Mechanism,
        public: Template,
        private: Template,
    ) -> Result<(ObjectHandle, ObjectHandle)> {
        keys::generate_pair(self, request, session, mechanism, &public, &private)
    }

    fn copy(
        &self,
        request: Request,
        session: SessionHandle,
        object: ObjectHandle,
        template: Template,
    ) -> Result<ObjectHandle> {
        objects::copy(self, request, session, object, &template)
    }

    fn object_size(&self, session: SessionHandle, object: ObjectHandle) -> Result<u64> {
        objects::size(self, session, object)
    }

    fn wrap(
        &self,
        session: SessionHandle,
        mechanism: &Mechanism,
        wrapping: ObjectHandle,
        key: ObjectHandle,
        additional: Option<&[u8]>,
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        wrapping::wrap(self, session, mechanism, wrapping, key, additional, output)
    }

    fn unwrap(
        &self,
        request: Request,
        session: SessionHandle,
        mechanism: &Mechanism,
        key: ObjectHandle,
        wrapped: &[u8],
        additional: Option<&[u8]>,
        template: Template,
    ) -> Result<ObjectHandle> {
        let asked = Unwrapping {
            mechanism,
            key,
            wrapped,
            additional,
            template,
        };
        wrapping::unwrap(self, request, session, asked)
    }

    fn derive(
        &self,
        request: Request,
        session: SessionHandle,
        mechanism: &Mechanism,
        base: ObjectHandle,
        template: Template,
        further: Vec<Template>,
    ) -> Result<(ObjectHandle, Vec<ObjectHandle>)> {
        derivation::derive(self, request, session, mechanism, base, template, further)
    }

    fn encapsulate(
        &self,
        request: Request,
        session: SessionHandle,
        mechanism: &Mechanism,
        public: ObjectHandle,
        template: Template,
        output: Option<&mut [u8]>,
    ) -> Result<Encapsulated> {
        derivation::encapsulate(self, request, session, mechanism, public, template, output)
    }

    fn decapsulate(
        &self,
        request: Request,
        session: SessionHandle,
        mechanism: &Mechanism,
        private: ObjectHandle,
        ciphertext: &[u8],
        template: Template,
    ) -> Result<ObjectHandle> {
        derivation::decapsulate(
            self, request, session, mechanism, private, ciphertext, template,
        )
    }

    fn start(
        &self,
        session: SessionHandle,
        operation: Operation,
        mechanism: Mechanism,
        key: Option<ObjectHandle>,
    ) -> Result<Started> {
        operations::start(self, session, operation, mechanism, key)
    }

    fn transform(
        &self,
        session: SessionHandle,
        operation: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        self.operations(session, |active| active.transform(operation, input, output))
    }

    fn update(
        &self,
        session: SessionHandle,
        operation: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        self.operations(session, |active| active.update(operation, input, output))
    }

    fn absorb(&self, session: SessionHandle, operation: Operation, input: &[u8]) -> Result<()> {
        self.operations(session, |active| active.absorb(operation, input))
    }

    fn produce(
        &self,
        session: SessionHandle,
        operation: Operation,
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        self.operations(session, |active| active.produce(operation, output))
    }

    fn check(
        &self,
        session: SessionHandle,
        operation: Operation,
        input: Option<&[u8]>,
        signature: &[u8],
    ) -> Result<()> {
        self.operations(session, |active| active.check(operation, input, signature))
    }

    fn cancel(&self, session: SessionHandle, operation: Operation) -> Result<()> {
        self.operations(session, |active| active.cancel(operation))
    }

    fn random(&self, session: SessionHandle, output: &mut [u8]) -> Result<()> {
        operations::random(self, session, output)
    }

    fn seed_random(&self, session: SessionHandle, seed: &[u8]) -> Result<()> {
        operations::seed_random(self, session, seed)
    }

    fn slot_event(&self, wait: bool) -> Result<Option<SlotId>> {
        self.slot_events().next(wait)
    }

    fn slot_event_unheard(&self, slot: SlotId) {
        self.slot_events().add(&[slot]);
    }

    fn start_check(
        &self,
        session: SessionHandle,
        mechanism: Mechanism,
        key: ObjectHandle,
        signature: &[u8],
    ) -> Result<()> {
        operations::start_check(self, session, mechanism, key, signature)
    }

    fn check_started(&self, session: SessionHandle, input: Option<&[u8]>) -> Result<()> {
        self.operations(session, |active| active.check_started(input))
    }

    fn absorb_key(&self, session: SessionHandle, key: ObjectHandle) -> Result<()> {
        operations::absorb_key(self, session, key)
    }

    fn update_both(
        &self,
        session: SessionHandle,
        cipher: Operation,
        beside: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        self.operations(session, |active| {
            active.update_both(cipher, beside, input, output)
        })
    }

    fn operation_state(
        &self,
        session: SessionHandle,
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        operations::state(self, session, output)
    }

    fn set_operation_state(
        &self,
        session: SessionHandle,
        state: &[u8],
        encryption: Option<ObjectHandle>,
        authentication: Option<ObjectHandle>,
    ) -> Result<()> {
        operations::set_state(self, session, state, encryption, authentication)
    }

    fn message(
        &self,
        session: SessionHandle,
        operation: Operation,
        parameters: &Parameters,
        additional: &[u8],
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        self.message_of(session, operation, |active| {
            active.message(operation, parameters, additional, input, output)
        })
    }

    fn message_begin(
        &self,
        session: SessionHandle,
        operation: Operation,
        parameters: &Parameters,
        additional: &[u8],
    ) -> Result<Option<ParametersOut>> {
        self.message_of(session, operation, |active| {
            active.message_begin(operation, parameters, additional)
        })
    }

    fn message_next(
        &self,
        session: SessionHandle,
        operation: Operation,
        parameters: &Parameters,
        input: &[u8],
        end: bool,
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        self.operations(session, |active| {
            active.message_next(operation, parameters, input, end, output)
        })
    }

    fn message_check(
        &self,
        session: SessionHandle,
        parameters: &Parameters,
        input: &[u8],
        signature: &[u8],
    ) -> Result<()> {
        self.message_of(session, Operation::MessageVerify, |active| {
            active.message_check(parameters, input, signature)
        })
    }

    fn message_check_next(
        &self,
        session: SessionHandle,
        _parameters: &Parameters,
        input: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<()> {
        // All parts of a message have the parameters that it began with.
        self.operations(session, |active| {
            active.message_check_next(input, signature)
        })
    }

    fn message_end(&self, session: SessionHandle, operation: Operation) -> Result<()> {
        self.operations(session, |active| active.message_end(operation))
    }

    fn message_failed(&self, session: SessionHandle, operation: Operation) -> Result<()> {
        self.operations(session, |active| active.message_failed(operation))
    }

    fn create_user(
        &self,
        request: Request,
        session: SessionHandle,
        name: &str,
        role: Role,
        password: &SecretBytes,
    ) -> Result<()> {
        users::create(self, request, session, name, role, password)
    }

    fn users(&self, session: SessionHandle) -> Result<Vec<UserInformation>> {
        users::users(self, session)
    }

    fn delete_user(
        &self,
        request: Request,
        session: SessionHandle,
        name: &str,
        role: Role,
    ) -> Result<()> {
        users::delete(self, request, session, name, role)
    }

    fn set_password(
        &self,
        request: Request,
        session: SessionHandle,
        name: &str,
        role: Role,
        password: &SecretBytes,
    ) -> Result<()> {
        users::set_password(self, request, session, name, role, password)
    }

    fn end(&self) -> Result<()> {
        sessions::end(self)
    }
}

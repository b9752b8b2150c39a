//! The verbs of an application, said over the wire.

use serde_bytes::Bytes;
use token::{
    Access, Attribute, AttributeType, Hsm, LoginAs, Mechanism, MechanismInformation, ObjectHandle,
    Operation, Produced, Reason, Request, Result, Resumption, Revealed, Role, SecretBytes, Session,
    SessionHandle, Slot, SlotId, Started, Template, Ticket, Token, UserInformation, limits,
};

use super::Client;
use crate::message::{Held, Many, Verb};

impl Hsm for Client {
    fn slots(&self) -> Result<Vec<Slot>> {
        self.say(&Verb::Slots)
    }

    fn token(&self, slot: SlotId) -> Result<Token> {
        self.say(&Verb::Token(slot))
    }

    fn mechanisms(&self, slot: SlotId) -> Result<Vec<MechanismInformation>> {
        self.say(&Verb::Mechanisms(slot))
    }

    fn initialize_token(
        &self,
        request: Request,
        slot: SlotId,
        pin: &SecretBytes,
        label: &str,
    ) -> Result<()> {
        self.say(&Verb::InitializeToken(request, slot, bytes(pin), label))
    }

    fn initialize_pin(
        &self,
        request: Request,
        session: SessionHandle,
        pin: &SecretBytes,
    ) -> Result<()> {
        self.say(&Verb::InitializePin(request, session, bytes(pin)))
    }

    fn set_pin(
        &self,
        request: Request,
        session: SessionHandle,
        old: &SecretBytes,
        new: &SecretBytes,
    ) -> Result<()> {
        self.say(&Verb::SetPin(request, session, bytes(old), bytes(new)))
    }

    fn open_session(&self, slot: SlotId, access: Access) -> Result<SessionHandle> {
        loop {
            let verb = Verb::OpenSession(slot, access);
            let said = self.attempt(|connection, _| connection.exchange(&verb, &[]))?;
            let session = said.answer?;
            if self.ledger.opened(session, slot, access, said.generation) {
                return Ok(session);
            }
        }
    }

    fn close_session(&self, session: SessionHandle) -> Result<()> {
        let answer = self.say_once(&Verb::CloseSession(session), Reason::SessionHandleInvalid);
        if answer.is_ok() {
            self.ledger.closed(session);
        }
        answer
    }

    fn close_sessions(&self, slot: SlotId) -> Result<()> {
        self.say::<()>(&Verb::CloseSessions(slot))?;
        self.ledger.closed_all(slot);
        Ok(())
    }

    fn session(&self, session: SessionHandle) -> Result<Session> {
        self.say(&Verb::Session(session))
    }

    fn login(
        &self,
        session: SessionHandle,
        user: LoginAs,
        name: Option<&str>,
        pin: &SecretBytes,
    ) -> Result<Ticket> {
        loop {
            let verb = Verb::Login(session, user, name, bytes(pin));
            let said = self.attempt(|connection, _| connection.exchange(&verb, &[]))?;
            if said.again
                && let Err(error) = &said.answer
                && error.reason == Reason::UserAlreadyLoggedIn
            {
                // The time before, and its ticket was lost with the answer.
                self.say::<()>(&Verb::Logout(session))?;
                continue;
            }
            let ticket: Ticket = said.answer?;
            // A login for one context takes up nothing.
            if user == LoginAs::ContextSpecific
                || self.ledger.logged_in(session, &ticket, said.generation)
            {
                return Ok(ticket);
            }
        }
    }

    fn logout(&self, session: SessionHandle) -> Result<()> {
        let answer = self.say_once(&Verb::Logout(session), Reason::UserNotLoggedIn);
        if answer.is_ok() {
            self.ledger.logged_out(session);
        }
        answer
    }

    fn resume(&self, resumption: &Resumption) -> Result<Vec<SlotId>> {
        self.say(&Verb::Resume(Held::Lent(resumption)))
    }

    fn create(
        &self,
        request: Request,
        session: SessionHandle,
        template: Template,
    ) -> Result<ObjectHandle> {
        self.say(&Verb::Create(request, session, Held::Owned(template)))
    }

    fn destroy(
        &self,
        request: Request,
        session: SessionHandle,
        object: ObjectHandle,
    ) -> Result<()> {
        self.say(&Verb::Destroy(request, session, object))
    }

    fn attributes(
        &self,
        session: SessionHandle,
        object: ObjectHandle,
        kinds: &[AttributeType],
    ) -> Result<Vec<Revealed>> {
        self.say(&Verb::Attributes(session, object, Many::Lent(kinds)))
    }

    fn set_attributes(
        &self,
        request: Request,
        session: SessionHandle,
        object: ObjectHandle,
        template: Template,
    ) -> Result<()> {
        self.say(&Verb::SetAttributes(
            request,
            session,
            object,
            Held::Owned(template),
        ))
    }

    fn find_start(&self, session: SessionHandle, template: &[Attribute]) -> Result<()> {
        self.begin_find(session, template)
    }

    fn find_next(&self, session: SessionHandle, limit: usize) -> Result<Vec<ObjectHandle>> {
        self.go_on_find(session, limit.min(limits::FIND_HANDLES))
    }

    fn find_end(&self, session: SessionHandle) -> Result<()> {
        self.end_find(session)
    }

    fn generate(
        &self,
        request: Request,
        session: SessionHandle,
        mechanism: &Mechanism,
        template: Template,
    ) -> Result<ObjectHandle> {
        let (mechanism, template) = (Held::Lent(mechanism), Held::Owned(template));
        self.say(&Verb::Generate(request, session, mechanism, template))
    }

    fn start(
        &self,
        session: SessionHandle,
        operation: Operation,
        mechanism: &Mechanism,
        key: Option<ObjectHandle>,
    ) -> Result<Started> {
        self.begin(session, operation, mechanism, key)
    }

    fn transform(
        &self,
        session: SessionHandle,
        operation: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let verb = Verb::Transform(session, operation, capacity(output.as_deref()));
        self.finish(session, operation, &verb, input, output)
    }

    fn update(
        &self,
        session: SessionHandle,
        operation: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let verb = Verb::Update(session, operation, capacity(output.as_deref()));
        self.go_on(session, operation, &verb, input, output)
    }

    fn absorb(&self, session: SessionHandle, operation: Operation, input: &[u8]) -> Result<()> {
        self.take_in(session, operation, &Verb::Absorb(session, operation), input)
    }

    fn produce(
        &self,
        session: SessionHandle,
        operation: Operation,
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let verb = Verb::Produce(session, operation, capacity(output.as_deref()));
        self.finish_without_input(session, operation, &verb, output)
    }

    fn check(
        &self,
        session: SessionHandle,
        operation: Operation,
        input: Option<&[u8]>,
        signature: &[u8],
    ) -> Result<()> {
        let signature = Bytes::new(signature);
        let verb = Verb::Check {
            session,
            operation,
            whole: input.is_some(),
            signature,
        };
        self.judge(session, operation, &verb, input.unwrap_or_default())
    }

    fn cancel(&self, session: SessionHandle, operation: Operation) -> Result<()> {
        self.say::<()>(&Verb::Cancel(session, operation))?;
        self.forget_operation(session, operation);
        Ok(())
    }

    fn random(&self, session: SessionHandle, output: &mut [u8]) -> Result<()> {
        for part in output.chunks_mut(limits::RANDOM_BYTES) {
            let verb = Verb::Random(session, part.len() as u64);
            self.attempt(|connection, _| connection.exchange_fill(&verb, part))?
                .answer?;
        }
        Ok(())
    }

    fn create_user(
        &self,
        request: Request,
        session: SessionHandle,
        name: &str,
        role: Role,
        password: &SecretBytes,
    ) -> Result<()> {
        self.say(&Verb::CreateUser(
            request,
            session,
            name,
            role,
            bytes(password),
        ))
    }

    fn users(&self, session: SessionHandle) -> Result<Vec<UserInformation>> {
        self.say(&Verb::Users(session))
    }

    fn delete_user(
        &self,
        request: Request,
        session: SessionHandle,
        name: &str,
        role: Role,
    ) -> Result<()> {
        self.say(&Verb::DeleteUser(request, session, name, role))
    }

    fn set_password(
        &self,
        request: Request,
        session: SessionHandle,
        name: &str,
        role: Role,
        password: &SecretBytes,
    ) -> Result<()> {
        self.say(&Verb::SetPassword(
            request,
            session,
            name,
            role,
            bytes(password),
        ))
    }

    fn end(&self) -> Result<()> {
        self.end_application()
    }
}

pub(super) fn bytes(secret: &SecretBytes) -> &Bytes {
    Bytes::new(secret.reveal())
}

/// The room in an output, as it travels.
fn capacity(output: Option<&[u8]>) -> Option<u64> {
    output.map(|output| output.len() as u64)
}

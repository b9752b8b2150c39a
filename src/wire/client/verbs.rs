//! The verbs of an application, said over the wire: one row each where nothing is remembered. What
//! is remembered of operations is in `operations` and `messages`, of sessions in `sessions`.

use serde_bytes::Bytes;
use token::{
    Access, Asked, Attribute, Encapsulated, Hsm, LoginAs, Mechanism, MechanismInformation,
    ObjectHandle, Operation, Outcome, Parameters, ParametersOut, Produced, Request, Result,
    Resumption, Revealed, Role, SecretBytes, Session, SessionHandle, Slot, SlotId, Started,
    Template, Ticket, Token, Told, UserInformation, limits,
};

use super::Client;
use crate::message::{Held, Many, Verb};

/// Verbs that are said as they are, with the data that travels beside them.
macro_rules! said {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty = $verb:expr $(, $data:expr)?;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> Result<$answer> {
            self.say_with(&$verb, said!(@ $($data)?))
        })*
    };
    (@) => { &[] };
    (@ $data:expr) => { $data };
}

/// The same for verbs with output.
macro_rules! said_for_output {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty = $verb:expr, $data:expr;)*) => {
        $(fn $name(
            &self,
            $($argument: $type,)*
            output: Option<&mut [u8]>,
        ) -> Result<$answer> {
            let room = capacity(output.as_deref());
            self.say_for_output(&$verb(room), $data, output)
        })*
    };
}

impl Hsm for Client {
    said! {
        slots() -> Vec<Slot> = Verb::Slots;
        token(slot: SlotId) -> Token = Verb::Token(slot);
        mechanisms(slot: SlotId) -> Vec<MechanismInformation> = Verb::Mechanisms(slot);
        initialize_token(request: Request, slot: SlotId, pin: &SecretBytes, label: &str) -> () =
            Verb::InitializeToken(request, slot, bytes(pin), label);
        initialize_pin(request: Request, session: SessionHandle, pin: &SecretBytes) -> () =
            Verb::InitializePin(request, session, bytes(pin));
        set_pin(
            request: Request, session: SessionHandle, old: &SecretBytes, new: &SecretBytes
        ) -> () = Verb::SetPin(request, session, bytes(old), bytes(new));
        session(session: SessionHandle) -> Session = Verb::Session(session);
        validation_flags(session: SessionHandle) -> u64 = Verb::ValidationFlags(session);
        message_failed(session: SessionHandle, operation: Operation) -> () =
            Verb::MessageFailed(session, operation);
        resume(resumption: &Resumption) -> Vec<SlotId> = Verb::Resume(Held::Lent(resumption));

        create(request: Request, session: SessionHandle, template: Template) -> ObjectHandle =
            Verb::Create(request, session, Held::Owned(template));
        copy(
            request: Request, session: SessionHandle, object: ObjectHandle, template: Template
        ) -> ObjectHandle = Verb::Copy(request, session, object, Held::Owned(template));
        destroy(request: Request, session: SessionHandle, object: ObjectHandle) -> () =
            Verb::Destroy(request, session, object);
        object_size(session: SessionHandle, object: ObjectHandle) -> u64 =
            Verb::ObjectSize(session, object);
        set_attributes(
            request: Request, session: SessionHandle, object: ObjectHandle, template: Template
        ) -> () = Verb::SetAttributes(request, session, object, Held::Owned(template));

        generate(
            request: Request, session: SessionHandle, mechanism: &Mechanism, template: Template
        ) -> ObjectHandle =
            Verb::Generate(request, session, Held::Lent(mechanism), Held::Owned(template));
        generate_pair(
            request: Request, session: SessionHandle, mechanism: &Mechanism, public: Template,
            private: Template
        ) -> (ObjectHandle, ObjectHandle) = Verb::GeneratePair(
            request, session, Held::Lent(mechanism), Held::Owned(public), Held::Owned(private)
        );
        unwrap(
            request: Request, session: SessionHandle, mechanism: &Mechanism,
            unwrapping: ObjectHandle, wrapped: &[u8], additional: Option<&[u8]>, template: Template
        ) -> ObjectHandle = Verb::Unwrap {
            request,
            session,
            mechanism: Held::Lent(mechanism),
            unwrapping,
            additional: additional.map(Bytes::new),
            template: Held::Owned(template),
        }, wrapped;
        derive(
            request: Request, session: SessionHandle, mechanism: &Mechanism, base: ObjectHandle,
            template: Template, further: Vec<Template>
        ) -> (ObjectHandle, Vec<ObjectHandle>) = Verb::Derive {
            request,
            session,
            mechanism: Held::Lent(mechanism),
            base,
            template: Held::Owned(template),
            further: Many::Owned(further),
        };
        decapsulate(
            request: Request, session: SessionHandle, mechanism: &Mechanism, private: ObjectHandle,
            ciphertext: &[u8], template: Template
        ) -> ObjectHandle = Verb::Decapsulate {
            request,
            session,
            mechanism: Held::Lent(mechanism),
            private,
            template: Held::Owned(template),
        }, ciphertext;

        seed_random(session: SessionHandle, seed: &[u8]) -> () = Verb::SeedRandom(session), seed;
        slot_event(wait: bool) -> Option<SlotId> = Verb::SlotEvent(wait);

        create_user(
            request: Request, session: SessionHandle, name: &str, role: Role,
            password: &SecretBytes
        ) -> () = Verb::CreateUser(request, session, name, role, bytes(password));
        users(session: SessionHandle) -> Vec<UserInformation> = Verb::Users(session);
        delete_user(request: Request, session: SessionHandle, name: &str, role: Role) -> () =
            Verb::DeleteUser(request, session, name, role);
        set_password(
            request: Request, session: SessionHandle, name: &str, role: Role,
            password: &SecretBytes
        ) -> () = Verb::SetPassword(request, session, name, role, bytes(password));
    }

    fn attributes(
        &self,
        session: SessionHandle,
        object: ObjectHandle,
        asked: &[Asked],
        tell: &mut dyn FnMut(Told<'_>),
    ) -> Result<()> {
        let verb = Verb::Attributes(session, object, Many::Lent(asked));
        let revealed: Vec<Revealed> = self.say(&verb)?;
        revealed.into_iter().map(Told::from).for_each(tell);
        Ok(())
    }

    said_for_output! {
        wrap(
            session: SessionHandle, mechanism: &Mechanism, wrapping: ObjectHandle,
            key: ObjectHandle, additional: Option<&[u8]>
        ) -> Outcome = |capacity| Verb::Wrap {
            session,
            mechanism: Held::Lent(mechanism),
            wrapping,
            key,
            additional: additional.map(Bytes::new),
            capacity,
        }, &[];
        encapsulate(
            request: Request, session: SessionHandle, mechanism: &Mechanism, public: ObjectHandle,
            template: Template
        ) -> Encapsulated = |capacity| Verb::Encapsulate {
            request,
            session,
            mechanism: Held::Lent(mechanism),
            public,
            template: Held::Owned(template),
            capacity,
        }, &[];
    }

    fn open_session(&self, slot: SlotId, access: Access) -> Result<SessionHandle> {
        self.open(slot, access)
    }

    fn close_session(&self, session: SessionHandle) -> Result<()> {
        self.close(session)
    }

    fn close_sessions(&self, slot: SlotId) -> Result<()> {
        self.close_all(slot)
    }

    fn login(
        &self,
        session: SessionHandle,
        user: LoginAs,
        name: Option<&str>,
        pin: &SecretBytes,
    ) -> Result<Ticket> {
        self.log_in(session, user, name, pin)
    }

    fn logout(&self, session: SessionHandle) -> Result<()> {
        self.log_out(session)
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

    fn start(
        &self,
        session: SessionHandle,
        operation: Operation,
        mechanism: Mechanism,
        key: Option<ObjectHandle>,
    ) -> Result<Started> {
        self.begin(session, operation, &mechanism, key)
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

    fn absorb_key(&self, session: SessionHandle, key: ObjectHandle) -> Result<()> {
        let verb = Verb::AbsorbKey(session, key);
        self.take_in(session, Operation::Digest, &verb, &[])
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
        let verb = Verb::Check {
            session,
            operation,
            whole: input.is_some(),
            signature: Bytes::new(signature),
        };
        self.judge(session, operation, &verb, input.unwrap_or_default())
    }

    fn start_check(
        &self,
        session: SessionHandle,
        mechanism: Mechanism,
        key: ObjectHandle,
        signature: &[u8],
    ) -> Result<()> {
        self.begin_check(session, &mechanism, key, signature)
    }

    fn check_started(&self, session: SessionHandle, input: Option<&[u8]>) -> Result<()> {
        let verb = Verb::CheckStarted(session, input.is_some());
        self.judge(session, Operation::Verify, &verb, input.unwrap_or_default())
    }

    fn update_both(
        &self,
        session: SessionHandle,
        cipher: Operation,
        beside: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        self.go_on_with_both(session, [cipher, beside], input, output)
    }

    fn operation_state(
        &self,
        session: SessionHandle,
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        self.save(session, output)
    }

    fn set_operation_state(
        &self,
        session: SessionHandle,
        state: &[u8],
        encryption: Option<ObjectHandle>,
        authentication: Option<ObjectHandle>,
    ) -> Result<()> {
        self.load(session, state, encryption, authentication)
    }

    fn cancel(&self, session: SessionHandle, operation: Operation) -> Result<()> {
        self.end_operation(session, operation)
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
        let verb = Verb::Message {
            session,
            operation,
            parameters: Held::Lent(parameters),
            additional: Bytes::new(additional),
            capacity: capacity(output.as_deref()),
        };
        self.message_with_output(session, operation, &verb, input, output)
    }

    fn message_begin(
        &self,
        session: SessionHandle,
        operation: Operation,
        parameters: &Parameters,
        additional: &[u8],
    ) -> Result<Option<ParametersOut>> {
        let (parameters, additional) = (Held::Lent(parameters), Bytes::new(additional));
        let verb = Verb::MessageBegin(session, operation, parameters, additional);
        self.message_part(session, operation, &verb, &[])
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
        let verb = Verb::MessageNext {
            session,
            operation,
            parameters: Held::Lent(parameters),
            end,
            capacity: capacity(output.as_deref()),
        };
        self.message_with_output(session, operation, &verb, input, output)
    }

    fn message_check(
        &self,
        session: SessionHandle,
        parameters: &Parameters,
        input: &[u8],
        signature: &[u8],
    ) -> Result<()> {
        let (parameters, signature) = (Held::Lent(parameters), Bytes::new(signature));
        let verb = Verb::MessageCheck(session, parameters, signature);
        self.message_part(session, Operation::MessageVerify, &verb, input)
    }

    fn message_check_next(
        &self,
        session: SessionHandle,
        parameters: &Parameters,
        input: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<()> {
        let (parameters, signature) = (Held::Lent(parameters), signature.map(Bytes::new));
        let verb = Verb::MessageCheckNext(session, parameters, signature);
        self.message_part(session, Operation::MessageVerify, &verb, input)
    }

    fn message_end(&self, session: SessionHandle, operation: Operation) -> Result<()> {
        self.end_messages(session, operation)
    }

    fn random(&self, session: SessionHandle, output: &mut [u8]) -> Result<()> {
        for part in output.chunks_mut(limits::RANDOM_BYTES) {
            let verb = Verb::Random(session, part.len() as u64);
            self.attempt(|connection, _| connection.exchange_fill(&verb, part))?
                .answer?;
        }
        Ok(())
    }

    fn end(&self) -> Result<()> {
        self.end_application()
    }
}

pub(super) fn bytes(secret: &SecretBytes) -> &Bytes {
    Bytes::new(secret.reveal())
}

/// The room in an output, as it travels.
pub(super) fn capacity(output: Option<&[u8]>) -> Option<u64> {
    output.map(|output| output.len() as u64)
}

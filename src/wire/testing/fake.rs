//! An engine that computes nothing: its transformation puts a prefix before its input.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use token::{
    Access, ApplicationId, Asked, Attribute, Encapsulated, Error, Hsm, LoginAs, LoginState,
    Mechanism, MechanismInformation, ObjectHandle, Operation, Outcome, OutputBound, ParametersOut,
    Produced, Reason, Request, Result, Resumption, Role, SecretBytes, Session, SessionHandle, Slot,
    SlotId, Started, Template, Ticket, Token, Told, UserInformation,
};

mod operator;
mod state;

use self::state::{State, check_pin};
use super::{BROKEN_SLOT, PREFIX, SESSION_KEY, World};
use crate::server::{Host, Tenant};

pub(super) struct FakeHost {
    world: Arc<World>,
    knows: Mutex<HashMap<ApplicationId, Arc<Fake>>>,
}

impl FakeHost {
    pub(super) fn new(world: &Arc<World>) -> Self {
        Self {
            world: Arc::clone(world),
            knows: Mutex::default(),
        }
    }
}

impl Host for FakeHost {
    fn application(&self, id: ApplicationId, _uid: u32) -> Result<Arc<dyn Tenant>> {
        let new = || Arc::new(Fake::new(id, Arc::clone(&self.world)));
        Ok(Arc::clone(self.knows.lock().entry(id).or_insert_with(new)) as Arc<dyn Tenant>)
    }
}

struct Fake {
    id: ApplicationId,
    world: Arc<World>,
    next_session: AtomicU64,
    state: Mutex<State>,
}

impl Fake {
    /// What a Start does.
    fn begin(
        &self,
        session: SessionHandle,
        operation: Operation,
        key: Option<ObjectHandle>,
    ) -> Result<Started> {
        self.world.started.lock().push(operation);
        self.slot_of(session)?;
        let lost = key == Some(SESSION_KEY) && self.world.count("resume") > 0;
        if lost || key.is_some_and(|key| self.world.gone.lock().contains(&key)) {
            return Err(Reason::KeyHandleInvalid.into());
        }
        let mut state = self.state.lock();
        if state.operations.contains_key(&(session, operation)) {
            return Err(Reason::OperationActive.into());
        }
        state
            .operations
            .insert((session, operation), PREFIX.to_vec());
        let added = PREFIX.len() as u64;
        Ok(Started {
            bound: OutputBound::longer_by(added),
            parameters_out: None,
        })
    }

    fn new(id: ApplicationId, world: Arc<World>) -> Self {
        Self {
            id,
            world,
            next_session: AtomicU64::new(1),
            state: Mutex::default(),
        }
    }

    fn slot_of(&self, session: SessionHandle) -> Result<SlotId> {
        let state = self.state.lock();
        if self.world.is_lost.load(Ordering::Relaxed) {
            return Err(Reason::SessionHandleInvalid.into());
        }
        state
            .sessions
            .get(&session)
            .copied()
            .ok_or(Reason::SessionHandleInvalid.into())
    }

    fn output(&self, whole: &[u8], output: Option<&mut [u8]>) -> Produced {
        match output {
            Some(output) if output.len() >= whole.len() => {
                output[..whole.len()].copy_from_slice(whole);
                Produced::Written(whole.len())
            }
            _ => Produced::Needed(whole.len()),
        }
    }
}

fn no_operation() -> Error {
    Reason::OperationNotInitialized.into()
}

fn unsupported<T>() -> Result<T> {
    Err(Reason::FunctionNotSupported.into())
}

impl Hsm for Fake {
    fn slots(&self) -> Result<Vec<Slot>> {
        self.world.say("slots");
        Ok(Vec::new())
    }
    fn token(&self, slot: SlotId) -> Result<Token> {
        if slot == BROKEN_SLOT {
            std::panic::panic_any("the engine is broken here");
        }
        Err(Reason::SlotIdInvalid.into())
    }
    fn mechanisms(&self, _: SlotId) -> Result<Vec<MechanismInformation>> {
        Ok(Vec::new())
    }
    fn initialize_token(&self, _: Request, _: SlotId, _: &SecretBytes, _: &str) -> Result<()> {
        unsupported()
    }
    fn initialize_pin(&self, _: Request, _: SessionHandle, _: &SecretBytes) -> Result<()> {
        unsupported()
    }
    fn set_pin(
        &self,
        _: Request,
        _: SessionHandle,
        _: &SecretBytes,
        _: &SecretBytes,
    ) -> Result<()> {
        unsupported()
    }
    fn open_session(&self, slot: SlotId, _: Access) -> Result<SessionHandle> {
        let session = SessionHandle(self.next_session.fetch_add(1, Ordering::Relaxed));
        self.state.lock().sessions.insert(session, slot);
        self.world.say("open_session");
        Ok(session)
    }
    fn close_session(&self, session: SessionHandle) -> Result<()> {
        self.world.say("close_session");
        let gone = self.state.lock().sessions.remove(&session);
        gone.map(drop).ok_or(Reason::SessionHandleInvalid.into())
    }
    fn close_sessions(&self, slot: SlotId) -> Result<()> {
        self.state.lock().sessions.retain(|_, other| *other != slot);
        Ok(())
    }
    fn session(&self, session: SessionHandle) -> Result<Session> {
        self.world.say("session");
        let slot = self.slot_of(session)?;
        let login = match self.state.lock().logged_in.contains(&slot) {
            true => LoginState::User,
            false => LoginState::Public,
        };
        Ok(Session {
            slot,
            access: Access::ReadWrite,
            login,
        })
    }
    fn login(
        &self,
        session: SessionHandle,
        user: LoginAs,
        _: Option<&str>,
        pin: &SecretBytes,
    ) -> Result<Ticket> {
        let slot = self.slot_of(session)?;
        let ticket = Ticket {
            login: [9; 16],
            secret: SecretBytes::copied(b"ticket"),
        };
        if user == LoginAs::ContextSpecific {
            let login = self.state.lock().log_in_for_one_use(session, slot, pin);
            self.world.say("login");
            return login.map(|()| ticket);
        }
        check_pin(pin)?;
        let mut state = self.state.lock();
        if state.logged_in.contains(&slot) {
            return Err(Reason::UserAlreadyLoggedIn.into());
        }
        state.logged_in.push(slot);
        drop(state);
        self.world.say("login");
        Ok(ticket)
    }
    fn logout(&self, session: SessionHandle) -> Result<()> {
        let slot = self.slot_of(session)?;
        self.state.lock().log_out(slot);
        Ok(())
    }
    fn resume(&self, resumption: &Resumption) -> Result<Vec<SlotId>> {
        self.next_session
            .store(resumption.next_session, Ordering::Relaxed);
        let mut state = self.state.lock();
        state.sessions = resumption
            .sessions
            .iter()
            .map(|(s, slot, _)| (*s, *slot))
            .collect();
        let (good, bad): (Vec<_>, Vec<_>) = resumption.logins.iter().partition(|(_, ticket)| {
            ticket.secret.reveal() == b"ticket"
                && !self.world.forgets_logins.load(Ordering::Relaxed)
        });
        state.logged_in = good.iter().map(|(slot, _)| *slot).collect();
        drop(state);
        self.world.say("resume");
        Ok(bad.iter().map(|(slot, _)| *slot).collect())
    }
    fn create(&self, request: Request, _: SessionHandle, _: Template) -> Result<ObjectHandle> {
        let mut answers = self.world.answers.lock();
        let new = || ObjectHandle(1 + self.world.created.fetch_add(1, Ordering::Relaxed) as u64);
        let object = *answers.entry((self.id, request.number)).or_insert_with(new);
        drop(answers);
        self.world.say("create");
        Ok(object)
    }
    fn destroy(&self, _: Request, _: SessionHandle, object: ObjectHandle) -> Result<()> {
        let mut gone = self.world.gone.lock();
        if gone.contains(&object) {
            return Err(Reason::ObjectHandleInvalid.into());
        }
        gone.push(object);
        Ok(())
    }
    fn attributes(
        &self,
        _: SessionHandle,
        _: ObjectHandle,
        asked: &[Asked],
        tell: &mut dyn FnMut(Told<'_>),
    ) -> Result<()> {
        asked.iter().for_each(|_| tell(Told::Unknown));
        Ok(())
    }
    fn set_attributes(
        &self,
        _: Request,
        _: SessionHandle,
        _: ObjectHandle,
        _: Template,
    ) -> Result<()> {
        unsupported()
    }
    fn find_start(&self, session: SessionHandle, _: &[Attribute]) -> Result<()> {
        self.slot_of(session)?;
        let began = self.state.lock().begin_find(session);
        self.world.say("find_start");
        began
    }
    fn find_next(&self, session: SessionHandle, limit: usize) -> Result<Vec<ObjectHandle>> {
        self.slot_of(session)?;
        let found = self.state.lock().find(&self.world, session, limit);
        self.world.say("find_next");
        found
    }
    fn find_end(&self, session: SessionHandle) -> Result<()> {
        self.world.say("find_end");
        self.slot_of(session)?;
        self.state.lock().end_find(session)
    }
    fn find(
        &self,
        session: SessionHandle,
        _: &[Attribute],
        limit: usize,
    ) -> Result<Vec<ObjectHandle>> {
        self.slot_of(session)?;
        let mut state = self.state.lock();
        state.begin_find(session)?;
        let found = state.find(&self.world, session, limit)?;
        let mut said = vec!["find_start", "find_next"];
        if found.len() < limit {
            state.end_find(session)?;
            said.push("find_end");
        }
        drop(state);
        said.into_iter().for_each(|verb| self.world.say(verb));
        Ok(found)
    }
    fn generate(
        &self,
        request: Request,
        session: SessionHandle,
        _: &Mechanism,
        template: Template,
    ) -> Result<ObjectHandle> {
        self.create(request, session, template)
    }
    fn start(
        &self,
        session: SessionHandle,
        operation: Operation,
        _: Mechanism,
        key: Option<ObjectHandle>,
    ) -> Result<Started> {
        let started = self.begin(session, operation, key);
        self.world.say("start");
        started
    }
    fn transform(
        &self,
        session: SessionHandle,
        operation: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        self.world.say("transform");
        let mut state = self.state.lock();
        let begun = state
            .operations
            .get(&(session, operation))
            .ok_or_else(no_operation)?;
        let produced = self.output(&[begun, input].concat(), output);
        if matches!(produced, Produced::Written(_)) {
            state.operations.remove(&(session, operation));
        }
        Ok(produced)
    }
    fn message_failed(&self, _: SessionHandle, _: Operation) -> Result<()> {
        self.world.say("message_failed");
        Ok(())
    }
    fn update(
        &self,
        session: SessionHandle,
        operation: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let mut state = self.state.lock();
        let begun = state
            .operations
            .get_mut(&(session, operation))
            .ok_or_else(no_operation)?;
        let produced = self.output(input, output);
        if matches!(produced, Produced::Written(_)) {
            begun.extend(input);
        }
        Ok(produced)
    }
    fn absorb(&self, session: SessionHandle, operation: Operation, input: &[u8]) -> Result<()> {
        self.world.say("absorb");
        let mut state = self.state.lock();
        let begun = state
            .operations
            .get_mut(&(session, operation))
            .ok_or_else(no_operation)?;
        begun.extend(input);
        Ok(())
    }
    fn produce(
        &self,
        session: SessionHandle,
        operation: Operation,
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let mut state = self.state.lock();
        let begun = state
            .operations
            .get(&(session, operation))
            .ok_or_else(no_operation)?;
        let produced = self.output(begun, output);
        if matches!(produced, Produced::Written(_)) {
            state.operations.remove(&(session, operation));
        }
        Ok(produced)
    }
    fn check(
        &self,
        session: SessionHandle,
        operation: Operation,
        input: Option<&[u8]>,
        signature: &[u8],
    ) -> Result<()> {
        let begun = self.state.lock().operations.remove(&(session, operation));
        let absorbed = begun.ok_or_else(no_operation)?;
        let whole = [absorbed.as_slice(), input.unwrap_or_default()].concat();
        (whole == signature)
            .then_some(())
            .ok_or(Reason::SignatureInvalid.into())
    }
    fn cancel(&self, session: SessionHandle, operation: Operation) -> Result<()> {
        let ended = self.state.lock().operations.remove(&(session, operation));
        ended.map(drop).ok_or_else(no_operation)
    }
    fn random(&self, _: SessionHandle, output: &mut [u8]) -> Result<()> {
        output.fill(4);
        Ok(())
    }
    fn seed_random(&self, _: SessionHandle, seed: &[u8]) -> Result<()> {
        (seed == b"seed").then_some(()).ok_or_else(no_operation)
    }
    fn slot_event(&self, wait: bool) -> Result<Option<SlotId>> {
        let event = self.world.events.lock().pop();
        self.world.say("slot_event");
        while event.is_none() && wait && self.world.ended.load(Ordering::Relaxed) == 0 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        Ok(event)
    }
    fn slot_event_unheard(&self, slot: SlotId) {
        self.world.events.lock().push(slot);
    }
    fn wrap(
        &self,
        _: SessionHandle,
        _: &Mechanism,
        _: ObjectHandle,
        _: ObjectHandle,
        additional: Option<&[u8]>,
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        let produced = self.output(additional.unwrap_or(PREFIX), output);
        let parameters_out = Some(ParametersOut {
            iv: vec![1; 12],
            tag: Vec::new(),
        });
        Ok(Outcome {
            produced,
            parameters_out,
        })
    }
    fn encapsulate(
        &self,
        request: Request,
        session: SessionHandle,
        _: &Mechanism,
        _: ObjectHandle,
        template: Template,
        output: Option<&mut [u8]>,
    ) -> Result<Encapsulated> {
        let produced = self.output(&[8; 1568], output);
        let made = matches!(produced, Produced::Written(_))
            .then(|| self.create(request, session, template));
        let key = made.transpose()?;
        Ok(Encapsulated { produced, key })
    }
    fn derive(
        &self,
        _: Request,
        _: SessionHandle,
        _: &Mechanism,
        base: ObjectHandle,
        _: Template,
        further: Vec<Template>,
    ) -> Result<(ObjectHandle, Vec<ObjectHandle>)> {
        Ok((base, further.iter().map(|_| base).collect()))
    }
    fn create_user(
        &self,
        _: Request,
        _: SessionHandle,
        _: &str,
        _: Role,
        _: &SecretBytes,
    ) -> Result<()> {
        unsupported()
    }
    fn users(&self, _: SessionHandle) -> Result<Vec<UserInformation>> {
        unsupported()
    }
    fn delete_user(&self, _: Request, _: SessionHandle, _: &str, _: Role) -> Result<()> {
        unsupported()
    }
    fn set_password(
        &self,
        _: Request,
        _: SessionHandle,
        _: &str,
        _: Role,
        _: &SecretBytes,
    ) -> Result<()> {
        unsupported()
    }
    fn end(&self) -> Result<()> {
        self.world.say("end");
        self.world.ended.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

//! From a verb as a message to the verb of the engine, and the answer back.

use std::{
    io,
    os::fd::BorrowedFd,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use serde::Serialize;
use token::{Error, Operation, Produced, Reason, Result, SecretBytes, SessionHandle, limits};

use super::{
    Tenant,
    tally::{Held as Counted, Tally, What},
};
use crate::{
    buffer::Buffer,
    frame::{self, Fault, Kind},
    message::{Held, Verb},
};

/// How much room an output gets at first, on top of the input's length: more than any mechanism
/// adds. What needs more says how much, and gets that.
const FIRST_ROOM: usize = 4096;
/// Bytes of messages and outputs that are not counted: every connection may have them.
pub(super) const UNCOUNTED: usize = 256 * 1024;

/// Where answers are written: kept by a connection from verb to verb.
pub(super) struct Answer {
    frame: Buffer,
    output: Buffer,
    tally: Arc<Tally>,
    uid: u32,
    number: u32,
    /// A session that nobody has until the answer has been sent.
    opened: Option<SessionHandle>,
}

impl Answer {
    pub(super) fn new(tally: &Arc<Tally>, uid: u32) -> Self {
        let (frame, output) = (Buffer::new(), Buffer::new());
        Self {
            frame,
            output,
            tally: Arc::clone(tally),
            uid,
            number: 0,
            opened: None,
        }
    }

    /// Sends the answer. A session that its client never hears of is closed: it opens another one.
    pub(super) fn send(&mut self, socket: BorrowedFd<'_>, tenant: &dyn Tenant) -> io::Result<()> {
        let sent = frame::send(socket, self.frame.filled(), self.output.filled());
        let opened = self.opened.take();
        if let (Err(_), Some(session)) = (&sent, opened) {
            let close = AssertUnwindSafe(|| tenant.close_session(session));
            // It has gone by itself, or goes with its application.
            let _ = catch_unwind(close);
        }
        self.frame.clear();
        self.output.clear();
        sent
    }

    /// Answers a verb. A panic of the engine becomes an error of this verb alone.
    pub(super) fn of(
        &mut self,
        tenant: &dyn Tenant,
        number: u32,
        verb: Verb<'_>,
        data: &[u8],
    ) -> std::result::Result<(), Fault> {
        self.number = number;
        self.output.clear();
        let name = verb.name();
        match catch_unwind(AssertUnwindSafe(|| self.say(tenant, verb, data))) {
            Ok(written) => written,
            Err(_) => {
                log::error!("a panic in `{name}` was caught; please report it");
                self.error(Reason::Internal.into())
            }
        }
    }

    /// Answers with an error.
    pub(super) fn error(&mut self, error: Error) -> std::result::Result<(), Fault> {
        self.write::<()>(Err(error))
    }

    fn write<T: Serialize>(&mut self, answer: Result<T>) -> std::result::Result<(), Fault> {
        if answer.is_err() {
            self.output.clear();
        }
        frame::encode(
            &mut self.frame,
            Kind::Answer,
            self.number,
            &answer,
            self.output.len(),
        )
    }

    fn say(
        &mut self,
        tenant: &dyn Tenant,
        verb: Verb<'_>,
        data: &[u8],
    ) -> std::result::Result<(), Fault> {
        match verb {
            Verb::Slots => self.write(tenant.slots()),
            Verb::Token(slot) => self.write(tenant.token(slot)),
            Verb::Mechanisms(slot) => self.write(tenant.mechanisms(slot)),
            Verb::InitializeToken(request, slot, pin, label) => {
                self.write(tenant.initialize_token(request, slot, &secret(pin), label))
            }
            Verb::InitializePin(request, session, pin) => {
                self.write(tenant.initialize_pin(request, session, &secret(pin)))
            }
            Verb::SetPin(request, session, old, new) => {
                self.write(tenant.set_pin(request, session, &secret(old), &secret(new)))
            }
            Verb::OpenSession(slot, access) => {
                let opened = tenant.open_session(slot, access);
                self.opened = opened.as_ref().ok().copied();
                self.write(opened)
            }
            Verb::CloseSession(session) => self.write(tenant.close_session(session)),
            Verb::CloseSessions(slot) => self.write(tenant.close_sessions(slot)),
            Verb::Session(session) => self.write(tenant.session(session)),
            Verb::Login(session, user, name, pin) => {
                self.write(tenant.login(session, user, name, &secret(pin)))
            }
            Verb::Logout(session) => self.write(tenant.logout(session)),
            Verb::Resume(resumption) => self.write(tenant.resume(resumption.get())),
            Verb::Create(request, session, template) => {
                self.write(owned(template).and_then(|of| tenant.create(request, session, of)))
            }
            Verb::Destroy(request, session, object) => {
                self.write(tenant.destroy(request, session, object))
            }
            Verb::Attributes(session, object, kinds) => {
                self.write(tenant.attributes(session, object, kinds.get()))
            }
            Verb::SetAttributes(request, session, object, template) => {
                let set = |of| tenant.set_attributes(request, session, object, of);
                self.write(owned(template).and_then(set))
            }
            Verb::FindStart(session, template) => {
                self.write(tenant.find_start(session, template.get()))
            }
            Verb::FindNext(session, limit) => {
                let limit = length(limit).min(limits::FIND_HANDLES);
                self.write(tenant.find_next(session, limit))
            }
            Verb::FindEnd(session) => self.write(tenant.find_end(session)),
            Verb::Generate(request, session, mechanism, template) => {
                let generate = |of| tenant.generate(request, session, mechanism.get(), of);
                self.write(owned(template).and_then(generate))
            }
            Verb::Start(session, operation, mechanism, key) => {
                self.write(tenant.start(session, operation, mechanism.get(), key))
            }
            Verb::Transform(session, operation, capacity) => {
                self.output_of(session, operation, data.len(), capacity, |output| {
                    tenant.transform(session, operation, data, output)
                })
            }
            Verb::Update(session, operation, capacity) => {
                self.output_of(session, operation, data.len(), capacity, |output| {
                    tenant.update(session, operation, data, output)
                })
            }
            Verb::Absorb(session, operation) => self.write(tenant.absorb(session, operation, data)),
            Verb::Produce(session, operation, capacity) => {
                self.output_of(session, operation, 0, capacity, |output| {
                    tenant.produce(session, operation, output)
                })
            }
            Verb::Check {
                session,
                operation,
                whole,
                signature,
            } => self.write(tenant.check(session, operation, whole.then_some(data), signature)),
            Verb::Cancel(session, operation) => self.write(tenant.cancel(session, operation)),
            Verb::Random(session, len) => self.random(tenant, session, length(len)),
            Verb::CreateUser(request, session, name, role, password) => {
                self.write(tenant.create_user(request, session, name, role, &secret(password)))
            }
            Verb::Users(session) => self.write(tenant.users(session)),
            Verb::DeleteUser(request, session, name, role) => {
                self.write(tenant.delete_user(request, session, name, role))
            }
            Verb::SetPassword(request, session, name, role, password) => {
                self.write(tenant.set_password(request, session, name, role, &secret(password)))
            }
            Verb::End => self.write(tenant.end()),
            Verb::CreateCluster(request, cluster) => {
                self.write(tenant.create_cluster(request, cluster.get()))
            }
            Verb::Clusters => self.write(tenant.clusters()),
            Verb::Cluster(cluster) => self.write(tenant.cluster(cluster.get())),
            Verb::DeleteCluster(request, cluster) => {
                self.write(tenant.delete_cluster(request, cluster.get()))
            }
            Verb::CreateHsm(request, cluster, zone) => {
                self.write(tenant.create_hsm(request, cluster.get(), zone))
            }
            Verb::DeleteHsm(request, cluster, hsm) => {
                self.write(tenant.delete_hsm(request, cluster.get(), hsm.get()))
            }
            Verb::InitializeCluster(request, cluster, certificate, trust_anchor) => {
                let cluster = cluster.get();
                self.write(tenant.initialize_cluster(request, cluster, certificate, trust_anchor))
            }
            Verb::ActivateCluster(request, cluster, password) => {
                self.write(tenant.activate_cluster(request, cluster.get(), &secret(password)))
            }
            Verb::VerifyAudit(cluster) => self.write(tenant.verify_audit(cluster.get())),
            Verb::UnlockUser(request, cluster, name, role) => {
                self.write(tenant.unlock_user(request, cluster.get(), name, role))
            }
        }
    }

    /// A verb with output. The room that the caller has is a claim: as much is taken as the input
    /// makes likely, and more only when the engine needs it.
    fn output_of(
        &mut self,
        session: SessionHandle,
        operation: Operation,
        input_len: usize,
        capacity: Option<u64>,
        mut verb: impl FnMut(Option<&mut [u8]>) -> Result<Produced>,
    ) -> std::result::Result<(), Fault> {
        let Some(capacity) = capacity.map(length) else {
            return self.write(verb(None));
        };
        let capacity = capacity.min(limits::DATA_BYTES);
        let mut room = capacity.min(input_len.saturating_add(FIRST_ROOM));
        let mut answer = self.with_room(room, &mut verb);
        if let Ok(Produced::Needed(needed)) = answer
            && (room + 1..=capacity).contains(&needed)
        {
            room = needed;
            answer = self.with_room(room, &mut verb);
        }
        match answer {
            Ok(Produced::Written(len)) if len <= room => self.output.truncate(len),
            Ok(Produced::Written(_)) => {
                log::error!("{operation:?} of session {} wrote too much", session.0);
                return self.error(Reason::Internal.into());
            }
            _ => self.output.clear(),
        }
        self.write(answer)
    }

    fn with_room(
        &mut self,
        room: usize,
        verb: &mut impl FnMut(Option<&mut [u8]>) -> Result<Produced>,
    ) -> Result<Produced> {
        let _counted = self.counted(room)?;
        verb(Some(self.output.of_len(room)))
    }

    fn random(
        &mut self,
        tenant: &dyn Tenant,
        session: SessionHandle,
        len: usize,
    ) -> std::result::Result<(), Fault> {
        if len > limits::RANDOM_BYTES {
            return self.error(Reason::ArgumentsBad.into());
        }
        let answer = self.counted(len).and_then(|_counted| {
            let output = self.output.of_len(len);
            tenant.random(session, output)
        });
        self.write(answer)
    }

    /// Counts a large output for as long as it is worked on.
    fn counted(&self, len: usize) -> Result<Option<Counted>> {
        match len > UNCOUNTED {
            true => self.tally.take(self.uid, What::Bytes, len).map(Some),
            false => Ok(None),
        }
    }
}

fn secret(bytes: &[u8]) -> SecretBytes {
    SecretBytes::copied(bytes)
}

/// A length that a client named; one that is no length here is beyond every limit anyway.
fn length(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A value that was read, and so is owned.
fn owned<T>(held: Held<'_, T>) -> Result<T> {
    match held {
        Held::Owned(value) => Ok(value),
        Held::Lent(_) => Err(Reason::Internal.into()),
    }
}

//! Each verb of the wire as the verb of the engine that it is.

use token::{Reason, Result, Revealed, SecretBytes, Told, limits};

use super::{Answer, Given, Tenant};
use crate::{
    frame::Fault,
    message::{Found, Verb},
};

impl Answer {
    /// Has the engine say `verb`, and writes what it answers.
    pub(super) fn say(
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
                self.given = opened.as_ref().ok().copied().map(Given::Session);
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
            Verb::Create(request, session, template) => self.write(
                template
                    .owned()
                    .and_then(|of| tenant.create(request, session, of)),
            ),
            Verb::Destroy(request, session, object) => {
                self.write(tenant.destroy(request, session, object))
            }
            Verb::Attributes(session, object, asked) => {
                let mut revealed: Vec<Revealed> = Vec::new();
                let mut tell = |told: Told<'_>| revealed.push(told.into());
                let answer = tenant.attributes(session, object, asked.get(), &mut tell);
                self.write(answer.map(|()| revealed))
            }
            Verb::SetAttributes(request, session, object, template) => {
                let set = |of| tenant.set_attributes(request, session, object, of);
                self.write(template.owned().and_then(set))
            }
            Verb::FindStart(session, template) => {
                self.write(tenant.find_start(session, template.get()))
            }
            Verb::FindNext(session, limit) => {
                let limit = length(limit).min(limits::FIND_HANDLES);
                self.write(tenant.find_next(session, limit))
            }
            Verb::FindEnd(session) => self.write(tenant.find_end(session)),
            Verb::Find(session, template, limit) => {
                let limit = length(limit).min(limits::FIND_HANDLES);
                let found = tenant.find(session, template.get(), limit);
                self.write(found.map(|objects| Found {
                    is_over: objects.len() < limit,
                    objects,
                }))
            }
            Verb::Generate(request, session, mechanism, template) => {
                let generate = |of| tenant.generate(request, session, mechanism.get(), of);
                self.write(template.owned().and_then(generate))
            }
            Verb::Start(session, operation, mechanism, key) => {
                let start = |with| tenant.start(session, operation, with, key);
                self.write(mechanism.owned().and_then(start))
            }
            Verb::Transform(session, operation, capacity) => {
                self.output_of(data.len(), capacity, |output| {
                    tenant.transform(session, operation, data, output)
                })
            }
            Verb::Update(session, operation, capacity) => {
                self.output_of(data.len(), capacity, |output| {
                    tenant.update(session, operation, data, output)
                })
            }
            Verb::Absorb(session, operation) => self.write(tenant.absorb(session, operation, data)),
            Verb::Produce(session, operation, capacity) => self.output_of(0, capacity, |output| {
                tenant.produce(session, operation, output)
            }),
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
            further => self.say_further(tenant, further, data),
        }
    }

    /// The verbs that came after those of the first version of `token::Hsm`.
    fn say_further(
        &mut self,
        tenant: &dyn Tenant,
        verb: Verb<'_>,
        data: &[u8],
    ) -> std::result::Result<(), Fault> {
        match verb {
            Verb::SeedRandom(session) => self.write(tenant.seed_random(session, data)),
            Verb::SlotEvent(wait) => {
                let event = tenant.slot_event(wait);
                self.given = event.as_ref().ok().copied().flatten().map(Given::Event);
                self.write(event)
            }
            Verb::GeneratePair(request, session, mechanism, public, private) => {
                let generate = |public, private| {
                    tenant.generate_pair(request, session, mechanism.get(), public, private)
                };
                self.write(both(public.owned(), private.owned()).and_then(|(a, b)| generate(a, b)))
            }
            Verb::Copy(request, session, object, template) => {
                let copy = |of| tenant.copy(request, session, object, of);
                self.write(template.owned().and_then(copy))
            }
            Verb::ObjectSize(session, object) => self.write(tenant.object_size(session, object)),
            Verb::ValidationFlags(session) => self.write(tenant.validation_flags(session)),
            Verb::Wrap {
                session,
                mechanism,
                wrapping,
                key,
                additional,
                capacity,
            } => self.output_of(0, capacity, |output| {
                let (mechanism, additional) = (mechanism.get(), additional.map(|of| &**of));
                tenant.wrap(session, mechanism, wrapping, key, additional, output)
            }),
            Verb::Unwrap {
                request,
                session,
                mechanism,
                unwrapping,
                additional,
                template,
            } => {
                let (mechanism, additional) = (mechanism.get(), additional.map(|of| &**of));
                let unwrap = |of| {
                    tenant.unwrap(
                        request, session, mechanism, unwrapping, data, additional, of,
                    )
                };
                self.write(template.owned().and_then(unwrap))
            }
            Verb::Derive {
                request,
                session,
                mechanism,
                base,
                template,
                further,
            } => {
                let derive = |(template, further)| {
                    tenant.derive(request, session, mechanism.get(), base, template, further)
                };
                self.write(both(template.owned(), further.owned()).and_then(derive))
            }
            Verb::Encapsulate {
                request,
                session,
                mechanism,
                public,
                template,
                capacity,
            } => {
                let (mechanism, mut template) = (mechanism.get(), Some(template));
                self.output_of(0, capacity, |output| {
                    // Asked once: no ciphertext needs more than the first room.
                    let template = template.take().ok_or(Reason::Internal)?.owned()?;
                    tenant.encapsulate(request, session, mechanism, public, template, output)
                })
            }
            Verb::Decapsulate {
                request,
                session,
                mechanism,
                private,
                template,
            } => {
                let mechanism = mechanism.get();
                let decapsulate =
                    |of| tenant.decapsulate(request, session, mechanism, private, data, of);
                self.write(template.owned().and_then(decapsulate))
            }
            Verb::StartCheck(session, mechanism, key, signature) => {
                let start = |with| tenant.start_check(session, with, key, signature);
                self.write(mechanism.owned().and_then(start))
            }
            Verb::CheckStarted(session, whole) => {
                self.write(tenant.check_started(session, whole.then_some(data)))
            }
            Verb::AbsorbKey(session, key) => self.write(tenant.absorb_key(session, key)),
            Verb::UpdateBoth(session, cipher, beside, capacity) => {
                self.output_of(data.len(), capacity, |output| {
                    tenant.update_both(session, cipher, beside, data, output)
                })
            }
            Verb::OperationState(session, capacity) => self.output_of(0, capacity, |output| {
                tenant.operation_state(session, output)
            }),
            Verb::SetOperationState(session, encryption, authentication) => {
                let set = tenant.set_operation_state(session, data, encryption, authentication);
                self.write(set)
            }
            Verb::Message {
                session,
                operation,
                parameters,
                additional,
                capacity,
            } => self.output_of(data.len(), capacity, |output| {
                tenant.message(
                    session,
                    operation,
                    parameters.get(),
                    additional,
                    data,
                    output,
                )
            }),
            Verb::MessageBegin(session, operation, parameters, additional) => {
                let parameters = parameters.get();
                self.write(tenant.message_begin(session, operation, parameters, additional))
            }
            Verb::MessageNext {
                session,
                operation,
                parameters,
                end,
                capacity,
            } => self.output_of(data.len(), capacity, |output| {
                tenant.message_next(session, operation, parameters.get(), data, end, output)
            }),
            Verb::MessageCheck(session, parameters, signature) => {
                self.write(tenant.message_check(session, parameters.get(), data, signature))
            }
            Verb::MessageCheckNext(session, parameters, signature) => {
                let (parameters, signature) = (parameters.get(), signature.map(|of| &**of));
                self.write(tenant.message_check_next(session, parameters, data, signature))
            }
            Verb::MessageEnd(session, operation) => {
                self.write(tenant.message_end(session, operation))
            }
            Verb::MessageFailed(session, operation) => {
                self.write(tenant.message_failed(session, operation))
            }
            Verb::AuditRecords(cluster, place, filter) => {
                self.write(tenant.audit_records(cluster.get(), place.get(), filter.get()))
            }
            _ => self.error(Reason::Internal.into()),
        }
    }
}

/// A Start whose client knows already what is answered when all is well.
pub(super) fn begin(tenant: &dyn Tenant, start: Verb<'_>) -> Result<()> {
    match start {
        Verb::Start(session, operation, mechanism, key) => {
            let mechanism = mechanism.owned()?;
            tenant.start(session, operation, mechanism, key).map(drop)
        }
        _ => Err(Reason::Internal.into()),
    }
}

fn secret(bytes: &[u8]) -> SecretBytes {
    SecretBytes::copied(bytes)
}

/// A length that a client named; one that is no length here is beyond every limit anyway.
pub(super) fn length(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Two values, if there are both.
fn both<A, B>(a: Result<A>, b: Result<B>) -> Result<(A, B)> {
    Ok((a?, b?))
}

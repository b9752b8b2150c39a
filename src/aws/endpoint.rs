//! The one gate to all services: finds the operation, checks the signature, runs it, logs the call.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crypto::Zeroizing;

use crate::{
    Call, Clock, Error, Headers, Mounted, Request, Response, Result, Scope,
    auth::{AccessKeys, SigningKey, Verifier},
    error::{INTERNAL_FAILURE, SERVICE_UNAVAILABLE, UNKNOWN_OPERATION},
    event::Subject,
    events::EventLog,
    protocol::json,
    service::Bound,
};

/// Characters of a user agent that an event keeps.
const USER_AGENT_CHARS: usize = 256;

/// The services behind one address.
pub struct Endpoint {
    services: Vec<Mounted>,
    verifier: Verifier,
    scope: Arc<Scope>,
    clock: Arc<dyn Clock>,
    events: Option<EventLog>,
}

impl Endpoint {
    /// The services of an account in a region.
    pub fn new(
        services: Vec<Mounted>,
        keys: Arc<dyn AccessKeys>,
        scope: Scope,
        clock: Arc<dyn Clock>,
        events: Option<EventLog>,
    ) -> Self {
        let verifier = Verifier::new(keys, clock.clone(), &scope.region);
        Self {
            services,
            verifier,
            scope: Arc::new(scope),
            clock,
            events,
        }
    }

    /// Answers a request. May wait for an HSM or a disk.
    pub fn answer(&self, request: &Request<'_>) -> Response {
        let request_id = crate::random_id();
        let (message_member, result) = match self.service(request.headers) {
            Some((service, operation)) => (
                service.message_member,
                self.run(service, operation, request, &request_id),
            ),
            None => {
                let text = "The X-Amz-Target header names no service of this server (AWS JSON 1.1: \
                            POST / with TrentService.<Operation> or BaldrApiService.<Operation>).";
                ("message", Err(Error::new(UNKNOWN_OPERATION, text)))
            }
        };
        match result {
            Ok(body) => Response {
                status: 200,
                request_id,
                body,
            },
            Err(error) => refusal(&error, message_member, request_id),
        }
    }

    /// Writes the event of every call that was answered, as far as the disk takes them.
    pub fn flush(&self) {
        if let Some(events) = &self.events {
            events.flush();
        }
    }

    /// Whether the request asks for a use of a key, which takes no longer than a round trip.
    pub fn is_swift(&self, headers: Headers<'_>) -> bool {
        let asked = self.service(headers);
        asked
            .and_then(|(service, name)| service.operation(name))
            .is_some_and(|row| row.swift)
    }

    /// The service that a request is for, and the name of its operation.
    fn service<'a>(&self, headers: Headers<'a>) -> Option<(&Mounted, &'a str)> {
        let target = std::str::from_utf8(headers.one("x-amz-target")?).ok()?;
        let (service, operation) = target.split_once('.')?;
        Some((
            self.services
                .iter()
                .find(|mounted| mounted.target == service)?,
            operation,
        ))
    }

    fn run(
        &self,
        service: &Mounted,
        operation: &str,
        request: &Request<'_>,
        request_id: &str,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let Some(operation) = service.operation(operation) else {
            let text = "This version does not have the operation; docs/supported.md lists those that it has.";
            return Err(Error::new(UNKNOWN_OPERATION, text));
        };
        if request.method != "POST" {
            return Err(Error::new(
                UNKNOWN_OPERATION,
                "Operations are asked for with POST.",
            ));
        }
        // Who is not known leaves no event, so that strangers cannot push honest ones out.
        let key = self
            .verifier
            .verify(request, service.signing_name)
            .inspect_err(|error| {
                log::info!(
                    "{} from {} refused: {error}",
                    operation.name,
                    request.source
                );
            })?;
        // Nothing is done that could not be told of afterwards.
        let changes = !operation.swift && !operation.read_only;
        let events = self.events.as_ref();
        if events.is_some_and(|events| !events.has_room(changes)) {
            let text = "Calls cannot be logged; the log of the server says why.";
            return Err(Error::new(SERVICE_UNAVAILABLE, text));
        }
        let call = self.call(&key, request, request_id);
        // A bug in an operation must not take the server with it.
        let result = catch_unwind(AssertUnwindSafe(|| (operation.run)(&call, request.body)))
            .unwrap_or_else(|_| {
                log::error!("{} panicked, request {request_id}", operation.name);
                Err(Error::new(
                    INTERNAL_FAILURE,
                    "An internal error; please report it.",
                ))
            });
        self.log(
            service,
            operation,
            &call,
            request.body,
            result.as_ref().err(),
        );
        result
    }

    fn log(
        &self,
        service: &Mounted,
        operation: &Bound,
        call: &Call,
        body: &[u8],
        error: Option<&Error>,
    ) {
        let Some(events) = &self.events else {
            return;
        };
        let subject = Subject {
            source: service.event_source,
            resource_type: service.resource_type,
            name: operation.name,
            read_only: operation.read_only,
            parameters: json::members(body, operation.logged),
            error,
        };
        events.append(subject, call);
        // What was changed is in the log before anybody is told so; uses of keys follow soon. A
        // change cannot be taken back: one that is under way when the disk begins to take nothing
        // is told with its event still in memory, and no other is begun.
        if !operation.swift && !events.flush() {
            log::error!(
                "{} is done and its event is not in the log yet, request {}",
                operation.name,
                call.request_id
            );
        }
    }

    fn call(&self, key: &SigningKey, request: &Request<'_>, request_id: &str) -> Call {
        let user_agent = request.headers.one("user-agent").unwrap_or_default();
        let user_agent: String = String::from_utf8_lossy(user_agent)
            .chars()
            .take(USER_AGENT_CHARS)
            .collect();
        Call::new(
            key.principal(&self.scope),
            self.scope.clone(),
            request_id.to_owned(),
            self.clock.now(),
            request.source,
            user_agent,
        )
    }
}

/// The response that refuses a request before it reaches an operation, or after.
pub fn refusal(error: &Error, message_member: &str, request_id: String) -> Response {
    let body = Zeroizing::new(json::error_body(error, message_member));
    Response {
        status: error.kind.status,
        request_id,
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        FixedClock, Operation, Service, Timestamp,
        auth::Signer,
        error::{SERIALIZATION, UNRECOGNIZED_CLIENT},
    };
    use crypto::Secret;
    use serde_json::{Value, json};

    static ECHO: Service<()> = Service {
        target: "EchoService",
        signing_name: "echo",
        event_source: "echo.amazonaws.com",
        resource_type: "AWS::Echo",
        message_member: "Message",
        operations: &[
            Operation {
                name: "Echo",
                run: crate::typed!(echo),
                read_only: true,
                swift: true,
                logged: &[],
            },
            Operation {
                name: "Change",
                run: crate::typed!(echo),
                read_only: false,
                swift: false,
                logged: &[],
            },
            Operation {
                name: "Panic",
                run: crate::typed!(panicking),
                read_only: true,
                swift: false,
                logged: &[],
            },
        ],
    };

    fn echo(_: &(), call: &Call, request: Value) -> Result<Value> {
        Ok(json!({"Caller": call.principal.arn, "Request": request}))
    }

    fn panicking(_: &(), _: &Call, _: Value) -> Result<Value> {
        panic!("on purpose")
    }

    struct OneKey;

    impl AccessKeys for OneKey {
        fn find(&self, id: &str) -> Result<Option<Arc<SigningKey>>> {
            let key = || {
                Arc::new(SigningKey::new(
                    "AKIAONE",
                    "alice",
                    &Secret::from(&b"s"[..]),
                ))
            };
            Ok((id == "AKIAONE").then(key))
        }
    }

    fn answer(id: &str, operation: &str, body: &str) -> (u16, Value) {
        answer_and_log(None, id, operation, body)
    }

    fn answer_and_log(
        events: Option<EventLog>,
        id: &str,
        operation: &str,
        body: &str,
    ) -> (u16, Value) {
        let clock = Arc::new(FixedClock(Timestamp(1_440_938_160_000)));
        let scope = Scope::new("us-east-1", "111122223333").unwrap();
        let endpoint = Endpoint::new(
            vec![ECHO.mount(Arc::new(()))],
            Arc::new(OneKey),
            scope,
            clock,
            events,
        );
        let signer = Signer::new(id, &Secret::from(&b"s"[..]), "us-east-1", "echo");
        let headers = signer.headers(
            "localhost",
            operation,
            body.as_bytes(),
            Timestamp(1_440_938_160_000),
        );
        let headers: Vec<(&str, &[u8])> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()))
            .collect();
        let response = endpoint.answer(&Request {
            method: "POST",
            target: "/",
            headers: Headers::new(&headers),
            body: body.as_bytes(),
            source: [127, 0, 0, 1].into(),
        });
        (
            response.status,
            serde_json::from_slice(&response.body).unwrap(),
        )
    }

    #[test]
    fn a_signed_request_reaches_its_operation_with_its_caller() {
        let (status, body) = answer("AKIAONE", "EchoService.Echo", r#"{"A":1}"#);
        assert_eq!(status, 200);
        assert_eq!(body["Caller"], "arn:aws:iam::111122223333:user/alice");
        assert_eq!(body["Request"]["A"], 1);
    }

    #[test]
    fn an_error_has_its_name_its_status_and_the_services_message_member() {
        let (status, body) = answer("AKIATWO", "EchoService.Echo", "{}");
        assert_eq!(
            (status, &body["__type"]),
            (400, &json!(UNRECOGNIZED_CLIENT.name))
        );
        assert!(body["Message"].is_string());
    }

    #[test]
    fn while_events_cannot_be_written_keys_are_used_and_nothing_is_changed() {
        let home = tempfile::tempdir().unwrap();
        let status = |operation| {
            let events = EventLog::open(&home.path().join("events")).unwrap();
            events.fill_disk();
            events.append(
                crate::event::tests::subject(serde_json::Map::new()),
                &crate::event::tests::call(),
            );
            events.flush();
            answer_and_log(Some(events), "AKIAONE", operation, "{}").0
        };
        assert_eq!(status("EchoService.Echo"), 200);
        assert_eq!(status("EchoService.Change"), 503);
    }

    #[test]
    fn an_operation_that_is_in_no_table_is_unknown() {
        for operation in ["EchoService.Shout", "TrentService.Echo", "Echo", ""] {
            let (status, body) = answer("AKIAONE", operation, "{}");
            assert_eq!(
                (status, &body["__type"]),
                (400, &json!(UNKNOWN_OPERATION.name))
            );
        }
    }

    #[test]
    fn a_body_that_is_no_json_is_refused_after_the_signature_was_checked() {
        let (_, body) = answer("AKIAONE", "EchoService.Echo", "{");
        assert_eq!(body["__type"], SERIALIZATION.name);
    }

    #[test]
    fn an_operation_that_panics_is_an_internal_failure_and_nothing_more() {
        let (status, body) = answer("AKIAONE", "EchoService.Panic", "{}");
        assert_eq!(
            (status, &body["__type"]),
            (500, &json!(INTERNAL_FAILURE.name))
        );
    }
}

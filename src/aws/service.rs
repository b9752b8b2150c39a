//! A service as a table of operations, and a service with what it works on.

use std::sync::Arc;

use crypto::Zeroizing;

use crate::{Call, Result};

/// What an operation is: the context, the call and the request's body in, the response's body out.
pub type Run<C> = fn(&C, &Call, &[u8]) -> Result<Zeroizing<Vec<u8>>>;

/// A row of a service's operation table.
pub struct Operation<C: 'static> {
    /// For example `Encrypt`.
    pub name: &'static str,
    /// Does it; made by [`crate::typed!`].
    pub run: Run<C>,
    /// Whether it changes nothing.
    pub read_only: bool,
    /// Whether it is a use of a key, done in the time of a round trip, not work on records.
    pub swift: bool,
    /// Members of the request that the event shows. A member that is not here never gets there.
    pub logged: &'static [&'static str],
}

/// A service: how it is addressed, how it writes errors, and its operations.
pub struct Service<C: 'static> {
    /// The first part of `X-Amz-Target`.
    pub target: &'static str,
    /// Its name in the scope of a signature.
    pub signing_name: &'static str,
    /// Its name in events.
    pub event_source: &'static str,
    /// The type of its resources in events.
    pub resource_type: &'static str,
    /// The member of an error that holds the message: `message` or `Message`.
    pub message_member: &'static str,
    /// What it does.
    pub operations: &'static [Operation<C>],
}

impl<C: Send + Sync + 'static> Service<C> {
    /// The service, working on `context`.
    pub fn mount(&'static self, context: Arc<C>) -> Mounted {
        let bind = |row: &'static Operation<C>| {
            let context = context.clone();
            Bound {
                name: row.name,
                read_only: row.read_only,
                swift: row.swift,
                logged: row.logged,
                run: Box::new(move |call, body| (row.run)(&context, call, body)),
            }
        };
        Mounted {
            target: self.target,
            signing_name: self.signing_name,
            event_source: self.event_source,
            resource_type: self.resource_type,
            message_member: self.message_member,
            operations: self.operations.iter().map(bind).collect(),
        }
    }
}

/// A service joined with what it works on: what [`crate::Endpoint::new`] takes.
pub struct Mounted {
    pub(crate) target: &'static str,
    pub(crate) signing_name: &'static str,
    pub(crate) event_source: &'static str,
    pub(crate) resource_type: &'static str,
    pub(crate) message_member: &'static str,
    operations: Vec<Bound>,
}

impl Mounted {
    pub(crate) fn operation(&self, name: &str) -> Option<&Bound> {
        self.operations.iter().find(|row| row.name == name)
    }
}

/// A [`Run`] joined with its context.
type BoundRun = dyn Fn(&Call, &[u8]) -> Result<Zeroizing<Vec<u8>>> + Send + Sync;

/// A row joined with its context.
pub(crate) struct Bound {
    pub(crate) name: &'static str,
    pub(crate) read_only: bool,
    pub(crate) swift: bool,
    pub(crate) logged: &'static [&'static str],
    pub(crate) run: Box<BoundRun>,
}

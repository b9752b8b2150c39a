//! Who asks for a change: from this one value come the commit's id and the audit entry's actor.

use std::{sync::Arc, time::SystemTime};

use store::CommitId;
use token::{ApplicationId, Request};

use crate::{
    audit::{Entry, Event},
    cluster::users::Keyring,
};

/// An application with a request, as the user it is logged in as.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) application: ApplicationId,
    pub(crate) uid: u32,
    pub(crate) request: Option<Request>,
    pub(crate) user: Option<Arc<Keyring>>,
}

impl Caller {
    /// The application, without a request and a login.
    pub(crate) fn new(application: ApplicationId, uid: u32) -> Self {
        Self {
            application,
            uid,
            request: None,
            user: None,
        }
    }

    /// The same, asking for something that is to be done once.
    pub(crate) fn asking(mut self, request: Request) -> Self {
        self.request = Some(request);
        self
    }

    /// The same, logged in.
    pub(crate) fn with_user(mut self, keyring: &Arc<Keyring>) -> Self {
        self.user = Some(keyring.clone());
        self
    }

    /// The id that makes a repeated commit recognisable.
    pub(crate) fn commit_id(&self) -> Option<CommitId> {
        let number = self.request?.number;
        Some(CommitId {
            application: self.application.0,
            number,
        })
    }

    /// Requests below this one have had their answers.
    pub(crate) fn settled(&self) -> u64 {
        self.request.map_or(0, |request| request.settled)
    }

    /// What the audit chain says of an event that this caller brought about.
    pub(crate) fn entry(&self, event: &Event) -> Entry {
        Entry {
            time_ms: u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX),
            application: self.application.0,
            uid: self.uid,
            user: self
                .user
                .as_ref()
                .map(|user| (user.user, user.name.clone())),
            event: event.clone(),
        }
    }
}

/// The time of day, which only records tell: nothing here is decided by it.
pub(crate) fn since_1970() -> std::time::Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

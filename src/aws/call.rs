//! One authenticated call: who calls, where, when, and what the log of calls shall say of it.

use std::{net::IpAddr, sync::Arc};

use parking_lot::Mutex;
use serde_json::{Map, Value};

use crate::{Scope, Timestamp};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The account: twelve digits.
    pub account: String,
    /// For example `arn:aws:iam::111122223333:user/admin`.
    pub arn: String,
    /// The user's unique id, `AIDA…`.
    pub id: String,
    /// The user's name.
    pub user_name: String,
    /// The access key that signed the request.
    pub access_key_id: String,
}

impl Principal {
    /// The user of an access key.
    pub(crate) fn user(scope: &Scope, user_name: &str, access_key_id: &str) -> Self {
        let (partition, account) = (&scope.partition, &scope.account);
        Self {
            account: account.clone(),
            arn: format!("arn:{partition}:iam::{account}:user/{user_name}"),
            id: principal_id(account, user_name),
            user_name: user_name.to_owned(),
            access_key_id: access_key_id.to_owned(),
        }
    }
}

/// `AIDA…`, the same for the same user of the same account.
fn principal_id(account: &str, user_name: &str) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let hash = crypto::hash::sha256(&[account.as_bytes(), b"/", user_name.as_bytes()]);
    let letter = |byte: &u8| LETTERS.get(usize::from(*byte) % LETTERS.len()).copied();
    "AIDA"
        .chars()
        .chain(hash.iter().take(17).filter_map(letter).map(char::from))
        .collect()
}

/// One authenticated call.
#[derive(Debug)]
pub struct Call {
    /// Who calls.
    pub principal: Arc<Principal>,
    /// The account and region that are called.
    pub scope: Arc<Scope>,
    /// The id that the response and the event carry.
    pub request_id: String,
    /// When the request arrived.
    pub now: Timestamp,
    /// Where it came from.
    pub source: IpAddr,
    /// What the caller calls itself.
    pub user_agent: String,
    notes: Mutex<Notes>,
}

/// What an operation adds to the event of its call. Never a secret.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Replaces or adds request parameters.
    pub parameters: Map<String, Value>,
    /// `responseElements`.
    pub response: Map<String, Value>,
    /// `additionalEventData`.
    pub additional: Map<String, Value>,
    /// ARNs of the resources that the call was about.
    pub resources: Vec<String>,
}

impl Call {
    /// A call without notes.
    pub fn new(
        principal: impl Into<Arc<Principal>>,
        scope: impl Into<Arc<Scope>>,
        request_id: String,
        now: Timestamp,
        source: IpAddr,
        user_agent: String,
    ) -> Self {
        let notes = Mutex::default();
        Self {
            principal: principal.into(),
            scope: scope.into(),
            request_id,
            now,
            source,
            user_agent,
            notes,
        }
    }

    /// The event names this resource.
    pub fn resource(&self, arn: impl Into<String>) {
        self.notes.lock().resources.push(arn.into());
    }

    /// The event's `requestParameters` show `name` (as in the event: `keyId`) so.
    pub fn requested(&self, name: &str, value: impl Into<Value>) {
        self.notes
            .lock()
            .parameters
            .insert(name.to_owned(), value.into());
    }

    /// The event's `responseElements` show `name` so.
    pub fn answered(&self, name: &str, value: impl Into<Value>) {
        self.notes
            .lock()
            .response
            .insert(name.to_owned(), value.into());
    }

    /// The event's `additionalEventData` show `name` so.
    pub fn additional(&self, name: &str, value: impl Into<Value>) {
        self.notes
            .lock()
            .additional
            .insert(name.to_owned(), value.into());
    }

    /// Everything noted; nothing is left.
    pub fn take_notes(&self) -> Notes {
        std::mem::take(&mut *self.notes.lock())
    }
}

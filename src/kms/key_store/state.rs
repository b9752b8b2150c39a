//! The words for how a key store is connected, and why it could not be.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::KeyStore;

/// How a store is connected right now.
#[derive(Clone)]
pub(crate) enum Phase {
    /// Nobody wants it connected.
    Disconnected,
    /// A thread is at it.
    Connecting,
    /// Its keys can be used.
    Connected(Arc<dyn KeyStore>),
    /// A thread logs out.
    Disconnecting,
    /// It could not be connected: disconnect it, remedy the cause, connect again.
    Failed(ConnectionErrorCode),
}

/// What stands in the records: how a store shall be after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Intent {
    Disconnected,
    Connected,
    Failed(ConnectionErrorCode),
}

impl Phase {
    /// As `ConnectionState` writes it.
    pub(crate) fn text(&self) -> &'static str {
        match self {
            Phase::Disconnected => "DISCONNECTED",
            Phase::Connecting => "CONNECTING",
            Phase::Connected(_) => "CONNECTED",
            Phase::Disconnecting => "DISCONNECTING",
            Phase::Failed(_) => "FAILED",
        }
    }
}

/// Why a store could not be connected. The order is part of the record's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ConnectionErrorCode {
    ClusterNotFound,
    InsufficientCloudhsmHsms,
    InternalError,
    InvalidCredentials,
    NetworkErrors,
    UserLockedOut,
    UserLoggedIn,
    UserNotFound,
}

struct Row {
    code: ConnectionErrorCode,
    text: &'static str,
    /// Whether it can go away without anybody doing anything about the store: a store that was
    /// connected before waits for that.
    transient: bool,
}

use ConnectionErrorCode as Code;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { code: Code::ClusterNotFound,          text: "CLUSTER_NOT_FOUND",          transient: false },
    Row { code: Code::InsufficientCloudhsmHsms, text: "INSUFFICIENT_CLOUDHSM_HSMS", transient: true },
    Row { code: Code::InternalError,            text: "INTERNAL_ERROR",             transient: true },
    Row { code: Code::InvalidCredentials,       text: "INVALID_CREDENTIALS",        transient: false },
    Row { code: Code::NetworkErrors,            text: "NETWORK_ERRORS",             transient: true },
    Row { code: Code::UserLockedOut,            text: "USER_LOCKED_OUT",            transient: false },
    Row { code: Code::UserLoggedIn,             text: "USER_LOGGED_IN",             transient: false },
    Row { code: Code::UserNotFound,             text: "USER_NOT_FOUND",             transient: false },
];

impl ConnectionErrorCode {
    /// As `ConnectionErrorCode` writes it.
    pub(crate) fn text(self) -> &'static str {
        self.row().map_or("INTERNAL_ERROR", |row| row.text)
    }

    /// Whether it can go away by itself.
    pub(crate) fn is_transient(self) -> bool {
        self.row().is_some_and(|row| row.transient)
    }

    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.code == self)
    }
}

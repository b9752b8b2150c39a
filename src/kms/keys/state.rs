//! The state of a key, and the table of what each state allows: AWS's key-state table, for the
//! states that a key in a key store can be in.

use aws::{Error, Result};

use super::record::Life;
use crate::errors::{self, DISABLED, INVALID_STATE};

/// The state of a key, as `KeyState` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Enabled,
    Disabled,
    PendingDeletion,
    Unavailable,
}

/// What an operation wants of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Encrypt, Decrypt, ReEncrypt, GenerateDataKey…
    Use,
    /// EnableKey, DisableKey, aliases, tags, the description; and ScheduleKeyDeletion.
    Change,
    /// CancelKeyDeletion.
    Revive,
}

/// What a state says to a demand.
#[derive(Clone, Copy)]
enum Verdict {
    Allowed,
    IsDisabled,
    IsPending,
    IsNotPending,
    IsUnavailable,
}

struct Row {
    demand: Demand,
    enabled: Verdict,
    disabled: Verdict,
    pending: Verdict,
    unavailable: Verdict,
}

use Verdict::{Allowed, IsDisabled, IsNotPending, IsPending, IsUnavailable};

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { demand: Demand::Use,    enabled: Allowed,      disabled: IsDisabled,   pending: IsPending, unavailable: IsUnavailable },
    Row { demand: Demand::Change, enabled: Allowed,      disabled: Allowed,      pending: IsPending, unavailable: Allowed },
    Row { demand: Demand::Revive, enabled: IsNotPending, disabled: IsNotPending, pending: Allowed,   unavailable: IsNotPending },
];

impl State {
    /// The state of a key that has come so far, in a store that is connected or not.
    pub(crate) fn of(life: Life, connected: bool) -> Self {
        match life {
            // Also while the store is disconnected: a deletion can be cancelled then.
            Life::Pending { .. } => Self::PendingDeletion,
            _ if !connected => Self::Unavailable,
            Life::Enabled => Self::Enabled,
            Life::Disabled => Self::Disabled,
        }
    }

    /// As `KeyState` writes it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::PendingDeletion => "PendingDeletion",
            Self::Unavailable => "Unavailable",
        }
    }

    /// Whether a key in this state, called `arn`, can do what is demanded.
    pub(crate) fn permit(self, demand: Demand, arn: &str) -> Result<()> {
        let row = ROWS.iter().find(|row| row.demand == demand);
        let verdict = row.map(|row| match self {
            Self::Enabled => row.enabled,
            Self::Disabled => row.disabled,
            Self::PendingDeletion => row.pending,
            Self::Unavailable => row.unavailable,
        });
        match verdict {
            Some(Allowed) => Ok(()),
            Some(IsDisabled) => Err(Error::new(DISABLED, format!("{arn} is disabled."))),
            Some(IsPending) => Err(Error::new(
                INVALID_STATE,
                format!("{arn} is pending deletion."),
            )),
            Some(IsNotPending) => Err(Error::new(
                INVALID_STATE,
                format!("{arn} is not pending deletion."),
            )),
            Some(IsUnavailable) | None => Err(errors::unavailable(arn)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_allows_what_awss_table_allows() {
        use Demand::{Change, Revive, Use};
        let pending = Life::Pending { due_ms: 0 };
        for (life, connected, demand, answer) in [
            (Life::Enabled, true, Use, None),
            (Life::Enabled, true, Change, None),
            (
                Life::Enabled,
                true,
                Revive,
                Some("KMSInvalidStateException: k is not pending deletion."),
            ),
            (
                Life::Enabled,
                false,
                Use,
                Some("KMSInvalidStateException: k is unavailable."),
            ),
            (Life::Enabled, false, Change, None),
            (
                Life::Enabled,
                false,
                Revive,
                Some("KMSInvalidStateException: k is not pending deletion."),
            ),
            (
                Life::Disabled,
                true,
                Use,
                Some("DisabledException: k is disabled."),
            ),
            (Life::Disabled, true, Change, None),
            (
                Life::Disabled,
                false,
                Use,
                Some("KMSInvalidStateException: k is unavailable."),
            ),
            (
                pending,
                true,
                Use,
                Some("KMSInvalidStateException: k is pending deletion."),
            ),
            (
                pending,
                true,
                Change,
                Some("KMSInvalidStateException: k is pending deletion."),
            ),
            (pending, true, Revive, None),
            (
                pending,
                false,
                Use,
                Some("KMSInvalidStateException: k is pending deletion."),
            ),
            (pending, false, Revive, None),
        ] {
            let verdict = State::of(life, connected).permit(demand, "k");
            let said = verdict.err().map(|error| error.to_string());
            assert_eq!(said.as_deref(), answer, "{life:?} {connected} {demand:?}");
        }
    }
}

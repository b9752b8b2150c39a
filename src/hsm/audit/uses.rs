//! Uses of keys in the chain, as far as the configuration asks for them.

use token::{Result, Uses};

use super::Event;
use crate::{Application, failure::internal, seat::Seat};

impl Application {
    /// Whether the next use of a key in `seat` is to be in the chain. What no login's keys do never is.
    pub(crate) fn audits_next_use(&self, seat: &Seat) -> Result<bool> {
        let due = match self.engine().settings.uses {
            Uses::Off => false,
            Uses::All => true,
            Uses::Sampled => crypto::random::array().map_err(internal)? == [0],
        };
        Ok(due && seat.keyring().is_some())
    }

    /// Puts the use of a key in `seat` that `event` says into the chain, durably, if it is to be there.
    pub(crate) fn audit_use(&self, seat: &Seat, event: impl FnOnce() -> Event) -> Result<()> {
        if self.audits_next_use(seat)? {
            let caller = self.caller_in(seat);
            let batch = store::Batch::default();
            seat.cluster.commit(&caller, batch, &[event()])?;
        }
        Ok(())
    }
}

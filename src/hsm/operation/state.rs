//! What a digest has come to, for another time (`C_GetOperationState`): a version, the mechanism's
//! number, and what its parts write down. Who asks seals it. Operations with a key are not saved:
//! what they have come to is as good as the key for what it was used on.

use crypto::Zeroizing;
use token::{Error, MechanismId, Operation, Parameters, Reason, Result};

use super::{
    Operations,
    active::{Stage, Start},
    places::Places,
};
use crate::mechanism::{Work, check_use};

/// Before every saved state.
const VERSION: u8 = 1;

impl Operations {
    /// The state of the session's digest, if that is its only operation.
    pub(crate) fn save(&mut self) -> Result<Zeroizing<Vec<u8>>> {
        let active = self
            .places
            .all()
            .into_iter()
            .filter(|place| place.is_active());
        let active = active.count();
        let (start, parts) = match self.places.of(Operation::Digest).state() {
            Some(state) if active == 1 => state,
            None if active == 0 => return Err(Reason::OperationNotInitialized.into()),
            _ => {
                let words = "only a digest alone can be saved";
                return Err(Error::new(Reason::StateUnsaveable, words));
            }
        };
        let parts = match parts {
            Some(parts) => parts.save().ok_or(Reason::StateUnsaveable)?,
            None => Zeroizing::default(),
        };
        let begun = u8::from(!parts.is_empty());
        let number = start.mechanism.0.to_be_bytes();
        Ok(Zeroizing::new(
            [&[VERSION, begun][..], &number, &parts].concat(),
        ))
    }

    /// Puts a saved digest in the place of whatever operations the session has.
    pub(crate) fn restore(&mut self, state: &[u8]) -> Result<()> {
        let invalid = || Error::from(Reason::SavedStateInvalid);
        let (&[VERSION, begun], rest) = state.split_first_chunk().ok_or_else(invalid)? else {
            return Err(invalid());
        };
        let (number, parts) = rest.split_first_chunk().ok_or_else(invalid)?;
        let mechanism = MechanismId(u64::from_be_bytes(*number));
        let work = check_use(Operation::Digest, mechanism, None).map_err(|_| invalid())?;
        let start = Start {
            operation: Operation::Digest,
            number: 0,
            mechanism,
            work,
            key: None,
            parameters: Parameters::None,
            drawn: false,
            signature: None,
            always_authenticate: false,
            share: None,
        };
        let stage = match (work, begun) {
            (Work::Transform(column), 1) => {
                let restored = column.restore(start.with(), parts);
                Stage::Parts(restored.map_err(|_| invalid())?)
            }
            _ => Stage::Fresh,
        };
        self.places = Places::default();
        let place = self.places.of(Operation::Digest);
        place.begin(&self.memory, start, stage)?;
        Ok(())
    }
}

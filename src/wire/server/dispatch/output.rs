//! Answers with output: as much memory as a verb needs, and not as much as a client claims.

use serde::Serialize;
use token::{Produced, Reason, Result, SessionHandle, limits};

use super::{
    super::tally::{Held as Counted, What},
    Answer, Tenant, UNCOUNTED,
    verbs::length,
};
use crate::{frame::Fault, message::WithOutput};

/// How much room an output gets at first, on top of the input's length: more than any mechanism
/// adds. What needs more says how much, and gets that.
const FIRST_ROOM: usize = 4096;

impl Answer {
    /// A verb with output. The room that the caller has is a claim: as much is taken as the input
    /// makes likely, and more only when the engine needs it.
    pub(super) fn output_of<T: Serialize + WithOutput>(
        &mut self,
        input_len: usize,
        capacity: Option<u64>,
        mut verb: impl FnMut(Option<&mut [u8]>) -> Result<T>,
    ) -> std::result::Result<(), Fault> {
        let Some(capacity) = capacity.map(length) else {
            return self.write(verb(None));
        };
        let capacity = capacity.min(limits::DATA_BYTES);
        let mut room = capacity.min(input_len.saturating_add(FIRST_ROOM));
        let mut answer = self.with_room(room, &mut verb);
        if let Ok(Produced::Needed(needed)) = answer.as_ref().map(T::produced)
            && (room + 1..=capacity).contains(&needed)
        {
            room = needed;
            answer = self.with_room(room, &mut verb);
        }
        match answer.as_ref().map(T::produced) {
            Ok(Produced::Written(len)) if len <= room => self.output.truncate(len),
            Ok(Produced::Written(_)) => {
                log::error!("a verb wrote more than there was room for");
                return self.error(Reason::Internal.into());
            }
            _ => self.output.clear(),
        }
        self.write(answer)
    }

    fn with_room<T>(
        &mut self,
        room: usize,
        verb: &mut impl FnMut(Option<&mut [u8]>) -> Result<T>,
    ) -> Result<T> {
        let _counted = self.counted(room)?;
        verb(Some(self.output.of_len(room)))
    }

    pub(super) fn random(
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
    fn counted(&mut self, len: usize) -> Result<Option<Counted>> {
        if len <= UNCOUNTED {
            return Ok(None);
        }
        let counted = self.tally.take(self.uid, What::Bytes, len);
        self.unasked = counted.is_err();
        counted.map(Some)
    }
}

//! The state machine of §5.6, once for every kind of operation.
//!
//! A length query or an output that is too short leaves an operation as it was; a good part leaves
//! it waiting for the next one, and so does all of the input after a part of it; anything else ends it.
//! So whatever is done with an operation is its end unless it says that it stays. Operations on messages
//! stay until somebody ends them (`in_messages`).

use token::{Operation, OutputBound, Produced, Reason, Result};

use super::{
    active::{Active, Stage, Start, Step, login_needed, other_verification, wrong_verb},
    message::Messages,
};
use crate::{
    mechanism::{Parts, Work},
    memory::Memory,
};

/// Where one operation is, when it is active. The memory stays when it has ended: most programs go on
/// with the next one of its kind.
#[derive(Default)]
pub(super) struct Place(Option<Box<Option<Active>>>);

impl Place {
    /// Whether an operation is active here.
    pub(super) fn is_active(&self) -> bool {
        self.active().is_some()
    }

    /// Whether an approved operation is active here; of messages, whether the last one was.
    pub(super) fn is_approved(&self) -> bool {
        self.active().is_some_and(|active| match &active.stage {
            Stage::Messages(messages) => messages.last_was_approved(),
            _ => active.approved,
        })
    }

    /// Checks the parameters and begins; how long the output of the whole input can become.
    // Inlined, so that what an Init settled is written once, and not moved here first.
    #[inline(always)]
    pub(super) fn begin(
        &mut self,
        memory: &Memory,
        start: Start,
        stage: Stage,
    ) -> Result<OutputBound> {
        let place = self.0.get_or_insert_default();
        **place = Some(Active::new(start, stage));
        let mut step = Step::with(place);
        let active = step.active().ok_or(Reason::OperationNotInitialized)?;
        let bound = active.begin(memory)?;
        active.stays(bound)
    }

    /// Ends the operation.
    pub(super) fn end(&mut self) -> Result<()> {
        let mut step = self.0.as_deref_mut().map(Step::with);
        let active = step.as_mut().and_then(Step::active);
        active.ok_or(Reason::OperationNotInitialized)?;
        Ok(())
    }

    /// The operation, if it waits for a login of its own.
    pub(super) fn waiting(&mut self) -> Option<&mut Active> {
        let active = self.active_mut()?;
        active.must_log_in().then_some(active)
    }

    /// All of the input at once, and the end of the operation.
    pub(super) fn transform(
        &mut self,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        self.go_on(input, output.is_none(), |active| {
            let Work::Transform(column) = active.start.work else {
                return Err(wrong_verb());
            };
            match active.stage {
                Stage::Fresh => {}
                Stage::Messages(_) => return Err(wrong_verb()),
                _ => return Err(active.parts_go_on()),
            }
            let bound = active.carried(active.bound.of(input.len()))?;
            let Some(output) = output else {
                return active.stays(Produced::Needed(bound));
            };
            let computed = active.result.take();
            let with = active.start.with();
            let computed = match computed {
                Some((of, result)) if of == input => Some(result),
                // One login, one result: of another input not even its length is told.
                Some(_) => return Err(login_needed()),
                None => column.computed(with, input)?,
            };
            let needed = match &computed {
                Some(computed) => computed.len(),
                None => column.exact_len(with, input)?.unwrap_or(bound),
            };
            let Some(output) = output.get_mut(..needed) else {
                if active.start.always_authenticate {
                    active.result = computed.map(|result| (input.to_vec(), result));
                }
                return active.stays(Produced::Needed(needed));
            };
            match computed {
                Some(computed) => output.copy_from_slice(computed.reveal()),
                None => column.whole(with, input, output)?,
            }
            Ok(Produced::Written(needed))
        })
    }

    /// A part of the input, for the part of the output that it gives.
    pub(super) fn update(
        &mut self,
        memory: &Memory,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let asked = output.is_none();
        self.go_on(input, asked, |active| {
            if !active.gives_parts() {
                return Err(wrong_verb());
            }
            let fresh = active.is_fresh();
            let (start, parts) = active.parts()?;
            let needed = parts.update_len(input.len());
            let Some(output) = output.and_then(|output| output.get_mut(..needed)) else {
                active.stays_as_it_was(fresh);
                return Ok(part_needs(needed, asked, input.len()));
            };
            if parts.keeps_input() {
                memory.add(&mut start.share, input.len())?;
            }
            parts.update(start.with(), input, output)?;
            active.stays(Produced::Written(needed))
        })
    }

    /// How many bytes a part of `input_len` bytes would give; nothing changes.
    pub(super) fn update_len(&mut self, input_len: usize) -> Result<usize> {
        self.go_on(&[], true, |active| {
            let fresh = active.is_fresh();
            let needed = active.parts()?.1.update_len(input_len);
            active.stays_as_it_was(fresh);
            Ok(needed)
        })
    }

    /// A part of the input, where output comes only at the end.
    pub(super) fn absorb(&mut self, memory: &Memory, input: &[u8]) -> Result<()> {
        self.go_on(input, false, |active| {
            match active.start.operation {
                Operation::Digest | Operation::Sign => {
                    let (start, parts) = active.parts()?;
                    if parts.keeps_input() {
                        memory.add(&mut start.share, input.len())?;
                    }
                    parts.update(start.with(), input, &mut [])?;
                }
                Operation::Verify => {
                    let (start, parts) = active.checking()?;
                    if parts.keeps_input() {
                        memory.add(&mut start.share, input.len())?;
                    }
                    parts.update(start.with(), input)?;
                }
                _ => return Err(wrong_verb()),
            }
            active.stays(())
        })
    }

    /// The rest of the output, and the end of the operation.
    pub(super) fn produce(&mut self, output: Option<&mut [u8]>) -> Result<Produced> {
        self.go_on(&[], output.is_none(), |active| {
            if matches!(
                active.start.operation,
                Operation::SignRecover | Operation::VerifyRecover
            ) {
                return Err(wrong_verb());
            }
            let fresh = active.is_fresh();
            let (start, parts) = active.parts()?;
            let needed = parts.finish_len(start.with())?;
            let needed = active.carried(needed)?;
            let Some(output) = output.and_then(|output| output.get_mut(..needed)) else {
                active.stays_as_it_was(fresh);
                return Ok(Produced::Needed(needed));
            };
            let Stage::Parts(parts) = active.last_stage() else {
                return Err(wrong_verb());
            };
            parts.finish(active.start.with(), output)?;
            Ok(Produced::Written(needed))
        })
    }

    /// The end of a verification: of `input` at once, or of the parts that came before. Either the
    /// Init had the signature, or it is here.
    pub(super) fn check(&mut self, input: Option<&[u8]>, signature: Option<&[u8]>) -> Result<()> {
        self.go_on(input.unwrap_or_default(), false, |active| {
            let Work::Verify(column) = active.start.work else {
                return Err(wrong_verb());
            };
            if input.is_none() {
                active.checking()?;
            } else if matches!(active.stage, Stage::Checking(_)) {
                return Err(active.parts_go_on());
            }
            let stage = active.last_stage();
            let start = &active.start;
            let signature = match (&start.signature, signature) {
                (Some(signature), None) => signature,
                (None, Some(signature)) => signature,
                _ => return Err(other_verification()),
            };
            match (stage, input) {
                (Stage::Fresh, Some(input)) => column.whole(start.with(), input, signature),
                (Stage::Checking(parts), None) => parts.check(start.with(), signature),
                _ => Err(wrong_verb()),
            }
        })
    }

    /// Does `work` with the messages of a message-based operation. An error in a message ends that
    /// message, and not the operation (3.0 §5.9.2 and its like: `C_EncryptMessage` "does not finish
    /// the message-based process"). `asks` says whether only a length is asked, or the end.
    pub(super) fn in_messages<T>(
        &mut self,
        asks: bool,
        work: impl FnOnce(&Start, &mut Messages) -> Result<T>,
    ) -> Result<T> {
        if !asks && self.active().is_some_and(Active::must_log_in) {
            self.end()?;
            return Err(login_needed());
        }
        let active = self.active_mut();
        let active = active.ok_or(Reason::OperationNotInitialized)?;
        let Stage::Messages(messages) = &mut active.stage else {
            return Err(wrong_verb());
        };
        // A login is for one use of the key: for one that never comes back as well.
        let admitted = std::mem::take(&mut active.admitted);
        let done = work(&active.start, messages);
        active.admitted = admitted && !messages.took_one();
        done
    }

    /// Lets go of the key of an operation on messages, unless one of them has begun; whether it has.
    pub(super) fn let_go_of_key(&mut self) -> bool {
        let Some(active) = self.active_mut() else {
            return true;
        };
        let Stage::Messages(messages) = &active.stage else {
            return true;
        };
        let between = messages.must_be_between().is_ok();
        if between {
            active.start.key = None;
        }
        between
    }

    /// What an operation on digests has come to: its mechanism, and its parts if it has begun.
    pub(super) fn state(&self) -> Option<(&Start, Option<&dyn Parts>)> {
        let active = self.active()?;
        let parts = match &active.stage {
            Stage::Parts(parts) => Some(&**parts),
            _ => None,
        };
        Some((&active.start, parts))
    }

    /// Does `step` with the operation, which ends with it unless it stays. Who only `asks` for a length
    /// makes no use of the key.
    fn go_on<T>(
        &mut self,
        input: &[u8],
        asks: bool,
        step: impl FnOnce(&mut Active) -> Result<T>,
    ) -> Result<T> {
        let mut place = self.0.as_deref_mut().map(Step::with);
        let active = place.as_mut().and_then(Step::active);
        let active = active.ok_or(Reason::OperationNotInitialized)?;
        active.admit(input, asks)?;
        step(active)
    }

    fn active(&self) -> Option<&Active> {
        self.0.as_deref()?.as_ref()
    }

    fn active_mut(&mut self) -> Option<&mut Active> {
        self.0.as_deref_mut()?.as_mut()
    }
}

/// What is answered where the output of a part has no room. Who `asked` and is told 0 asks again
/// with the NULL that no bytes need, and the input is never taken; §5.2 lets the answer be more than
/// is needed.
pub(super) fn part_needs(needed: usize, asked: bool, input_len: usize) -> Produced {
    Produced::Needed(match needed {
        0 if asked => input_len,
        needed => needed,
    })
}

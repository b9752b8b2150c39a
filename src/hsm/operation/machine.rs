//! The state machine of §5.6, once for every kind of operation.
//!
//! A length query or an output that is too short leaves an operation as it was; a good part leaves
//! it waiting for the next one; anything else ends it. So an operation is always taken out of its
//! place first, and only those two put it back.

use crypto::Secret;
use token::{
    Error, MechanismId, Operation, OutputBound, Parameters, Produced, Reason, Result, limits,
};

use super::message::Messages;
use crate::{
    apart::Apart,
    mechanism::{Doing, Function, Material, Parts, Use, VerificationParts, Work, is_approved},
    memory::{Memory, Share},
};

/// Bytes of additional data, or of a signature, that are not worth counting.
const SMALL: usize = 256;

/// Where one operation is, when it is active.
#[derive(Default)]
pub(super) struct Place(Option<Box<Active>>);

/// An operation between its Init and its end.
pub(super) struct Active {
    pub(super) start: Start,
    pub(super) stage: Stage,
    bound: OutputBound,
    /// Whether it meets what FIPS and special publications ask of it.
    approved: bool,
    /// Whether the login that the key wants for each use has been done.
    pub(super) admitted: bool,
    /// What that one use has come to, and of which input, while its caller makes room for it.
    result: Option<(Vec<u8>, Secret)>,
}

/// What an Init settled.
pub(super) struct Start {
    pub(super) operation: Operation,
    /// The number of the Init in its session.
    pub(super) number: u64,
    pub(super) mechanism: MechanismId,
    pub(super) work: Work,
    pub(super) key: Option<Apart<Material>>,
    pub(super) parameters: Parameters,
    /// Whether the HSM made the initialisation vector in them.
    pub(super) drawn: bool,
    /// The signature, where it came first.
    pub(super) signature: Option<Vec<u8>>,
    /// The key's `CKA_ALWAYS_AUTHENTICATE`.
    pub(super) always_authenticate: bool,
    /// For what may be long: additional data, a signature, and input that waits for its end.
    pub(super) share: Option<Share>,
}

/// How far an operation has come.
pub(super) enum Stage {
    /// No input yet: all of it may come at once.
    Fresh,
    /// Some input has come, and the rest comes in parts too.
    Parts(Box<dyn Parts>),
    /// The same, of a verification.
    Checking(Box<dyn VerificationParts>),
    /// Messages, one after the other.
    Messages(Box<Messages>),
}

impl Place {
    /// Whether an operation is active here.
    pub(super) fn is_active(&self) -> bool {
        self.0.is_some()
    }

    /// Whether an approved operation is active here; of messages, whether the last one was.
    pub(super) fn is_approved(&self) -> bool {
        self.0.as_deref().is_some_and(|active| match &active.stage {
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
        // Made where it stays, before anything is asked of it: it is too large to be moved about.
        let mut active = Box::new(Active {
            start,
            stage,
            bound: NOTHING,
            approved: false,
            admitted: false,
            result: None,
        });
        active.begin(memory)?;
        Ok(self.0.insert(active).bound)
    }

    /// Ends the operation.
    pub(super) fn end(&mut self) -> Result<()> {
        self.0.take().ok_or(Reason::OperationNotInitialized)?;
        Ok(())
    }

    /// The operation, if it waits for a login of its own.
    pub(super) fn waiting(&mut self) -> Option<&mut Active> {
        let active = self.0.as_deref_mut()?;
        active.must_log_in().then_some(active)
    }

    /// All of the input at once, and the end of the operation.
    pub(super) fn transform(
        &mut self,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let mut active = self.take(input, output.is_none())?;
        let Work::Transform(column) = active.start.work else {
            return Err(wrong_verb());
        };
        match active.stage {
            Stage::Fresh => {}
            Stage::Messages(_) => return Err(wrong_verb()),
            _ => return Err(self.parts_go_on(active)),
        }
        let bound = active.carried(active.bound.of(input.len()))?;
        let Some(output) = output else {
            self.0 = Some(active);
            return Ok(Produced::Needed(bound));
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
            self.0 = Some(active);
            return Ok(Produced::Needed(needed));
        };
        match computed {
            Some(computed) => output.copy_from_slice(computed.reveal()),
            None => column.whole(with, input, output)?,
        }
        Ok(Produced::Written(needed))
    }

    /// A part of the input, for the part of the output that it gives.
    pub(super) fn update(
        &mut self,
        memory: &Memory,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let asked = output.is_none();
        let mut active = self.take(input, asked)?;
        if !active.gives_parts() {
            return Err(wrong_verb());
        }
        let fresh = active.is_fresh();
        let (start, parts) = active.parts()?;
        let needed = parts.update_len(input.len());
        let Some(output) = output.and_then(|output| output.get_mut(..needed)) else {
            // Parts that only told a length are dropped: all of the input may still come at once.
            if fresh {
                active.stage = Stage::Fresh;
            }
            self.0 = Some(active);
            return Ok(part_needs(needed, asked, input.len()));
        };
        if parts.keeps_input() {
            memory.add(&mut start.share, input.len())?;
        }
        parts.update(start.with(), input, output)?;
        self.0 = Some(active);
        Ok(Produced::Written(needed))
    }

    /// How many bytes a part of `input_len` bytes would give; nothing changes.
    pub(super) fn update_len(&mut self, input_len: usize) -> Result<usize> {
        let mut active = self.take(&[], true)?;
        let fresh = active.is_fresh();
        let needed = active.parts()?.1.update_len(input_len);
        if fresh {
            active.stage = Stage::Fresh;
        }
        self.0 = Some(active);
        Ok(needed)
    }

    /// A part of the input, where output comes only at the end.
    pub(super) fn absorb(&mut self, memory: &Memory, input: &[u8]) -> Result<()> {
        let mut active = self.take(input, false)?;
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
        self.0 = Some(active);
        Ok(())
    }

    /// The rest of the output, and the end of the operation.
    pub(super) fn produce(&mut self, output: Option<&mut [u8]>) -> Result<Produced> {
        let mut active = self.take(&[], output.is_none())?;
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
            if fresh {
                active.stage = Stage::Fresh;
            }
            self.0 = Some(active);
            return Ok(Produced::Needed(needed));
        };
        let Active { start, stage, .. } = *active;
        let Stage::Parts(parts) = stage else {
            return Err(wrong_verb());
        };
        parts.finish(start.with(), output)?;
        Ok(Produced::Written(needed))
    }

    /// The end of a verification: of `input` at once, or of the parts that came before. Either the
    /// Init had the signature, or it is here.
    pub(super) fn check(&mut self, input: Option<&[u8]>, signature: Option<&[u8]>) -> Result<()> {
        let mut active = self.take(input.unwrap_or_default(), false)?;
        let Work::Verify(column) = active.start.work else {
            return Err(wrong_verb());
        };
        if input.is_none() {
            active.checking()?;
        } else if matches!(active.stage, Stage::Checking(_)) {
            return Err(self.parts_go_on(active));
        }
        let Active { start, stage, .. } = *active;
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
    }

    /// Does `work` with the messages of a message-based operation. An error in a message ends that
    /// message, and not the operation (3.0 §5.9.2 and its like: `C_EncryptMessage` "does not finish
    /// the message-based process"). `asks` says whether only a length is asked, or the end.
    pub(super) fn in_messages<T>(
        &mut self,
        asks: bool,
        work: impl FnOnce(&Start, &mut Messages) -> Result<T>,
    ) -> Result<T> {
        if !asks && self.0.as_deref().is_some_and(Active::must_log_in) {
            self.0 = None;
            return Err(login_needed());
        }
        let active = self.0.as_deref_mut();
        let active = active.ok_or(Reason::OperationNotInitialized)?;
        let Stage::Messages(messages) = &mut active.stage else {
            return Err(wrong_verb());
        };
        let done = work(&active.start, messages);
        if messages.took_one() {
            // A login is for one use of the key, and that was it.
            active.admitted = false;
        }
        done
    }

    /// Lets go of the key of an operation on messages, unless one of them has begun; whether it has.
    pub(super) fn let_go_of_key(&mut self) -> bool {
        let Some(active) = self.0.as_deref_mut() else {
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
        let active = self.0.as_deref()?;
        let parts = match &active.stage {
            Stage::Parts(parts) => Some(&**parts),
            _ => None,
        };
        Some((&active.start, parts))
    }

    /// All of the input at once, after a part of it: the operation waits for its Final. The standard
    /// lets it end as well (decision 0012).
    fn parts_go_on(&mut self, active: Box<Active>) -> Error {
        self.0 = Some(active);
        let words = "parts of the input were given: the operation takes a Final";
        Error::new(Reason::OperationActive, words)
    }

    /// Takes the operation out of its place: from here on it has ended unless it is put back. Who
    /// only `asks` for a length makes no use of the key.
    fn take(&mut self, input: &[u8], asks: bool) -> Result<Box<Active>> {
        let active = self.0.take().ok_or(Reason::OperationNotInitialized)?;
        if !asks && active.must_log_in() {
            return Err(login_needed());
        }
        if input.len() > limits::DATA_BYTES {
            let words = format!("at most {} bytes a call", limits::DATA_BYTES);
            return Err(Error::new(active.start.operation.too_long(), words));
        }
        Ok(active)
    }
}

impl Active {
    /// Checks the parameters, and takes what they need.
    fn begin(&mut self, memory: &Memory) -> Result<()> {
        let start = &mut self.start;
        match start.work {
            Work::Transform(column) => self.bound = column.begin(start.with())?,
            Work::Verify(column) => {
                column.begin(start.with())?;
            }
            Work::Messages(column, of_message) => {
                Messages::check_init(column, of_message, start)?;
                self.bound.per_input = true;
            }
        }
        let signature = start.signature.as_ref().map_or(0, Vec::len);
        let long = signature.saturating_add(additional_len(&start.parameters));
        if long > SMALL {
            memory.add(&mut start.share, long)?;
        }
        self.approved = is_approved(&Doing {
            mechanism: start.mechanism,
            function: Some(Function::Operation(start.operation)),
            parameters: &start.parameters,
            drawn: start.drawn,
            key: start.key.as_deref(),
        });
        Ok(())
    }

    fn must_log_in(&self) -> bool {
        self.start.always_authenticate && !self.admitted
    }

    /// The length of an output. One of an encryption that no verb carries could not be decrypted
    /// either.
    fn carried(&self, len: usize) -> Result<usize> {
        if self.start.operation == Operation::Encrypt && len > limits::DATA_BYTES {
            let words = format!("at most {} bytes of output a call", limits::DATA_BYTES);
            return Err(Error::new(Reason::DataLenRange, words));
        }
        Ok(len)
    }

    fn is_fresh(&self) -> bool {
        matches!(self.stage, Stage::Fresh)
    }

    /// Whether each part of the input gives a part of the output.
    fn gives_parts(&self) -> bool {
        matches!(
            self.start.operation,
            Operation::Encrypt | Operation::Decrypt
        )
    }

    /// The parts that are there, or new ones for an operation that is fresh.
    fn parts(&mut self) -> Result<(&mut Start, &mut Box<dyn Parts>)> {
        if let (Stage::Fresh, Work::Transform(column)) = (&self.stage, self.start.work) {
            self.stage = Stage::Parts(column.parts(self.start.with())?);
        }
        match &mut self.stage {
            Stage::Parts(parts) => Ok((&mut self.start, parts)),
            _ => Err(wrong_verb()),
        }
    }

    /// The same, of a verification.
    fn checking(&mut self) -> Result<(&mut Start, &mut Box<dyn VerificationParts>)> {
        if let (Stage::Fresh, Work::Verify(column)) = (&self.stage, self.start.work) {
            self.stage = Stage::Checking(column.parts(self.start.with())?);
        }
        match &mut self.stage {
            Stage::Checking(parts) => Ok((&mut self.start, parts)),
            _ => Err(wrong_verb()),
        }
    }
}

impl Start {
    pub(super) fn with(&self) -> Use<'_> {
        Use {
            key: self.key.as_deref(),
            parameters: &self.parameters,
        }
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

/// The bound of what has no output.
const NOTHING: OutputBound = OutputBound::fixed(0);

/// Bytes of a parameter that can be many.
fn additional_len(parameters: &Parameters) -> usize {
    match parameters {
        Parameters::Gcm { additional, .. } | Parameters::Ccm { additional, .. } => additional.len(),
        Parameters::Oaep(oaep) => oaep.label.len(),
        _ => 0,
    }
}

/// `C_VerifyInit` is followed by `C_Verify…`, `C_VerifySignatureInit` by `C_VerifySignature…`.
fn other_verification() -> Error {
    Error::new(
        Reason::OperationNotInitialized,
        "the verification has ended: its signature comes either with its Init or at its end",
    )
}

/// The key has `CKA_ALWAYS_AUTHENTICATE`.
fn login_needed() -> Error {
    Error::new(
        Reason::UserNotLoggedIn,
        "the key wants a login (CKU_CONTEXT_SPECIFIC) between the Init and each use",
    )
}

/// Only a client that is not ours says a verb of one kind of operation about another kind.
pub(super) fn wrong_verb() -> Error {
    Error::new(Reason::ArgumentsBad, "the operation has no such verb")
}

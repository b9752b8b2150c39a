//! An operation between its Init and its end: what it was started with, and how far it has come.

use crypto::Secret;
use token::{Error, MechanismId, Operation, OutputBound, Parameters, Reason, Result, limits};

use super::message::Messages;
use crate::{
    apart::Apart,
    mechanism::{Doing, Function, Material, Parts, Use, VerificationParts, Work, is_approved},
    memory::{Memory, Share},
};

/// Bytes of additional data, or of a signature, that are not worth counting.
const SMALL: usize = 256;

/// The bound of what has no output.
const NOTHING: OutputBound = OutputBound::fixed(0);

/// An operation between its Init and its end.
pub(super) struct Active {
    pub(super) start: Start,
    pub(super) stage: Stage,
    pub(super) bound: OutputBound,
    /// Whether it meets what FIPS and special publications ask of it.
    pub(super) approved: bool,
    /// Whether the login that the key wants for each use has been done.
    pub(super) admitted: bool,
    /// What that one use has come to, and of which input, while its caller makes room for it.
    pub(super) result: Option<(Vec<u8>, Secret)>,
    /// What is done with it now is its end.
    ends: bool,
}

/// Something is done with an operation, which is gone afterwards unless it stays: also where what is done
/// never comes back.
pub(super) struct Step<'a>(&'a mut Option<Active>);

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

impl Active {
    /// One of which nothing is checked yet.
    // Inlined, so that it is written where it stays: it is too large to be moved about.
    #[inline(always)]
    pub(super) fn new(start: Start, stage: Stage) -> Self {
        Self {
            start,
            stage,
            bound: NOTHING,
            approved: false,
            admitted: false,
            result: None,
            ends: false,
        }
    }

    /// Checks the parameters, and takes what they need; how long the output of the whole input can
    /// become.
    pub(super) fn begin(&mut self, memory: &Memory) -> Result<OutputBound> {
        let start = &mut self.start;
        match start.work {
            Work::Transform(column) => self.bound = column.begin(start.with())?,
            Work::Verify(column) => {
                column.begin(start.with())?;
            }
            Work::Messages(column, of_message) => {
                Messages::check_init(column, of_message, start)?;
                self.bound = OutputBound::longer_by(0);
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
        Ok(self.bound)
    }

    /// Whether `input` may be used, and the key.
    pub(super) fn admit(&self, input: &[u8], asks: bool) -> Result<()> {
        if !asks && self.must_log_in() {
            return Err(login_needed());
        }
        if input.len() > limits::DATA_BYTES {
            let words = format!("at most {} bytes a call", limits::DATA_BYTES);
            return Err(Error::new(self.start.operation.too_long(), words));
        }
        Ok(())
    }

    /// Answers `answer`, and waits for what comes next.
    pub(super) fn stays<T>(&mut self, answer: T) -> Result<T> {
        self.ends = false;
        Ok(answer)
    }

    /// Waits for what comes next, after a length was told. Parts that were only made for that are
    /// dropped: all of the input may still come at once.
    pub(super) fn stays_as_it_was(&mut self, fresh: bool) {
        if fresh {
            self.stage = Stage::Fresh;
        }
        self.ends = false;
    }

    /// All of the input at once, after a part of it: the operation waits for its Final. The standard
    /// lets it end as well (decision 0012).
    pub(super) fn parts_go_on(&mut self) -> Error {
        self.ends = false;
        let words = "parts of the input were given: the operation takes a Final";
        Error::new(Reason::OperationActive, words)
    }

    /// The stage, for the end.
    pub(super) fn last_stage(&mut self) -> Stage {
        std::mem::replace(&mut self.stage, Stage::Fresh)
    }

    pub(super) fn must_log_in(&self) -> bool {
        self.start.always_authenticate && !self.admitted
    }

    /// The length of an output. One of an encryption that no verb carries could not be decrypted
    /// either.
    pub(super) fn carried(&self, len: usize) -> Result<usize> {
        if self.start.operation == Operation::Encrypt && len > limits::DATA_BYTES {
            let words = format!("at most {} bytes of output a call", limits::DATA_BYTES);
            return Err(Error::new(Reason::DataLenRange, words));
        }
        Ok(len)
    }

    pub(super) fn is_fresh(&self) -> bool {
        matches!(self.stage, Stage::Fresh)
    }

    /// Whether each part of the input gives a part of the output.
    pub(super) fn gives_parts(&self) -> bool {
        matches!(
            self.start.operation,
            Operation::Encrypt | Operation::Decrypt
        )
    }

    /// The parts that are there, or new ones for an operation that is fresh.
    pub(super) fn parts(&mut self) -> Result<(&mut Start, &mut Box<dyn Parts>)> {
        if let (Stage::Fresh, Work::Transform(column)) = (&self.stage, self.start.work) {
            self.stage = Stage::Parts(column.parts(self.start.with())?);
        }
        match &mut self.stage {
            Stage::Parts(parts) => Ok((&mut self.start, parts)),
            _ => Err(wrong_verb()),
        }
    }

    /// The same, of a verification.
    pub(super) fn checking(&mut self) -> Result<(&mut Start, &mut Box<dyn VerificationParts>)> {
        if let (Stage::Fresh, Work::Verify(column)) = (&self.stage, self.start.work) {
            self.stage = Stage::Checking(column.parts(self.start.with())?);
        }
        match &mut self.stage {
            Stage::Checking(parts) => Ok((&mut self.start, parts)),
            _ => Err(wrong_verb()),
        }
    }
}

impl<'a> Step<'a> {
    /// A step with the operation in this place.
    pub(super) fn with(place: &'a mut Option<Active>) -> Self {
        Self(place)
    }

    /// The operation, if one is active.
    pub(super) fn active(&mut self) -> Option<&mut Active> {
        let active = self.0.as_mut()?;
        active.ends = true;
        Some(active)
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        if self.0.as_ref().is_some_and(|active| active.ends) {
            *self.0 = None;
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

/// Bytes of a parameter that can be many.
fn additional_len(parameters: &Parameters) -> usize {
    match parameters {
        Parameters::Gcm { additional, .. } | Parameters::Ccm { additional, .. } => additional.len(),
        Parameters::Oaep(oaep) => oaep.label.len(),
        _ => 0,
    }
}

/// `C_VerifyInit` is followed by `C_Verify…`, `C_VerifySignatureInit` by `C_VerifySignature…`.
pub(super) fn other_verification() -> Error {
    Error::new(
        Reason::OperationNotInitialized,
        "the verification has ended: its signature comes either with its Init or at its end",
    )
}

/// The key has `CKA_ALWAYS_AUTHENTICATE`.
pub(super) fn login_needed() -> Error {
    Error::new(
        Reason::UserNotLoggedIn,
        "the key wants a login (CKU_CONTEXT_SPECIFIC) between the Init and each use",
    )
}

/// Only a client that is not ours says a verb of one kind of operation about another kind.
pub(super) fn wrong_verb() -> Error {
    Error::new(Reason::ArgumentsBad, "the operation has no such verb")
}

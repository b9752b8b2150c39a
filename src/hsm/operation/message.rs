//! The message functions of 3.0 (§5.9, §5.11, §5.14, §5.16): one Init, and then any number of
//! messages with parameters of their own. Each message is an operation in a place of its own, so
//! that everything which can be done in one call, or in parts, can be done message by message.

mod cipher;

use cryptoki_sys as sys;
use token::{
    Error, MessageParameters, Operation, Outcome, Parameters, ParametersOut, Produced, Reason,
    Result,
};

use super::{
    active::{Stage, Start, wrong_verb},
    machine::Place,
};
use crate::{
    mechanism::{
        Doing, Function, OfMessage, Reserved, Transformation, Use, Work, check_generator, draws,
        is_approved, must_draw,
    },
    memory::Memory,
};

/// The messages of one Init.
#[derive(Default)]
pub(super) struct Messages {
    /// Whether the vectors of GCM are the HSM's to make (CloudHSM).
    draws: bool,
    /// The random vectors that it may draw.
    reserved: Reserved,
    /// The message whose parts are coming.
    current: Place,
    /// Bytes of it that came in and have not gone out.
    waiting: usize,
    /// Whether a message has ended since somebody asked.
    ended: bool,
    /// Whether the one that began last was approved.
    approved: bool,
}

impl Messages {
    /// None yet.
    pub(super) fn new(draws: bool) -> Self {
        Self {
            draws,
            ..Self::default()
        }
    }

    /// Checks what an Init says of its messages. Without a parameter it says nothing.
    pub(super) fn check_init(
        column: &dyn Transformation,
        of_message: OfMessage,
        start: &Start,
    ) -> Result<()> {
        match &start.parameters {
            Parameters::None => Ok(()),
            Parameters::Message(message) => check(column, of_message, start, message),
            _ => Err(Reason::MechanismParamInvalid.into()),
        }
    }

    /// Whether a message has ended since this was asked.
    pub(super) fn took_one(&mut self) -> bool {
        std::mem::take(&mut self.ended)
    }

    /// Whether the message that began last meets what is asked of an approved operation.
    pub(super) fn last_was_approved(&self) -> bool {
        self.approved
    }

    /// One message.
    pub(super) fn whole(
        &mut self,
        start: &Start,
        memory: &Memory,
        message: (&Parameters, &[u8]),
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        self.must_be_between()?;
        let done = match start.operation {
            Operation::MessageEncrypt => self.encrypt(start, message, input, output),
            Operation::MessageDecrypt => self.decrypt(start, memory, message, input, output),
            Operation::MessageSign => {
                self.start(start, memory, message)?;
                self.current.transform(input, output).map(plain)
            }
            _ => Err(wrong_verb()),
        };
        self.end_of(done)
    }

    /// The beginning of a message in parts.
    pub(super) fn begin(
        &mut self,
        start: &Start,
        memory: &Memory,
        parameters: &Parameters,
        additional: &[u8],
    ) -> Result<Option<ParametersOut>> {
        self.must_be_between()?;
        let iv = self.start(start, memory, (parameters, additional))?;
        self.waiting = 0;
        let tag = Vec::new();
        Ok(iv.map(|iv| ParametersOut { iv, tag }))
    }

    /// A part of a message; the last one has its parameters `end`.
    pub(super) fn next(
        &mut self,
        start: &Start,
        memory: &Memory,
        input: &[u8],
        end: Option<&Parameters>,
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        if !self.current.is_active() {
            return Err(no_message());
        }
        let done = match (start.operation, end) {
            (Operation::MessageEncrypt | Operation::MessageDecrypt, None) => {
                self.part(memory, input, output)
            }
            (Operation::MessageSign, None) => {
                let absorbed = self.current.absorb(memory, input);
                absorbed.map(|()| plain(Produced::Written(0)))
            }
            (Operation::MessageEncrypt, Some(_)) => self.last_to_encrypt(memory, input, output),
            (Operation::MessageDecrypt, Some(parameters)) => {
                self.last_to_decrypt(memory, parameters, input, output)
            }
            (Operation::MessageSign, Some(_)) => self.last_to_sign(memory, input, output),
            _ => Err(wrong_verb()),
        };
        match done {
            Ok(outcome) if end.is_none() || !outcome.ended() => Ok(outcome),
            // A part that fails is the last one.
            done => self.end_of(done),
        }
    }

    /// One message and its signature.
    pub(super) fn check(
        &mut self,
        start: &Start,
        memory: &Memory,
        parameters: &Parameters,
        input: &[u8],
        signature: &[u8],
    ) -> Result<()> {
        self.must_be_between()?;
        self.start(start, memory, (parameters, &[]))?;
        let done = self.current.check(Some(input), Some(signature));
        self.end_of(done)
    }

    /// A part of a message; the last one comes with the signature.
    pub(super) fn check_next(
        &mut self,
        memory: &Memory,
        input: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<()> {
        if !self.current.is_active() {
            return Err(no_message());
        }
        let absorbed = self.current.absorb(memory, input);
        match (absorbed, signature) {
            (Ok(()), None) => Ok(()),
            (Ok(()), Some(_)) => {
                let checked = self.current.check(None, signature);
                self.end_of(checked)
            }
            (failed, _) => self.end_of(failed),
        }
    }

    fn last_to_sign(
        &mut self,
        memory: &Memory,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        // Asked first, because the part must come once only.
        let needed = match self.current.produce(None)? {
            Produced::Needed(len) => len,
            Produced::Written(_) => return Err(Reason::Internal.into()),
        };
        let Some(output) = output.and_then(|output| output.get_mut(..needed)) else {
            return Ok(plain(Produced::Needed(needed)));
        };
        self.current.absorb(memory, input)?;
        self.current.produce(Some(output)).map(plain)
    }

    /// Begins a message; the vector that it has, where it has one.
    fn start(
        &mut self,
        start: &Start,
        memory: &Memory,
        (parameters, additional): (&Parameters, &[u8]),
    ) -> Result<Option<Vec<u8>>> {
        let (operation, work) = match (start.operation, start.work) {
            (Operation::MessageEncrypt, Work::Messages(column, _)) => {
                (Operation::Encrypt, Work::Transform(column))
            }
            (Operation::MessageDecrypt, Work::Messages(column, _)) => {
                (Operation::Decrypt, Work::Transform(column))
            }
            (Operation::MessageSign, work) => (Operation::Sign, work),
            (Operation::MessageVerify, work) => (Operation::Verify, work),
            _ => return Err(wrong_verb()),
        };
        let drawn = draws(parameters);
        let (parameters, iv) = self.parameters(start, parameters, additional)?;
        self.approved = is_approved(&of(start, &parameters, drawn));
        let one = Start {
            operation,
            number: start.number,
            mechanism: start.mechanism,
            work,
            key: start.key.clone(),
            parameters,
            drawn,
            signature: None,
            always_authenticate: false,
            share: None,
        };
        self.current.begin(memory, one, Stage::Fresh)?;
        Ok(iv)
    }

    /// The parameters of one message, as those of one call, and its vector. A message to sign or to
    /// verify has those of the Init.
    fn parameters(
        &mut self,
        start: &Start,
        parameters: &Parameters,
        additional: &[u8],
    ) -> Result<(Parameters, Option<Vec<u8>>)> {
        match (start.work, parameters) {
            (Work::Messages(column, of_message), Parameters::Message(message)) => {
                let encrypts = start.operation == Operation::MessageEncrypt;
                if encrypts && self.draws {
                    must_draw(start.mechanism, message)?;
                }
                if message.generator == sys::CKG_NO_GENERATE || !encrypts {
                    return Ok((of_message(message, additional)?, Some(message.iv.clone())));
                }
                // No vector is made for a message that cannot be.
                check(column, of_message, start, message)?;
                let nonces = start.with().nonces()?;
                let made = nonces.next(message, &mut self.reserved)?;
                Ok((of_message(&made, additional)?, Some(made.iv)))
            }
            (Work::Transform(_) | Work::Verify(_), parameters)
                if *parameters == Parameters::None || *parameters == start.parameters =>
            {
                Ok((start.parameters.clone(), None))
            }
            _ => Err(Reason::MechanismParamInvalid.into()),
        }
    }

    pub(super) fn must_be_between(&self) -> Result<()> {
        if self.current.is_active() {
            let words = "the parts of another message are coming";
            return Err(Error::new(Reason::OperationActive, words));
        }
        Ok(())
    }

    /// Nothing of a message is left when it has ended, well or not. That its output needs more room
    /// does not count as a message.
    pub(super) fn end_of<T: Ended>(&mut self, done: Result<T>) -> Result<T> {
        self.current = Place::default();
        self.waiting = 0;
        self.ended = done.as_ref().map_or(true, Ended::ended);
        done
    }
}

/// One message, as far as its approval asks.
fn of<'a>(start: &'a Start, parameters: &'a Parameters, drawn: bool) -> Doing<'a> {
    Doing {
        mechanism: start.mechanism,
        function: Some(Function::Operation(start.operation)),
        parameters,
        drawn,
        key: start.key.as_deref(),
    }
}

/// Whether a message can be as its parameters say, whatever its vector becomes.
fn check(
    column: &dyn Transformation,
    of_message: OfMessage,
    start: &Start,
    message: &MessageParameters,
) -> Result<()> {
    check_generator(message)?;
    let with = Use {
        parameters: &of_message(message, &[])?,
        ..start.with()
    };
    column.begin(with).map(drop)
}

/// Whether an answer ends an operation, or a message.
pub(super) trait Ended {
    fn ended(&self) -> bool;
}

impl Ended for Produced {
    fn ended(&self) -> bool {
        matches!(self, Produced::Written(_))
    }
}

impl Ended for Outcome {
    fn ended(&self) -> bool {
        self.produced.ended()
    }
}

impl Ended for () {
    fn ended(&self) -> bool {
        true
    }
}

fn plain(produced: Produced) -> Outcome {
    Outcome {
        produced,
        parameters_out: None,
    }
}

fn no_message() -> Error {
    let words = "no message has begun";
    Error::new(Reason::OperationNotInitialized, words)
}

//! The operations of one session: the state machine of §5.6, once for every kind of operation.
//!
//! A length query or an output that is too short leaves an operation as it was; a good part leaves
//! it waiting for the next one; anything else ends it. So an operation is always taken out of its
//! place first, and only those two put it back.

use std::sync::Arc;

use token::{
    Error, Mechanism, Operation, OutputBound, Parameters, Produced, Reason, Result, Started, limits,
};

use crate::{
    mechanism::{Material, Parts, Use, VerificationParts, Work, check_use},
    memory::{Memory, Share},
    object::Attributes,
};

/// Bytes of additional data that are not worth counting.
const SMALL: usize = 256;

/// The active operations of a session: at most one of each kind.
#[derive(Default)]
pub(crate) struct Operations {
    active: [Option<Active>; Operation::ALL.len()],
    memory: Memory,
}

/// An operation between its Init and its end.
struct Active {
    start: Start,
    stage: Stage,
}

/// What an Init settled.
struct Start {
    work: Work,
    key: Option<Arc<Material>>,
    parameters: Parameters,
    bound: OutputBound,
    /// For what may be long: additional data, and input that waits for its end.
    share: Option<Share>,
}

/// How far an operation has come.
enum Stage {
    /// No input yet: all of it may come at once.
    Fresh,
    /// Some input has come, and the rest comes in parts too.
    Parts(Box<dyn Parts>),
    /// The same, of a verification.
    Checking(Box<dyn VerificationParts>),
}

impl Operations {
    /// None yet.
    pub(crate) fn new(memory: Memory) -> Self {
        Self {
            memory,
            ..Self::default()
        }
    }

    /// An Init: everything that can be wrong with mechanism, key and parameters is found here.
    pub(crate) fn start(
        &mut self,
        operation: Operation,
        mechanism: &Mechanism,
        key: Option<(&Attributes, Arc<Material>)>,
    ) -> Result<Started> {
        if self.place(operation).is_some() {
            return Err(Reason::OperationActive.into());
        }
        let checked = key
            .as_ref()
            .map(|(attributes, material)| (*attributes, &**material));
        let work = check_use(operation, mechanism.id, checked)?;
        let key = key.map(|(_, material)| material);
        let with = Use {
            key: key.as_deref(),
            parameters: &mechanism.parameters,
        };
        let bound = match work {
            Work::Transform(column) => column.begin(with)?,
            Work::Verify(column) => {
                column.begin(with)?;
                OutputBound {
                    per_input: false,
                    removed: 0,
                    added: 0,
                    padded_to: 0,
                }
            }
            Work::Messages(..) => return Err(Reason::FunctionNotSupported.into()),
        };
        let mut share = None;
        if let Parameters::Gcm { additional, .. } = &mechanism.parameters
            && additional.len() > SMALL
        {
            self.memory.add(&mut share, additional.len())?;
        }
        let start = Start {
            share,
            work,
            key,
            parameters: mechanism.parameters.clone(),
            bound,
        };
        *self.place(operation) = Some(Active {
            start,
            stage: Stage::Fresh,
        });
        Ok(Started {
            bound,
            parameters_out: None,
        })
    }

    /// All of the input at once, and the end of the operation.
    pub(crate) fn transform(
        &mut self,
        operation: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let Active { start, stage } = self.take(operation, input)?;
        let Work::Transform(column) = start.work else {
            return Err(wrong_verb());
        };
        let Stage::Fresh = stage else {
            return Err(parts_were_given());
        };
        let bound = start.bound.of(input.len());
        let Some(output) = output else {
            self.put_back(operation, Active { start, stage });
            return Ok(Produced::Needed(bound));
        };
        let needed = column.exact_len(start.with(), input)?.unwrap_or(bound);
        let Some(output) = output.get_mut(..needed) else {
            self.put_back(operation, Active { start, stage });
            return Ok(Produced::Needed(needed));
        };
        column.whole(start.with(), input, output)?;
        Ok(Produced::Written(needed))
    }

    /// A part of the input, for the part of the output that it gives.
    pub(crate) fn update(
        &mut self,
        operation: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let active = self.take(operation, input)?;
        if !matches!(operation, Operation::Encrypt | Operation::Decrypt) {
            return Err(wrong_verb());
        }
        let fresh = matches!(active.stage, Stage::Fresh);
        let (mut start, mut parts) = active.parts()?;
        let needed = parts.update_len(input.len());
        let Some(output) = output.and_then(|output| output.get_mut(..needed)) else {
            // Parts that only told a length are dropped: all of the input may still come at once.
            let stage = if fresh {
                Stage::Fresh
            } else {
                Stage::Parts(parts)
            };
            self.put_back(operation, Active { start, stage });
            return Ok(Produced::Needed(needed));
        };
        if parts.keeps_input() {
            self.memory.add(&mut start.share, input.len())?;
        }
        parts.update(start.with(), input, output)?;
        self.put_back(
            operation,
            Active {
                start,
                stage: Stage::Parts(parts),
            },
        );
        Ok(Produced::Written(needed))
    }

    /// A part of the input, where output comes only at the end.
    pub(crate) fn absorb(&mut self, operation: Operation, input: &[u8]) -> Result<()> {
        let active = self.take(operation, input)?;
        let active = match operation {
            Operation::Digest | Operation::Sign => {
                let (start, mut parts) = active.parts()?;
                parts.update(start.with(), input, &mut [])?;
                Active {
                    start,
                    stage: Stage::Parts(parts),
                }
            }
            Operation::Verify => {
                let (start, mut parts) = active.checking()?;
                parts.update(start.with(), input)?;
                Active {
                    start,
                    stage: Stage::Checking(parts),
                }
            }
            _ => return Err(wrong_verb()),
        };
        self.put_back(operation, active);
        Ok(())
    }

    /// The rest of the output, and the end of the operation.
    pub(crate) fn produce(
        &mut self,
        operation: Operation,
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let active = self.take(operation, &[])?;
        let fresh = matches!(active.stage, Stage::Fresh);
        let (start, parts) = active.parts()?;
        let needed = parts.finish_len(start.with())?;
        let Some(output) = output.and_then(|output| output.get_mut(..needed)) else {
            let stage = if fresh {
                Stage::Fresh
            } else {
                Stage::Parts(parts)
            };
            self.put_back(operation, Active { start, stage });
            return Ok(Produced::Needed(needed));
        };
        parts.finish(start.with(), output)?;
        Ok(Produced::Written(needed))
    }

    /// The end of a verification: of `input` at once, or of the parts that came before.
    pub(crate) fn check(
        &mut self,
        operation: Operation,
        input: Option<&[u8]>,
        signature: &[u8],
    ) -> Result<()> {
        let active = self.take(operation, input.unwrap_or_default())?;
        let Some(input) = input else {
            let (start, parts) = active.checking()?;
            return parts.check(start.with(), signature);
        };
        let Active { start, stage } = active;
        let Work::Verify(column) = start.work else {
            return Err(wrong_verb());
        };
        let Stage::Fresh = stage else {
            return Err(parts_were_given());
        };
        column.whole(start.with(), input, signature)
    }

    /// Ends `operation`, if it is active.
    pub(crate) fn cancel(&mut self, operation: Operation) {
        *self.place(operation) = None;
    }

    /// Ends every operation: at a logout, and at the session's end.
    pub(crate) fn cancel_all(&mut self) {
        *self = Self::new(self.memory.clone());
    }

    fn place(&mut self, operation: Operation) -> &mut Option<Active> {
        &mut self.active[operation as usize]
    }

    /// Takes the operation out of its place: from here on it has ended unless it is put back.
    fn take(&mut self, operation: Operation, input: &[u8]) -> Result<Active> {
        let active = self
            .place(operation)
            .take()
            .ok_or(Reason::OperationNotInitialized)?;
        if input.len() > limits::DATA_BYTES {
            let reason = match operation {
                Operation::Decrypt => Reason::EncryptedDataLenRange,
                _ => Reason::DataLenRange,
            };
            return Err(Error::new(
                reason,
                format!("at most {} bytes a call", limits::DATA_BYTES),
            ));
        }
        Ok(active)
    }

    fn put_back(&mut self, operation: Operation, active: Active) {
        *self.place(operation) = Some(active);
    }
}

impl Active {
    /// The parts that are there, or new ones for an operation that is fresh.
    fn parts(self) -> Result<(Start, Box<dyn Parts>)> {
        let parts = match (self.stage, self.start.work) {
            (Stage::Parts(parts), _) => parts,
            (Stage::Fresh, Work::Transform(column)) => column.parts(self.start.with())?,
            _ => return Err(wrong_verb()),
        };
        Ok((self.start, parts))
    }

    /// The same, of a verification.
    fn checking(self) -> Result<(Start, Box<dyn VerificationParts>)> {
        let parts = match (self.stage, self.start.work) {
            (Stage::Checking(parts), _) => parts,
            (Stage::Fresh, Work::Verify(column)) => column.parts(self.start.with())?,
            _ => return Err(wrong_verb()),
        };
        Ok((self.start, parts))
    }
}

impl Start {
    fn with(&self) -> Use<'_> {
        Use {
            key: self.key.as_deref(),
            parameters: &self.parameters,
        }
    }
}

/// §5.8.2: a call with all of the input cannot end an operation in parts.
fn parts_were_given() -> Error {
    Error::new(
        Reason::OperationNotInitialized,
        "the operation in parts has ended: it takes a Final",
    )
}

/// Only a client that is not ours says a verb of one kind of operation about another kind.
fn wrong_verb() -> Error {
    Error::new(Reason::ArgumentsBad, "the operation has no such verb")
}

#[cfg(test)]
mod tests;

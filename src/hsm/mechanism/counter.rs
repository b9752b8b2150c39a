//! `CKM_AES_CTR`, `CK_AES_CTR_PARAMS` (SP 800-38A §6.5). A counter that would come round is an
//! error: it would use key stream twice.

use crypto::aes::Counter;
use token::{Error, OutputBound, Parameters, Reason, Result};

use super::{
    Parts, Transformation, Use,
    failure::{decrypting, encrypting},
};

/// A column: encrypting and decrypting differ in their errors alone.
#[derive(Clone, Copy)]
pub(super) enum Ctr {
    Encrypt,
    Decrypt,
}

impl Ctr {
    fn counter(self, with: Use<'_>) -> Result<Counter> {
        let Parameters::Counter {
            counter_bits,
            block,
        } = with.parameters
        else {
            return Err(Reason::MechanismParamInvalid.into());
        };
        let bits = u32::try_from(*counter_bits).unwrap_or(0);
        Counter::new(bits, *block).map_err(|_| Reason::MechanismParamInvalid.into())
    }

    fn failed(self, failure: crypto::Error) -> Error {
        match self {
            Ctr::Encrypt => encrypting(failure),
            Ctr::Decrypt => decrypting(failure),
        }
    }
}

impl Transformation for Ctr {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        self.counter(with)?;
        Ok(OutputBound::longer_by(0))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let mut counter = self.counter(with)?;
        counter
            .apply(with.aes()?, input, output)
            .map_err(|failure| self.failed(failure))
    }

    fn parts(&self, with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(CtrParts {
            column: *self,
            counter: self.counter(with)?,
        }))
    }
}

struct CtrParts {
    column: Ctr,
    counter: Counter,
}

impl Parts for CtrParts {
    fn update_len(&self, input_len: usize) -> usize {
        input_len
    }

    fn update(&mut self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let applied = self.counter.apply(with.aes()?, input, output);
        applied.map_err(|failure| self.column.failed(failure))
    }

    fn finish_len(&self, _with: Use<'_>) -> Result<usize> {
        Ok(0)
    }

    fn finish(self: Box<Self>, _with: Use<'_>, _output: &mut [u8]) -> Result<()> {
        Ok(())
    }
}

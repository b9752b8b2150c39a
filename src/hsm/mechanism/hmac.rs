//! HMAC over SHA-1 and SHA-2 (FIPS 198-1), whole or cut to a length (`_GENERAL`).

use crypto::{
    hash::{Hash, MAX_LEN},
    hmac::Stream,
};
use token::{OutputBound, Parameters, Reason, Result};

use super::{Parts, Transformation, Use, Verification, VerificationParts, failure::internal};

/// The sign and verify columns.
pub(super) struct Hmac {
    pub(super) hash: Hash,
    /// Whether the parameter says how long the code is.
    pub(super) general: bool,
}

impl Hmac {
    fn len(&self, parameters: &Parameters) -> Result<usize> {
        let len = match parameters {
            Parameters::None if !self.general => self.hash.len(),
            Parameters::MacLength(len) if self.general => {
                usize::try_from(*len).unwrap_or(usize::MAX)
            }
            _ => 0,
        };
        if (1..=self.hash.len()).contains(&len) {
            Ok(len)
        } else {
            Err(Reason::MechanismParamInvalid.into())
        }
    }

    fn code(&self, with: Use<'_>) -> Result<Code> {
        let len = self.len(with.parameters)?;
        Ok(Code {
            stream: Stream::new(self.hash, with.bytes()?),
            len,
        })
    }
}

impl Transformation for Hmac {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        let added = self.len(with.parameters)? as u64;
        Ok(OutputBound {
            per_input: false,
            removed: 0,
            added,
            padded_to: 0,
        })
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let mut code = self.code(with)?;
        code.stream.update(input);
        code.write(output)
    }

    fn parts(&self, with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(self.code(with)?))
    }
}

impl Verification for Hmac {
    fn begin(&self, with: Use<'_>) -> Result<()> {
        self.len(with.parameters).map(drop)
    }

    fn whole(&self, with: Use<'_>, input: &[u8], signature: &[u8]) -> Result<()> {
        let mut code = self.code(with)?;
        code.stream.update(input);
        code.compare(signature)
    }

    fn parts(&self, with: Use<'_>) -> Result<Box<dyn VerificationParts>> {
        Ok(Box::new(self.code(with)?))
    }
}

/// A code whose input is not complete.
struct Code {
    stream: Stream,
    len: usize,
}

impl Code {
    fn write(self, output: &mut [u8]) -> Result<()> {
        let mut whole = [0; MAX_LEN];
        self.stream.finish(&mut whole).map_err(internal)?;
        let cut = whole
            .get(..self.len)
            .filter(|cut| cut.len() == output.len());
        output.copy_from_slice(cut.ok_or(Reason::Internal)?);
        Ok(())
    }

    fn compare(self, signature: &[u8]) -> Result<()> {
        if signature.len() != self.len {
            return Err(Reason::SignatureLenRange.into());
        }
        let mut expected = [0; MAX_LEN];
        let expected = expected.get_mut(..self.len).ok_or(Reason::Internal)?;
        self.write(expected)?;
        if crypto::eq(expected, signature) {
            Ok(())
        } else {
            Err(Reason::SignatureInvalid.into())
        }
    }
}

impl Parts for Code {
    fn update_len(&self, _input_len: usize) -> usize {
        0
    }

    fn update(&mut self, _with: Use<'_>, input: &[u8], _output: &mut [u8]) -> Result<()> {
        self.stream.update(input);
        Ok(())
    }

    fn finish_len(&self, _with: Use<'_>) -> Result<usize> {
        Ok(self.len)
    }

    fn finish(self: Box<Self>, _with: Use<'_>, output: &mut [u8]) -> Result<()> {
        self.write(output)
    }
}

impl VerificationParts for Code {
    fn update(&mut self, _with: Use<'_>, input: &[u8]) -> Result<()> {
        self.stream.update(input);
        Ok(())
    }

    fn check(self: Box<Self>, _with: Use<'_>, signature: &[u8]) -> Result<()> {
        self.compare(signature)
    }
}

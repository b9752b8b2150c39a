//! Digests: SHA-1 and SHA-2 (FIPS 180-4), SHA-3 (FIPS 202).

use crypto::hash::{Hash, Stream};
use token::{OutputBound, Reason, Result};

use super::{Parts, Transformation, Use, failure::internal};

/// The digest column.
pub(super) struct Digest(pub(super) Hash);

impl Transformation for Digest {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        with.no_parameter()?;
        let added = self.0.len() as u64;
        Ok(OutputBound::fixed(added))
    }

    fn whole(&self, _with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        self.0.of(input, output).map_err(internal)
    }

    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(DigestParts {
            hash: self.0,
            stream: Stream::new(self.0),
        }))
    }

    fn restore(&self, _with: Use<'_>, state: &[u8]) -> Result<Box<dyn Parts>> {
        let stream = Stream::restore(self.0, state).map_err(|_| Reason::SavedStateInvalid)?;
        let hash = self.0;
        Ok(Box::new(DigestParts { hash, stream }))
    }
}

struct DigestParts {
    hash: Hash,
    stream: Stream,
}

impl Parts for DigestParts {
    fn save(&self) -> Option<crypto::Zeroizing<Vec<u8>>> {
        self.stream.save()
    }

    fn update_len(&self, _input_len: usize) -> usize {
        0
    }

    fn update(&mut self, _with: Use<'_>, input: &[u8], _output: &mut [u8]) -> Result<()> {
        self.stream.update(input);
        Ok(())
    }

    fn finish_len(&self, _with: Use<'_>) -> Result<usize> {
        Ok(self.hash.len())
    }

    fn finish(self: Box<Self>, _with: Use<'_>, output: &mut [u8]) -> Result<()> {
        self.stream.finish(output).map_err(internal)
    }
}

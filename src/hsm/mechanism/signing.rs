//! Signatures of a digest, whatever signs it: the digest is the caller's, or is computed here of data
//! that comes at once or in parts.

use crypto::hash::{Hash, MAX_LEN, Stream};
use token::{Error, OutputBound, Reason, Result};

use super::{Parts, Transformation, Use, Verification, VerificationParts, failure::internal};

/// What signs and verifies digests: the sign and verify columns of its rows.
pub(super) trait Signing: Copy + Send + Sync + 'static {
    /// The hash that is computed here; none where the caller brings what is signed.
    fn hash(self) -> Option<Hash>;

    /// Checks the parameters of a key that signs.
    fn check_to_sign(self, with: Use<'_>) -> Result<()>;

    /// Checks the parameters of a key that verifies.
    fn check_to_verify(self, with: Use<'_>) -> Result<()>;

    /// How long the key's signatures are.
    fn signature_len(self, with: Use<'_>) -> Result<usize>;

    fn sign(self, with: Use<'_>, digest: &[u8], signature: &mut [u8]) -> Result<()>;

    fn verify(self, with: Use<'_>, digest: &[u8], signature: &[u8]) -> Result<()>;
}

impl<S: Signing> Transformation for S {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        self.check_to_sign(with)?;
        let len = self.signature_len(with)?;
        Ok(OutputBound::fixed(len as u64))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        digested(self.hash(), input, |digest| self.sign(with, digest, output))
    }

    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(Hashing::new(*self)?))
    }
}

impl<S: Signing> Verification for S {
    fn begin(&self, with: Use<'_>) -> Result<()> {
        self.check_to_verify(with)
    }

    fn whole(&self, with: Use<'_>, input: &[u8], signature: &[u8]) -> Result<()> {
        digested(self.hash(), input, |digest| {
            self.verify(with, digest, signature)
        })
    }

    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn VerificationParts>> {
        Ok(Box::new(Hashing::new(*self)?))
    }
}

/// A signature whose data has not all come.
struct Hashing<S> {
    scheme: S,
    hash: Hash,
    stream: Stream,
}

impl<S: Signing> Hashing<S> {
    fn new(scheme: S) -> Result<Self> {
        let hash = scheme.hash().ok_or_else(no_parts)?;
        Ok(Self {
            scheme,
            hash,
            stream: Stream::new(hash),
        })
    }

    /// Calls `then` with the digest of all that has come.
    fn finished(self, then: impl FnOnce(S, &[u8]) -> Result<()>) -> Result<()> {
        let mut digest = [0; MAX_LEN];
        self.stream.finish(&mut digest).map_err(internal)?;
        let digest = digest.get(..self.hash.len()).ok_or(Reason::Internal)?;
        then(self.scheme, digest)
    }
}

impl<S: Signing> Parts for Hashing<S> {
    fn update_len(&self, _input_len: usize) -> usize {
        0
    }

    fn update(&mut self, _with: Use<'_>, input: &[u8], _output: &mut [u8]) -> Result<()> {
        self.stream.update(input);
        Ok(())
    }

    fn finish_len(&self, with: Use<'_>) -> Result<usize> {
        self.scheme.signature_len(with)
    }

    fn finish(self: Box<Self>, with: Use<'_>, output: &mut [u8]) -> Result<()> {
        self.finished(|scheme, digest| scheme.sign(with, digest, output))
    }
}

impl<S: Signing> VerificationParts for Hashing<S> {
    fn update(&mut self, _with: Use<'_>, input: &[u8]) -> Result<()> {
        self.stream.update(input);
        Ok(())
    }

    fn check(self: Box<Self>, with: Use<'_>, signature: &[u8]) -> Result<()> {
        self.finished(|scheme, digest| scheme.verify(with, digest, signature))
    }
}

/// What signs a digest signs it whole.
pub(super) fn no_parts() -> Error {
    Error::new(
        Reason::OperationNotInitialized,
        "the mechanism takes no parts",
    )
}

/// Calls `then` with the digest of all of the data, or with what the caller has digested.
fn digested(hash: Option<Hash>, data: &[u8], then: impl FnOnce(&[u8]) -> Result<()>) -> Result<()> {
    let Some(hash) = hash else { return then(data) };
    let mut digest = [0; MAX_LEN];
    hash.of(data, &mut digest).map_err(internal)?;
    then(digest.get(..hash.len()).ok_or(Reason::Internal)?)
}

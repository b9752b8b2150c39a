//! ECDSA of a digest, or with the hash computed here (§6.3.12, §6.3.13). Signatures are r ‖ s.

use crypto::{
    Error as Failure,
    ec::{PrivateKey, PublicKey},
    hash::{Hash, Stream},
};
use token::{OutputBound, Reason, Result};

use super::{
    Material, Parts, Transformation, Use, Verification, VerificationParts,
    failure::internal,
    keying::typed,
    rsa_signature::{finished, fixed, hashed, no_parts},
};

/// The sign and verify columns: of the hash, or of a digest that the caller brings, which may have
/// any length.
pub(super) struct Ecdsa(pub(super) Option<Hash>);

/// The private key of an operation.
pub(super) fn private<'a>(with: Use<'a>) -> Result<&'a PrivateKey> {
    typed(with, |material| match material {
        Material::EcPrivate(private) => Some(&private.key),
        _ => None,
    })
}

fn public<'a>(with: Use<'a>) -> Result<&'a PublicKey> {
    typed(with, |material| match material {
        Material::EcPublic(public) => Some(&public.key),
        _ => None,
    })
}

fn sign(with: Use<'_>, digest: &[u8], signature: &mut [u8]) -> Result<()> {
    if digest.is_empty() {
        return Err(Reason::DataLenRange.into());
    }
    private(with)?.sign(digest, signature).map_err(internal)
}

fn verify(with: Use<'_>, digest: &[u8], signature: &[u8]) -> Result<()> {
    if digest.is_empty() {
        return Err(Reason::DataLenRange.into());
    }
    let verified = public(with)?.verify(digest, signature);
    verified.map_err(|failure| match failure {
        Failure::Length => Reason::SignatureLenRange.into(),
        Failure::Authentication => Reason::SignatureInvalid.into(),
        other => internal(other),
    })
}

fn signature_len(with: Use<'_>) -> Result<usize> {
    Ok(2 * private(with)?.curve().len())
}

impl Ecdsa {
    fn hashing(&self) -> Result<Hashing> {
        let hash = self.0.ok_or_else(no_parts)?;
        let stream = Stream::new(hash);
        Ok(Hashing { hash, stream })
    }
}

impl Transformation for Ecdsa {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        with.no_parameter()?;
        signature_len(with).map(fixed)
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        match self.0 {
            None => sign(with, input, output),
            Some(hash) => hashed(hash, input, |digest| sign(with, digest, output)),
        }
    }

    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(self.hashing()?))
    }
}

impl Verification for Ecdsa {
    fn begin(&self, with: Use<'_>) -> Result<()> {
        with.no_parameter()
    }

    fn whole(&self, with: Use<'_>, input: &[u8], signature: &[u8]) -> Result<()> {
        match self.0 {
            None => verify(with, input, signature),
            Some(hash) => hashed(hash, input, |digest| verify(with, digest, signature)),
        }
    }

    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn VerificationParts>> {
        Ok(Box::new(self.hashing()?))
    }
}

/// A signature whose data has not all come.
struct Hashing {
    hash: Hash,
    stream: Stream,
}

impl Parts for Hashing {
    fn update_len(&self, _input_len: usize) -> usize {
        0
    }

    fn update(&mut self, _with: Use<'_>, input: &[u8], _output: &mut [u8]) -> Result<()> {
        self.stream.update(input);
        Ok(())
    }

    fn finish_len(&self, with: Use<'_>) -> Result<usize> {
        signature_len(with)
    }

    fn finish(self: Box<Self>, with: Use<'_>, output: &mut [u8]) -> Result<()> {
        finished(self.hash, self.stream, |digest| sign(with, digest, output))
    }
}

impl VerificationParts for Hashing {
    fn update(&mut self, _with: Use<'_>, input: &[u8]) -> Result<()> {
        self.stream.update(input);
        Ok(())
    }

    fn check(self: Box<Self>, with: Use<'_>, signature: &[u8]) -> Result<()> {
        finished(self.hash, self.stream, |digest| {
            verify(with, digest, signature)
        })
    }
}

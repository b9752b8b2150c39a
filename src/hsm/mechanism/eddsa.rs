//! `CKM_EDDSA` on edwards25519 (§6.3.16): Ed25519, and with a parameter Ed25519ctx or Ed25519ph.

use crypto::{
    Error as Failure,
    edwards::{CONTEXT_MAX, DIGEST_LEN, PrivateKey, PublicKey, SIGNATURE_LEN, Variant},
    hash::{Hash, Stream},
};
use token::{OutputBound, Parameters, Reason, Result};

use super::{
    Material, Parts, Transformation, Use, Verification, VerificationParts,
    failure::internal,
    held::{Held, HeldVerification},
    keying::typed,
};

/// The sign and verify columns. Ed25519 and Ed25519ctx read their data twice, so it is kept until
/// all of it is there; Ed25519ph hashes it.
pub(super) struct Eddsa;

fn private<'a>(with: Use<'a>) -> Result<&'a PrivateKey> {
    typed(with, |material| match material {
        Material::EdPrivate(private) => Some(&private.key),
        _ => None,
    })
}

fn public<'a>(with: Use<'a>) -> Result<&'a PublicKey> {
    typed(with, |material| match material {
        Material::EdPublic(public) => Some(&public.key),
        _ => None,
    })
}

fn variant(parameters: &Parameters) -> Result<Variant<'_>> {
    match parameters {
        Parameters::None => Ok(Variant::Pure),
        Parameters::Eddsa { prehash, context } if context.len() <= CONTEXT_MAX => {
            Ok(match (prehash, context.is_empty()) {
                (true, _) => Variant::Prehash(context),
                (false, false) => Variant::Context(context),
                // Ed25519ctx without a context is not wanted (RFC 8032 §8.3); it is the parameter
                // that callers bring who set nothing in it.
                (false, true) => Variant::Pure,
            })
        }
        _ => Err(Reason::MechanismParamInvalid.into()),
    }
}

/// The context, where the variant signs a digest.
fn prehashed<'a>(with: Use<'a>) -> Result<Option<&'a [u8]>> {
    Ok(match variant(with.parameters)? {
        Variant::Prehash(context) => Some(context),
        Variant::Pure | Variant::Context(_) => None,
    })
}

fn verified(outcome: crypto::Result<()>) -> Result<()> {
    outcome.map_err(|failure| match failure {
        Failure::Length => Reason::SignatureLenRange.into(),
        Failure::Authentication => Reason::SignatureInvalid.into(),
        other => internal(other),
    })
}

fn place(output: &mut [u8]) -> Result<&mut [u8; SIGNATURE_LEN]> {
    output.try_into().map_err(|_| Reason::Internal.into())
}

impl Transformation for Eddsa {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        variant(with.parameters)?;
        Ok(OutputBound::fixed(SIGNATURE_LEN as u64))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let signed = private(with)?.sign(variant(with.parameters)?, input, place(output)?);
        signed.map_err(internal)
    }

    fn parts(&self, with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(match prehashed(with)? {
            Some(_) => Box::new(Hashing::new()),
            None => Box::new(Held::before(&Eddsa)),
        })
    }
}

impl Verification for Eddsa {
    fn begin(&self, with: Use<'_>) -> Result<()> {
        variant(with.parameters).map(drop)
    }

    fn whole(&self, with: Use<'_>, input: &[u8], signature: &[u8]) -> Result<()> {
        verified(public(with)?.verify(variant(with.parameters)?, input, signature))
    }

    fn parts(&self, with: Use<'_>) -> Result<Box<dyn VerificationParts>> {
        Ok(match prehashed(with)? {
            Some(_) => Box::new(Hashing::new()),
            None => Box::new(HeldVerification::of(&Eddsa)),
        })
    }
}

/// Ed25519ph of data that has not all come.
struct Hashing(Stream);

impl Hashing {
    fn new() -> Self {
        Self(Stream::new(Hash::Sha512))
    }

    /// The context of the operation, and the digest of all of the data.
    fn finished<'a>(self, with: Use<'a>) -> Result<(&'a [u8], [u8; DIGEST_LEN])> {
        let context = prehashed(with)?.ok_or(Reason::Internal)?;
        let mut digest = [0; DIGEST_LEN];
        self.0.finish(&mut digest).map_err(internal)?;
        Ok((context, digest))
    }
}

impl Parts for Hashing {
    fn update_len(&self, _input_len: usize) -> usize {
        0
    }

    fn update(&mut self, _with: Use<'_>, input: &[u8], _output: &mut [u8]) -> Result<()> {
        self.0.update(input);
        Ok(())
    }

    fn finish_len(&self, _with: Use<'_>) -> Result<usize> {
        Ok(SIGNATURE_LEN)
    }

    fn finish(self: Box<Self>, with: Use<'_>, output: &mut [u8]) -> Result<()> {
        let (context, digest) = self.finished(with)?;
        let signed = private(with)?.sign_digest(context, &digest, place(output)?);
        signed.map_err(internal)
    }
}

impl VerificationParts for Hashing {
    fn update(&mut self, _with: Use<'_>, input: &[u8]) -> Result<()> {
        self.0.update(input);
        Ok(())
    }

    fn check(self: Box<Self>, with: Use<'_>, signature: &[u8]) -> Result<()> {
        let (context, digest) = self.finished(with)?;
        verified(public(with)?.verify_digest(context, &digest, signature))
    }
}

//! ML-DSA and HashML-DSA (§6.67): key pairs and signatures, each with a context.
//!
//! Signatures are hedged, as FIPS 204 recommends; who asks for deterministic ones gets them, but
//! not from the FIPS module.

use crypto::{
    Error as Failure, hash,
    ml_dsa::{self, Message, Prehash, PrehashStream, PrivateKey, PublicKey},
};
use cryptoki_sys as sys;
use token::{Error, OutputBound, Parameters, Reason, Result};

use super::{
    Material, Parts, Transformation, Use, Verification, VerificationParts, failure::internal,
    hashes, keying::typed, material::dsa_set, signing::no_parts,
};
use crate::object::Attributes;

/// `CKM_ML_DSA_KEY_PAIR_GEN`.
pub(super) fn pair(public: &Attributes, _private: &Attributes) -> Result<(Material, Material)> {
    let set = dsa_set(public)?;
    let private = PrivateKey::generate(set).map_err(internal)?;
    let public = PublicKey::new(set, private.public().bytes()).map_err(internal)?;
    Ok((
        Material::MlDsaPublic(Box::new(public)),
        Material::MlDsaPrivate(Box::new(private)),
    ))
}

/// The sign and verify columns.
pub(super) enum MlDsa {
    /// Of the message itself.
    Pure,
    /// Of a digest that the caller brings; the parameter says by which hash.
    OfDigest,
    /// Of the message's hash.
    Hashing(Prehash),
}

impl MlDsa {
    /// The context of the operation, and of a digest its hash.
    fn context<'a>(&self, with: Use<'a>) -> Result<(&'a [u8], Option<Prehash>)> {
        let (context, hash): (&[u8], _) = match with.parameters {
            Parameters::None => (&[], None),
            Parameters::SignContext { context, hash, .. } => (context, *hash),
            _ => return Err(Reason::MechanismParamInvalid.into()),
        };
        if context.len() > ml_dsa::CONTEXT_MAX {
            return Err(refused("a context has at most 255 bytes"));
        }
        let prehash = match (self, hash) {
            (MlDsa::OfDigest, Some(hash)) => match hashes::of_mechanism(hash)? {
                hash::Hash::Sha1 => return Err(refused("HashML-DSA takes no SHA-1")),
                hash => Some(Prehash::Hash(hash)),
            },
            (MlDsa::OfDigest, None) => return Err(refused("which hash?")),
            (MlDsa::Hashing(prehash), None) => Some(*prehash),
            (MlDsa::Pure, None) => None,
            (MlDsa::Hashing(_) | MlDsa::Pure, Some(_)) => {
                return Err(Reason::MechanismParamInvalid.into());
            }
        };
        Ok((context, prehash))
    }

    /// What the signature is over, once all of `input` is there.
    fn message(&self, key: &PublicKey, with: Use<'_>, input: &[u8]) -> Result<Message> {
        let (context, prehash) = self.context(with)?;
        match (self, prehash) {
            (MlDsa::OfDigest, Some(prehash)) if input.len() != prehash.len() => {
                Err(Reason::DataLenRange.into())
            }
            (MlDsa::OfDigest, Some(prehash)) => {
                key.hashed(context, prehash, input).map_err(internal)
            }
            _ => {
                let mut stream = self.stream(key, with)?;
                stream.update(input)?;
                stream.message(key, with)
            }
        }
    }

    fn stream(&self, key: &PublicKey, with: Use<'_>) -> Result<Stream> {
        let (context, _) = self.context(with)?;
        match self {
            MlDsa::Pure => key.message(context).map(Stream::Pure).map_err(internal),
            MlDsa::Hashing(prehash) => {
                let stream = prehash.stream().map_err(internal)?;
                Ok(Stream::Hashing(*prehash, stream))
            }
            MlDsa::OfDigest => Err(no_parts()),
        }
    }
}

impl Transformation for MlDsa {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        self.context(with)?;
        if let Parameters::SignContext { hedge, .. } = with.parameters
            && !matches!(*hedge, sys::CKH_HEDGE_PREFERRED | sys::CKH_HEDGE_REQUIRED)
            && !(is_deterministic(with) && ml_dsa::DETERMINISTIC)
        {
            return Err(refused("signatures are hedged"));
        }
        let len = signature_len(with)?;
        Ok(OutputBound::fixed(len as u64))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let message = self.message(private(with)?.public(), with, input)?;
        sign(with, message, output)
    }

    fn parts(&self, with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(self.stream(private(with)?.public(), with)?))
    }
}

impl Verification for MlDsa {
    fn begin(&self, with: Use<'_>) -> Result<()> {
        // §6.67.5: whether the signature is hedged says nothing here.
        self.context(with).map(drop)
    }

    fn whole(&self, with: Use<'_>, input: &[u8], signature: &[u8]) -> Result<()> {
        let message = self.message(public(with)?, with, input)?;
        verify(with, message, signature)
    }

    fn parts(&self, with: Use<'_>) -> Result<Box<dyn VerificationParts>> {
        Ok(Box::new(self.stream(public(with)?, with)?))
    }
}

/// A message that has not all come.
enum Stream {
    Pure(Message),
    Hashing(Prehash, PrehashStream),
}

impl Stream {
    fn update(&mut self, input: &[u8]) -> Result<()> {
        match self {
            Stream::Pure(message) => message.update(input),
            Stream::Hashing(_, stream) => stream.update(input),
        }
        .map_err(internal)
    }

    fn message(self, key: &PublicKey, with: Use<'_>) -> Result<Message> {
        let (prehash, stream) = match self {
            Stream::Pure(message) => return Ok(message),
            Stream::Hashing(prehash, stream) => (prehash, stream),
        };
        let context: &[u8] = match with.parameters {
            Parameters::SignContext { context, .. } => context,
            _ => &[],
        };
        let mut digest = [0; hash::MAX_LEN];
        stream.finish(&mut digest).map_err(internal)?;
        let digest = digest.get(..prehash.len()).ok_or(Reason::Internal)?;
        key.hashed(context, prehash, digest).map_err(internal)
    }
}

impl Parts for Stream {
    fn update_len(&self, _input_len: usize) -> usize {
        0
    }

    fn update(&mut self, _with: Use<'_>, input: &[u8], _output: &mut [u8]) -> Result<()> {
        self.update(input)
    }

    fn finish_len(&self, with: Use<'_>) -> Result<usize> {
        signature_len(with)
    }

    fn finish(self: Box<Self>, with: Use<'_>, output: &mut [u8]) -> Result<()> {
        let message = self.message(private(with)?.public(), with)?;
        sign(with, message, output)
    }
}

impl VerificationParts for Stream {
    fn update(&mut self, _with: Use<'_>, input: &[u8]) -> Result<()> {
        self.update(input)
    }

    fn check(self: Box<Self>, with: Use<'_>, signature: &[u8]) -> Result<()> {
        let message = self.message(public(with)?, with)?;
        verify(with, message, signature)
    }
}

fn private<'a>(with: Use<'a>) -> Result<&'a PrivateKey> {
    typed(with, |material| match material {
        Material::MlDsaPrivate(key) => Some(&**key),
        _ => None,
    })
}

fn public<'a>(with: Use<'a>) -> Result<&'a PublicKey> {
    typed(with, |material| match material {
        Material::MlDsaPublic(key) => Some(&**key),
        _ => None,
    })
}

fn signature_len(with: Use<'_>) -> Result<usize> {
    Ok(private(with)?.public().set().signature_len())
}

/// Whether the signature shall be the same each time.
fn is_deterministic(with: Use<'_>) -> bool {
    matches!(
        with.parameters,
        Parameters::SignContext { hedge, .. } if *hedge == sys::CKH_DETERMINISTIC_REQUIRED
    )
}

fn sign(with: Use<'_>, message: Message, output: &mut [u8]) -> Result<()> {
    let key = private(with)?;
    let signed = match is_deterministic(with) {
        true => key.sign_deterministically(message, output),
        false => key.sign(message, output),
    };
    signed.map_err(internal)
}

fn verify(with: Use<'_>, message: Message, signature: &[u8]) -> Result<()> {
    let verified = public(with)?.verify(message, signature);
    verified.map_err(|failure| match failure {
        Failure::Length => Reason::SignatureLenRange.into(),
        Failure::Authentication => Reason::SignatureInvalid.into(),
        other => internal(other),
    })
}

fn refused(why: &str) -> Error {
    Error::new(Reason::MechanismParamInvalid, why)
}

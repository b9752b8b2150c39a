//! RSA signatures: of raw data, of a hash, and with the hash computed here (§6.1.6 to §6.1.13).

use crypto::{
    Error as Failure, Secret,
    hash::{Hash, MAX_LEN, Stream},
    rsa::Pss,
};
use token::{OutputBound, Parameters, Reason, Result};

use super::{
    Parts, Transformation, Use, Verification, VerificationParts,
    failure::internal,
    hashes::{of_mechanism, of_mgf},
    rsa_encryption::{private, public},
};

/// The sign and verify columns of one mechanism.
pub(super) struct Signature(pub(super) Scheme, pub(super) Option<Hash>);

/// How what is signed becomes a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// PKCS #1 v1.5: of the data as it is, or of a hash in its DigestInfo.
    Pkcs1,
    /// PSS; its parameter names the hash.
    Pss,
    /// The data is the block (`CKM_RSA_X_509`).
    Raw,
}

impl Signature {
    /// The parameters of PSS, which must fit the mechanism and a key of `bits`; none of the others.
    fn pss(&self, with: Use<'_>, bits: usize) -> Result<Option<Pss>> {
        if self.0 != Scheme::Pss {
            return with.no_parameter().map(|()| None);
        }
        let Parameters::Pss {
            hash,
            mgf,
            salt_len,
        } = with.parameters
        else {
            return Err(Reason::MechanismParamInvalid.into());
        };
        let pss = Pss {
            hash: of_mechanism(*hash)?,
            mgf: of_mgf(*mgf)?,
            salt_len: usize::try_from(*salt_len).unwrap_or(usize::MAX),
        };
        if self.1.is_none_or(|hash| hash == pss.hash) && pss.fits(bits) {
            Ok(Some(pss))
        } else {
            Err(Reason::MechanismParamInvalid.into())
        }
    }

    /// Signs the data of a mechanism without a hash, or the digest of one that has it.
    fn sign(&self, with: Use<'_>, data: &[u8], signature: &mut [u8]) -> Result<()> {
        let key = private(with)?;
        let signed = match (self.pss(with, key.bits())?, self.0, self.1) {
            (Some(pss), ..) => key.sign_pss(pss, data, signature),
            (None, Scheme::Raw, _) => key.sign_raw(data, signature),
            (None, _, Some(hash)) => key.sign_hash(hash, data, signature),
            (None, _, None) => key.sign_pkcs1(data, signature),
        };
        signed.map_err(|failure| match failure {
            Failure::Length => Reason::DataLenRange.into(),
            Failure::Range => Reason::DataInvalid.into(),
            other => internal(other),
        })
    }

    fn verify(&self, with: Use<'_>, data: &[u8], signature: &[u8]) -> Result<()> {
        let key = public(with)?;
        if signature.len() != key.modulus().len() {
            return Err(Reason::SignatureLenRange.into());
        }
        let verified = match (self.pss(with, key.bits())?, self.0, self.1) {
            (Some(pss), ..) => key.verify_pss(pss, data, signature),
            (None, Scheme::Raw, _) => key.verify_raw(data, signature),
            (None, _, Some(hash)) => key.verify_hash(hash, data, signature),
            (None, _, None) => key.verify_pkcs1(data, signature),
        };
        verified.map_err(|failure| match failure {
            Failure::Length => Reason::DataLenRange.into(),
            Failure::Range => Reason::DataInvalid.into(),
            Failure::Authentication => Reason::SignatureInvalid.into(),
            other => internal(other),
        })
    }

    fn hashing(&self) -> Result<Hashing> {
        let hash = self.1.ok_or_else(no_parts)?;
        Ok(Hashing {
            signature: Signature(self.0, self.1),
            hash,
            stream: Stream::new(hash),
        })
    }
}

impl Transformation for Signature {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        let key = private(with)?;
        self.pss(with, key.bits())?;
        Ok(fixed(key.modulus().len()))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        match self.1 {
            None => self.sign(with, input, output),
            Some(hash) => hashed(hash, input, |digest| self.sign(with, digest, output)),
        }
    }

    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(self.hashing()?))
    }
}

impl Verification for Signature {
    fn begin(&self, with: Use<'_>) -> Result<()> {
        let key = public(with)?;
        self.pss(with, key.bits()).map(drop)
    }

    fn whole(&self, with: Use<'_>, input: &[u8], signature: &[u8]) -> Result<()> {
        match self.1 {
            None => self.verify(with, input, signature),
            Some(hash) => hashed(hash, input, |digest| self.verify(with, digest, signature)),
        }
    }

    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn VerificationParts>> {
        Ok(Box::new(self.hashing()?))
    }
}

/// A signature whose data has not all come.
struct Hashing {
    signature: Signature,
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
        Ok(private(with)?.modulus().len())
    }

    fn finish(self: Box<Self>, with: Use<'_>, output: &mut [u8]) -> Result<()> {
        let Self {
            signature,
            hash,
            stream,
        } = *self;
        finished(hash, stream, |digest| signature.sign(with, digest, output))
    }
}

impl VerificationParts for Hashing {
    fn update(&mut self, _with: Use<'_>, input: &[u8]) -> Result<()> {
        self.stream.update(input);
        Ok(())
    }

    fn check(self: Box<Self>, with: Use<'_>, signature: &[u8]) -> Result<()> {
        let Self {
            signature: column,
            hash,
            stream,
        } = *self;
        finished(hash, stream, |digest| {
            column.verify(with, digest, signature)
        })
    }
}

/// The verify-recover column.
pub(super) struct Recover(pub(super) Scheme);

impl Transformation for Recover {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        with.no_parameter()?;
        Ok(fixed(public(with)?.modulus().len()))
    }

    /// What PKCS #1 v1.5 was of is shorter than the modulus.
    fn computed(&self, with: Use<'_>, signature: &[u8]) -> Result<Option<Secret>> {
        let key = public(with)?;
        if signature.len() != key.modulus().len() {
            return Err(Reason::SignatureLenRange.into());
        }
        let recovered = match self.0 {
            Scheme::Raw => {
                Secret::filled(signature.len(), |block| key.recover_raw(signature, block))
            }
            _ => key.recover_pkcs1(signature),
        };
        match recovered {
            Ok(recovered) => Ok(Some(recovered)),
            Err(Failure::Authentication) => Err(Reason::SignatureInvalid.into()),
            Err(other) => Err(internal(other)),
        }
    }

    /// Never asked: the answer is computed.
    fn whole(&self, _with: Use<'_>, _input: &[u8], _output: &mut [u8]) -> Result<()> {
        Err(Reason::Internal.into())
    }
}

/// An output of one length.
pub(super) fn fixed(len: usize) -> OutputBound {
    OutputBound::fixed(len as u64)
}

/// Calls `then` with the digest of all of the data.
pub(super) fn hashed<T>(
    hash: Hash,
    data: &[u8],
    then: impl FnOnce(&[u8]) -> Result<T>,
) -> Result<T> {
    let mut digest = [0; MAX_LEN];
    hash.of(data, &mut digest).map_err(internal)?;
    then(digest.get(..hash.len()).ok_or(Reason::Internal)?)
}

/// Calls `then` with the digest of data that has come in parts.
pub(super) fn finished<T>(
    hash: Hash,
    stream: Stream,
    then: impl FnOnce(&[u8]) -> Result<T>,
) -> Result<T> {
    let mut digest = [0; MAX_LEN];
    stream.finish(&mut digest).map_err(internal)?;
    then(digest.get(..hash.len()).ok_or(Reason::Internal)?)
}

/// What signs a digest signs it whole.
pub(super) fn no_parts() -> token::Error {
    token::Error::new(
        Reason::OperationNotInitialized,
        "the mechanism takes no parts",
    )
}

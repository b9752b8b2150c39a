//! RSA signatures: of raw data, of a hash, and with the hash computed here (§6.1.6 to §6.1.13).

use crypto::{Error as Failure, Secret, hash::Hash, rsa::Pss};
use token::{OutputBound, Parameters, Reason, Result};

use super::{
    Transformation, Use,
    failure::internal,
    hashes::{of_mechanism, of_mgf},
    rsa_encryption::{private, public},
    signing::Signing,
};

/// The sign and verify columns of one mechanism.
#[derive(Clone, Copy)]
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
}

impl Signing for Signature {
    fn hash(self) -> Option<Hash> {
        self.1
    }

    fn check_to_sign(self, with: Use<'_>) -> Result<()> {
        self.pss(with, private(with)?.bits()).map(drop)
    }

    fn check_to_verify(self, with: Use<'_>) -> Result<()> {
        self.pss(with, public(with)?.bits()).map(drop)
    }

    fn signature_len(self, with: Use<'_>) -> Result<usize> {
        Ok(private(with)?.modulus().len())
    }

    /// Signs the data of a mechanism without a hash, or the digest of one that has it.
    fn sign(self, with: Use<'_>, data: &[u8], signature: &mut [u8]) -> Result<()> {
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

    fn verify(self, with: Use<'_>, data: &[u8], signature: &[u8]) -> Result<()> {
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
}

/// The verify-recover column.
pub(super) struct Recover(pub(super) Scheme);

impl Transformation for Recover {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        with.no_parameter()?;
        let len = public(with)?.modulus().len();
        Ok(OutputBound::fixed(len as u64))
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

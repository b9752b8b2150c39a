//! `CKM_STRONGROOM_XAES_256_GCM`: C2SP XAES-256-GCM. The HSM draws the 192-bit nonce; output is
//! nonce ‖ ciphertext ‖ tag. The parameter is 32 bytes of additional data, or nothing.

use crypto::xaes;
use token::{OutputBound, Parameters, Reason, Result};

use super::{
    Parts, Transformation, Use,
    failure::{decrypting, encrypting},
    held::Held,
};

fn additional(parameters: &Parameters) -> Result<&[u8]> {
    match parameters {
        Parameters::None => Ok(&[]),
        Parameters::AdditionalDigest(digest) => Ok(digest),
        _ => Err(Reason::MechanismParamInvalid.into()),
    }
}

/// The encrypt column: one call, because the nonce is new for each message.
pub(super) struct Encrypt;

impl Transformation for Encrypt {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        additional(with.parameters)?;
        let added = xaes::OVERHEAD as u64;
        Ok(OutputBound::longer_by(added))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let additional = additional(with.parameters)?;
        xaes::seal(with.aes()?, additional, input, output).map_err(encrypting)
    }
}

/// The decrypt column.
pub(super) struct Decrypt;

impl Transformation for Decrypt {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        additional(with.parameters)?;
        let removed = xaes::OVERHEAD as u64;
        Ok(OutputBound::shorter_by(removed))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let additional = additional(with.parameters)?;
        if input.len() < xaes::OVERHEAD {
            return Err(Reason::EncryptedDataLenRange.into());
        }
        xaes::open(with.aes()?, additional, input, output).map_err(decrypting)
    }

    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(Held::of(&Decrypt)))
    }
}

//! `CKM_AES_XTS`: the input is one data unit, the parameter its number.

use crypto::xts;
use token::{OutputBound, Parameters, Reason, Result};

use super::{
    Material, Parts, Transformation, Use, blocks::Direction, failure::internal, held::Held,
    keying::typed,
};

/// A column.
pub(super) struct Xts(pub(super) Direction);

impl Transformation for Xts {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        tweak(with)?;
        Ok(OutputBound::longer_by(0))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let (key, tweak) = (key(with)?, tweak(with)?);
        // §6.15.4: a block or more; SP 800-38E: at most 2^20 blocks.
        let legal = (xts::UNIT_LEN_MIN..=xts::UNIT_LEN_MAX).contains(&input.len());
        let done = match self.0 {
            Direction::Encrypt if !legal => return Err(Reason::DataLenRange.into()),
            Direction::Decrypt if !legal => return Err(Reason::EncryptedDataLenRange.into()),
            Direction::Encrypt => key.encrypt(tweak, input, output),
            Direction::Decrypt => key.decrypt(tweak, input, output),
        };
        done.map_err(internal)
    }

    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(match self.0 {
            Direction::Encrypt => Held::before(&Xts(Direction::Encrypt)),
            Direction::Decrypt => Held::of(&Xts(Direction::Decrypt)),
        }))
    }
}

fn tweak(with: Use<'_>) -> Result<&[u8; 16]> {
    match with.parameters {
        Parameters::Iv(tweak) => tweak.as_slice().try_into().ok(),
        _ => None,
    }
    .ok_or_else(|| Reason::MechanismParamInvalid.into())
}

fn key(with: Use<'_>) -> Result<&xts::Key> {
    typed(with, |material| match material {
        Material::AesXts(key) => Some(key),
        _ => None,
    })
}

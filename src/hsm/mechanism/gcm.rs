//! `CKM_AES_GCM`, `CK_GCM_PARAMS`: the caller brings the initialisation vector.

use crypto::gcm;
use token::{MessageParameters, OutputBound, Parameters, Reason, Result, limits};

use super::{
    Parts, Transformation, Use,
    failure::{decrypting, encrypting},
    held::Held,
};

/// Bytes in the longest initialisation vector.
pub(super) const IV_LEN_MAX: usize = 4096;

/// The parameters, once they are known to be legal.
pub(super) struct Checked<'a> {
    pub(super) iv: &'a [u8],
    pub(super) additional: &'a [u8],
    pub(super) tag_len: usize,
}

impl<'a> Checked<'a> {
    /// What `CK_GCM_PARAMS` says, if its vector is one that the mechanism takes.
    pub(super) fn of(parameters: &'a Parameters, takes: fn(&[u8]) -> bool) -> Result<Self> {
        let Parameters::Gcm {
            iv,
            additional,
            tag_bits,
        } = parameters
        else {
            return Err(Reason::MechanismParamInvalid.into());
        };
        let tag_len = usize::try_from(tag_bits / 8).unwrap_or(usize::MAX);
        let legal = takes(iv)
            && additional.len() <= limits::PARAMETER_BYTES
            && tag_bits.is_multiple_of(8)
            && gcm::is_tag_len(tag_len);
        if !legal {
            return Err(Reason::MechanismParamInvalid.into());
        }
        Ok(Self {
            iv,
            additional,
            tag_len,
        })
    }

    /// `input` as ciphertext and tag.
    pub(super) fn apart<'b>(&self, input: &'b [u8]) -> Result<(&'b [u8], &'b [u8])> {
        let len = input.len().checked_sub(self.tag_len);
        let parts = len.and_then(|len| input.split_at_checked(len));
        parts.ok_or(Reason::EncryptedDataLenRange.into())
    }
}

fn checked(parameters: &Parameters) -> Result<Checked<'_>> {
    Checked::of(parameters, |iv| (1..=IV_LEN_MAX).contains(&iv.len()))
}

/// The parameters of one message (`CK_GCM_MESSAGE_PARAMS`).
pub(super) fn message(message: &MessageParameters, additional: &[u8]) -> Result<Parameters> {
    Ok(Parameters::Gcm {
        iv: message.iv.clone(),
        additional: additional.to_vec(),
        tag_bits: message.tag_bits,
    })
}

/// The encrypt column.
pub(super) struct Encrypt;

impl Transformation for Encrypt {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        let added = checked(with.parameters)?.tag_len as u64;
        Ok(OutputBound::longer_by(added))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let (ciphertext, tag) = output
            .split_at_mut_checked(input.len())
            .ok_or(Reason::Internal)?;
        self.message(with, input, ciphertext, tag)
    }

    fn message(
        &self,
        with: Use<'_>,
        input: &[u8],
        ciphertext: &mut [u8],
        tag: &mut [u8],
    ) -> Result<()> {
        let Checked { iv, additional, .. } = checked(with.parameters)?;
        gcm::seal(with.aes()?, iv, additional, input, ciphertext, tag).map_err(encrypting)
    }

    fn parts(&self, with: Use<'_>) -> Result<Box<dyn Parts>> {
        let Checked {
            iv,
            additional,
            tag_len,
        } = checked(with.parameters)?;
        let encryption = gcm::Encryption::new(with.aes()?, iv, additional).map_err(encrypting)?;
        Ok(Box::new(EncryptParts {
            encryption,
            left: limits::DATA_BYTES - tag_len,
            tag_len,
        }))
    }
}

struct EncryptParts {
    encryption: gcm::Encryption,
    /// Bytes that may come: its decryption keeps all of it, with the tag, until the end.
    left: usize,
    tag_len: usize,
}

impl Parts for EncryptParts {
    fn update_len(&self, input_len: usize) -> usize {
        input_len
    }

    fn update(&mut self, _with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let left = self.left.checked_sub(input.len());
        self.left = left.ok_or(Reason::DataLenRange)?;
        self.encryption.update(input, output).map_err(encrypting)
    }

    fn finish_len(&self, _with: Use<'_>) -> Result<usize> {
        Ok(self.tag_len)
    }

    fn finish(self: Box<Self>, _with: Use<'_>, output: &mut [u8]) -> Result<()> {
        self.encryption.finish(output).map_err(encrypting)
    }
}

/// The decrypt column.
pub(super) struct Decrypt;

impl Transformation for Decrypt {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        let removed = checked(with.parameters)?.tag_len as u64;
        Ok(OutputBound::shorter_by(removed))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let checked = checked(with.parameters)?;
        let (ciphertext, tag) = checked.apart(input)?;
        let Checked { iv, additional, .. } = checked;
        gcm::open(with.aes()?, iv, additional, ciphertext, tag, output).map_err(decrypting)
    }

    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(Held::of(&Decrypt)))
    }
}

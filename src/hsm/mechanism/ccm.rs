//! `CKM_AES_CCM`, `CK_CCM_PARAMS`: the parameter says how long the data is, and the data is kept
//! until all of it is there.

use crypto::ccm;
use token::{MessageParameters, OutputBound, Parameters, Reason, Result, limits};

use super::{
    Parts, Transformation, Use,
    failure::{decrypting, encrypting},
    held::Held,
};

/// The parameters, once they are known to be legal.
struct Checked<'a> {
    data_len: usize,
    nonce: &'a [u8],
    additional: &'a [u8],
    mac_len: usize,
}

fn checked(parameters: &Parameters) -> Result<Checked<'_>> {
    let Parameters::Ccm {
        data_len,
        nonce,
        additional,
        mac_len,
    } = parameters
    else {
        return Err(Reason::MechanismParamInvalid.into());
    };
    let mac_len = usize::try_from(*mac_len).unwrap_or(usize::MAX);
    let legal = ccm::is_nonce_len(nonce.len())
        && ccm::is_tag_len(mac_len)
        && *data_len <= ccm::max_len(nonce.len())
        // With the MAC: what was encrypted must be decrypted at once.
        && *data_len <= (limits::DATA_BYTES - mac_len) as u64
        && additional.len() <= limits::PARAMETER_BYTES;
    if !legal {
        return Err(Reason::MechanismParamInvalid.into());
    }
    Ok(Checked {
        data_len: usize::try_from(*data_len).unwrap_or(usize::MAX),
        nonce,
        additional,
        mac_len,
    })
}

/// The parameters of one message (`CK_CCM_MESSAGE_PARAMS`).
pub(super) fn message(message: &MessageParameters, additional: &[u8]) -> Result<Parameters> {
    Ok(Parameters::Ccm {
        data_len: message.data_len,
        nonce: message.iv.clone(),
        additional: additional.to_vec(),
        mac_len: message.tag_bits / 8,
    })
}

/// The encrypt column.
pub(super) struct Encrypt;

impl Transformation for Encrypt {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        let added = checked(with.parameters)?.mac_len as u64;
        Ok(OutputBound::longer_by(added))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let Checked {
            data_len,
            nonce,
            additional,
            ..
        } = checked(with.parameters)?;
        if input.len() != data_len {
            return Err(Reason::DataLenRange.into());
        }
        let (ciphertext, tag) = output
            .split_at_mut_checked(input.len())
            .ok_or(Reason::Internal)?;
        ccm::seal(with.aes()?, nonce, additional, input, ciphertext, tag).map_err(encrypting)
    }

    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(Held::before(&Encrypt)))
    }
}

/// The decrypt column.
pub(super) struct Decrypt;

impl Transformation for Decrypt {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        let removed = checked(with.parameters)?.mac_len as u64;
        Ok(OutputBound::shorter_by(removed))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let Checked {
            data_len,
            nonce,
            additional,
            mac_len,
        } = checked(with.parameters)?;
        let (ciphertext, tag) = input
            .split_at_checked(data_len)
            .filter(|(_, tag)| tag.len() == mac_len)
            .ok_or(Reason::EncryptedDataLenRange)?;
        ccm::open(with.aes()?, nonce, additional, ciphertext, tag, output).map_err(decrypting)
    }

    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(Held::of(&Decrypt)))
    }
}

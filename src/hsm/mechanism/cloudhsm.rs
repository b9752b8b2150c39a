//! `CKM_CLOUDHSM_AES_GCM`: AES-GCM with an initialisation vector that the HSM draws and puts before
//! the ciphertext. CloudHSM's other mechanisms are rows over the columns of the standard's.

use crypto::{gcm, random};
use token::{OutputBound, Parameters, Reason, Result, limits};

use super::{
    Parts, Transformation, Use,
    failure::{decrypting, encrypting, internal},
    held::Held,
};

/// Bytes in the initialisation vector.
const IV_LEN: usize = 12;

struct Checked<'a> {
    additional: &'a [u8],
    tag_len: usize,
}

fn checked(parameters: &Parameters) -> Result<Checked<'_>> {
    let Parameters::Gcm {
        iv,
        additional,
        tag_bits,
    } = parameters
    else {
        return Err(Reason::MechanismParamInvalid.into());
    };
    let tag_len = usize::try_from(tag_bits / 8).unwrap_or(usize::MAX);
    // CloudHSM: pIv is NULL; zeroes are what a buffer for it would have.
    let legal = iv.iter().all(|byte| *byte == 0)
        && additional.len() <= limits::PARAMETER_BYTES
        && tag_bits.is_multiple_of(8)
        && gcm::is_tag_len(tag_len);
    if !legal {
        return Err(Reason::MechanismParamInvalid.into());
    }
    Ok(Checked {
        additional,
        tag_len,
    })
}

/// The encrypt column: one call, because the vector is new for each message.
pub(super) struct Encrypt;

impl Transformation for Encrypt {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        let added = (IV_LEN + checked(with.parameters)?.tag_len) as u64;
        Ok(OutputBound {
            per_input: true,
            removed: 0,
            added,
            padded_to: 0,
        })
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let Checked { additional, .. } = checked(with.parameters)?;
        let (iv, rest) = output
            .split_first_chunk_mut::<IV_LEN>()
            .ok_or(Reason::Internal)?;
        *iv = random::array().map_err(internal)?;
        let (ciphertext, tag) = rest
            .split_at_mut_checked(input.len())
            .ok_or(Reason::Internal)?;
        gcm::seal(with.aes()?, iv, additional, input, ciphertext, tag).map_err(encrypting)
    }
}

/// The decrypt column.
pub(super) struct Decrypt;

impl Transformation for Decrypt {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        let removed = (IV_LEN + checked(with.parameters)?.tag_len) as u64;
        Ok(OutputBound {
            per_input: true,
            removed,
            added: 0,
            padded_to: 0,
        })
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let Checked {
            additional,
            tag_len,
        } = checked(with.parameters)?;
        let (iv, rest) = input
            .split_first_chunk::<IV_LEN>()
            .ok_or(Reason::EncryptedDataLenRange)?;
        let (ciphertext, tag) = rest
            .len()
            .checked_sub(tag_len)
            .and_then(|len| rest.split_at_checked(len))
            .ok_or(Reason::EncryptedDataLenRange)?;
        gcm::open(with.aes()?, iv, additional, ciphertext, tag, output).map_err(decrypting)
    }

    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(Held::of(&Decrypt)))
    }
}

//! `CKM_CLOUDHSM_AES_GCM`: AES-GCM with an initialisation vector that the HSM draws and puts before
//! the ciphertext. CloudHSM's other mechanisms are rows over the columns of the standard's.

use crypto::{gcm, random};
use cryptoki_sys as sys;
use token::{
    Error, Mechanism, MechanismId, Operation, OutputBound, Parameters, ParametersOut, Reason,
    Result,
};

use super::{
    Parts, Transformation, Use,
    failure::{decrypting, encrypting, internal},
    gcm::Checked,
    held::Held,
};

/// Bytes in the initialisation vector.
const IV_LEN: usize = 12;

/// `CKM_AES_GCM` as CloudHSM's library does it: the HSM draws the initialisation vector of an
/// encryption, and writes it where the caller has zeroes. Another vector is refused, so that none
/// serves twice.
pub(crate) fn draw_vector(
    operation: Operation,
    mechanism: &mut Mechanism,
) -> Result<Option<ParametersOut>> {
    let draws = operation == Operation::Encrypt && mechanism.id == MechanismId(sys::CKM_AES_GCM);
    let Parameters::Gcm { iv, .. } = &mut mechanism.parameters else {
        return Ok(None);
    };
    if !draws {
        return Ok(None);
    }
    if iv.len() != IV_LEN || iv.iter().any(|byte| *byte != 0) {
        let words = "the HSM draws the initialisation vector: 12 bytes of zeroes are its place";
        return Err(Error::new(Reason::MechanismParamInvalid, words));
    }
    random::fill(iv).map_err(internal)?;
    Ok(Some(ParametersOut {
        iv: iv.clone(),
        tag: Vec::new(),
    }))
}

/// CloudHSM: pIv is NULL; zeroes are what a buffer for it would have.
fn checked(parameters: &Parameters) -> Result<Checked<'_>> {
    Checked::of(parameters, |iv| iv.iter().all(|byte| *byte == 0))
}

/// The encrypt column: one call, because the vector is new for each message.
pub(super) struct Encrypt;

impl Transformation for Encrypt {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        let added = (IV_LEN + checked(with.parameters)?.tag_len) as u64;
        Ok(OutputBound::longer_by(added))
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
        Ok(OutputBound::shorter_by(removed))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let checked = checked(with.parameters)?;
        let (iv, rest) = input
            .split_first_chunk::<IV_LEN>()
            .ok_or(Reason::EncryptedDataLenRange)?;
        let (ciphertext, tag) = checked.apart(rest)?;
        let additional = checked.additional;
        gcm::open(with.aes()?, iv, additional, ciphertext, tag, output).map_err(decrypting)
    }

    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(Held::of(&Decrypt)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gcm_with(iv: &[u8]) -> Mechanism {
        Mechanism {
            id: MechanismId(sys::CKM_AES_GCM),
            parameters: Parameters::Gcm {
                iv: iv.to_vec(),
                additional: Vec::new(),
                tag_bits: 128,
            },
        }
    }

    #[test]
    fn a_drawn_vector_is_used_and_told() {
        let mut mechanism = gcm_with(&[0; 12]);
        let told = draw_vector(Operation::Encrypt, &mut mechanism).unwrap();
        let told = told.unwrap().iv;
        assert_ne!(told, [0; 12]);
        assert_eq!(mechanism, gcm_with(&told));
    }

    #[test]
    fn a_vector_of_the_caller_decrypts_and_does_not_encrypt() {
        let mut mechanism = gcm_with(&[7; 12]);
        let refused = draw_vector(Operation::Encrypt, &mut mechanism).unwrap_err();
        assert_eq!(refused.reason, Reason::MechanismParamInvalid);
        let told = draw_vector(Operation::Decrypt, &mut mechanism).unwrap();
        assert_eq!((told, mechanism), (None, gcm_with(&[7; 12])));
    }
}

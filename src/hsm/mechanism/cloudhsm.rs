//! `CKM_CLOUDHSM_AES_GCM`: AES-GCM with an initialisation vector that the HSM draws and puts before
//! the ciphertext. CloudHSM's other mechanisms are rows over the columns of the standard's.

use crypto::gcm;
use cryptoki_sys as sys;
use token::{
    Error, Mechanism, MechanismId, MessageParameters, OutputBound, Parameters, ParametersOut,
    Reason, Result,
};

use super::{
    Material, Parts, Transformation, Use,
    failure::{decrypting, encrypting},
    gcm::Checked,
    held::Held,
};

/// Bytes in the initialisation vector.
const IV_LEN: usize = 12;
/// The standard's mechanism.
const GCM: MechanismId = MechanismId(sys::CKM_AES_GCM);

/// `CKM_AES_GCM` as CloudHSM's library does it: the HSM draws the vector that `key` encrypts or
/// wraps with, and writes it where the caller has zeroes. Another vector is refused, so that none
/// serves twice.
pub(crate) fn draw_vector(
    mechanism: &mut Mechanism,
    key: &Material,
) -> Result<Option<ParametersOut>> {
    if mechanism.id != GCM {
        return Ok(None);
    }
    match &mut mechanism.parameters {
        Parameters::Gcm { iv, .. } => {
            if iv.len() != IV_LEN || iv.iter().any(|byte| *byte != 0) {
                let words = "the HSM draws the initialisation vector, and writes it over 12 bytes of zeroes";
                return Err(Error::new(Reason::MechanismParamInvalid, words));
            }
            let nonces = key.nonces().ok_or(Reason::KeyTypeInconsistent)?;
            iv.copy_from_slice(&nonces.random()?);
            Ok(Some(ParametersOut {
                iv: iv.clone(),
                tag: Vec::new(),
            }))
        }
        Parameters::Message(message) => must_draw(GCM, message).map(|()| None),
        _ => Ok(None),
    }
}

/// The same of a message, which says how its vector is made.
pub(crate) fn must_draw(mechanism: MechanismId, message: &MessageParameters) -> Result<()> {
    if mechanism == GCM && message.generator == sys::CKG_NO_GENERATE {
        let words = "the HSM makes the initialisation vector: name a generator";
        return Err(Error::new(Reason::MechanismParamInvalid, words));
    }
    Ok(())
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
        *iv = with.nonces()?.random()?;
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
    use crate::mechanism::vectors::secret_key;

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

    fn message(generator: u64) -> Parameters {
        Parameters::Message(MessageParameters {
            iv: vec![0; 12],
            generator,
            ..MessageParameters::default()
        })
    }

    #[test]
    fn a_drawn_vector_is_used_and_told() {
        let key = secret_key(sys::CKK_AES, &[7; 32]);
        let mut mechanism = gcm_with(&[0; 12]);
        let told = draw_vector(&mut mechanism, &key).unwrap().unwrap().iv;
        assert_ne!(told, [0; 12]);
        assert_eq!(mechanism, gcm_with(&told));
    }

    #[test]
    fn a_vector_of_the_caller_does_not_encrypt() {
        let key = secret_key(sys::CKK_AES, &[7; 32]);
        let chosen = gcm_with(&[7; 12]).parameters;
        for (parameters, refused) in [
            (chosen, true),
            (message(sys::CKG_NO_GENERATE), true),
            (message(sys::CKG_GENERATE), false),
        ] {
            let mut mechanism = Mechanism {
                parameters,
                ..gcm_with(&[])
            };
            let reason = draw_vector(&mut mechanism, &key)
                .err()
                .map(|error| error.reason);
            assert_eq!(reason, refused.then_some(Reason::MechanismParamInvalid));
        }
    }
}

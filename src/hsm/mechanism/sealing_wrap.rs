//! Keys wrapped by authenticated encryption: `CKM_AES_GCM` and `CKM_AES_CCM` in `C_WrapKey` and
//! `C_WrapKeyAuthenticated`, with the caller's initialisation vector or one that is drawn here.

use crypto::{Secret, random};
use cryptoki_sys as sys;
use token::{MessageParameters, Parameters, ParametersOut, Reason, Result};

use super::{
    Transformation, Use,
    failure::internal,
    keying::{Encrypting, Wrapping},
    row::OfMessage,
};

/// The wrap and unwrap columns.
pub(super) struct Sealing {
    pub(super) encrypt: &'static dyn Transformation,
    pub(super) decrypt: &'static dyn Transformation,
    /// How the parameters of a message are those of one call.
    pub(super) message: OfMessage,
}

impl Sealing {
    const fn encrypting(&self) -> Encrypting {
        Encrypting {
            encrypt: self.encrypt,
            decrypt: self.decrypt,
            block: 0,
        }
    }

    /// The parameters of one call for a value of `value_len` bytes.
    fn parameters(
        &self,
        given: &Parameters,
        additional: Option<&[u8]>,
        value_len: usize,
    ) -> Result<Parameters> {
        let parameters = match given {
            Parameters::Message(message) => {
                (self.message)(message, additional.unwrap_or_default())?
            }
            other => other.clone(),
        };
        let argument = additional.filter(|argument| !argument.is_empty());
        Ok(match (parameters, argument) {
            (Parameters::Gcm { iv, tag_bits, .. }, Some(argument)) => Parameters::Gcm {
                iv,
                additional: argument.to_vec(),
                tag_bits,
            },
            // What is wrapped is a value whose length the caller need not know.
            (
                Parameters::Ccm {
                    nonce,
                    additional,
                    mac_len,
                    ..
                },
                argument,
            ) => Parameters::Ccm {
                data_len: value_len as u64,
                nonce,
                additional: argument.map_or(additional, <[u8]>::to_vec),
                mac_len,
            },
            (other, _) => other,
        })
    }
}

impl Wrapping for Sealing {
    fn wrapped_len(
        &self,
        with: Use<'_>,
        additional: Option<&[u8]>,
        value_len: usize,
    ) -> Result<usize> {
        let parameters = self.parameters(with.parameters, additional, value_len)?;
        let with = Use {
            parameters: &parameters,
            ..with
        };
        self.encrypting().wrapped_len(with, None, value_len)
    }

    fn wrap(
        &self,
        with: Use<'_>,
        additional: Option<&[u8]>,
        value: &[u8],
        output: &mut [u8],
    ) -> Result<Option<ParametersOut>> {
        let (given, written) = match with.parameters {
            Parameters::Message(message) => {
                let message = with_vector(message)?;
                let iv = message.iv.clone();
                let tag = Vec::new();
                (
                    Parameters::Message(message),
                    Some(ParametersOut { iv, tag }),
                )
            }
            other => (other.clone(), None),
        };
        let parameters = self.parameters(&given, additional, value.len())?;
        let with = Use {
            parameters: &parameters,
            ..with
        };
        self.encrypting().wrap(with, None, value, output)?;
        Ok(written)
    }

    fn unwrap(&self, with: Use<'_>, additional: Option<&[u8]>, wrapped: &[u8]) -> Result<Secret> {
        let parameters = self.parameters(with.parameters, additional, wrapped.len())?;
        let parameters = match parameters {
            Parameters::Ccm {
                nonce,
                additional,
                mac_len,
                ..
            } => Parameters::Ccm {
                data_len: (wrapped.len() as u64).saturating_sub(mac_len),
                nonce,
                additional,
                mac_len,
            },
            other => other,
        };
        let with = Use {
            parameters: &parameters,
            ..with
        };
        self.encrypting().unwrap(with, None, wrapped)
    }
}

/// `message` with a whole initialisation vector. A wrap is one call and remembers nothing, so that a
/// counter would always be zero, and a vector serve twice: it is refused.
fn with_vector(message: &MessageParameters) -> Result<MessageParameters> {
    let mut message = message.clone();
    match message.generator {
        sys::CKG_NO_GENERATE => {}
        sys::CKG_GENERATE | sys::CKG_GENERATE_RANDOM => {
            let bits = message.iv.len() as u64 * 8;
            // SP 800-38D §8.2.2: a random vector has 96 free bits.
            if message.fixed_bits > bits.saturating_sub(96) {
                return Err(Reason::MechanismParamInvalid.into());
            }
            let fixed = message.iv.clone();
            random::fill(&mut message.iv).map_err(internal)?;
            for (place, (byte, kept)) in message.iv.iter_mut().zip(&fixed).enumerate() {
                let kept_bits = message.fixed_bits.saturating_sub(place as u64 * 8).min(8);
                let mask = !u8::MAX
                    .checked_shr(u32::try_from(kept_bits).unwrap_or(8))
                    .unwrap_or(0);
                *byte = (*byte & !mask) | (kept & mask);
            }
        }
        _ => return Err(Reason::MechanismParamInvalid.into()),
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::{ccm, gcm, vectors::secret_key};

    const GCM: Sealing = Sealing {
        encrypt: &gcm::Encrypt,
        decrypt: &gcm::Decrypt,
        message: gcm::message,
    };
    const CCM: Sealing = Sealing {
        encrypt: &ccm::Encrypt,
        decrypt: &ccm::Decrypt,
        message: ccm::message,
    };

    fn message(generator: u64, iv_len: usize, fixed_bits: u64) -> Parameters {
        Parameters::Message(MessageParameters {
            iv: vec![0xAB; iv_len],
            fixed_bits,
            generator,
            tag_bits: 128,
            ..MessageParameters::default()
        })
    }

    #[test]
    fn a_drawn_vector_keeps_its_fixed_bits_and_is_told() {
        let key = secret_key(sys::CKK_AES, &[7; 32]);
        let parameters = message(sys::CKG_GENERATE, 16, 12);
        let with = Use {
            key: Some(&key),
            parameters: &parameters,
        };
        let mut wrapped = vec![0; GCM.wrapped_len(with, Some(b"about"), 32).unwrap()];
        let wrote = GCM.wrap(with, Some(b"about"), &[5; 32], &mut wrapped);
        let written = wrote.unwrap().unwrap().iv;
        assert_eq!((written[0], written[1] & 0xF0), (0xAB, 0xA0));
        let parameters = Parameters::Gcm {
            iv: written,
            additional: b"not this".to_vec(),
            tag_bits: 128,
        };
        let with = Use {
            parameters: &parameters,
            ..with
        };
        let unwrapped = GCM.unwrap(with, Some(b"about"), &wrapped).unwrap();
        assert_eq!(unwrapped.reveal(), [5; 32]);
        let refused = GCM.unwrap(with, None, &wrapped).err().unwrap();
        assert_eq!(refused.reason, Reason::WrappedKeyInvalid);
    }

    #[test]
    fn ccm_wraps_a_value_of_any_length() {
        let key = secret_key(sys::CKK_AES, &[7; 32]);
        let parameters = message(sys::CKG_NO_GENERATE, 12, 0);
        let with = Use {
            key: Some(&key),
            parameters: &parameters,
        };
        let mut wrapped = vec![0; CCM.wrapped_len(with, None, 33).unwrap()];
        CCM.wrap(with, None, &[5; 33], &mut wrapped).unwrap();
        assert_eq!(CCM.unwrap(with, None, &wrapped).unwrap().reveal(), [5; 33]);
    }

    #[test]
    fn a_counter_is_refused_because_a_wrap_remembers_none() {
        let key = secret_key(sys::CKK_AES, &[7; 32]);
        for (generator, fixed) in [
            (sys::CKG_GENERATE_COUNTER, 0),
            (sys::CKG_GENERATE_COUNTER_XOR, 0),
            (sys::CKG_GENERATE_RANDOM, 8),
        ] {
            let parameters = message(generator, 12, fixed);
            let with = Use {
                key: Some(&key),
                parameters: &parameters,
            };
            let refused = GCM.wrap(with, None, &[5; 16], &mut [0; 32]).unwrap_err();
            assert_eq!(refused.reason, Reason::MechanismParamInvalid);
        }
    }
}

//! Keys wrapped by authenticated encryption: `CKM_AES_GCM` and `CKM_AES_CCM` in `C_WrapKey` and
//! `C_WrapKeyAuthenticated`, with the caller's initialisation vector or one that is drawn here.

use crypto::Secret;
use token::{Parameters, ParametersOut, Result};

use super::{
    Reserved, Transformation, Use,
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
                let message = with.nonces()?.next(message, &mut Reserved::default())?;
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use cryptoki_sys as sys;
    use token::{MessageParameters, Reason};

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
    fn no_vector_serves_for_two_wraps() {
        let key = secret_key(sys::CKK_AES, &[7; 32]);
        let parameters = message(sys::CKG_GENERATE_COUNTER, 12, 92);
        let with = Use {
            key: Some(&key),
            parameters: &parameters,
        };
        let wrap = || {
            let wrapped = GCM.wrap(with, None, &[5; 16], &mut [0; 32]);
            wrapped.map(|written| written.unwrap().iv)
        };
        let vectors: HashSet<_> = (0..16).map(|_| wrap().unwrap()).collect();
        assert_eq!(vectors.len(), 16);
        assert_eq!(wrap().unwrap_err().reason, Reason::LimitExceeded);
    }
}

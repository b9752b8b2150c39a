//! AES key wrap (RFC 3394, RFC 5649; SP 800-38F): `CKM_AES_KEY_WRAP…` and what CloudHSM has of it.
//! They encrypt data as well as keys.

use crypto::{Secret, aes, key_wrap};
use token::{OutputBound, Parameters, ParametersOut, Reason, Result};

use super::{
    Transformation, Use,
    blocks::Direction,
    failure::internal,
    keying::{Wrapping, no_additional},
};

/// What becomes of a value that does not fill half-blocks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    /// It is refused. As data; a key where CloudHSM says so.
    None,
    /// Zeroes follow it, and stay when it is unwrapped.
    Zeroes,
    /// RFC 5649: its length is part of what is wrapped.
    Counted,
    /// PKCS #7: each byte of the padding says how much there is.
    Pkcs7,
    /// `CKM_AES_KEY_WRAP_PAD`, of which 2.40 did not say how it pads: RFC 5649's; but whoever gives
    /// it an initial value of RFC 3394, which is longer than RFC 5649's, means PKCS #7 (as Java).
    AsInitialValue,
}

impl Padding {
    fn with(self, parameters: &Parameters) -> Self {
        match (self, parameters) {
            (Self::AsInitialValue, Parameters::None) => Self::Counted,
            (Self::AsInitialValue, _) => Self::Pkcs7,
            (told, _) => told,
        }
    }
}

/// The encrypt and decrypt columns.
pub(super) struct KeyWrap(pub(super) Padding, pub(super) Direction);

impl Transformation for KeyWrap {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        let padding = self.0.with(with.parameters);
        initial_value(padding, with.parameters)?;
        let half = key_wrap::HALF as u64;
        let encrypts = self.1 == Direction::Encrypt;
        let pads = encrypts && matches!(padding, Padding::Counted | Padding::Pkcs7);
        Ok(OutputBound {
            removed: if encrypts { 0 } else { half },
            added: if encrypts { half } else { 0 },
            padded_to: if pads { half } else { 0 },
        })
    }

    fn exact_len(&self, with: Use<'_>, input: &[u8]) -> Result<Option<usize>> {
        let padding = self.0.with(with.parameters);
        match (padding, self.1) {
            (Padding::Counted, Direction::Encrypt) => Ok(Some(key_wrap::padded_len(input.len()))),
            // How long the value is stands in what is wrapped.
            (Padding::Counted | Padding::Pkcs7, Direction::Decrypt) => {
                let value = unwrap(padding, with, input).map_err(as_data)?;
                Ok(Some(value.len()))
            }
            _ => Ok(None),
        }
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let padding = self.0.with(with.parameters);
        match self.1 {
            Direction::Encrypt => wrap(padding, with, input, output).map_err(as_data),
            Direction::Decrypt => {
                let value = unwrap(padding, with, input).map_err(as_data)?;
                if value.len() != output.len() {
                    return Err(Reason::EncryptedDataLenRange.into());
                }
                output.copy_from_slice(value.reveal());
                Ok(())
            }
        }
    }
}

/// The wrap and unwrap columns.
pub(super) struct Keys(pub(super) Padding);

impl Wrapping for Keys {
    fn may_add_zeroes(&self) -> bool {
        self.0 == Padding::Zeroes
    }

    fn wrapped_len(
        &self,
        with: Use<'_>,
        additional: Option<&[u8]>,
        value_len: usize,
    ) -> Result<usize> {
        no_additional(additional)?;
        let padding = self.0.with(with.parameters);
        initial_value(padding, with.parameters)?;
        let padded = match padding {
            Padding::None if !value_len.is_multiple_of(key_wrap::HALF) => {
                return Err(Reason::KeySizeRange.into());
            }
            Padding::Pkcs7 => value_len + pkcs7_padding(value_len),
            _ => value_len.next_multiple_of(key_wrap::HALF),
        };
        Ok(padded + key_wrap::HALF)
    }

    fn wrap(
        &self,
        with: Use<'_>,
        _additional: Option<&[u8]>,
        value: &[u8],
        output: &mut [u8],
    ) -> Result<Option<ParametersOut>> {
        wrap(self.0.with(with.parameters), with, value, output)?;
        Ok(None)
    }

    fn unwrap(&self, with: Use<'_>, additional: Option<&[u8]>, wrapped: &[u8]) -> Result<Secret> {
        no_additional(additional)?;
        unwrap(self.0.with(with.parameters), with, wrapped)
    }
}

/// The initial value, in the shape that the padding has it.
enum InitialValue {
    Whole([u8; 8]),
    Head([u8; 4]),
}

fn initial_value(padding: Padding, parameters: &Parameters) -> Result<InitialValue> {
    let value = match (padding, parameters) {
        (Padding::Counted, Parameters::None) => Some(InitialValue::Head(key_wrap::PADDED_IV)),
        (Padding::Counted, Parameters::Iv(iv)) => {
            iv.as_slice().try_into().ok().map(InitialValue::Head)
        }
        (_, Parameters::None) => Some(InitialValue::Whole(key_wrap::IV)),
        (_, Parameters::Iv(iv)) => iv.as_slice().try_into().ok().map(InitialValue::Whole),
        _ => None,
    };
    value.ok_or_else(|| Reason::MechanismParamInvalid.into())
}

/// Wraps `value`. The reasons are those of keys.
fn wrap(padding: Padding, with: Use<'_>, value: &[u8], output: &mut [u8]) -> Result<()> {
    let key = with.aes()?;
    let wrapped = match initial_value(padding, with.parameters)? {
        InitialValue::Head(iv) => key_wrap::wrap_padded(key, &iv, value, output),
        InitialValue::Whole(iv) => match padding {
            Padding::Pkcs7 => {
                let padding = pkcs7_padding(value.len());
                let bytes = [u8::try_from(padding).unwrap_or(0); key_wrap::HALF];
                let bytes = bytes.get(..padding).ok_or(Reason::Internal)?;
                padded(key, &iv, value, bytes, output)
            }
            Padding::Zeroes => {
                let missing = value.len().next_multiple_of(key_wrap::HALF) - value.len();
                let bytes = [0; key_wrap::HALF];
                padded(
                    key,
                    &iv,
                    value,
                    bytes.get(..missing).ok_or(Reason::Internal)?,
                    output,
                )
            }
            Padding::None | Padding::Counted | Padding::AsInitialValue => {
                key_wrap::wrap(key, &iv, value, output)
            }
        },
    };
    wrapped.map_err(|failure| match failure {
        // RFC 3394 §2: at least two half-blocks.
        crypto::Error::Length => Reason::KeySizeRange.into(),
        other => internal(other),
    })
}

fn padded(
    key: &aes::Key,
    iv: &[u8; 8],
    value: &[u8],
    padding: &[u8],
    output: &mut [u8],
) -> crypto::Result<()> {
    if padding.is_empty() {
        return key_wrap::wrap(key, iv, value, output);
    }
    let padded = Secret::joined(&[value, padding]);
    key_wrap::wrap(key, iv, padded.reveal(), output)
}

/// Unwraps `wrapped`. The reasons are those of keys.
fn unwrap(padding: Padding, with: Use<'_>, wrapped: &[u8]) -> Result<Secret> {
    let key = with.aes()?;
    let value = match initial_value(padding, with.parameters)? {
        InitialValue::Head(iv) => key_wrap::unwrap_padded(key, &iv, wrapped),
        InitialValue::Whole(iv) => key_wrap::unwrap(key, &iv, wrapped),
    };
    let value = value.map_err(|failure| match failure {
        crypto::Error::Length => Reason::WrappedKeyLenRange.into(),
        crypto::Error::Authentication => Reason::WrappedKeyInvalid.into(),
        other => internal(other),
    })?;
    if padding != Padding::Pkcs7 {
        return Ok(value);
    }
    // What is wrapped was authenticated: no time here tells an attacker anything.
    let bytes = value.reveal();
    let count = bytes.last().copied().unwrap_or(0);
    let (head, tail) = bytes
        .len()
        .checked_sub(usize::from(count))
        .and_then(|len| bytes.split_at_checked(len))
        .ok_or(Reason::WrappedKeyInvalid)?;
    if tail.is_empty() || tail.len() > key_wrap::HALF || tail.iter().any(|byte| *byte != count) {
        return Err(Reason::WrappedKeyInvalid.into());
    }
    Ok(Secret::from(head))
}

/// One to eight bytes.
fn pkcs7_padding(len: usize) -> usize {
    key_wrap::HALF - len % key_wrap::HALF
}

/// A reason in the words of C_Encrypt and C_Decrypt.
fn as_data(error: token::Error) -> token::Error {
    match error.reason {
        Reason::KeySizeRange => Reason::DataLenRange.into(),
        Reason::WrappedKeyInvalid => Reason::EncryptedDataInvalid.into(),
        Reason::WrappedKeyLenRange => Reason::EncryptedDataLenRange.into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use cryptoki_sys as sys;

    use super::*;
    use crate::mechanism::vectors::secret_key;

    #[test]
    fn every_padding_gives_back_what_was_wrapped() {
        let key = secret_key(sys::CKK_AES, &[7; 16]);
        let with = Use {
            key: Some(&key),
            parameters: &Parameters::None,
        };
        let cases = [
            (Padding::None, 32, 32),
            (Padding::Zeroes, 20, 24),
            (Padding::Counted, 20, 20),
            (Padding::Counted, 7, 7),
            (Padding::Pkcs7, 20, 20),
            (Padding::Pkcs7, 16, 16),
            (Padding::Pkcs7, 9, 9),
        ];
        for (padding, len, len_after) in cases {
            let value = vec![3; len];
            let column = Keys(padding);
            let mut wrapped = vec![0; column.wrapped_len(with, None, len).unwrap()];
            column.wrap(with, None, &value, &mut wrapped).unwrap();
            let unwrapped = column.unwrap(with, None, &wrapped).unwrap();
            assert_eq!(unwrapped.len(), len_after);
            assert_eq!(&unwrapped.reveal()[..len], value);
            wrapped[3] ^= 1;
            let refused = column.unwrap(with, None, &wrapped).err().unwrap();
            assert_eq!(refused.reason, Reason::WrappedKeyInvalid);
        }
    }

    #[test]
    fn a_value_that_cannot_be_wrapped_is_refused() {
        let key = secret_key(sys::CKK_AES, &[7; 16]);
        let with = Use {
            key: Some(&key),
            parameters: &Parameters::None,
        };
        let refused = Keys(Padding::None).wrapped_len(with, None, 20).unwrap_err();
        assert_eq!(refused.reason, Reason::KeySizeRange);
        // One half-block is too short for RFC 3394.
        let refused = Keys(Padding::Zeroes).wrap(with, None, &[1; 7], &mut [0; 16]);
        assert_eq!(refused.unwrap_err().reason, Reason::KeySizeRange);
        let with = Use {
            parameters: &Parameters::Iv(vec![0; 5]),
            ..with
        };
        let refused = Keys(Padding::None).wrapped_len(with, None, 16).unwrap_err();
        assert_eq!(refused.reason, Reason::MechanismParamInvalid);
    }
}

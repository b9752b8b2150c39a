//! `CKM_RSA_AES_KEY_WRAP` (§6.1.23): a fresh AES key wraps the value (RFC 5649), and goes before it,
//! encrypted with OAEP. So keys of any length are wrapped, private ones too.

use crypto::{Secret, aes, key_wrap};
use token::{Parameters, ParametersOut, Reason, Result};

use super::{
    Use,
    failure::internal,
    keying::{Wrapping, no_additional},
    rsa_encryption::{oaep, private, public},
};

/// The wrap and unwrap columns.
pub(super) struct RsaAesKeyWrap;

/// The initial value of RFC 5649 §3.
const INITIAL_VALUE: [u8; 4] = [0xa6, 0x59, 0x59, 0xa6];

/// The parameters: the length of the AES key in bytes, and those of OAEP, for which a key of `len`
/// bytes must have room.
fn checked(with: Use<'_>, len: usize) -> Result<(usize, crypto::rsa::Oaep<'_>)> {
    let Parameters::RsaAesKeyWrap {
        aes_bits,
        oaep: parameters,
    } = with.parameters
    else {
        return Err(Reason::MechanismParamInvalid.into());
    };
    let aes_len = match aes_bits {
        128 => 16,
        192 => 24,
        256 => 32,
        _ => return Err(Reason::MechanismParamInvalid.into()),
    };
    let oaep = oaep(parameters)?;
    match oaep.data_max(len) {
        Some(max) if max >= aes_len => Ok((aes_len, oaep)),
        _ => Err(Reason::KeySizeRange.into()),
    }
}

impl Wrapping for RsaAesKeyWrap {
    fn wrapped_len(
        &self,
        with: Use<'_>,
        additional: Option<&[u8]>,
        value_len: usize,
    ) -> Result<usize> {
        no_additional(additional)?;
        let len = public(with)?.modulus().len();
        checked(with, len)?;
        Ok(len + key_wrap::padded_len(value_len))
    }

    fn wrap(
        &self,
        with: Use<'_>,
        _additional: Option<&[u8]>,
        value: &[u8],
        output: &mut [u8],
    ) -> Result<Option<ParametersOut>> {
        let key = public(with)?;
        let len = key.modulus().len();
        let (aes_len, oaep) = checked(with, len)?;
        let (encrypted, wrapped) = output.split_at_mut_checked(len).ok_or(Reason::Internal)?;
        let temporary = Secret::random(aes_len).map_err(internal)?;
        key.encrypt_oaep(oaep, temporary.reveal(), encrypted)
            .map_err(internal)?;
        let temporary = aes::Key::new(temporary).map_err(internal)?;
        key_wrap::wrap_padded(&temporary, &INITIAL_VALUE, value, wrapped).map_err(internal)?;
        Ok(None)
    }

    fn unwrap(&self, with: Use<'_>, additional: Option<&[u8]>, wrapped: &[u8]) -> Result<Secret> {
        no_additional(additional)?;
        let key = private(with)?;
        let len = key.modulus().len();
        let (aes_len, oaep) = checked(with, len)?;
        let (encrypted, wrapped) = wrapped
            .split_at_checked(len)
            .ok_or(Reason::WrappedKeyLenRange)?;
        let temporary = key
            .decrypt_oaep(oaep, encrypted)
            .ok()
            .filter(|temporary| temporary.len() == aes_len)
            .ok_or(Reason::WrappedKeyInvalid)?;
        let temporary = aes::Key::new(temporary).map_err(internal)?;
        key_wrap::unwrap_padded(&temporary, &INITIAL_VALUE, wrapped)
            .map_err(|_| Reason::WrappedKeyInvalid.into())
    }
}

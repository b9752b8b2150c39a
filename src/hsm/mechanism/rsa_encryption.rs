//! RSA encryption and wrapping: PKCS #1 v1.5, OAEP and the bare operation (§6.1.6 to §6.1.9).

use crypto::{
    Error as Failure, Secret,
    rsa::{self, PrivateKey, PublicKey},
};
use token::{Oaep, OutputBound, Parameters, ParametersOut, Reason, Result};

use super::{
    Material, Transformation, Use,
    failure::internal,
    hashes::{of_mechanism, of_mgf},
    keying::{Wrapping, no_additional, typed},
};

/// How data becomes a block.
#[derive(Clone, Copy)]
pub(super) enum Padding {
    /// PKCS #1 v1.5. To decrypt tells nothing about wrong padding (docs/threat-model.md).
    Pkcs1,
    /// OAEP.
    Oaep,
    /// The data is the block (`CKM_RSA_X_509`).
    None,
}

/// The encrypt column.
pub(super) struct Encrypt(pub(super) Padding);

/// The decrypt column.
pub(super) struct Decrypt(pub(super) Padding);

/// The parameters of OAEP, which must be legal.
pub(super) fn oaep(parameters: &Oaep) -> Result<rsa::Oaep<'_>> {
    Ok(rsa::Oaep {
        hash: of_mechanism(parameters.hash)?,
        mgf: of_mgf(parameters.mgf)?,
        label: &parameters.label,
    })
}

/// The public key of an operation.
pub(super) fn public<'a>(with: Use<'a>) -> Result<&'a PublicKey> {
    typed(with, |material| match material {
        Material::RsaPublic(key) => Some(&**key),
        _ => None,
    })
}

/// The private key of an operation.
pub(super) fn private<'a>(with: Use<'a>) -> Result<&'a PrivateKey> {
    typed(with, |material| match material {
        Material::RsaPrivate(key) => Some(&**key),
        _ => None,
    })
}

impl Padding {
    /// Checks the parameters; a key of `len` bytes must have room for the hashes of OAEP.
    fn checked(self, with: Use<'_>, len: usize) -> Result<Option<rsa::Oaep<'_>>> {
        match (self, with.parameters) {
            (Padding::Oaep, Parameters::Oaep(parameters)) => {
                let oaep = oaep(parameters)?;
                match oaep.data_max(len) {
                    Some(_) => Ok(Some(oaep)),
                    None => Err(Reason::KeySizeRange.into()),
                }
            }
            (Padding::Pkcs1 | Padding::None, Parameters::None) => Ok(None),
            _ => Err(Reason::MechanismParamInvalid.into()),
        }
    }
}

impl Transformation for Encrypt {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        let len = public(with)?.modulus().len();
        self.0.checked(with, len)?;
        Ok(OutputBound::fixed(len as u64))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let key = public(with)?;
        let oaep = self.0.checked(with, key.modulus().len())?;
        let encrypted = match (self.0, oaep) {
            (_, Some(oaep)) => key.encrypt_oaep(oaep, input, output),
            (Padding::None, None) => key.encrypt_raw(input, output),
            (_, None) => key.encrypt_pkcs1(input, output),
        };
        encrypted.map_err(|failure| match failure {
            Failure::Length => Reason::DataLenRange.into(),
            Failure::Range => Reason::DataInvalid.into(),
            other => internal(other),
        })
    }
}

impl Decrypt {
    fn decrypted(&self, with: Use<'_>, input: &[u8]) -> Result<Secret> {
        let key = private(with)?;
        let oaep = self.0.checked(with, key.modulus().len())?;
        let decrypted = match (self.0, oaep) {
            (_, Some(oaep)) => key.decrypt_oaep(oaep, input),
            (Padding::None, None) => {
                Secret::filled(key.modulus().len(), |block| key.decrypt_raw(input, block))
            }
            (_, None) => key.decrypt_pkcs1(input),
        };
        decrypted.map_err(|failure| match failure {
            Failure::Length => Reason::EncryptedDataLenRange.into(),
            Failure::Range | Failure::Authentication => Reason::EncryptedDataInvalid.into(),
            other => internal(other),
        })
    }
}

impl Transformation for Decrypt {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        let len = private(with)?.modulus().len();
        self.0.checked(with, len)?;
        Ok(OutputBound::fixed(len as u64))
    }

    /// How long the data is shows when it is decrypted.
    fn computed(&self, with: Use<'_>, input: &[u8]) -> Result<Option<Secret>> {
        self.decrypted(with, input).map(Some)
    }

    /// Never asked: the answer is computed.
    fn whole(&self, _with: Use<'_>, _input: &[u8], _output: &mut [u8]) -> Result<()> {
        Err(Reason::Internal.into())
    }
}

/// The wrap and unwrap columns: the value of a key is encrypted as data is.
pub(super) struct KeyWrap(pub(super) Padding);

impl Wrapping for KeyWrap {
    /// PKCS #8 is longer than what a modulus has room for.
    fn takes_private_keys(&self) -> bool {
        false
    }

    fn wrapped_len(&self, with: Use<'_>, additional: Option<&[u8]>, _len: usize) -> Result<usize> {
        no_additional(additional)?;
        Ok(Encrypt(self.0).begin(with)?.of(0))
    }

    fn wrap(
        &self,
        with: Use<'_>,
        _additional: Option<&[u8]>,
        value: &[u8],
        output: &mut [u8],
    ) -> Result<Option<ParametersOut>> {
        match Encrypt(self.0).whole(with, value, output) {
            Err(error) if error.reason == Reason::DataLenRange => Err(Reason::KeySizeRange.into()),
            wrapped => wrapped.map(|()| None),
        }
    }

    fn unwrap(&self, with: Use<'_>, additional: Option<&[u8]>, wrapped: &[u8]) -> Result<Secret> {
        no_additional(additional)?;
        let unwrapped = Decrypt(self.0).decrypted(with, wrapped);
        unwrapped.map_err(|error| match error.reason {
            Reason::EncryptedDataInvalid => Reason::WrappedKeyInvalid.into(),
            Reason::EncryptedDataLenRange => Reason::WrappedKeyLenRange.into(),
            _ => error,
        })
    }
}

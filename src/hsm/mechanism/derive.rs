//! Simple derivations (§6.43): joined, cut, combined with data, hashed (§6.21), or encrypted data
//! (§6.17). The first bytes of what comes out are the key.

use crypto::{
    Secret, aes, des3,
    hash::Hash,
    kdf::{self, Xof},
};
use token::{Error, Parameters, Reason, Result, limits};

use super::{
    Use,
    blocks::{Cipher, Direction},
    failure::internal,
    keying::{Derivation, OtherKeys},
};

/// A derive column.
#[derive(Clone, Copy)]
pub(super) enum Derive {
    /// `CKM_CONCATENATE_BASE_AND_KEY`.
    BaseAndKey,
    /// `CKM_CONCATENATE_BASE_AND_DATA`.
    BaseAndData,
    /// `CKM_CONCATENATE_DATA_AND_BASE`.
    DataAndBase,
    /// `CKM_XOR_BASE_AND_DATA`.
    Xor,
    /// `CKM_EXTRACT_KEY_FROM_KEY`.
    Extract,
    /// `CKM_…_KEY_DERIVATION`.
    Hash(Hash),
    /// `CKM_SHAKE_…_KEY_DERIVATION`.
    Shake(Xof),
    /// `CKM_AES_ECB_ENCRYPT_DATA`, `CKM_AES_CBC_ENCRYPT_DATA`.
    EncryptAes,
    /// `CKM_DES3_ECB_ENCRYPT_DATA`, `CKM_DES3_CBC_ENCRYPT_DATA`.
    EncryptDes3,
}

impl Derivation for Derive {
    fn reveals_base(&self) -> bool {
        !matches!(
            self,
            Derive::Hash(_) | Derive::Shake(_) | Derive::EncryptAes | Derive::EncryptDes3
        )
    }

    fn least_len(&self, with: Use<'_>, others: usize) -> Result<usize> {
        let base = with.bytes()?.len();
        Ok(match (self, with.parameters) {
            (Derive::BaseAndKey, _) => base + others,
            (Derive::BaseAndData | Derive::DataAndBase, Parameters::Data(data)) => {
                base + data.len()
            }
            (Derive::Xor, _) => base,
            (Derive::Extract, _) => base.min(UNGUESSABLE),
            _ => 0,
        })
    }

    fn derive(
        &self,
        with: Use<'_>,
        others: &dyn OtherKeys,
        wanted: &[Option<usize>],
    ) -> Result<Vec<Secret>> {
        let wanted = only(wanted)?;
        let parameters = with.parameters;
        let derived = match (self, parameters) {
            (Derive::BaseAndKey, Parameters::Key(handle)) => {
                let other = others.value(*handle)?;
                cut(&[with.bytes()?, other.reveal()], wanted)
            }
            (Derive::BaseAndData, Parameters::Data(data)) => cut(&[with.bytes()?, data], wanted),
            (Derive::DataAndBase, Parameters::Data(data)) => cut(&[data, with.bytes()?], wanted),
            (Derive::Xor, Parameters::Data(data)) => xor(with.bytes()?, data, wanted),
            (Derive::Extract, Parameters::Bit(bit)) => extract(with.bytes()?, *bit, wanted),
            (Derive::Hash(hash), Parameters::None) => {
                let hashed = Secret::filled(hash.len(), |output| {
                    hash.of(with.bytes()?, output).map_err(internal)
                });
                cut(&[hashed?.reveal()], wanted)
            }
            (Derive::Shake(function), Parameters::None) => {
                kdf::shake(*function, with.bytes()?, needed(wanted)?).map_err(internal)
            }
            (Derive::EncryptAes, _) => encrypt::<aes::Key, { aes::BLOCK }>(with, wanted),
            (Derive::EncryptDes3, _) => encrypt::<des3::Key, { des3::BLOCK }>(with, wanted),
            _ => Err(Reason::MechanismParamInvalid.into()),
        };
        Ok(vec![derived?])
    }
}

/// Bytes that nobody guesses.
const UNGUESSABLE: usize = 16;

/// The one key that is derived: only SP 800-108 derives more at once.
pub(super) fn only(wanted: &[Option<usize>]) -> Result<Option<usize>> {
    match wanted {
        [None] => Ok(None),
        [Some(len)] => legal_len(*len).map(Some),
        _ => Err(Reason::MechanismParamInvalid.into()),
    }
}

/// A length that a key can have.
pub(super) fn legal_len(len: usize) -> Result<usize> {
    if (1..=limits::GENERIC_SECRET_BYTES).contains(&len) {
        Ok(len)
    } else {
        let words = format!("a secret has 1 to {} bytes", limits::GENERIC_SECRET_BYTES);
        Err(Error::new(Reason::AttributeValueInvalid, words))
    }
}

/// A length that the template must have, because the mechanism has none of its own.
pub(super) fn needed(wanted: Option<usize>) -> Result<usize> {
    wanted.ok_or_else(|| Error::new(Reason::TemplateIncomplete, "CKA_VALUE_LEN"))
}

/// The first bytes of the parts one after the other: as many as are wanted, or all.
pub(super) fn cut(parts: &[&[u8]], wanted: Option<usize>) -> Result<Secret> {
    let whole = Secret::joined(parts);
    let len = legal_len(wanted.unwrap_or(whole.len()))?;
    let head = whole.reveal().get(..len).ok_or_else(too_short)?;
    Ok(Secret::from(head))
}

fn too_short() -> Error {
    let words = "the mechanism gives fewer bytes than the key shall have";
    Error::new(Reason::TemplateInconsistent, words)
}

fn xor(base: &[u8], data: &[u8], wanted: Option<usize>) -> Result<Secret> {
    let mixed = Secret::filled(base.len().min(data.len()), |output| {
        for (place, (one, other)) in output.iter_mut().zip(base.iter().zip(data)) {
            *place = one ^ other;
        }
        Ok::<_, Error>(())
    })?;
    cut(&[mixed.reveal()], wanted)
}

/// Bits from `bit` on; behind the last one comes the first one.
fn extract(base: &[u8], bit: u64, wanted: Option<usize>) -> Result<Secret> {
    let len = needed(wanted)?;
    let bits = base.len() as u64 * 8;
    if bit >= bits {
        return Err(Reason::MechanismParamInvalid.into());
    }
    if len > base.len() {
        return Err(too_short());
    }
    let (byte, shift) = (usize::try_from(bit / 8).unwrap_or(0), bit % 8);
    let next = base.iter().cycle().skip(byte + 1);
    let pairs = base.iter().cycle().skip(byte).zip(next);
    Secret::filled(len, |output| {
        for (place, (high, low)) in output.iter_mut().zip(pairs) {
            let pair = u16::from_be_bytes([*high, *low]) << shift;
            let [first, _] = pair.to_be_bytes();
            *place = first;
        }
        Ok(())
    })
}

/// The data of the parameter, encrypted with the base key.
fn encrypt<K: Cipher<N>, const N: usize>(with: Use<'_>, wanted: Option<usize>) -> Result<Secret> {
    let key = K::of(with)?;
    let (iv, data) = match with.parameters {
        Parameters::Data(data) => (None, data),
        Parameters::CbcEncryptData { iv, data } => (Some(iv), data),
        _ => return Err(Reason::MechanismParamInvalid.into()),
    };
    if data.is_empty() || !data.len().is_multiple_of(N) {
        let words = "the data must be whole blocks, and one at least";
        return Err(Error::new(Reason::MechanismParamInvalid, words));
    }
    if wanted.is_some_and(|wanted| wanted > data.len()) {
        let words = "the data is shorter than the key shall be";
        return Err(Error::new(Reason::MechanismParamInvalid, words));
    }
    let encrypted = Secret::filled(data.len(), |output| match iv {
        None => {
            output.copy_from_slice(data);
            let mut blocks = output.as_chunks_mut().0.iter_mut();
            blocks
                .try_for_each(|block| key.ecb(Direction::Encrypt, block))
                .map_err(internal)
        }
        Some(iv) => {
            let mut iv: [u8; N] = iv
                .as_slice()
                .try_into()
                .map_err(|_| Reason::MechanismParamInvalid)?;
            key.cbc(Direction::Encrypt, &mut iv, data, output)
                .map_err(internal)
        }
    })?;
    cut(&[encrypted.reveal()], wanted)
}

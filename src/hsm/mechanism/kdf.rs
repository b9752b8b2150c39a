//! Key derivation functions: `CKM_HKDF_…` (RFC 5869) and `CKM_SP800_108_…_KDF`.

use crypto::{
    Secret, des3, hmac, kdf,
    kdf::{Mode, Number, Part, Prf},
};
use cryptoki_sys as sys;
use token::{Error, HkdfSalt, KdfPart, MechanismId, Parameters, Reason, Result, limits};

use super::{
    Material, Use,
    derive::{legal_len, needed, only},
    failure::internal,
    hashes,
    keying::{Derivation, OtherKeys},
    mac,
};

/// The derive column of HKDF.
pub(super) struct Hkdf {
    /// Whether what is derived is no key (`CKM_HKDF_DATA`).
    pub(super) data: bool,
}

impl Derivation for Hkdf {
    fn makes_data(&self) -> bool {
        self.data
    }

    fn derive(
        &self,
        with: Use<'_>,
        others: &dyn OtherKeys,
        wanted: &[Option<usize>],
    ) -> Result<Vec<Secret>> {
        let wanted = only(wanted)?;
        let Parameters::Hkdf {
            extract,
            expand,
            hash,
            salt,
            info,
        } = with.parameters
        else {
            return Err(Reason::MechanismParamInvalid.into());
        };
        // The hash that the HMAC is of; Java names the HMAC itself, which can mean no other.
        let hash = mac::hash_of(*hash).map_or_else(|| hashes::of_mechanism(*hash), Ok)?;
        let base = with.bytes()?;
        let extracted = match (extract, salt) {
            (false, _) => None,
            (true, HkdfSalt::Null) => Some(kdf::hkdf_extract(hash, &[], base)),
            (true, HkdfSalt::Data(salt)) => Some(kdf::hkdf_extract(hash, salt, base)),
            (true, HkdfSalt::Key(handle)) => {
                let salt = others.value(*handle)?;
                Some(kdf::hkdf_extract(hash, salt.reveal(), base))
            }
        };
        let extracted = extracted.transpose().map_err(internal)?;
        let derived = match (extracted, expand) {
            (None, false) => return Err(Reason::MechanismParamInvalid.into()),
            (Some(key), false) => match wanted {
                Some(len) if len != key.len() => {
                    let words = "an extracted key is as long as the hash";
                    return Err(Error::new(Reason::TemplateInconsistent, words));
                }
                _ => key,
            },
            (key, true) => {
                let key = key.as_ref().map_or(base, Secret::reveal);
                let len = needed(wanted)?;
                kdf::hkdf_expand(hash, key, info, len).map_err(too_long)?
            }
        };
        Ok(vec![derived])
    }
}

/// The derive columns of SP 800-108.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sp800108 {
    Counter,
    Feedback,
    DoublePipeline,
}

impl Derivation for Sp800108 {
    fn derive(
        &self,
        with: Use<'_>,
        others: &dyn OtherKeys,
        wanted: &[Option<usize>],
    ) -> Result<Vec<Secret>> {
        let Parameters::Kdf108 { prf, parts, iv } = with.parameters else {
            return Err(Reason::MechanismParamInvalid.into());
        };
        let of_another_type = hmac_key(with);
        let prf = function(*prf, with, of_another_type.as_ref())?;
        let lens = wanted
            .iter()
            .map(|wanted| legal_len(needed(*wanted)?))
            .collect::<Result<Vec<_>>>()?;
        // §6.42.8: no key has a part of a segment that another key has a part of.
        let segments: usize = lens.iter().map(|len| len.div_ceil(prf.len())).sum();
        let keys = Total {
            keys: 8 * lens.iter().sum::<usize>() as u64,
            segments: 8 * (segments * prf.len()) as u64,
        };
        let mode = self.mode(parts, iv)?;
        let values = values(parts, others)?;
        let len_of = |(part, value): (&KdfPart, &Option<Secret>)| match part {
            KdfPart::Bytes(bytes) => bytes.len(),
            _ => value.as_ref().map_or(0, Secret::len),
        };
        let input: usize = parts.iter().zip(&values).map(len_of).sum();
        if parts.len() > limits::KDF_PARTS || segments.saturating_mul(input) > limits::DATA_BYTES {
            return Err(invalid(
                "the parts are too many, or too long for so many blocks",
            ));
        }
        let parts = parts
            .iter()
            .zip(&values)
            .map(|(part, value)| self.part(part, value, &keys))
            .collect::<Result<Vec<_>>>()?;
        let output = kdf::sp800_108(prf, mode, &parts, segments).map_err(too_long)?;
        let mut rest = output.reveal();
        let cut = |len: usize| {
            let taken = len.next_multiple_of(prf.len());
            let (own, others) = rest.split_at_checked(taken).ok_or(Reason::Internal)?;
            rest = others;
            Ok(Secret::from(own.get(..len).ok_or(Reason::Internal)?))
        };
        lens.into_iter().map(cut).collect()
    }
}

/// What is derived altogether, in bits.
struct Total {
    keys: u64,
    segments: u64,
}

impl Sp800108 {
    /// The mode, of parts that are there as often as they may be.
    fn mode<'a>(self, parts: &[KdfPart], iv: &'a [u8]) -> Result<Mode<'a>> {
        let count = |of: fn(&KdfPart) -> bool| parts.iter().filter(|part| of(part)).count();
        let iterations = count(|part| matches!(part, KdfPart::Iteration { .. }));
        let counters = count(|part| matches!(part, KdfPart::Counter { .. }));
        let lengths = count(|part| matches!(part, KdfPart::Length { .. }));
        let legal = iterations == 1
            && counters <= usize::from(self != Sp800108::Counter)
            && lengths <= 1
            && (iv.is_empty() || self == Sp800108::Feedback);
        if !legal {
            return Err(invalid(
                "a part is missing, or stands there too often for this mode",
            ));
        }
        match self {
            Sp800108::Counter => parts
                .iter()
                .find_map(|part| match part {
                    KdfPart::Iteration {
                        bits,
                        little_endian,
                    } => Some(number(*bits, *little_endian, 32).map(Mode::Counter)),
                    _ => None,
                })
                .unwrap_or_else(|| Err(invalid("no counter"))),
            Sp800108::Feedback => Ok(Mode::Feedback(iv)),
            Sp800108::DoublePipeline => Ok(Mode::DoublePipeline),
        }
    }

    fn part<'a>(
        self,
        part: &'a KdfPart,
        value: &'a Option<Secret>,
        total: &Total,
    ) -> Result<Part<'a>> {
        Ok(match part {
            // Outside of counter mode the variable is no counter and has no shape.
            KdfPart::Iteration { bits, .. } if self != Sp800108::Counter && *bits != 0 => {
                return Err(invalid(
                    "the iteration variable has a format in counter mode alone",
                ));
            }
            KdfPart::Iteration { .. } => Part::Iteration,
            KdfPart::Counter {
                bits,
                little_endian,
            } => Part::Counter(number(*bits, *little_endian, 32)?),
            KdfPart::Length {
                method,
                bits,
                little_endian,
            } => {
                let value = match *method {
                    sys::CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS => total.keys,
                    sys::CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS => total.segments,
                    _ => return Err(invalid("the length's method")),
                };
                Part::Length(number(*bits, *little_endian, 64)?, value)
            }
            KdfPart::Bytes(bytes) => Part::Bytes(bytes),
            KdfPart::Key(_) => Part::Bytes(value.as_ref().map_or(&[], Secret::reveal)),
        })
    }
}

/// The values of the keys among the parts.
fn values(parts: &[KdfPart], others: &dyn OtherKeys) -> Result<Vec<Option<Secret>>> {
    let value = |part: &KdfPart| match part {
        KdfPart::Key(handle) => others.value(*handle).map(Some),
        _ => Ok(None),
    };
    parts.iter().map(value).collect()
}

/// A number of whole bytes.
fn number(bits: u64, little_endian: bool, most: u64) -> Result<Number> {
    if bits == 0 || bits > most || !bits.is_multiple_of(8) {
        return Err(invalid(
            "the width of a number is not one of whole bytes that it can have",
        ));
    }
    let bytes = usize::try_from(bits / 8).unwrap_or(0);
    Ok(Number {
        bytes,
        little_endian,
    })
}

/// A base key that is not of a type for HMAC, as a key for it: HMAC takes any bytes, and CloudHSM's programs
/// derive with it from AES keys.
fn hmac_key(with: Use<'_>) -> Option<hmac::Key> {
    match with.key {
        Some(Material::Bytes(_)) => None,
        key => key
            .and_then(Material::value)
            .map(|value| hmac::Key::new(Secret::from(value))),
    }
}

/// The function that `prf` names, with the base key, which must be one of its keys.
fn function<'a>(
    prf: MechanismId,
    with: Use<'a>,
    of_another_type: Option<&'a hmac::Key>,
) -> Result<Prf<'a>> {
    let wrong_key = || Error::from(Reason::KeyTypeInconsistent);
    match (prf.0, with.key) {
        (sys::CKM_AES_CMAC, Some(Material::Aes(key, _))) => Ok(Prf::Aes(key)),
        (sys::CKM_DES3_CMAC, Some(Material::Des3(key))) if key.value().len() > des3::ONE_PART => {
            Ok(Prf::Des3(key))
        }
        (sys::CKM_AES_CMAC | sys::CKM_DES3_CMAC, _) => Err(wrong_key()),
        (_, key) => {
            let hash = mac::hash_of(prf).ok_or_else(|| invalid("the function"))?;
            let key = match key {
                Some(Material::Bytes(key)) => Some(key),
                _ => of_another_type,
            };
            key.map(|key| Prf::Hmac(hash, key)).ok_or_else(wrong_key)
        }
    }
}

fn invalid(what: &str) -> Error {
    Error::new(Reason::MechanismParamInvalid, what)
}

/// What a function says that cannot give so much.
fn too_long(failure: crypto::Error) -> Error {
    match failure {
        crypto::Error::Length => Error::new(
            Reason::TemplateInconsistent,
            "the function cannot give so many bytes",
        ),
        other => internal(other),
    }
}

//! Parameters of key derivations: HKDF, SP 800-108, PBKDF2, and keys made of other keys.

use cryptoki_sys::*;
use token::{
    HkdfSalt, KdfPart, Mechanism, MechanismId, ObjectHandle, ParameterShape, Parameters,
    SecretBytes, Template, limits, parameter_shape,
};

use crate::{
    boundary::Result,
    memory::{Array, Pointer, Rumour},
    template,
};

use super::{
    claim::{Claim, array, bytes, bytes_as, flag, invalid},
    read,
};

/// The mechanism of a derivation, and the further keys that its parameter asks for.
pub(crate) struct Derivation {
    pub(crate) mechanism: Mechanism,
    pub(crate) templates: Vec<Template>,
    /// Where the handle of each goes.
    pub(crate) handles: Vec<Pointer<CK_OBJECT_HANDLE>>,
}

/// The mechanism of `C_DeriveKey`.
pub(crate) fn read_derivation(mechanism: &CK_MECHANISM) -> Result<Derivation> {
    let claim = Claim::of(mechanism);
    let (mechanism, _) = read(mechanism)?;
    let further = match parameter_shape(mechanism.id) {
        ParameterShape::CounterKdf | ParameterShape::PipelineKdf => {
            let kdf: CK_SP800_108_KDF_PARAMS = claim.structure()?;
            (kdf.pAdditionalDerivedKeys, kdf.ulAdditionalDerivedKeys)
        }
        ParameterShape::FeedbackKdf => {
            let kdf: CK_SP800_108_FEEDBACK_KDF_PARAMS = claim.structure()?;
            (kdf.pAdditionalDerivedKeys, kdf.ulAdditionalDerivedKeys)
        }
        _ => (std::ptr::null_mut(), 0),
    };
    let mut derivation = Derivation {
        mechanism,
        templates: Vec::new(),
        handles: Vec::new(),
    };
    for key in array(further.0, further.1, limits::DERIVED_KEYS)? {
        // SAFETY: who vouches for a mechanism vouches for all that its parameter points to.
        let template = unsafe { Array::claim(key.pTemplate, key.ulAttributeCount) };
        derivation.templates.push(template::read(&template)?);
        // SAFETY: as above; a handle's place is writable.
        let handle = unsafe { Pointer::claim(key.phKey) };
        handle.required()?;
        derivation.handles.push(handle);
    }
    Ok(derivation)
}

impl Claim {
    pub(super) fn hkdf(&self) -> Result<Parameters> {
        let hkdf: CK_HKDF_PARAMS = self.structure()?;
        let (extract, expand) = (flag(hkdf.bExtract)?, flag(hkdf.bExpand)?);
        // What belongs to the other half is not looked at: callers leave it as it was.
        let salt = match hkdf.ulSaltType {
            _ if !extract => HkdfSalt::Null,
            CKF_HKDF_SALT_NULL => HkdfSalt::Null,
            CKF_HKDF_SALT_DATA => HkdfSalt::Data(bytes(hkdf.pSalt, hkdf.ulSaltLen)?),
            CKF_HKDF_SALT_KEY => HkdfSalt::Key(ObjectHandle(hkdf.hSaltKey)),
            _ => return invalid(),
        };
        let info = if expand {
            bytes(hkdf.pInfo, hkdf.ulInfoLen)?
        } else {
            Vec::new()
        };
        Ok(Parameters::Hkdf {
            extract,
            expand,
            hash: MechanismId(hkdf.prfHashMechanism),
            salt,
            info,
        })
    }

    pub(super) fn counter_kdf(&self) -> Result<Parameters> {
        let kdf: CK_SP800_108_KDF_PARAMS = self.structure()?;
        Ok(Parameters::Kdf108 {
            prf: MechanismId(kdf.prfType),
            parts: parts(kdf.pDataParams, kdf.ulNumberOfDataParams, Mode::Counter)?,
            iv: Vec::new(),
        })
    }

    /// As [`Claim::counter_kdf`], with an iteration variable that is no counter, as in feedback mode.
    pub(super) fn pipeline_kdf(&self) -> Result<Parameters> {
        let kdf: CK_SP800_108_KDF_PARAMS = self.structure()?;
        Ok(Parameters::Kdf108 {
            prf: MechanismId(kdf.prfType),
            parts: parts(kdf.pDataParams, kdf.ulNumberOfDataParams, Mode::Feedback)?,
            iv: Vec::new(),
        })
    }

    pub(super) fn feedback_kdf(&self) -> Result<Parameters> {
        let kdf: CK_SP800_108_FEEDBACK_KDF_PARAMS = self.structure()?;
        Ok(Parameters::Kdf108 {
            prf: MechanismId(kdf.prfType),
            parts: parts(kdf.pDataParams, kdf.ulNumberOfDataParams, Mode::Feedback)?,
            iv: bytes(kdf.pIV, kdf.ulIVLen)?,
        })
    }

    pub(super) fn pbkdf2(&self) -> Result<Parameters> {
        let pbkdf2: CK_PKCS5_PBKD2_PARAMS2 = self.structure()?;
        if pbkdf2.saltSource != CKZ_SALT_SPECIFIED || pbkdf2.ulPrfDataLen != 0 {
            return invalid();
        }
        let salt = pbkdf2.pSaltSourceData.cast_const().cast();
        let password_len = password_len(pbkdf2.ulPasswordLen)?;
        let password = bytes_as(pbkdf2.pPassword, password_len, SecretBytes::copied)?;
        Ok(Parameters::Pbkdf2 {
            prf: pbkdf2.prf,
            iterations: pbkdf2.iterations,
            salt: bytes(salt, pbkdf2.ulSaltSourceDataLen)?,
            password: password.into(),
        })
    }

    pub(super) fn key(&self) -> Result<Parameters> {
        Ok(Parameters::Key(ObjectHandle(self.structure()?)))
    }
}

/// In `CK_PKCS5_PBKD2_PARAMS`, which is as long as `CK_PKCS5_PBKD2_PARAMS2`, the password's length
/// is a pointer to it. No password is so long that its length could be an address, and since the
/// caller may have meant a length all the same, the address is not trusted.
fn password_len(length_or_address: CK_ULONG) -> Result<CK_ULONG> {
    if length_or_address < limits::PARAMETER_BYTES as CK_ULONG {
        return Ok(length_or_address);
    }
    let address = usize::try_from(length_or_address).unwrap_or(usize::MAX);
    let length = Rumour(std::ptr::with_exposed_provenance_mut(address)).number();
    length.map_or_else(invalid, Ok)
}

/// The modes of SP 800-108 that have parameters of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Counter,
    Feedback,
}

fn parts(first: *const CK_PRF_DATA_PARAM, count: CK_ULONG, mode: Mode) -> Result<Vec<KdfPart>> {
    let parts = array(first, count, limits::KDF_PARTS)?;
    parts.iter().map(|part| self::part(part, mode)).collect()
}

fn part(part: &CK_PRF_DATA_PARAM, mode: Mode) -> Result<KdfPart> {
    let value = Claim::at(part.pValue.cast_const().cast(), part.ulValueLen);
    Ok(match part.type_ {
        // The block before, in full.
        CK_SP800_108_ITERATION_VARIABLE if mode == Mode::Feedback => {
            value.none()?;
            KdfPart::Iteration {
                bits: 0,
                little_endian: false,
            }
        }
        CK_SP800_108_ITERATION_VARIABLE => {
            let format: CK_SP800_108_COUNTER_FORMAT = value.structure()?;
            KdfPart::Iteration {
                bits: format.ulWidthInBits,
                little_endian: flag(format.bLittleEndian)?,
            }
        }
        // In counter mode the iteration variable is the counter.
        CK_SP800_108_COUNTER if mode == Mode::Counter => return invalid(),
        CK_SP800_108_COUNTER => {
            let format: CK_SP800_108_COUNTER_FORMAT = value.structure()?;
            KdfPart::Counter {
                bits: format.ulWidthInBits,
                little_endian: flag(format.bLittleEndian)?,
            }
        }
        CK_SP800_108_DKM_LENGTH => {
            let format: CK_SP800_108_DKM_LENGTH_FORMAT = value.structure()?;
            KdfPart::Length {
                method: format.dkmLengthMethod,
                bits: format.ulWidthInBits,
                little_endian: flag(format.bLittleEndian)?,
            }
        }
        CK_SP800_108_BYTE_ARRAY => KdfPart::Bytes(value.bytes()?),
        CK_SP800_108_KEY_HANDLE => KdfPart::Key(ObjectHandle(value.structure()?)),
        _ => return invalid(),
    })
}

//! Mechanism parameters: from a C structure into `token::Parameters`, by the shape that the
//! mechanism has. Whether a mechanism exists is the engine's to say.

use std::mem::size_of;

use cryptoki_sys::*;
use token::{Mechanism, MechanismId, ParameterShape, Parameters, Reason, limits, parameter_shape};

use crate::{
    boundary::Result,
    memory::{Input, Pointer},
};

/// The mechanism of a caller.
pub(crate) fn read(mechanism: &CK_MECHANISM) -> Result<Mechanism> {
    let id = MechanismId(mechanism.mechanism);
    let claim = Claim(mechanism);
    let parameters = match parameter_shape(id) {
        ParameterShape::None => claim.none()?,
        ParameterShape::Iv(length) => Parameters::Iv(claim.block(length)?.to_vec()),
        ParameterShape::Counter => claim.counter()?,
        ParameterShape::Gcm => claim.gcm()?,
        ParameterShape::MacLength => Parameters::MacLength(claim.structure()?),
        ParameterShape::AdditionalDigest => claim.additional_digest()?,
    };
    Ok(Mechanism { id, parameters })
}

/// `CK_GCM_PARAMS` as it was before 2.40 gave it `ulIvBits`; some callers still send it.
#[repr(C)]
#[derive(Clone, Copy)]
struct GcmWithoutIvBits {
    iv: *mut CK_BYTE,
    iv_len: CK_ULONG,
    additional: *mut CK_BYTE,
    additional_len: CK_ULONG,
    tag_bits: CK_ULONG,
}

/// What `pParameter` and `ulParameterLen` say.
struct Claim<'a>(&'a CK_MECHANISM);

impl Claim<'_> {
    fn none(&self) -> Result<Parameters> {
        if self.0.ulParameterLen == 0 {
            Ok(Parameters::None)
        } else {
            invalid()
        }
    }

    fn counter(&self) -> Result<Parameters> {
        let counter: CK_AES_CTR_PARAMS = self.structure()?;
        Ok(Parameters::Counter {
            counter_bits: counter.ulCounterBits,
            block: counter.cb,
        })
    }

    fn gcm(&self) -> Result<Parameters> {
        let gcm = if self.is_a::<GcmWithoutIvBits>() {
            self.structure()?
        } else {
            let gcm: CK_GCM_PARAMS = self.structure()?;
            // Callers fill in `ulIvBits` as they please, most of them not at all: the length in
            // bytes counts, unless the bits are all there is.
            let iv_len = if gcm.ulIvLen == 0 {
                gcm.ulIvBits / 8
            } else {
                gcm.ulIvLen
            };
            GcmWithoutIvBits {
                iv: gcm.pIv,
                iv_len,
                additional: gcm.pAAD,
                additional_len: gcm.ulAADLen,
                tag_bits: gcm.ulTagBits,
            }
        };
        Ok(Parameters::Gcm {
            iv: pointed(gcm.iv, gcm.iv_len)?,
            additional: pointed(gcm.additional, gcm.additional_len)?,
            tag_bits: gcm.tag_bits,
        })
    }

    fn additional_digest(&self) -> Result<Parameters> {
        if self.0.ulParameterLen == 0 {
            return Ok(Parameters::None);
        }
        let digest = self.block(32)?.try_into();
        digest.map_or_else(
            |_| invalid(),
            |digest| Ok(Parameters::AdditionalDigest(digest)),
        )
    }

    /// A block of exactly `length` bytes.
    fn block(&self, length: usize) -> Result<Vec<u8>> {
        let block = pointed(self.0.pParameter.cast(), self.0.ulParameterLen)?;
        if block.len() == length {
            Ok(block)
        } else {
            invalid()
        }
    }

    /// The structure `T`, if the length is its.
    fn structure<T: Copy>(&self) -> Result<T> {
        if !self.is_a::<T>() || self.0.pParameter.is_null() {
            return invalid();
        }
        // SAFETY: who vouches for a mechanism vouches for the parameter that it points to.
        unsafe { Pointer::claim(self.0.pParameter.cast::<T>()) }.read()
    }

    fn is_a<T>(&self) -> bool {
        usize::try_from(self.0.ulParameterLen) == Ok(size_of::<T>())
    }
}

/// A copy of the bytes that a parameter points to.
fn pointed(first: *const CK_BYTE, length: CK_ULONG) -> Result<Vec<u8>> {
    // SAFETY: who vouches for a mechanism vouches for all that its parameter points to.
    let bytes = unsafe { Input::claim(first, length) };
    let bytes = bytes.bytes(limits::PARAMETER_BYTES, Reason::MechanismParamInvalid);
    bytes.map(<[u8]>::to_vec).or_else(|_| invalid())
}

fn invalid<T>() -> Result<T> {
    Err(Reason::MechanismParamInvalid.into())
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    fn mechanism<T>(id: CK_MECHANISM_TYPE, parameter: &mut T) -> CK_MECHANISM {
        CK_MECHANISM {
            mechanism: id,
            pParameter: ptr::from_mut(parameter).cast(),
            ulParameterLen: size_of::<T>() as CK_ULONG,
        }
    }

    fn gcm(iv: &mut [u8], iv_len: CK_ULONG, iv_bits: CK_ULONG) -> CK_GCM_PARAMS {
        CK_GCM_PARAMS {
            pIv: iv.as_mut_ptr(),
            ulIvLen: iv_len,
            ulIvBits: iv_bits,
            pAAD: ptr::null_mut(),
            ulAADLen: 0,
            ulTagBits: 128,
        }
    }

    #[test]
    fn the_length_of_a_gcm_iv_is_that_in_bytes_or_else_that_in_bits() {
        let mut iv = *b"twelve bytes";
        for (bytes, bits) in [(12, 96), (12, 0), (12, 7), (0, 96)] {
            let mut parameter = gcm(&mut iv, bytes, bits);
            let mechanism = read(&mechanism(CKM_AES_GCM, &mut parameter)).unwrap();
            let expected = Parameters::Gcm {
                iv: b"twelve bytes".to_vec(),
                additional: vec![],
                tag_bits: 128,
            };
            assert_eq!(mechanism.parameters, expected, "{bytes} {bits}");
        }
    }

    #[test]
    fn the_older_gcm_structure_is_understood() {
        let mut iv = *b"twelve bytes";
        let mut parameter = GcmWithoutIvBits {
            iv: iv.as_mut_ptr(),
            iv_len: 12,
            additional: iv.as_mut_ptr(),
            additional_len: 2,
            tag_bits: 96,
        };
        let mechanism = read(&mechanism(CKM_AES_GCM, &mut parameter)).unwrap();
        let expected = Parameters::Gcm {
            iv: iv.to_vec(),
            additional: b"tw".to_vec(),
            tag_bits: 96,
        };
        assert_eq!(mechanism.parameters, expected);
    }

    #[test]
    fn a_parameter_of_the_wrong_size_is_refused() {
        let mut byte = 0_u8;
        for id in [
            CKM_AES_CBC_PAD,
            CKM_AES_CTR,
            CKM_AES_GCM,
            CKM_SHA256_HMAC_GENERAL,
            CKM_AES_ECB,
        ] {
            assert!(read(&mechanism(id, &mut byte)).is_err(), "{id:x}");
        }
        let mut missing = mechanism(CKM_AES_CBC, &mut [0_u8; 16]);
        missing.pParameter = ptr::null_mut();
        assert!(read(&missing).is_err());
    }
}

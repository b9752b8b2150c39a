//! Parameters of Strongroom's own mechanisms and of CloudHSM's.

use std::mem::size_of;

use cryptoki_sys::*;
use token::{KdfPart, MechanismId, Parameters, limits};

use crate::boundary::Result;

use super::claim::{Claim, array, bytes, invalid, one};

/// `CK_SP800_108_KDF_PARAMS` of CloudHSM's header: no further keys.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct CloudHsmKdf {
    pub(super) prf: CK_MECHANISM_TYPE,
    pub(super) part_count: CK_ULONG,
    pub(super) parts: *mut CK_PRF_DATA_PARAM,
}

/// `CK_SP800_108_DKM_LENGTH_FORMAT` of CloudHSM's header: always big-endian.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct CloudHsmLength {
    pub(super) method: CK_ULONG,
    pub(super) bits: CK_ULONG,
}

/// CloudHSM's numbers of the parts; those of the standard are others.
pub(crate) mod cloudhsm {
    use cryptoki_sys::CK_ULONG;

    pub(crate) const COUNTER_FORMAT: CK_ULONG = 4;
    pub(crate) const LABEL: CK_ULONG = 5;
    pub(crate) const CONTEXT: CK_ULONG = 6;
    pub(crate) const LENGTH_FORMAT: CK_ULONG = 7;
    pub(crate) const BYTE_ARRAY: CK_ULONG = 8;
}

impl Claim {
    pub(super) fn additional_digest(&self) -> Result<Parameters> {
        if self.is_absent() {
            return Ok(Parameters::None);
        }
        let digest = self.block(32)?.try_into();
        digest.map_or_else(
            |_| invalid(),
            |digest| Ok(Parameters::AdditionalDigest(digest)),
        )
    }

    /// CloudHSM takes the parts in any order and puts them in its own: counter, label, a zero byte,
    /// context, length.
    pub(super) fn cloudhsm_counter_kdf(&self) -> Result<Parameters> {
        let kdf: CloudHsmKdf = self.structure()?;
        let (mut counter, mut label, mut context) = (None, None, None);
        let (mut other, mut length) = (None, None);
        for part in array(kdf.parts, kdf.part_count, limits::KDF_PARTS)? {
            let (place, read) = match part.type_ {
                cloudhsm::COUNTER_FORMAT => (&mut counter, counter_format(&part)?),
                cloudhsm::LABEL => (&mut label, octets(&part)?),
                cloudhsm::CONTEXT => (&mut context, octets(&part)?),
                cloudhsm::LENGTH_FORMAT => (&mut length, length_format(&part)?),
                cloudhsm::BYTE_ARRAY => (&mut other, octets(&part)?),
                _ => return invalid(),
            };
            if place.replace(read).is_some() {
                return invalid();
            }
        }
        let separator = (label.is_some() || context.is_some()).then(|| KdfPart::Bytes(vec![0]));
        let parts = [counter, label, separator, context, other, length];
        Ok(Parameters::Kdf108 {
            prf: MechanismId(kdf.prf),
            parts: parts.into_iter().flatten().collect(),
            iv: Vec::new(),
        })
    }
}

/// `CK_SP800_108_COUNTER_FORMAT` of CloudHSM's header: a width alone, big-endian.
fn counter_format(part: &CK_PRF_DATA_PARAM) -> Result<KdfPart> {
    Ok(KdfPart::Iteration {
        bits: value(part)?,
        little_endian: false,
    })
}

fn length_format(part: &CK_PRF_DATA_PARAM) -> Result<KdfPart> {
    let length: CloudHsmLength = value(part)?;
    Ok(KdfPart::Length {
        method: length.method,
        bits: length.bits,
        little_endian: false,
    })
}

fn octets(part: &CK_PRF_DATA_PARAM) -> Result<KdfPart> {
    bytes(part.pValue.cast_const().cast(), part.ulValueLen).map(KdfPart::Bytes)
}

fn value<T: Copy>(part: &CK_PRF_DATA_PARAM) -> Result<T> {
    if usize::try_from(part.ulValueLen) == Ok(size_of::<T>()) {
        one(part.pValue.cast_const().cast())
    } else {
        invalid()
    }
}

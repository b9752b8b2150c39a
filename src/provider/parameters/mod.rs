//! Mechanism parameters: from a C structure into `token::Parameters`, by the shape that the
//! mechanism has; one file for each family of shapes. Whether a mechanism exists, and what is a
//! sensible value, is the engine's to say.

mod cipher;
mod claim;
mod curve;
mod kdf;
mod message;
mod places;
mod post_quantum;
mod rsa;
mod vendor;

use cryptoki_sys::*;
use token::{Mechanism, MechanismId, ParameterShape, Parameters, parameter_shape};

use crate::boundary::Result;

use self::claim::Claim;
#[cfg(test)]
pub(crate) use self::vendor::cloudhsm;
pub(crate) use self::{
    kdf::read_derivation,
    message::{Message, Tag, Wrapping, read_message, read_wrapping},
    places::Places,
};

/// A mechanism of a caller, and the places in its parameter that the HSM may write to.
pub(crate) fn read(mechanism: &CK_MECHANISM) -> Result<(Mechanism, Places)> {
    let id = MechanismId(mechanism.mechanism);
    let claim = Claim::of(mechanism);
    let mut places = Places::default();
    let parameters = match parameter_shape(id) {
        ParameterShape::None => claim.none()?,
        ParameterShape::Iv(length) => Parameters::Iv(claim.block(length)?),
        ParameterShape::OptionalIv(length) => claim.optional_iv(length)?,
        ParameterShape::AnyIv => Parameters::Iv(claim.bytes()?),
        ParameterShape::Counter => claim.counter()?,
        ParameterShape::Gcm => claim.gcm(&mut places)?,
        ParameterShape::Ccm => claim.ccm()?,
        ParameterShape::MacLength => Parameters::MacLength(claim.structure()?),
        ParameterShape::AdditionalDigest => claim.additional_digest()?,
        ParameterShape::Oaep => Parameters::Oaep(claim.oaep()?),
        ParameterShape::Pss => claim.pss()?,
        ParameterShape::RsaAesKeyWrap => claim.rsa_aes_key_wrap()?,
        ParameterShape::Ecdh => claim.ecdh()?,
        ParameterShape::Eddsa => claim.eddsa()?,
        ParameterShape::SignContext => claim.sign_context()?,
        ParameterShape::HashSignContext => claim.hash_sign_context()?,
        ParameterShape::Hkdf => claim.hkdf()?,
        ParameterShape::CounterKdf => claim.counter_kdf()?,
        ParameterShape::FeedbackKdf => claim.feedback_kdf()?,
        ParameterShape::PipelineKdf => claim.pipeline_kdf()?,
        ParameterShape::Pbkdf2 => claim.pbkdf2()?,
        ParameterShape::DerivationData => claim.derivation_data()?,
        ParameterShape::CbcEncryptData(length) => claim.cbc_encrypt_data(length)?,
        ParameterShape::Key => claim.key()?,
        ParameterShape::Bit => Parameters::Bit(claim.structure()?),
        ParameterShape::CloudHsmCounterKdf => claim.cloudhsm_counter_kdf()?,
    };
    Ok((Mechanism { id, parameters }, places))
}

/// The mechanism of a `C_Message…Init`, where a cipher has no parameter yet: what callers put
/// there is that of the first message, or nothing.
pub(crate) fn read_for_messages(mechanism: &CK_MECHANISM) -> Result<Mechanism> {
    let id = MechanismId(mechanism.mechanism);
    match parameter_shape(id) {
        ParameterShape::Gcm | ParameterShape::Ccm => Ok(Mechanism {
            id,
            parameters: Parameters::None,
        }),
        _ => read(mechanism).map(|(mechanism, _)| mechanism),
    }
}

#[cfg(test)]
mod tests;

//! Parameters of one message of the message functions, and of `C_WrapKeyAuthenticated`: other
//! structures of the same mechanisms, told from one another by their length.

use std::ptr;

use cryptoki_sys::*;
use token::{
    Mechanism, MechanismId, MessageParameters, Operation, ParameterShape, Parameters, limits,
    parameter_shape,
};

use crate::{
    boundary::Result,
    memory::{Input, is_possible},
};

use super::{
    claim::{Claim, bytes, invalid},
    places::{Place, Places},
    read,
};

/// The parameter of a message, and where the HSM writes in it.
pub(crate) struct Message {
    pub(crate) parameters: Parameters,
    pub(crate) places: Places,
}

/// Whether the tag has to be there in this call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    /// The message begins or goes on.
    Later,
    /// It ends.
    Now,
}

impl Tag {
    /// `Now` if it is needed.
    pub(crate) fn needed(now: bool) -> Self {
        if now { Tag::Now } else { Tag::Later }
    }
}

/// The parameter of a message.
pub(crate) fn read_message(parameter: &Input, operation: Operation, tag: Tag) -> Result<Message> {
    let (first, length) = parameter.address();
    let claim = Claim::at(first, length);
    if claim.is_absent() {
        return Ok(Message {
            parameters: Parameters::None,
            places: Places::default(),
        });
    }
    let fields = if claim.is_a::<CK_GCM_MESSAGE_PARAMS>() {
        Fields::from(claim.structure::<CK_GCM_MESSAGE_PARAMS>()?)
    } else {
        Fields::from(claim.structure::<CK_CCM_MESSAGE_PARAMS>()?)
    };
    let decrypts = operation == Operation::MessageDecrypt;
    let tag_len = fields.tag_bits.div_ceil(8);
    let needs_tag = tag == Tag::Now || !fields.tag.is_null();
    if needs_tag && tag_len != 0 && !is_possible(fields.tag) {
        return invalid();
    }
    let mut parameters = fields.parameters(decrypts)?;
    if decrypts && !fields.tag.is_null() {
        parameters.tag = bytes(fields.tag, tag_len)?;
    }
    Ok(Message {
        parameters: Parameters::Message(parameters),
        places: Places {
            iv: Place::at(fields.iv, fields.iv_len),
            tag: Place::at(fields.tag, tag_len),
        },
    })
}

/// The mechanism of a wrap or unwrap.
pub(crate) struct Wrapping {
    pub(crate) mechanism: Mechanism,
    pub(crate) places: Places,
    /// The additional data that stands in the parameter.
    pub(crate) additional: Option<Vec<u8>>,
}

/// The mechanism of `C_WrapKey`, `C_UnwrapKey` and their authenticated forms.
pub(crate) fn read_wrapping(mechanism: &CK_MECHANISM, unwraps: bool) -> Result<Wrapping> {
    let claim = Claim::of(mechanism);
    let shape = parameter_shape(MechanismId(mechanism.mechanism));
    let (fields, additional, additional_len) = match shape {
        ParameterShape::Gcm if claim.is_a::<CK_GCM_WRAP_PARAMS>() => {
            let gcm: CK_GCM_WRAP_PARAMS = claim.structure()?;
            (Fields::from(gcm), gcm.pAAD, gcm.ulAADLen)
        }
        ParameterShape::Ccm if claim.is_a::<CK_CCM_WRAP_PARAMS>() => {
            let ccm: CK_CCM_WRAP_PARAMS = claim.structure()?;
            (Fields::from(ccm), ccm.pAAD, ccm.ulAADLen)
        }
        _ => {
            let (mechanism, places) = read(mechanism)?;
            return Ok(Wrapping {
                mechanism,
                places,
                additional: None,
            });
        }
    };
    Ok(Wrapping {
        mechanism: Mechanism {
            id: MechanismId(mechanism.mechanism),
            parameters: Parameters::Message(fields.parameters(unwraps)?),
        },
        places: Places {
            iv: Place::at(fields.iv, fields.iv_len),
            tag: None,
        },
        additional: Some(bytes(additional, additional_len)?),
    })
}

/// What the four structures have in common.
struct Fields {
    data_len: CK_ULONG,
    iv: *mut CK_BYTE,
    iv_len: CK_ULONG,
    fixed_bits: CK_ULONG,
    generator: CK_GENERATOR_FUNCTION,
    tag: *mut CK_BYTE,
    tag_bits: CK_ULONG,
}

impl Fields {
    /// The parameter without a tag. Where the HSM generates an initialisation vector, only the bits
    /// that it keeps are read: the rest of the place may be anything.
    fn parameters(&self, takes_iv: bool) -> Result<MessageParameters> {
        let takes_all =
            takes_iv || matches!(self.generator, CKG_NO_GENERATE | CKG_GENERATE_COUNTER_XOR);
        let read = match takes_all {
            true => self.iv_len,
            false => self.iv_len.min(self.fixed_bits.div_ceil(8)),
        };
        let iv_len = usize::try_from(self.iv_len).unwrap_or(usize::MAX);
        if iv_len > limits::PARAMETER_BYTES || (iv_len != 0 && !is_possible(self.iv)) {
            return invalid();
        }
        let mut iv = bytes(self.iv, read)?;
        iv.resize(iv_len, 0);
        Ok(MessageParameters {
            data_len: self.data_len,
            iv,
            fixed_bits: self.fixed_bits,
            generator: self.generator,
            tag_bits: self.tag_bits,
            tag: Vec::new(),
        })
    }
}

impl From<CK_GCM_MESSAGE_PARAMS> for Fields {
    fn from(gcm: CK_GCM_MESSAGE_PARAMS) -> Self {
        Self {
            data_len: 0,
            iv: gcm.pIv,
            iv_len: gcm.ulIvLen,
            fixed_bits: gcm.ulIvFixedBits,
            generator: gcm.ivGenerator,
            tag: gcm.pTag,
            tag_bits: gcm.ulTagBits,
        }
    }
}

impl From<CK_CCM_MESSAGE_PARAMS> for Fields {
    fn from(ccm: CK_CCM_MESSAGE_PARAMS) -> Self {
        Self {
            data_len: ccm.ulDataLen,
            iv: ccm.pNonce,
            iv_len: ccm.ulNonceLen,
            fixed_bits: ccm.ulNonceFixedBits,
            generator: ccm.nonceGenerator,
            tag: ccm.pMAC,
            tag_bits: ccm.ulMACLen.saturating_mul(8),
        }
    }
}

impl From<CK_GCM_WRAP_PARAMS> for Fields {
    fn from(gcm: CK_GCM_WRAP_PARAMS) -> Self {
        Self {
            data_len: 0,
            iv: gcm.pIv,
            iv_len: gcm.ulIvLen,
            fixed_bits: gcm.ulIvFixedBits,
            generator: gcm.ivGenerator,
            tag: ptr::null_mut(),
            tag_bits: gcm.ulTagBits,
        }
    }
}

impl From<CK_CCM_WRAP_PARAMS> for Fields {
    fn from(ccm: CK_CCM_WRAP_PARAMS) -> Self {
        Self {
            data_len: ccm.ulDataLen,
            iv: ccm.pNonce,
            iv_len: ccm.ulNonceLen,
            fixed_bits: ccm.ulNonceFixedBits,
            generator: ccm.nonceGenerator,
            tag: ptr::null_mut(),
            tag_bits: ccm.ulMACLen.saturating_mul(8),
        }
    }
}

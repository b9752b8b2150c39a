//! Mechanisms by number, the shapes of their parameters, and parameters as values.

use cryptoki_sys as sys;
use serde::{Deserialize, Serialize};

/// `CK_MECHANISM_TYPE`, a `CKM_` number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MechanismId(pub u64);

impl MechanismId {
    /// `CKM_STRONGROOM_XAES_256_GCM`: C2SP XAES-256-GCM with a nonce that the HSM draws and puts
    /// before the ciphertext. Its parameter is 32 bytes of additional data, or none.
    pub const XAES_256_GCM: Self = Self(sys::CKM_VENDOR_DEFINED | 0x5352_0001);
}

/// The C type that a mechanism's `pParameter` points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterShape {
    /// No parameter.
    None,
    /// A block of this many bytes: an initialisation vector.
    Iv(usize),
    /// `CK_AES_CTR_PARAMS`.
    Counter,
    /// `CK_GCM_PARAMS`.
    Gcm,
    /// `CK_MAC_GENERAL_PARAMS`: the length of the MAC.
    MacLength,
    /// Nothing, or 32 bytes of additional data.
    AdditionalDigest,
}

/// A mechanism's parameter: what the C structure said, its pointers followed and copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parameters {
    /// No parameter.
    None,
    /// [`ParameterShape::Iv`].
    Iv(#[serde(with = "serde_bytes")] Vec<u8>),
    /// [`ParameterShape::Counter`]: bits of the block that count, and the first block.
    Counter {
        /// 1 to 128.
        counter_bits: u64,
        /// The whole first counter block.
        block: [u8; 16],
    },
    /// [`ParameterShape::Gcm`].
    Gcm {
        /// The initialisation vector.
        #[serde(with = "serde_bytes")]
        iv: Vec<u8>,
        /// The additional authenticated data.
        #[serde(with = "serde_bytes")]
        additional: Vec<u8>,
        /// The tag's length in bits.
        tag_bits: u64,
    },
    /// [`ParameterShape::MacLength`], in bytes.
    MacLength(u64),
    /// [`ParameterShape::AdditionalDigest`].
    AdditionalDigest([u8; 32]),
}

/// `CK_MECHANISM`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mechanism {
    /// Which.
    pub id: MechanismId,
    /// With what.
    pub parameters: Parameters,
}

/// The shape of each mechanism's parameter; one that is not here has no parameter. Whether a
/// mechanism exists is the engine's to say.
const SHAPES: &[(u64, ParameterShape)] = &[
    (sys::CKM_AES_CBC, ParameterShape::Iv(16)),
    (sys::CKM_AES_CBC_PAD, ParameterShape::Iv(16)),
    (sys::CKM_AES_CTR, ParameterShape::Counter),
    (sys::CKM_AES_GCM, ParameterShape::Gcm),
    (sys::CKM_SHA_1_HMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_SHA224_HMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_SHA256_HMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_SHA384_HMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_SHA512_HMAC_GENERAL, ParameterShape::MacLength),
    (
        MechanismId::XAES_256_GCM.0,
        ParameterShape::AdditionalDigest,
    ),
];

/// The shape of `mechanism`'s parameter.
pub fn parameter_shape(mechanism: MechanismId) -> ParameterShape {
    let row = SHAPES.iter().find(|(id, _)| *id == mechanism.0);
    row.map_or(ParameterShape::None, |(_, shape)| *shape)
}

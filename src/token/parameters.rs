//! The parameters of mechanisms: what their C structures said.

mod shapes;

use serde::{Deserialize, Serialize};

pub use shapes::{ParameterShape, parameter_shape};

use crate::{MechanismId, ObjectHandle, SecretBytes, bounded, limits};

/// A mechanism's parameter: what the C structure said, its pointers followed and copied.
// Every Init moves one through the layers. With a tag of one byte a move is cut into pieces across
// the words that were written before, for each of which the processor waits until they are there.
#[repr(u64)]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parameters {
    /// No parameter.
    None,
    /// [`ParameterShape::Iv`], [`ParameterShape::OptionalIv`], [`ParameterShape::AnyIv`].
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
    /// [`ParameterShape::Ccm`].
    Ccm {
        /// The length of the data in bytes; of a message, the length it will have.
        data_len: u64,
        /// The nonce.
        #[serde(with = "serde_bytes")]
        nonce: Vec<u8>,
        /// The additional authenticated data.
        #[serde(with = "serde_bytes")]
        additional: Vec<u8>,
        /// The MAC's length in bytes.
        mac_len: u64,
    },
    /// `CK_GCM_MESSAGE_PARAMS`, `CK_CCM_MESSAGE_PARAMS`; with the tag's place unused
    /// `CK_GCM_WRAP_PARAMS`, `CK_CCM_WRAP_PARAMS`.
    Message(MessageParameters),
    /// [`ParameterShape::Oaep`].
    Oaep(Oaep),
    /// [`ParameterShape::Pss`].
    Pss {
        /// The digest of the data.
        hash: MechanismId,
        /// The mask generation function, a `CKG_MGF1_` number.
        mgf: u64,
        /// Bytes of salt.
        salt_len: u64,
    },
    /// [`ParameterShape::RsaAesKeyWrap`].
    RsaAesKeyWrap {
        /// The length of the temporary AES key in bits.
        aes_bits: u64,
        /// How that key is encrypted.
        oaep: Oaep,
    },
    /// [`ParameterShape::Ecdh`].
    Ecdh {
        /// The key derivation function, a `CKD_` number.
        kdf: u64,
        /// What the function takes beside the shared secret.
        #[serde(with = "serde_bytes")]
        shared: Vec<u8>,
        /// The other side's public key: a point, plain or as a DER octet string.
        #[serde(with = "serde_bytes")]
        public: Vec<u8>,
    },
    /// [`ParameterShape::Eddsa`].
    Eddsa {
        /// Whether the data is hashed first (Ed25519ph).
        prehash: bool,
        /// The context, at most 255 bytes.
        #[serde(with = "serde_bytes")]
        context: Vec<u8>,
    },
    /// [`ParameterShape::SignContext`], [`ParameterShape::HashSignContext`].
    SignContext {
        /// A `CKH_` number: whether the signature must, may or must not be hedged.
        hedge: u64,
        /// The context, at most 255 bytes.
        #[serde(with = "serde_bytes")]
        context: Vec<u8>,
        /// The digest that the data is, where the mechanism does not say it.
        hash: Option<MechanismId>,
    },
    /// [`ParameterShape::Hkdf`].
    Hkdf {
        /// Whether to extract.
        extract: bool,
        /// Whether to expand.
        expand: bool,
        /// The digest of the HMAC.
        hash: MechanismId,
        /// The salt.
        salt: HkdfSalt,
        /// The context of the expansion.
        #[serde(with = "serde_bytes")]
        info: Vec<u8>,
    },
    /// [`ParameterShape::CounterKdf`], [`ParameterShape::FeedbackKdf`],
    /// [`ParameterShape::PipelineKdf`],
    /// [`ParameterShape::CloudHsmCounterKdf`]. The templates of further keys are not in it.
    Kdf108 {
        /// The pseudo-random function: a mechanism that signs.
        prf: MechanismId,
        /// The parts of each block's input, in their order.
        #[serde(deserialize_with = "bounded::<_, _, { limits::TEMPLATE_ATTRIBUTES }>")]
        parts: Vec<KdfPart>,
        /// The first block's feedback; empty in counter mode.
        #[serde(with = "serde_bytes")]
        iv: Vec<u8>,
    },
    /// [`ParameterShape::Pbkdf2`].
    Pbkdf2 {
        /// The pseudo-random function, a `CKP_PKCS5_PBKD2_` number.
        prf: u64,
        /// How often it is applied.
        iterations: u64,
        /// The salt.
        #[serde(with = "serde_bytes")]
        salt: Vec<u8>,
        /// The password.
        password: Password,
    },
    /// [`ParameterShape::DerivationData`].
    Data(#[serde(with = "serde_bytes")] Vec<u8>),
    /// [`ParameterShape::CbcEncryptData`].
    CbcEncryptData {
        /// The initialisation vector.
        #[serde(with = "serde_bytes")]
        iv: Vec<u8>,
        /// What is encrypted.
        #[serde(with = "serde_bytes")]
        data: Vec<u8>,
    },
    /// [`ParameterShape::Key`].
    Key(ObjectHandle),
    /// [`ParameterShape::Bit`].
    Bit(u64),
}

/// The parameter of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageParameters {
    /// The length that the message will have, in bytes (CCM alone).
    pub data_len: u64,
    /// The initialisation vector or nonce; what the HSM generates is written over it.
    #[serde(with = "serde_bytes")]
    pub iv: Vec<u8>,
    /// The first bits of it that the HSM keeps.
    pub fixed_bits: u64,
    /// Who makes the rest: a `CKG_` number.
    pub generator: u64,
    /// The length of the tag or MAC in bits.
    pub tag_bits: u64,
    /// The tag or MAC of a message to decrypt.
    #[serde(with = "serde_bytes")]
    pub tag: Vec<u8>,
}

/// `CK_RSA_PKCS_OAEP_PARAMS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oaep {
    /// The digest of the label.
    pub hash: MechanismId,
    /// The mask generation function, a `CKG_MGF1_` number.
    pub mgf: u64,
    /// The label.
    #[serde(with = "serde_bytes")]
    pub label: Vec<u8>,
}

/// The salt of an HKDF extraction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HkdfSalt {
    /// As many zeroes as the digest has bytes.
    Null,
    /// These bytes.
    Data(#[serde(with = "serde_bytes")] Vec<u8>),
    /// The value of this key.
    Key(ObjectHandle),
}

/// A part of the input of an SP 800-108 function (`CK_PRF_DATA_PARAM`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KdfPart {
    /// The iteration variable: in counter mode the counter, in feedback mode the block before.
    Iteration {
        /// The counter's width in bits; 0 where it is no counter.
        bits: u64,
        /// Whether its smallest byte comes first.
        little_endian: bool,
    },
    /// A counter where the iteration variable is none.
    Counter {
        /// Its width in bits.
        bits: u64,
        /// Whether its smallest byte comes first.
        little_endian: bool,
    },
    /// The length of what is derived.
    Length {
        /// A `CK_SP800_108_DKM_LENGTH_` number: the sum of the keys, or of the blocks.
        method: u64,
        /// Its width in bits.
        bits: u64,
        /// Whether its smallest byte comes first.
        little_endian: bool,
    },
    /// Bytes: a label, a separator, a context.
    Bytes(#[serde(with = "serde_bytes")] Vec<u8>),
    /// The value of another key.
    Key(ObjectHandle),
}

/// A password in a parameter. A clone is the same password, not a second one in memory; two are
/// never compared.
#[derive(Clone)]
pub struct Password(std::sync::Arc<SecretBytes>);

impl Password {
    /// The password itself.
    pub fn reveal(&self) -> &[u8] {
        self.0.reveal()
    }
}

impl From<SecretBytes> for Password {
    fn from(secret: SecretBytes) -> Self {
        Self(std::sync::Arc::new(secret))
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        std::sync::Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Password {}

impl Serialize for Password {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SecretBytes::deserialize(deserializer).map(Self::from)
    }
}

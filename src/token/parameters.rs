//! The parameters of mechanisms: the shape of each one's C structure, and what it says.

use cryptoki_sys as sys;
use serde::{Deserialize, Serialize};

use crate::{MechanismId, ObjectHandle, SecretBytes, bounded, limits};

/// The C type that a mechanism's `pParameter` points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterShape {
    /// No parameter.
    None,
    /// A block of this many bytes: an initialisation vector.
    Iv(usize),
    /// Nothing, or a block of this many bytes.
    OptionalIv(usize),
    /// Bytes of any length that are an initialisation vector (GMAC).
    AnyIv,
    /// `CK_AES_CTR_PARAMS`.
    Counter,
    /// `CK_GCM_PARAMS`; in the message functions `CK_GCM_MESSAGE_PARAMS`, in
    /// `C_WrapKeyAuthenticated` `CK_GCM_WRAP_PARAMS`.
    Gcm,
    /// `CK_CCM_PARAMS`; in the message functions `CK_CCM_MESSAGE_PARAMS`, in
    /// `C_WrapKeyAuthenticated` `CK_CCM_WRAP_PARAMS`.
    Ccm,
    /// `CK_MAC_GENERAL_PARAMS`: the length of the MAC.
    MacLength,
    /// Nothing, or 32 bytes of additional data.
    AdditionalDigest,
    /// `CK_RSA_PKCS_OAEP_PARAMS`.
    Oaep,
    /// `CK_RSA_PKCS_PSS_PARAMS`.
    Pss,
    /// `CK_RSA_AES_KEY_WRAP_PARAMS`.
    RsaAesKeyWrap,
    /// `CK_ECDH1_DERIVE_PARAMS`.
    Ecdh,
    /// `CK_EDDSA_PARAMS`, or nothing.
    Eddsa,
    /// `CK_SIGN_ADDITIONAL_CONTEXT`, or nothing.
    SignContext,
    /// `CK_HASH_SIGN_ADDITIONAL_CONTEXT`.
    HashSignContext,
    /// `CK_HKDF_PARAMS`.
    Hkdf,
    /// `CK_SP800_108_KDF_PARAMS`.
    CounterKdf,
    /// `CK_SP800_108_FEEDBACK_KDF_PARAMS`.
    FeedbackKdf,
    /// `CK_SP800_108_KDF_PARAMS`, where the iteration variable is no counter.
    PipelineKdf,
    /// `CK_PKCS5_PBKD2_PARAMS2`, or the older `CK_PKCS5_PBKD2_PARAMS`.
    Pbkdf2,
    /// `CK_KEY_DERIVATION_STRING_DATA`.
    DerivationData,
    /// `CK_AES_CBC_ENCRYPT_DATA_PARAMS`, `CK_DES_CBC_ENCRYPT_DATA_PARAMS`: an initialisation vector
    /// of this many bytes, and data.
    CbcEncryptData(usize),
    /// `CK_OBJECT_HANDLE`: another key.
    Key,
    /// `CK_EXTRACT_PARAMS`: the number of a bit.
    Bit,
    /// The `CK_SP800_108_KDF_PARAMS` of CloudHSM's header, with its own numbers.
    CloudHsmCounterKdf,
}

/// A mechanism's parameter: what the C structure said, its pointers followed and copied.
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

/// The shape of each mechanism's parameter; one that is not here has no parameter. Whether a
/// mechanism exists is the engine's to say.
const SHAPES: &[(u64, ParameterShape)] = &[
    (sys::CKM_AES_CBC, ParameterShape::Iv(16)),
    (sys::CKM_AES_CBC_PAD, ParameterShape::Iv(16)),
    (sys::CKM_AES_XTS, ParameterShape::Iv(16)),
    (sys::CKM_DES3_CBC, ParameterShape::Iv(8)),
    (sys::CKM_DES3_CBC_PAD, ParameterShape::Iv(8)),
    (sys::CKM_AES_KEY_WRAP, ParameterShape::OptionalIv(8)),
    (sys::CKM_AES_KEY_WRAP_PAD, ParameterShape::OptionalIv(8)),
    (sys::CKM_AES_KEY_WRAP_PKCS7, ParameterShape::OptionalIv(8)),
    (sys::CKM_AES_KEY_WRAP_KWP, ParameterShape::OptionalIv(4)),
    (sys::CKM_AES_GMAC, ParameterShape::AnyIv),
    (sys::CKM_AES_CTR, ParameterShape::Counter),
    (sys::CKM_AES_GCM, ParameterShape::Gcm),
    (sys::CKM_AES_CCM, ParameterShape::Ccm),
    (sys::CKM_AES_CMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_DES3_CMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_SHA_1_HMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_SHA224_HMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_SHA256_HMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_SHA384_HMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_SHA512_HMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_SHA512_224_HMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_SHA512_256_HMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_SHA3_224_HMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_SHA3_256_HMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_SHA3_384_HMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_SHA3_512_HMAC_GENERAL, ParameterShape::MacLength),
    (sys::CKM_RSA_PKCS_OAEP, ParameterShape::Oaep),
    (sys::CKM_RSA_PKCS_PSS, ParameterShape::Pss),
    (sys::CKM_SHA1_RSA_PKCS_PSS, ParameterShape::Pss),
    (sys::CKM_SHA224_RSA_PKCS_PSS, ParameterShape::Pss),
    (sys::CKM_SHA256_RSA_PKCS_PSS, ParameterShape::Pss),
    (sys::CKM_SHA384_RSA_PKCS_PSS, ParameterShape::Pss),
    (sys::CKM_SHA512_RSA_PKCS_PSS, ParameterShape::Pss),
    (sys::CKM_SHA3_224_RSA_PKCS_PSS, ParameterShape::Pss),
    (sys::CKM_SHA3_256_RSA_PKCS_PSS, ParameterShape::Pss),
    (sys::CKM_SHA3_384_RSA_PKCS_PSS, ParameterShape::Pss),
    (sys::CKM_SHA3_512_RSA_PKCS_PSS, ParameterShape::Pss),
    (sys::CKM_RSA_AES_KEY_WRAP, ParameterShape::RsaAesKeyWrap),
    (sys::CKM_ECDH1_DERIVE, ParameterShape::Ecdh),
    (sys::CKM_ECDH1_COFACTOR_DERIVE, ParameterShape::Ecdh),
    (sys::CKM_EDDSA, ParameterShape::Eddsa),
    (sys::CKM_ML_DSA, ParameterShape::SignContext),
    (sys::CKM_HASH_ML_DSA, ParameterShape::HashSignContext),
    (sys::CKM_HASH_ML_DSA_SHA224, ParameterShape::SignContext),
    (sys::CKM_HASH_ML_DSA_SHA256, ParameterShape::SignContext),
    (sys::CKM_HASH_ML_DSA_SHA384, ParameterShape::SignContext),
    (sys::CKM_HASH_ML_DSA_SHA512, ParameterShape::SignContext),
    (sys::CKM_HASH_ML_DSA_SHA3_224, ParameterShape::SignContext),
    (sys::CKM_HASH_ML_DSA_SHA3_256, ParameterShape::SignContext),
    (sys::CKM_HASH_ML_DSA_SHA3_384, ParameterShape::SignContext),
    (sys::CKM_HASH_ML_DSA_SHA3_512, ParameterShape::SignContext),
    (sys::CKM_HASH_ML_DSA_SHAKE128, ParameterShape::SignContext),
    (sys::CKM_HASH_ML_DSA_SHAKE256, ParameterShape::SignContext),
    (sys::CKM_HKDF_DERIVE, ParameterShape::Hkdf),
    (sys::CKM_HKDF_DATA, ParameterShape::Hkdf),
    (sys::CKM_SP800_108_COUNTER_KDF, ParameterShape::CounterKdf),
    (sys::CKM_SP800_108_FEEDBACK_KDF, ParameterShape::FeedbackKdf),
    (
        sys::CKM_SP800_108_DOUBLE_PIPELINE_KDF,
        ParameterShape::PipelineKdf,
    ),
    (sys::CKM_PKCS5_PBKD2, ParameterShape::Pbkdf2),
    (sys::CKM_CONCATENATE_BASE_AND_KEY, ParameterShape::Key),
    (
        sys::CKM_CONCATENATE_BASE_AND_DATA,
        ParameterShape::DerivationData,
    ),
    (
        sys::CKM_CONCATENATE_DATA_AND_BASE,
        ParameterShape::DerivationData,
    ),
    (sys::CKM_XOR_BASE_AND_DATA, ParameterShape::DerivationData),
    (sys::CKM_EXTRACT_KEY_FROM_KEY, ParameterShape::Bit),
    (
        sys::CKM_AES_ECB_ENCRYPT_DATA,
        ParameterShape::DerivationData,
    ),
    (
        sys::CKM_AES_CBC_ENCRYPT_DATA,
        ParameterShape::CbcEncryptData(16),
    ),
    (
        sys::CKM_DES3_ECB_ENCRYPT_DATA,
        ParameterShape::DerivationData,
    ),
    (
        sys::CKM_DES3_CBC_ENCRYPT_DATA,
        ParameterShape::CbcEncryptData(8),
    ),
    (
        MechanismId::XAES_256_GCM.0,
        ParameterShape::AdditionalDigest,
    ),
    (MechanismId::CLOUDHSM_AES_GCM.0, ParameterShape::Gcm),
    (
        MechanismId::CLOUDHSM_COUNTER_KDF.0,
        ParameterShape::CloudHsmCounterKdf,
    ),
];

/// The shape of `mechanism`'s parameter.
pub fn parameter_shape(mechanism: MechanismId) -> ParameterShape {
    let row = SHAPES.iter().find(|(id, _)| *id == mechanism.0);
    row.map_or(ParameterShape::None, |(_, shape)| *shape)
}

//! The C type of each mechanism's parameter.

use cryptoki_sys as sys;

use crate::MechanismId;

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

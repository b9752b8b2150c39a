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

/// The shape of `mechanism`'s parameter; one that is not here has no parameter. Whether a mechanism
/// exists is the engine's to say. Every Init asks: it is a search that the compiler lays out.
pub fn parameter_shape(mechanism: MechanismId) -> ParameterShape {
    use ParameterShape as Shape;
    const CLOUDHSM_AES_GCM: u64 = MechanismId::CLOUDHSM_AES_GCM.0;
    const XAES_256_GCM: u64 = MechanismId::XAES_256_GCM.0;
    const CLOUDHSM_COUNTER_KDF: u64 = MechanismId::CLOUDHSM_COUNTER_KDF.0;
    match mechanism.0 {
        sys::CKM_AES_CBC | sys::CKM_AES_CBC_PAD | sys::CKM_AES_XTS => Shape::Iv(16),
        sys::CKM_DES_CBC | sys::CKM_DES_CBC_PAD | sys::CKM_DES3_CBC | sys::CKM_DES3_CBC_PAD => {
            Shape::Iv(8)
        }
        sys::CKM_AES_KEY_WRAP | sys::CKM_AES_KEY_WRAP_PAD | sys::CKM_AES_KEY_WRAP_PKCS7 => {
            Shape::OptionalIv(8)
        }
        sys::CKM_AES_KEY_WRAP_KWP => Shape::OptionalIv(4),
        sys::CKM_AES_GMAC => Shape::AnyIv,
        sys::CKM_AES_CTR => Shape::Counter,
        sys::CKM_AES_GCM | CLOUDHSM_AES_GCM => Shape::Gcm,
        sys::CKM_AES_CCM => Shape::Ccm,
        sys::CKM_AES_CMAC_GENERAL
        | sys::CKM_DES3_CMAC_GENERAL
        | sys::CKM_SHA_1_HMAC_GENERAL
        | sys::CKM_SHA224_HMAC_GENERAL
        | sys::CKM_SHA256_HMAC_GENERAL
        | sys::CKM_SHA384_HMAC_GENERAL
        | sys::CKM_SHA512_HMAC_GENERAL
        | sys::CKM_SHA512_224_HMAC_GENERAL
        | sys::CKM_SHA512_256_HMAC_GENERAL
        | sys::CKM_SHA3_224_HMAC_GENERAL
        | sys::CKM_SHA3_256_HMAC_GENERAL
        | sys::CKM_SHA3_384_HMAC_GENERAL
        | sys::CKM_SHA3_512_HMAC_GENERAL => Shape::MacLength,
        sys::CKM_RSA_PKCS_OAEP => Shape::Oaep,
        sys::CKM_RSA_PKCS_PSS
        | sys::CKM_SHA1_RSA_PKCS_PSS
        | sys::CKM_SHA224_RSA_PKCS_PSS
        | sys::CKM_SHA256_RSA_PKCS_PSS
        | sys::CKM_SHA384_RSA_PKCS_PSS
        | sys::CKM_SHA512_RSA_PKCS_PSS
        | sys::CKM_SHA3_224_RSA_PKCS_PSS
        | sys::CKM_SHA3_256_RSA_PKCS_PSS
        | sys::CKM_SHA3_384_RSA_PKCS_PSS
        | sys::CKM_SHA3_512_RSA_PKCS_PSS => Shape::Pss,
        sys::CKM_RSA_AES_KEY_WRAP => Shape::RsaAesKeyWrap,
        sys::CKM_ECDH1_DERIVE | sys::CKM_ECDH1_COFACTOR_DERIVE => Shape::Ecdh,
        sys::CKM_EDDSA => Shape::Eddsa,
        sys::CKM_ML_DSA
        | sys::CKM_HASH_ML_DSA_SHA224
        | sys::CKM_HASH_ML_DSA_SHA256
        | sys::CKM_HASH_ML_DSA_SHA384
        | sys::CKM_HASH_ML_DSA_SHA512
        | sys::CKM_HASH_ML_DSA_SHA3_224
        | sys::CKM_HASH_ML_DSA_SHA3_256
        | sys::CKM_HASH_ML_DSA_SHA3_384
        | sys::CKM_HASH_ML_DSA_SHA3_512
        | sys::CKM_HASH_ML_DSA_SHAKE128
        | sys::CKM_HASH_ML_DSA_SHAKE256 => Shape::SignContext,
        sys::CKM_HASH_ML_DSA => Shape::HashSignContext,
        sys::CKM_HKDF_DERIVE | sys::CKM_HKDF_DATA => Shape::Hkdf,
        sys::CKM_SP800_108_COUNTER_KDF => Shape::CounterKdf,
        sys::CKM_SP800_108_FEEDBACK_KDF => Shape::FeedbackKdf,
        sys::CKM_SP800_108_DOUBLE_PIPELINE_KDF => Shape::PipelineKdf,
        sys::CKM_PKCS5_PBKD2 => Shape::Pbkdf2,
        sys::CKM_CONCATENATE_BASE_AND_KEY => Shape::Key,
        sys::CKM_CONCATENATE_BASE_AND_DATA
        | sys::CKM_CONCATENATE_DATA_AND_BASE
        | sys::CKM_XOR_BASE_AND_DATA
        | sys::CKM_AES_ECB_ENCRYPT_DATA
        | sys::CKM_DES_ECB_ENCRYPT_DATA
        | sys::CKM_DES3_ECB_ENCRYPT_DATA => Shape::DerivationData,
        sys::CKM_EXTRACT_KEY_FROM_KEY => Shape::Bit,
        sys::CKM_AES_CBC_ENCRYPT_DATA => Shape::CbcEncryptData(16),
        sys::CKM_DES_CBC_ENCRYPT_DATA | sys::CKM_DES3_CBC_ENCRYPT_DATA => Shape::CbcEncryptData(8),
        XAES_256_GCM => Shape::AdditionalDigest,
        CLOUDHSM_COUNTER_KDF => Shape::CloudHsmCounterKdf,
        _ => Shape::None,
    }
}

//! Making key pairs of RSA and on elliptic curves.

use crypto::{ec, edwards, montgomery, rsa};
use token::{AttributeType, Error, Reason, Result};

use super::{
    Material,
    failure::internal,
    material::{Private, Public, curve, edwards_name, montgomery_name},
};
use crate::object::Attributes;

/// The exponent of a template that says none: 2¹⁶ + 1.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// `CKM_RSA_PKCS_KEY_PAIR_GEN`, `CKM_RSA_X9_31_KEY_PAIR_GEN`: the primes are those of FIPS 186-5.
pub(super) fn rsa(public: &Attributes, _private: &Attributes) -> Result<(Material, Material)> {
    let bits = public
        .number(AttributeType::MODULUS_BITS)
        .ok_or_else(|| Error::new(Reason::TemplateIncomplete, "CKA_MODULUS_BITS is missing"))?;
    let exponent = public.bytes(AttributeType::PUBLIC_EXPONENT);
    let exponent = exponent.unwrap_or(&EXPONENT);
    let len = usize::try_from(bits).unwrap_or(usize::MAX);
    let private = rsa::PrivateKey::generate(len, exponent).map_err(|failure| {
        let words = match failure {
            crypto::Error::Length => format!(
                "CKA_MODULUS_BITS {bits}: {} to {} in steps of 128",
                rsa::GENERATED_BITS_MIN,
                rsa::GENERATED_BITS_MAX
            ),
            crypto::Error::Range => format!(
                "CKA_PUBLIC_EXPONENT is odd, {} at least and below 2^32",
                rsa::GENERATED_EXPONENT_MIN
            ),
            other => return internal(other),
        };
        Error::new(Reason::AttributeValueInvalid, words)
    })?;
    let public = private.public().map_err(internal)?;
    Ok((
        Material::RsaPublic(Box::new(public)),
        Material::RsaPrivate(Box::new(private)),
    ))
}

/// `CKM_EC_KEY_PAIR_GEN`.
pub(super) fn ec(public: &Attributes, _private: &Attributes) -> Result<(Material, Material)> {
    let curve = curve(public)?;
    let key = ec::PrivateKey::generate(curve).map_err(internal)?;
    let public = key.public().map_err(internal)?;
    let name = curve.oid();
    Ok((
        Material::EcPublic(Box::new(Public { key: public, name })),
        Material::EcPrivate(Box::new(Private { key, name })),
    ))
}

/// `CKM_EC_EDWARDS_KEY_PAIR_GEN`.
pub(super) fn edwards(public: &Attributes, _private: &Attributes) -> Result<(Material, Material)> {
    let name = edwards_name(public)?;
    let key = edwards::PrivateKey::generate().map_err(internal)?;
    let public = key.public().map_err(internal)?;
    Ok((
        Material::EdPublic(Box::new(Public { key: public, name })),
        Material::EdPrivate(Box::new(Private { key, name })),
    ))
}

/// `CKM_EC_MONTGOMERY_KEY_PAIR_GEN`.
pub(super) fn montgomery(
    public: &Attributes,
    _private: &Attributes,
) -> Result<(Material, Material)> {
    let name = montgomery_name(public)?;
    let key = montgomery::PrivateKey::generate().map_err(internal)?;
    let public = key.public();
    Ok((
        Material::XPublic(Box::new(Public { key: public, name })),
        Material::XPrivate(Box::new(Private { key, name })),
    ))
}

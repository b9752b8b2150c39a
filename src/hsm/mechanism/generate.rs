//! Making secret keys: `C_GenerateKey`.

use crypto::Secret;
use token::{
    AttributeType, Error, KeyType, Mechanism, ObjectClass, Parameters, Reason, Result, limits,
};

use super::{Material, Row, check::find, failure::internal, row::KeyRule};
use crate::object::Attributes;

/// The class and type of key that `mechanism` makes, if it makes any.
pub(crate) fn generated_by(mechanism: &Mechanism) -> Result<(ObjectClass, KeyType)> {
    let (_, rule, key_type) = generator(mechanism)?;
    Ok((rule.class, key_type))
}

/// Makes a key of the length that the checked template says.
pub(crate) fn generate(mechanism: &Mechanism, attributes: &Attributes) -> Result<Material> {
    let (row, ..) = generator(mechanism)?;
    row.generate.ok_or(Reason::MechanismInvalid)?(attributes)
}

fn generator(mechanism: &Mechanism) -> Result<(&'static Row, &'static KeyRule, KeyType)> {
    let row = find(mechanism.id)?;
    let refused = || {
        Error::new(
            Reason::MechanismInvalid,
            format!("{} makes no key", row.name),
        )
    };
    if row.generate.is_none() {
        return Err(refused());
    }
    if mechanism.parameters != Parameters::None {
        return Err(Reason::MechanismParamInvalid.into());
    }
    let rule = row.key.as_ref().ok_or_else(refused)?;
    let key_type = rule.types.first().ok_or_else(refused)?;
    Ok((row, rule, *key_type))
}

/// `CKM_AES_KEY_GEN`.
pub(super) fn aes(attributes: &Attributes) -> Result<Material> {
    let len = value_len(attributes, &[16, 24, 32])?;
    let value = Secret::random(len).map_err(internal)?;
    crypto::aes::Key::new(value)
        .map(Material::Aes)
        .map_err(internal)
}

/// `CKM_GENERIC_SECRET_KEY_GEN`.
pub(super) fn generic_secret(attributes: &Attributes) -> Result<Material> {
    let len = value_len(attributes, &[])?;
    Secret::random(len).map(Material::Bytes).map_err(internal)
}

/// `CKA_VALUE_LEN`: one of `legal`, or where that is empty any length a secret may have.
fn value_len(attributes: &Attributes, legal: &[usize]) -> Result<usize> {
    let asked = attributes
        .number(AttributeType::VALUE_LEN)
        .ok_or_else(|| Error::new(Reason::TemplateIncomplete, "CKA_VALUE_LEN"))?;
    usize::try_from(asked)
        .ok()
        .filter(|len| match legal {
            [] => (1..=limits::GENERIC_SECRET_BYTES).contains(len),
            _ => legal.contains(len),
        })
        .ok_or_else(|| {
            Error::new(
                Reason::AttributeValueInvalid,
                format!("CKA_VALUE_LEN {asked}"),
            )
        })
}

#[cfg(test)]
mod tests {
    use cryptoki_sys as sys;
    use token::MechanismId;

    use super::*;

    fn made(mechanism: sys::CK_MECHANISM_TYPE, value_len: Option<u64>) -> Result<Material> {
        let mut attributes = Attributes::default();
        if let Some(len) = value_len {
            attributes.set(AttributeType::VALUE_LEN, len.into());
        }
        let mechanism = Mechanism {
            id: MechanismId(mechanism),
            parameters: Parameters::None,
        };
        generate(&mechanism, &attributes)
    }

    fn reason(result: Result<Material>) -> Option<Reason> {
        result.err().map(|error| error.reason)
    }

    #[test]
    fn an_aes_key_is_as_long_as_the_template_says() {
        for len in [16, 24, 32] {
            let key = made(sys::CKM_AES_KEY_GEN, Some(len)).unwrap();
            assert_eq!(key.bits(), len * 8);
            assert!(key.aes().is_some());
        }
    }

    #[test]
    fn a_generic_secret_is_as_long_as_the_template_says() {
        let key = made(sys::CKM_GENERIC_SECRET_KEY_GEN, Some(100)).unwrap();
        assert_eq!(key.bytes().len(), 100);
    }

    #[test]
    fn two_keys_are_never_the_same() {
        let [a, b] = [(); 2].map(|()| made(sys::CKM_AES_KEY_GEN, Some(32)).unwrap());
        assert_ne!(a.bytes(), b.bytes());
    }

    #[test]
    fn a_length_is_needed_and_must_be_legal() {
        let refused = |len| reason(made(sys::CKM_AES_KEY_GEN, len));
        assert_eq!(refused(None), Some(Reason::TemplateIncomplete));
        assert_eq!(refused(Some(20)), Some(Reason::AttributeValueInvalid));
        let refused = |len| reason(made(sys::CKM_GENERIC_SECRET_KEY_GEN, len));
        assert_eq!(refused(Some(0)), Some(Reason::AttributeValueInvalid));
        assert_eq!(refused(Some(u64::MAX)), Some(Reason::AttributeValueInvalid));
    }

    #[test]
    fn a_mechanism_that_encrypts_makes_no_key() {
        assert_eq!(
            reason(made(sys::CKM_AES_ECB, Some(32))),
            Some(Reason::MechanismInvalid)
        );
    }
}

//! Making keys: `C_GenerateKey`, `C_GenerateKeyPair`.

use std::sync::OnceLock;

use crypto::{Secret, hash::Hash, hmac, kdf};
use cryptoki_sys as sys;
use token::{AttributeType, Error, KeyType, Mechanism, Parameters, Reason, Result, limits};

use super::{
    Material, Row,
    check::find,
    failure::internal,
    row::{KeyClass, KeyRule},
};
use crate::object::Attributes;

/// The type of key that `mechanism` makes of `class`: the one that is `asked` for, or its first.
pub(crate) fn generated_by(
    mechanism: &Mechanism,
    class: KeyClass,
    asked: Option<KeyType>,
) -> Result<KeyType> {
    let (row, rule) = generator(mechanism, class)?;
    match asked {
        Some(asked) if rule.types.contains(&asked) => Ok(asked),
        Some(_) => Err(Error::new(
            Reason::TemplateInconsistent,
            format!("CKA_KEY_TYPE is not what {} generates", row.name),
        )),
        None => rule
            .types
            .first()
            .copied()
            .ok_or_else(|| Reason::MechanismInvalid.into()),
    }
}

/// Makes a key as the checked template says.
pub(crate) fn generate(mechanism: &Mechanism, attributes: &Attributes) -> Result<Material> {
    let (row, _) = generator(mechanism, KeyClass::Secret)?;
    row.generate.ok_or(Reason::MechanismInvalid)?(&mechanism.parameters, attributes)
}

/// Makes a public and a private key as the checked templates say.
pub(crate) fn generate_pair(
    mechanism: &Mechanism,
    public: &Attributes,
    private: &Attributes,
) -> Result<(Material, Material)> {
    let (row, _) = generator(mechanism, KeyClass::Pair)?;
    if mechanism.parameters != Parameters::None {
        return Err(Reason::MechanismParamInvalid.into());
    }
    row.generate_pair.ok_or(Reason::MechanismInvalid)?(public, private)
}

fn generator(mechanism: &Mechanism, class: KeyClass) -> Result<(&'static Row, &'static KeyRule)> {
    let row = find(mechanism.id)?;
    let makes = match class {
        KeyClass::Secret => row.generate.is_some(),
        KeyClass::Pair => row.generate_pair.is_some(),
    };
    let rule = row.key.as_ref().filter(|_| makes);
    let rule = rule.ok_or_else(|| {
        Error::new(
            Reason::MechanismInvalid,
            format!("{} makes no such key", row.name),
        )
    })?;
    Ok((row, rule))
}

/// `CKM_AES_KEY_GEN`.
pub(super) fn aes(parameters: &Parameters, attributes: &Attributes) -> Result<Material> {
    no_parameter(parameters)?;
    let len = value_len(attributes, &[16, 24, 32])?;
    let value = Secret::random(len).map_err(internal)?;
    let key = crypto::aes::Key::new(value).map_err(internal)?;
    Ok(Material::Aes(key, OnceLock::new()))
}

/// `CKM_GENERIC_SECRET_KEY_GEN`.
pub(super) fn generic_secret(parameters: &Parameters, attributes: &Attributes) -> Result<Material> {
    no_parameter(parameters)?;
    let len = value_len(attributes, &[])?;
    let value = Secret::random(len).map_err(internal)?;
    Ok(Material::Bytes(hmac::Key::new(value)))
}

/// `CKM_DES_KEY_GEN`, `CKM_DES2_KEY_GEN` and `CKM_DES3_KEY_GEN`: keys of so many bytes.
pub(super) fn des<const LEN: usize>(
    parameters: &Parameters,
    _attributes: &Attributes,
) -> Result<Material> {
    no_parameter(parameters)?;
    crypto::des3::Key::random(LEN)
        .map(Material::Des3)
        .map_err(internal)
}

/// `CKM_AES_XTS_KEY_GEN`.
pub(super) fn aes_xts(parameters: &Parameters, attributes: &Attributes) -> Result<Material> {
    no_parameter(parameters)?;
    let len = value_len(attributes, &[crypto::xts::KEY_LEN])?;
    let value = Secret::random(len).map_err(internal)?;
    crypto::xts::Key::new(value)
        .map(Material::AesXts)
        .map_err(internal)
}

/// The keys that are reserved for one HMAC: where the template has no length, as long as `hash`.
pub(super) fn hmac_key(
    hash: Hash,
    parameters: &Parameters,
    attributes: &Attributes,
) -> Result<Material> {
    no_parameter(parameters)?;
    let len = match attributes.number(AttributeType::VALUE_LEN) {
        None => hash.len(),
        Some(_) => value_len(attributes, &[])?,
    };
    let value = Secret::random(len).map_err(internal)?;
    Ok(Material::Bytes(hmac::Key::new(value)))
}

/// `CKM_PKCS5_PBKD2`: a key of a password.
pub(super) fn pbkdf2(parameters: &Parameters, attributes: &Attributes) -> Result<Material> {
    let Parameters::Pbkdf2 {
        prf,
        iterations,
        salt,
        password,
    } = parameters
    else {
        return Err(Reason::MechanismParamInvalid.into());
    };
    let hash = PBKDF2_FUNCTIONS.iter().find(|(number, _)| number == prf);
    let (_, hash) = hash.ok_or(Reason::MechanismParamInvalid)?;
    let iterations = u32::try_from(*iterations)
        .ok()
        .filter(|iterations| (1..=PBKDF2_ITERATIONS).contains(iterations))
        .ok_or_else(|| {
            let words = format!("1 to {PBKDF2_ITERATIONS} iterations");
            Error::new(Reason::MechanismParamInvalid, words)
        })?;
    let len = Material::wanted_len(attributes)?
        .ok_or_else(|| Error::new(Reason::TemplateIncomplete, "CKA_VALUE_LEN"))?;
    if !(1..=limits::GENERIC_SECRET_BYTES).contains(&len) {
        return Err(Reason::AttributeValueInvalid.into());
    }
    if u64::from(iterations).saturating_mul(len.div_ceil(hash.len()) as u64)
        > u64::from(PBKDF2_ITERATIONS)
    {
        let words =
            format!("at most {PBKDF2_ITERATIONS} iterations for all blocks of the key together");
        return Err(Error::new(Reason::MechanismParamInvalid, words));
    }
    let value = kdf::pbkdf2(*hash, password.reveal(), salt, iterations, len).map_err(internal)?;
    Material::of_value(attributes, value, Reason::AttributeValueInvalid)
}

/// Some seconds of one core.
const PBKDF2_ITERATIONS: u32 = 10_000_000;

/// The pseudo-random functions of `CK_PKCS5_PBKD2_PARAMS2` (§6.37.2), but the one of GOST.
const PBKDF2_FUNCTIONS: &[(u64, Hash)] = &[
    (sys::CKP_PKCS5_PBKD2_HMAC_SHA1, Hash::Sha1),
    (sys::CKP_PKCS5_PBKD2_HMAC_SHA224, Hash::Sha224),
    (sys::CKP_PKCS5_PBKD2_HMAC_SHA256, Hash::Sha256),
    (sys::CKP_PKCS5_PBKD2_HMAC_SHA384, Hash::Sha384),
    (sys::CKP_PKCS5_PBKD2_HMAC_SHA512, Hash::Sha512),
    (sys::CKP_PKCS5_PBKD2_HMAC_SHA512_224, Hash::Sha512_224),
    (sys::CKP_PKCS5_PBKD2_HMAC_SHA512_256, Hash::Sha512_256),
];

fn no_parameter(parameters: &Parameters) -> Result<()> {
    match parameters {
        Parameters::None => Ok(()),
        _ => Err(Reason::MechanismParamInvalid.into()),
    }
}

/// `CKA_VALUE_LEN`: one of `legal`, or where that is empty any length a secret may have.
pub(super) fn value_len(attributes: &Attributes, legal: &[usize]) -> Result<usize> {
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
        assert_eq!(key.bits(), 800);
    }

    #[test]
    fn two_keys_are_never_the_same() {
        let [a, b] = [(); 2].map(|()| made(sys::CKM_AES_KEY_GEN, Some(32)).unwrap());
        assert_ne!(a.value(), b.value());
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

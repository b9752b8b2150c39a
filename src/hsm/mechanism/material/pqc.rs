//! Keys of ML-DSA and ML-KEM (`CKK_ML_DSA`, `CKK_ML_KEM`): of a seed, of a value, or of both, which
//! agree then. What is wrapped is PKCS #8 of the seed where it is known (RFC 9881, RFC 9935).

use crypto::{Secret, ml_dsa, ml_kem};
use cryptoki_sys as sys;
use token::{AttributeType, Error, Reason, Result};

use super::{
    KeyKind, KeyMaterial, Material,
    ec::{private, public},
};
use crate::{
    mechanism::failure::{internal, no_key},
    object::{Attributes, Plain, Secrets},
};

pub(super) static KINDS: &[KeyKind] = &[
    public(sys::CKK_ML_DSA, dsa_public),
    private(sys::CKK_ML_DSA, dsa_create, dsa_unwrap),
    public(sys::CKK_ML_KEM, kem_public),
    private(sys::CKK_ML_KEM, kem_create, kem_unwrap),
];

const DSA_SETS: [(u64, ml_dsa::ParameterSet); 3] = [
    (sys::CKP_ML_DSA_44, ml_dsa::ParameterSet::MlDsa44),
    (sys::CKP_ML_DSA_65, ml_dsa::ParameterSet::MlDsa65),
    (sys::CKP_ML_DSA_87, ml_dsa::ParameterSet::MlDsa87),
];

const KEM_SETS: [(u64, ml_kem::ParameterSet); 3] = [
    (sys::CKP_ML_KEM_512, ml_kem::ParameterSet::MlKem512),
    (sys::CKP_ML_KEM_768, ml_kem::ParameterSet::MlKem768),
    (sys::CKP_ML_KEM_1024, ml_kem::ParameterSet::MlKem1024),
];

/// The parameters of ML-DSA in `CKA_PARAMETER_SET`.
pub(crate) fn dsa_set(attributes: &Attributes) -> Result<ml_dsa::ParameterSet> {
    set(attributes, &DSA_SETS)
}

/// The parameters of ML-KEM in `CKA_PARAMETER_SET`.
pub(crate) fn kem_set(attributes: &Attributes) -> Result<ml_kem::ParameterSet> {
    set(attributes, &KEM_SETS)
}

fn set<S: Copy>(attributes: &Attributes, sets: &[(u64, S)]) -> Result<S> {
    let asked = attributes
        .number(AttributeType::PARAMETER_SET)
        .ok_or_else(|| Error::new(Reason::TemplateIncomplete, "CKA_PARAMETER_SET is missing"))?;
    let known = sets.iter().find(|(number, _)| *number == asked);
    known.map(|(_, set)| *set).ok_or_else(|| {
        let words = format!("CKA_PARAMETER_SET {asked}");
        Error::new(Reason::ParameterSetNotSupported, words)
    })
}

/// The number of a set.
fn number<S: PartialEq>(set: S, sets: &[(u64, S)]) -> Plain {
    let known = sets.iter().find(|(_, known)| *known == set);
    known
        .map_or(sys::CK_UNAVAILABLE_INFORMATION, |(number, _)| *number)
        .into()
}

/// Refuses an unwrapped key of other parameters than the template's, where it says any.
fn same_set<S: PartialEq>(found: S, asked: Result<S>) -> Result<()> {
    match asked {
        Ok(asked) if asked != found => {
            let words = "the key has other parameters than CKA_PARAMETER_SET says";
            Err(Error::new(Reason::TemplateInconsistent, words))
        }
        Err(error) if error.reason != Reason::TemplateIncomplete => Err(error),
        _ => Ok(()),
    }
}

fn public_value(attributes: &Attributes) -> Result<&[u8]> {
    let value = attributes.bytes(AttributeType::VALUE);
    value.ok_or_else(|| Error::new(Reason::TemplateIncomplete, "CKA_VALUE is missing"))
}

/// `CKA_SEED` and `CKA_VALUE`: one that is empty says nothing.
fn private_values(secrets: &Secrets) -> (Option<&[u8]>, Option<&[u8]>) {
    let said = |kind| secrets.bytes(kind).filter(|bytes| !bytes.is_empty());
    (said(AttributeType::SEED), said(AttributeType::VALUE))
}

fn dsa_public(attributes: &Attributes) -> Result<Material> {
    let set = dsa_set(attributes)?;
    let key = ml_dsa::PublicKey::new(set, public_value(attributes)?).map_err(no_key)?;
    Ok(Material::MlDsaPublic(Box::new(key)))
}

fn dsa_create(attributes: &Attributes, secrets: &Secrets) -> Result<Material> {
    let (seed, value) = private_values(secrets);
    let key = ml_dsa::PrivateKey::new(dsa_set(attributes)?, seed, value).map_err(no_key)?;
    Ok(Material::MlDsaPrivate(Box::new(key)))
}

fn dsa_unwrap(attributes: &Attributes, pkcs8: Secret) -> Result<Material> {
    let key = ml_dsa::PrivateKey::from_pkcs8(pkcs8.reveal()).map_err(no_key)?;
    same_set(key.public().set(), dsa_set(attributes))?;
    Ok(Material::MlDsaPrivate(Box::new(key)))
}

fn kem_public(attributes: &Attributes) -> Result<Material> {
    let set = kem_set(attributes)?;
    let key = ml_kem::PublicKey::new(set, public_value(attributes)?).map_err(no_key)?;
    Ok(Material::MlKemPublic(Box::new(key)))
}

fn kem_create(attributes: &Attributes, secrets: &Secrets) -> Result<Material> {
    let (seed, value) = private_values(secrets);
    let key = ml_kem::PrivateKey::new(kem_set(attributes)?, seed, value).map_err(no_key)?;
    Ok(Material::MlKemPrivate(Box::new(key)))
}

fn kem_unwrap(attributes: &Attributes, pkcs8: Secret) -> Result<Material> {
    let key = ml_kem::PrivateKey::from_pkcs8(pkcs8.reveal()).map_err(no_key)?;
    same_set(key.set(), kem_set(attributes))?;
    Ok(Material::MlKemPrivate(Box::new(key)))
}

/// What both types of public key can tell.
trait PublicKey: Send + Sync {
    fn set(&self) -> Plain;
    fn bytes(&self) -> &[u8];
    fn info(&self) -> crypto::Result<Vec<u8>>;
}

/// What both types of private key can tell. They are as long as the public key, as the standard
/// counts both.
trait PrivateKey: Send + Sync {
    fn set(&self) -> Plain;
    fn public_len(&self) -> usize;
    fn info(&self) -> crypto::Result<Vec<u8>>;
    fn seed(&self) -> Option<&Secret>;
    fn value(&self) -> crypto::Result<Secret>;
    fn pkcs8(&self) -> crypto::Result<Secret>;
}

macro_rules! key_material {
    ($public:ty, $private:ty) => {
        impl KeyMaterial for $public {
            fn bits(&self) -> u64 {
                PublicKey::bytes(self).len() as u64 * 8
            }

            fn sealed_form(&self) -> Result<Option<Secret>> {
                Ok(None)
            }

            fn computed(&self) -> Result<Vec<(AttributeType, Plain)>> {
                let info = PublicKey::info(self).map_err(internal)?;
                Ok(vec![
                    (AttributeType::PARAMETER_SET, PublicKey::set(self)),
                    (AttributeType::VALUE, PublicKey::bytes(self).to_vec().into()),
                    (AttributeType::PUBLIC_KEY_INFO, info.into()),
                ])
            }

            fn secret(&self, _kind: AttributeType) -> Result<Option<Secret>> {
                Ok(None)
            }

            fn wrapped_form(&self) -> Result<Secret> {
                Err(Reason::KeyNotWrappable.into())
            }
        }

        impl KeyMaterial for $private {
            fn bits(&self) -> u64 {
                PrivateKey::public_len(self) as u64 * 8
            }

            fn sealed_form(&self) -> Result<Option<Secret>> {
                self.wrapped_form().map(Some)
            }

            fn computed(&self) -> Result<Vec<(AttributeType, Plain)>> {
                let info = PrivateKey::info(self).map_err(internal)?;
                Ok(vec![
                    (AttributeType::PARAMETER_SET, PrivateKey::set(self)),
                    (AttributeType::PUBLIC_KEY_INFO, info.into()),
                ])
            }

            fn secret(&self, kind: AttributeType) -> Result<Option<Secret>> {
                match kind {
                    AttributeType::SEED => {
                        let seed = PrivateKey::seed(self);
                        Ok(seed.map(|seed| Secret::from(seed.reveal())))
                    }
                    AttributeType::VALUE => PrivateKey::value(self).map(Some).map_err(internal),
                    _ => Ok(None),
                }
            }

            fn wrapped_form(&self) -> Result<Secret> {
                PrivateKey::pkcs8(self).map_err(internal)
            }
        }
    };
}

key_material!(ml_dsa::PublicKey, ml_dsa::PrivateKey);
key_material!(ml_kem::PublicKey, ml_kem::PrivateKey);

impl PublicKey for ml_dsa::PublicKey {
    fn set(&self) -> Plain {
        number(self.set(), &DSA_SETS)
    }

    fn bytes(&self) -> &[u8] {
        self.bytes()
    }

    fn info(&self) -> crypto::Result<Vec<u8>> {
        self.info()
    }
}

impl PublicKey for ml_kem::PublicKey {
    fn set(&self) -> Plain {
        number(self.set(), &KEM_SETS)
    }

    fn bytes(&self) -> &[u8] {
        self.bytes()
    }

    fn info(&self) -> crypto::Result<Vec<u8>> {
        self.info()
    }
}

impl PrivateKey for ml_dsa::PrivateKey {
    fn set(&self) -> Plain {
        number(self.public().set(), &DSA_SETS)
    }

    fn public_len(&self) -> usize {
        self.public().set().public_len()
    }

    fn info(&self) -> crypto::Result<Vec<u8>> {
        self.public().info()
    }

    fn seed(&self) -> Option<&Secret> {
        self.seed()
    }

    fn value(&self) -> crypto::Result<Secret> {
        self.value()
    }

    fn pkcs8(&self) -> crypto::Result<Secret> {
        self.pkcs8()
    }
}

impl PrivateKey for ml_kem::PrivateKey {
    fn set(&self) -> Plain {
        number(self.set(), &KEM_SETS)
    }

    fn public_len(&self) -> usize {
        self.set().public_len()
    }

    fn info(&self) -> crypto::Result<Vec<u8>> {
        self.public()?.info()
    }

    fn seed(&self) -> Option<&Secret> {
        self.seed()
    }

    fn value(&self) -> crypto::Result<Secret> {
        self.value()
    }

    fn pkcs8(&self) -> crypto::Result<Secret> {
        self.pkcs8()
    }
}

//! ML-KEM (§6.68): key pairs, and secrets for the owner of a public key.

use crypto::{Error as Failure, Secret, ml_kem};
use token::{Reason, Result};

use super::{
    Material, Use,
    failure::internal,
    keying::{Encapsulation, typed},
    material::kem_set,
};
use crate::object::Attributes;

/// `CKM_ML_KEM_KEY_PAIR_GEN`.
pub(super) fn pair(public: &Attributes, _private: &Attributes) -> Result<(Material, Material)> {
    let private = ml_kem::PrivateKey::generate(kem_set(public)?).map_err(internal)?;
    let public = private.public().map_err(internal)?;
    Ok((
        Material::MlKemPublic(Box::new(public)),
        Material::MlKemPrivate(Box::new(private)),
    ))
}

/// The encapsulate and decapsulate columns.
pub(super) struct MlKem;

impl Encapsulation for MlKem {
    fn ciphertext_len(&self, with: Use<'_>) -> Result<usize> {
        with.no_parameter()?;
        let set = match with.key {
            Some(Material::MlKemPublic(key)) => key.set(),
            Some(Material::MlKemPrivate(key)) => key.set(),
            _ => return Err(Reason::KeyTypeInconsistent.into()),
        };
        Ok(set.ciphertext_len())
    }

    fn encapsulate(&self, with: Use<'_>, ciphertext: &mut [u8]) -> Result<Secret> {
        let key = typed(with, |material| match material {
            Material::MlKemPublic(key) => Some(&**key),
            _ => None,
        })?;
        key.encapsulate(ciphertext).map_err(internal)
    }

    fn decapsulate(&self, with: Use<'_>, ciphertext: &[u8]) -> Result<Secret> {
        with.no_parameter()?;
        let key = typed(with, |material| match material {
            Material::MlKemPrivate(key) => Some(&**key),
            _ => None,
        })?;
        key.decapsulate(ciphertext)
            .map_err(|failure| match failure {
                Failure::Length => Reason::WrappedKeyLenRange.into(),
                other => internal(other),
            })
    }
}

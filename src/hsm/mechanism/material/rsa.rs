//! RSA keys.

use crypto::{
    Error as Failure, Secret,
    rsa::{Component, Parts, PrivateKey, PublicKey},
};
use cryptoki_sys as sys;
use token::{AttributeType, Error, KeyType, Reason, Result};

use super::{KeyKind, KeyMaterial, Make, Material};
use crate::{
    mechanism::failure::{internal, no_key},
    object::{Attributes, Plain, Secrets},
};

pub(super) static KINDS: &[KeyKind] = &[
    KeyKind {
        key_type: KeyType(sys::CKK_RSA),
        make: Make::Public { of: public },
    },
    KeyKind {
        key_type: KeyType(sys::CKK_RSA),
        make: Make::Private {
            create,
            restore: unwrap,
            unwrap,
        },
    },
];

/// The secret numbers of a private key (§6.1.3).
const SECRETS: [(AttributeType, Component); 6] = [
    (AttributeType::PRIVATE_EXPONENT, Component::PrivateExponent),
    (AttributeType::PRIME_1, Component::Prime1),
    (AttributeType::PRIME_2, Component::Prime2),
    (AttributeType::EXPONENT_1, Component::Exponent1),
    (AttributeType::EXPONENT_2, Component::Exponent2),
    (AttributeType::COEFFICIENT, Component::Coefficient),
];

fn public(attributes: &Attributes) -> Result<Material> {
    let modulus = needed(attributes, AttributeType::MODULUS)?;
    let exponent = needed(attributes, AttributeType::PUBLIC_EXPONENT)?;
    let key = PublicKey::new(modulus, exponent).map_err(no_key)?;
    Ok(Material::RsaPublic(Box::new(key)))
}

fn create(attributes: &Attributes, secrets: &Secrets) -> Result<Material> {
    let pair = |one, other| Some([secrets.bytes(one)?, secrets.bytes(other)?]);
    let private_exponent = secrets.bytes(AttributeType::PRIVATE_EXPONENT);
    let parts = Parts {
        modulus: needed(attributes, AttributeType::MODULUS)?,
        public_exponent: needed(attributes, AttributeType::PUBLIC_EXPONENT)?,
        private_exponent: private_exponent.ok_or_else(missing)?,
        primes: pair(AttributeType::PRIME_1, AttributeType::PRIME_2),
        exponents: pair(AttributeType::EXPONENT_1, AttributeType::EXPONENT_2),
        coefficient: secrets.bytes(AttributeType::COEFFICIENT),
    };
    // Without the primes these would be numbers of other primes, or of the same in another order.
    let parts = match parts.primes {
        Some(_) => parts,
        None => Parts {
            exponents: None,
            coefficient: None,
            ..parts
        },
    };
    let key = PrivateKey::new(&parts).map_err(|failure| match failure {
        Failure::Key => contradiction(),
        other => no_key(other),
    })?;
    Ok(Material::RsaPrivate(Box::new(key)))
}

fn unwrap(_attributes: &Attributes, pkcs8: Secret) -> Result<Material> {
    let key = PrivateKey::from_pkcs8(pkcs8.reveal()).map_err(no_key)?;
    Ok(Material::RsaPrivate(Box::new(key)))
}

fn needed(attributes: &Attributes, kind: AttributeType) -> Result<&[u8]> {
    attributes.bytes(kind).ok_or_else(missing)
}

fn missing() -> Error {
    let words =
        "an RSA key has CKA_MODULUS, CKA_PUBLIC_EXPONENT and, if private, CKA_PRIVATE_EXPONENT";
    Error::new(Reason::TemplateIncomplete, words)
}

fn contradiction() -> Error {
    let words = "the numbers are not of one RSA key";
    Error::new(Reason::TemplateInconsistent, words)
}

impl KeyMaterial for PublicKey {
    fn bits(&self) -> u64 {
        self.bits() as u64
    }

    fn sealed_form(&self) -> Result<Option<Secret>> {
        Ok(None)
    }

    fn computed(&self) -> Result<Vec<(AttributeType, Plain)>> {
        let bits = self.bits() as u64;
        Ok(vec![
            (AttributeType::MODULUS, Plain::from(self.modulus().to_vec())),
            (AttributeType::MODULUS_BITS, bits.into()),
            (
                AttributeType::PUBLIC_EXPONENT,
                self.exponent().map_err(internal)?.into(),
            ),
            (
                AttributeType::PUBLIC_KEY_INFO,
                self.info().map_err(internal)?.into(),
            ),
        ])
    }

    fn secret(&self, _kind: AttributeType) -> Result<Option<Secret>> {
        Ok(None)
    }

    fn wrapped_form(&self) -> Result<Secret> {
        Err(Reason::KeyTypeInconsistent.into())
    }
}

impl KeyMaterial for PrivateKey {
    fn bits(&self) -> u64 {
        self.bits() as u64
    }

    fn sealed_form(&self) -> Result<Option<Secret>> {
        self.pkcs8().map(Some).map_err(internal)
    }

    fn computed(&self) -> Result<Vec<(AttributeType, Plain)>> {
        let public = self.public().map_err(internal)?;
        let mut computed = KeyMaterial::computed(&public)?;
        computed.retain(|(kind, _)| *kind != AttributeType::MODULUS_BITS);
        Ok(computed)
    }

    fn secret(&self, kind: AttributeType) -> Result<Option<Secret>> {
        let known = SECRETS.iter().find(|(known, _)| *known == kind);
        known
            .map(|(_, component)| self.component(*component).map_err(internal))
            .transpose()
    }

    fn wrapped_form(&self) -> Result<Secret> {
        self.pkcs8().map_err(internal)
    }
}

//! The secret or public part of a key, in the type that its algorithms use.
//!
//! To add a type of key: a variant of [`Material`], an arm of [`Material::face`], a [`KeyMaterial`]
//! for its type of `crypto`, and a [`KeyKind`] row for each class in a file of its family.

mod ec;
mod pqc;
mod rsa;
mod secret_key;

use std::sync::{Arc, OnceLock};

use crypto::{Secret, aes, des3, edwards, hmac, ml_dsa, ml_kem, montgomery, xts};
use cryptoki_sys as sys;
use token::{AttributeType, Error, KeyType, ObjectClass, Reason, Result};

use super::nonces::Nonces;
use crate::object::{Attributes, Plain, Secrets};

pub(crate) use ec::{Private, Public};
pub(super) use ec::{curve, edwards_name, montgomery_name, point, point_lens};
pub(super) use pqc::{dsa_set, kem_set};

/// What makes a key a key. The secret ones never leave the engine but where PKCS#11 reveals them.
pub(crate) enum Material {
    /// `CKK_AES`, and the vectors that were made for it, if there are any.
    Aes(aes::Key, OnceLock<Arc<Nonces>>),
    /// `CKK_AES_XTS`.
    AesXts(xts::Key),
    /// `CKK_DES`, `CKK_DES2`, `CKK_DES3`: a key of one, two or three parts.
    Des3(des3::Key),
    /// `CKK_GENERIC_SECRET`, and the key types that are reserved for one use of such bytes.
    Bytes(hmac::Key),
    /// `CKK_RSA`.
    RsaPublic(Box<crypto::rsa::PublicKey>),
    /// `CKK_RSA`.
    RsaPrivate(Box<crypto::rsa::PrivateKey>),
    /// `CKK_EC`.
    EcPublic(Box<Public<crypto::ec::PublicKey>>),
    /// `CKK_EC`.
    EcPrivate(Box<Private<crypto::ec::PrivateKey>>),
    /// `CKK_EC_EDWARDS`.
    EdPublic(Box<Public<edwards::PublicKey>>),
    /// `CKK_EC_EDWARDS`.
    EdPrivate(Box<Private<edwards::PrivateKey>>),
    /// `CKK_EC_MONTGOMERY`.
    XPublic(Box<Public<montgomery::PublicKey>>),
    /// `CKK_EC_MONTGOMERY`.
    XPrivate(Box<Private<montgomery::PrivateKey>>),
    /// `CKK_ML_DSA`.
    MlDsaPublic(Box<ml_dsa::PublicKey>),
    /// `CKK_ML_DSA`.
    MlDsaPrivate(Box<ml_dsa::PrivateKey>),
    /// `CKK_ML_KEM`.
    MlKemPublic(Box<ml_kem::PublicKey>),
    /// `CKK_ML_KEM`.
    MlKemPrivate(Box<ml_kem::PrivateKey>),
}

/// What every type of material can tell.
pub(crate) trait KeyMaterial: Send + Sync {
    /// The key's length, as the ranges of the mechanism table count it.
    fn bits(&self) -> u64;

    /// What is sealed and stored, and what a record's material is restored from: the value of a
    /// secret key, the PKCS #8 or the seed of a private one. A public key has none: its attributes
    /// say everything.
    fn sealed_form(&self) -> Result<Option<Secret>>;

    /// The attributes that only the material can tell: `CKA_VALUE_LEN`, `CKA_MODULUS`,
    /// `CKA_EC_POINT`, `CKA_PUBLIC_KEY_INFO`… and whatever it was made from, in its canonical form.
    fn computed(&self) -> Result<Vec<(AttributeType, Plain)>>;

    /// The value of an attribute that is secret while the key is sensitive: `CKA_VALUE`,
    /// `CKA_PRIVATE_EXPONENT`, `CKA_SEED`…; none where the key has no such attribute.
    fn secret(&self, kind: AttributeType) -> Result<Option<Secret>>;

    /// What is wrapped: the value of a secret key, the PKCS #8 of a private one. Public keys are not
    /// wrapped.
    fn wrapped_form(&self) -> Result<Secret>;

    /// The value of a secret key, without a copy.
    fn value(&self) -> Option<&[u8]> {
        None
    }

    /// `CKA_CHECK_VALUE` of a secret key (§4.11).
    fn check_value(&self) -> Option<[u8; 3]> {
        None
    }
}

/// How the keys of one class and type are made: a row of the table of key types.
pub(crate) struct KeyKind {
    pub(super) key_type: KeyType,
    pub(super) make: Make,
}

/// How keys are made, by class. What is no such key is `AttributeValueInvalid`, and attributes that
/// contradict each other are `TemplateInconsistent`: what that means where nobody gave a template,
/// [`Material`] knows.
pub(super) enum Make {
    /// A secret key of its value; `value_len` where all values of the type have as many bytes.
    Secret {
        of: fn(Secret) -> Result<Material>,
        value_len: Option<usize>,
    },
    /// A public key of its attributes: those of a template, and those of a record.
    Public {
        of: fn(&Attributes) -> Result<Material>,
    },
    /// A private key.
    Private {
        /// Of a template of `C_CreateObject`.
        create: fn(&Attributes, &Secrets) -> Result<Material>,
        /// Of a record: its attributes and [`KeyMaterial::sealed_form`].
        restore: fn(&Attributes, Secret) -> Result<Material>,
        /// Of [`KeyMaterial::wrapped_form`], which anybody may have made.
        unwrap: fn(&Attributes, Secret) -> Result<Material>,
    },
}

/// Every type of key.
static KINDS: &[&[KeyKind]] = &[secret_key::KINDS, rsa::KINDS, ec::KINDS, pqc::KINDS];

impl KeyKind {
    fn class(&self) -> ObjectClass {
        ObjectClass(match self.make {
            Make::Secret { .. } => sys::CKO_SECRET_KEY,
            Make::Public { .. } => sys::CKO_PUBLIC_KEY,
            Make::Private { .. } => sys::CKO_PRIVATE_KEY,
        })
    }

    /// The row of the keys of `class` and `key_type`.
    pub(crate) fn find(class: ObjectClass, key_type: KeyType) -> Result<&'static Self> {
        let mut kinds = KINDS.iter().copied().flatten();
        kinds
            .find(|kind| kind.key_type == key_type && kind.class() == class)
            .ok_or_else(|| {
                let words = format!("CKA_KEY_TYPE {:#x} with this CKA_CLASS", key_type.0);
                Error::new(Reason::AttributeValueInvalid, words)
            })
    }

    /// The row of the key that has `attributes`.
    fn of(attributes: &Attributes) -> Result<&'static Self> {
        match (attributes.class(), attributes.key_type()) {
            (Some(class), Some(key_type)) => Self::find(class, key_type),
            _ => Err(Reason::KeyHandleInvalid.into()),
        }
    }
}

impl Material {
    /// The key of a template of `C_CreateObject`.
    pub(crate) fn create(attributes: &Attributes, secrets: &Secrets) -> Result<Self> {
        match &KeyKind::of(attributes)?.make {
            Make::Secret { of, .. } => {
                let value = secrets.bytes(AttributeType::VALUE);
                of(Secret::from(value.ok_or_else(|| {
                    Error::new(Reason::TemplateIncomplete, "CKA_VALUE is missing")
                })?))
            }
            Make::Public { of } => of(attributes),
            Make::Private { create, .. } => create(attributes, secrets),
        }
    }

    /// The key of a record: of its attributes, and what was sealed.
    pub(crate) fn restore(attributes: &Attributes, sealed: Option<Secret>) -> Result<Self> {
        let restored = match (&KeyKind::of(attributes)?.make, sealed) {
            (Make::Secret { of, .. }, Some(value)) => of(value),
            (Make::Public { of }, None) => of(attributes),
            (Make::Private { restore, .. }, Some(form)) => restore(attributes, form),
            _ => Err(Reason::StoreDamaged.into()),
        };
        restored.map_err(|error| Error::new(Reason::StoreDamaged, error.to_string()))
    }

    /// The same, whose vectors are counted in what `nonces` answers, if it is a key that takes some.
    pub(crate) fn counted_in(self, nonces: impl FnOnce() -> Arc<Nonces>) -> Self {
        match self {
            Material::Aes(key, _) => Material::Aes(key, OnceLock::from(nonces())),
            other => other,
        }
    }

    /// The key of a template and of a value that was unwrapped, derived or decapsulated; `refused`
    /// is why it is none.
    pub(crate) fn of_value(
        attributes: &Attributes,
        value: Secret,
        refused: Reason,
    ) -> Result<Self> {
        let made = match &KeyKind::of(attributes)?.make {
            Make::Secret { of, .. } => of(value),
            Make::Private { unwrap, .. } => unwrap(attributes, value),
            Make::Public { .. } => Err(Error::new(
                Reason::TemplateInconsistent,
                "a public key is no secret value",
            )),
        };
        made.map_err(|error| match error.reason {
            Reason::AttributeValueInvalid => Error::new(refused, error.to_string()),
            _ => error,
        })
    }

    /// How many bytes the value of a secret key with `attributes` shall have, where they or its type
    /// say it.
    pub(crate) fn wanted_len(attributes: &Attributes) -> Result<Option<usize>> {
        let asked = attributes.number(AttributeType::VALUE_LEN);
        let asked = asked.map(|len| usize::try_from(len).unwrap_or(usize::MAX));
        Ok(match KeyKind::of(attributes)?.make {
            Make::Secret { value_len, .. } => asked.or(value_len),
            _ => None,
        })
    }

    /// What it can tell.
    pub(crate) fn face(&self) -> &dyn KeyMaterial {
        match self {
            Material::Aes(key, _) => key,
            Material::AesXts(key) => key,
            Material::Des3(key) => key,
            Material::Bytes(key) => key,
            Material::RsaPublic(key) => &**key,
            Material::RsaPrivate(key) => &**key,
            Material::EcPublic(key) => &**key,
            Material::EcPrivate(key) => &**key,
            Material::EdPublic(key) => &**key,
            Material::EdPrivate(key) => &**key,
            Material::XPublic(key) => &**key,
            Material::XPrivate(key) => &**key,
            Material::MlDsaPublic(key) => &**key,
            Material::MlDsaPrivate(key) => &**key,
            Material::MlKemPublic(key) => &**key,
            Material::MlKemPrivate(key) => &**key,
        }
    }

    /// The key's length.
    pub(crate) fn bits(&self) -> u64 {
        self.face().bits()
    }

    /// The value of a secret key.
    pub(crate) fn value(&self) -> Option<&[u8]> {
        self.face().value()
    }

    /// About how many bytes it has in memory: a private RSA key has the most for its length.
    pub(crate) fn size(&self) -> usize {
        // What is made of a key beside its value is bounded, and a long secret is its value.
        let bits = usize::try_from(self.bits()).unwrap_or(usize::MAX);
        bits.min((bits / 8).saturating_add(4096))
    }

    /// The AES key, if it is one.
    pub(crate) fn aes(&self) -> Option<&aes::Key> {
        match self {
            Material::Aes(key, _) => Some(key),
            _ => None,
        }
    }

    /// The vectors that were made for it, if it is a key that takes some.
    pub(crate) fn nonces(&self) -> Option<&Arc<Nonces>> {
        match self {
            Material::Aes(_, nonces) => Some(nonces.get_or_init(Arc::default)),
            _ => None,
        }
    }
}

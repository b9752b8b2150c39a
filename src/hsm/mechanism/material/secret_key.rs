//! Secret keys: their material is their value.

use std::sync::OnceLock;

use crypto::{Secret, aes, des3, hash::Hash, hmac, xts};
use cryptoki_sys as sys;
use token::{AttributeType, Error, KeyType, Reason, Result, limits};

use super::{KeyKind, KeyMaterial, Make, Material};
use crate::object::Plain;

pub(super) static KINDS: &[KeyKind] = &[
    secret_key(sys::CKK_AES, aes_key),
    secret_key(sys::CKK_AES_XTS, aes_xts_key),
    des_key::<{ des3::ONE_PART }>(sys::CKK_DES),
    des_key::<{ des3::TWO_PARTS }>(sys::CKK_DES2),
    des_key::<{ des3::KEY_LEN }>(sys::CKK_DES3),
    secret_key(sys::CKK_GENERIC_SECRET, generic_secret),
    secret_key(sys::CKK_HKDF, generic_secret),
    secret_key(sys::CKK_SHA_1_HMAC, generic_secret),
    secret_key(sys::CKK_SHA224_HMAC, generic_secret),
    secret_key(sys::CKK_SHA256_HMAC, generic_secret),
    secret_key(sys::CKK_SHA384_HMAC, generic_secret),
    secret_key(sys::CKK_SHA512_HMAC, generic_secret),
    secret_key(sys::CKK_SHA512_224_HMAC, generic_secret),
    secret_key(sys::CKK_SHA512_256_HMAC, generic_secret),
    secret_key(sys::CKK_SHA3_224_HMAC, generic_secret),
    secret_key(sys::CKK_SHA3_256_HMAC, generic_secret),
    secret_key(sys::CKK_SHA3_384_HMAC, generic_secret),
    secret_key(sys::CKK_SHA3_512_HMAC, generic_secret),
];

const fn secret_key(key_type: sys::CK_KEY_TYPE, of: fn(Secret) -> Result<Material>) -> KeyKind {
    KeyKind {
        key_type: KeyType(key_type),
        make: Make::Secret {
            of,
            value_len: None,
        },
    }
}

/// A type whose keys have `LEN` bytes.
const fn des_key<const LEN: usize>(key_type: sys::CK_KEY_TYPE) -> KeyKind {
    KeyKind {
        key_type: KeyType(key_type),
        make: Make::Secret {
            of: des::<LEN>,
            value_len: Some(LEN),
        },
    }
}

fn aes_key(value: Secret) -> Result<Material> {
    let key = aes::Key::new(value).map_err(|_| refused("an AES key has 16, 24 or 32 bytes"))?;
    Ok(Material::Aes(key, OnceLock::new()))
}

fn aes_xts_key(value: Secret) -> Result<Material> {
    let key = xts::Key::new(value)
        .map_err(|_| refused("an AES-XTS key has 64 bytes, and its halves differ"))?;
    Ok(Material::AesXts(key))
}

fn des<const LEN: usize>(value: Secret) -> Result<Material> {
    let words = "a key of DES has 8 bytes, of triple DES 16 or 24, as its type says";
    if value.len() != LEN {
        return Err(refused(words));
    }
    let key = des3::Key::new(value).map_err(|_| refused(words))?;
    Ok(Material::Des3(key))
}

fn generic_secret(value: Secret) -> Result<Material> {
    if !(1..=limits::GENERIC_SECRET_BYTES).contains(&value.len()) {
        let context = format!("a secret has 1 to {} bytes", limits::GENERIC_SECRET_BYTES);
        return Err(Error::new(Reason::AttributeValueInvalid, context));
    }
    Ok(Material::Bytes(hmac::Key::new(value)))
}

fn refused(why: &str) -> Error {
    Error::new(Reason::AttributeValueInvalid, why)
}

/// A key whose material is its value.
trait SecretKey: Send + Sync {
    fn value(&self) -> &Secret;

    fn check_value(&self) -> Option<[u8; 3]>;
}

impl SecretKey for aes::Key {
    fn value(&self) -> &Secret {
        self.value()
    }

    /// The beginning of an encrypted block of zeroes.
    fn check_value(&self) -> Option<[u8; 3]> {
        let mut block = [0; aes::BLOCK];
        self.encrypt_block(&mut block).ok()?;
        block.first_chunk().copied()
    }
}

impl SecretKey for des3::Key {
    fn value(&self) -> &Secret {
        self.value()
    }

    /// The same.
    fn check_value(&self) -> Option<[u8; 3]> {
        let mut block = [0; des3::BLOCK];
        self.encrypt_block(&mut block);
        block.first_chunk().copied()
    }
}

impl SecretKey for xts::Key {
    fn value(&self) -> &Secret {
        self.value()
    }

    fn check_value(&self) -> Option<[u8; 3]> {
        hashed(self.value())
    }
}

impl SecretKey for hmac::Key {
    fn value(&self) -> &Secret {
        self.value()
    }

    fn check_value(&self) -> Option<[u8; 3]> {
        hashed(self.value())
    }
}

/// The beginning of a secret's SHA-1.
fn hashed(value: &Secret) -> Option<[u8; 3]> {
    let mut hash = [0; crypto::hash::MAX_LEN];
    Hash::Sha1.of(value.reveal(), &mut hash).ok()?;
    hash.first_chunk().copied()
}

impl<K: SecretKey> KeyMaterial for K {
    fn bits(&self) -> u64 {
        SecretKey::value(self).len() as u64 * 8
    }

    fn sealed_form(&self) -> Result<Option<Secret>> {
        Ok(Some(copied(SecretKey::value(self))))
    }

    fn computed(&self) -> Result<Vec<(AttributeType, Plain)>> {
        let len = SecretKey::value(self).len() as u64;
        Ok(vec![(AttributeType::VALUE_LEN, len.into())])
    }

    fn secret(&self, kind: AttributeType) -> Result<Option<Secret>> {
        Ok((kind == AttributeType::VALUE).then(|| copied(SecretKey::value(self))))
    }

    fn wrapped_form(&self) -> Result<Secret> {
        Ok(copied(SecretKey::value(self)))
    }

    fn value(&self) -> Option<&[u8]> {
        Some(SecretKey::value(self).reveal())
    }

    fn check_value(&self) -> Option<[u8; 3]> {
        SecretKey::check_value(self)
    }
}

fn copied(value: &Secret) -> Secret {
    Secret::from(value.reveal())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Attributes, Secrets};

    fn attributes(key_type: sys::CK_KEY_TYPE) -> Attributes {
        let mut attributes = Attributes::default();
        attributes.set(AttributeType::CLASS, sys::CKO_SECRET_KEY.into());
        attributes.set(AttributeType::KEY_TYPE, key_type.into());
        attributes
    }

    fn created(key_type: sys::CK_KEY_TYPE, value: &[u8]) -> Result<Material> {
        Material::create(&attributes(key_type), &Secrets::value(value))
    }

    fn reason(result: Result<Material>) -> Option<Reason> {
        result.err().map(|error| error.reason)
    }

    #[test]
    fn an_aes_key_has_one_of_three_lengths() {
        for len in [16, 24, 32] {
            let key = created(sys::CKK_AES, &vec![7; len]).unwrap();
            assert_eq!(key.bits(), len as u64 * 8);
        }
        for len in [0, 15, 17, 33, 64] {
            let refused = reason(created(sys::CKK_AES, &vec![7; len]));
            assert_eq!(refused, Some(Reason::AttributeValueInvalid), "{len}");
        }
    }

    #[test]
    fn each_type_of_des_key_has_one_length() {
        let types = [(sys::CKK_DES, 8), (sys::CKK_DES2, 16), (sys::CKK_DES3, 24)];
        for (key_type, len) in types {
            for given in [0, 7, 8, 16, 24, 32] {
                let made = created(key_type, &vec![7; given]);
                assert_eq!(made.is_ok(), given == len, "{key_type:#x} {given}");
            }
        }
    }

    #[test]
    fn a_generic_secret_is_neither_empty_nor_endless() {
        for len in [0, limits::GENERIC_SECRET_BYTES + 1] {
            let refused = reason(created(sys::CKK_GENERIC_SECRET, &vec![7; len]));
            assert_eq!(refused, Some(Reason::AttributeValueInvalid), "{len}");
        }
        let longest = vec![7; limits::GENERIC_SECRET_BYTES];
        assert!(created(sys::CKK_GENERIC_SECRET, &longest).is_ok());
    }

    #[test]
    fn the_halves_of_an_xts_key_differ() {
        let refused = reason(created(sys::CKK_AES_XTS, &[7; 64]));
        assert_eq!(refused, Some(Reason::AttributeValueInvalid));
        let value: Vec<u8> = (0..64).collect();
        assert_eq!(created(sys::CKK_AES_XTS, &value).unwrap().bits(), 512);
    }

    #[test]
    fn a_key_of_an_unknown_type_is_refused() {
        let refused = reason(created(sys::CKK_RC4, &[7; 16]));
        assert_eq!(refused, Some(Reason::AttributeValueInvalid));
    }

    #[test]
    fn the_check_value_of_an_aes_key_is_an_encrypted_zero_block() {
        // AESAVS, KeySbox, 128 bits, first vector, turned round: AES of zeroes under zeroes.
        let material = created(sys::CKK_AES, &[0; 16]).unwrap();
        assert_eq!(material.face().check_value(), Some([0x66, 0xE9, 0x4B]));
    }

    #[test]
    fn the_check_value_of_a_generic_secret_is_its_sha1() {
        let material = created(sys::CKK_GENERIC_SECRET, b"abc").unwrap();
        assert_eq!(material.face().check_value(), Some([0xA9, 0x99, 0x3E]));
    }

    #[test]
    fn what_is_sealed_restores_the_same_key() {
        let material = created(sys::CKK_AES, &[5; 24]).unwrap();
        let sealed = material.face().sealed_form().unwrap();
        let again = Material::restore(&attributes(sys::CKK_AES), sealed).unwrap();
        assert_eq!(again.value(), Some(&[5; 24][..]));
    }
}

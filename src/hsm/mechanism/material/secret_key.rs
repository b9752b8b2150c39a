//! Secret keys: their material is their value.

use crypto::{Secret, aes, hash::Hash};
use cryptoki_sys as sys;
use token::{AttributeType, Error, KeyType, Reason, Result, limits};

use super::{KeyKind, KeyMaterial, Make, Material};
use crate::object::Plain;

pub(super) static KINDS: &[KeyKind] = &[
    secret_key(sys::CKK_AES, aes_key),
    secret_key(sys::CKK_GENERIC_SECRET, generic_secret),
    secret_key(sys::CKK_HKDF, generic_secret),
    secret_key(sys::CKK_SHA_1_HMAC, generic_secret),
    secret_key(sys::CKK_SHA224_HMAC, generic_secret),
    secret_key(sys::CKK_SHA256_HMAC, generic_secret),
    secret_key(sys::CKK_SHA384_HMAC, generic_secret),
    secret_key(sys::CKK_SHA512_HMAC, generic_secret),
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

fn aes_key(value: Secret) -> Result<Material> {
    let key = aes::Key::new(value).map_err(|_| {
        Error::new(
            Reason::AttributeValueInvalid,
            "an AES key has 16, 24 or 32 bytes",
        )
    })?;
    Ok(Material::Aes(key))
}

fn generic_secret(value: Secret) -> Result<Material> {
    if !(1..=limits::GENERIC_SECRET_BYTES).contains(&value.len()) {
        let context = format!("a secret has 1 to {} bytes", limits::GENERIC_SECRET_BYTES);
        return Err(Error::new(Reason::AttributeValueInvalid, context));
    }
    Ok(Material::Bytes(value))
}

impl KeyMaterial for aes::Key {
    fn bits(&self) -> u64 {
        bits_of(aes::Key::value(self).reveal())
    }

    fn sealed_form(&self) -> Result<Option<Secret>> {
        Ok(Some(copied(aes::Key::value(self))))
    }

    fn computed(&self) -> Result<Vec<(AttributeType, Plain)>> {
        Ok(length_of(aes::Key::value(self)))
    }

    fn secret(&self, kind: AttributeType) -> Result<Option<Secret>> {
        Ok(value_as(kind, aes::Key::value(self)))
    }

    fn wrapped_form(&self) -> Result<Secret> {
        Ok(copied(aes::Key::value(self)))
    }

    fn value(&self) -> Option<&[u8]> {
        Some(aes::Key::value(self).reveal())
    }

    /// The beginning of an encrypted block of zeroes.
    fn check_value(&self) -> Option<[u8; 3]> {
        let mut block = [0; aes::BLOCK];
        self.encrypt_block(&mut block).ok()?;
        block.first_chunk().copied()
    }
}

impl KeyMaterial for Secret {
    fn bits(&self) -> u64 {
        bits_of(self.reveal())
    }

    fn sealed_form(&self) -> Result<Option<Secret>> {
        Ok(Some(copied(self)))
    }

    fn computed(&self) -> Result<Vec<(AttributeType, Plain)>> {
        Ok(length_of(self))
    }

    fn secret(&self, kind: AttributeType) -> Result<Option<Secret>> {
        Ok(value_as(kind, self))
    }

    fn wrapped_form(&self) -> Result<Secret> {
        Ok(copied(self))
    }

    fn value(&self) -> Option<&[u8]> {
        Some(self.reveal())
    }

    /// The beginning of its SHA-1.
    fn check_value(&self) -> Option<[u8; 3]> {
        let mut hash = [0; crypto::hash::MAX_LEN];
        Hash::Sha1.of(self.reveal(), &mut hash).ok()?;
        hash.first_chunk().copied()
    }
}

fn bits_of(value: &[u8]) -> u64 {
    value.len() as u64 * 8
}

fn copied(value: &Secret) -> Secret {
    Secret::from(value.reveal())
}

fn length_of(value: &Secret) -> Vec<(AttributeType, Plain)> {
    vec![(AttributeType::VALUE_LEN, (value.len() as u64).into())]
}

fn value_as(kind: AttributeType, value: &Secret) -> Option<Secret> {
    (kind == AttributeType::VALUE).then(|| copied(value))
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
    fn a_generic_secret_is_neither_empty_nor_endless() {
        for len in [0, limits::GENERIC_SECRET_BYTES + 1] {
            let refused = reason(created(sys::CKK_GENERIC_SECRET, &vec![7; len]));
            assert_eq!(refused, Some(Reason::AttributeValueInvalid), "{len}");
        }
        let longest = vec![7; limits::GENERIC_SECRET_BYTES];
        assert!(created(sys::CKK_GENERIC_SECRET, &longest).is_ok());
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

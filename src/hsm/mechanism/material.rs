//! The secret part of a key, in the type that its algorithms use.

use crypto::{Secret, aes, hash::Hash};
use cryptoki_sys as sys;
use token::{Error, KeyType, Reason, Result, limits};

/// What makes a key a key. It never leaves the engine but where PKCS#11 reveals it.
pub(crate) enum Material {
    /// `CKK_AES`.
    Aes(aes::Key),
    /// `CKK_GENERIC_SECRET`, and the key types that are reserved for one HMAC.
    Bytes(Secret),
}

/// How material of a key type is made from `CKA_VALUE`.
type Make = fn(Secret) -> Result<Material>;

/// The types of secret key: one row for each.
const KEY_TYPES: &[(sys::CK_KEY_TYPE, Make)] = &[
    (sys::CKK_AES, aes_key),
    (sys::CKK_GENERIC_SECRET, generic_secret),
    (sys::CKK_SHA_1_HMAC, generic_secret),
    (sys::CKK_SHA224_HMAC, generic_secret),
    (sys::CKK_SHA256_HMAC, generic_secret),
    (sys::CKK_SHA384_HMAC, generic_secret),
    (sys::CKK_SHA512_HMAC, generic_secret),
];

impl Material {
    /// A secret key from its value: from a template, or as it was stored.
    pub(crate) fn import(key_type: KeyType, value: &[u8]) -> Result<Self> {
        Self::from_secret(key_type, Secret::from(value))
    }

    /// As [`Material::import`], for a value that is in locked memory already.
    pub(crate) fn from_secret(key_type: KeyType, value: Secret) -> Result<Self> {
        let row = KEY_TYPES.iter().find(|(known, _)| *known == key_type.0);
        let (_, make) = row.ok_or_else(|| {
            Error::new(
                Reason::AttributeValueInvalid,
                format!("CKA_KEY_TYPE {:#x}", key_type.0),
            )
        })?;
        make(value)
    }

    /// The value: what is sealed, and what `CKA_VALUE` is where it may be revealed.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Material::Aes(key) => key.value().reveal(),
            Material::Bytes(secret) => secret.reveal(),
        }
    }

    /// The key's length.
    pub(crate) fn bits(&self) -> u64 {
        self.bytes().len() as u64 * 8
    }

    /// The AES key, if it is one.
    pub(crate) fn aes(&self) -> Option<&aes::Key> {
        match self {
            Material::Aes(key) => Some(key),
            Material::Bytes(_) => None,
        }
    }

    /// `CKA_CHECK_VALUE` (§4.10.2): for a block cipher the beginning of an encrypted block of
    /// zeroes, for other secrets the beginning of their SHA-1.
    pub(crate) fn check_value(&self) -> Option<[u8; 3]> {
        match self {
            Material::Aes(key) => {
                let mut block = [0; aes::BLOCK];
                key.encrypt_block(&mut block).ok()?;
                block.first_chunk().copied()
            }
            Material::Bytes(secret) => {
                let mut hash = [0; crypto::hash::MAX_LEN];
                Hash::Sha1.of(secret.reveal(), &mut hash).ok()?;
                hash.first_chunk().copied()
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn import(key_type: sys::CK_KEY_TYPE, value: &[u8]) -> Result<Material> {
        Material::import(KeyType(key_type), value)
    }

    fn reason(result: Result<Material>) -> Option<Reason> {
        result.err().map(|error| error.reason)
    }

    #[test]
    fn an_aes_key_has_one_of_three_lengths() {
        for len in [16, 24, 32] {
            assert_eq!(
                import(sys::CKK_AES, &vec![7; len]).unwrap().bits(),
                len as u64 * 8
            );
        }
        for len in [0, 15, 17, 33, 64] {
            let refused = reason(import(sys::CKK_AES, &vec![7; len]));
            assert_eq!(refused, Some(Reason::AttributeValueInvalid), "{len}");
        }
    }

    #[test]
    fn a_generic_secret_is_neither_empty_nor_endless() {
        for len in [0, limits::GENERIC_SECRET_BYTES + 1] {
            let refused = reason(import(sys::CKK_GENERIC_SECRET, &vec![7; len]));
            assert_eq!(refused, Some(Reason::AttributeValueInvalid), "{len}");
        }
        let longest = import(
            sys::CKK_GENERIC_SECRET,
            &vec![7; limits::GENERIC_SECRET_BYTES],
        );
        assert!(longest.is_ok());
    }

    #[test]
    fn a_key_of_an_unknown_type_is_refused() {
        assert_eq!(
            reason(import(sys::CKK_RC4, &[7; 16])),
            Some(Reason::AttributeValueInvalid)
        );
    }

    #[test]
    fn the_check_value_of_an_aes_key_is_an_encrypted_zero_block() {
        // AESAVS, KeySbox, 128 bits, first vector, turned round: AES of zeroes under zeroes.
        let material = import(sys::CKK_AES, &[0; 16]).unwrap();
        assert_eq!(material.check_value(), Some([0x66, 0xE9, 0x4B]));
    }

    #[test]
    fn the_check_value_of_a_generic_secret_is_its_sha1() {
        let material = import(sys::CKK_GENERIC_SECRET, b"abc").unwrap();
        assert_eq!(material.check_value(), Some([0xA9, 0x99, 0x3E]));
    }
}

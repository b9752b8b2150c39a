//! A password of kmsuser: erased when dropped, never printed.

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// How long the passwords are that KMS makes.
const LEN: usize = 32;
/// Letters and digits only: every module takes them.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A password of kmsuser.
pub(crate) struct Password(Zeroizing<String>);

impl Password {
    pub(crate) fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// One that nobody knows.
    pub(crate) fn random() -> Result<Self, crypto::Error> {
        let mut text = Zeroizing::new(String::with_capacity(LEN));
        while text.len() < LEN {
            let mut bytes = Zeroizing::new([0; LEN]);
            crypto::random::fill(bytes.as_mut_slice())?;
            // Each letter has four of the 248 values below 4 × 62; the rest would favour some.
            let fair = bytes
                .iter()
                .filter(|byte| **byte < 248)
                .take(LEN - text.len());
            text.extend(
                fair.filter_map(|byte| ALPHABET.get(usize::from(byte % 62)))
                    .map(|b| char::from(*b)),
            );
        }
        Ok(Self(text))
    }

    /// The password itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether they are the same, in a time that does not tell where they differ.
    pub(crate) fn is(&self, other: &Self) -> bool {
        crypto::eq(self.0.as_bytes(), other.0.as_bytes())
    }
}

/// As it stands in a request.
impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_password_has_32_letters_and_digits() {
        let (a, b) = (Password::random().unwrap(), Password::random().unwrap());
        assert_eq!(a.reveal().len(), 32);
        assert!(a.reveal().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(!a.is(&b));
    }
}

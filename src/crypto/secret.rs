//! Bytes that nobody may see: in memory that is locked, left out of dumps, and erased.

use zeroize::Zeroize;

use crate::{Result, locked::Region, random};

/// A secret. It has no `Debug` and no `Clone`: to see or copy it takes a [`Secret::reveal`] that a
/// reader can search for.
pub struct Secret(Region);

impl Secret {
    /// Random bytes.
    pub fn random(len: usize) -> Result<Self> {
        let mut region = Region::zeroed(len);
        random::fill(region.bytes_mut())?;
        Ok(Self(region))
    }

    /// The parts one after the other.
    pub fn joined(parts: &[&[u8]]) -> Self {
        let mut region = Region::zeroed(parts.iter().map(|part| part.len()).sum());
        let mut rest = region.bytes_mut();
        for part in parts {
            let (head, tail) = rest.split_at_mut(part.len());
            head.copy_from_slice(part);
            rest = tail;
        }
        Self(region)
    }

    /// Zero bytes, for `fill` to write over.
    pub fn filled<E>(
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> std::result::Result<(), E>,
    ) -> std::result::Result<Self, E> {
        let mut region = Region::zeroed(len);
        fill(region.bytes_mut())?;
        Ok(Self(region))
    }

    /// The secret itself.
    pub fn reveal(&self) -> &[u8] {
        self.0.bytes()
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.0.bytes().len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A copy; the caller's own bytes stay the caller's to erase.
impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self::joined(&[bytes])
    }
}

/// A copy, and the original is erased.
impl From<Vec<u8>> for Secret {
    fn from(mut bytes: Vec<u8>) -> Self {
        let secret = Self::joined(&[&bytes]);
        bytes.zeroize();
        secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_its_parts_one_after_the_other() {
        assert_eq!(Secret::joined(&[b"ab", b"", b"c"]).reveal(), b"abc");
    }

    #[test]
    fn an_empty_secret_is_possible() {
        assert!(Secret::from(&b""[..]).is_empty());
    }

    #[test]
    fn two_random_secrets_differ() {
        let (a, b) = (Secret::random(32).unwrap(), Secret::random(32).unwrap());
        assert_ne!(a.reveal(), b.reveal());
    }
}

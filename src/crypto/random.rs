//! Randomness: AWS-LC's generator, seeded from the operating system and safe across fork; a few
//! bytes come out of what it gave ahead (`pool`).

use zeroize::Zeroizing;

use crate::{
    Error, Result, Secret,
    aes::{BLOCK, Counter, Key},
    hmac_sha256, pool,
};

/// Fills `bytes` with random bytes.
pub fn fill(bytes: &mut [u8]) -> Result<()> {
    match pool::take(bytes)? {
        true => Ok(()),
        false => draw(bytes),
    }
}

/// Fills `bytes` from the library's generator.
pub(crate) fn draw(bytes: &mut [u8]) -> Result<()> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| Error::Random)
}

/// An array of random bytes.
pub fn array<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// What callers have added to the randomness. AWS-LC's generator takes no input of a caller, so
/// the input goes on top: every output of the generator is covered with a key stream that depends
/// on all seeds and on fresh randomness. Seeds can only add to what cannot be guessed.
pub struct Seeds(Secret);

impl Seeds {
    /// No seed yet.
    pub fn new() -> Result<Self> {
        Secret::random(32).map(Self)
    }

    /// One more seed.
    pub fn add(&mut self, seed: &[u8]) {
        let mixed = Zeroizing::new(hmac_sha256(self.0.reveal(), &[seed]));
        self.0 = Secret::from(&mixed[..]);
    }

    /// Fills `bytes` with random bytes that the seeds have a part in.
    pub fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        let fresh: Zeroizing<[u8; 32]> = Zeroizing::new(array()?);
        let key = Zeroizing::new(hmac_sha256(self.0.reveal(), &[&fresh[..]]));
        let key = Key::new(Secret::from(&key[..]))?;
        let mut stream = Counter::new(128, [0; BLOCK])?;
        let mut drawn = Zeroizing::new([0; 4_096]);
        for piece in bytes.chunks_mut(drawn.len()) {
            let drawn = drawn.get_mut(..piece.len()).ok_or(Error::Length)?;
            fill(drawn)?;
            stream.apply(&key, drawn, piece)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_does_not_give_the_same_bytes() {
        let draw = || {
            let mut seeds = Seeds::new().unwrap();
            seeds.add(b"seed");
            let mut bytes = [0; 10_000];
            seeds.fill(&mut bytes).unwrap();
            bytes
        };
        let (first, second) = (draw(), draw());
        assert_ne!(first, second);
        // No piece is left out.
        assert!(first.chunks(16).all(|chunk| chunk != [0; 16]));
    }
}

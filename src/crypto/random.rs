//! Randomness: AWS-LC's generator, seeded from the operating system and safe across fork.

use crate::{Error, Result};

/// Fills `bytes` with random bytes.
pub fn fill(bytes: &mut [u8]) -> Result<()> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| Error::Random)
}

/// An array of random bytes.
pub fn array<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

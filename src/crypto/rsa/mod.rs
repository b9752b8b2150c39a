//! RSA (RFC 8017): keys, and what is done with them. Private operations are blinded and checked
//! against faults by the library. The paddings of encryption are in `encryption`, of signatures in
//! `signature`; `rejection` is why a wrong PKCS #1 v1.5 ciphertext tells nothing.

mod encryption;
mod rejection;
mod signature;

use std::{ops::Range, sync::OnceLock};

use zeroize::Zeroizing;

pub use crate::native::rsa::Component;
pub use encryption::Oaep;
pub use signature::Pss;

use crate::{
    Error, Result, Secret,
    hash::Hash,
    native::{
        number::Number,
        rsa::{Components, Key},
        rsa_parts::Arithmetic,
    },
};

/// Bits in the shortest modulus of a public key: signatures of long ago are verified with it.
pub const PUBLIC_BITS_MIN: usize = 512;
/// Bits in the shortest modulus of a private key: for old keys; a new key should have 2048.
pub const BITS_MIN: usize = 1024;
/// Bits in the longest modulus.
pub const BITS_MAX: usize = 8192;
/// Bits in the shortest modulus of a new key.
pub const GENERATED_BITS_MIN: usize = if cfg!(feature = "fips") {
    2048
} else {
    BITS_MIN
};
/// The least public exponent of a new key (FIPS 186-5, appendix A.1.1: above 2^16).
pub const GENERATED_EXPONENT_MIN: u64 = if cfg!(feature = "fips") {
    0x1_0001
} else {
    EXPONENT_MIN
};
/// The least public exponent.
const EXPONENT_MIN: u64 = 3;
/// Bits in the longest modulus of a new key: a longer one takes minutes to find.
pub const GENERATED_BITS_MAX: usize = 4096;
/// Bytes in the longest modulus.
pub const LEN_MAX: usize = BITS_MAX / 8;

/// The whole of a block of any key.
type Block = Zeroizing<[u8; LEN_MAX]>;

/// A public key. Any number of threads may use it.
pub struct PublicKey {
    key: Key,
    modulus: Vec<u8>,
}

/// A private key. Any number of threads may use it.
pub struct PrivateKey {
    key: Key,
    modulus: Vec<u8>,
    /// What stands in for a message that is not there.
    rejection: OnceLock<Secret>,
}

/// The numbers of a private key as a template has them: big-endian, and not all need be there.
#[derive(Clone, Copy, Default)]
pub struct Parts<'a> {
    /// n.
    pub modulus: &'a [u8],
    /// e.
    pub public_exponent: &'a [u8],
    /// d.
    pub private_exponent: &'a [u8],
    /// p and q; from n, e and d where they are not there.
    pub primes: Option<[&'a [u8]; 2]>,
    /// d mod p − 1 and d mod q − 1; from the primes where they are not there.
    pub exponents: Option<[&'a [u8]; 2]>,
    /// q⁻¹ mod p; from the primes where it is not there.
    pub coefficient: Option<&'a [u8]>,
}

impl PublicKey {
    /// A key from its numbers: n odd and of a legal length, e odd, above 2 and below 2^33.
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self> {
        // Before the library multiplies with it.
        bits(modulus, PUBLIC_BITS_MIN)?;
        Self::checked(Key::public(modulus, exponent).map_err(|_| Error::Key)?)
    }

    /// A key from its SubjectPublicKeyInfo.
    pub fn from_info(der: &[u8]) -> Result<Self> {
        Self::checked(Key::from_info(der)?)
    }

    /// The key's SubjectPublicKeyInfo.
    pub fn info(&self) -> Result<Vec<u8>> {
        self.key.pkey().info()
    }

    /// n, big-endian, without leading zeroes.
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// e, big-endian, without leading zeroes.
    pub fn exponent(&self) -> Result<Vec<u8>> {
        Ok(Vec::from(
            self.key.component(Component::PublicExponent)?.reveal(),
        ))
    }

    /// Bits in the modulus.
    pub fn bits(&self) -> usize {
        self.key.bits()
    }

    fn checked(key: Key) -> Result<Self> {
        let modulus = modulus(&key, PUBLIC_BITS_MIN)?;
        Ok(Self { key, modulus })
    }
}

impl PrivateKey {
    /// A new key. `bits` is a legal length and a multiple of 128; the exponent odd,
    /// [`GENERATED_EXPONENT_MIN`] at least and below 2^32.
    pub fn generate(bits: usize, exponent: &[u8]) -> Result<Self> {
        if !(GENERATED_BITS_MIN..=GENERATED_BITS_MAX).contains(&bits) || !bits.is_multiple_of(128) {
            return Err(Error::Length);
        }
        // The library takes old keys with a longer one, and makes no new ones.
        if !is_exponent(exponent, GENERATED_EXPONENT_MIN..1 << 32) {
            return Err(Error::Range);
        }
        let key = Self::checked(Key::generate(bits, exponent)?)?;
        if cfg!(feature = "fips") {
            key.check_pair()?;
        }
        Ok(key)
    }

    /// Whether the halves of a new key belong together (FIPS 140-3 IG 10.3.A): it costs a signature.
    fn check_pair(&self) -> Result<()> {
        let (digest, mut signature) = ([0xa5; 32], vec![0; self.modulus.len()]);
        self.sign_hash(Hash::Sha256, &digest, &mut signature)?;
        let verified = self
            .public()?
            .verify_hash(Hash::Sha256, &digest, &signature);
        verified.map_err(|_| Error::SelfTest("a new RSA pair"))
    }

    /// A key from its numbers, which must belong together.
    pub fn new(parts: &Parts<'_>) -> Result<Self> {
        bits(parts.modulus, BITS_MIN)?;
        // Before arithmetic with them takes long.
        let numbers = [parts.private_exponent, parts.coefficient.unwrap_or(&[])];
        let pairs = [parts.primes, parts.exponents].into_iter().flatten();
        let mut all = numbers.into_iter().chain(pairs.flatten());
        if !is_exponent(parts.public_exponent, EXPONENT_MIN..1 << 33) {
            return Err(Error::Range);
        }
        if all.any(|number| number.len() > LEN_MAX + 1) {
            return Err(Error::Key);
        }

        let arithmetic = Arithmetic::new()?;
        let modulus = Number::from_bytes(parts.modulus)?;
        let public_exponent = Number::from_bytes(parts.public_exponent)?;
        let private_exponent = Number::from_bytes(parts.private_exponent)?;
        let primes = match parts.primes {
            Some([p, q]) => [Number::from_bytes(p)?, Number::from_bytes(q)?],
            None => arithmetic.primes(&modulus, &public_exponent, &private_exponent)?,
        };
        let exponents = match parts.exponents {
            Some([p, q]) => [Number::from_bytes(p)?, Number::from_bytes(q)?],
            None => [
                arithmetic.exponent(&private_exponent, &primes[0])?,
                arithmetic.exponent(&private_exponent, &primes[1])?,
            ],
        };
        let coefficient = match parts.coefficient {
            Some(coefficient) => Number::from_bytes(coefficient)?,
            None => arithmetic.coefficient(&primes)?,
        };
        Self::checked(Key::private(&Components {
            modulus,
            public_exponent,
            private_exponent,
            primes,
            exponents,
            coefficient,
        })?)
    }

    /// A key from PKCS #8.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self> {
        Self::checked(Key::from_pkcs8(der)?)
    }

    /// The key in PKCS #8.
    pub fn pkcs8(&self) -> Result<Secret> {
        self.key.pkey().pkcs8()
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> Result<PublicKey> {
        let exponent = self.key.component(Component::PublicExponent)?;
        PublicKey::new(&self.modulus, exponent.reveal())
    }

    /// n, big-endian, without leading zeroes.
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// One of the key's numbers, big-endian, without leading zeroes.
    pub fn component(&self, component: Component) -> Result<Secret> {
        self.key.component(component)
    }

    /// Bits in the modulus.
    pub fn bits(&self) -> usize {
        self.key.bits()
    }

    fn checked(key: Key) -> Result<Self> {
        let modulus = modulus(&key, BITS_MIN)?;
        Ok(Self {
            key,
            modulus,
            rejection: OnceLock::new(),
        })
    }
}

/// The modulus of a key that has a legal length.
fn modulus(key: &Key, least: usize) -> Result<Vec<u8>> {
    let modulus = Vec::from(key.component(Component::Modulus)?.reveal());
    bits(&modulus, least)?;
    Ok(modulus)
}

/// Bits in a modulus of a legal length.
fn bits(modulus: &[u8], least: usize) -> Result<usize> {
    let zeroes = modulus.iter().take_while(|byte| **byte == 0).count();
    let significant = modulus.get(zeroes..).unwrap_or_default();
    let first = significant.first().ok_or(Error::Length)?;
    let bits = significant.len() * 8 - first.leading_zeros() as usize;
    if (least..=BITS_MAX).contains(&bits) {
        Ok(bits)
    } else {
        Err(Error::Length)
    }
}

/// Whether it is odd and in `range`, which the library takes.
fn is_exponent(bytes: &[u8], range: Range<u64>) -> bool {
    let zeroes = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = bytes.get(zeroes..).unwrap_or_default();
    let value = significant
        .iter()
        .fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    significant.len() <= 5 && value % 2 == 1 && range.contains(&value)
}

/// The input as a block of the key's length, zeroes before it; an error where it is not smaller
/// than the modulus.
fn block(input: &[u8], modulus: &[u8]) -> Result<Block> {
    let mut block = Zeroizing::new([0; LEN_MAX]);
    let start = modulus
        .len()
        .checked_sub(input.len())
        .ok_or(Error::Length)?;
    let whole = block.get_mut(..modulus.len()).ok_or(Error::Length)?;
    let (_, end) = whole.split_at_mut_checked(start).ok_or(Error::Length)?;
    end.copy_from_slice(input);
    // What is compared is not secret to who asks for the operation.
    if whole.iter().lt(modulus.iter()) {
        Ok(block)
    } else {
        Err(Error::Range)
    }
}

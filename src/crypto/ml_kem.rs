//! ML-KEM (FIPS 203): a shared secret for the owner of a public key.

use crate::{
    Error, Result, Secret,
    native::{
        pkey::Pkey,
        pqc::{self, Halves},
    },
    seeded::{Algorithm, Said, Seeded, parameter_sets},
};

/// Bytes in a seed: d and z, one after the other.
pub const SEED_LEN: usize = 64;
/// Bytes in a shared secret.
pub const SECRET_LEN: usize = 32;

// FIPS 203 Table 3, RFC 9935 §3.
parameter_sets! {
    /// Bytes in a ciphertext.
    ciphertext_len, seed SEED_LEN;
    /// ML-KEM-512, security category 1.
    MlKem512 = pqc::ML_KEM_512, [4, 1], 800, 1_632, 768;
    /// ML-KEM-768, security category 3.
    MlKem768 = pqc::ML_KEM_768, [4, 2], 1_184, 2_400, 1_088;
    /// ML-KEM-1024, security category 5.
    MlKem1024 = pqc::ML_KEM_1024, [4, 3], 1_568, 3_168, 1_568;
}

/// A public key: an encapsulation key.
pub struct PublicKey {
    set: ParameterSet,
    key: Pkey,
    bytes: Vec<u8>,
}

impl PublicKey {
    /// A key of its bytes, checked as FIPS 203 §7.2 asks.
    pub fn new(set: ParameterSet, bytes: &[u8]) -> Result<Self> {
        if bytes.len() != set.public_len() {
            return Err(Error::Key);
        }
        Ok(Self {
            set,
            key: pqc::kem_public(set.algorithm().library, bytes)?,
            bytes: bytes.to_vec(),
        })
    }

    /// The key's parameters.
    pub fn set(&self) -> ParameterSet {
        self.set
    }

    /// The key itself.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The key's SubjectPublicKeyInfo (RFC 9935 §4).
    pub fn info(&self) -> Result<Vec<u8>> {
        self.key.info()
    }

    /// A new secret; `ciphertext`, which has the length of the set's, carries it.
    pub fn encapsulate(&self, ciphertext: &mut [u8]) -> Result<Secret> {
        if ciphertext.len() != self.set.ciphertext_len() {
            return Err(Error::Length);
        }
        Secret::filled(SECRET_LEN, |secret| {
            pqc::kem_encapsulate(&self.key, ciphertext, secret)
        })
    }
}

/// A private key: a decapsulation key, and the seed that it was made of, where that is known.
pub struct PrivateKey {
    set: ParameterSet,
    key: Pkey,
    seed: Option<Secret>,
}

impl PrivateKey {
    /// A new key.
    pub fn generate(set: ParameterSet) -> Result<Self> {
        let key = Self::of_seed(set, Secret::random(SEED_LEN)?)?;
        // FIPS 140-3 IG 10.3.A asks for it; the library does it for no key of a given seed.
        if cfg!(feature = "fips") && !pqc::kem_consistent(&key.key, Halves::Both)? {
            return Err(Error::Library);
        }
        Ok(key)
    }

    /// A key of its seed, of its value, or of both, which must agree.
    pub fn new(set: ParameterSet, seed: Option<&[u8]>, value: Option<&[u8]>) -> Result<Self> {
        let expanded = value;
        Self::made(set, &Said { seed, expanded })
    }

    /// A key of PKCS #8 of any of RFC 9935 §6's three forms.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self> {
        Self::of_pkcs8(der)
    }

    /// The key in PKCS #8: its seed, or where that is not known its value.
    pub fn pkcs8(&self) -> Result<Secret> {
        self.to_pkcs8()
    }

    /// The key's parameters.
    pub fn set(&self) -> ParameterSet {
        self.set
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> Result<PublicKey> {
        let bytes = pqc::public_bytes(&self.key, self.set.public_len())?;
        PublicKey::new(self.set, &bytes)
    }

    /// The seed, where it is known.
    pub fn seed(&self) -> Option<&Secret> {
        self.seed.as_ref()
    }

    /// The key itself.
    pub fn value(&self) -> Result<Secret> {
        pqc::private_bytes(&self.key, self.set.private_len())
    }

    /// The secret in `ciphertext`. One that was forged gives a secret that nobody else knows (FIPS
    /// 203 §6.3): only its length can be wrong.
    pub fn decapsulate(&self, ciphertext: &[u8]) -> Result<Secret> {
        if ciphertext.len() != self.set.ciphertext_len() {
            return Err(Error::Length);
        }
        Secret::filled(SECRET_LEN, |secret| {
            pqc::kem_decapsulate(&self.key, ciphertext, secret)
        })
    }
}

impl Seeded for PrivateKey {
    type Set = ParameterSet;
    const SETS: &'static [ParameterSet] = &ParameterSet::ALL;

    fn algorithm(set: ParameterSet) -> &'static Algorithm {
        set.algorithm()
    }

    fn set(&self) -> ParameterSet {
        self.set
    }

    fn of_seed(set: ParameterSet, seed: Secret) -> Result<Self> {
        Ok(Self {
            set,
            key: pqc::kem_of_seed(set.algorithm().library, seed.reveal())?,
            seed: Some(seed),
        })
    }

    /// FIPS 203 §6.1: a private key ends in the public one, its hash and z, both of 32 bytes.
    fn of_value(set: ParameterSet, value: &[u8]) -> Result<Self> {
        let public = value
            .len()
            .checked_sub(64)
            .and_then(|end| value.get(end.checked_sub(set.public_len())?..end))
            .ok_or(Error::Key)?;
        Ok(Self {
            set,
            key: pqc::kem_private(set.algorithm().library, public, value)?,
            seed: None,
        })
    }

    fn seed(&self) -> Option<&Secret> {
        self.seed()
    }

    fn value(&self) -> Result<Secret> {
        self.value()
    }
}

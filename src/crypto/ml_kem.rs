//! ML-KEM (FIPS 203): a shared secret for the owner of a public key.

use std::ffi::c_int;

use crate::{
    Error, Result, Secret, eq,
    native::{pkey::Pkey, pqc},
    seeded::Algorithm,
};

/// Bytes in a seed: d and z, one after the other.
pub const SEED_LEN: usize = 64;
/// Bytes in a shared secret.
pub const SECRET_LEN: usize = 32;

/// A set of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterSet {
    /// ML-KEM-512, security category 1.
    MlKem512,
    /// ML-KEM-768, security category 3.
    MlKem768,
    /// ML-KEM-1024, security category 5.
    MlKem1024,
}

/// What FIPS 203 Table 3 and RFC 9935 §3 say of a set.
struct Numbers {
    library: c_int,
    public_len: usize,
    private_len: usize,
    ciphertext_len: usize,
    oid_end: [u8; 2],
}

impl ParameterSet {
    /// Every set.
    pub const ALL: [Self; 3] = [Self::MlKem512, Self::MlKem768, Self::MlKem1024];

    /// Bytes in a public key.
    pub const fn public_len(self) -> usize {
        self.numbers().public_len
    }

    /// Bytes in a private key.
    pub const fn private_len(self) -> usize {
        self.numbers().private_len
    }

    /// Bytes in a ciphertext.
    pub const fn ciphertext_len(self) -> usize {
        self.numbers().ciphertext_len
    }

    const fn numbers(self) -> &'static Numbers {
        match self {
            Self::MlKem512 => &Numbers {
                library: pqc::ML_KEM_512,
                public_len: 800,
                private_len: 1_632,
                ciphertext_len: 768,
                oid_end: [4, 1],
            },
            Self::MlKem768 => &Numbers {
                library: pqc::ML_KEM_768,
                public_len: 1_184,
                private_len: 2_400,
                ciphertext_len: 1_088,
                oid_end: [4, 2],
            },
            Self::MlKem1024 => &Numbers {
                library: pqc::ML_KEM_1024,
                public_len: 1_568,
                private_len: 3_168,
                ciphertext_len: 1_568,
                oid_end: [4, 3],
            },
        }
    }

    const fn algorithm(self) -> Algorithm {
        Algorithm {
            oid_end: self.numbers().oid_end,
            seed_len: SEED_LEN,
            expanded_len: self.private_len(),
        }
    }
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
            key: pqc::kem_public(set.numbers().library, bytes)?,
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
        if cfg!(feature = "fips") && !pqc::kem_consistent(&key.key)? {
            return Err(Error::Library);
        }
        Ok(key)
    }

    /// A key of its seed, of its value, or of both, which must agree.
    pub fn new(set: ParameterSet, seed: Option<&[u8]>, value: Option<&[u8]>) -> Result<Self> {
        match (seed, value) {
            (Some(seed), value) => {
                let key = Self::of_seed(set, Secret::from(seed))?;
                match value {
                    Some(value) if !eq(key.value()?.reveal(), value) => Err(Error::Key),
                    _ => Ok(key),
                }
            }
            (None, Some(value)) => Self::of_value(set, value),
            (None, None) => Err(Error::Key),
        }
    }

    /// A key of PKCS #8 of any of RFC 9935 §6's three forms.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self> {
        let mut sets = ParameterSet::ALL.into_iter();
        sets.find_map(|set| Some((set, set.algorithm().said(der).ok()?)))
            .ok_or(Error::Key)
            .and_then(|(set, said)| Self::new(set, said.seed, said.expanded))
    }

    /// The key in PKCS #8: its seed, or where that is not known its value.
    pub fn pkcs8(&self) -> Result<Secret> {
        let algorithm = self.set.algorithm();
        Ok(match &self.seed {
            Some(seed) => algorithm.pkcs8(Some(seed.reveal()), &[]),
            None => algorithm.pkcs8(None, self.value()?.reveal()),
        })
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

    fn of_seed(set: ParameterSet, seed: Secret) -> Result<Self> {
        if seed.len() != SEED_LEN {
            return Err(Error::Key);
        }
        Ok(Self {
            set,
            key: pqc::kem_of_seed(set.numbers().library, seed.reveal())?,
            seed: Some(seed),
        })
    }

    /// FIPS 203 §6.1: a private key ends in the public one, its hash and z, both of 32 bytes.
    fn of_value(set: ParameterSet, value: &[u8]) -> Result<Self> {
        if value.len() != set.private_len() {
            return Err(Error::Key);
        }
        let public = value
            .len()
            .checked_sub(64)
            .and_then(|end| value.get(end - set.public_len()..end))
            .ok_or(Error::Key)?;
        Ok(Self {
            set,
            key: pqc::kem_private(set.numbers().library, public, value)?,
            seed: None,
        })
    }
}

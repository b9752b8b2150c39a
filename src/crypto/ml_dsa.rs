//! ML-DSA (FIPS 204): signatures, pure or of a hash, each with a context.
//!
//! A message becomes its representative μ here, in any number of parts, and the library signs that
//! (FIPS 204 §6.2 allows the one apart from the other). Signatures are hedged: the library draws
//! the randomness itself. Deterministic ones are for who must have them, and not in the FIPS module.

mod encoding;
mod message;

use crate::{
    Error, Result, Secret,
    native::{
        pkey::Pkey,
        pqc,
        shake::{Function, Shake},
    },
    seeded::{Algorithm, Said, Seeded, parameter_sets},
};

pub use message::{Message, Prehash, PrehashStream};

/// Bytes in a seed, ξ.
pub const SEED_LEN: usize = 32;
/// Bytes in a message representative, μ.
pub const MU_LEN: usize = pqc::MU;
/// Bytes in the longest context.
pub const CONTEXT_MAX: usize = 255;
/// Whether the library signs without randomness: the FIPS module has no such service.
pub const DETERMINISTIC: bool = !cfg!(feature = "fips");

// FIPS 204 Table 2, RFC 9881 §3.
parameter_sets! {
    /// Bytes in a signature.
    signature_len, seed SEED_LEN;
    /// ML-DSA-44, security category 2.
    MlDsa44 = pqc::ML_DSA_44, [3, 17], 1_312, 2_560, 2_420;
    /// ML-DSA-65, security category 3.
    MlDsa65 = pqc::ML_DSA_65, [3, 18], 1_952, 4_032, 3_309;
    /// ML-DSA-87, security category 5.
    MlDsa87 = pqc::ML_DSA_87, [3, 19], 2_592, 4_896, 4_627;
}

/// A public key.
pub struct PublicKey {
    set: ParameterSet,
    key: Pkey,
    bytes: Vec<u8>,
    /// tr: what every message representative begins with.
    hash: [u8; 64],
}

impl PublicKey {
    /// A key of its bytes: any, if they have the right length.
    pub fn new(set: ParameterSet, bytes: &[u8]) -> Result<Self> {
        if bytes.len() != set.public_len() {
            return Err(Error::Key);
        }
        Ok(Self {
            set,
            key: pqc::dsa_public(set.algorithm().library, bytes)?,
            bytes: bytes.to_vec(),
            hash: hash(bytes)?,
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

    /// The key's SubjectPublicKeyInfo (RFC 9881 §4).
    pub fn info(&self) -> Result<Vec<u8>> {
        self.key.info()
    }

    /// A message of pure ML-DSA, of which nothing is known yet but its context.
    pub fn message(&self, context: &[u8]) -> Result<Message> {
        Message::pure(&self.hash, context)
    }

    /// A message of HashML-DSA, whose hash by `prehash` is `digest`.
    pub fn hashed(&self, context: &[u8], prehash: Prehash, digest: &[u8]) -> Result<Message> {
        Message::hashed(&self.hash, context, prehash, digest)
    }

    /// Whether `signature` is over `message`.
    pub fn verify(&self, message: Message, signature: &[u8]) -> Result<()> {
        if signature.len() != self.set.signature_len() {
            return Err(Error::Length);
        }
        pqc::dsa_verify(&self.key, &message.representative()?, signature)
    }
}

/// A private key, and the seed that it was made of, where that is known.
pub struct PrivateKey {
    public: PublicKey,
    key: Pkey,
    seed: Option<Secret>,
}

impl PrivateKey {
    /// A new key.
    pub fn generate(set: ParameterSet) -> Result<Self> {
        let key = Self::of_seed(set, Secret::random(SEED_LEN)?)?;
        // FIPS 140-3 IG 10.3.A asks for it; the library does it for no key of a given seed.
        if cfg!(feature = "fips") {
            key.signs_for_its_public_key()?;
        }
        Ok(key)
    }

    /// A key of its seed, of its value, or of both, which must agree.
    pub fn new(set: ParameterSet, seed: Option<&[u8]>, value: Option<&[u8]>) -> Result<Self> {
        let expanded = value;
        Self::made(set, &Said { seed, expanded })
    }

    /// A key of PKCS #8 of any of RFC 9881 §6's three forms.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self> {
        Self::of_pkcs8(der)
    }

    /// The key in PKCS #8: its seed, or where that is not known its value.
    pub fn pkcs8(&self) -> Result<Secret> {
        self.to_pkcs8()
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The seed, where it is known.
    pub fn seed(&self) -> Option<&Secret> {
        self.seed.as_ref()
    }

    /// The key itself.
    pub fn value(&self) -> Result<Secret> {
        pqc::private_bytes(&self.key, self.public.set.private_len())
    }

    /// Signs `message`, which [`PrivateKey::public`] began; `signature` has the set's length.
    pub fn sign(&self, message: Message, signature: &mut [u8]) -> Result<()> {
        if signature.len() != self.public.set.signature_len() {
            return Err(Error::Length);
        }
        pqc::dsa_sign(&self.key, &message.representative()?, signature)
    }

    /// Signs `message` as [`PrivateKey::sign`], but without randomness: always the same.
    #[cfg(not(feature = "fips"))]
    pub fn sign_deterministically(&self, message: Message, signature: &mut [u8]) -> Result<()> {
        let (set, value) = (self.public.set.algorithm().library, self.value()?);
        let mu = message.representative()?;
        crate::native::ml_dsa_deterministic::sign(set, value.reveal(), &mu, signature)
    }

    /// Signs nothing: see [`DETERMINISTIC`].
    #[cfg(feature = "fips")]
    pub fn sign_deterministically(&self, _message: Message, _signature: &mut [u8]) -> Result<()> {
        Err(Error::Library)
    }

    fn signs_for_its_public_key(&self) -> Result<()> {
        let mut signature = vec![0; self.public.set.signature_len()];
        self.sign(self.public.message(&[])?, &mut signature)?;
        self.public.verify(self.public.message(&[])?, &signature)
    }

    fn of(set: ParameterSet, key: Pkey, seed: Option<Secret>) -> Result<Self> {
        let bytes = pqc::public_bytes(&key, set.public_len())?;
        let public = PublicKey::new(set, &bytes)?;
        Ok(Self { public, key, seed })
    }
}

impl Seeded for PrivateKey {
    type Set = ParameterSet;
    const SETS: &'static [ParameterSet] = &ParameterSet::ALL;

    fn algorithm(set: ParameterSet) -> &'static Algorithm {
        set.algorithm()
    }

    fn set(&self) -> ParameterSet {
        self.public.set
    }

    fn of_seed(set: ParameterSet, seed: Secret) -> Result<Self> {
        let key = pqc::dsa_private(set.algorithm().library, seed.reveal())?;
        Self::of(set, key, Some(seed))
    }

    fn of_value(set: ParameterSet, value: &[u8]) -> Result<Self> {
        if !encoding::coefficients_are_short(set, value) {
            return Err(Error::Key);
        }
        let key = Self::of(set, pqc::dsa_private(set.algorithm().library, value)?, None)?;
        // The FIPS module compares ρ, s1 and s2 with tr, but t0 with nothing.
        if cfg!(feature = "fips") {
            key.signs_for_its_public_key().map_err(|_| Error::Key)?;
        }
        Ok(key)
    }

    fn seed(&self) -> Option<&Secret> {
        self.seed()
    }

    fn value(&self) -> Result<Secret> {
        self.value()
    }
}

fn hash(public: &[u8]) -> Result<[u8; 64]> {
    let mut shake = Shake::new(Function::Shake256)?;
    shake.update(public)?;
    let mut hash = [0; 64];
    shake.finish(&mut hash).map(|()| hash)
}

//! Elliptic curves of prime order: ECDSA (FIPS 186-5) and ECDH (SP 800-56A). Ed25519 is in
//! `edwards`, X25519 in `montgomery`.

use crate::{
    Error, Result, Secret,
    native::ec::{Group, Key, groups},
};

/// A curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// secp224r1.
    P224,
    /// secp256r1.
    P256,
    /// secp384r1.
    P384,
    /// secp521r1.
    P521,
    /// Bitcoin's curve.
    Secp256k1,
}

/// What is known of a curve.
struct Known {
    curve: Curve,
    group: Group,
    bits: usize,
    /// The DER of its object identifier.
    oid: &'static [u8],
}

/// The curves, in the order of the enum.
const CURVES: [Known; 5] = [
    Known {
        curve: Curve::P224,
        group: groups::P224,
        bits: 224,
        oid: &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x21],
    },
    Known {
        curve: Curve::P256,
        group: groups::P256,
        bits: 256,
        oid: &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    },
    Known {
        curve: Curve::P384,
        group: groups::P384,
        bits: 384,
        oid: &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
    },
    Known {
        curve: Curve::P521,
        group: groups::P521,
        bits: 521,
        oid: &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23],
    },
    Known {
        curve: Curve::Secp256k1,
        group: groups::SECP256K1,
        bits: 256,
        oid: &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a],
    },
];

/// The groups of all curves.
const GROUPS: [Group; 5] = [
    groups::P224,
    groups::P256,
    groups::P384,
    groups::P521,
    groups::SECP256K1,
];

impl Curve {
    /// Every curve.
    pub const ALL: [Curve; 5] = [
        Curve::P224,
        Curve::P256,
        Curve::P384,
        Curve::P521,
        Curve::Secp256k1,
    ];

    /// The curve with this object identifier, in DER.
    pub fn from_oid(der: &[u8]) -> Option<Self> {
        let known = CURVES.iter().find(|known| known.oid == der);
        known.map(|known| known.curve)
    }

    /// The DER of the curve's object identifier.
    pub fn oid(self) -> &'static [u8] {
        self.known().oid
    }

    /// Bits in a coordinate, and in the order.
    pub fn bits(self) -> usize {
        self.known().bits
    }

    /// Bytes in a coordinate, in a private number and in each half of a signature.
    #[allow(clippy::len_without_is_empty)] // No curve is empty.
    pub fn len(self) -> usize {
        self.bits().div_ceil(8)
    }

    /// The SubjectPublicKeyInfo of a point that is not compressed (RFC 5480 §2): with the point goes
    /// all that is to be computed of it.
    fn info(self, point: &[u8]) -> Vec<u8> {
        let oid = self.oid();
        let algorithm_len = ID_EC_PUBLIC_KEY.len() + oid.len();
        let key_len = 1 + point.len();
        let whole_len = element_len(algorithm_len) + element_len(key_len);
        let mut info = Vec::with_capacity(element_len(whole_len));
        header(&mut info, SEQUENCE, whole_len);
        header(&mut info, SEQUENCE, algorithm_len);
        info.extend_from_slice(&ID_EC_PUBLIC_KEY);
        info.extend_from_slice(oid);
        header(&mut info, BIT_STRING, key_len);
        info.push(0); // Bits of the last byte that do not count.
        info.extend_from_slice(point);
        info
    }

    fn known(self) -> &'static Known {
        let [p224, p256, p384, p521, secp256k1] = &CURVES;
        match self {
            Curve::P224 => p224,
            Curve::P256 => p256,
            Curve::P384 => p384,
            Curve::P521 => p521,
            Curve::Secp256k1 => secp256k1,
        }
    }

    fn of(key: &Key) -> Result<Self> {
        let known = CURVES
            .iter()
            .find(|known| known.group.nid == key.group().nid);
        known.map(|known| known.curve).ok_or(Error::Key)
    }
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
/// The DER of id-ecPublicKey.
const ID_EC_PUBLIC_KEY: [u8; 9] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// The beginning of a DER element of `len` bytes, of which there are fewer than 256 here.
fn header(der: &mut Vec<u8>, tag: u8, len: usize) {
    let [.., low] = len.to_be_bytes();
    match low {
        0..0x80 => der.extend_from_slice(&[tag, low]),
        _ => der.extend_from_slice(&[tag, 0x81, low]),
    }
}

/// Bytes of an element of `len` bytes with its beginning.
fn element_len(len: usize) -> usize {
    len + if len < 0x80 { 2 } else { 3 }
}

/// A public key. Any number of threads may use it.
pub struct PublicKey {
    key: Key,
    curve: Curve,
}

/// A private key. Any number of threads may use it.
pub struct PrivateKey {
    key: Key,
    curve: Curve,
}

impl PublicKey {
    /// A key from its point, compressed or not, which must be on the curve.
    pub fn new(curve: Curve, point: &[u8]) -> Result<Self> {
        let key = Key::public(curve.known().group, point)?;
        Ok(Self { key, curve })
    }

    /// A key from its SubjectPublicKeyInfo.
    pub fn from_info(der: &[u8]) -> Result<Self> {
        let key = Key::from_info(der, &GROUPS)?;
        let curve = Curve::of(&key)?;
        Ok(Self { key, curve })
    }

    /// The key's SubjectPublicKeyInfo.
    pub fn info(&self) -> Result<Vec<u8>> {
        self.key.point().map(|point| self.curve.info(point))
    }

    /// The key's curve.
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The key's point, not compressed.
    pub fn point(&self) -> Result<Vec<u8>> {
        self.key.point().map(<[u8]>::to_vec)
    }

    /// Whether `signature` is r and s, each as long as the curve's order, of a digest of any length.
    pub fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<()> {
        if signature.len() != 2 * self.curve.len() {
            return Err(Error::Length);
        }
        self.key.verify(digest, signature)
    }
}

impl PrivateKey {
    /// A new key.
    pub fn generate(curve: Curve) -> Result<Self> {
        let key = Self {
            key: Key::generate(curve.known().group)?,
            curve,
        };
        if cfg!(feature = "fips") {
            key.check_pair()?;
        }
        Ok(key)
    }

    /// Whether the halves of a new key belong together (FIPS 140-3 IG 10.3.A).
    fn check_pair(&self) -> Result<()> {
        let (digest, mut signature) = ([0xa5; 32], vec![0; 2 * self.curve.len()]);
        self.sign(&digest, &mut signature)?;
        let verified = self.public()?.verify(&digest, &signature);
        verified.map_err(|_| Error::SelfTest("a new pair on a curve"))
    }

    /// A key from its number, big-endian: below the curve's order, and not zero.
    pub fn new(curve: Curve, value: &[u8]) -> Result<Self> {
        let key = Key::private(curve.known().group, value)?;
        Ok(Self { key, curve })
    }

    /// A key from PKCS #8.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self> {
        let key = Key::from_pkcs8(der, &GROUPS)?;
        let curve = Curve::of(&key)?;
        Ok(Self { key, curve })
    }

    /// The key in PKCS #8.
    pub fn pkcs8(&self) -> Result<Secret> {
        self.key.pkcs8()
    }

    /// The SubjectPublicKeyInfo of the public key that belongs to it.
    pub fn info(&self) -> Result<Vec<u8>> {
        self.key.point().map(|point| self.curve.info(point))
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> Result<PublicKey> {
        Ok(PublicKey {
            key: self.key.public_half()?,
            curve: self.curve,
        })
    }

    /// The key's curve.
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The key's number, big-endian, as long as the curve's order.
    pub fn value(&self) -> Result<Secret> {
        self.key.value(self.curve.len())
    }

    /// Signs a digest of any length; one that is longer than the curve's order is cut (FIPS 186-5
    /// §6.4.1). `signature` becomes r and s, each as long as the order.
    pub fn sign(&self, digest: &[u8], signature: &mut [u8]) -> Result<()> {
        if signature.len() != 2 * self.curve.len() {
            return Err(Error::Length);
        }
        self.key.sign(digest, signature)
    }

    /// The secret shared with the owner of `point`, compressed or not; a point that is not on the
    /// curve is refused.
    pub fn agree(&self, point: &[u8]) -> Result<Secret> {
        Secret::filled(self.curve.len(), |shared| self.key.agree(point, shared))
    }
}

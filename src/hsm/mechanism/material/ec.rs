//! Keys on elliptic curves: `CKK_EC`, `CKK_EC_EDWARDS` and `CKK_EC_MONTGOMERY`.

use crypto::{
    Secret,
    ec::{self, Curve},
    edwards, montgomery,
};
use cryptoki_sys as sys;
use token::{AttributeType, Error, KeyType, Reason, Result};

use super::{KeyKind, KeyMaterial, Make, Material};
use crate::{
    mechanism::failure::{internal, no_key},
    object::{Attributes, Plain, Secrets},
};

pub(super) static KINDS: &[KeyKind] = &[
    public(sys::CKK_EC, prime_public),
    private(sys::CKK_EC, prime_create, prime_unwrap),
    public(sys::CKK_EC_EDWARDS, public_25519::<edwards::PublicKey>),
    private(
        sys::CKK_EC_EDWARDS,
        create_25519::<edwards::PrivateKey>,
        unwrap_25519::<edwards::PrivateKey>,
    ),
    public(
        sys::CKK_EC_MONTGOMERY,
        public_25519::<montgomery::PublicKey>,
    ),
    private(
        sys::CKK_EC_MONTGOMERY,
        create_25519::<montgomery::PrivateKey>,
        unwrap_25519::<montgomery::PrivateKey>,
    ),
];

pub(super) const fn public(
    key_type: sys::CK_KEY_TYPE,
    of: fn(&Attributes) -> Result<Material>,
) -> KeyKind {
    KeyKind {
        key_type: KeyType(key_type),
        make: Make::Public { of },
    }
}

pub(super) const fn private(
    key_type: sys::CK_KEY_TYPE,
    create: fn(&Attributes, &Secrets) -> Result<Material>,
    unwrap: fn(&Attributes, Secret) -> Result<Material>,
) -> KeyKind {
    KeyKind {
        key_type: KeyType(key_type),
        make: Make::Private {
            create,
            restore: unwrap,
            unwrap,
        },
    }
}

/// A public key, and its curve's name: edwards25519 and curve25519 have several (§6.3.3), and a key
/// keeps the one that it was made with.
pub(crate) struct Public<K> {
    pub(crate) key: K,
    pub(crate) name: &'static [u8],
}

/// The same of a private key.
pub(crate) struct Private<K> {
    pub(crate) key: K,
    pub(crate) name: &'static [u8],
}

/// The names of edwards25519: RFC 8410's object identifier, the standard's printable string, and the
/// identifier that GnuTLS and OpenPGP have from before.
const EDWARDS_25519: [&[u8]; 3] = [
    b"\x06\x03\x2b\x65\x70",
    b"\x13\x0cedwards25519",
    b"\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01",
];
/// The names of curve25519, likewise.
const CURVE_25519: [&[u8]; 3] = [
    b"\x06\x03\x2b\x65\x6e",
    b"\x13\x0acurve25519",
    b"\x06\x0a\x2b\x06\x01\x04\x01\x97\x55\x01\x05\x01",
];

/// The curve of `CKA_EC_PARAMS`.
pub(crate) fn curve(attributes: &Attributes) -> Result<Curve> {
    // SP 800-186 §3 has this curve for blockchains alone.
    let is_in = |curve: &Curve| !cfg!(feature = "fips") || *curve != Curve::Secp256k1;
    let curve = Curve::from_oid(parameters(attributes)?).filter(is_in);
    curve.ok_or_else(not_supported)
}

/// The name in `CKA_EC_PARAMS` that a key on edwards25519 has.
pub(crate) fn edwards_name(attributes: &Attributes) -> Result<&'static [u8]> {
    name(&EDWARDS_25519, parameters(attributes)?)
}

/// The name in `CKA_EC_PARAMS` that a key on curve25519 has.
pub(crate) fn montgomery_name(attributes: &Attributes) -> Result<&'static [u8]> {
    name(&CURVE_25519, parameters(attributes)?)
}

fn parameters(attributes: &Attributes) -> Result<&[u8]> {
    let parameters = attributes.bytes(AttributeType::EC_PARAMS);
    parameters.ok_or_else(|| Error::new(Reason::TemplateIncomplete, "CKA_EC_PARAMS is missing"))
}

fn name(names: &[&'static [u8]], asked: &[u8]) -> Result<&'static [u8]> {
    let found = names.iter().find(|name| **name == asked);
    found.copied().ok_or_else(not_supported)
}

fn not_supported() -> Error {
    Error::new(Reason::CurveNotSupported, "CKA_EC_PARAMS")
}

/// A point as bytes: out of a DER octet string (§6.3.3), or plain, as many callers have it. `lens`
/// are the lengths that a plain one can have.
pub(crate) fn point<'a>(encoded: &'a [u8], lens: &[usize]) -> &'a [u8] {
    let inner = match encoded {
        [4, len @ 0..=0x7f, inner @ ..] if usize::from(*len) == inner.len() => inner,
        [4, 0x81, len @ 0x80..=0xff, inner @ ..] if usize::from(*len) == inner.len() => inner,
        _ => return encoded,
    };
    if lens.contains(&inner.len()) {
        inner
    } else {
        encoded
    }
}

/// The lengths of a point on `curve`: whole, and compressed.
pub(crate) fn point_lens(curve: Curve) -> [usize; 2] {
    [1 + 2 * curve.len(), 1 + curve.len()]
}

/// A DER octet string.
fn octet_string(bytes: &[u8]) -> Vec<u8> {
    match u8::try_from(bytes.len()) {
        Ok(len @ 0x80..) => [&[4, 0x81, len], bytes].concat(),
        Ok(len) => [&[4, len], bytes].concat(),
        // No point is so long.
        Err(_) => Vec::new(),
    }
}

fn encoded_point(attributes: &Attributes) -> Result<&[u8]> {
    let point = attributes.bytes(AttributeType::EC_POINT);
    point.ok_or_else(|| Error::new(Reason::TemplateIncomplete, "CKA_EC_POINT is missing"))
}

fn value(secrets: &Secrets) -> Result<&[u8]> {
    let value = secrets.bytes(AttributeType::VALUE);
    value.ok_or_else(|| Error::new(Reason::TemplateIncomplete, "CKA_VALUE is missing"))
}

fn prime_public(attributes: &Attributes) -> Result<Material> {
    let curve = curve(attributes)?;
    let point = point(encoded_point(attributes)?, &point_lens(curve));
    let key = ec::PublicKey::new(curve, point).map_err(no_key)?;
    let name = curve.oid();
    Ok(Material::EcPublic(Box::new(Public { key, name })))
}

fn prime_create(attributes: &Attributes, secrets: &Secrets) -> Result<Material> {
    let curve = curve(attributes)?;
    let key = ec::PrivateKey::new(curve, value(secrets)?).map_err(no_key)?;
    let name = curve.oid();
    Ok(Material::EcPrivate(Box::new(Private { key, name })))
}

fn prime_unwrap(attributes: &Attributes, pkcs8: Secret) -> Result<Material> {
    let key = ec::PrivateKey::from_pkcs8(pkcs8.reveal()).map_err(no_key)?;
    let name = key.curve().oid();
    if attributes.bytes(AttributeType::EC_PARAMS).is_some() && curve(attributes)? != key.curve() {
        let words = "the key is on another curve than CKA_EC_PARAMS says";
        return Err(Error::new(Reason::TemplateInconsistent, words));
    }
    Ok(Material::EcPrivate(Box::new(Private { key, name })))
}

fn public_25519<K: Public25519>(attributes: &Attributes) -> Result<Material> {
    let name = name(&K::NAMES, parameters(attributes)?)?;
    let point = point(encoded_point(attributes)?, &[LEN_25519]);
    let key = K::new(point).map_err(no_key)?;
    Ok(K::material(Box::new(Public { key, name })))
}

fn create_25519<K: Private25519>(attributes: &Attributes, secrets: &Secrets) -> Result<Material> {
    let name = name(&K::Public::NAMES, parameters(attributes)?)?;
    let key = K::new(value(secrets)?).map_err(no_key)?;
    Ok(K::material(Box::new(Private { key, name })))
}

fn unwrap_25519<K: Private25519>(attributes: &Attributes, pkcs8: Secret) -> Result<Material> {
    let name = match attributes.bytes(AttributeType::EC_PARAMS) {
        Some(asked) => name(&K::Public::NAMES, asked)?,
        None => K::Public::NAMES[0],
    };
    let key = K::from_pkcs8(pkcs8.reveal()).map_err(no_key)?;
    Ok(K::material(Box::new(Private { key, name })))
}

/// What the public keys of all three types can tell.
pub(crate) trait PublicKey: Send + Sync {
    fn bits(&self) -> usize;
    fn point(&self) -> crypto::Result<Vec<u8>>;
    fn info(&self) -> crypto::Result<Vec<u8>>;
}

/// What the private keys of all three types can tell.
pub(crate) trait PrivateKey: Send + Sync {
    type Public: PublicKey;

    fn bits(&self) -> usize;
    /// That of its public key.
    fn info(&self) -> crypto::Result<Vec<u8>>;
    fn value(&self) -> crypto::Result<Secret>;
    fn pkcs8(&self) -> crypto::Result<Secret>;
}

/// Bits in the field of edwards25519 and curve25519.
const FIELD_25519: usize = 255;
/// Bytes in a point of both.
const LEN_25519: usize = 32;

/// A public key on one of the two curves over that field.
trait Public25519: PublicKey + Sized {
    /// What its curve is called, the newest name first.
    const NAMES: [&'static [u8]; 3];

    fn new(bytes: &[u8]) -> crypto::Result<Self>;
    fn material(key: Box<Public<Self>>) -> Material;
}

/// A private key on one of them.
trait Private25519: PrivateKey<Public: Public25519> + Sized {
    fn new(bytes: &[u8]) -> crypto::Result<Self>;
    fn from_pkcs8(der: &[u8]) -> crypto::Result<Self>;
    fn material(key: Box<Private<Self>>) -> Material;
}

/// The keys of `$curve`, which both curves' modules call the same; `$public` and `$value` are what each
/// says of a private key.
macro_rules! keys_25519 {
    ($curve:ident, $names:ident, $Public:ident, $Private:ident, $public:expr, $value:expr) => {
        impl PublicKey for $curve::PublicKey {
            fn bits(&self) -> usize {
                FIELD_25519
            }

            fn point(&self) -> crypto::Result<Vec<u8>> {
                Ok(self.bytes().to_vec())
            }

            fn info(&self) -> crypto::Result<Vec<u8>> {
                self.info()
            }
        }

        impl Public25519 for $curve::PublicKey {
            const NAMES: [&'static [u8]; 3] = $names;

            fn new(bytes: &[u8]) -> crypto::Result<Self> {
                Self::new(bytes)
            }

            fn material(key: Box<Public<Self>>) -> Material {
                Material::$Public(key)
            }
        }

        impl PrivateKey for $curve::PrivateKey {
            type Public = $curve::PublicKey;

            fn bits(&self) -> usize {
                FIELD_25519
            }

            fn info(&self) -> crypto::Result<Vec<u8>> {
                let public: crypto::Result<$curve::PublicKey> = $public(self);
                public?.info()
            }

            fn value(&self) -> crypto::Result<Secret> {
                $value(self)
            }

            fn pkcs8(&self) -> crypto::Result<Secret> {
                self.pkcs8()
            }
        }

        impl Private25519 for $curve::PrivateKey {
            fn new(bytes: &[u8]) -> crypto::Result<Self> {
                Self::new(bytes)
            }

            fn from_pkcs8(der: &[u8]) -> crypto::Result<Self> {
                Self::from_pkcs8(der)
            }

            fn material(key: Box<Private<Self>>) -> Material {
                Material::$Private(key)
            }
        }
    };
}

keys_25519!(
    edwards,
    EDWARDS_25519,
    EdPublic,
    EdPrivate,
    |key: &Self| key.public(),
    edwards::PrivateKey::value
);
keys_25519!(
    montgomery,
    CURVE_25519,
    XPublic,
    XPrivate,
    |key: &Self| Ok(key.public()),
    |key: &Self| Ok(Secret::from(key.value().reveal()))
);

impl PublicKey for ec::PublicKey {
    fn bits(&self) -> usize {
        self.curve().bits()
    }

    fn point(&self) -> crypto::Result<Vec<u8>> {
        self.point()
    }

    fn info(&self) -> crypto::Result<Vec<u8>> {
        self.info()
    }
}

impl PrivateKey for ec::PrivateKey {
    type Public = ec::PublicKey;

    fn bits(&self) -> usize {
        self.curve().bits()
    }

    fn info(&self) -> crypto::Result<Vec<u8>> {
        self.info()
    }

    fn value(&self) -> crypto::Result<Secret> {
        self.value()
    }

    fn pkcs8(&self) -> crypto::Result<Secret> {
        self.pkcs8()
    }
}

impl<K: PublicKey> KeyMaterial for Public<K> {
    fn bits(&self) -> u64 {
        self.key.bits() as u64
    }

    fn sealed_form(&self) -> Result<Option<Secret>> {
        Ok(None)
    }

    fn computed(&self) -> Result<Vec<(AttributeType, Plain)>> {
        let point = self.key.point().map_err(internal)?;
        let info = self.key.info().map_err(internal)?;
        Ok(vec![
            (AttributeType::EC_PARAMS, self.name.to_vec().into()),
            (AttributeType::EC_POINT, octet_string(&point).into()),
            (AttributeType::PUBLIC_KEY_INFO, info.into()),
        ])
    }

    fn secret(&self, _kind: AttributeType) -> Result<Option<Secret>> {
        Ok(None)
    }

    fn wrapped_form(&self) -> Result<Secret> {
        Err(Reason::KeyTypeInconsistent.into())
    }
}

impl<K: PrivateKey> KeyMaterial for Private<K> {
    fn bits(&self) -> u64 {
        self.key.bits() as u64
    }

    fn sealed_form(&self) -> Result<Option<Secret>> {
        self.key.pkcs8().map(Some).map_err(internal)
    }

    fn computed(&self) -> Result<Vec<(AttributeType, Plain)>> {
        let info = self.key.info().map_err(internal)?;
        Ok(vec![
            (AttributeType::EC_PARAMS, self.name.to_vec().into()),
            (AttributeType::PUBLIC_KEY_INFO, info.into()),
        ])
    }

    fn secret(&self, kind: AttributeType) -> Result<Option<Secret>> {
        match kind {
            AttributeType::VALUE => self.key.value().map(Some).map_err(internal),
            _ => Ok(None),
        }
    }

    fn wrapped_form(&self) -> Result<Secret> {
        self.key.pkcs8().map_err(internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_taken_plain_and_as_an_octet_string() {
        let lens = point_lens(Curve::P256);
        let plain = [&[4][..], &[7; 64]].concat();
        assert_eq!(point(&plain, &lens), plain);
        assert_eq!(point(&octet_string(&plain), &lens), plain);
        let compressed = [&[2][..], &[7; 32]].concat();
        assert_eq!(point(&octet_string(&compressed), &lens), compressed);
        let lens = point_lens(Curve::P521);
        let plain = [&[4][..], &[7; 132]].concat();
        assert_eq!(point(&octet_string(&plain), &lens), plain);
    }

    #[test]
    fn a_plain_point_that_looks_like_an_octet_string_stays_plain() {
        let mut plain = [4; 65];
        plain[1] = 63;
        assert_eq!(point(&plain, &point_lens(Curve::P256)), plain);
    }
}

//! Keys on curves of prime order, ECDSA on digests and ECDH.

use std::{
    ffi::c_int,
    ptr::{self, NonNull},
    sync::OnceLock,
};

use super::{
    done,
    number::{self, Number},
    pkey::Pkey,
    sys,
};
use crate::{Error, Result, Secret};

/// Bytes in a coordinate of the widest curve, P-521.
const COORDINATE_MAX: usize = 66;

/// A curve that the library has, by its number.
#[derive(Clone, Copy)]
pub(crate) struct Group {
    pub(crate) nid: c_int,
    curve: unsafe extern "C" fn() -> *const sys::EC_GROUP,
}

/// The curves' groups.
pub(crate) mod groups {
    use super::{Group, sys};

    pub(crate) const P224: Group = Group {
        nid: sys::NID_secp224r1,
        curve: sys::EC_group_p224,
    };
    pub(crate) const P256: Group = Group {
        nid: sys::NID_X9_62_prime256v1,
        curve: sys::EC_group_p256,
    };
    pub(crate) const P384: Group = Group {
        nid: sys::NID_secp384r1,
        curve: sys::EC_group_p384,
    };
    pub(crate) const P521: Group = Group {
        nid: sys::NID_secp521r1,
        curve: sys::EC_group_p521,
    };
    pub(crate) const SECP256K1: Group = Group {
        nid: sys::NID_secp256k1,
        curve: sys::EC_group_secp256k1,
    };
}

impl Group {
    fn as_ptr(self) -> *const sys::EC_GROUP {
        // SAFETY: a static curve of the library; there are no preconditions.
        unsafe { (self.curve)() }
    }
}

/// A key, public or private.
pub(crate) struct Key {
    ec: Raw,
    group: Group,
    /// The point's coordinates, once asked for: they cost an inversion in the field.
    point: OnceLock<Vec<u8>>,
}

impl Key {
    /// A public key from its point, compressed or not; the point must be on the curve and not at
    /// infinity.
    pub(crate) fn public(group: Group, point: &[u8]) -> Result<Self> {
        let point = Point::new(group, point)?;
        let ec = Raw::new(group)?;
        // SAFETY: both are alive; the library copies the point.
        done(unsafe { sys::EC_KEY_set_public_key(ec.0.as_ptr(), point.0.as_ptr()) })
            .map_err(|_| Error::Key)?;
        Self::checked(ec, group)
    }

    /// A private key from its number, which must be below the curve's order and not zero.
    pub(crate) fn private(group: Group, value: &[u8]) -> Result<Self> {
        let value = Number::from_bytes(value)?;
        let ec = Raw::new(group)?;
        // SAFETY: both are alive; the library copies the number.
        done(unsafe { sys::EC_KEY_set_private_key(ec.0.as_ptr(), value.as_ptr()) })
            .map_err(|_| Error::Key)?;
        let point = Point::empty(group)?;
        // SAFETY: all are alive; a multiple of the generator alone is computed in constant time.
        done(unsafe {
            sys::EC_POINT_mul(
                group.as_ptr(),
                point.0.as_ptr(),
                value.as_ptr(),
                ptr::null(),
                ptr::null(),
                ptr::null_mut(),
            )
        })
        .map_err(|_| Error::Key)?;
        // SAFETY: both are alive; the library copies the point.
        done(unsafe { sys::EC_KEY_set_public_key(ec.0.as_ptr(), point.0.as_ptr()) })
            .map_err(|_| Error::Key)?;
        Self::checked(ec, group)
    }

    /// A new private key.
    pub(crate) fn generate(group: Group) -> Result<Self> {
        let ec = Raw::new(group)?;
        // SAFETY: the key is alive and has a group.
        done(unsafe { sys::EC_KEY_generate_key(ec.0.as_ptr()) })?;
        Ok(Self::from_raw(ec, group))
    }

    /// A private key in PKCS #8.
    pub(crate) fn from_pkcs8(der: &[u8], groups: &[Group]) -> Result<Self> {
        Self::from_pkey(&Pkey::from_pkcs8(sys::EVP_PKEY_EC, der)?, groups)
    }

    /// A public key in a SubjectPublicKeyInfo.
    pub(crate) fn from_info(der: &[u8], groups: &[Group]) -> Result<Self> {
        Self::from_pkey(&Pkey::from_info(sys::EVP_PKEY_EC, der)?, groups)
    }

    /// The public half of a private key. It knows its point, and so does the private key from then on.
    pub(crate) fn public_half(&self) -> Result<Self> {
        self.point()?;
        let ec = Raw::new(self.group)?;
        // SAFETY: the key is alive, and with it its point.
        let point = unsafe { sys::EC_KEY_get0_public_key(self.ec.0.as_ptr()) };
        // SAFETY: both are alive and of one group; the library copies the point.
        done(unsafe { sys::EC_KEY_set_public_key(ec.0.as_ptr(), point) })?;
        Ok(Self {
            point: self.point.clone(),
            ..Self::from_raw(ec, self.group)
        })
    }

    /// The private key in PKCS #8.
    pub(crate) fn pkcs8(&self) -> Result<Secret> {
        let pkey = Pkey::empty()?;
        // SAFETY: both are alive; the pkey takes a reference of its own, and writes nothing else.
        done(unsafe { sys::EVP_PKEY_set1_EC_KEY(pkey.as_ptr(), self.ec.0.as_ptr()) })?;
        pkey.pkcs8()
    }

    pub(crate) fn group(&self) -> Group {
        self.group
    }

    /// The public point, not compressed.
    pub(crate) fn point(&self) -> Result<&[u8]> {
        match self.point.get() {
            Some(bytes) => Ok(bytes),
            None => self
                .encoded()
                .map(|bytes| self.point.get_or_init(|| bytes).as_slice()),
        }
    }

    fn encoded(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![0; 1 + 2 * COORDINATE_MAX];
        // SAFETY: the key is alive, and with it its point.
        let point = unsafe { sys::EC_KEY_get0_public_key(self.ec.0.as_ptr()) };
        // SAFETY: the same; the slice is as long as is said.
        let len = unsafe {
            sys::EC_POINT_point2oct(
                self.group.as_ptr(),
                point,
                sys::point_conversion_form_t::POINT_CONVERSION_UNCOMPRESSED,
                bytes.as_mut_ptr(),
                bytes.len(),
                ptr::null_mut(),
            )
        };
        bytes.truncate(len);
        if len > 1 { Ok(bytes) } else { Err(Error::Key) }
    }

    /// The private number in `len` bytes.
    pub(crate) fn value(&self, len: usize) -> Result<Secret> {
        // SAFETY: the key is alive, and with it its number; null where it is public.
        let value = unsafe { sys::EC_KEY_get0_private_key(self.ec.0.as_ptr()) };
        // SAFETY: the same.
        Secret::filled(len, |bytes| unsafe { number::write(value, bytes) })
    }

    /// ECDSA: r and s, each over one half of `signature`.
    pub(crate) fn sign(&self, digest: &[u8], signature: &mut [u8]) -> Result<()> {
        // SAFETY: the key is alive; the slice is as long as is said.
        let made = unsafe { sys::ECDSA_do_sign(digest.as_ptr(), digest.len(), self.ec.0.as_ptr()) };
        let made = Signature(NonNull::new(made).ok_or(Error::Library)?);
        let (mut r, mut s) = (ptr::null(), ptr::null());
        // SAFETY: the signature is alive, and stays so while r and s are read.
        unsafe { sys::ECDSA_SIG_get0(made.0.as_ptr(), &mut r, &mut s) };
        let (head, tail) = signature.split_at_mut(signature.len() / 2);
        // SAFETY: the same.
        unsafe { number::write(r, head) }?;
        // SAFETY: the same.
        unsafe { number::write(s, tail) }
    }

    /// Whether `signature` is r and s of the digest, each in one half.
    pub(crate) fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<()> {
        let (head, tail) = signature.split_at(signature.len() / 2);
        let (r, s) = (Number::from_bytes(head)?, Number::from_bytes(tail)?);
        // SAFETY: no preconditions; null when memory is out.
        let claimed = unsafe { sys::ECDSA_SIG_new() };
        let claimed = Signature(NonNull::new(claimed).ok_or(Error::Library)?);
        // SAFETY: all are alive; the signature owns both numbers from here on.
        done(unsafe { sys::ECDSA_SIG_set0(claimed.0.as_ptr(), r.leak(), s.leak()) })?;
        // SAFETY: key and signature are alive; the slice is as long as is said.
        let verified = done(unsafe {
            sys::ECDSA_do_verify(
                digest.as_ptr(),
                digest.len(),
                claimed.0.as_ptr(),
                self.ec.0.as_ptr(),
            )
        });
        verified.map_err(|_| Error::Authentication)
    }

    /// ECDH with a point, compressed or not: the first coordinate of the product, over all of
    /// `output`.
    pub(crate) fn agree(&self, point: &[u8], output: &mut [u8]) -> Result<()> {
        let point = Point::new(self.group, point)?;
        // SAFETY: key and point are alive; the slice is as long as is said, and more is not written.
        let written = unsafe {
            sys::ECDH_compute_key(
                output.as_mut_ptr().cast(),
                output.len(),
                point.0.as_ptr(),
                self.ec.0.as_ptr(),
                None,
            )
        };
        if usize::try_from(written) == Ok(output.len()) {
            Ok(())
        } else {
            Err(Error::Key)
        }
    }

    fn checked(ec: Raw, group: Group) -> Result<Self> {
        // SAFETY: the key is alive.
        done(unsafe { sys::EC_KEY_check_key(ec.0.as_ptr()) }).map_err(|_| Error::Key)?;
        Ok(Self::from_raw(ec, group))
    }

    fn from_raw(ec: Raw, group: Group) -> Self {
        Self {
            ec,
            group,
            point: OnceLock::new(),
        }
    }

    fn from_pkey(pkey: &Pkey, groups: &[Group]) -> Result<Self> {
        // SAFETY: the pkey is alive; the reference is a new one, or null where it is another kind of key.
        let ec = unsafe { sys::EVP_PKEY_get1_EC_KEY(pkey.as_ptr()) };
        let ec = Raw(NonNull::new(ec).ok_or(Error::Key)?);
        // SAFETY: the key is alive, and with it its group.
        let group = unsafe { sys::EC_KEY_get0_group(ec.0.as_ptr()) };
        // SAFETY: the same.
        let nid = unsafe { sys::EC_GROUP_get_curve_name(group) };
        // SAFETY: the key is alive.
        let explicit = unsafe { sys::EC_KEY_decoded_from_explicit_params(ec.0.as_ptr()) };
        // RFC 5480 §2.1.1: a curve has a name; parameters of one's own are how keys are forged.
        let group = groups
            .iter()
            .find(|group| group.nid == nid && explicit == 0);
        Self::checked(ec, *group.ok_or(Error::Key)?)
    }
}

/// The only reference to a key. Nobody changes it once it is a [`Key`].
struct Raw(NonNull<sys::EC_KEY>);

// SAFETY: ec_key.h: a key may be used by several threads as long as none changes it. The count of references,
// which a copy in PKCS #8 takes one of, is locked by the library.
unsafe impl Send for Raw {}
// SAFETY: the same.
unsafe impl Sync for Raw {}

impl Raw {
    fn new(group: Group) -> Result<Self> {
        // SAFETY: no preconditions; null when memory is out.
        let ec = unsafe { sys::EC_KEY_new() };
        let ec = Self(NonNull::new(ec).ok_or(Error::Library)?);
        // SAFETY: the key is alive, the group static.
        done(unsafe { sys::EC_KEY_set_group(ec.0.as_ptr(), group.as_ptr()) })?;
        Ok(ec)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: this reference is ours; free erases what was private.
        unsafe { sys::EC_KEY_free(self.0.as_ptr()) }
    }
}

struct Point(NonNull<sys::EC_POINT>);

impl Point {
    fn empty(group: Group) -> Result<Self> {
        // SAFETY: the group is static; null when memory is out.
        let point = unsafe { sys::EC_POINT_new(group.as_ptr()) };
        NonNull::new(point).map(Self).ok_or(Error::Library)
    }

    /// A point on the curve and not at infinity, compressed or not (SEC 1 §2.3.4).
    fn new(group: Group, bytes: &[u8]) -> Result<Self> {
        // The library would take hybrid forms and infinity, too.
        if !matches!(bytes.first(), Some(2..=4)) {
            return Err(Error::Key);
        }
        let point = Self::empty(group)?;
        // SAFETY: the point is alive and of this group; the slice is as long as is said.
        let read = done(unsafe {
            sys::EC_POINT_oct2point(
                group.as_ptr(),
                point.0.as_ptr(),
                bytes.as_ptr(),
                bytes.len(),
                ptr::null_mut(),
            )
        });
        read.map_err(|_| Error::Key)?;
        Ok(point)
    }
}

impl Drop for Point {
    fn drop(&mut self) {
        // SAFETY: it is ours, and nobody uses it any more.
        unsafe { sys::EC_POINT_free(self.0.as_ptr()) }
    }
}

struct Signature(NonNull<sys::ECDSA_SIG>);

impl Drop for Signature {
    fn drop(&mut self) {
        // SAFETY: it is ours, and nobody uses it any more; its numbers go with it.
        unsafe { sys::ECDSA_SIG_free(self.0.as_ptr()) }
    }
}

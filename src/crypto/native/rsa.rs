//! RSA keys with their Montgomery and CRT contexts, and the operations on whole blocks. Private
//! operations are blinded and checked against faults by the library.

use std::{ffi::c_int, ptr::NonNull};

use super::{
    digest::method,
    done,
    number::{self, Number},
    pkey::Pkey,
    sys,
};
use crate::{Error, Result, Secret, hash::Hash};

/// An RSA key, public or private.
pub(crate) struct Key {
    /// Keeps `rsa` alive.
    pkey: Pkey,
    rsa: NonNull<sys::RSA>,
}

// SAFETY: rsa.h: an RSA key may be used by several threads; its caches are locked by the library.
unsafe impl Send for Key {}
// SAFETY: the same.
unsafe impl Sync for Key {}

/// What rsa.h has in four places: key, bytes written, output and its room, input and its length,
/// padding.
type Operation = unsafe extern "C" fn(
    *mut sys::RSA,
    *mut usize,
    *mut u8,
    usize,
    *const u8,
    usize,
    c_int,
) -> c_int;

/// How a block is filled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Padding {
    /// Not at all: input and output are as long as the modulus.
    None,
    /// PKCS #1 v1.5, block type 1 of signatures or 2 of ciphertext.
    Pkcs1,
}

impl Padding {
    fn number(self) -> c_int {
        match self {
            Padding::None => sys::RSA_NO_PADDING,
            Padding::Pkcs1 => sys::RSA_PKCS1_PADDING,
        }
    }
}

/// A number that a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// n.
    Modulus,
    /// e.
    PublicExponent,
    /// d.
    PrivateExponent,
    /// p.
    Prime1,
    /// q.
    Prime2,
    /// d mod p − 1.
    Exponent1,
    /// d mod q − 1.
    Exponent2,
    /// q⁻¹ mod p.
    Coefficient,
}

/// The numbers of a private key.
pub(crate) struct Components {
    pub(crate) modulus: Number,
    pub(crate) public_exponent: Number,
    pub(crate) private_exponent: Number,
    pub(crate) primes: [Number; 2],
    pub(crate) exponents: [Number; 2],
    pub(crate) coefficient: Number,
}

impl Key {
    /// A public key; the library checks that it can be one.
    pub(crate) fn public(modulus: &[u8], exponent: &[u8]) -> Result<Self> {
        let (modulus, exponent) = (Number::from_bytes(modulus)?, Number::from_bytes(exponent)?);
        // SAFETY: both numbers are alive; the library copies them.
        let rsa = unsafe { sys::RSA_new_public_key(modulus.as_ptr(), exponent.as_ptr()) };
        Self::from_rsa(rsa)
    }

    /// A private key; the library checks that its numbers belong together.
    pub(crate) fn private(components: &Components) -> Result<Self> {
        // SAFETY: all numbers are alive; the library copies them.
        let rsa = unsafe {
            sys::RSA_new_private_key(
                components.modulus.as_ptr(),
                components.public_exponent.as_ptr(),
                components.private_exponent.as_ptr(),
                components.primes[0].as_ptr(),
                components.primes[1].as_ptr(),
                components.exponents[0].as_ptr(),
                components.exponents[1].as_ptr(),
                components.coefficient.as_ptr(),
            )
        };
        Self::from_rsa(rsa)
    }

    /// A new private key (FIPS 186-5, appendix A.1.3). `bits` is a multiple of 128.
    pub(crate) fn generate(bits: usize, exponent: &[u8]) -> Result<Self> {
        let bits = c_int::try_from(bits).map_err(|_| Error::Length)?;
        let exponent = Number::from_bytes(exponent)?;
        // SAFETY: no preconditions; null when memory is out.
        let rsa = NonNull::new(unsafe { sys::RSA_new() }).ok_or(Error::Library)?;
        // SAFETY: key and exponent are alive, and nobody wants to be called back.
        let made = unsafe {
            sys::RSA_generate_key_ex(rsa.as_ptr(), bits, exponent.as_ptr(), std::ptr::null_mut())
        };
        let key = Self::from_rsa(rsa.as_ptr())?;
        done(made)?;
        Ok(key)
    }

    /// A private key in PKCS #8.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self> {
        Self::from_pkey(Pkey::from_pkcs8(sys::EVP_PKEY_RSA, der)?)
    }

    /// A public key in a SubjectPublicKeyInfo.
    pub(crate) fn from_info(der: &[u8]) -> Result<Self> {
        Self::from_pkey(Pkey::from_info(sys::EVP_PKEY_RSA, der)?)
    }

    pub(crate) fn pkey(&self) -> &Pkey {
        &self.pkey
    }

    /// The modulus' length.
    pub(crate) fn bits(&self) -> usize {
        // SAFETY: the key is alive.
        unsafe { sys::RSA_bits(self.rsa.as_ptr()) as usize }
    }

    /// One of the key's numbers, without leading zeroes.
    pub(crate) fn component(&self, component: Component) -> Result<Secret> {
        // SAFETY: the key is alive, and so are its numbers, which nobody changes.
        let number = unsafe { self.number(component) };
        // SAFETY: the same.
        unsafe { number::secret(number) }
    }

    /// The private operation on `input`, padded by block type 1 or as long as the modulus and
    /// smaller; `output` is as long as the modulus.
    pub(crate) fn sign(&self, padding: Padding, input: &[u8], output: &mut [u8]) -> Result<()> {
        whole(
            self.block(sys::RSA_sign_raw, padding, input, output)?,
            output,
        )
    }

    /// The private operation on a block that is as long as the modulus and smaller.
    pub(crate) fn decrypt(&self, input: &[u8], output: &mut [u8]) -> Result<()> {
        whole(
            self.block(sys::RSA_decrypt, Padding::None, input, output)?,
            output,
        )
    }

    /// The public operation on a signature; answers how much of `output`, which is as long as the
    /// modulus, is without the padding.
    pub(crate) fn recover(
        &self,
        padding: Padding,
        signature: &[u8],
        output: &mut [u8],
    ) -> Result<usize> {
        self.block(sys::RSA_verify_raw, padding, signature, output)
    }

    /// The public operation on `input`, padded by block type 2 or as long as the modulus and
    /// smaller; `output` is as long as the modulus.
    pub(crate) fn encrypt(&self, padding: Padding, input: &[u8], output: &mut [u8]) -> Result<()> {
        whole(
            self.block(sys::RSA_encrypt, padding, input, output)?,
            output,
        )
    }

    /// PKCS #1 v1.5 of a hash in its DigestInfo.
    pub(crate) fn sign_digest(&self, hash: Hash, digest: &[u8], output: &mut [u8]) -> Result<()> {
        if output.len() != self.bits().div_ceil(8) {
            return Err(Error::Length);
        }
        let mut written = 0;
        // SAFETY: the key is alive; the output is as long as the modulus, which is what is written.
        done(unsafe {
            sys::RSA_sign(
                nid(hash),
                digest.as_ptr(),
                digest.len(),
                output.as_mut_ptr(),
                &mut written,
                self.rsa.as_ptr(),
            )
        })?;
        whole(written as usize, output)
    }

    /// Whether `signature` is PKCS #1 v1.5 of the hash in its DigestInfo.
    pub(crate) fn verify_digest(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> Result<()> {
        // SAFETY: the key is alive; the slices are as long as is said.
        let verified = done(unsafe {
            sys::RSA_verify(
                nid(hash),
                digest.as_ptr(),
                digest.len(),
                signature.as_ptr(),
                signature.len(),
                self.rsa.as_ptr(),
            )
        });
        verified.map_err(|_| Error::Authentication)
    }

    /// PSS of a hash.
    pub(crate) fn sign_pss(
        &self,
        [hash, mgf]: [Hash; 2],
        salt_len: usize,
        digest: &[u8],
        output: &mut [u8],
    ) -> Result<()> {
        let salt_len = c_int::try_from(salt_len).map_err(|_| Error::Length)?;
        let mut written = 0;
        // SAFETY: the key is alive; the slices are as long as is said; the library refuses a digest
        // that is not as long as the hash, and a salt that is too long for the key.
        done(unsafe {
            sys::RSA_sign_pss_mgf1(
                self.rsa.as_ptr(),
                &mut written,
                output.as_mut_ptr(),
                output.len(),
                digest.as_ptr(),
                digest.len(),
                method(hash),
                method(mgf),
                salt_len,
            )
        })?;
        whole(written, output)
    }

    /// Whether `signature` is PSS of the hash, with a salt of exactly this length.
    pub(crate) fn verify_pss(
        &self,
        [hash, mgf]: [Hash; 2],
        salt_len: usize,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<()> {
        let salt_len = c_int::try_from(salt_len).map_err(|_| Error::Length)?;
        // SAFETY: as in `sign_pss`.
        let verified = done(unsafe {
            sys::RSA_verify_pss_mgf1(
                self.rsa.as_ptr(),
                digest.as_ptr(),
                digest.len(),
                method(hash),
                method(mgf),
                salt_len,
                signature.as_ptr(),
                signature.len(),
            )
        });
        verified.map_err(|_| Error::Authentication)
    }

    /// One operation on a whole block; answers how much of `output` it has written.
    fn block(
        &self,
        operation: Operation,
        padding: Padding,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize> {
        let mut written = 0;
        // SAFETY: the key is alive; the slices are as long as is said.
        done(unsafe {
            operation(
                self.rsa.as_ptr(),
                &mut written,
                output.as_mut_ptr(),
                output.len(),
                input.as_ptr(),
                input.len(),
                padding.number(),
            )
        })?;
        Ok(written)
    }

    fn from_rsa(rsa: *mut sys::RSA) -> Result<Self> {
        let rsa = NonNull::new(rsa).ok_or(Error::Key)?;
        let pkey = Pkey::empty();
        let assigned = pkey.and_then(|pkey| {
            // SAFETY: both are alive; the pkey takes a reference of its own.
            done(unsafe { sys::EVP_PKEY_set1_RSA(pkey.as_ptr(), rsa.as_ptr()) })?;
            Ok(pkey)
        });
        // SAFETY: the first reference was the caller's and is given back; the pkey's stays.
        unsafe { sys::RSA_free(rsa.as_ptr()) };
        assigned.map(|pkey| Self { pkey, rsa })
    }

    fn from_pkey(pkey: Pkey) -> Result<Self> {
        // SAFETY: the pkey is alive and stays so as long as this key.
        let rsa = unsafe { sys::EVP_PKEY_get0_RSA(pkey.as_ptr()) };
        let rsa = NonNull::new(rsa).ok_or(Error::Key)?;
        Ok(Self { pkey, rsa })
    }

    /// Null where the key is public and the component is not.
    ///
    /// # Safety
    /// The number belongs to the key, and must not be used after it.
    unsafe fn number(&self, component: Component) -> *const sys::BIGNUM {
        let function = match component {
            Component::Modulus => sys::RSA_get0_n,
            Component::PublicExponent => sys::RSA_get0_e,
            Component::PrivateExponent => sys::RSA_get0_d,
            Component::Prime1 => sys::RSA_get0_p,
            Component::Prime2 => sys::RSA_get0_q,
            Component::Exponent1 => sys::RSA_get0_dmp1,
            Component::Exponent2 => sys::RSA_get0_dmq1,
            Component::Coefficient => sys::RSA_get0_iqmp,
        };
        // SAFETY: the key is alive.
        unsafe { function(self.rsa.as_ptr()) }
    }
}

/// What is written is always as long as the modulus, and so must the output be.
fn whole(written: usize, output: &[u8]) -> Result<()> {
    if written == output.len() {
        Ok(())
    } else {
        Err(Error::Length)
    }
}

/// The library's number of a hash.
fn nid(hash: Hash) -> c_int {
    // SAFETY: the description is static.
    unsafe { sys::EVP_MD_type(method(hash)) }
}

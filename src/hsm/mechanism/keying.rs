//! The columns of the mechanism table whose input or output is a key: wrap, derive, encapsulate.
//! They see bytes; what objects are made of them, and with what rights, is `verbs`'.

use crypto::Secret;
use token::{
    HkdfSalt, KdfPart, ObjectHandle, OutputBound, Parameters, ParametersOut, Reason, Result, limits,
};

use super::{Material, Transformation, Use};

/// From the value of a key to a blob, and back.
pub(crate) trait Wrapping: Sync {
    /// Whether the values of private keys, which are PKCS #8 and have any length, can be wrapped.
    fn takes_private_keys(&self) -> bool {
        true
    }

    /// Whether zeroes may follow the value that `unwrap` answers, because the mechanism fills whole
    /// blocks: the template says then where the value ends.
    fn may_add_zeroes(&self) -> bool {
        false
    }

    /// Checks the parameters, and says how many bytes a value of `value_len` bytes becomes.
    fn wrapped_len(
        &self,
        with: Use<'_>,
        additional: Option<&[u8]>,
        value_len: usize,
    ) -> Result<usize>;

    /// Wraps `value`; `output` has exactly the length of [`Wrapping::wrapped_len`].
    fn wrap(
        &self,
        with: Use<'_>,
        additional: Option<&[u8]>,
        value: &[u8],
        output: &mut [u8],
    ) -> Result<Option<ParametersOut>>;

    /// The value that was wrapped.
    fn unwrap(&self, with: Use<'_>, additional: Option<&[u8]>, wrapped: &[u8]) -> Result<Secret>;
}

/// From a key to others.
pub(crate) trait Derivation: Sync {
    /// Whether what is derived is no key but data (`CKM_HKDF_DATA`).
    fn makes_data(&self) -> bool {
        false
    }

    /// Whether what is derived tells of the base key (concatenation, XOR, extraction): it is then no
    /// less protected than the base.
    fn reveals_base(&self) -> bool {
        false
    }

    /// Where it does: the fewest bytes that a result may have while a source is protected. A shorter
    /// one could be guessed from its check value, and all of the source with it piece by piece.
    /// `others` is how many bytes the other keys have.
    fn least_len(&self, _with: Use<'_>, _others: usize) -> Result<usize> {
        Ok(0)
    }

    /// One value for each of `wanted`, which says how many bytes it shall have: `None` where neither
    /// the template nor the key type says it, and the mechanism's own length is meant.
    fn derive(
        &self,
        with: Use<'_>,
        others: &dyn OtherKeys,
        wanted: &[Option<usize>],
    ) -> Result<Vec<Secret>>;
}

/// The handles of the keys that a derivation's parameter names.
pub(crate) fn other_keys(parameters: &Parameters) -> Vec<ObjectHandle> {
    match parameters {
        Parameters::Key(handle)
        | Parameters::Hkdf {
            extract: true,
            salt: HkdfSalt::Key(handle),
            ..
        } => vec![*handle],
        Parameters::Kdf108 { parts, .. } => {
            let keys = parts.iter().filter_map(|part| match part {
                KdfPart::Key(handle) => Some(*handle),
                _ => None,
            });
            keys.take(limits::KDF_PARTS).collect()
        }
        _ => Vec::new(),
    }
}

/// The keys of [`other_keys`]: the session sees them, and each of them allows the mechanism to derive
/// from it. What is derived is no less protected than each of them.
pub(crate) trait OtherKeys {
    /// The value of the secret key `handle`.
    fn value(&self, handle: ObjectHandle) -> Result<Secret>;
}

/// From a public key to a ciphertext and a secret, and from private key and ciphertext to the same
/// secret.
pub(crate) trait Encapsulation: Sync {
    /// Checks the parameters, and says how long the ciphertext is.
    fn ciphertext_len(&self, with: Use<'_>) -> Result<usize>;

    /// A new secret; `ciphertext` has exactly the length of [`Encapsulation::ciphertext_len`].
    fn encapsulate(&self, with: Use<'_>, ciphertext: &mut [u8]) -> Result<Secret>;

    /// The secret in `ciphertext`.
    fn decapsulate(&self, with: Use<'_>, ciphertext: &[u8]) -> Result<Secret>;
}

/// A mechanism that wraps by encrypting the value: the adapter for every row that has both.
pub(crate) struct Encrypting {
    pub(crate) encrypt: &'static dyn Transformation,
    pub(crate) decrypt: &'static dyn Transformation,
    /// Bytes in a block, where the mechanism only encrypts whole ones: the value is filled up with
    /// zeroes (§6.13.5), and only secret keys are wrapped so. 0 where it takes any length.
    pub(crate) block: usize,
}

impl Encrypting {
    fn padded_len(&self, value_len: usize) -> usize {
        match self.block {
            0 => value_len,
            block => value_len.next_multiple_of(block),
        }
    }
}

impl Wrapping for Encrypting {
    fn takes_private_keys(&self) -> bool {
        self.block == 0
    }

    fn may_add_zeroes(&self) -> bool {
        self.block != 0
    }

    fn wrapped_len(
        &self,
        with: Use<'_>,
        additional: Option<&[u8]>,
        value_len: usize,
    ) -> Result<usize> {
        no_additional(additional)?;
        let bound: OutputBound = self.encrypt.begin(with)?;
        Ok(bound.of(self.padded_len(value_len)))
    }

    fn wrap(
        &self,
        with: Use<'_>,
        _additional: Option<&[u8]>,
        value: &[u8],
        output: &mut [u8],
    ) -> Result<Option<ParametersOut>> {
        let wrapped = match self.padded_len(value.len()) - value.len() {
            0 => self.encrypt.whole(with, value, output),
            missing => {
                let zeroes = vec![0; missing];
                let padded = Secret::joined(&[value, &zeroes]);
                self.encrypt.whole(with, padded.reveal(), output)
            }
        };
        match wrapped {
            Err(error) if error.reason == Reason::DataLenRange => Err(Reason::KeySizeRange.into()),
            done => done.map(|()| None),
        }
    }

    fn unwrap(&self, with: Use<'_>, additional: Option<&[u8]>, wrapped: &[u8]) -> Result<Secret> {
        no_additional(additional)?;
        let bound = self.decrypt.begin(with)?.of(wrapped.len());
        let opened = || {
            let len = self.decrypt.exact_len(with, wrapped)?.unwrap_or(bound);
            Secret::filled(len, |value| self.decrypt.whole(with, wrapped, value))
        };
        opened().map_err(|error: token::Error| match error.reason {
            Reason::EncryptedDataInvalid => Reason::WrappedKeyInvalid.into(),
            Reason::EncryptedDataLenRange => Reason::WrappedKeyLenRange.into(),
            _ => error,
        })
    }
}

/// Refuses additional data where the mechanism authenticates none.
pub(super) fn no_additional(additional: Option<&[u8]>) -> Result<()> {
    match additional {
        None => Ok(()),
        Some(_) => Err(token::Error::new(
            Reason::MechanismInvalid,
            "the mechanism authenticates no additional data",
        )),
    }
}

/// The material that a function of this file works with, where it is of the `kind` that `of` takes
/// out of it.
pub(crate) fn typed<'a, T: ?Sized>(
    with: Use<'a>,
    of: impl FnOnce(&'a Material) -> Option<&'a T>,
) -> Result<&'a T> {
    with.key
        .and_then(of)
        .ok_or_else(|| Reason::KeyTypeInconsistent.into())
}

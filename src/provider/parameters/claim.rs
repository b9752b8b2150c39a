//! What `pParameter` and `ulParameterLen` say, and how everything that they point to is read:
//! copied at once, bounded, and refused where it cannot be what it should.

use std::mem::size_of;

use cryptoki_sys::{CK_BBOOL, CK_BYTE, CK_FALSE, CK_MECHANISM, CK_TRUE, CK_ULONG};
use token::{Parameters, Reason, limits};

use crate::{
    boundary::{Error, Result},
    memory::{Array, Input, Pointer, is_possible},
};

/// A parameter: an address and a length.
pub(super) struct Claim {
    first: *const CK_BYTE,
    length: CK_ULONG,
}

impl Claim {
    /// What a mechanism says of its parameter.
    pub(super) fn of(mechanism: &CK_MECHANISM) -> Self {
        Self::at(
            mechanism.pParameter.cast_const().cast(),
            mechanism.ulParameterLen,
        )
    }

    /// A parameter of `length` bytes.
    pub(super) fn at(first: *const CK_BYTE, length: CK_ULONG) -> Self {
        Self { first, length }
    }

    /// Whether there is none.
    pub(super) fn is_absent(&self) -> bool {
        self.length == 0
    }

    /// Whether it is as long as a `T`.
    pub(super) fn is_a<T>(&self) -> bool {
        usize::try_from(self.length) == Ok(size_of::<T>())
    }

    /// No parameter.
    pub(super) fn none(&self) -> Result<Parameters> {
        if self.is_absent() {
            Ok(Parameters::None)
        } else {
            invalid()
        }
    }

    /// All of its bytes.
    pub(super) fn bytes(&self) -> Result<Vec<u8>> {
        bytes(self.first, self.length)
    }

    /// A block of exactly `length` bytes.
    pub(super) fn block(&self, length: usize) -> Result<Vec<u8>> {
        if usize::try_from(self.length) == Ok(length) {
            self.bytes()
        } else {
            invalid()
        }
    }

    /// The structure `T`, if the length is its.
    pub(super) fn structure<T: Copy>(&self) -> Result<T> {
        if self.is_a::<T>() {
            one(self.first.cast())
        } else {
            invalid()
        }
    }
}

/// The `T` that a parameter points to.
pub(super) fn one<T: Copy>(first: *const T) -> Result<T> {
    // SAFETY: who vouches for a mechanism vouches for all that its parameter points to.
    let one = unsafe { Pointer::claim(first.cast_mut()) };
    one.read().map_err(|_| unreadable(first))
}

/// At most `limit` `T`s that a parameter points to.
pub(super) fn array<T: Copy>(first: *const T, count: CK_ULONG, limit: usize) -> Result<Vec<T>> {
    // SAFETY: as in `one`.
    let array = unsafe { Array::claim(first.cast_mut(), count) };
    let elements = array.pointers(limit, Reason::MechanismParamInvalid);
    let elements = elements.map_err(|_| unreadable(first))?;
    elements.map(|element| element.read()).collect()
}

/// The bytes that a parameter points to, to be copied or made a secret of.
pub(super) fn bytes_as<T>(
    first: *const CK_BYTE,
    length: CK_ULONG,
    copied: impl FnOnce(&[u8]) -> T,
) -> Result<T> {
    // SAFETY: as in `one`.
    let bytes = unsafe { Input::claim(first, length) };
    match bytes.bytes(limits::PARAMETER_BYTES, Reason::MechanismParamInvalid) {
        Ok(bytes) => Ok(copied(bytes)),
        Err(_) => Err(unreadable(first)),
    }
}

/// Why what should be at an address of a parameter is not read.
fn unreadable<T>(first: *const T) -> Error {
    let words = match (first.is_null(), is_possible(first)) {
        (true, _) => "a pointer of the mechanism's parameter is NULL, and its length is not 0",
        (_, false) => "a pointer of the mechanism's parameter is a small number, and no address",
        _ => "the mechanism's parameter, or something it points to, is too long",
    };
    token::Error::new(Reason::MechanismParamInvalid, words).into()
}

/// A copy of the bytes that a parameter points to.
pub(super) fn bytes(first: *const CK_BYTE, length: CK_ULONG) -> Result<Vec<u8>> {
    bytes_as(first, length, <[u8]>::to_vec)
}

/// A `CK_BBOOL`.
pub(super) fn flag(value: CK_BBOOL) -> Result<bool> {
    match value {
        CK_FALSE => Ok(false),
        CK_TRUE => Ok(true),
        _ => invalid(),
    }
}

/// `CKR_MECHANISM_PARAM_INVALID`.
pub(super) fn invalid<T>() -> Result<T> {
    Err(Reason::MechanismParamInvalid.into())
}

//! Memory that a verb writes to, with the standard's convention for lengths.

use std::{ops::Deref, slice};

use cryptoki_sys::{CK_BYTE, CK_ULONG};
use token::{Produced, Reason, limits};
use zeroize::Zeroizing;

use super::{Array, Pointer, is_possible};
use crate::boundary::{Error, Result};

/// A buffer and the place of its length: §5.2, the convention of functions that return output in a
/// buffer of variable length.
pub(crate) struct Output {
    first: *mut CK_BYTE,
    length: Pointer<CK_ULONG>,
}

impl Output {
    /// A claim.
    ///
    /// # Safety
    /// If it is not NULL, `length` points to a number; if `first` is not NULL either, it points to
    /// that many writable bytes; nobody else touches both until the call returns.
    pub(crate) unsafe fn claim(first: *mut CK_BYTE, length: *mut CK_ULONG) -> Self {
        Self {
            first,
            length: Pointer(length),
        }
    }

    /// Refuses a missing length, and a buffer where none can be: asked before a verb whose output could
    /// then not be told.
    pub(crate) fn required(&self) -> Result<&Self> {
        self.claimed().map(|_| self)
    }

    /// Whether the caller wants no output, not even its length.
    pub(crate) fn is_absent(&self) -> bool {
        self.length.is_null()
    }

    /// Whether the caller only asks for the length.
    pub(crate) fn is_query(&self) -> bool {
        self.first.is_null()
    }

    /// Lets `verb` fill the buffer and tells the caller the length.
    pub(crate) fn fill<E>(
        &mut self,
        verb: impl FnOnce(Option<&mut [u8]>) -> std::result::Result<Produced, E>,
    ) -> Result<()>
    where
        Error: From<E>,
    {
        let room = self.room()?;
        let query = room.is_none();
        let (length, fits) = match verb(room)? {
            Produced::Written(length) => (length, true),
            Produced::Needed(length) => (length, query),
        };
        self.length.write(length as CK_ULONG)?;
        if fits {
            Ok(())
        } else {
            Err(Error::BufferTooSmall)
        }
    }

    /// The caller's bytes, copied where they overlap the buffer: to encrypt in place is legal.
    pub(crate) fn apart<'a>(&self, bytes: &'a [u8]) -> Result<Apart<'a>> {
        Ok(if self.overlaps(bytes)? {
            Apart::Copied(Zeroizing::new(bytes.to_vec()))
        } else {
            Apart::Claimed(bytes)
        })
    }

    /// The buffer, or nothing when only its length is asked for.
    fn room(&mut self) -> Result<Option<&mut [u8]>> {
        match self.claimed()? {
            None => Ok(None),
            Some(0) => Ok(Some(&mut [])),
            // SAFETY: not NULL, so at least `capacity` writable bytes are there (the claim), and
            // `apart` makes sure that no input that is still read lies among them.
            Some(capacity) => Ok(Some(unsafe {
                slice::from_raw_parts_mut(self.first, capacity)
            })),
        }
    }

    /// How large a buffer there is said to be, if one can be there; none when only its length is asked for.
    fn claimed(&self) -> Result<Option<usize>> {
        let capacity = self.capacity()?;
        if self.first.is_null() {
            return Ok(None);
        }
        if capacity > 0 && !is_possible(self.first) {
            return Err(Reason::ArgumentsBad.into());
        }
        Ok(Some(capacity))
    }

    /// What is more than any verb can fill is not touched: callers say `(CK_ULONG)-1` for "large enough".
    fn capacity(&self) -> Result<usize> {
        const MOST: usize = limits::MESSAGE_BYTES;
        Ok(usize::try_from(self.length.read()?).map_or(MOST, |capacity| capacity.min(MOST)))
    }

    fn overlaps(&self, bytes: &[u8]) -> Result<bool> {
        let (ours, theirs) = (self.first.addr(), bytes.as_ptr().addr());
        Ok(!self.first.is_null()
            && !self.is_absent()
            && ours < theirs.saturating_add(bytes.len())
            && theirs < ours.saturating_add(self.capacity()?))
    }
}

/// Input of which no byte lies in the output's buffer.
pub(crate) enum Apart<'a> {
    Claimed(&'a [u8]),
    Copied(Zeroizing<Vec<u8>>),
}

impl Deref for Apart<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Apart::Claimed(bytes) => bytes,
            Apart::Copied(bytes) => bytes,
        }
    }
}

/// A list and the place of its length: the same convention, for what is known before it is asked.
pub(crate) struct List<T> {
    first: *mut T,
    count: Pointer<CK_ULONG>,
}

impl<T: Copy> List<T> {
    /// A claim.
    ///
    /// # Safety
    /// As for [`Output::claim`], with elements in the place of bytes.
    pub(crate) unsafe fn claim(first: *mut T, count: *mut CK_ULONG) -> Self {
        Self {
            first,
            count: Pointer(count),
        }
    }

    /// Refuses a missing count: asked before a verb whose result could then not be told.
    pub(crate) fn required(&self) -> Result<&Self> {
        self.count.required().map(|_| self)
    }

    /// Gives the caller `values`, or their number.
    pub(crate) fn fill(&self, values: &[T]) -> Result<()> {
        let needed = values.len() as CK_ULONG;
        let room = self.count.read()?;
        self.count.write(needed)?;
        if self.first.is_null() {
            return Ok(());
        }
        if room < needed {
            return Err(Error::BufferTooSmall);
        }
        Array {
            first: self.first,
            count: needed,
        }
        .write(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Input;

    #[test]
    fn input_that_overlaps_the_output_is_copied_first() {
        let mut buffer = *b"abcdef..";
        let mut length = 7 as CK_ULONG;
        let first = buffer.as_mut_ptr();
        // SAFETY: six bytes inside of the array.
        let input = unsafe { Input::claim(first, 6) };
        // SAFETY: seven bytes inside of the array.
        let mut output = unsafe { Output::claim(first.wrapping_add(1), &raw mut length) };
        let input = input.data(Reason::DataLenRange).unwrap();
        let input = output.apart(input).unwrap();
        output
            .fill(|output| {
                for (to, from) in output.unwrap().iter_mut().zip(&*input) {
                    *to = *from;
                }
                token::Result::Ok(Produced::Written(6))
            })
            .unwrap();
        assert_eq!((&buffer, length), (b"aabcdef.", 6));
    }

    #[test]
    fn a_short_buffer_is_told_the_length_and_a_query_too() {
        let mut length = 3 as CK_ULONG;
        let mut buffer = [0_u8; 3];
        // SAFETY: three bytes, as the length says.
        let mut output = unsafe { Output::claim(buffer.as_mut_ptr(), &raw mut length) };
        let answer = output.fill(|_| token::Result::Ok(Produced::Needed(16)));
        assert!(matches!(answer, Err(Error::BufferTooSmall)));
        assert_eq!(length, 16);
        // SAFETY: NULL is a length query.
        let mut output = unsafe { Output::claim(std::ptr::null_mut(), &raw mut length) };
        output
            .fill(|room| {
                assert!(room.is_none());
                token::Result::Ok(Produced::Needed(32))
            })
            .unwrap();
        assert_eq!(length, 32);
    }

    #[test]
    fn a_length_of_all_ones_does_not_make_a_slice_of_all_memory() {
        let (mut few, mut length) = ([0; 3], CK_ULONG::MAX);
        // SAFETY: nothing is written through it.
        let mut output = unsafe { Output::claim(few.as_mut_ptr(), &raw mut length) };
        output
            .fill(|room| {
                assert!(room.unwrap().len() <= limits::MESSAGE_BYTES);
                token::Result::Ok(Produced::Written(0))
            })
            .unwrap();
    }
}

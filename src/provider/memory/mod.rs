//! The caller's memory: claims about it, and the only code that follows a caller's pointer.
//!
//! A claim says nothing until it is read: it may be NULL, misaligned, too long, or overlap another
//! one. Making one is unsafe, because there the caller of a `C_` function vouches for it; reading
//! and writing it afterwards is not.

mod output;

use std::{
    ffi::CStr,
    io::{self, Read},
    os::fd::AsRawFd,
    ptr, slice,
};

use cryptoki_sys::{CK_BYTE, CK_ULONG, CK_UTF8CHAR, CK_VOID_PTR};
use token::{Reason, limits};

pub(crate) use output::{List, Output};

use crate::boundary::Result;

/// Below this address nothing is ever mapped: such a pointer is NULL, or a number that stands where
/// a pointer should, as it does in a structure of another mechanism.
const LOWEST_ADDRESS: usize = 4096;

/// Whether anything can be at an address. Every claim asks before it is believed.
pub(crate) fn is_possible<T>(address: *const T) -> bool {
    address.addr() >= LOWEST_ADDRESS
}

/// A pointer to one `T`, for reading or writing.
pub(crate) struct Pointer<T>(*mut T);

impl<T: Copy> Pointer<T> {
    /// A claim.
    ///
    /// # Safety
    /// If it is not NULL, `pointer` points to a `T`, aligned or not, until the call returns.
    pub(crate) unsafe fn claim(pointer: *mut T) -> Self {
        Self(pointer)
    }

    /// Whether the caller gave nothing.
    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    /// Refuses NULL: asked before a verb whose result could then not be told.
    pub(crate) fn required(&self) -> Result<&Self> {
        if is_possible(self.0) {
            Ok(self)
        } else {
            Err(Reason::ArgumentsBad.into())
        }
    }

    /// What it points to.
    pub(crate) fn read(&self) -> Result<T> {
        self.required()?;
        // SAFETY: not NULL, so a `T` is there (the claim); it may be misaligned.
        Ok(unsafe { self.0.read_unaligned() })
    }

    /// Writes where it points to.
    pub(crate) fn write(&self, value: T) -> Result<()> {
        self.required()?;
        // SAFETY: as in `read`; a `C_` function's out parameter is writable.
        unsafe { self.0.write_unaligned(value) };
        Ok(())
    }
}

/// An array of a caller's `T`s and their number.
pub(crate) struct Array<T> {
    first: *mut T,
    count: CK_ULONG,
}

impl<T: Copy> Array<T> {
    /// A claim.
    ///
    /// # Safety
    /// If it is not NULL, `first` points to `count` times a `T`, aligned or not, until the call
    /// returns.
    pub(crate) unsafe fn claim(first: *mut T, count: CK_ULONG) -> Self {
        Self { first, count }
    }

    /// How many there are, if that is at most `limit`; NULL has none.
    pub(crate) fn len(&self, limit: usize, beyond: Reason) -> Result<usize> {
        if self.count != 0 && !is_possible(self.first) {
            return Err(Reason::ArgumentsBad.into());
        }
        let count = usize::try_from(self.count)
            .ok()
            .filter(|count| *count <= limit);
        count.ok_or_else(|| beyond.into())
    }

    /// Each element, by its position.
    pub(crate) fn pointers(
        &self,
        limit: usize,
        beyond: Reason,
    ) -> Result<impl ExactSizeIterator<Item = Pointer<T>> + use<T>> {
        let (first, count) = (self.first, self.len(limit, beyond)?);
        // The addresses stay inside of the claimed array.
        Ok((0..count).map(move |position| Pointer(first.wrapping_add(position))))
    }

    /// Writes `values` to the array's beginning; the caller of this function knows that they fit.
    pub(crate) fn write(&self, values: &[T]) -> Result<()> {
        let count = self
            .len(usize::MAX, Reason::ArgumentsBad)?
            .min(values.len());
        if count > 0 {
            let (from, to) = (values.as_ptr().cast::<u8>(), self.first.cast::<u8>());
            // SAFETY: not NULL, so `count` elements are there and writable (the claim), aligned or
            // not, which bytes need not be; what the library answers lies in memory of its own.
            unsafe { ptr::copy_nonoverlapping(from, to, count * size_of::<T>()) };
        }
        Ok(())
    }
}

/// A text that ends with a NUL.
pub(crate) struct Text(*const CK_UTF8CHAR);

impl Text {
    /// A claim.
    ///
    /// # Safety
    /// If it is not NULL, `first` points to bytes of which one is zero, until the call returns.
    pub(crate) unsafe fn claim(first: *const CK_UTF8CHAR) -> Self {
        Self(first)
    }

    /// Whether the caller gave nothing.
    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    /// Whether it is `text`; reads no further than to the first difference.
    pub(crate) fn is(&self, text: &CStr) -> bool {
        // SAFETY: the text goes on at `position`, since all bytes before it were those of `text`
        // and none of them was its NUL.
        let byte = |position| unsafe { *self.0.wrapping_add(position) };
        let mut expected = text.to_bytes_with_nul().iter().enumerate();
        is_possible(self.0) && expected.all(|(position, expected)| byte(position) == *expected)
    }
}

/// An address that nobody vouches for: it may be a number of another kind.
pub(crate) struct Rumour(pub(crate) CK_VOID_PTR);

impl Rumour {
    /// The text that ends within `limit` bytes, if there is one.
    pub(crate) fn text(&self, limit: usize) -> Option<String> {
        let mut text = Vec::new();
        for position in 0..limit {
            match self.bytes::<1>(position)? {
                [0] => return String::from_utf8(text).ok(),
                byte => text.extend(byte),
            }
        }
        None
    }

    /// The number, if there is one.
    pub(crate) fn number(&self) -> Option<CK_ULONG> {
        self.bytes(0).map(CK_ULONG::from_ne_bytes)
    }

    /// The bytes from `position` on. The kernel is asked to read them, because it answers a bad
    /// address with an error.
    fn bytes<const LENGTH: usize>(&self, position: usize) -> Option<[u8; LENGTH]> {
        let (mut reader, writer) = io::pipe().ok()?;
        let address = self.0.cast::<CK_BYTE>().wrapping_add(position);
        // SAFETY: the address is not followed in this process, and the kernel checks it. So few
        // bytes always have room in the pipe.
        let written = unsafe { libc::write(writer.as_raw_fd(), address.cast(), LENGTH) };
        if usize::try_from(written) != Ok(LENGTH) {
            return None;
        }
        let mut bytes = [0; LENGTH];
        reader.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }
}

/// Bytes to be read.
pub(crate) struct Input {
    first: *const CK_BYTE,
    length: CK_ULONG,
}

impl Input {
    /// A claim.
    ///
    /// # Safety
    /// If it is not NULL, `first` points to `length` bytes that nobody changes until the call
    /// returns.
    pub(crate) unsafe fn claim(first: *const CK_BYTE, length: CK_ULONG) -> Self {
        Self { first, length }
    }

    /// No bytes.
    pub(crate) fn none() -> Self {
        Self {
            first: std::ptr::null(),
            length: 0,
        }
    }

    /// Whether the caller gave nothing.
    pub(crate) fn is_null(&self) -> bool {
        self.first.is_null()
    }

    /// The claim itself, for who knows what is at the address.
    pub(crate) fn address(&self) -> (*const CK_BYTE, CK_ULONG) {
        (self.first, self.length)
    }

    /// The bytes, if there are at most `limit`. NULL is legal for none.
    pub(crate) fn bytes(&self, limit: usize, beyond: Reason) -> Result<&[u8]> {
        if self.length == 0 {
            return Ok(&[]);
        }
        if !is_possible(self.first) {
            return Err(Reason::ArgumentsBad.into());
        }
        match usize::try_from(self.length) {
            Ok(length) if length <= limit => {
                // SAFETY: not NULL, so `length` bytes are there (the claim); the limit is far
                // below isize::MAX.
                Ok(unsafe { slice::from_raw_parts(self.first, length) })
            }
            _ => Err(beyond.into()),
        }
    }

    /// The bytes of what stands beside a verb's data: a signature, or additional data.
    pub(crate) fn beside(&self, beyond: Reason) -> Result<&[u8]> {
        self.bytes(limits::PARAMETER_BYTES, beyond)
    }

    /// The bytes of a verb's data.
    pub(crate) fn data(&self, beyond: Reason) -> Result<&[u8]> {
        self.bytes(limits::DATA_BYTES, beyond)
    }
}

/// A buffer of a fixed length, to be filled.
pub(crate) struct Room {
    first: *mut CK_BYTE,
    length: CK_ULONG,
}

impl Room {
    /// A claim.
    ///
    /// # Safety
    /// If it is not NULL, `first` points to `length` writable bytes that nobody else touches until
    /// the call returns.
    pub(crate) unsafe fn claim(first: *mut CK_BYTE, length: CK_ULONG) -> Self {
        Self { first, length }
    }

    /// The buffer; NULL is refused.
    pub(crate) fn bytes(&mut self) -> Result<&mut [u8]> {
        if self.length == 0 && !self.first.is_null() {
            return Ok(&mut []);
        }
        let length = usize::try_from(self.length)
            .ok()
            .filter(|length| isize::try_from(*length).is_ok());
        match length {
            Some(length) if is_possible(self.first) => {
                // SAFETY: not NULL, so `length` writable bytes are there (the claim), and not more
                // than isize::MAX.
                Ok(unsafe { slice::from_raw_parts_mut(self.first, length) })
            }
            _ => Err(Reason::ArgumentsBad.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::Error;

    #[test]
    fn null_with_a_length_is_refused_and_null_without_is_empty() {
        // SAFETY: NULL is always a legal claim.
        let claim = |length| unsafe { Input::claim(std::ptr::null(), length) };
        let (some, none) = (claim(1), claim(0));
        assert!(some.bytes(8, Reason::DataLenRange).is_err());
        assert!(
            none.bytes(8, Reason::DataLenRange)
                .is_ok_and(<[u8]>::is_empty)
        );
    }

    #[test]
    fn a_claim_beyond_the_limit_is_never_read() {
        // SAFETY: not true, and that is the test: the claim must not be believed.
        let claim = unsafe { Input::claim(b"few".as_ptr(), CK_ULONG::MAX) };
        assert!(matches!(
            claim.bytes(8, Reason::DataLenRange),
            Err(Error::Hsm(error)) if error.reason == Reason::DataLenRange
        ));
    }

    #[test]
    fn a_number_is_no_address_whatever_it_claims_to_be() {
        const NUMBER: *mut u64 = std::ptr::without_provenance_mut(70);
        // SAFETY: not true, and that is the test, as above: none of these must be believed.
        let pointer = unsafe { Pointer::claim(NUMBER) };
        assert!(pointer.read().is_err() && pointer.write(1).is_err());
        // SAFETY: the same.
        let array = unsafe { Array::claim(NUMBER, 1) };
        assert!(array.pointers(1, Reason::DataLenRange).is_err() && array.write(&[1]).is_err());
        // SAFETY: the same.
        let text = unsafe { Text::claim(NUMBER.cast()) };
        assert!(!text.is(c"PKCS 11"));
        // SAFETY: the same.
        let mut room = unsafe { Room::claim(NUMBER.cast(), 1) };
        assert!(room.bytes().is_err());
        let mut length = 8;
        // SAFETY: the same.
        let mut output = unsafe { Output::claim(NUMBER.cast(), &raw mut length) };
        assert!(
            output
                .fill(|_| token::Result::Ok(token::Produced::Written(1)))
                .is_err()
        );
        // SAFETY: the same.
        let list = unsafe { List::claim(NUMBER, &raw mut length) };
        assert!(list.fill(&[1]).is_err());
        // Many languages have such an address for what is empty.
        // SAFETY: nothing is there, and nothing is claimed to be.
        let input = unsafe { Input::claim(NUMBER.cast(), 0) };
        // SAFETY: the same.
        let mut room = unsafe { Room::claim(NUMBER.cast(), 0) };
        assert!(input.data(Reason::DataLenRange).is_ok() && room.bytes().is_ok());
    }

    #[test]
    fn a_rumour_is_no_crash() {
        static LENGTH: CK_ULONG = 7;
        let text = |address| Rumour(address).text(16);
        assert_eq!(text(std::ptr::without_provenance_mut(1)), None);
        assert_eq!(
            text(c"start=never".as_ptr().cast_mut().cast()).as_deref(),
            Some("start=never")
        );
        assert_eq!(
            text(c"longer than sixteen".as_ptr().cast_mut().cast()),
            None
        );
        let number = |address| Rumour(address).number();
        assert_eq!(number(std::ptr::without_provenance_mut(70_000)), None);
        assert_eq!(number((&raw const LENGTH).cast_mut().cast()), Some(LENGTH));
    }

    #[test]
    fn a_number_is_read_and_written_where_it_is_not_aligned() {
        let mut bytes = [0_u8; 16];
        // SAFETY: eight bytes from the second on are inside of the array.
        let place = unsafe { Pointer::<u64>::claim(bytes.as_mut_ptr().wrapping_add(1).cast()) };
        place.write(0x0102_0304_0506_0708).unwrap();
        assert_eq!(place.read().unwrap(), 0x0102_0304_0506_0708);
    }
}

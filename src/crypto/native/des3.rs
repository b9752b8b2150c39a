//! Triple DES with expanded keys in locked memory: whole blocks in ECB and CBC. Legacy.

use std::ffi::c_int;

use super::sys;
use crate::{Error, Result, locked::Region};

/// Bytes in a block.
pub const BLOCK: usize = 8;

/// Three expanded keys, one after the other.
pub(crate) struct Schedules(Region);

impl Schedules {
    /// Expands a key of three parts; their parity bits do not count.
    pub(crate) fn new(key: &[u8; 24]) -> Self {
        let mut region = Region::zeroed(3 * size_of::<sys::DES_key_schedule>());
        let schedules: *mut sys::DES_key_schedule = region.bytes_mut().as_mut_ptr().cast();
        for (place, part) in key.as_chunks::<BLOCK>().0.iter().enumerate() {
            // SAFETY: a key has three parts, and the region has room for three schedules.
            let schedule = unsafe { schedules.add(place) };
            // SAFETY: the part has 8 bytes, and the schedule is inside the region and aligned.
            unsafe { sys::DES_set_key_unchecked(part.as_ptr().cast(), schedule) }
        }
        Self(region)
    }

    /// One block in place.
    pub(crate) fn block(&self, encrypt: bool, block: &mut [u8; BLOCK]) {
        let [one, two, three] = self.pointers();
        let pointer: *mut sys::DES_cblock = block.as_mut_ptr().cast();
        // SAFETY: the block is read before it is written, and the schedules are initialised.
        unsafe {
            sys::DES_ecb3_encrypt(pointer, pointer, one, two, three, c_int::from(encrypt));
        }
    }

    /// CBC over whole blocks; `iv` becomes the next one.
    pub(crate) fn cbc(
        &self,
        encrypt: bool,
        iv: &mut [u8; BLOCK],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<()> {
        if !input.len().is_multiple_of(BLOCK) || input.len() != output.len() {
            return Err(Error::Length);
        }
        let [one, two, three] = self.pointers();
        // SAFETY: input and output have the same number of whole blocks and are different memory.
        unsafe {
            sys::DES_ede3_cbc_encrypt(
                input.as_ptr(),
                output.as_mut_ptr(),
                input.len(),
                one,
                two,
                three,
                iv.as_mut_ptr().cast(),
                c_int::from(encrypt),
            );
        }
        Ok(())
    }

    fn pointers(&self) -> [*const sys::DES_key_schedule; 3] {
        let first: *const sys::DES_key_schedule = self.0.bytes().as_ptr().cast();
        [0, 1, 2].map(|place| {
            // SAFETY: the region has three schedules.
            unsafe { first.add(place) }
        })
    }
}

/// Sets the last bit of each byte so that the number of ones in it is odd.
pub(crate) fn set_odd_parity(key: &mut [u8]) {
    for part in key.as_chunks_mut::<BLOCK>().0 {
        // SAFETY: the part has 8 bytes.
        unsafe { sys::DES_set_odd_parity(part.as_mut_ptr().cast()) }
    }
}

//! Where the HSM may write in a parameter: the initialisation vector, the tag.

use cryptoki_sys::{CK_BYTE, CK_ULONG};
use token::{ParametersOut, Reason};

use crate::{boundary::Result, memory::Room};

/// The places; as long as the call lasts, they are the caller's to vouch for.
#[derive(Default)]
pub(crate) struct Places {
    pub(super) iv: Option<Place>,
    pub(super) tag: Option<Place>,
}

/// An address and how much fits there.
#[derive(Clone, Copy)]
pub(super) struct Place {
    first: *mut CK_BYTE,
    length: CK_ULONG,
}

impl Place {
    /// A place, unless it is NULL.
    pub(super) fn at(first: *mut CK_BYTE, length: CK_ULONG) -> Option<Self> {
        (!first.is_null()).then_some(Self { first, length })
    }

    fn write(self, bytes: &[u8]) -> Result<()> {
        let length = bytes.len() as CK_ULONG;
        if length > self.length {
            return Err(Reason::Internal.into());
        }
        // SAFETY: who vouches for a mechanism vouches for the places in its parameter, whose
        // lengths the parameter says; nothing else is read or written while this slice lives.
        let mut room = unsafe { Room::claim(self.first, length) };
        room.bytes()?.copy_from_slice(bytes);
        Ok(())
    }
}

impl Places {
    /// Gives the caller what the HSM wrote.
    pub(crate) fn write(&self, written: Option<&ParametersOut>) -> Result<()> {
        let Some(written) = written else {
            return Ok(());
        };
        for (place, bytes) in [(self.iv, &written.iv), (self.tag, &written.tag)] {
            match place {
                Some(place) if !bytes.is_empty() => place.write(bytes)?,
                _ => {}
            }
        }
        Ok(())
    }
}

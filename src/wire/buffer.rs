//! Bytes of a connection, kept from verb to verb: it grows without leaving copies behind and is
//! overwritten after each verb, because anything in it may have been a PIN or a plaintext.

use std::hint::black_box;

/// What a buffer starts with: one verb with a few kibibytes of data.
const FIRST: usize = 16 * 1024;
/// What a buffer may keep; a larger one is given back after its verb.
const KEPT: usize = 256 * 1024;

/// A growing run of bytes, all of it initialised, of which the first `len` are in use.
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    len: usize,
    /// Up to where it has been written since it was last erased.
    high: usize,
    kept: usize,
}

impl Buffer {
    pub(crate) fn new() -> Self {
        Self::keeping(KEPT)
    }

    /// One that keeps up to `kept` bytes.
    pub(crate) fn keeping(kept: usize) -> Self {
        Self {
            bytes: vec![0; FIRST],
            len: 0,
            high: 0,
            kept,
        }
    }

    /// The bytes in use.
    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The bytes behind those in use, at least `wanted` of them.
    pub(crate) fn room(&mut self, wanted: usize) -> &mut [u8] {
        self.reserve(wanted);
        self.bytes.get_mut(self.len..).unwrap_or_default()
    }

    /// The bytes behind those in use, at least one of them; more, but not beyond `most` bytes in all,
    /// if there have to be new ones.
    pub(crate) fn room_of(&mut self, most: usize) -> &mut [u8] {
        if self.free() == 0 {
            let doubled = self.bytes.len().saturating_mul(2).min(most);
            self.grow(doubled.max(self.len + 1));
        }
        self.bytes.get_mut(self.len..).unwrap_or_default()
    }

    /// How many bytes are free without growing.
    fn free(&self) -> usize {
        self.bytes.len() - self.len
    }

    /// Says that `count` bytes of the room are in use now.
    pub(crate) fn advance(&mut self, count: usize) {
        self.len = self.len.saturating_add(count).min(self.bytes.len());
        self.high = self.high.max(self.len);
    }

    /// Exactly `len` bytes, to be written by somebody else.
    pub(crate) fn of_len(&mut self, len: usize) -> &mut [u8] {
        self.len = 0;
        if len > self.bytes.len() {
            self.grow(len);
        }
        self.advance(len);
        self.bytes.get_mut(..len).unwrap_or_default()
    }

    /// Only the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    pub(crate) fn extend(&mut self, more: &[u8]) {
        if let Some(room) = self.room(more.len()).get_mut(..more.len()) {
            room.copy_from_slice(more);
        }
        self.advance(more.len());
    }

    /// Overwrites `bytes` from `offset` on.
    pub(crate) fn put(&mut self, offset: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(offset..offset + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    /// Takes the first `count` bytes away and moves the rest to the front.
    pub(crate) fn consume(&mut self, count: usize) {
        let count = count.min(self.len);
        self.bytes.copy_within(count..self.len, 0);
        self.len -= count;
    }

    /// Overwrites everything that is not in use any more, and gives memory back that one large
    /// verb had needed.
    pub(crate) fn erase(&mut self) {
        if let Some(stale) = self.bytes.get_mut(self.len..self.high) {
            overwrite(stale);
        }
        self.high = self.len;
        if self.bytes.len() > self.kept && self.len == 0 {
            self.bytes = vec![0; FIRST];
        }
    }

    /// Forgets and overwrites all of it.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.erase();
    }

    fn reserve(&mut self, more: usize) {
        let needed = self.len.saturating_add(more);
        if needed > self.bytes.len() {
            self.grow(needed.max(self.bytes.len().saturating_mul(2)));
        }
    }

    /// To `len` bytes.
    fn grow(&mut self, len: usize) {
        let mut grown = vec![0; len];
        if let (Some(place), Some(old)) = (grown.get_mut(..self.len), self.bytes.get(..self.len)) {
            place.copy_from_slice(old);
        }
        let mut old = std::mem::replace(&mut self.bytes, grown);
        overwrite(&mut old);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        overwrite(&mut self.bytes);
    }
}

/// Overwrites `bytes` at the speed of a `memset`, where a volatile write for each byte would cost
/// more than the socket does; what is seen by `black_box` cannot be left out.
fn overwrite(bytes: &mut [u8]) {
    bytes.fill(0);
    black_box(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_keeps_what_is_in_use() {
        let mut buffer = Buffer::new();
        let bytes: Vec<u8> = (0..FIRST + 5).map(|n| n.to_le_bytes()[0]).collect();
        buffer.extend(&bytes);
        assert_eq!(buffer.filled(), bytes);
    }

    #[test]
    fn it_takes_no_more_than_a_verb_has() {
        let mut buffer = Buffer::new();
        let promised = 3 * FIRST + 5;
        while buffer.len() < promised {
            let room = buffer.room_of(promised).len();
            buffer.advance(room);
        }
        assert_eq!(buffer.bytes.len(), promised);
        buffer.of_len(promised + 1);
        assert_eq!(buffer.bytes.len(), promised + 1);
    }

    #[test]
    fn nothing_of_a_verb_is_left_in_it() {
        let mut buffer = Buffer::new();
        buffer.extend(b"secret and more");
        buffer.consume(6);
        buffer.consume(9);
        buffer.erase();
        assert!(buffer.bytes.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_large_verb_is_not_kept() {
        let mut buffer = Buffer::new();
        buffer.of_len(1 << 20);
        buffer.clear();
        assert_eq!(buffer.bytes.len(), FIRST);
    }
}

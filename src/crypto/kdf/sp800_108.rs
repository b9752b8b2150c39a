//! SP 800-108: a pseudo-random function over an input that the caller composes, as often as the
//! output needs it.

use zeroize::Zeroizing;

use crate::{Error, Result, Secret, aes, cmac, des3, hash::Hash, hmac};

/// Bytes in the longest number.
const NUMBER_LEN: usize = 8;
/// Bytes in the longest output of a function.
const MAX_LEN: usize = crate::hash::MAX_LEN;

/// The pseudo-random function, with its key.
#[derive(Clone, Copy)]
pub enum Prf<'a> {
    /// HMAC over a hash.
    Hmac(Hash, &'a hmac::Key),
    /// CMAC over AES.
    Aes(&'a aes::Key),
    /// CMAC over triple DES.
    Des3(&'a des3::Key),
}

impl Prf<'_> {
    /// Bytes in an output: a segment.
    #[allow(clippy::len_without_is_empty)] // No segment is empty.
    pub fn len(&self) -> usize {
        match self {
            Prf::Hmac(hash, _) => hash.len(),
            Prf::Aes(_) => aes::BLOCK,
            Prf::Des3(_) => des3::BLOCK,
        }
    }

    fn code(&self, input: &[u8], output: &mut [u8]) -> Result<()> {
        let mut stream = match self {
            Prf::Hmac(hash, key) => return key.code(*hash, &[input], output),
            Prf::Aes(key) => cmac::Stream::aes(key)?,
            Prf::Des3(key) => cmac::Stream::des3(key)?,
        };
        stream.update(input)?;
        stream.finish(output)
    }
}

/// What the iterations have in common.
#[derive(Clone, Copy)]
pub enum Mode<'a> {
    /// §4.1: the iteration variable is a counter of this shape.
    Counter(Number),
    /// §4.2: it is the output of the iteration before; of the first one, this.
    Feedback(&'a [u8]),
    /// §4.3: it is what a second run of the function makes of the rest of the input.
    DoublePipeline,
}

/// How a number is written.
#[derive(Clone, Copy)]
pub struct Number {
    /// Its width: one to eight bytes.
    pub bytes: usize,
    /// Whether its smallest byte comes first.
    pub little_endian: bool,
}

impl Number {
    fn write(self, value: u64, to: &mut Vec<u8>) {
        // Only the lowest bytes: SP 800-108 §3, a length modulo its width.
        if self.little_endian {
            to.extend(value.to_le_bytes().iter().take(self.bytes));
        } else {
            to.extend(value.to_be_bytes().iter().skip(8 - self.bytes.min(8)));
        }
    }
}

/// A part of the input of each iteration.
#[derive(Clone, Copy)]
pub enum Part<'a> {
    /// The iteration variable.
    Iteration,
    /// A counter, where the iteration variable is none.
    Counter(Number),
    /// The number of bits that are derived, as the caller counts them.
    Length(Number, u64),
    /// A label, a separator, a context, another key.
    Bytes(&'a [u8]),
}

impl Part<'_> {
    /// Bytes that it has in each input, without the iteration variable.
    fn len(&self) -> usize {
        match self {
            Part::Iteration => 0,
            Part::Counter(number) | Part::Length(number, _) => number.bytes,
            Part::Bytes(bytes) => bytes.len(),
        }
    }
}

/// Derives `segments` outputs of the function, one after the other.
pub fn derive(prf: Prf<'_>, mode: Mode<'_>, parts: &[Part<'_>], segments: usize) -> Result<Secret> {
    let last = u64::try_from(segments).map_err(|_| Error::Length)?;
    let counters = parts.iter().filter_map(|part| match (part, mode) {
        (Part::Iteration, Mode::Counter(number)) => Some(number),
        (Part::Counter(number), _) => Some(*number),
        _ => None,
    });
    // A counter never comes round: §4.1.
    let bits = |number: Number| u32::try_from(8 * number.bytes).unwrap_or(u32::MAX);
    let room = counters.map(|number| 1_u64.checked_shl(bits(number)));
    if room.flatten().any(|room| last >= room) {
        return Err(Error::Length);
    }
    // Parts can be keys: a buffer that grew would leave them behind.
    let fixed: usize = parts.iter().map(Part::len).sum();
    let first = match mode {
        Mode::Feedback(first) => first.len(),
        Mode::Counter(_) | Mode::DoublePipeline => 0,
    };
    let mut variable = buffer(fixed.max(first).max(prf.len()));
    match mode {
        Mode::Counter(_) => {}
        Mode::Feedback(first) => variable.extend_from_slice(first),
        Mode::DoublePipeline => parts.iter().for_each(|part| match part {
            Part::Length(number, value) => number.write(*value, &mut variable),
            Part::Bytes(bytes) => variable.extend_from_slice(bytes),
            Part::Iteration | Part::Counter(_) => {}
        }),
    }
    let mut segment = Zeroizing::new([0; MAX_LEN]);
    let segment = segment.get_mut(..prf.len()).ok_or(Error::Library)?;
    let iterations = parts
        .iter()
        .filter(|part| matches!(part, Part::Iteration))
        .count();
    let mut input = buffer(fixed + iterations * variable.capacity().max(NUMBER_LEN));
    Secret::filled(segments * prf.len(), |output| {
        for (number, place) in (1..=last).zip(output.chunks_exact_mut(prf.len())) {
            if let Mode::DoublePipeline = mode {
                prf.code(&variable, segment)?;
                replace(&mut variable, segment);
            }
            input.clear();
            for part in parts {
                match (part, mode) {
                    (Part::Iteration, Mode::Counter(shape)) => shape.write(number, &mut input),
                    (Part::Iteration, _) => input.extend_from_slice(&variable),
                    (Part::Counter(shape), _) => shape.write(number, &mut input),
                    (Part::Length(shape, value), _) => shape.write(*value, &mut input),
                    (Part::Bytes(bytes), _) => input.extend_from_slice(bytes),
                }
            }
            prf.code(&input, segment)?;
            if let Mode::Feedback(_) = mode {
                replace(&mut variable, segment);
            }
            place.copy_from_slice(segment);
        }
        Ok(())
    })
}

/// An empty buffer that is erased, with room for `len` bytes.
fn buffer(len: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(len))
}

/// Makes `bytes`, for which it has room, the contents of `buffer`.
fn replace(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.clear();
    buffer.extend_from_slice(bytes);
}

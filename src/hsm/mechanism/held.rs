//! Operations in parts that give nothing before their end: a plaintext whose tag was not checked
//! must not be seen (SP 800-38D §7.2), and some modes need all of their input at once.

use crypto::{Zeroize, Zeroizing};
use token::{Reason, Result, limits};

use super::{Parts, Transformation, Use};

/// The input so far.
pub(super) struct Held {
    column: &'static dyn Transformation,
    input: Zeroizing<Vec<u8>>,
    /// What more input than a call may have is.
    too_long: Reason,
}

impl Held {
    /// Nothing yet of what `column` will decrypt as a whole.
    pub(super) fn of(column: &'static dyn Transformation) -> Self {
        Self {
            column,
            input: Zeroizing::default(),
            too_long: Reason::EncryptedDataLenRange,
        }
    }

    /// Nothing yet of what `column` will encrypt as a whole.
    pub(super) fn before(column: &'static dyn Transformation) -> Self {
        Self {
            too_long: Reason::DataLenRange,
            ..Self::of(column)
        }
    }
}

impl Parts for Held {
    fn update_len(&self, _input_len: usize) -> usize {
        0
    }

    fn keeps_input(&self) -> bool {
        true
    }

    fn update(&mut self, _with: Use<'_>, input: &[u8], _output: &mut [u8]) -> Result<()> {
        if input.len() > limits::DATA_BYTES - self.input.len() {
            return Err(self.too_long.into());
        }
        let len = self.input.len() + input.len();
        if len > self.input.capacity() {
            // A vector that grows leaves its old bytes where they were.
            let mut grown = Vec::with_capacity(len.next_power_of_two());
            grown.extend_from_slice(&self.input);
            let mut old = std::mem::replace(&mut *self.input, grown);
            old.zeroize();
        }
        self.input.extend_from_slice(input);
        Ok(())
    }

    fn finish_len(&self, with: Use<'_>) -> Result<usize> {
        let exact = self.column.exact_len(with, &self.input)?;
        match exact {
            Some(len) => Ok(len),
            None => Ok(self.column.begin(with)?.of(self.input.len())),
        }
    }

    fn finish(self: Box<Self>, with: Use<'_>, output: &mut [u8]) -> Result<()> {
        self.column.whole(with, &self.input, output)
    }
}

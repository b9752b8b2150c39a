//! Decryption in parts that gives nothing before its end: plaintext whose tag was not checked must
//! not be seen (SP 800-38D §7.2), so the ciphertext waits for its tag.

use token::{Reason, Result, limits};

use super::{Parts, Transformation, Use};

/// The ciphertext so far.
pub(super) struct Held {
    column: &'static dyn Transformation,
    ciphertext: Vec<u8>,
}

impl Held {
    /// Nothing yet of what `column` will decrypt as a whole.
    pub(super) fn of(column: &'static dyn Transformation) -> Self {
        Self {
            column,
            ciphertext: Vec::new(),
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
        if input.len() > limits::DATA_BYTES - self.ciphertext.len() {
            return Err(Reason::EncryptedDataLenRange.into());
        }
        self.ciphertext.extend_from_slice(input);
        Ok(())
    }

    fn finish_len(&self, with: Use<'_>) -> Result<usize> {
        Ok(self.column.begin(with)?.of(self.ciphertext.len()))
    }

    fn finish(self: Box<Self>, with: Use<'_>, output: &mut [u8]) -> Result<()> {
        self.column.whole(with, &self.ciphertext, output)
    }
}

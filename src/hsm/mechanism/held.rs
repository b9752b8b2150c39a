//! Operations in parts that give nothing before their end: a plaintext whose tag was not checked
//! must not be seen (SP 800-38D §7.2), and some algorithms need all of their input at once.

use crypto::{Zeroize, Zeroizing};
use token::{Reason, Result, limits};

use super::{Parts, Transformation, Use, Verification, VerificationParts};

/// The input so far.
struct Input {
    bytes: Zeroizing<Vec<u8>>,
    /// What more input than a call may have is.
    too_long: Reason,
}

impl Input {
    fn none(too_long: Reason) -> Self {
        let bytes = Zeroizing::default();
        Self { bytes, too_long }
    }

    fn add(&mut self, input: &[u8]) -> Result<()> {
        if input.len() > limits::DATA_BYTES - self.bytes.len() {
            return Err(self.too_long.into());
        }
        let len = self.bytes.len() + input.len();
        if len > self.bytes.capacity() {
            // A vector that grows leaves its old bytes where they were.
            let mut grown = Vec::with_capacity(len.next_power_of_two());
            grown.extend_from_slice(&self.bytes);
            let mut old = std::mem::replace(&mut *self.bytes, grown);
            old.zeroize();
        }
        self.bytes.extend_from_slice(input);
        Ok(())
    }
}

/// A transformation that waits for all of its input.
pub(super) struct Held {
    column: &'static dyn Transformation,
    input: Input,
}

impl Held {
    /// Nothing yet of what `column` will decrypt as a whole.
    pub(super) fn of(column: &'static dyn Transformation) -> Self {
        let input = Input::none(Reason::EncryptedDataLenRange);
        Self { column, input }
    }

    /// Nothing yet of what `column` will encrypt or sign as a whole.
    pub(super) fn before(column: &'static dyn Transformation) -> Self {
        let input = Input::none(Reason::DataLenRange);
        Self { column, input }
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
        self.input.add(input)
    }

    fn finish_len(&self, with: Use<'_>) -> Result<usize> {
        let exact = self.column.exact_len(with, &self.input.bytes)?;
        match exact {
            Some(len) => Ok(len),
            None => Ok(self.column.begin(with)?.of(self.input.bytes.len())),
        }
    }

    fn finish(self: Box<Self>, with: Use<'_>, output: &mut [u8]) -> Result<()> {
        self.column.whole(with, &self.input.bytes, output)
    }
}

/// A verification that waits for all of its input.
pub(super) struct HeldVerification {
    column: &'static dyn Verification,
    input: Input,
}

impl HeldVerification {
    /// Nothing yet of what `column` will verify as a whole.
    pub(super) fn of(column: &'static dyn Verification) -> Self {
        let input = Input::none(Reason::DataLenRange);
        Self { column, input }
    }
}

impl VerificationParts for HeldVerification {
    fn keeps_input(&self) -> bool {
        true
    }

    fn update(&mut self, _with: Use<'_>, input: &[u8]) -> Result<()> {
        self.input.add(input)
    }

    fn check(self: Box<Self>, with: Use<'_>, signature: &[u8]) -> Result<()> {
        self.column.whole(with, &self.input.bytes, signature)
    }
}

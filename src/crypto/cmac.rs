//! CMAC (SP 800-38B) over AES and triple DES.

use crate::{Error, Result, aes, des3, native::cmac as native};

/// A code whose input comes in parts.
pub struct Stream {
    stream: native::Stream,
    len: usize,
}

impl Stream {
    /// Over AES: the code has 16 bytes.
    pub fn aes(key: &aes::Key) -> Result<Self> {
        let stream = native::Stream::aes(key.value().reveal())?;
        let len = aes::BLOCK;
        Ok(Self { stream, len })
    }

    /// Over triple DES, not DES alone: the code has 8 bytes.
    pub fn des3(key: &des3::Key) -> Result<Self> {
        let stream = native::Stream::des3(&*key.keys()?)?;
        let len = des3::BLOCK;
        Ok(Self { stream, len })
    }

    /// More of the input.
    pub fn update(&mut self, input: &[u8]) -> Result<()> {
        self.stream.update(input)
    }

    /// The code, at the beginning of `output`.
    pub fn finish(self, output: &mut [u8]) -> Result<()> {
        let code = self.stream.finish()?;
        let code = code.get(..self.len).ok_or(Error::Library)?;
        output
            .get_mut(..self.len)
            .ok_or(Error::Length)?
            .copy_from_slice(code);
        Ok(())
    }
}

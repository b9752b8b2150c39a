//! Modes over whole blocks, all at once and in parts: `CKM_AES_ECB`, `CKM_AES_CBC` and
//! `CKM_AES_CBC_PAD` (SP 800-38A; padding: RFC 5652 §6.3).

use crypto::{
    Zeroizing,
    aes::{BLOCK, Key},
};
use token::{OutputBound, Parameters, Reason, Result};

use super::{Parts, Transformation, Use, failure::internal};

/// How blocks depend on each other, and what becomes of an input that does not fill them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Ecb,
    Cbc,
    CbcPad,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Encrypt,
    Decrypt,
}

/// A column: a mode in one direction.
pub(super) struct Blocks(pub(super) Mode, pub(super) Direction);

impl Blocks {
    fn chain(&self, with: Use<'_>) -> Result<Chain> {
        let iv = match (self.0, with.parameters) {
            (Mode::Ecb, Parameters::None) => [0; BLOCK],
            (Mode::Cbc | Mode::CbcPad, Parameters::Iv(iv)) => iv
                .as_slice()
                .try_into()
                .map_err(|_| Reason::MechanismParamInvalid)?,
            _ => return Err(Reason::MechanismParamInvalid.into()),
        };
        let held = Zeroizing::new([0; BLOCK]);
        Ok(Chain {
            mode: self.0,
            direction: self.1,
            iv,
            held,
            held_len: 0,
        })
    }
}

impl Transformation for Blocks {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        self.chain(with)?;
        let padded_to = match (self.0, self.1) {
            (Mode::CbcPad, Direction::Encrypt) => BLOCK as u64,
            _ => 0,
        };
        Ok(OutputBound {
            per_input: true,
            removed: 0,
            added: 0,
            padded_to,
        })
    }

    fn exact_len(&self, with: Use<'_>, input: &[u8]) -> Result<Option<usize>> {
        if (self.0, self.1) != (Mode::CbcPad, Direction::Decrypt) {
            return Ok(None);
        }
        // How much padding there is stands in the last block, which needs the one before it.
        let mut chain = self.chain(with)?;
        let (before, last) = input
            .split_last_chunk::<BLOCK>()
            .ok_or(Reason::EncryptedDataLenRange)?;
        if !before.len().is_multiple_of(BLOCK) {
            return Err(Reason::EncryptedDataLenRange.into());
        }
        chain.iv = before.last_chunk().copied().unwrap_or(chain.iv);
        chain.hold(last);
        Ok(Some(before.len() + chain.finish_len(with)?))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let mut chain = self.chain(with)?;
        let (body, rest) = output
            .split_at_mut_checked(chain.update_len(input.len()))
            .ok_or_else(|| chain.wrong_len())?;
        chain.update(with, input, body)?;
        chain.end(with, rest)
    }

    fn parts(&self, with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(self.chain(with)?))
    }
}

/// Where a run of blocks stands: the last ciphertext block, and input that waits for more.
struct Chain {
    mode: Mode,
    direction: Direction,
    iv: [u8; BLOCK],
    held: Zeroizing<[u8; BLOCK]>,
    held_len: usize,
}

impl Parts for Chain {
    fn update_len(&self, input_len: usize) -> usize {
        let have = self.held_len.saturating_add(input_len);
        // The last block of a padded ciphertext waits for the end: it has the padding.
        let keep = usize::from(self.unpads() && have > 0);
        (have - keep) / BLOCK * BLOCK
    }

    fn update(&mut self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let key = with.aes()?;
        let Some((first, bulk)) = output.split_first_chunk_mut::<BLOCK>() else {
            self.hold(input);
            return Ok(());
        };
        let (filling, input) = input
            .split_at_checked(BLOCK - self.held_len)
            .ok_or(Reason::Internal)?;
        self.hold(filling);
        let held = std::mem::replace(&mut self.held, Zeroizing::new([0; BLOCK]));
        self.held_len = 0;
        self.run(key, &held[..], first)?;
        let (whole, rest) = input.split_at_checked(bulk.len()).ok_or(Reason::Internal)?;
        self.run(key, whole, bulk)?;
        self.hold(rest);
        Ok(())
    }

    fn finish_len(&self, with: Use<'_>) -> Result<usize> {
        match (self.mode, self.direction) {
            (Mode::CbcPad, Direction::Encrypt) => Ok(BLOCK),
            (Mode::CbcPad, Direction::Decrypt) => Ok(self.unpadded(with)?.1),
            _ if self.held_len == 0 => Ok(0),
            _ => Err(self.wrong_len()),
        }
    }

    fn finish(mut self: Box<Self>, with: Use<'_>, output: &mut [u8]) -> Result<()> {
        self.end(with, output)
    }
}

impl Chain {
    /// The end; `output` has the length of `finish_len`, or is not an output of this input.
    fn end(&mut self, with: Use<'_>, output: &mut [u8]) -> Result<()> {
        if output.len() != self.finish_len(with)? {
            return Err(self.wrong_len());
        }
        match (self.mode, self.direction) {
            (Mode::CbcPad, Direction::Encrypt) => {
                let padding = BLOCK - self.held_len;
                let mut last = self.held.clone();
                for byte in last.iter_mut().skip(self.held_len) {
                    *byte = u8::try_from(padding).unwrap_or(0);
                }
                self.run(with.aes()?, &last[..], output)
            }
            (Mode::CbcPad, Direction::Decrypt) => {
                let (last, len) = self.unpadded(with)?;
                output.copy_from_slice(last.get(..len).ok_or(Reason::Internal)?);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The last block of a padded ciphertext, decrypted, and how many of its bytes are data.
    fn unpadded(&self, with: Use<'_>) -> Result<(Zeroizing<[u8; BLOCK]>, usize)> {
        if self.held_len != BLOCK {
            return Err(self.wrong_len());
        }
        let mut last = Zeroizing::new([0; BLOCK]);
        let mut iv = self.iv;
        with.aes()?
            .cbc_decrypt(&mut iv, &self.held[..], &mut last[..])
            .map_err(internal)?;
        // The same steps for every padding: how wrong it is must not show in the time it takes.
        let padding = last.last().copied().unwrap_or(0);
        let mut wrong = u8::from(padding == 0) | u8::from(usize::from(padding) > BLOCK);
        for (place, byte) in (1..=BLOCK).rev().zip(last.iter()) {
            wrong |= u8::from(place <= usize::from(padding)) & u8::from(*byte != padding);
        }
        match BLOCK.checked_sub(usize::from(padding)) {
            Some(len) if wrong == 0 => Ok((last, len)),
            _ => Err(Reason::EncryptedDataInvalid.into()),
        }
    }

    /// Whole blocks, from input to output.
    fn run(&mut self, key: &Key, input: &[u8], output: &mut [u8]) -> Result<()> {
        let done = match (self.mode, self.direction) {
            (Mode::Ecb, direction) => {
                output.copy_from_slice(input);
                output
                    .as_chunks_mut()
                    .0
                    .iter_mut()
                    .try_for_each(|block| match direction {
                        Direction::Encrypt => key.encrypt_block(block),
                        Direction::Decrypt => key.decrypt_block(block),
                    })
            }
            (_, Direction::Encrypt) => key.cbc_encrypt(&mut self.iv, input, output),
            (_, Direction::Decrypt) => key.cbc_decrypt(&mut self.iv, input, output),
        };
        done.map_err(internal)
    }

    /// Keeps input that fits behind what is held.
    fn hold(&mut self, input: &[u8]) {
        for (place, byte) in self.held.iter_mut().skip(self.held_len).zip(input) {
            *place = *byte;
        }
        self.held_len += input.len();
    }

    fn unpads(&self) -> bool {
        (self.mode, self.direction) == (Mode::CbcPad, Direction::Decrypt)
    }

    fn wrong_len(&self) -> token::Error {
        match self.direction {
            Direction::Encrypt => Reason::DataLenRange.into(),
            Direction::Decrypt => Reason::EncryptedDataLenRange.into(),
        }
    }
}

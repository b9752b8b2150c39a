//! Modes over whole blocks of AES and triple DES, all at once and in parts: ECB, CBC and CBC_PAD
//! (SP 800-38A; padding: RFC 5652 §6.3).

use std::marker::PhantomData;

use crypto::{Zeroizing, aes, des3};
use token::{OutputBound, Parameters, Reason, Result};

use super::{Material, Parts, Transformation, Use, failure::internal, keying::typed};

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

/// A key of a cipher whose blocks have `N` bytes.
pub(super) trait Cipher<const N: usize>: Send + Sync + 'static {
    /// The key of an operation, where it is one of this cipher.
    fn of(with: Use<'_>) -> Result<&Self>;

    fn ecb(&self, direction: Direction, block: &mut [u8; N]) -> crypto::Result<()>;

    fn cbc(
        &self,
        direction: Direction,
        iv: &mut [u8; N],
        input: &[u8],
        output: &mut [u8],
    ) -> crypto::Result<()>;
}

impl Cipher<{ aes::BLOCK }> for aes::Key {
    fn of(with: Use<'_>) -> Result<&Self> {
        with.aes()
    }

    fn ecb(&self, direction: Direction, block: &mut [u8; aes::BLOCK]) -> crypto::Result<()> {
        match direction {
            Direction::Encrypt => self.encrypt_block(block),
            Direction::Decrypt => self.decrypt_block(block),
        }
    }

    fn cbc(
        &self,
        direction: Direction,
        iv: &mut [u8; aes::BLOCK],
        input: &[u8],
        output: &mut [u8],
    ) -> crypto::Result<()> {
        match direction {
            Direction::Encrypt => self.cbc_encrypt(iv, input, output),
            Direction::Decrypt => self.cbc_decrypt(iv, input, output),
        }
    }
}

impl Cipher<{ des3::BLOCK }> for des3::Key {
    fn of(with: Use<'_>) -> Result<&Self> {
        typed(with, |material| match material {
            Material::Des3(key) => Some(key),
            _ => None,
        })
    }

    fn ecb(&self, direction: Direction, block: &mut [u8; des3::BLOCK]) -> crypto::Result<()> {
        match direction {
            Direction::Encrypt => self.encrypt_block(block),
            Direction::Decrypt => self.decrypt_block(block),
        }
        Ok(())
    }

    fn cbc(
        &self,
        direction: Direction,
        iv: &mut [u8; des3::BLOCK],
        input: &[u8],
        output: &mut [u8],
    ) -> crypto::Result<()> {
        match direction {
            Direction::Encrypt => self.cbc_encrypt(iv, input, output),
            Direction::Decrypt => self.cbc_decrypt(iv, input, output),
        }
    }
}

/// A column: a mode of a cipher in one direction.
pub(super) struct Blocks<K, const N: usize>(Mode, Direction, PhantomData<K>);

/// The columns of AES.
pub(super) type Aes = Blocks<aes::Key, { aes::BLOCK }>;
/// The columns of triple DES.
pub(super) type Des3 = Blocks<des3::Key, { des3::BLOCK }>;

impl<K, const N: usize> Blocks<K, N> {
    pub(super) const fn new(mode: Mode, direction: Direction) -> Self {
        Self(mode, direction, PhantomData)
    }
}

impl<K: Cipher<N>, const N: usize> Blocks<K, N> {
    fn chain(&self, with: Use<'_>) -> Result<Chain<K, N>> {
        let iv = match (self.0, with.parameters) {
            (Mode::Ecb, Parameters::None) => [0; N],
            (Mode::Cbc | Mode::CbcPad, Parameters::Iv(iv)) => iv
                .as_slice()
                .try_into()
                .map_err(|_| Reason::MechanismParamInvalid)?,
            _ => return Err(Reason::MechanismParamInvalid.into()),
        };
        let held = Zeroizing::new([0; N]);
        Ok(Chain {
            mode: self.0,
            direction: self.1,
            iv,
            held,
            held_len: 0,
            cipher: PhantomData,
        })
    }
}

impl<K: Cipher<N>, const N: usize> Transformation for Blocks<K, N> {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        self.chain(with)?;
        let padded_to = match (self.0, self.1) {
            (Mode::CbcPad, Direction::Encrypt) => N as u64,
            _ => 0,
        };
        Ok(OutputBound {
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
            .split_last_chunk::<N>()
            .ok_or(Reason::EncryptedDataLenRange)?;
        if !before.len().is_multiple_of(N) {
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
struct Chain<K, const N: usize> {
    mode: Mode,
    direction: Direction,
    iv: [u8; N],
    held: Zeroizing<[u8; N]>,
    held_len: usize,
    cipher: PhantomData<K>,
}

impl<K: Cipher<N>, const N: usize> Parts for Chain<K, N> {
    fn update_len(&self, input_len: usize) -> usize {
        let have = self.held_len.saturating_add(input_len);
        // The last block of a padded ciphertext waits for the end: it has the padding.
        let keep = usize::from(self.unpads() && have > 0);
        (have - keep) / N * N
    }

    fn update(&mut self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let key = K::of(with)?;
        let Some((first, bulk)) = output.split_first_chunk_mut::<N>() else {
            self.hold(input);
            return Ok(());
        };
        let (filling, input) = input
            .split_at_checked(N - self.held_len)
            .ok_or(Reason::Internal)?;
        self.hold(filling);
        let held = std::mem::replace(&mut self.held, Zeroizing::new([0; N]));
        self.held_len = 0;
        self.run(key, &held[..], first)?;
        let (whole, rest) = input.split_at_checked(bulk.len()).ok_or(Reason::Internal)?;
        self.run(key, whole, bulk)?;
        self.hold(rest);
        Ok(())
    }

    fn finish_len(&self, with: Use<'_>) -> Result<usize> {
        match (self.mode, self.direction) {
            (Mode::CbcPad, Direction::Encrypt) => Ok(N),
            (Mode::CbcPad, Direction::Decrypt) => Ok(self.unpadded(with)?.1),
            _ if self.held_len == 0 => Ok(0),
            _ => Err(self.wrong_len()),
        }
    }

    fn finish(mut self: Box<Self>, with: Use<'_>, output: &mut [u8]) -> Result<()> {
        self.end(with, output)
    }
}

impl<K: Cipher<N>, const N: usize> Chain<K, N> {
    /// The end; `output` has the length of `finish_len`, or is not an output of this input.
    fn end(&mut self, with: Use<'_>, output: &mut [u8]) -> Result<()> {
        if output.len() != self.finish_len(with)? {
            return Err(self.wrong_len());
        }
        match (self.mode, self.direction) {
            (Mode::CbcPad, Direction::Encrypt) => {
                let padding = N - self.held_len;
                let mut last = self.held.clone();
                for byte in last.iter_mut().skip(self.held_len) {
                    *byte = u8::try_from(padding).unwrap_or(0);
                }
                self.run(K::of(with)?, &last[..], output)
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
    fn unpadded(&self, with: Use<'_>) -> Result<(Zeroizing<[u8; N]>, usize)> {
        if self.held_len != N {
            return Err(self.wrong_len());
        }
        let mut last = Zeroizing::new([0; N]);
        let mut iv = self.iv;
        K::of(with)?
            .cbc(Direction::Decrypt, &mut iv, &self.held[..], &mut last[..])
            .map_err(internal)?;
        // The same steps for every padding: how wrong it is must not show in the time it takes.
        let padding = last.last().copied().unwrap_or(0);
        let mut wrong = u8::from(padding == 0) | u8::from(usize::from(padding) > N);
        for (place, byte) in (1..=N).rev().zip(last.iter()) {
            wrong |= u8::from(place <= usize::from(padding)) & u8::from(*byte != padding);
        }
        match N.checked_sub(usize::from(padding)) {
            Some(len) if wrong == 0 => Ok((last, len)),
            _ => Err(Reason::EncryptedDataInvalid.into()),
        }
    }

    /// Whole blocks, from input to output.
    fn run(&mut self, key: &K, input: &[u8], output: &mut [u8]) -> Result<()> {
        let done = match self.mode {
            Mode::Ecb => {
                output.copy_from_slice(input);
                let mut blocks = output.as_chunks_mut().0.iter_mut();
                blocks.try_for_each(|block| key.ecb(self.direction, block))
            }
            Mode::Cbc | Mode::CbcPad => key.cbc(self.direction, &mut self.iv, input, output),
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

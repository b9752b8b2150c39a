//! AES key wrap: RFC 3394 (KW), and RFC 5649 with padding (KWP); both are SP 800-38F.

use zeroize::{Zeroize, Zeroizing};

use crate::{Error, Result, Secret, aes};

/// The initial value of RFC 3394 §2.2.3.1.
pub const IV: [u8; 8] = [0xA6; 8];
/// The first half of the initial value of RFC 5649 §3.
pub const PADDED_IV: [u8; 4] = [0xA6, 0x59, 0x59, 0xA6];
/// Bytes in a half-block: wrapped values are whole half-blocks, one more than the value.
pub const HALF: usize = 8;

/// Wraps whole half-blocks, at least two, into `output`, which is a half-block longer.
pub fn wrap(key: &aes::Key, iv: &[u8; 8], value: &[u8], output: &mut [u8]) -> Result<()> {
    key.encrypting()?.wrap(iv, value, output)
}

/// Undoes [`wrap`].
pub fn unwrap(key: &aes::Key, iv: &[u8; 8], wrapped: &[u8]) -> Result<Secret> {
    Secret::filled(value_room(wrapped)?, |value| {
        key.decrypting()?.unwrap(iv, wrapped, value)
    })
}

/// Bytes in what [`wrap_padded`] makes of `len` bytes.
pub fn padded_len(len: usize) -> usize {
    len.next_multiple_of(HALF) + HALF
}

/// Wraps one byte or more into `output`, which has the length of [`padded_len`]. `iv` is the first
/// half of the initial value, [`PADDED_IV`] unless somebody agreed on another one.
pub fn wrap_padded(key: &aes::Key, iv: &[u8; 4], value: &[u8], output: &mut [u8]) -> Result<()> {
    if value.is_empty() || output.len() != padded_len(value.len()) {
        return Err(Error::Length);
    }
    if *iv == PADDED_IV {
        return key.encrypting()?.wrap_padded(value, output);
    }
    let iv = whole_iv(iv, value.len())?;
    let mut padded = Zeroizing::new(vec![0; value.len().next_multiple_of(HALF)]);
    padded
        .get_mut(..value.len())
        .ok_or(Error::Length)?
        .copy_from_slice(value);
    // RFC 5649 §4.1: a single half-block is encrypted as one block with its initial value.
    match <&[u8; HALF]>::try_from(padded.as_slice()) {
        Ok(half) => {
            let mut block = [0; aes::BLOCK];
            block[..HALF].copy_from_slice(&iv);
            block[HALF..].copy_from_slice(half);
            key.encrypt_block(&mut block)?;
            output.copy_from_slice(&block);
            Ok(())
        }
        Err(_) => wrap(key, &iv, &padded, output),
    }
}

/// Undoes [`wrap_padded`].
pub fn unwrap_padded(key: &aes::Key, iv: &[u8; 4], wrapped: &[u8]) -> Result<Secret> {
    let room = value_room(wrapped)?;
    let mut value = Zeroizing::new(vec![0; room]);
    let len = if *iv == PADDED_IV {
        key.decrypting()?.unwrap_padded(wrapped, &mut value)?
    } else {
        unwrap_other(key, iv, wrapped, &mut value)?
    };
    let value = value.get(..len).ok_or(Error::Library)?;
    Ok(Secret::from(value))
}

/// [`unwrap_padded`] where the library does not know the initial value. The value's length is a
/// part of it, and there are eight that it can be.
fn unwrap_other(key: &aes::Key, iv: &[u8; 4], wrapped: &[u8], value: &mut [u8]) -> Result<usize> {
    for padding in 0..HALF {
        let len = value.len() - padding;
        let iv = whole_iv(iv, len)?;
        let opened = match <&[u8; aes::BLOCK]>::try_from(wrapped) {
            Ok(block) => open_block(key, &iv, block, value),
            Err(_) => key.decrypting()?.unwrap(&iv, wrapped, value),
        };
        match opened {
            Ok(()) if value.iter().skip(len).all(|byte| *byte == 0) => return Ok(len),
            Ok(()) => break,
            Err(Error::Authentication) => {}
            Err(other) => return Err(other),
        }
    }
    value.zeroize();
    Err(Error::Authentication)
}

fn open_block(
    key: &aes::Key,
    iv: &[u8; HALF],
    block: &[u8; aes::BLOCK],
    value: &mut [u8],
) -> Result<()> {
    let mut block = Zeroizing::new(*block);
    key.decrypt_block(&mut block)?;
    let (head, half) = block.split_at(HALF);
    if !crate::eq(head, iv) {
        return Err(Error::Authentication);
    }
    value.copy_from_slice(half);
    Ok(())
}

fn whole_iv(head: &[u8; 4], len: usize) -> Result<[u8; HALF]> {
    let len = u32::try_from(len).map_err(|_| Error::Length)?.to_be_bytes();
    let mut iv = [0; HALF];
    iv[..4].copy_from_slice(head);
    iv[4..].copy_from_slice(&len);
    Ok(iv)
}

/// Bytes in a wrapped value that are not its initial value.
fn value_room(wrapped: &[u8]) -> Result<usize> {
    wrapped.len().checked_sub(HALF).ok_or(Error::Length)
}

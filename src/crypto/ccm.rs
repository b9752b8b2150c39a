//! AES-CCM (SP 800-38C): the length of a message is part of what is authenticated, so a message is
//! encrypted when all of it is there.

use crate::{Error, Result, aes, native::cipher::Ccm};

/// Whether SP 800-38C appendix A.1 allows nonces of this many bytes.
pub fn is_nonce_len(len: usize) -> bool {
    (7..=13).contains(&len)
}

/// Whether it allows tags of this many bytes.
pub fn is_tag_len(len: usize) -> bool {
    matches!(len, 4 | 6 | 8 | 10 | 12 | 14 | 16)
}

/// The most bytes that a message under a nonce of this many bytes can have: what is left of 15
/// bytes counts them.
pub fn max_len(nonce_len: usize) -> u64 {
    let bits = 15_usize.saturating_sub(nonce_len).min(8) * 8;
    match bits {
        64 => u64::MAX,
        bits => (1 << bits) - 1,
    }
}

/// Encrypts into `output`, which is as long as `input`, and `tag`, whose length is the tag's.
pub fn seal(
    key: &aes::Key,
    nonce: &[u8],
    additional: &[u8],
    input: &[u8],
    output: &mut [u8],
    tag: &mut [u8],
) -> Result<()> {
    message(key, nonce, additional, input, tag.len())?.seal(input, output, tag)
}

/// Checks the tag and decrypts into `output`, which is as long as `input`. Nothing of the
/// plaintext is in `output` when the tag is wrong.
pub fn open(
    key: &aes::Key,
    nonce: &[u8],
    additional: &[u8],
    input: &[u8],
    tag: &[u8],
    output: &mut [u8],
) -> Result<()> {
    message(key, nonce, additional, input, tag.len())?.open(input, tag, output)
}

fn message<'a>(
    key: &'a aes::Key,
    nonce: &'a [u8],
    additional: &'a [u8],
    input: &[u8],
    tag_len: usize,
) -> Result<Ccm<'a>> {
    if !is_nonce_len(nonce.len())
        || !is_tag_len(tag_len)
        || input.len() as u64 > max_len(nonce.len())
    {
        return Err(Error::Length);
    }
    let key = key.value().reveal();
    Ok(Ccm {
        key,
        nonce,
        additional,
    })
}
